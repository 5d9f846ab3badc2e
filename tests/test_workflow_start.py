"""Runs that start from a trained model, as Snakemake plans and runs them."""

import json
import os
import shutil

import pytest
import yaml
from test_workflow import SNAKEFILE, TINY, planned, snakemake

FOLLOWING = {"calibrate", "evaluate", "report"}


@pytest.fixture
def model_folder(trained, tmp_path):
    return shutil.copytree(trained.path("model"), tmp_path / "model")


def rewrite(folder, **changed):
    file = folder / "model.json"
    before = file.stat()
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | changed), encoding="utf-8")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_run_that_starts_from_a_model_pretrains_nothing_and_stands_on_its_grids(model_folder, tmp_path):
    arguments = ("--configfile", TINY, "--config", "joint_train={start_from: model}")
    assert "pretrain" not in planned(tmp_path, *arguments)
    shown = snakemake(tmp_path, "--dry-run", "--printshellcmds", *arguments).stdout
    assert "model/model.json, model/weights.safetensors" in shown
    grid = json.loads((model_folder / "model.json").read_text(encoding="utf-8"))["grids"]["saxs"]
    assert f'"q_min_inv_angstrom": {grid["q_min"]}' in shown
    assert f'"points": {grid["points"]}' in shown


@pytest.mark.usefixtures("model_folder")
def test_module_with_a_prefix_starts_from_the_model_where_the_configuration_says(tmp_path):
    (tmp_path / "Snakefile").write_text(
        f"module pairvae:\n    snakefile: {str(SNAKEFILE)!r}\n    prefix: 'fits'\n"
        "    config: {'run': 'mine', 'joint_train': {'start_from': 'model'}}\n\nuse rule * from pairvae\n"
    )
    shown = snakemake(tmp_path, "--dry-run", "--printshellcmds", snakefile=tmp_path / "Snakefile").stdout
    assert "input: model/model.json, model/weights.safetensors, fits/results/mine/spectra/saxs.h5" in shown
    assert "rule pretrain:" not in shown


@pytest.mark.parametrize(
    ("arguments", "changed", "said"),
    [
        ("joint_train={start_from: nowhere}", {}, "joint_train.start_from: nowhere is no model folder"),
        ("joint_train={start_from: model}", {"format": 99}, "model is of format 99, this version reads format 1"),
        ("joint_train={start_from: model}", {"weights_sha256": "0"}, "weights.safetensors is missing or not the file"),
        (
            "joint_train={start_from: model} normalize={sans: {grid: {q_min_inv_angstrom: 0.05}}}",
            {},
            "normalize.sans.grid.q_min_inv_angstrom is 0.05, but joint_train.start_from brings a grid from",
        ),
        (
            "joint_train={start_from: model} normalize={saxs: {scale_free: true}}",
            {},
            "normalize.saxs.scale_free is true, but the model that joint_train.start_from names was trained on 1/cm",
        ),
        ("run=own joint_train={start_from: results/own/model}", {}, "is the model that this run writes"),
    ],
)
def test_model_that_cannot_be_started_from_stops_before_the_first_job(model_folder, tmp_path, arguments, changed, said):
    rewrite(model_folder, **changed)
    groups = arguments.replace("} ", "}\n").replace("own ", "own\n").split("\n")
    stopped = snakemake(tmp_path, "--config", *groups)
    assert stopped.returncode == 2
    assert said in stopped.stdout
    assert stopped.stdout.count("configuration: ") == 1
    assert "Traceback" not in stopped.stdout
    assert not (tmp_path / "results").exists()


@pytest.mark.slow
def test_run_goes_from_a_model_to_a_report_and_again_when_the_model_changed(model_folder, tmp_path):
    values = yaml.safe_load(TINY.read_text(encoding="utf-8"))
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        yaml.safe_dump(values | {"joint_train": {"start_from": "model", "steps": 20, "batch_size": 32}}),
        encoding="utf-8",
    )
    done = snakemake(tmp_path, "--configfile", mine)
    assert done.returncode == 0, done.stdout
    results = tmp_path / "results" / "tiny"
    assert (results / "report.html").exists()
    assert not (results / "pretrain").exists()
    training = json.loads((results / "metrics.json").read_text(encoding="utf-8"))["training"]["joint_train/1"]
    assert training["steps"] == 20
    assert planned(tmp_path, "--configfile", mine) == set()
    rewrite(model_folder, note="of another day")
    assert planned(tmp_path, "--configfile", mine) == {"joint_train"} | FOLLOWING
