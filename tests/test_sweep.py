"""A sweep: a run for every combination, what they have in common made once, one page that compares them."""

import csv
import json
import re
from importlib import import_module

import pytest
import yaml
from test_workflow import ROOT, TINY, snakemake

from pairvae.errors import UserError
from pairvae.report.compare import compare

SWEEP = ROOT / "configs" / "sweep.yaml"
PATHS = ("sans_from_saxs", "saxs_from_sans")


def jobs(folder, *settings):
    dry = snakemake(folder, "--dry-run", "--quiet", "rules", "--configfile", TINY, *settings)
    assert dry.returncode == 0, dry.stdout
    return {rule: int(count) for rule, count in re.findall(r"^(\w+)\s+(\d+)$", dry.stdout, re.MULTILINE)}


@pytest.fixture
def default(monkeypatch):
    """The default configuration and its schema, as the workflow has them."""
    monkeypatch.syspath_prepend(ROOT / "workflow")
    schema = json.loads((ROOT / "configs" / "schema.json").read_text(encoding="utf-8"))
    settings = yaml.safe_load((ROOT / "configs" / "default.yaml").read_text(encoding="utf-8"))
    return import_module("configuration").as_meant(settings, schema, schema), schema


@pytest.fixture
def runs_of(default):
    """The runs of the default configuration with these settings swept."""

    def made(sweep, **settings):
        config, schema = default
        meant = import_module("configuration").as_meant(config | settings | {"sweep": sweep}, schema, schema)
        return import_module("runs").Runs(meant, schema)

    return made


def test_shipped_sweep_shares_everything_before_joint_train(tmp_path):
    planned_jobs = jobs(tmp_path, SWEEP)
    once = {"simulate": 1, "normalize": 2, "pair": 1, "pretrain": 2, "baselines": 1, "compare": 1}
    each = {"joint_train": 6 * 2} | dict.fromkeys(("calibrate", "evaluate", "report"), 6)  # two members in tiny.yaml
    assert {rule: planned_jobs[rule] for rule in once | each} == once | each


def test_seed_of_the_run_repeats_every_stage(tmp_path):
    planned_jobs = jobs(tmp_path, "--config", "sweep={seed: [1, 2]}")
    assert planned_jobs["simulate"] == planned_jobs["baselines"] == 2
    assert planned_jobs["pretrain"] == planned_jobs["normalize"] == 4


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("joint_train.redundancy_weight", ["joint_train", "calibrate", "evaluate", "report"]),
        ("calibrate.coverage", ["calibrate", "evaluate", "report"]),
        ("members", ["calibrate", "evaluate", "report"]),
        ("baselines.neighbours", ["baselines", "evaluate", "report"]),
        ("pair.fold", ["pair", "pretrain.saxs", "pretrain.sans", "joint_train", "baselines", "evaluate"]),
        ("normalize.sans.grid.points", ["normalize.sans", "pair", "pretrain.saxs", "pretrain.sans", "baselines"]),
        ("latent_dim", ["pretrain.saxs", "pretrain.sans", "joint_train", "baselines"]),
    ],
)
def test_stage_is_made_anew_where_its_settings_or_those_before_it_differ(runs_of, name, own):
    value = {"calibrate.coverage": [0.8, 0.9], "members": [1, 3]}.get(name, [64, 96])
    runs = runs_of({name: value}, run="try")
    assert runs.combinations == [f"sweep/try/{name}={each}" for each in value]
    for run in runs.combinations:
        assert {runs.where(stage, run) for stage in own} == {run}
        assert runs.where("simulate", run) == "sweep/try/shared"
        assert runs.where("normalize.saxs", run) == "sweep/try/shared"


def test_run_without_a_sweep_lies_in_one_folder(runs_of):
    runs = runs_of({}, run="mine")
    assert runs.combinations == list(runs.configs) == ["mine"]
    assert runs.where("joint_train", "mine") == "mine"


def test_every_run_gets_its_own_values_and_the_rest_of_the_configuration(runs_of):
    runs = runs_of({"joint_train.kl_weight": ["1e-5", 0.1], "joint_train.steps": [7]}, run="try", seed=9)
    settings = runs.configs[runs.combinations[0]]
    assert runs.combinations[0] == "sweep/try/joint_train.kl_weight=1e-05,joint_train.steps=7"
    assert settings["joint_train"]["kl_weight"] == 1e-5
    assert settings["joint_train"]["steps"] == 7
    assert settings["joint_train"]["batch_size"] == 64
    assert settings["seed"] == 9


def test_more_values_in_another_order_leave_the_runs_where_they_are(runs_of):
    few = runs_of({"joint_train.kl_weight": [0.1, 0.2]})
    more = runs_of({"joint_train.kl_weight": [0.3, 0.2, 0.1]})
    assert set(few.combinations) < set(more.combinations)


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ({"joint_train.kl_wait": [1]}, "joint_train.kl_wait is not a setting; the nearest valid name is"),
        ({"joint_train.batch_size": [32, 1]}, "joint_train.batch_size: 1 is less than the minimum of 2"),
        ({"seed": [1, 1]}, "sweep.seed: two of the values [1, 1] are the same; name each once"),
        ({"samples": ["a.csv"]}, "sweep.samples: no stage that leads to the numbers of this run has this setting"),
        ({"read.saxs.trim_first_points": [1]}, "sweep.read.saxs.trim_first_points: no stage that leads to the numbers"),
        ({"covariates": [["a" * 90], ["b" * 250]]}, "is a name of"),
    ],
)
def test_mistake_in_a_sweep_is_one_sentence(default, sweep, said):
    (sentence,) = import_module("runs").sweep_faults(default[0] | {"sweep": sweep}, default[1])
    assert sentence.startswith("configuration: ")
    assert said in sentence


@pytest.mark.parametrize("sweep", ["{joint_train.kl_wait: [1]}", "{seed: 3}"])
def test_mistake_in_a_sweep_stops_before_the_first_job(tmp_path, sweep):
    stopped = snakemake(tmp_path, "--configfile", TINY, "--config", f"sweep={sweep}")
    assert stopped.returncode == 2
    assert "configuration: " in stopped.stdout
    assert "Traceback" not in stopped.stdout
    assert not (tmp_path / "results").exists()


# The comparison


def write_runs(folder, errors):
    """metrics.json of runs with these errors on validation; those on the test are the other way round."""
    written = []
    for number, (validation, test) in enumerate(errors):
        path = folder / f"run_{number}" / "metrics.json"
        path.parent.mkdir(parents=True)
        score = {"rmse_truth": None, "rmse_measured": test, "coverage": 0.9}
        metrics = {
            "paths": dict.fromkeys(PATHS, score),
            "validation": {path: {"rmse_measured": validation} for path in PATHS},
        }
        path.write_text(json.dumps(metrics))
        written.append(path)
    return written


def test_best_is_chosen_by_validation_and_not_by_test(tmp_path):
    metrics = write_runs(tmp_path, [(0.2, 0.1), (0.22, 0.1), (0.1, 0.2), (0.12, 0.2)])
    sweep = {"joint_train.kl_weight": [0.5, 1e-5], "joint_train.seed": [1, 2]}
    compare(sweep, metrics, tmp_path / "report.html", tmp_path / "comparison.csv")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Best on the validation samples: joint_train.kl_weight = 1e-05" in page
    assert "0.1100 ± 0.0141" in page
    assert "It leads by more than the spread over seeds." in page
    assert 'href="run_3/report.html"' in page
    with (tmp_path / "comparison.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["joint_train.seed"] for row in rows] == ["1", "2", "1", "2"]
    assert [float(row["validation/sans_from_saxs"]) for row in rows] == [0.2, 0.22, 0.1, 0.12]


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ({"latent_dim": [8, 16], "seed": [1, 2]}, "is within the spread over seeds"),
        ({"latent_dim": [8, 16], "pair.fold": [0, 1]}, "is within the spread over seeds"),
        ({"pair.fold": [0, 1, 2, 3]}, "one setting only"),
        ({"latent_dim": [2, 4, 8, 16]}, "The spread over seeds is not known"),
        ({"seed": [1, 2, 3, 4]}, "one setting only"),
    ],
)
def test_page_says_how_far_the_difference_can_be_trusted(tmp_path, sweep, said):
    metrics = write_runs(tmp_path, [(0.10, 0.1), (0.14, 0.1), (0.11, 0.1), (0.15, 0.1)])
    compare(sweep, metrics, tmp_path / "report.html", tmp_path / "comparison.csv")
    assert said in (tmp_path / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("content", ["{", "[]", '{"paths": {}}'])
def test_metrics_that_are_none_are_named(tmp_path, content):
    (tmp_path / "metrics.json").write_text(content)
    with pytest.raises(UserError, match="run evaluate again"):
        compare({"seed": [1]}, [tmp_path / "metrics.json"], tmp_path / "report.html", tmp_path / "table.csv")
    assert not (tmp_path / "report.html").exists()
