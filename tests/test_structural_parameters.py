"""Structural parameters that predicted curves keep or lose."""

import json

import numpy as np
import pytest
from conftest import Q, draw_spheres

from pairvae.evaluation.structural_parameters import kept_structure
from pairvae.prepare.spectra_file import Spectra
from pairvae.techniques import CROSS_PATHS


@pytest.fixture(scope="module")
def known():
    """Spectra of spheres, and the same without noise, log10 I."""
    q = Q["saxs"]
    exact = np.array([np.log10(one.intensity("saxs", q)) for one in draw_spheres(count=40)])
    sigma = np.full(exact.shape, 0.01)
    noisy = exact + sigma * np.random.default_rng(0).normal(size=exact.shape)
    mask = np.ones(exact.shape, bool)
    mask[:, :2] = mask[:, 50:53] = False
    names = [str(i) for i in range(len(exact))]
    return Spectra("saxs", q, noisy.astype(np.float32), sigma.astype(np.float32), mask, names), exact


def test_curve_that_is_predicted_exactly_keeps_everything(known):
    measured, exact = known
    for name, found in kept_structure(measured, exact, exact.copy()).items():
        assert found["samples"] > 20, name
        assert found["median_relative_error"] == found["p90_relative_error"] == 0
        assert 0 < found["median_relative_error_of_measured"] < 0.05


def test_factor_on_a_prediction_changes_its_invariant_alone(known):
    measured, exact = known
    found = kept_structure(measured, exact, exact + np.log10(1.3))
    assert found["guinier_radius"]["median_relative_error"] == pytest.approx(0, abs=1e-9)
    assert found["porod_exponent"]["median_relative_error"] == pytest.approx(0, abs=1e-9)
    assert found["invariant"]["median_relative_error"] == pytest.approx(0.3, rel=1e-6)


def test_prediction_of_larger_particles_has_a_larger_guinier_radius(known):
    measured, exact = known
    q = measured.q
    wider = np.array([np.interp(np.log(q * 1.1), np.log(q), curve) for curve in exact])
    found = kept_structure(measured, exact, wider)
    assert found["guinier_radius"]["median_relative_error"] == pytest.approx(0.1, abs=0.02)


def test_without_truth_predictions_are_compared_with_what_was_measured(known):
    measured, _ = known
    found = kept_structure(measured, None, measured.log_intensity.astype(float))
    assert found["guinier_radius"]["median_relative_error"] == 0
    assert "median_relative_error_of_measured" not in found["guinier_radius"]


def test_metrics_say_what_both_directions_keep(evaluated):
    structure = json.loads(evaluated.path("evaluated/metrics.json").read_text(encoding="utf-8"))["structure"]
    assert set(structure) == set(CROSS_PATHS)
    for found in structure.values():
        assert list(found) == ["guinier_radius", "porod_exponent", "invariant"]
        assert found["guinier_radius"]["samples"] > 0
        assert found["guinier_radius"]["median_relative_error"] < 0.5
