"""Bands that keep their word, and what is unlike the training data."""

import copy
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import binom

from pairvae.models.model_folder import load_folder
from pairvae.models.tensors import paired_tensors
from pairvae.prepare.pair import complete_pairs, read_pairs
from pairvae.scattering.spectrum import Spectrum
from pairvae.settings import Calibrate
from pairvae.trust.calibrate import fit_calibration
from pairvae.trust.calibration import Calibration
from pairvae.trust.conformal import conformal_factor
from pairvae.trust.missing import put, situations
from pairvae.trust.neighbours import distance_in_spread
from pairvae.trust.novelty import WORSE, encoded, flatness

RNG = np.random.default_rng(0)

# Bands


@pytest.mark.parametrize("samples", [400, 1000])
@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.99])
def test_factor_is_the_textbook_order_statistic_of_enough_samples(samples, coverage):
    score = RNG.exponential(size=(samples, 7))
    rank = int(np.ceil((samples + 1) * coverage))
    np.testing.assert_array_equal(conformal_factor(score, coverage), np.sort(score, axis=0)[rank - 1])


@pytest.mark.parametrize("coverage", [0.8, 0.9])
@pytest.mark.parametrize("samples", [20, 60, 400])
def test_fresh_measurements_are_covered_as_promised_at_every_q(samples, coverage):
    # errors of another size and shape at every end of the curve, changing slowly along q as they do
    points, runs = 60, 300
    width = np.linspace(1, 1.5, points)
    covered = np.zeros(points)
    for _ in range(runs):
        *seen, fresh = width * np.abs(RNG.standard_t(4, size=(samples + 1, points)))
        covered += fresh <= conformal_factor(np.array(seen), coverage)
    inside = slice(5, -5)  # at the ends the neighbours in q lie on one side
    low, high = binom.ppf([1e-4, 1 - 1e-4], runs * 50, coverage) / (runs * 50)
    assert low - 0.005 <= covered[inside].mean() / runs <= high + 0.01
    low, high = binom.ppf([1e-6, 1 - 1e-6], runs, coverage) / runs
    assert (covered[inside] / runs >= low - 0.02).all()
    assert (covered[inside] / runs <= high + 0.02).all()


def test_a_larger_coverage_needs_a_wider_band():
    score = RNG.exponential(size=(50, 9))
    factors = [conformal_factor(score, coverage) for coverage in (0.5, 0.7, 0.9, 0.99)]
    assert (np.diff(factors, axis=0) >= 0).all()


def test_factor_scales_with_the_scores():
    score = RNG.exponential(size=(30, 9))
    np.testing.assert_allclose(conformal_factor(3 * score, 0.9), 3 * conformal_factor(score, 0.9), rtol=1e-12)


def test_points_that_were_not_measured_do_not_count():
    score = RNG.exponential(size=(900, 5))
    hidden = np.where(RNG.random(score.shape) < 0.4, np.nan, score)
    for i, factor in enumerate(conformal_factor(hidden, 0.9)):
        known = np.sort(hidden[:, i][np.isfinite(hidden[:, i])])
        assert factor == known[int(np.ceil((known.size + 1) * 0.9)) - 1]


def test_few_samples_borrow_from_their_neighbours_in_q():
    score = RNG.exponential(size=(4, 200))
    alone = score.max(axis=0)
    factor = conformal_factor(score, 0.9)
    assert np.isfinite(factor).all()
    assert factor.std() < 0.5 * alone.std()


@pytest.mark.parametrize("samples", [1, 2, 500])
def test_q_that_was_never_measured_gets_a_factor_all_the_same(samples):
    score = RNG.exponential(size=(samples, 40))
    score[:, 30:] = np.nan
    factor = conformal_factor(score, 0.9)
    assert np.isfinite(factor).all()
    assert (factor > 0).all()


# The model folder


def test_model_json_says_what_the_model_is(trained):
    about = json.loads((trained.path("model") / "model.json").read_text(encoding="utf-8"))
    table = read_pairs(trained.path("pairs.csv"))
    assert about["pairs"] == {split: len(complete_pairs(table, split)) for split in ("train", "val", "test")}
    assert about["settings"]["normalize"]["saxs"]["grid"]["points"] == 50
    assert {"torch", "pairvae", "python"} <= about["versions"].keys()
    assert set(about["inputs_sha256"]) == {"saxs.h5", "sans.h5", "pairs.csv"}
    assert {path.name for path in trained.path("model").iterdir()} == {
        "model.json",
        "weights.safetensors",
        "SHA256SUMS",
    }


# Novelty


def novelty(model, curves, samples=None):
    """Of SAXS curves; the networks see the same covariates as in training."""
    known = [{"d2o_fraction": one.d2o_fraction, "material": one.material} for one in samples or ()]
    found = model.translate(curves, to="sans", covariates=known or None)
    return np.array([prediction.novelty for prediction in found])


def saxs(sample, q_factor=1.0, factor=1.0):
    """A noisy SAXS curve of a sphere in 1/cm on q in 1/Å, or with a mistake in either."""
    q = np.geomspace(0.008, 0.5, 120)
    exact = sample.intensity("saxs", q)
    noise = 1 + 0.03 * np.random.default_rng(5).normal(size=q.size)
    return Spectrum(q * q_factor, factor * exact * noise, 0.03 * factor * exact, technique="saxs", sample=sample.name)


def in_split(project, split):
    names = set(complete_pairs(read_pairs(project.path("pairs.csv")), split)["sample_id"])
    return [sample for sample in project.samples if sample.name in names]


def test_curves_like_those_of_the_training_are_usual(model, trained):
    # measured anew: other noise, and ends that were cut before
    for split in ("train", "val", "test"):
        samples = in_split(trained, split)
        found = novelty(model, [saxs(one) for one in samples], samples)
        assert np.median(found) < 1
        assert np.quantile(found, 0.95) < 1.4


def test_one_in_twenty_validation_curves_is_called_unusual(model, trained):
    files = [trained.path(name) for name in ("spectra/saxs.h5", "spectra/sans.h5", "pairs.csv")]
    val = paired_tensors(*files, model.network, "val")
    for technique in ("saxs", "sans"):
        found = model.encoded(technique, val[technique]).novelty.unlike
        rank = min(int(np.ceil(0.95 * (found.size + 1))), found.size)
        assert np.sort(found)[rank - 1] == pytest.approx(1, rel=1e-6)


def test_flat_background_is_unlike_the_training(model):
    q = np.geomspace(0.008, 0.5, 120)
    flat = Spectrum(q, np.full(q.size, 3.0), np.full(q.size, 0.01), technique="saxs")
    assert novelty(model, [flat])[0] > 3


def test_curve_in_a_wrong_unit_of_q_is_unlike_the_training(model, trained):
    samples = in_split(trained, "test")
    ten_times = novelty(model, [saxs(one, q_factor=10) for one in samples], samples)
    assert (ten_times > 1).all()


def test_curve_in_a_wrong_unit_of_intensity_is_unlike_the_training(model, trained):
    million = novelty(model, [saxs(one, factor=1e6) for one in in_split(trained, "test")])
    assert (million > 1).all()


def test_band_of_a_curve_in_a_wrong_unit_is_wider(model, trained):
    right, wrong = (
        model.translate([saxs(one, factor=factor) for one in in_split(trained, "test")], to="sans")
        for factor in (1, 1e6)
    )

    def width(found):
        return np.median([np.log10(one.upper / one.lower) for one in found])

    assert all(one.novelty > 1 for one in wrong)
    assert width(wrong) > 2 * width(right)


def test_too_much_missing_is_told_from_a_curve_unlike_the_training(model, trained):
    files = [trained.path(name) for name in ("spectra/saxs.h5", "spectra/sans.h5", "pairs.csv")]
    val = paired_tensors(*files, model.network, "val")
    for technique in ("saxs", "sans"):
        for case in situations(with_covariates=False):
            found = model.encoded(technique, put(val[technique], case)).novelty
            worse = float(model.calibration.worse[technique][case]) / WORSE
            assert np.median(found.missing) == pytest.approx(worse)
            assert (found.unlike > 1).mean() <= 0.15
            np.testing.assert_array_equal(found.score > 1, (found.unlike > 1) | (found.missing > 1))


def test_novelty_does_not_depend_on_the_other_curves(model, trained):
    curves = [saxs(one) for one in in_split(trained, "test")]
    together = novelty(model, curves)
    np.testing.assert_allclose(together[0], novelty(model, curves[:1])[0], rtol=1e-4)
    np.testing.assert_allclose(together[1], novelty(model, [replace(curves[1], sample="again")])[0], rtol=1e-4)


def test_what_is_told_of_a_sample_does_not_make_its_curve_strange(model, trained):
    samples = in_split(trained, "test")
    curves = [saxs(one) for one in samples]
    np.testing.assert_array_equal(novelty(model, curves, samples), novelty(model, curves))


def test_shorter_curves_are_usual_while_they_predict_well(model, trained):
    files = [trained.path(name) for name in ("spectra/saxs.h5", "spectra/sans.h5", "pairs.csv")]
    val = paired_tensors(*files, model.network, "val")
    calm = 0
    for technique in ("saxs", "sans"):
        for case in situations(with_covariates=False):
            if model.calibration.worse[technique][case] < WORSE:
                assert (model.encoded(technique, put(val[technique], case)).novelty.score > 1).mean() <= 0.15
                calm += case.hidden > 0
    assert calm


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_novelty_is_a_number_where_codes_have_collapsed(model, trained, share):
    files = [trained.path(name) for name in ("spectra/saxs.h5", "spectra/sans.h5", "pairs.csv")]
    network = copy.deepcopy(model.network)
    last = network.saxs.members[0].encoder.layers[-1]
    with torch.no_grad():
        last.weight[: round(share * model.network.saxs.members[0].latent_dim)] *= 1e-9
    train, val = (paired_tensors(*files, network, split) for split in ("train", "val"))
    fitted = fit_calibration(network, train, val, Calibrate())
    for technique in ("saxs", "sans"):
        found = encoded(network, technique, val[technique], fitted).novelty.score
        assert np.isfinite(found).all()
        assert np.median(found) <= 1


def test_calibration_has_the_names_of_the_model_folder(model, trained):
    tensors, _ = load_folder(trained.path("model"))
    written = {name: tensor for name, tensor in tensors.items() if not name.startswith("network.")}
    again = model.calibration.to_tensors()
    assert again.keys() == written.keys()
    assert all(torch.equal(again[name], tensor) for name, tensor in written.items())
    del tensors["factor.sans_from_saxs.low50"]
    with pytest.raises(KeyError, match=r"factor\.sans_from_saxs\.low50"):
        Calibration.from_tensors(tensors)


def test_samples_of_a_rare_kind_are_not_strange_among_themselves():
    rng = np.random.default_rng(0)
    spread = rng.integers(0, 2, 1000) == 1  # half of the codes lie ten times farther apart
    known = np.where(spread[:, None], 100 + 10 * rng.normal(size=(1000, 3)), rng.normal(size=(1000, 3)))
    wide, narrow, stray = 100 + 10 * rng.normal(size=(200, 3)), rng.normal(size=(200, 3)), 6 + rng.normal(size=(200, 3))
    far = [distance_in_spread(torch.from_numpy(asked), torch.from_numpy(known), 60) for asked in (wide, narrow, stray)]
    assert np.median(far[0]) == pytest.approx(np.median(far[1]), rel=0.15)
    assert (far[2] > max(np.quantile(far[0], 0.95), np.quantile(far[1], 0.95))).all()


def test_distance_counts_across_the_sheet_that_codes_fill_not_within_it():
    rng = np.random.default_rng(1)

    def codes(count):
        turn, along = rng.uniform(0, 2, count), rng.uniform(0, 4, count)
        sheet = np.stack([np.cos(turn), np.sin(turn), along, 0 * turn], axis=1)
        return torch.from_numpy(sheet + 0.01 * rng.normal(size=sheet.shape))

    known, usual = codes(3000), codes(500)
    beside, nearest_known = usual.clone(), torch.cdist(usual, known).min(dim=1).values
    beside[:, 3] += 0.1
    assert 2 * nearest_known.max() > 0.1  # no farther off than the samples of the sheet may be from each other
    limit = np.quantile(distance_in_spread(usual, known, 60), 0.95)
    assert (distance_in_spread(beside, known, 60) > limit).mean() > 0.95


def test_distance_with_all_as_neighbours_is_that_of_mahalanobis():
    draw = np.random.default_rng(2).multivariate_normal([1, 2, 3], [[1, 0.5, 0], [0.5, 2, 0.3], [0, 0.3, 1]], 800)
    asked, known = draw[:50], draw[50:]
    off = asked - known.mean(axis=0)
    squared = np.einsum("ni,ij,nj->n", off, np.linalg.inv(np.cov(known.T)), off) / 3
    found = distance_in_spread(torch.from_numpy(asked), torch.from_numpy(known), len(known))
    np.testing.assert_allclose(found**2, squared, rtol=0.05)  # the ridge


def test_flatness_is_one_for_noise_around_a_constant():
    rng = np.random.default_rng(0)
    sigma = torch.full((50, 80), 0.03)
    flat = {"log_intensity": 0.5 + sigma * torch.from_numpy(rng.normal(size=(50, 80))), "log_sigma": sigma}
    mask = torch.ones(50, 80)
    mask[:, 60:] = 0
    assert flatness({**flat, "mask": mask}) == pytest.approx(1, abs=0.5)
    flat["log_intensity"][:, 60:] = 9  # hidden: does not count
    assert flatness({**flat, "mask": mask}) == pytest.approx(1, abs=0.5)
    falling = {**flat, "log_intensity": flat["log_intensity"] - torch.linspace(0, 2, 80)}
    assert (flatness({**falling, "mask": mask}) < 0.15).all()
