"""What codes tell of their samples and how near the prior they lie, against distributions known exactly."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from pairvae.evaluation.code_measures import mutual_information, normality
from pairvae.models.resvae import Code

SAMPLES = 500


@pytest.fixture(scope="module")
def codes():
    return np.random.default_rng(0).normal(size=(SAMPLES, 4))


def test_mutual_information_of_two_normal_numbers_follows_from_their_correlation(codes):
    correlation = 0.9
    noise = np.random.default_rng(1).normal(size=SAMPLES)
    table = pd.DataFrame({"size": correlation * codes[:, 2] + np.sqrt(1 - correlation**2) * noise})
    found = mutual_information(codes, table.assign(material=None))["size"]
    assert found["best"] == pytest.approx(-0.5 * np.log(1 - correlation**2), abs=0.12)
    assert found["component"] == 2
    assert found["best"] <= found["sum"] < found["best"] + 0.3  # the others know nothing


def test_component_that_tells_the_material_knows_its_entropy(codes):
    code = codes.copy()
    kind = np.arange(SAMPLES) % 4
    code[:, 1] += 20 * kind
    table = pd.DataFrame({"material": np.array(["a", "b", "c", "d"])[kind]})
    found = mutual_information(code, table)["material"]
    assert found["entropy"] == pytest.approx(np.log(4))
    assert found["best"] == pytest.approx(np.log(4), abs=0.05)
    assert found["component"] == 1


def test_columns_that_say_nothing_are_left_out_and_gaps_are_no_samples(codes):
    table = pd.DataFrame({"material": None, "same": 1.0, "note": [f"note {i}" for i in range(SAMPLES)]})
    table["half"] = np.where(np.arange(SAMPLES) < 100, np.nan, codes[:, 0])
    found = mutual_information(codes, table)
    assert list(found) == ["half"]
    assert found["half"]["samples"] == SAMPLES - 100


def test_posteriors_that_fill_the_prior_are_normal(codes):
    # N(0, 0.75) means with posteriors of variance 0.25 make N(0, 1)
    mean = torch.from_numpy(np.sqrt(0.75) * codes).float()
    found = normality(Code(mean, torch.full_like(mean, np.log(0.25))), seed=1)
    for name in ("mean", "skewness", "excess_kurtosis", "kolmogorov_smirnov", "wasserstein"):
        assert abs(found[name]["median"]) < 0.15, name
    assert found["std"]["median"] == pytest.approx(1, abs=0.1)
    assert len(found["wasserstein"]["per_unit"]) == 4


def test_shift_and_width_of_a_unit_are_measured(codes):
    mean = codes.copy()
    mean[:, 0] = 3 + 0.01 * mean[:, 0]  # a spike at 3
    mean[:, 1] *= 2
    found = normality(Code(torch.from_numpy(mean), torch.full(mean.shape, -12.0)))
    assert found["mean"]["worst"] == pytest.approx(3, abs=0.01)
    # W₁ of a point at 3 from N(0, 1) is E|3 − z|, of N(0, 4) it is E|z|
    assert found["wasserstein"]["per_unit"][0] == pytest.approx(3.0, abs=0.02)
    assert found["wasserstein"]["per_unit"][1] == pytest.approx(np.sqrt(2 / np.pi), rel=0.1)
    assert found["kolmogorov_smirnov"]["per_unit"][0] == pytest.approx(0.998, abs=0.003)
    assert found["std"]["per_unit"][1] == pytest.approx(2, rel=0.1)


def test_metrics_hold_both_for_the_test_samples(evaluated):
    numbers = json.loads(evaluated.path("evaluated/metrics.json").read_text(encoding="utf-8"))
    for technique in ("saxs", "sans"):
        assert set(numbers["mutual_information"][technique]) == {"material", "d2o_fraction"}
        assert len(numbers["normality"][technique]["std"]["per_unit"]) == 8  # two members of 4 units


def test_texts_that_hardly_occur_twice_are_no_category():
    code = np.random.default_rng(0).normal(size=(20, 3))
    table = pd.DataFrame(
        {
            "material": [f"name {i}" for i in range(20)],
            "batch": ["a"] * 10 + ["b"] * 9 + ["c"],
            "other": [None] * 5 + ["u"] * 13 + ["v"] * 2,
        }
    )
    found = mutual_information(code, table)
    assert list(found) == ["batch"]
    assert found["batch"]["samples"] == 19
