"""`--use-conda` with a Snakemake that stands alone, and with a stand-in for conda (tests/stand_in_conda.py)."""

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

import pytest
import stand_in_conda
from packaging.requirements import Requirement
from packaging.version import Version
from test_workflow import ROOT, SNAKEFILE, TINY

ENVIRONMENTS = [ROOT / "workflow" / "envs" / name for name in ("pairvae.yaml", "pairvae-gpu.yaml")]
SHORT = (
    "pretrain={saxs: {steps: 20}, sans: {steps: 20}}",
    "joint_train={steps: 20}",
    "members=1",
    "baselines={steps: 20}",
)


def required(name, extras=()):
    """Names of a distribution and of all that it needs, as far as they are installed."""
    found, ahead = set(), [(name, tuple(extras))]
    while ahead:
        name, extras = ahead.pop()
        try:
            needs = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        if name in found and not extras:
            continue
        found.add(name)
        for need in map(Requirement, needs):
            if not need.marker or any(need.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                ahead.append((need.name, tuple(need.extras)))
    return found


@pytest.fixture(scope="module")
def snakemake_alone(tmp_path_factory):
    """Python of an environment that holds what Snakemake needs and nothing else, as links to what is installed here."""
    folder = tmp_path_factory.mktemp("snakemake_alone")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    (site,) = folder.glob("lib/python*/site-packages")
    for name in required("snakemake"):
        for top in {file.parts[0] for file in distribution(name).files or []} - {"..", "__pycache__"}:
            if not (site / top).exists():
                (site / top).symlink_to(distribution(name).locate_file(top))
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def conda(tmp_path_factory):
    """Folder with the stand-in's command."""
    return stand_in_conda.set_up(tmp_path_factory.mktemp("conda"), ENVIRONMENTS)


def run(python, folder, *arguments, conda=None):
    """Snakemake of that Python, with neither pairvae nor another conda on the path."""
    tools = [str(conda)] if conda else []
    env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CONDA", "VIRTUAL"))}
    env |= {"PATH": os.pathsep.join([*tools, str(python.parent), "/usr/bin", "/bin"])}
    return subprocess.run(
        [python, "-m", "snakemake", "--snakefile", SNAKEFILE, "--cores", "2", "--configfile", TINY, *arguments],
        cwd=folder,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=3600,
    )


def test_environment_of_snakemake_alone_has_nothing_else(snakemake_alone):
    others = ("pairvae", "torch", "lightning", "numpy", "pandas", "h5py", "sasmodels")
    code = f"import importlib.util as u; print([name for name in {others} if u.find_spec(name)])"
    done = subprocess.run([snakemake_alone, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_snakemake_alone_makes_the_plan(snakemake_alone, conda, tmp_path):
    dry = run(snakemake_alone, tmp_path, "--dry-run", "--use-conda", conda=conda)
    assert dry.returncode == 0, dry.stdout
    assert "pairvae.yaml will be created" in dry.stdout


def test_snakemake_alone_names_a_wrong_row_of_the_samples(snakemake_alone, tmp_path):
    (tmp_path / "samples.csv").write_text("sample_id,saxs,sans\none,a.dat,b.dat\n")
    dry = run(snakemake_alone, tmp_path, "--dry-run", "--config", "samples=samples.csv")
    assert dry.returncode == 2
    assert "samples.csv, row 2 (one): column saxs names 'a.dat', which does not exist below ." in dry.stdout


@pytest.mark.skipif(shutil.which("conda", path="/usr/bin:/bin") is not None, reason="there is a conda")
def test_without_conda_snakemake_asks_whether_it_is_installed(snakemake_alone, tmp_path):
    done = run(snakemake_alone, tmp_path, "--use-conda")
    assert done.returncode != 0
    assert "Is conda installed and accessible?" in done.stdout


@pytest.mark.slow
def test_every_rule_runs_inside_an_environment_that_conda_made(snakemake_alone, conda, tmp_path):
    done = run(snakemake_alone, tmp_path, "--use-conda", "--config", *SHORT, conda=conda)
    assert done.returncode == 0, done.stdout
    (prefix,) = (path for path in (tmp_path / ".snakemake" / "conda").iterdir() if (path / "bin").is_dir())
    results = tmp_path / "results" / "tiny"
    assert (results / "report.html").exists()
    assert (prefix / "bin" / "pairvae").exists()  # by the post-deploy script
    logs = [log for log in results.glob("logs/**/*.log") if log.parent.name != "settings"]
    inside = [log for log in logs if re.search(rf" Python \S+ in {re.escape(str(prefix))}, ", log.read_text())]
    assert len(logs) == 11
    assert inside == logs


@pytest.mark.slow
def test_trainings_have_the_environment_with_cuda_when_asked_for(snakemake_alone, conda, tmp_path):
    gpu = ("--config", "environment=gpu")
    made = run(snakemake_alone, tmp_path, "--use-conda", "--conda-create-envs-only", *gpu, conda=conda)
    assert made.returncode == 0, made.stdout
    records = [record.name for record in tmp_path.glob(".snakemake/conda/*/conda-meta/pytorch-*.json")]
    number = version("torch").partition("+")[0]
    assert sorted(records) == [f"pytorch-cpu-{number}-0.json", f"pytorch-gpu-{number}-0.json"]


def test_bounds_are_solved_for(conda, tmp_path):
    """The stand-in does refuse: a version that its channel does not have cannot be had."""
    too_new = Version(version("numpy")).major + 1
    file = tmp_path / "env.yaml"
    file.write_text(f"channels: [conda-forge]\ndependencies: [numpy >={too_new}]\n")
    done = subprocess.run(
        [conda / "conda", "env", "create", "--file", file, "--prefix", tmp_path / "env"], capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "numpy" in done.stderr
    assert not (tmp_path / "env").exists()


def test_post_deploy_says_where_it_must_run(tmp_path):
    script = ROOT / "workflow" / "envs" / "pairvae.post-deploy.sh"
    env = {name: value for name, value in os.environ.items() if name != "PAIRVAE_SOURCE"}
    done = subprocess.run(["bash", script], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert "is not the repository of PairVAE; start Snakemake there, or set PAIRVAE_SOURCE" in done.stderr


def test_both_environments_are_finished_by_the_same_script():
    scripts = [file.with_suffix(".post-deploy.sh") for file in ENVIRONMENTS]
    assert len({Path(script).resolve() for script in scripts}) == 1
