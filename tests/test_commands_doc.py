"""The examples of docs/commands.md, run as they stand there."""

import re
import shlex
from pathlib import Path

import pytest
from test_workflow import snakemake

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"^```sh\n(.*?)^```", TEXT, re.M | re.S) for line in block.splitlines()]
SLOW = ("snakemake", "pairvae export")  # planned below; run by test_export.py
QUICK = [command for command in COMMANDS if not command.startswith(SLOW)]
PYTHON = "\n".join(re.findall(r"^```python\n(.*?)^```", TEXT, re.M | re.S))


@pytest.fixture
def folder(trained, tmp_path, monkeypatch):
    """A folder with the shipped curves, and a small model where the examples expect one."""
    (tmp_path / "data").symlink_to(ROOT / "data")
    for run in ("demo", "contrast"):
        (tmp_path / "results" / run).mkdir(parents=True)
        (tmp_path / "results" / run / "model").symlink_to(trained.path("model"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", QUICK)
def test_command_runs(folder, pairvae, command):
    name, *arguments = shlex.split(command)
    assert name == "pairvae"
    code, _, err = pairvae(*arguments)
    assert code == 0, err
    output = folder / arguments[arguments.index("--output") + 1] if "--output" in arguments else folder / "data"
    assert output.is_file() or any(output.iterdir())


def test_model_of_the_plans_is_trained_with_their_covariate(tmp_path):
    (command,) = (command for command in COMMANDS if command.startswith("snakemake"))
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    dry = snakemake(tmp_path, "--dry-run", "--printshellcmds", *shlex.split(command)[1:])
    assert dry.returncode == 0, dry.stdout
    assert "results/contrast/model/model.json" in dry.stdout
    assert '"covariates": ["d2o_fraction"]' in dry.stdout
    assert '"d2o_fraction": [0, 1]' in dry.stdout


@pytest.mark.usefixtures("folder")
def test_python_examples_run():
    names = {}
    exec(PYTHON, names)
    assert names["measured"].reading.repairs == {"masked": 3}
    assert names["again"].measured.any()
    assert names["codes"].novelty.shape == (1,)
    assert names["on_its_q"].draws.shape == (50, names["on_its_q"].q.size)
    assert names["found"].candidate.tolist() == [[0]]
    assert 0 < names["verdict"].p_value[0] <= 1


def test_every_command_for_a_model_has_its_section():
    from pairvae.cli import use

    sections = {word.strip() for line in re.findall(r"^## (.*)$", TEXT, re.M) for word in line.split(",")}
    assert {command.callback.__name__ for command in use.app.registered_commands} <= sections
