"""Curves denoised and filled in by their own technique's network."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest

from pairvae.evaluation.scores import denoising
from pairvae.formats.read import read_spectrum
from pairvae.prepare.spectra_file import Spectra

NOISE = 0.6  # σ over intensity: a handful of counts


def noisy(sample, seed):
    q = np.geomspace(0.01, 0.4, 90)
    exact = sample.intensity("saxs", q)
    intensity = exact * (1 + NOISE * np.random.default_rng(seed).normal(size=q.size))
    return sample.curve("saxs", intensity=intensity, sigma=NOISE * exact)


def off(sample, one, rows=slice(None)):
    return np.sqrt(np.mean(np.log10(one.intensity / sample.intensity("saxs", one.q))[rows] ** 2))


def test_denoised_curve_is_nearer_the_truth_than_a_measurement_of_few_counts(model, spheres):
    curves = [noisy(one, seed) for seed, one in enumerate(spheres)]
    found = model.reconstruct(curves, "saxs", [one.covariates for one in spheres])
    gridded = model.gridded([[curve] for curve in curves], "saxs")
    measured, denoised = [], []
    for one, again, log, mask in zip(spheres, found, gridded.log_intensity, gridded.mask, strict=True):
        measured.append(np.sqrt(np.mean((log - np.log10(one.intensity("saxs", gridded.q)))[mask] ** 2)))
        denoised.append(off(one, again, mask))
    assert np.median(denoised) < np.median(measured)


def test_range_that_was_not_measured_is_filled_in_and_marked(model, spheres):
    for one in spheres:
        whole = one.curve("saxs")
        cut = slice(30, None)  # a beam stop that hides the lowest q
        curve = one.curve("saxs", q=whole.q[cut], intensity=whole.intensity[cut], sigma=whole.sigma[cut])
        (again,) = model.reconstruct(curve, "saxs", one.covariates)
        np.testing.assert_array_equal(again.measured, (again.q >= curve.q[0]) & (again.q <= curve.q[-1]))
        assert (again.lower < again.intensity).all()
        assert (again.intensity < again.upper).all()


def test_bands_where_nothing_was_measured_cover_the_truth(model, spheres):
    inside = []
    for one in spheres:
        whole = one.curve("saxs")
        cut = slice(None, 60)
        curve = one.curve("saxs", q=whole.q[cut], intensity=whole.intensity[cut], sigma=whole.sigma[cut])
        (again,) = model.reconstruct(curve, "saxs", one.covariates)
        truth = one.intensity("saxs", again.q)
        inside.append(((again.lower <= truth) & (truth <= again.upper))[~again.measured])
    assert np.mean(np.concatenate(inside)) > 0.75  # of 90 %, learned from 15 samples


@pytest.mark.parametrize("format", ["nxcansas", "csv"])
def test_file_reads_back_and_says_what_was_measured(pairvae, trained, model, raw, spheres, format):
    options = ("--model", trained.path("model"), "--technique", "saxs", "--output", raw / "out", "--format", format)
    code, out, err = pairvae("reconstruct", raw / "samples.csv", *options)
    assert code == 0, err
    assert out.count("points filled in") == 6
    one = spheres[0]
    (expected,) = model.reconstruct(one.curve("saxs"), "saxs", one.covariates)
    path = raw / "out" / f"{one.name}.saxs.{'h5' if format == 'nxcansas' else 'csv'}"
    again = read_spectrum(path, technique="saxs")
    np.testing.assert_allclose(again.intensity, expected.intensity, rtol=1e-5)
    if format == "csv":
        measured = pd.read_csv(path, comment="#")["is_measured"].to_numpy()
    else:
        with h5py.File(path) as file:
            measured = file["sasentry/sasdata/is_measured"][:]
    np.testing.assert_array_equal(measured, expected.measured)


def test_denoising_is_measured_by_noise_from_few_counts_to_many():
    rng = np.random.default_rng(0)
    sigma = np.repeat([0.4, 0.01, 0.1, 0.02], 25)[:, None] * np.ones(50)
    truth = np.zeros((100, 50))
    mask = rng.random((100, 50)) < 0.9
    measured = np.where(mask, truth + sigma * rng.normal(size=truth.shape), np.nan)
    spectra = Spectra("saxs", np.geomspace(0.01, 1, 50), measured, np.where(mask, sigma, np.nan), mask, [""] * 100)
    found = denoising(spectra, np.full(truth.shape, 0.05), truth)
    assert [row["samples"] for row in found] == [25] * 4
    assert [row["sigma_dex"] for row in found] == [0.4, 0.1, 0.02, 0.01]
    np.testing.assert_allclose([row["rmse_measured"] for row in found], [0.4, 0.1, 0.02, 0.01], rtol=0.1)
    np.testing.assert_allclose([row["rmse_denoised"] for row in found], 0.05)


def test_metrics_say_what_denoising_is_worth_where_the_truth_is_known(evaluated):
    metrics = json.loads(evaluated.path("evaluated/metrics.json").read_text(encoding="utf-8"))
    for technique in ("saxs", "sans"):
        levels = metrics["denoising"][technique]
        noise = [level["sigma_dex"] for level in levels]
        assert noise == sorted(noise, reverse=True)
        with h5py.File(evaluated.path("evaluated/predictions.h5")) as file:
            error = file[f"predicted/{technique}_from_{technique}/log_intensity"][:]
            error = error - file[f"truth/{technique}/log_intensity"][:]
            error[np.isnan(file[f"measured/{technique}/log_intensity"][:])] = np.nan
        weights = np.isfinite(error).sum()
        mean = sum(level["rmse_denoised"] ** 2 * level["samples"] for level in levels) / len(error)
        assert np.sqrt(mean) == pytest.approx(np.sqrt(np.nansum(error**2) / weights), rel=0.05)
    without = json.loads(evaluated.path("without_truth/metrics.json").read_text(encoding="utf-8"))
    assert without["denoising"] == {}
