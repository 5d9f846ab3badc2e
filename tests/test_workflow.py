"""The workflow as a user meets it: Snakemake itself, started in a folder of its own."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
SNAKEFILE = ROOT / "workflow" / "Snakefile"
TINY = ROOT / "configs" / "tiny.yaml"


def snakemake(folder, *arguments, command=("-m", "snakemake"), cores=("--cores", "2"), snakefile=SNAKEFILE):
    """Run Snakemake in a folder with the commands of this Python first on the path."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [
            sys.executable,
            *command,
            "--snakefile",
            snakefile,
            *cores,
            *arguments,
        ],
        cwd=folder,
        env=os.environ | {"PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        timeout=3600,
    )


def planned(folder, *arguments):
    """Rules that would run, each once, and for freeze_settings the stage."""
    dry = snakemake(folder, "--dry-run", *arguments)
    assert dry.returncode == 0, dry.stdout
    rules = set(re.findall(r"^(?:local)?rule (\w+):", dry.stdout, re.MULTILINE)) - {"all", "freeze_settings"}
    return rules | {f"freeze {stage}" for stage in re.findall(r"output: \S+/settings/(\S+)\.json", dry.stdout)}


def started(folder, *arguments):
    """Snakemake in a process group of its own, so that all of it can be killed at once."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.Popen(
        [sys.executable, "-m", "snakemake", "--snakefile", SNAKEFILE, "--cores", "2", *arguments],
        cwd=folder,
        env=os.environ | {"PATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def wait_for(happened, process, seconds=3600):
    """Wait until something has happened; not for ever, and not for a process that has ended."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        assert process.poll() is None
        time.sleep(0.02)


def epochs(log):
    """Numbers of the epochs that a log reports."""
    return [int(number) for number in re.findall(r"  epoch (\d+)/", log.read_text())]


@pytest.fixture(scope="module")
def tiny_run(tmp_path_factory):
    """Folder in which configs/tiny.yaml was run to its end."""
    folder = tmp_path_factory.mktemp("tiny")
    done = snakemake(folder, "--configfile", TINY)
    assert done.returncode == 0, done.stdout
    return folder


# A whole run


@pytest.mark.slow
def test_tiny_run_writes_report_and_metrics(tiny_run):
    results = tiny_run / "results" / "tiny"
    assert (results / "report.html").stat().st_size > 10_000
    assert json.loads((results / "metrics.json").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_run_writes_below_results_only(tiny_run):
    assert {path.name for path in tiny_run.iterdir()} == {".snakemake", "results"}
    assert {path.name for path in (tiny_run / "results").iterdir()} == {"tiny"}


@pytest.mark.slow
def test_every_log_and_benchmark_is_kept(tiny_run):
    results = tiny_run / "results" / "tiny"
    logged, timed = (
        {file.relative_to(results / folder).with_suffix("") for file in results.glob(f"{folder}/**/*.{ending}")}
        for folder, ending in (("logs", "log"), ("benchmarks", "tsv"))
    )
    assert timed == {stage for stage in logged if stage.parts[0] != "settings"}


@pytest.mark.slow
def test_snakemakes_own_report_holds_the_figures_with_captions(tiny_run):
    done = snakemake(tiny_run, "--configfile", TINY, "--report", "report.zip", cores=())
    assert done.returncode == 0, done.stdout
    with zipfile.ZipFile(tiny_run / "report.zip") as archive:
        names = {Path(name).name for name in archive.namelist()}
        text = archive.read("report/report.html").decode("utf-8")
    (tiny_run / "report.zip").unlink()
    sections = {"data", "training", "curves", "errors", "bands", "latent", "generated"}
    assert names >= {f"{section}.html" for section in sections}
    assert "Root-mean-square error of log10 I against q" in text
    assert "The latent space: codes of both techniques" in text


@pytest.mark.slow
def test_second_call_has_nothing_to_do(tiny_run):
    assert planned(tiny_run, "--configfile", TINY) == set()


@pytest.fixture
def copied_run(tiny_run, tmp_path):
    """A copy of the whole folder, as on another disk: every file has a new date, in no order."""
    folder = shutil.copytree(tiny_run, tmp_path / "copy")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    random.Random(1).shuffle(files)
    for second, path in enumerate(files, start=1_700_000_000):
        os.utime(path, (second, second))
    return folder


@pytest.mark.slow
def test_copy_of_a_finished_run_has_nothing_to_do(copied_run):
    assert planned(copied_run, "--configfile", TINY) == set()


@pytest.mark.slow
def test_file_of_a_copy_that_was_changed_is_seen(copied_run):
    pairs = copied_run / "results" / "tiny" / "pairs.csv"
    pairs.write_text(pairs.read_text().replace(",train,", ",test,", 1))
    assert planned(copied_run, "--configfile", TINY) >= {"pretrain", "joint_train", "calibrate", "evaluate", "report"}


@pytest.mark.slow
def test_copy_of_the_results_alone_has_nothing_to_do_after_touch(copied_run):
    shutil.rmtree(copied_run / ".snakemake")
    assert "joint_train" in planned(copied_run, "--configfile", TINY)
    touched = snakemake(copied_run, "--touch", "--configfile", TINY)
    assert touched.returncode == 0, touched.stdout
    assert planned(copied_run, "--configfile", TINY) == set()


@pytest.mark.slow
def test_comment_and_order_of_lines_re_run_nothing(tiny_run, tmp_path):
    values = yaml.safe_load(TINY.read_text(encoding="utf-8"))
    mine = tmp_path / "mine.yaml"
    mine.write_text("# another comment\n" + yaml.safe_dump(values, sort_keys=True), encoding="utf-8")
    assert planned(tiny_run, "--configfile", mine) == set()


@pytest.mark.slow
def test_weight_of_joint_train_re_runs_joint_train_and_what_follows(tiny_run):
    changed = planned(tiny_run, "--configfile", TINY, "--config", "joint_train={cross_weight: 2}")
    assert changed == {"freeze joint_train", "joint_train", "calibrate", "evaluate", "report"}


@pytest.mark.slow
def test_latent_dim_of_the_run_re_runs_every_training(tiny_run):
    changed = planned(tiny_run, "--configfile", TINY, "--config", "latent_dim=6")
    trained = {"pretrain", "joint_train", "baselines", "calibrate", "evaluate", "report"}
    assert changed == trained | {"freeze pretrain.saxs", "freeze pretrain.sans"}


@pytest.mark.slow
def test_coverage_re_runs_no_training(tiny_run):
    changed = planned(tiny_run, "--configfile", TINY, "--config", "calibrate={coverage: 0.8}")
    assert changed == {"freeze calibrate", "calibrate", "evaluate", "report"}


@pytest.mark.slow
def test_report_setting_re_runs_the_report_only(tiny_run):
    changed = planned(tiny_run, "--configfile", TINY, "--config", "report={samples: 50}")
    assert changed == {"freeze report", "report"}


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["pretrain.saxs", "joint_train"])
def test_run_killed_in_training_goes_on_behind_its_last_epoch(tiny_run, tmp_path, stage):
    folder = tmp_path / "run"
    shutil.copytree(tiny_run, folder)
    longer = {"pretrain.saxs": "pretrain={saxs: {steps: 500}}", "joint_train": "joint_train={steps: 500}"}[stage]
    arguments = ("--configfile", TINY, "--config", longer)
    log = folder / "results" / "tiny" / "logs" / {"pretrain.saxs": "pretrain/saxs.log"}.get(stage, "joint_train/1.log")
    log.unlink()
    with started(folder, *arguments) as process:
        wait_for(lambda: log.exists() and len(epochs(log)) >= 2, process)
        os.killpg(process.pid, signal.SIGKILL)
    before = epochs(log)
    assert snakemake(folder, "--unlock", *arguments).returncode == 0
    again = snakemake(folder, *arguments)
    assert again.returncode == 0, again.stdout
    # the epoch that was being kept when the process died may come again, no other does
    assert epochs(log)[0] >= before[-1]
    assert epochs(log)[-1] == 5
    assert planned(folder, *arguments) == set()


# Before the first job


def test_plan_holds_every_stage_once_per_technique(tmp_path):
    dry = snakemake(tmp_path, "--dry-run", "--quiet", "rules")
    assert dry.returncode == 0, dry.stdout
    jobs = dict(re.findall(r"^(\w+)\s+(\d+)$", dry.stdout, re.MULTILINE))
    assert {rule for rule, count in jobs.items() if count == "2"} == {"normalize", "pretrain"}
    assert jobs.keys() >= {"simulate", "pair", "joint_train", "calibrate", "baselines", "evaluate", "report"}


@pytest.mark.parametrize(
    ("asked", "given"),
    [((), 0), (("--set-resources", "pretrain:gpu=1"), 1), (("--set-resources", "pretrain:gres='gpu:1'"), 1)],
)
def test_training_is_told_the_gpus_that_its_job_asked_for(tmp_path, asked, given):
    dry = snakemake(tmp_path, "--dry-run", "--printshellcmds", *asked)
    assert dry.returncode == 0, dry.stdout
    assert re.findall(r"pairvae pretrain .*--gpus (\d)", dry.stdout) == 2 * [str(given)]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("latent_dims=16", "latent_dims is not a setting; the nearest valid name is latent_dim"),
        (
            "pretrain={saxs: {architecture: {hiden: 8}}}",
            "pretrain.saxs.architecture.hiden is not a setting; "
            "the nearest valid name is pretrain.saxs.architecture.hidden",
        ),
        (
            "simulate={systems: {silca_sphere: 1}}",
            "simulate.systems.silca_sphere is not a setting; the nearest valid name is simulate.systems.silica_sphere",
        ),
        ("joint_train={batch_size: 1}", "joint_train.batch_size: 1 is less than the minimum of 2"),
        ("calibrate={coverage: most}", "calibrate.coverage: 'most' is not of type 'number'"),
    ],
)
def test_wrong_configuration_stops_before_the_first_job(tmp_path, arguments, said):
    stopped = snakemake(tmp_path, "--config", arguments)
    assert stopped.returncode == 2
    assert f"configuration: {said}\n" in stopped.stdout
    assert "Traceback" not in stopped.stdout
    assert not (tmp_path / "results").exists()


def test_missing_manifest_is_named_with_the_nearest_table(tmp_path):
    (tmp_path / "samples.csv").write_text("sample_id,saxs,sans\n")
    stopped = snakemake(tmp_path, "--config", "samples=sample.csv")
    assert stopped.returncode == 2
    assert "configuration: samples: sample.csv does not exist; found samples.csv beside it" in stopped.stdout
    assert not (tmp_path / "results").exists()


TABLE = "Sample_ID,SAXS,sans,D2O,note\n" + "".join(f"s{i},s{i}.dat,n{i}.dat,0.{i},\n" for i in range(4))
CURVES = [f"{technique}{i}.dat" for i in range(4) for technique in "sn"]
NO_COLUMN = "'d2o_fraction' is no column of samples.csv; there are D2O, note; mend the name or add the column"


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        (["samples=samples.csv", "covariates=[d2o_fraction]"], f"configuration: covariates: {NO_COLUMN}"),
        (["samples=samples.csv", "covariates=[D20]"], "'D20' is no column of samples.csv; .*; the nearest is 'D2O'"),
        (["samples=samples.csv", "covariates=[note]"], "'note' is empty in every row of samples.csv"),
        (
            ["samples=samples.csv", "pretrain={sans: {covariates: [d2o_fraction]}}"],
            f"configuration: pretrain.sans.covariates: {NO_COLUMN}",
        ),
        (["samples=samples.csv", "sweep={covariates: [[D2O], [d2o_fraction]]}"], NO_COLUMN),
        (
            ["covariates=[d2o_fracton]"],
            "'d2o_fracton' is no column of the simulated samples; .* nearest is 'd2o_fraction'",
        ),
        (["samples=."], "samples: . is a folder; expected the table .*; found samples.csv: name that"),
        (["samples=raw"], r"samples: raw is a folder; .*: pairvae samples raw --saxs '\*_saxs\*' --sans '\*_sans\*'"),
        (["joint_train={start_from: model.zip}"], "model.zip is no model folder: it is an archive; unpack it"),
        (["joint_train={start_from: run}"], "run is no model folder: name the one in it, run/model"),
    ],
)
def test_what_the_samples_or_the_model_lack_stops_before_the_first_job(tmp_path, groups, said):
    write_samples(tmp_path, TABLE, *CURVES)
    (tmp_path / "raw").mkdir()
    (tmp_path / "run" / "model").mkdir(parents=True)
    (tmp_path / "run" / "model" / "model.json").write_text("{}")
    shutil.make_archive(str(tmp_path / "model"), "zip", tmp_path / "run")
    stopped = snakemake(tmp_path, "--dry-run", "--config", *groups)
    assert stopped.returncode == 2, stopped.stdout
    assert re.search(said, stopped.stdout), stopped.stdout
    assert "Traceback" not in stopped.stdout
    assert not (tmp_path / "results").exists()


def test_covariates_that_the_samples_have_are_taken(tmp_path):
    write_samples(tmp_path, TABLE, *CURVES)
    done = snakemake(tmp_path, "--dry-run", "--config", "samples=samples.csv", "covariates=[D2O]")
    assert done.returncode == 0, done.stdout
    done = snakemake(tmp_path, "--dry-run", "--config", "covariates=[d2o_fraction, material, volume_fraction]")
    assert done.returncode == 0, done.stdout


def test_plan_needs_only_what_snakemake_brings(tmp_path):
    # pandas and numpy stay: the executor plugin for SLURM, where it is installed, loads them
    blocked = ("pairvae", "torch", "lightning", "scipy", "h5py", "sasmodels", "typer")
    code = f"""
import sys
sys.modules.update(dict.fromkeys({blocked}))  # None: any import of it fails
from snakemake.cli import main
main(sys.argv[1:])
"""
    dry = snakemake(tmp_path, "--dry-run", "--quiet", command=("-c", code))
    assert dry.returncode == 0, dry.stdout


def test_workflow_passes_its_lint():
    checked = snakemake(ROOT, "--lint")
    assert checked.returncode == 0, checked.stdout


# Measured curves


def write_samples(folder, table, *curves):
    """A samples.csv with empty curves beside it: the plan looks whether they are there, not what they hold."""
    folder.mkdir(exist_ok=True)
    for name in curves:
        (folder / name).write_text("")
    (folder / "samples.csv").write_bytes(table if isinstance(table, bytes) else table.encode())


def test_manifest_leads_to_read_with_the_files_it_names(tmp_path):
    table = "sample_id,saxs,sans\nfirst,a.dat;b.dat,c.dat\nsecond,d.dat,\n"
    write_samples(tmp_path / "my curves", table, "a.dat", "b.dat", "c.dat", "d.dat")
    dry = snakemake(tmp_path, "--dry-run", "--config", "samples=my curves/samples.csv")
    assert dry.returncode == 0, dry.stdout
    listed = ", ".join(f"my curves/{name}" for name in ("samples.csv", "a.dat", "b.dat", "c.dat", "d.dat"))
    assert f"input: {listed}," in dry.stdout
    assert "rule simulate" not in dry.stdout
    assert "truth" not in dry.stdout


def test_plan_names_the_row_of_the_samples_and_the_remedy(tmp_path):
    write_samples(tmp_path, "sample_id,saxs,sans\none,a.dat,b.dat\ntwo,a_raw.dat,\n", "a.dat", "b.dat")
    stopped = snakemake(tmp_path, "--dry-run", "--config", "samples=samples.csv")
    assert stopped.returncode == 2
    assert (
        "\nsamples.csv, row 3 (two): column saxs names 'a_raw.dat', which does not exist below .; found 'a.dat'; "
        "expected a file; mend the path or empty the cell\n"
    ) in stopped.stdout
    assert "Traceback" not in stopped.stdout
    assert not (tmp_path / "results").exists()


# What is said at the end


@pytest.mark.slow
def test_successful_run_names_its_report(tiny_run):
    first = min((tiny_run / ".snakemake" / "log").glob("*.log"))
    assert "\nThe report is in results/tiny/report.html\n" in first.read_text(encoding="utf-8")


def test_failed_run_names_the_log_with_the_reason_last(tmp_path):
    write_samples(tmp_path, "sample_id,saxs,sans\none,a.dat,b.dat\n", "a.dat", "b.dat")
    curves = "results/mine/curves/saxs.h5"
    done = snakemake(tmp_path, curves, "--config", "run=mine", "samples=samples.csv")
    assert done.returncode == 1
    after = done.stdout.rpartition("Exiting because a job execution failed")[2]
    assert "\nread failed; the reason is at the end of results/mine/logs/read.log\n" in after


def test_job_that_succeeds_when_tried_again_is_no_failure(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "workflow")
    from failed_jobs import failed_jobs

    def failure(rule, job):
        log = f"    log: logs/{rule}.log (check log file(s) for error details)\n"
        return f"Error in {rule}:\n    message: None\n    jobid: {job}\n{log}".replace(rule, f"rule {rule}", 1)

    log = tmp_path / "snakemake.log"
    text = (
        failure("pretrain", 4) + failure("pair", 5) + "Trying to restart job 4.\nFinished jobid: 4 (Rule: pretrain)\n"
    )
    log.write_text(text)
    assert failed_jobs([str(log)]) == ["pair failed; the reason is at the end of logs/pair.log"]
