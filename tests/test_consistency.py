"""Which curves belong together: checking pairs, and finding partners."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import torch

from pairvae.errors import UserError
from pairvae.models.tensors import paired_tensors
from pairvae.trust.consistency import conformal, p_values, pair_measures


@pytest.fixture(scope="module")
def pairs(trained, model):
    """Test pairs as the networks see them, and their materials."""
    files = [trained.path(name) for name in ("spectra/saxs.h5", "spectra/sans.h5", "pairs.csv")]
    return paired_tensors(*files, model.network, "test")


def curves(spheres, technique):
    return [one.curve(technique) for one in spheres]


def covariates_of(spheres):
    return [one.covariates for one in spheres]


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_true_pairs_are_called_wrong_as_often_as_stated(alpha):
    rng = np.random.default_rng(1)
    alarms = [conformal(rng.normal(size=200), np.sort(rng.normal(size=199))) <= alpha for _ in range(200)]
    assert np.mean(alarms) == pytest.approx(alpha, abs=0.01)


def test_p_values_lie_between_one_over_all_and_one():
    known = np.arange(19.0)
    np.testing.assert_allclose(conformal(np.array([-1, 18, 99]), known), [1, 2 / 20, 1 / 20])


def test_true_pairs_look_more_alike_than_swapped_ones(model, spheres):
    saxs, sans = curves(spheres, "saxs"), curves(spheres, "sans")
    right = model.check(saxs, sans, covariates_of(spheres))
    wrong = model.check(saxs, sans[1:] + sans[:1], covariates_of(spheres))
    assert np.median(right.p_value) > 0.2
    assert np.median(wrong.p_value) < np.median(right.p_value) / 2
    assert (wrong.measures.max(axis=1) > right.measures.max(axis=1)).mean() > 0.7


def test_wrong_concentration_shows_as_a_factor(model, spheres):
    factor = []
    for one in spheres:
        double = one.curve("sans", intensity=2 * one.curve("sans").intensity, sigma=2 * one.curve("sans").sigma)
        right, wrong = (model.check(one.curve("saxs"), sans, one.covariates) for sans in (one.curve("sans"), double))
        factor.append(wrong.factor[0, 0] / right.factor[0, 0])
    np.testing.assert_allclose(factor, 2, rtol=0.01)


@pytest.mark.parametrize("silent", [False, True])
def test_pairs_are_compared_with_pairs_of_which_as_much_was_told(trained, model, silent):
    # the validation pairs themselves: their p-values are the ranks, whichever covariates they had
    files = [trained.path(name) for name in ("spectra/saxs.h5", "spectra/sans.h5", "pairs.csv")]
    pairs = paired_tensors(*files, model.network, "val")
    if silent:
        pairs = {t: one | {"covariates": torch.zeros_like(one["covariates"])} for t, one in pairs.items()}
    fitted = model.calibration.consistency
    found = p_values(model.network, pairs, pair_measures(model.network, pairs, fitted), fitted)
    samples = len(found)
    np.testing.assert_allclose(np.sort(found), np.arange(2, samples + 2) / (samples + 1))


def test_counts_must_agree(model, spheres):
    with pytest.raises(UserError, match="2 SAXS and 1 SANS curves"):
        model.check(curves(spheres[:2], "saxs"), curves(spheres[:1], "sans"))


def test_suspect_pairs_of_a_samples_csv_are_listed(pairvae, trained, raw, spheres):
    few = sorted(spheres[:6], key=lambda sphere: sphere.radius)
    small, large = few[0].name, few[-1].name
    text = (raw / "samples.csv").read_text()
    swap = {f"sans/{small}.": f"sans/{large}.", f"sans/{large}.": f"sans/{small}."}
    swapped = re.sub("|".join(map(re.escape, swap)), lambda found: swap[found[0]], text)
    options = ("--model", trained.path("model"), "--alarm", 0.2, "--output", raw / "checks.csv")
    p = {}
    for name, content in (("right", text), ("swapped", swapped)):
        (raw / f"{name}.csv").write_text(content)
        code, out, err = pairvae("check", raw / f"{name}.csv", *options)
        assert code == 0, err
        table = pd.read_csv(raw / "checks.csv")
        assert set(table["sample"]) == {sphere.name for sphere in few}
        assert table["p_value"].is_monotonic_increasing
        assert (table["suspect"] == (table["p_value"] <= 0.2)).all()
        assert f"{table['suspect'].sum()} of 6 pairs suspect" in out
        p[name] = table.set_index("sample")["p_value"]
    assert (p["swapped"][[small, large]] <= 0.2).all()
    assert (p["swapped"][[small, large]] < p["right"][[small, large]]).all()
    others = [sphere.name for sphere in few[1:-1]]
    pd.testing.assert_series_equal(p["swapped"][others], p["right"][others])


def test_two_files_get_one_sentence(pairvae, trained, raw, spheres):
    files = [raw / "raw" / t / f"{spheres[0].name}.csv" for t in ("saxs", "sans")]
    code, out, err = pairvae("check", files[0], "--sans", files[1], "--model", trained.path("model"))
    assert code == 0, err
    assert f"{spheres[0].name}: consistent, p = " in out
    assert "the smallest p-value is" in out  # 15 validation pairs cannot raise an alarm at 5 %


def test_nearer_partners_are_found_than_by_chance(model, spheres):
    saxs, sans = curves(spheres, "saxs"), curves(spheres, "sans")
    for asking, among, to in ((saxs, sans, "sans"), (sans, saxs, "saxs")):
        found = model.match(asking, among, to, 3, covariates_of(spheres), covariates_of(spheres))
        assert found.candidate.shape == (len(spheres), 3)
        assert (np.diff(found.likeness, axis=1) <= 0).all()
        right = found.candidate == np.arange(len(spheres))[:, None]
        assert right.any(axis=1).mean() > 2 * 3 / len(spheres)


def test_metrics_hold_what_the_same_functions_find(evaluated, model, pairs):
    metrics = json.loads(evaluated.path("evaluated/metrics.json").read_text(encoding="utf-8"))
    from pairvae.use.match import match_tensors

    best = match_tensors(model, pairs["saxs"], pairs["sans"], "sans", 5).candidate
    right = best == np.arange(len(best))[:, None]
    found = metrics["retrieval_by_likelihood"]["sans_of_saxs"]
    assert found == {"top1": right[:, 0].mean(), "top5": right.any(axis=1).mean(), "asked": 12, "candidates": 12}
    assert metrics["pair_check"]["alarm"] == 0.05
    assert 0 <= metrics["pair_check"]["false_alarms"] <= metrics["pair_check"]["swapped_found"] <= 1


def test_partners_are_written_with_rank_and_p_value(pairvae, trained, model, raw, spheres):
    options = ("--model", trained.path("model"), "--to", "saxs", "-k", 2, "--output", raw / "matches.csv")
    code, out, err = pairvae("match", raw / "samples.csv", *options)
    assert code == 0, err
    assert "6 sans curves, 6 saxs candidates" in out
    table = pd.read_csv(raw / "matches.csv")
    some = spheres[:6]
    found = model.match(curves(some, "sans"), curves(some, "saxs"), "saxs", 2, covariates_of(some), covariates_of(some))
    assert table["rank"].tolist() == [1, 2] * 6
    assert table["partner"].tolist() == [some[i].name for i in found.candidate.ravel()]
    np.testing.assert_allclose(table["p_value"], found.p_value.ravel())


def test_candidates_may_be_a_folder_and_must_be_named(pairvae, trained, raw, spheres):
    file = raw / "raw" / "saxs" / f"{spheres[0].name}.csv"
    options = ("--model", trained.path("model"), "--to", "sans", "--output", raw / "matches.csv")
    code, _, err = pairvae("match", file, *options, "--among", raw / "raw" / "sans")
    assert code == 0, err
    assert len(pd.read_csv(raw / "matches.csv")) == 5
    code, _, err = pairvae("match", file, *options)
    assert code == 2
    assert "expected the sans curves to choose from as --among" in err
