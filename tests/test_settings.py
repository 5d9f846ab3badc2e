"""Settings: the generated files, the unknown keys."""

import json
from pathlib import Path

import pytest
import yaml

from pairvae.errors import UserError
from pairvae.settings import JointTrain, Pretrain, Settings
from pairvae.settings.defaults import default_yaml, schema_json
from pairvae.settings.parse import parse, stage_class

CONFIGS = Path(__file__).parents[1] / "configs"


def test_default_yaml_and_schema_are_what_the_settings_generate():
    assert (CONFIGS / "default.yaml").read_text() == default_yaml(), "run `pairvae defaults configs`"
    assert (CONFIGS / "schema.json").read_text() == schema_json(), "run `pairvae defaults configs`"


def test_default_yaml_holds_the_defaults():
    assert parse(Settings, yaml.safe_load(default_yaml()), "default.yaml") == Settings()


def test_every_setting_in_default_yaml_says_what_it_is():
    lines = [line for line in default_yaml().splitlines() if line and not line.strip().startswith("#")]
    values = [line for line in lines if not line.rstrip().endswith((":", "{}"))]
    assert all("  # " in line and line.rstrip().endswith(".") for line in values)


@pytest.mark.parametrize("name", ["tiny.yaml", "measured.yaml", "published.yaml", "contrast.yaml", "universal.yaml"])
def test_shipped_configurations_are_valid(name):
    parse(Settings, yaml.safe_load((CONFIGS / name).read_text()) or {}, name)


@pytest.mark.parametrize(
    ("values", "path", "near"),
    [
        (
            {"joint_train": {"redundancy_wieght": 1}},
            "joint_train.redundancy_wieght",
            "joint_train.redundancy_weight",
        ),
        ({"pretrain": {"saxs": {"kl_wait": 1}}}, "pretrain.saxs.kl_wait", "pretrain.saxs.kl_weight"),
        ({"sample": "a.csv"}, "sample", "samples"),
        (
            {"pretrain": {"sans": {"architecture": {"chanels": [1]}}}},
            "pretrain.sans.architecture.chanels",
            "pretrain.sans.architecture.channels",
        ),
        ({"simulate": {"systems": {"micele": 1}}}, "simulate.systems.micele", "micelle"),
    ],
)
def test_unknown_key_is_named_with_its_path_and_the_nearest_valid_name(values, path, near):
    with pytest.raises(UserError) as caught:
        parse(Settings, values, "my.yaml")
    assert "my.yaml" in str(caught.value)
    assert path in str(caught.value)
    assert near in str(caught.value)
    assert "\n" not in str(caught.value)


def test_value_out_of_limits_is_named_with_what_was_found():
    with pytest.raises(UserError, match=r"pretrain\.saxs\.steps.*found 0"):
        parse(Settings, {"pretrain": {"saxs": {"steps": 0}}}, "my.yaml")


def test_settings_do_not_change_once_read():
    with pytest.raises(ValueError, match="frozen"):
        JointTrain().steps = 3


def test_stages_are_found_by_their_names_and_only_by_those():
    assert stage_class("pretrain.saxs") is Pretrain
    assert stage_class("joint_train") is JointTrain
    for wrong in ("pretrain.xray", "seed", "nothing"):
        with pytest.raises(UserError, match="no stage"):
            stage_class(wrong)


def test_schema_marks_what_the_workflow_fills_in():
    schema = json.loads(schema_json())
    filled = {name for name, one in schema["$defs"]["Pretrain"]["properties"].items() if one.get("filled_in")}
    assert filled == {"seed", "numerics", "latent_dim", "covariates", "monitor", "figures_every"}
