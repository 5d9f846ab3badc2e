"""Bands that keep their word among unlike samples, for whole curves, and where something is missing."""

import numpy as np
import pytest
import torch

from pairvae.models.tensors import paired_tensors, take
from pairvae.prepare.covariates import Covariate
from pairvae.techniques import CROSS_PATHS, PATHS, ends
from pairvae.trust.bands import NEAR, WIDEST
from pairvae.trust.conformal import conformal_factor
from pairvae.trust.missing import PLACES, SHARES, covariates_known, gaps, hide_range, nearest_situation, put, situations
from pairvae.trust.neighbours import BINS, FEW, binned, local_error, nearest
from pairvae.trust.novelty import Novelty

POINTS = 64


def two_kinds(rng, count):
    """Codes, and |errors| over a standard error that knows nothing of the kind: one kind errs six times more."""
    kind = rng.integers(0, 2, count)
    code = torch.from_numpy(rng.normal(size=(count, 3)) + 6.0 * kind[:, None]).float()
    return code, kind, np.abs(rng.standard_t(5, size=(count, POINTS))) * np.where(kind == 1, 0.6, 0.1)[:, None]


def corrected(train, code, score):
    """Scores over the local error of the nearest training samples, and that error."""
    local = local_error(binned(train[2], NEAR), nearest(code, train[0], NEAR).row, POINTS)
    return score / local, local


@pytest.mark.parametrize("validation", [60, 600])
def test_every_kind_of_samples_is_covered_without_being_named(validation):
    rng = np.random.default_rng(1)
    train, val, new = (two_kinds(rng, count) for count in (2000, validation, 2000))
    code, kind, score = new
    local_score, local = corrected(train, code, score)
    factor = conformal_factor(corrected(train, val[0], val[2])[0], 0.9)
    one_for_all = conformal_factor(val[2], 0.9)
    for which in (0, 1):
        assert (local_score <= factor)[kind == which].mean() == pytest.approx(0.9, abs=0.03)
    assert (score <= one_for_all)[kind == 1].mean() < 0.85
    assert (factor * local).mean() < 0.8 * one_for_all.mean()


def test_coverage_is_exact_on_average_for_few_validation_samples_whatever_the_training_samples_say():
    rng = np.random.default_rng(2)
    liars = two_kinds(rng, 1000)
    train = (liars[0], liars[1], rng.exponential(size=liars[2].shape))  # errors that mean nothing
    found = []
    for _ in range(150):
        val, new = two_kinds(rng, 30), two_kinds(rng, 30)
        factor = conformal_factor(corrected(train, val[0], val[2])[0], 0.9)
        found.append((corrected(train, new[0], new[2])[0] <= factor).mean())
    assert np.mean(found) == pytest.approx(0.9, abs=0.015)


def test_too_few_training_samples_leave_one_factor_for_all():
    rng = np.random.default_rng(3)
    train = two_kinds(rng, FEW * NEAR - 1)
    local = local_error(binned(train[2], NEAR), nearest(two_kinds(rng, 50)[0], train[0], NEAR).row, POINTS)
    assert (local == local[0]).all()


def test_ranges_without_a_measurement_get_the_error_of_the_others():
    score = np.random.default_rng(4).exponential(size=(300, POINTS))
    score[:, :20] = np.nan
    found = binned(score, NEAR)
    assert found.shape == (300, BINS)
    assert found.isfinite().all()
    assert found[:, 0].mean() == pytest.approx(np.nanmean(score), rel=0.05)


# What is missing


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("share", SHARES)
def test_a_share_of_the_measured_points_is_hidden_where_it_was_asked(place, share):
    mask = torch.zeros(2, 100)
    mask[0, 10:90], mask[1] = 1, 1
    hidden = hide_range(mask, place, share)
    assert (hidden <= mask).all()
    left = 1 - hidden.sum(dim=1) / mask.sum(dim=1)
    assert left.tolist() == pytest.approx([share, share])
    low, within, high = (gaps(hidden) - gaps(mask)).T
    assert {"low": low, "middle": within, "high": high}[place].min() > 0
    assert (low + within + high).numpy() == pytest.approx((mask - hidden).mean(dim=1).numpy())


def test_one_point_is_always_left():
    assert hide_range(torch.ones(1, 3), "middle", 0.99).sum() == 1


def test_every_situation_is_recognised_as_itself():
    mask = torch.ones(5, 200)
    cases = situations(with_covariates=True)
    typical = torch.stack([gaps(put({"mask": mask, "covariates": mask}, one)["mask"])[0] for one in cases])
    for number, case in enumerate(cases):
        assert nearest_situation(put({"mask": mask, "covariates": mask}, case)["mask"], typical) == [number] * 5
    assert len({one.name for one in cases + situations(with_covariates=False)}) == 2 * len(cases)


def test_covariates_of_a_sample_are_known_only_where_every_one_is():
    described = (Covariate(name="d2o", kind="number"), Covariate(name="buffer", kind="category", values=("a", "b")))
    known = torch.tensor([[0.0, 1, 0, 1], [0, 0, 0, 1], [0.3, 1, 0, 0], [0, 0, 0, 0]])
    assert covariates_known(known, described).tolist() == [True, False, False, False]
    assert covariates_known(known[:, :0], ()).tolist() == [True] * 4


# The model's bands


@pytest.fixture(scope="module")
def val(trained, model):
    """Validation pairs of the small model."""
    files = [trained.path(name) for name in ("spectra/saxs.h5", "spectra/sans.h5", "pairs.csv")]
    return paired_tensors(*files, model.network, "val")


def inside(model, path, pairs, case, joint=False):
    """Which measured points of the target lie in the band; True where nothing was measured."""
    target, source = ends(path)
    read, known = model.encoded(source, put(pairs[source], case)), pairs[target]
    band = model.bands(path, read, known["covariates"] * float(case.with_covariates), joint)
    value, mask = known["log_intensity"].double().numpy(), known["mask"].numpy() > 0
    return (value >= band.lower) & (value <= band.upper) | ~mask, mask


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("with_covariates", [True, False])
def test_band_covers_the_curves_it_was_calibrated_with_whatever_is_hidden(model, val, path, with_covariates):
    for case in situations(with_covariates):
        covered, mask = inside(model, path, val, case)
        assert covered[mask].mean() > 0.87, case.name


@pytest.mark.parametrize("path", PATHS)
def test_joint_band_holds_whole_curves_and_is_wider(model, val, path):
    case = situations(with_covariates=True)[0]
    whole, _ = inside(model, path, val, case, joint=True)
    each, _ = inside(model, path, val, case)
    assert whole.all(axis=1).mean() >= 0.9
    assert each.all(axis=1).mean() < whole.all(axis=1).mean()
    target, source = ends(path)
    shown = (path, model.encoded(source, val[source]), val[target]["covariates"])
    narrow, wide = model.bands(*shown), model.bands(*shown, joint=True)
    assert (wide.upper - wide.lower > narrow.upper - narrow.lower).all()
    np.testing.assert_array_equal(wide.middle, narrow.middle)


@pytest.mark.parametrize("path", PATHS)
def test_band_of_a_curve_unlike_the_training_is_wider_by_so_much(model, val, path):
    target, source = ends(path)
    read = model.encoded(source, take(val[source], slice(4)))
    usual, wider = (
        model.bands(path, read._replace(novelty=Novelty(unlike, np.zeros(4))), val[target]["covariates"][:4])
        for unlike in (np.full(4, 0.1), np.array([0.2, 1.0, 3.0, 1e6]))
    )
    np.testing.assert_array_equal(wider.middle, usual.middle)
    times = (wider.upper - wider.lower) / (usual.upper - usual.lower)
    np.testing.assert_allclose(times, np.array([1, 1, 3, WIDEST])[:, None].repeat(times.shape[1], axis=1), rtol=1e-6)


@pytest.mark.parametrize("path", CROSS_PATHS)
def test_less_of_a_curve_gives_a_wider_band(model, val, path):
    target, source = ends(path)
    read, known = model.encoded(source, val[source]), val[target]["covariates"]
    widths = []
    for share in (0.0, 0.75):
        shorter = read.curve._replace(mask=hide_range(read.curve.mask, "low", share))
        band = model.bands(path, read._replace(curve=shorter), known)
        widths.append((band.upper - band.lower).mean())
    assert widths[0] < widths[1]
