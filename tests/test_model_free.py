"""Guinier radius, Porod exponent and invariant of particles for which they are known exactly."""

import os

import numpy as np
import pytest

from pairvae.scattering.model_free import guinier, invariant, porod

os.environ.setdefault("SAS_OPENCL", "none")


def curve(model, q, **parameters):
    """A model of sasmodels in 1/cm."""
    from sasmodels.core import load_model
    from sasmodels.direct_model import call_kernel

    kernel = load_model(model, dtype="double", platform="dll").make_kernel([q])
    return call_kernel(kernel, {"background": 0.0, **parameters})


@pytest.mark.parametrize("radius", [20, 60, 150])
def test_guinier_radius_of_a_sphere_is_the_root_of_three_fifths_of_its_radius(radius):
    q = np.geomspace(0.1 / radius, 0.5, 300)
    found = guinier(q, curve("sphere", q, radius=radius))
    # within the range of the fit the curve bends by some percent
    assert found.radius == pytest.approx(np.sqrt(3 / 5) * radius, rel=0.02)
    assert found.intensity_0 == pytest.approx(curve("sphere", np.array([1e-6]), radius=radius)[0], rel=0.01)
    assert q[found.points - 1] * found.radius == pytest.approx(1.3, rel=0.03)


def test_guinier_radius_of_a_gaussian_chain_is_its_radius_of_gyration():
    q = np.geomspace(0.001, 0.3, 200)
    intensity = curve("mono_gauss_coil", q, i_zero=70, rg=80)
    assert guinier(q, intensity).radius == pytest.approx(80, rel=0.06)  # its curve bends more than that of a sphere
    assert guinier(q[q < 0.006], intensity[q < 0.006]).radius == pytest.approx(80, rel=0.01)


def test_guinier_radius_bears_noise_and_missing_points():
    random = np.random.default_rng(0)
    q = np.geomspace(0.004, 0.3, 150)
    exact = curve("sphere", q, radius=60)
    sigma = 0.03 * exact
    noisy = exact + sigma * random.normal(size=(200, q.size))
    noisy[:, [0, 5, 9]] = np.nan
    found = guinier(q, noisy, sigma)
    assert np.median(found.radius) == pytest.approx(np.sqrt(3 / 5) * 60, rel=0.02)
    assert found.radius.std() < 0.03 * 60


def test_particle_too_large_for_the_range_has_no_guinier_radius():
    q = np.geomspace(0.01, 0.3, 150)
    assert np.isnan(guinier(q, curve("sphere", q, radius=600)).radius)
    assert np.isnan(guinier(q, np.ones_like(q)).radius)  # nothing falls


def test_porod_exponent_of_spheres_is_four_with_and_without_background():
    q = np.geomspace(0.003, 0.5, 300)
    spheres = curve("sphere", q, radius=80, radius_pd=0.25, radius_pd_n=60, scale=0.01)  # waves of the form factor blur
    flat = 0.02
    for background in (0.0, flat):
        found = porod(q, spheres + background, q_min=4 / (np.sqrt(3 / 5) * 80))
        assert found.exponent == pytest.approx(4, rel=0.03)
        assert found.background == pytest.approx(background, rel=0.05, abs=1e-3 * flat)
    # K = 2π·Δρ²·S/V with S/V = 3φ⟨R²⟩/⟨R³⟩; contrast of the model's defaults 5e-6 1/Å², 1e8 from 1/Å to 1/cm
    area = 3 * 0.01 / 80 * (1 + 0.25**2) / (1 + 3 * 0.25**2)
    law = 2 * np.pi * (5e-6) ** 2 * area * 1e8 * 0.15**-4
    assert found.constant * 0.15**-found.exponent == pytest.approx(law, rel=0.03)


def test_porod_exponent_of_a_gaussian_chain_is_two():
    q = np.geomspace(0.003, 0.5, 300)
    found = porod(q, curve("mono_gauss_coil", q, i_zero=70, rg=150) + 0.01, q_min=10 / 150)
    assert found.exponent == pytest.approx(2, rel=0.02)


def test_porod_exponent_of_many_curves_is_that_of_each():
    q = np.geomspace(0.01, 0.5, 100)
    exponents = np.array([1.0, 2.5, 4.0])
    curves = q ** -exponents[:, None] + 0.3
    found = porod(q, curves, 0.01 * curves)
    np.testing.assert_allclose(found.exponent, exponents, atol=0.01)
    np.testing.assert_allclose(found.background, 0.3, rtol=0.02)
    assert np.isnan(porod(q, curves, q_min=0.45).exponent).all()  # too few points


def test_invariant_of_spheres_is_that_of_two_phases():
    q = np.geomspace(0.002, 0.5, 400)
    radius, fraction, contrast = 60.0, 0.01, 5e-6  # the contrast is that of the model's defaults
    spheres = curve("sphere", q, radius=radius, radius_pd=0.1, radius_pd_n=60, scale=fraction) + 0.01
    end = porod(q, spheres, q_min=5 / radius)
    assert end.background == pytest.approx(0.01, rel=0.05)
    found = invariant(q, spheres, end.background, guinier(q, spheres), end.constant)
    # sasmodels leaves out the factor 1 − φ: its particles do not know of each other
    assert 1e-8 * found == pytest.approx(2 * np.pi**2 * fraction * contrast**2, rel=0.03)


def test_extrapolations_give_the_invariant_of_a_cut_curve_back():
    radius = 60.0
    whole, cut = np.geomspace(1e-4, 3, 4000), np.geomspace(0.015, 0.3, 300)
    exact = invariant(whole, curve("sphere", whole, radius=radius))
    start = guinier(cut, curve("sphere", cut, radius=radius))
    q4 = 2 * np.pi * 25e-12 * 3 / radius * 1e8  # Porod's law of the same spheres at volume fraction 1
    seen = curve("sphere", cut, radius=radius)
    assert invariant(cut, seen) < 0.97 * exact
    assert invariant(cut, seen, start=start, end=q4) == pytest.approx(exact, rel=0.02)


def test_invariant_leaves_out_what_was_not_measured():
    q = np.linspace(0.01, 0.1, 91)
    curves = np.ones((2, q.size))
    curves[1, 50:] = np.nan
    found = invariant(q, curves, background=np.array([0.5, 0.0]))
    np.testing.assert_allclose(found, [0.5 * (0.1**3 - 0.01**3) / 3, (q[49] ** 3 - 0.01**3) / 3], rtol=1e-3)
