"""The configuration of a run, checked before the first job, and handed to each stage."""

import json
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from pairvae.errors import UserError
from pairvae.samples.samples_table import parse_manifest
from pairvae.settings import Settings
from pairvae.settings.parse import parse, stage_class

ROOT = Path(__file__).parents[1]
STAGES = [
    "simulate",
    "read",
    "normalize.saxs",
    "normalize.sans",
    "pair",
    "pretrain.saxs",
    "pretrain.sans",
    "joint_train",
    "calibrate",
    "baselines",
    "evaluate",
    "report",
]


@pytest.fixture
def configuration(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "workflow")
    return import_module("configuration")


@pytest.fixture
def samples(configuration):  # noqa: ARG001, which puts the folder of both on the path
    return import_module("samples")


@pytest.fixture
def schema():
    return json.loads((ROOT / "configs" / "schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("delimiter", "encoding"), [(",", "utf-8-sig"), ("\t", "latin-1"), (";", "utf-8"), ("\t", "utf-16")]
)
def test_a_run_looks_at_the_curves_of_every_kind_of_table(samples, tmp_path, delimiter, encoding):
    for name in ("a.dat", "b.dat", "c.dat"):
        (tmp_path / name).write_text("")
    rows = [["sample_id", "saxs ", "sans"], ["Öl", "a.dat", ' "b.dat;c.dat"'.strip()], ["x", "none.dat", ""], ["y"]]
    text = "\r\n" + "\r\n".join(delimiter.join(row) for row in rows)
    (tmp_path / "samples.csv").write_bytes(text.encode(encoding))
    found = samples.files_named_in(str(tmp_path / "samples.csv"))
    assert [path.rpartition("/")[2] for path in found] == ["a.dat", "b.dat", "c.dat"]


@pytest.mark.parametrize(
    "table",
    [
        b"sample_id,saxs,sans\none,none.dat,\ntwo,,\n",
        b"sample_id,saxs,sans,saxs_q_unit\none,a.dat,b.dat,1/nn\n",
        b"sample_id,saxs\none,a.dat\n",
        b"",
        b"\xff\xfe\x00",
        b'sample_id,saxs,sans\n"a,b',
    ],
)
def test_workflow_says_of_the_samples_what_read_says(samples, tmp_path, table):
    manifest = tmp_path / "samples.csv"
    manifest.write_bytes(table)
    with pytest.raises(UserError) as error:
        parse_manifest(manifest)
    assert samples.row_faults({"samples": str(manifest), "read": {"allow_outside": False}}) == [str(error.value)]


def test_samples_may_name_files_outside_their_folder_where_the_configuration_allows_it(samples, tmp_path):
    (tmp_path / "tables").mkdir()
    (tmp_path / "a.dat").write_text("")
    (tmp_path / "b.dat").write_text("")
    manifest = tmp_path / "tables" / "samples.csv"
    manifest.write_text("sample_id,saxs,sans\none,../a.dat,../b.dat\n")
    read = {"samples": str(manifest), "read": {"allow_outside": True}}
    assert samples.row_faults(read) == []
    (refused,) = samples.row_faults(read | {"read": {"allow_outside": False}})
    assert "lies outside the folder of the manifest" in refused


def test_every_fault_is_named_at_once(configuration, schema):
    wrong = {"runs": "a", "pair": {"val_fractoin": 0.1, "test_fraction": 0.9}}
    assert len(configuration.faults(wrong, schema)) == 3


@pytest.mark.parametrize("wrong", [{"sed": 1}, {"joint_train": {"kl_wait": 1}}, {"normalize": {"grid": {}}}])
def test_workflow_and_command_line_say_the_same(configuration, schema, wrong):
    with pytest.raises(UserError) as error:
        parse(Settings, wrong, "configuration")
    assert configuration.faults(wrong, schema) == [str(error.value)]


@pytest.mark.parametrize("stage", STAGES)
def test_stage_accepts_what_the_workflow_hands_it(configuration, schema, stage):
    config = configuration.as_meant(
        yaml.safe_load((ROOT / "configs" / "default.yaml").read_text(encoding="utf-8")), schema, schema
    )
    given = configuration.stage_settings(config | {"seed": 7, "latent_dim": 5}, schema, stage)
    frozen = parse(stage_class(stage), given, stage)
    assert getattr(frozen, "seed", 7) == 7
    assert getattr(frozen, "latent_dim", 5) == 5
    assert json.loads(given)["numerics"] == stage_class(stage).model_fields["numerics"].default


def test_setting_of_a_stage_goes_before_that_of_the_run(configuration, schema):
    config = {"seed": 7, "pretrain": {"saxs": {"seed": 8}}}
    assert json.loads(configuration.stage_settings(config, schema, "pretrain.saxs"))["seed"] == 8
    assert json.loads(configuration.stage_settings(config, schema, "pretrain.sans"))["seed"] == 7


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ({"joint_train": {"kl_weight": "1e-5"}}, {"joint_train": {"kl_weight": 1e-5}}),
        ({"simulate": {"d2o_fraction": ["0", "1"]}}, {"simulate": {"d2o_fraction": [0, 1]}}),
        ({"read": {"allow_outside": "true"}}, {"read": {"allow_outside": True}}),
        ({"evaluate": None}, {"evaluate": {}}),
        ({"run": "5"}, {"run": "5"}),
    ],
)
def test_text_is_read_as_the_schema_means_it(configuration, schema, typed, meant):
    assert configuration.as_meant(typed, schema, schema) == meant


@pytest.mark.parametrize("name", ["tiny.yaml", "measured.yaml"])
def test_configuration_that_comes_along_is_valid(configuration, schema, name):
    config = yaml.safe_load((ROOT / "configs" / name).read_text(encoding="utf-8"))
    assert configuration.faults(configuration.as_meant(config, schema, schema), schema) == []


def test_files_of_systems_are_inputs_of_the_simulation_and_those_of_the_package_are_not(
    configuration, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    for name in ("one.yaml", "mine/two.yaml", "unused.yaml"):
        (tmp_path / name).write_text("")
    systems = {"micelle": 1, "one.yaml": 1, "mine/": 2, "unused.yaml": 0, "missing.yaml": 1}
    assert configuration.system_files({"simulate": {"systems": systems}}) == ["mine/two.yaml", "one.yaml"]


@pytest.mark.parametrize(("name", "nearest"), [("micele", "micelle"), ("vesicles", "vesicle")])
def test_misspelt_systems_are_named_with_the_nearest_and_paths_are_taken(configuration, schema, name, nearest):
    config = yaml.safe_load((ROOT / "configs" / "default.yaml").read_text(encoding="utf-8"))
    config["simulate"]["systems"] = {"mine/own.yaml": 1, "mine/": 1, name: 1}
    (sentence,) = configuration.faults(configuration.as_meant(config, schema, schema), schema)
    assert sentence.endswith(f"simulate.systems.{nearest}")


def test_where_instruments_are_drawn_more_is_known_of_the_samples(samples, schema):
    config = yaml.safe_load((ROOT / "configs" / "default.yaml").read_text(encoding="utf-8"))
    config["covariates"] = ["contrast_saxs", "solvent"]
    assert len(samples.covariate_faults([config], schema)) == 2
    config["simulate"]["variety"]["instruments"] = {"usaxs": 1, "reactor_sans": 1}
    assert samples.covariate_faults([config], schema) == []
