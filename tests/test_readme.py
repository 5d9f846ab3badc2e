"""What README promises, run as it stands there."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = [
    line
    for block in re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    for line in block.splitlines()
    if line and not line.startswith("#")
]
# The shipped example with the defaults takes minutes: the same way with few steps.
FEW_STEPS = """\
latent_dim: 8
pretrain:
  saxs: {steps: 40, architecture: {channels: [8, 16], hidden: 32}}
  sans: {steps: 40, architecture: {channels: [8, 16], hidden: 32}}
joint_train: {steps: 60}
baselines: {steps: 40}
"""


def run(command, folder):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        shlex.split(command), cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True, timeout=3600
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A folder like a fresh clone, in which every Snakemake command of README has been run in its order."""
    folder = tmp_path_factory.mktemp("clone")
    for name in ("configs", "data", "workflow"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "few_steps.yaml").write_text(FEW_STEPS)
    # README takes the demo's model; any trained one answers
    (folder / "results").mkdir()
    (folder / "results" / "demo").symlink_to(folder / "results" / "mine")
    for command in COMMANDS:
        if command.startswith("snakemake"):
            run(command if "--configfile" in command else f"{command} --configfile few_steps.yaml", folder)
    return folder


def test_readme_holds_no_command_that_is_not_tested():
    known = ("make demo", ". .venv/bin/activate", "snakemake ", "pairvae ")
    assert COMMANDS
    assert [command for command in COMMANDS if not command.startswith(known)] == []


def test_make_demo_exists():
    done = subprocess.run(["make", "--dry-run", "demo"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "snakemake" in done.stdout


@pytest.mark.slow
def test_own_curves_need_two_settings(checkout):
    results = checkout / "results" / "mine"
    assert (results / "report.html").exists()
    assert (results / "metrics.json").exists()


@pytest.mark.slow
def test_command_lines_run(checkout):
    for command in COMMANDS:
        if command.startswith("pairvae"):
            run(command, checkout)
    for name in ("predictions/micelle_03_saxs.sans.h5", "checks.csv", "matches.csv", "denoised/micelle_03.saxs.h5"):
        assert (checkout / name).exists()


@pytest.mark.slow
def test_python_example_runs(checkout, monkeypatch):
    monkeypatch.chdir(checkout)
    code = re.search(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL).group(1)
    names = {}
    exec(code, names)
    sans = names["sans"]
    assert sans.technique == "sans"
    assert (sans.lower < sans.intensity).all()
    assert (sans.intensity < sans.upper).all()
    assert sans.novelty > 0
