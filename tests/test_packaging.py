"""Environments and containers hold what the package needs."""

import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(("file", "torch"), [("pairvae", "pytorch-cpu"), ("pairvae-gpu", "pytorch-gpu")])
def test_conda_environment_has_the_bounds_of_the_package(file, torch):
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = [
        Requirement(line) for line in pyproject["project"]["dependencies"] + pyproject["build-system"]["requires"]
    ]
    environment = yaml.safe_load((ROOT / "workflow" / "envs" / f"{file}.yaml").read_text(encoding="utf-8"))
    found = {each.name: each.specifier for each in map(Requirement, environment["dependencies"])}
    assert environment["channels"] == ["conda-forge"]
    # snakemake and what it needs start the workflow; the rules do without
    started_with = ("snakemake", "pygments")
    bounds = {
        {"torch": torch, "msgpack": "msgpack-python"}.get(each.name, each.name): each.specifier
        for each in needed
        if each.name not in started_with
    }
    bounds["python"] = Requirement(f"python{pyproject['project']['requires-python']}").specifier
    tools = {"pip", "editables", "c-compiler"}  # what installs pairvae, and sasmodels' compiler
    assert found == bounds | {name: Requirement(name).specifier for name in tools}


@pytest.mark.parametrize("recipe", ["Dockerfile", "pairvae.def"])
def test_container_is_made_of_the_same_environment_and_snakemake(recipe):
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    text = (ROOT / "workflow" / "envs" / recipe).read_text(encoding="utf-8")
    (snakemake,) = (line for line in pyproject["project"]["dependencies"] if Requirement(line).name == "snakemake")
    assert f'pip install --no-cache-dir "{snakemake}"' in text
    for file in ("pairvae.yaml", "pairvae.post-deploy.sh"):
        assert f"/opt/pairvae/workflow/envs/{file}" in text


def test_the_wheel_brings_materials_systems_and_instruments(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    packed = set(ZipFile(wheel).namelist())
    data = {path.relative_to(ROOT).as_posix() for path in (ROOT / "pairvae" / "simulation").rglob("*.yaml")}
    assert len(data) > 60
    assert data <= packed
