"""Facts of scattering that no refactoring may break."""

from math import pi

import numpy as np
import pytest

from pairvae.settings import SansInstrument, SaxsInstrument, Simulate
from pairvae.simulation.materials import scattering_length_density
from pairvae.simulation.simulate import expected_curves
from pairvae.simulation.system_files import load_system

ENERGY, WAVELENGTH = 8.048, 6.0  # keV, Å
NO_BACKGROUND = {"saxs": 0.0, "sans": 0.0}


def instruments(q_min=0.006, q_max=0.5):
    """Both techniques on one q range, without resolution."""
    span = {"q_min_inv_angstrom": q_min, "q_max_inv_angstrom": q_max}
    return Simulate(
        saxs=SaxsInstrument(dq_over_q=0, **span),
        sans=SansInstrument(wavelength_spread=0, dq_min_inv_angstrom=0, **span),
    )


def silica(radius, polydispersity=0.0, volume_fraction=1e-3):
    return {"radius": radius, "polydispersity": polydispersity, "volume_fraction": volume_fraction}


def sld(material, technique, d2o_fraction=1.0):
    return scattering_length_density(material, technique, ENERGY if technique == "saxs" else WAVELENGTH, d2o_fraction)


@pytest.mark.parametrize("technique", ["saxs", "sans"])
def test_sphere_agrees_with_its_closed_form(technique):
    curve = expected_curves(load_system("silica_sphere"), silica(120.0), 1.0, instruments(), NO_BACKGROUND)[technique]
    x = curve.q * 120.0
    amplitude = 3 * (np.sin(x) - x * np.cos(x)) / x**3
    contrast = (sld("silica", technique) - sld("water", technique)) * 1e-6  # 1/Å²
    closed = 1e-3 * (4 / 3 * pi * 120.0**3) * contrast**2 * amplitude**2 * 1e8  # 1/Å -> 1/cm
    np.testing.assert_allclose(curve.intensity, closed, rtol=1e-6, atol=1e-9 * closed.max())


@pytest.mark.parametrize("technique", ["saxs", "sans"])
def test_guinier_radius_of_a_sphere_is_its_radius_times_the_root_of_three_fifths(technique):
    settings = instruments(q_min=0.0005, q_max=0.1)
    curve = expected_curves(load_system("silica_sphere"), silica(100.0), 1.0, settings, NO_BACKGROUND)[technique]
    low = curve.q * 100 < 0.5
    slope = np.polyfit(curve.q[low] ** 2, np.log(curve.intensity[low]), 1)[0]
    assert np.sqrt(-3 * slope) == pytest.approx(np.sqrt(3 / 5) * 100, rel=0.01)


def test_resolution_of_the_default_saxs_instrument_keeps_the_guinier_radius():
    curve = expected_curves(load_system("silica_sphere"), silica(60.0), 1.0, Simulate(), NO_BACKGROUND)["saxs"]
    low = curve.q * 60 < 0.8
    slope = np.polyfit(curve.q[low] ** 2, np.log(curve.intensity[low]), 1)[0]
    assert np.sqrt(-3 * slope) == pytest.approx(np.sqrt(3 / 5) * 60, rel=0.02)


def test_smooth_surfaces_fall_as_the_fourth_power_of_q():
    curve = expected_curves(load_system("silica_sphere"), silica(200.0, 0.2), 1.0, instruments(), NO_BACKGROUND)["saxs"]
    high = curve.q > 0.1
    slope = np.polyfit(np.log(curve.q[high]), np.log(curve.intensity[high]), 1)[0]
    assert slope == pytest.approx(-4, abs=0.03)


def test_x_rays_hardly_tell_d2o_from_h2o():
    # SLDs of 9.44 and 9.41e-6/Å² at real densities: 0.6 % of the intensity of silica
    curves = [
        expected_curves(load_system("silica_sphere"), silica(120.0, 0.1), d2o, instruments(), NO_BACKGROUND)["saxs"]
        for d2o in (0.0, 1.0)
    ]
    ratio = curves[1].intensity / curves[0].intensity
    contrast = [sld("silica", "saxs") - sld("water", "saxs", d2o) for d2o in (0.0, 1.0)]
    np.testing.assert_allclose(ratio, (contrast[1] / contrast[0]) ** 2, rtol=1e-6)
    assert np.abs(ratio - 1).max() < 0.01


def test_contrast_matched_silica_scatters_only_background():
    match = (sld("silica", "sans") - sld("water", "sans", 0.0)) / (
        sld("water", "sans", 1.0) - sld("water", "sans", 0.0)
    )
    assert match == pytest.approx(0.58, abs=0.02)  # about 58 % D2O for amorphous silica
    settings = Simulate()
    matched = expected_curves(load_system("silica_sphere"), silica(120.0, 0.1), match, settings)["sans"]
    background = (1 - match) * settings.sans.incoherent_h2o_per_cm + match * settings.sans.incoherent_d2o_per_cm
    np.testing.assert_allclose(matched.intensity, background, rtol=1e-6)
    in_d2o = expected_curves(load_system("silica_sphere"), silica(120.0, 0.1), 1.0, settings)["sans"]
    assert in_d2o.intensity[0] > 10 * background


@pytest.mark.parametrize(
    ("material", "x_ray", "neutron"),
    [
        ("H2O@0.997", 9.44, -0.56),
        ("D2O@1.105", 9.40, 6.35),
        ("silica", 18.9, 3.47),
        ("polystyrene", 9.61, 1.41),
        ("peo", 10.46, 0.64),
        ("ppo", 9.42, 0.34),
        ("gold", 124.7, 4.66),
        ("lipid_tail", 8.02, -0.21),
        # 164 electrons and 60.05 fm x 1e-5 in 325 Å³
        ("lipid_head", 164 * 2.818e-5 / 325 * 1e6, 1.85),
    ],
)
def test_scattering_length_densities_agree_with_literature(material, x_ray, neutron):
    # in 1e-6/Å²; the second limit is for numbers near zero, which literature rounds to 0.01
    assert sld(material, "saxs") == pytest.approx(x_ray, rel=0.02)
    assert sld(material, "sans") == pytest.approx(neutron, rel=0.02, abs=0.01)


def forward(name, parameters, technique, d2o_fraction):
    """Intensity of a system at q -> 0."""
    settings = instruments(q_min=1e-5, q_max=1e-3)
    return expected_curves(load_system(name), parameters, d2o_fraction, settings, NO_BACKGROUND)[technique].intensity[0]


@pytest.mark.parametrize("technique", ["saxs", "sans"])
@pytest.mark.parametrize("d2o_fraction", [0.0, 0.5, 1.0])
class TestWaterInShellsAddsNothingToForwardScattering:
    """I(0) = volume fraction of dry substance · dry volume of a particle · (mean dry contrast)²."""

    def expected(self, volumes, materials, technique, d2o_fraction):
        solvent = sld("water", technique, d2o_fraction)
        excess = sum(
            volume * (sld(material, technique, d2o_fraction) - solvent)
            for volume, material in zip(volumes, materials, strict=True)
        )
        return 1e-2 * excess**2 / sum(volumes) * 1e-4  # (1e-6/Å²)² · Å³ -> 1/cm

    def test_of_micelles(self, technique, d2o_fraction):
        drawn = {"core_radius": 60.0, "shell_thickness": 30.0, "shell_hydration": 0.6}
        drawn |= {"polydispersity": 0.0, "volume_fraction": 1e-2}
        core, whole = 4 / 3 * pi * 60.0**3, 4 / 3 * pi * 90.0**3
        expected = self.expected((core, 0.4 * (whole - core)), ("polystyrene", "peo"), technique, d2o_fraction)
        assert forward("micelle", drawn, technique, d2o_fraction) == pytest.approx(expected, rel=1e-3)

    def test_of_pluronic_cylinders(self, technique, d2o_fraction):
        drawn = {"core_radius": 40.0, "shell_thickness": 20.0, "shell_hydration": 0.6, "length": 300.0}
        drawn |= {"polydispersity": 0.0, "volume_fraction": 1e-2}
        core, whole = pi * 40.0**2 * 300.0, pi * 60.0**2 * 340.0
        expected = self.expected((core, 0.4 * (whole - core)), ("ppo", "peo"), technique, d2o_fraction)
        assert forward("pluronic_cylinder", drawn, technique, d2o_fraction) == pytest.approx(expected, rel=1e-3)

    def test_of_vesicles(self, technique, d2o_fraction):
        drawn = {"radius": 100.0, "tail_length": 14.0, "head_length": 8.0}
        drawn |= {"polydispersity": 0.0, "volume_fraction": 1e-2}
        tails = 4 / 3 * pi * (136.0**3 - 108.0**3)
        heads = tails * 325.0 / 961.7  # Å³ of one DOPC head and of its tails
        expected = self.expected((tails, heads), ("lipid_tail", "lipid_head"), technique, d2o_fraction)
        # heads and tails nearly cancel for X-rays: the rounded volumes show
        assert forward("vesicle", drawn, technique, d2o_fraction) == pytest.approx(expected, rel=5e-3)


def test_bragg_peak_of_lamellae_lies_at_their_repeat_distance_for_both_techniques():
    drawn = {"volume_fraction": 0.02, "tail_length": 14.5, "head_length": 8.0, "water_thickness": 18.0}
    drawn |= {"layers": 10, "caille_parameter": 0.05}
    curves = expected_curves(load_system("lamellar_bilayer"), drawn, 1.0, Simulate(), NO_BACKGROUND)
    for curve in curves.values():
        near = (curve.q > 0.07) & (curve.q < 0.13)
        peak = curve.q[near][np.argmax(curve.intensity[near])]
        assert peak == pytest.approx(2 * pi / 63.0, rel=0.03)
