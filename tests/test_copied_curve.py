"""The copied curve: what a scientist does by hand, and what is said where a model loses to it."""

import json
import shutil

import h5py
import numpy as np
import pytest
from conftest import sphere, write_curves

from pairvae.evaluation.copied_curve import copied_curve
from pairvae.evaluation.evaluate import evaluate
from pairvae.prepare.normalize import normalize
from pairvae.prepare.spectra_file import load_spectra
from pairvae.scattering.spectrum import Spectrum
from pairvae.settings import Grid, Normalize, Report
from pairvae.techniques import CROSS_PATHS, ends

Q = np.geomspace(0.005, 0.3, 400)
RADII = np.linspace(30, 80, 12)
FACTOR, BACKGROUND = 7.0, 0.03


def blurred(curve, dq):
    """A curve, given as a function of q, after a Gaussian resolution: the mean over nine widths of it."""
    steps = np.linspace(-4, 4, 41)
    weights = np.exp(-(steps**2) / 2)
    return (curve(np.abs(Q[:, None] + dq[:, None] * steps).ravel()).reshape(Q.size, -1) @ weights) / weights.sum()


@pytest.fixture
def gridded_pairs(tmp_path):
    """Write SAXS and SANS curves of samples; their spectra and their curves files by technique."""

    def write(saxs, sans, q=None):
        curves, spectra = {}, {}
        for technique, (intensities, dq) in {"saxs": saxs, "sans": sans}.items():
            measured = [
                Spectrum(at, values, 0.01 * np.abs(values), dq, technique, f"s{i:02d}")
                for i, values in enumerate(intensities)
                for at in [Q if q is None else q[technique]]
            ]
            curves[technique] = write_curves(tmp_path / f"{technique}.h5", technique, measured)
            grid = Grid(q_min_inv_angstrom=Q[0], q_max_inv_angstrom=Q[-1], points=150)
            normalize(curves[technique], Normalize(grid=grid), tmp_path / f"{technique}.spectra.h5")
            spectra[technique] = load_spectra(tmp_path / f"{technique}.spectra.h5")
        return spectra, curves

    return write


def rms(values):
    return float(np.sqrt(np.nanmean(np.asarray(values) ** 2)))


@pytest.mark.parametrize("background", [BACKGROUND, -1e-3])
def test_a_partner_that_differs_by_a_factor_and_a_background_is_copied_without_error(gridded_pairs, background):
    saxs = [10 * sphere(Q, radius) + 0.01 for radius in RADII]
    spectra, curves = gridded_pairs((saxs, None), ([FACTOR * (curve + background) for curve in saxs], None))
    copy = copied_curve(spectra["saxs"], spectra["sans"], spectra["saxs"], curves)
    assert rms(copy - spectra["sans"].log_intensity) < 2e-3
    back = copied_curve(spectra["sans"], spectra["saxs"], spectra["sans"], curves)
    assert rms(back - spectra["saxs"].log_intensity) < 2e-3


def test_a_sharp_curve_is_smeared_as_the_target_and_a_smeared_curve_is_left_as_it_is(gridded_pairs):
    shapes = [lambda q, radius=radius: 10 * sphere(q, radius) + 0.01 for radius in RADII]
    wide, narrow = 0.08 * Q, 0.001 * Q
    saxs, sans = [shape(Q) for shape in shapes], [blurred(shape, wide) for shape in shapes]
    spectra, curves = gridded_pairs((saxs, narrow), (sans, wide))
    copy = copied_curve(spectra["saxs"], spectra["sans"], spectra["saxs"], curves)
    middle = (spectra["sans"].q > 0.01) & (spectra["sans"].q < 0.2)
    off = rms((copy - spectra["sans"].log_intensity)[:, middle])
    assert off < 0.2 * rms((spectra["saxs"].log_intensity - spectra["sans"].log_intensity)[:, middle])
    back = copied_curve(spectra["sans"], spectra["saxs"], spectra["sans"], curves)
    shift = back - spectra["sans"].log_intensity
    assert np.ptp(shift[:, middle]) < 0.1 * np.ptp(back[:, middle])
    stated = copied_curve(spectra["sans"], spectra["saxs"], spectra["sans"], curves | {"saxs": curves["sans"]})
    np.testing.assert_allclose(back, stated)


def test_a_few_pairs_of_another_contrast_do_not_rule_the_factor(gridded_pairs):
    saxs = [10 * sphere(Q, radius) + 0.01 for radius in RADII]
    sans = [(500 if i in (2, 7) else FACTOR) * curve for i, curve in enumerate(saxs)]
    spectra, curves = gridded_pairs((saxs, None), (sans, None))
    copy = copied_curve(spectra["saxs"], spectra["sans"], spectra["saxs"], curves)
    usual = np.delete(np.arange(len(RADII)), (2, 7))
    assert rms((copy - spectra["sans"].log_intensity)[usual]) < 5e-3


def test_where_the_partner_ends_the_mean_curve_continues_the_copy(gridded_pairs):
    saxs, sans = ([10 * sphere(Q, radius) + 0.01 for radius in RADII] for _ in range(2))
    spectra, curves = gridded_pairs(([one[:300] for one in saxs], None), (sans, None), {"saxs": Q[:300], "sans": Q})
    copy = copied_curve(spectra["saxs"], spectra["sans"], spectra["saxs"], curves)
    assert np.isfinite(copy).all()
    beyond = spectra["sans"].mask.all(axis=0) & (spectra["sans"].q > Q[299] * 1.02)
    shift = (copy - spectra["sans"].log_intensity.mean(axis=0))[:, beyond]
    assert np.ptp(shift, axis=1).max() < 1e-5


@pytest.fixture(scope="module")
def rivalled(evaluated, tmp_path_factory):
    """Metrics, printed text and folder of the trained model beside a copied curve of so many decades of error."""

    def evaluate_beside(off, capsys):
        folder = tmp_path_factory.mktemp("rivalled")
        shutil.copy(evaluated.path("baselines.h5"), folder / "baselines.h5")
        truth = {t: evaluated.path(f"truth/{t}.h5") for t in ("saxs", "sans")}
        with (
            h5py.File(folder / "baselines.h5", "a") as file,
            h5py.File(evaluated.path("evaluated/predictions.h5")) as known,
        ):
            for path in CROSS_PATHS:
                exact = known[f"truth/{ends(path)[0]}/log_intensity"][:]
                wrong = off * np.sin(np.arange(exact.shape[1]))
                file[f"copied_curve/{path}"][:] = np.nan_to_num(exact) + wrong
        files = [evaluated.path(name) for name in ("spectra/saxs.h5", "spectra/sans.h5", "pairs.csv")]
        model, metrics = evaluated.path("model"), folder / "metrics.json"
        capsys.readouterr()
        evaluate(model, *files, folder / "baselines.h5", truth, metrics, folder / "predictions.h5", 1)
        return json.loads(metrics.read_text(encoding="utf-8")), capsys.readouterr().out, folder

    return evaluate_beside


def test_a_model_that_loses_to_the_copied_curve_says_so_everywhere(rivalled, evaluated, capsys):
    from pairvae.report.report import report
    from pairvae.use.model_card import model_card
    from pairvae.use.trained_model import load_model

    metrics, printed, folder = rivalled(1e-4, capsys)
    assert set(metrics["loses_to_copied_curve"]) == set(CROSS_PATHS)
    histories = [evaluated.path(f"pretrain/{t}.csv") for t in ("saxs", "sans")]
    page = folder / "report.html"
    report(folder / "metrics.json", folder / "predictions.h5", evaluated.path("model"), histories, Report(), page)
    card = model_card(load_model(evaluated.path("model")).about, metrics)
    for path, sentence in metrics["loses_to_copied_curve"].items():
        assert "the model is no better than the copied curve as predicted" in sentence
        for text in (printed, page.read_text(encoding="utf-8"), card):
            assert sentence in text
        beside = metrics["beside_copied_curve"][path]
        assert beside["worse"] == beside["samples"] > 0
        assert beside["copied_curve"]["median_after_background"] < 1e-3 < beside["pairvae"]["median_after_background"]


def test_a_model_that_beats_the_copied_curve_says_nothing(rivalled, capsys):
    metrics, printed, _ = rivalled(3.0, capsys)
    assert metrics["loses_to_copied_curve"] == {}
    assert "no better than the copied curve" not in printed
    for beside in metrics["beside_copied_curve"].values():
        assert beside["better"] == beside["samples"]
        assert set(beside["by_material"]) == {"silica", "latex"}
