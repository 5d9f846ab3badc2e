"""The workflow as a part of another one, and as the Snakemake workflow catalog sees it."""

import os
import re
import shutil
import subprocess

import pytest
import yaml
from test_workflow import ROOT, SNAKEFILE, snakemake

CURVES = ("first.dat", "second.dat")
# What snakedeploy writes (snakedeploy/templates/use_module.smk.jinja)
DEPLOYED = """\
configfile: "config/config.yaml"


module pairvae:
    snakefile:
        github("owner/pairvae", path="workflow/Snakefile", tag="v1")
    config:
        config


use rule * from pairvae
"""


@pytest.fixture
def outer(tmp_path):
    """A folder with two curves and their samples.csv, and a function that plans a workflow of one's own there."""
    (tmp_path / "data").mkdir()
    for name in CURVES:
        (tmp_path / "data" / name).write_text("0.01 1\n")
    (tmp_path / "data" / "samples.csv").write_text("sample_id,saxs,sans\none,first.dat,second.dat\n")

    def plan(snakefile, *arguments):
        file = tmp_path / "workflow" / "Snakefile"
        file.parent.mkdir(exist_ok=True)
        file.write_text(snakefile)
        return snakemake(tmp_path, "--dry-run", "--printshellcmds", *arguments, snakefile=file)

    return plan


def module(name="pairvae", prefix="", **config):
    """The lines that make this workflow a part of another."""
    return f"""
module {name}:
    snakefile: "{SNAKEFILE}"
    config: {config}
    {f'prefix: "{prefix}"' if prefix else ""}

use rule * from {name} as {name}_*
"""


def rules(shown):
    return set(re.findall(r"^(?:local)?rule (\w+):", shown, re.MULTILINE))


def paths(shown):
    """All files and folders that the plan's rules and command lines name."""
    listed = re.findall(r"^    (?:input|output|log|benchmark): (.*)$", shown, re.MULTILINE)
    typed = re.findall(r"^Shell command: (?:exec )?pairvae .*$", shown, re.MULTILINE)
    return {path for line in listed for path in line.split(", ")} | set(re.findall(r"\S+/\S+", " ".join(typed)))


@pytest.mark.parametrize("parts", [1, 2])
def test_everything_that_a_module_with_a_prefix_writes_lies_below_it(outer, parts):
    planned = outer(module(prefix="fits", run="mine", samples="data/samples.csv", parts=parts))
    assert planned.returncode == 0, planned.stdout
    assert "--resume fits/results/mine/joint_train/1/resume" in planned.stdout
    found = paths(planned.stdout)
    assert found >= {"data/samples.csv", "data/first.dat", "data/second.dat", "fits/results/mine/report.html"}
    assert [path for path in found if not path.startswith(("fits/results/mine/", "data/"))] == []


def test_module_is_given_what_differs_from_the_defaults(outer):
    planned = outer(module(run="mine", joint_train={"steps": 7}))
    assert planned.returncode == 0, planned.stdout
    assert "--stage joint_train" in planned.stdout
    assert '"steps": 7' in planned.stdout
    assert '"pairs": 20000' in planned.stdout


def test_rule_of_another_workflow_takes_a_result_of_the_module(outer):
    own = 'rule own:\n    input: expand(rules.pairvae_evaluate.output.metrics, run="mine")\n'
    planned = outer(module(prefix="fits", run="mine") + own, "own")
    assert planned.returncode == 0, planned.stdout
    assert {"own", "pairvae_evaluate", "pairvae_simulate"} <= rules(planned.stdout)
    assert "pairvae_report" not in rules(planned.stdout)


def test_two_modules_are_two_runs(outer):
    simulated = module("simulated", run="a", parts=3)
    measured = module("measured", run="b", samples="data/samples.csv", parts=2)
    both = "rule both:\n    input: rules.simulated_all.input, rules.measured_all.input\n"
    planned = outer(f"{simulated}{measured}\n{both}", "both", "--quiet", "rules")
    assert planned.returncode == 0, planned.stdout
    jobs = dict(re.findall(r"^(\w+)\s+(\d+)$", planned.stdout, re.MULTILINE))
    assert (jobs["simulated_simulate_part"], jobs["measured_read_part"]) == ("3", "2")
    assert (jobs["simulated_report"], jobs["measured_report"]) == ("1", "1")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"latent_dims": 3}, "configuration: latent_dims is not a setting; the nearest valid name is latent_dim"),
        ({"samples": "data/sample.csv"}, "configuration: samples: data/sample.csv does not exist; found data/samples"),
    ],
)
def test_wrong_configuration_of_a_module_stops_the_other_workflow(outer, config, said):
    planned = outer(module(**config))
    assert planned.returncode == 2
    assert said in planned.stdout


@pytest.fixture
def host(tmp_path_factory):
    """Cache folder in which Snakemake finds a clone of `owner/pairvae`, as if it had fetched it from GitHub."""
    folder = tmp_path_factory.mktemp("host")
    repository = folder / "repository"
    for name in ("workflow", "configs"):
        shutil.copytree(ROOT / name, repository / name, symlinks=True)
    clone = folder / "snakemake/snakemake/source-cache/snakemake-git-cache/github.com/owner/pairvae"
    clone.parent.mkdir(parents=True)
    identity = ("-c", "user.name=tester", "-c", "user.email=tester@example.org")
    for command in (
        ("init", "--quiet"),
        ("add", "--all"),
        (*identity, "commit", "--quiet", "--message", "all"),
        ("tag", "v1"),
        ("clone", "--quiet", "--bare", ".", str(clone)),
    ):
        subprocess.run(["git", *command], cwd=repository, check=True)
    return folder


def test_workflow_that_snakedeploy_writes_has_a_plan(outer, host, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(host))
    shutil.copytree(ROOT / "config", tmp_path / "config")
    file = tmp_path / "config" / "config.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("data/example/", "data/"), encoding="utf-8")
    planned = outer(DEPLOYED)
    assert planned.returncode == 0, planned.stdout
    assert {"read", "joint_train", "report"} <= rules(planned.stdout)
    assert "results/measured/report.html" in paths(planned.stdout)


def test_catalog_finds_what_it_shows():
    """The conditions of snakemake-workflow-catalog, scripts/generate-catalog.py."""
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text(encoding="utf-8"))["usage"]
    assert usage["report"] is True
    assert usage["software-stack-deployment"]["conda"] is True
    assert (ROOT / "workflow" / "Snakefile").is_file()
    assert (ROOT / "config" / "README.md").read_text(encoding="utf-8").startswith("# Configuration\n")
    readme = (ROOT / "README.md").read_text(encoding="utf-8").lower()
    assert "snakemake" in readme
    assert "workflow" in readme


def test_links_in_the_repository_lead_to_files_of_it():
    for name, target in (("config", "configs"), ("configs/config.yaml", "measured.yaml")):
        assert os.readlink(ROOT / name) == target
