"""Benchmarks are run by hand, so what they import could go missing unnoticed."""

import runpy
import sys
from pathlib import Path

import pytest
from accuracy import Data, direct, linear, neighbours

from pairvae.evaluation.baselines import mean_curve

BENCHMARKS = sorted((Path(__file__).parents[1] / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_a_benchmark_says_what_it_measures_and_which_options_it_takes(path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [str(path), "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(path), run_name="__main__")
    assert ended.value.code == 0
    shown = capsys.readouterr().out
    assert "options:" in shown
    first = path.read_text(encoding="utf-8").splitlines()[0].strip('"')
    assert first[:40] in shown


@pytest.mark.slow
def test_every_rival_of_the_accuracy_benchmark_predicts_better_than_the_mean_curve(tmp_path):
    data = Data(tmp_path, 72, 8, seed=1, d2o=True)
    rivals = {
        "neighbours": lambda path: neighbours(data, path),
        "ridge": lambda path: linear(data, path, "ridge"),
        "pls": lambda path: linear(data, path, "pls"),
        "perceptron": lambda path: direct(data, path, tmp_path / f"{path}_mlp", 0, 1, perceptron=True),
        "network": lambda path: direct(data, path, tmp_path / f"{path}_res", 0, 1, perceptron=False),
    }
    mean = data.errors("sans_from_saxs", mean_curve(data.curves["sans", "train"], 8)).mean()
    for name, rival in rivals.items():
        assert data.errors("sans_from_saxs", rival("sans_from_saxs")).mean() < mean, name
