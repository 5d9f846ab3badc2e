"""The copied curve and the errors that the benchmark of measured pairs compares."""

import numpy as np
import pytest
from measured_pairs import compared, show, smeared_copy
from rich.console import Console

from pairvae.evaluation.shape_errors import after_background, after_factor
from pairvae.samples.measured_samples import MeasuredSample
from pairvae.scattering.spectrum import Spectrum

Q = np.geomspace(0.005, 0.3, 200)
GUINIER = 10 * np.exp(-((Q * 40) ** 2) / 3)


@pytest.mark.parametrize("background", [0.3, -2e-3])
def test_a_curve_that_differs_by_factor_and_background_has_no_error(background):
    curve = GUINIER + 0.01
    measured = 7.0 * (curve + background)
    kept = measured > 0
    predicted, measured = np.log10(curve[kept]), np.log10(measured[kept])
    assert after_background(predicted, measured) < 1e-3
    assert after_background(predicted, measured) < 0.1 * after_factor(predicted, measured)


def test_a_background_never_makes_the_error_larger():
    random = np.random.default_rng(1)
    predicted, measured = random.normal(size=(2, 50))
    assert after_background(predicted, measured) <= after_factor(predicted, measured)


def test_smearing_a_minimum_fills_it_and_a_narrow_resolution_leaves_the_curve():
    x = Q * 60
    sphere = (3 * (np.sin(x) - x * np.cos(x)) / x**3) ** 2 + 1e-9
    source = [Spectrum(Q, sphere)]
    at = int(np.argmin(np.where(Q < 0.1, sphere, 1)))
    assert 10 ** smeared_copy(source, Q, 0.1 * Q)[at] > 10 * sphere[at]
    assert smeared_copy(source, Q[1:-1], 1e-9 * Q[1:-1]) == pytest.approx(np.log10(sphere[1:-1]), abs=1e-6)


def test_where_the_source_has_no_points_there_is_no_copy():
    copy = smeared_copy([Spectrum(Q[50:150], GUINIER[50:150])], Q, 0.01 * Q)
    assert np.isnan(copy[:50]).all()
    assert np.isnan(copy[150:]).all()
    assert np.isfinite(copy[50:150]).all()


def test_the_copy_of_a_proportional_curve_is_perfect_and_the_table_says_so(trained, capsys):
    from pairvae.use.trained_model import load_model

    model = load_model(trained.path("model"))
    q = model.q("saxs")
    low, high = max(q[0], model.q("sans")[0]), min(q[-1], model.q("sans")[-1])
    q = q[(q >= low) & (q <= high)]
    curve = 5 * np.exp(-((q * 40) ** 2) / 3) + 0.01
    curves = {
        "saxs": [Spectrum(q, curve, 0.001 * curve, 1e-9 * q, "saxs")],
        "sans": [Spectrum(q, 3 * curve, 0.003 * curve, 1e-9 * q, "sans")],
    }
    table, left_out = compared([MeasuredSample("carbon", curves, {"material": "carbon"})], model, "sans")
    assert left_out == []
    assert table["copy"][0] < 0.005
    assert table["background"][0] > table["copy"][0]
    show(table, "sans", Console(width=150))
    assert "better than the copied curve / level within 10 % / worse: 0 / 0 / 1" in capsys.readouterr().out
