"""The wide prior: reproducible, honest about what it drew, and seen by instruments as they are."""

import csv
import json

import numpy as np
import pytest
import yaml

from pairvae.errors import UserError
from pairvae.jobs.part import Part
from pairvae.scattering.curves_file import CurvesFile
from pairvae.settings import SaxsInstrument, Settings, Simulate, Variety
from pairvae.settings.simulation import INSTRUMENT_NAMES, SYSTEM_NAMES
from pairvae.simulation.cross_section import bare_intensity
from pairvae.simulation.fast_cross_section import both_cross_sections
from pairvae.simulation.instrument_family import STEP, instrument_of, load_family
from pairvae.simulation.materials import material, scattering_length_density
from pairvae.simulation.simulate import simulate
from pairvae.simulation.system_files import load_system
from pairvae.simulation.validation import typical, validate
from pairvae.simulation.varied_sample import varied_pair

FILES = ("saxs.h5", "sans.h5", "truth_saxs.h5", "truth_sans.h5", "samples.csv")
INSTRUMENTS = {"laboratory_saxs": 1.0, "usaxs": 1.0, "reactor_sans": 1.0, "time_of_flight_sans": 1.0}
SHARES = {"pure_water": 0.4, "other_water": 0.5, "mixture": 0.2, "clusters": 0.2, "upturn": 0.3, "unsubtracted": 0.3}
SHARES |= {"wrong_scale": 0.3, "arbitrary_scale": 0.3, "no_sigma": 0.3, "wrong_sigma": 0.3}
FAST = {"mineral_sphere": 1, "oxide_in_oil": 1, "microemulsion": 1, "fractal_aggregate": 1, "globular_protein": 1}
WIDE = Simulate(pairs=60, seed=4, systems=FAST, d2o_fraction=(0, 1), variety=Variety(instruments=INSTRUMENTS, **SHARES))


def run(folder, settings, threads=1, part=None):
    folder.mkdir(exist_ok=True)
    simulate(settings, *(folder / name for name in FILES), threads, *([part] if part else []))
    return folder


def curves(folder, name):
    with CurvesFile(folder / name) as file:
        return list(file)


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    folder = run(tmp_path_factory.mktemp("wide"), WIDE)
    with (folder / "samples.csv").open(encoding="utf-8") as file:
        return folder, list(csv.DictReader(file))


def test_processes_and_parts_change_nothing(wide, tmp_path):
    folder, rows = wide
    run(tmp_path / "two", WIDE, threads=2)
    run(tmp_path / "part", WIDE, part=Part(2, 3))
    assert (tmp_path / "two" / "samples.csv").read_bytes() == (folder / "samples.csv").read_bytes()
    for name in FILES[:4]:
        for one, other in zip(curves(folder, name), curves(tmp_path / "two", name), strict=True):
            np.testing.assert_array_equal(one.intensity, other.intensity)
    second = curves(tmp_path / "part", "sans.h5")
    assert [curve.sample for curve in second] == [row["sample_id"] for row in rows[20:40]]
    np.testing.assert_array_equal(second[0].intensity, curves(folder, "sans.h5")[20].intensity)


def test_another_seed_gives_other_samples(wide):
    row, _ = varied_pair(WIDE.model_copy(update={"seed": 5}), 0)
    assert row["parameters"] != wide[1][0]["parameters"]


def test_the_table_says_what_was_drawn(wide):
    folder, rows = wide
    for technique in ("saxs", "sans"):
        for row, curve in zip(rows, curves(folder, f"{technique}.h5"), strict=True):
            assert curve.sample == row["sample_id"]
            assert curve.intensity_unit == row[f"{technique}_intensity_unit"]
            assert curve.source.file.endswith(row[f"{technique}_instrument"])
            if curve.intensity_unit == "1/cm":
                assert abs(np.log10(float(row[f"{technique}_scale"]))) < 1
    watery = [row for row in rows if row["solvent"] == "water"]
    assert all((row["d2o_fraction"] != "") == (row in watery) for row in rows)
    assert any(row["d2o_fraction_saxs"] != row["d2o_fraction"] for row in watery)
    for row in rows:
        solute = json.loads(row["materials"])
        assert row["solute"].split("@")[0].isalnum() or "." in row["solute"]
        assert solute["solvent"] == row["solvent"]
    assert {row["material"] for row in rows} == set(FAST)
    assert any(row["second_material"] for row in rows)


def test_contrasts_in_the_table_are_those_of_the_substances(wide):
    for row in wide[1]:
        main = next(iter(json.loads(row["materials"]).values()))
        d2o = float(row["d2o_fraction"] or 0)
        wavelength = instrument_of(*_named(row["sans_instrument"])).probe
        slds = [scattering_length_density(text, "sans", wavelength, d2o) for text in (main, row["solvent"])]
        assert float(row["contrast_sans"]) == pytest.approx(slds[0] - slds[1])


def _named(instrument):
    name, _, number = instrument.rpartition("_")
    return name, int(number)


def test_sigma_is_missing_or_off_in_about_the_share_that_is_asked_for(wide):
    measured, truth = curves(wide[0], "sans.h5"), curves(wide[0], "truth_sans.h5")
    missing = np.mean([curve.sigma is None for curve in measured])
    assert 0.1 < missing < 0.5
    off = [
        np.std((curve.intensity - exact.intensity) / curve.sigma)
        for curve, exact in zip(measured, truth, strict=True)
        if curve.sigma is not None
    ]
    assert 0.8 < np.median(off) < 1.25
    assert 0.1 < np.mean(np.abs(np.log(off)) > 0.25) < 0.6


def test_backgrounds_are_left_in_or_subtracted_with_a_rest_of_either_sign(wide):
    background = np.array([float(row["sans_background"]) / float(row["sans_scale"] or 1) for row in wide[1]])
    assert (background < 0).any()
    assert (background > 0.03).any()


def test_without_instruments_nothing_else_differs():
    with pytest.raises(ValueError, match="mixture needs instruments"):
        Variety(mixture=0.1)
    with pytest.raises(ValueError, match="nearest name is reactor_sans"):
        Variety(instruments={"reactor_san": 1})


def test_instruments_of_one_technique_are_refused(tmp_path):
    settings = WIDE.model_copy(update={"variety": Variety(instruments={"usaxs": 1})})
    with pytest.raises(UserError, match="names no family of SANS; found usaxs; add one"):
        run(tmp_path, settings)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", INSTRUMENT_NAMES)
def test_every_instrument_is_usable(name):
    for variant in range(64):
        setup = instrument_of(name, variant)
        assert setup.technique == load_family(name).technique
        assert setup.q.size >= 24
        assert (np.diff(setup.q) > 0).all()
        assert setup.nodes.min() > 0
        assert setup.weights.sum() == pytest.approx(1)


def smeared(setup, function):
    low, high = setup.lattice
    ln_q = STEP * np.arange(low, high + 1, dtype=float)
    return setup.smeared(ln_q, np.log(function(np.exp(ln_q))))


def test_a_long_slit_takes_one_power_from_a_slope():
    slit = next(one for one in (instrument_of("kratky_saxs", n) for n in range(64)) if one.nodes.shape[1] == 32)
    near = slit.q < 0.15 * slit.nodes[:, -1].min()
    seen = smeared(slit, lambda q: q**-4.0)
    slope = np.polyfit(np.log(slit.q[near]), np.log(seen[near]), 1)[0]
    assert slope == pytest.approx(-3, abs=0.1)


def test_a_pinhole_adds_its_variance_to_a_peak():
    sharp = next(one for one in (instrument_of("time_of_flight_sans", n) for n in range(64)) if one.q.max() > 0.3)
    middle = sharp.q[np.argmin(np.abs(sharp.q - 0.1))]
    seen = smeared(sharp, lambda q: np.exp(-((q - 0.1) ** 2) / (2 * 0.008**2)) + 1e-9)
    dq = (sharp.nodes[sharp.q == middle].max() - middle) / 3
    width = np.sqrt(np.trapezoid(seen * (sharp.q - 0.1) ** 2, sharp.q) / np.trapezoid(seen, sharp.q))
    assert width == pytest.approx(np.hypot(0.008, dq), rel=0.06)


Q = np.exp(np.arange(-260, -50) * STEP)


def both(system, drawn, d2o, chosen=None):
    probes = {"saxs": 8.048, "sans": 6.0}
    return both_cross_sections(system, drawn, chosen or {}, probes, {"saxs": d2o, "sans": d2o}, Q)


@pytest.mark.parametrize("name", ["micelle", "gold_rod", "mineral_sphere", "globular_protein", "precipitate"])
def test_the_fast_way_agrees_with_sasmodels_own(name):
    system = load_system(name)
    drawn = typical(system)
    fast = both(system, drawn, 0.7)
    for technique, probe in (("saxs", 8.048), ("sans", 6.0)):
        values = system.to_model(drawn, system.sld(technique, probe, 0.7))
        np.testing.assert_allclose(fast[technique], bare_intensity(system, values, Q), rtol=2e-3, atol=1e-7)


@pytest.mark.parametrize("name", SYSTEM_NAMES)
def test_d2o_changes_neither_x_rays_nor_neutrons_where_nothing_exchanges(name):
    """Deuterium has the electrons and the volume of hydrogen; the oil around the particles does not exchange."""
    system = load_system(name)
    oil = {"solvent": "toluene_d8"}
    light, heavy = (both(system, typical(system), d2o, oil) for d2o in (0.0, 1.0))
    inside = [text for key, text in system.substances(oil).items() if key != "solvent"]
    if "water" not in inside:  # of which the density in D2O is known apart
        np.testing.assert_allclose(heavy["saxs"], light["saxs"], rtol=1e-6)
    exchanges = any(material(text).exchanges for text in inside)
    assert np.allclose(heavy["sans"], light["sans"], rtol=1e-9) == (not exchanges)


ONE_SUBSTANCE = [name for name in SYSTEM_NAMES if len(load_system(name).materials) == 1]


@pytest.mark.parametrize("name", ONE_SUBSTANCE)
def test_particles_in_their_own_substance_are_not_seen(name):
    system = load_system(name)
    drawn = {key: 0.0 if key == "hydration_excess" else value for key, value in typical(system).items()}
    (substance,) = (text for key, text in system.substances().items() if key != "solvent")
    matched, seen = both(system, drawn, 0.5, {"solvent": substance}), both(system, drawn, 0.5, {"solvent": "air"})
    for technique in ("saxs", "sans"):
        assert matched[technique].max() <= 1e-9 * seen[technique].max()


SWOLLEN = [
    (name, key)
    for name in SYSTEM_NAMES
    for key in load_system(name).parameters
    if key.endswith(("hydration", "penetration"))
]


@pytest.mark.parametrize(("name", "key"), [one for one in SWOLLEN if one[0] != "raspberry"])
def test_the_volume_fraction_is_that_of_the_dry_substance_however_swollen(name, key):
    """What a file expects of the forward intensity counts the dry volumes only; so it must hold at both limits."""
    system = load_system(name)
    for end in system.parameters[key].limits or (0.1, 0.5):
        checks = [check.model_copy(update={"at": {**check.at, key: end}}) for check in system.validation]
        found = list(validate(system.model_copy(update={"validation": tuple(checks)})))
        assert any(one.check.quantity in ("forward", "intensity", "maximum") for one in found)
        for one in found:
            if one.check.quantity in ("forward", "intensity"):
                assert one.agrees, (end, one.found, one.expected)


def test_settings_of_the_demo_draw_no_instruments():
    assert not Settings().simulate.variety.instruments
    assert Simulate().saxs == SaxsInstrument()


def test_the_universal_prior_names_every_kind(request):
    text = (request.config.rootpath / "configs" / "universal.yaml").read_text(encoding="utf-8")
    simulated = yaml.safe_load(text)["simulate"]
    assert sorted(simulated["systems"]) == sorted(SYSTEM_NAMES)
    assert len(SYSTEM_NAMES) >= 40
    assert set(simulated["variety"]["instruments"]) == set(INSTRUMENT_NAMES)
