"""Benchmarks are run by hand, so what they import could go missing unnoticed."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = sorted((Path(__file__).parents[1] / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_a_benchmark_says_what_it_measures_and_how_it_is_told(path):
    shown = subprocess.run([sys.executable, path, "--help"], capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    assert "options:" in shown.stdout
    first = path.read_text(encoding="utf-8").splitlines()[0].strip('"')
    assert first[:40] in shown.stdout
