"""One sample of a wide prior: particles in a solvent, what is around them, and what two drawn instruments make of it.

All of it is drawn from the seed and the number of the sample.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import gamma

import numpy as np

from pairvae.errors import UserError
from pairvae.scattering.spectrum import TECHNIQUES, Curve, Source, Spectrum, Technique
from pairvae.settings import Simulate
from pairvae.simulation.draw import draw_materials, draw_parameters
from pairvae.simulation.fast_cross_section import both_cross_sections
from pairvae.simulation.instrument_family import STEP, VARIANTS, Setup, instrument_of, load_family
from pairvae.simulation.materials import WATER, incoherent_level, material, scattering_length_density
from pairvae.simulation.system import System
from pairvae.simulation.system_files import load_system, shares

COLUMNS = (
    *("sample_id", "material", "second_material", "solute", "solvent", "d2o_fraction", "saxs_d2o_fraction"),
    *("volume_fraction", "saxs_contrast", "sans_contrast", "saxs_intensity_unit", "sans_intensity_unit"),
    *("saxs_scale", "sans_scale", "saxs_background", "sans_background", "saxs_instrument", "sans_instrument"),
    *("parameters", "materials"),
)
Row = dict[str, str | float]
Pair = dict[Technique, tuple[Spectrum, Spectrum]]  # measured and expected
ATTEMPTS = 50  # samples drawn for one number until one can be seen by both techniques
SEEN = 12  # points above three sigma that each technique needs
# scattering of hydrogen that changes the neutron's energy comes on top: water 0.45/cm by the bound cross section,
# 0.95/cm as measured (Carsughi et al., J. Appl. Cryst. 33 (2000) 447)
INELASTIC = 2.1
XRAY_BACKGROUND = (3e-3, 5e-2)  # solvent and cell, 1/cm
RESIDUE = 0.02  # standard deviation of what subtraction leaves, of the whole background
SCALE_ERROR = 0.15  # decades
ARBITRARY = (1e-4, 1e5)  # arbitrary units per 1/cm


@dataclass(frozen=True)
class Particles:
    """One kind of particle of a sample.

    Parameters
    ----------
    system : System
        Kind.
    drawn : dict
        Its parameters.
    chosen : dict
        Its materials, of which there is a choice, and the solvent.
    """

    system: System
    drawn: dict[str, float]
    chosen: dict[str, str]


def varied_pair(settings: Simulate, number: int) -> tuple[Row, Pair]:
    """Draw the sample of this number, and measure it.

    Parameters
    ----------
    settings : Simulate
        With instruments in `variety`.
    number : int
        From 0.

    Returns
    -------
    dict, dict
        Row of samples.csv, and measured and expected curve by technique.

    Raises
    ------
    UserError
        No sample could be seen by both techniques, a system is wrong, or there is no C compiler.
    """
    for attempt in range(ATTEMPTS):
        found = _attempt(settings, number, np.random.default_rng([settings.seed, number, 1, attempt]))
        if found is not None:
            return found
    raise UserError(
        f"simulate: sample {number}: none of {ATTEMPTS} drawn samples is seen by both techniques above their noise; "
        "expected one; raise the volume fractions of the systems"
    )


def _attempt(settings: Simulate, number: int, rng: np.random.Generator) -> tuple[Row, Pair] | None:
    setups = {technique: _draw_setup(settings, technique, rng) for technique in TECHNIQUES}
    first = _draw_particles(settings, rng)
    solvent = first.system.substances(first.chosen)["solvent"]
    d2o_fraction = _draw_water(settings, rng, solvent)
    kinds = [first]
    if rng.uniform() < settings.variety.mixture:
        second = _draw_particles(settings, rng)
        if solvent in second.system.solvent:
            kinds.append(Particles(second.system, second.drawn, second.chosen | {"solvent": solvent}))
    ends = [setup.lattice for setup in setups.values()]
    low, high = min(lowest for lowest, _ in ends), max(highest for _, highest in ends)
    ln_q: Curve = STEP * np.arange(low, high + 1, dtype=np.float64)
    intensity = _particles_seen(kinds, setups, d2o_fraction, np.exp(ln_q), rng)
    if intensity is None:
        return None
    intensity = _surroundings(settings, intensity, np.exp(ln_q), rng)
    name = f"{first.system.name}_{number:0{max(6, len(str(settings.pairs - 1)))}d}"
    facts: Row = {}
    pair: Pair = {}
    for technique, setup in setups.items():
        level = _whole_background(first, solvent, d2o_fraction["sans"], setup, rng)
        measured = _measured(settings, setup, intensity[technique], ln_q, level, name, facts, rng)
        if measured is None:
            return None
        pair[technique] = measured
    return _row(name, kinds, solvent, d2o_fraction, setups) | facts, pair


def _draw_setup(settings: Simulate, technique: Technique, rng: np.random.Generator) -> Setup:
    families = settings.variety.instruments
    names = [name for name, share in families.items() if share > 0 and load_family(name).technique == technique]
    if not names:
        raise UserError(
            f"simulate.variety.instruments: names no family of {technique.upper()}; found "
            f"{', '.join(families)}; add one"
        )
    weights = np.array([families[name] for name in names])
    name = names[int(rng.choice(len(names), p=weights / weights.sum()))]
    return instrument_of(name, int(rng.integers(VARIANTS)))


def _draw_particles(settings: Simulate, rng: np.random.Generator) -> Particles:
    names, weights = _mix(tuple(settings.systems.items()))
    system = load_system(names[int(rng.choice(len(names), p=weights))])
    chosen = draw_materials(system, rng)
    return Particles(system, draw_parameters(system, rng), chosen)


@cache
def _mix(systems: tuple[tuple[str, float], ...]) -> tuple[list[str], Curve]:
    mix = dict(shares(dict(systems)))
    weights = np.array(list(mix.values()))
    return list(mix), weights / weights.sum()


def _draw_water(settings: Simulate, rng: np.random.Generator, solvent: str) -> dict[Technique, float]:
    """Volume fraction of D2O in the water of both measurements, 0 without water."""
    fraction = float(rng.uniform(*settings.d2o_fraction))
    if rng.uniform() < settings.variety.pure_water:
        fraction = float(rng.choice([0.0, rng.uniform(0.97, 1), 1.0], p=[0.3, 0.35, 0.35]))
    same = rng.uniform() >= settings.variety.other_water
    fraction *= solvent == WATER
    return {"saxs": fraction if same else 0.0, "sans": fraction}


def _particles_seen(
    kinds: list[Particles],
    setups: Mapping[Technique, Setup],
    d2o_fraction: Mapping[Technique, float],
    q: Curve,
    rng: np.random.Generator,
) -> dict[Technique, Curve] | None:
    """Cross section of all kinds; None where it is none."""
    probes = {technique: setup.probe for technique, setup in setups.items()}
    share = float(np.exp(rng.uniform(np.log(0.03), np.log(0.97)))) if len(kinds) > 1 else 0.0
    total: dict[Technique, Curve] = {technique: np.zeros(q.size) for technique in TECHNIQUES}
    for kind, part in zip(kinds, (1 - share, share), strict=False):
        seen = both_cross_sections(kind.system, kind.drawn, kind.chosen, probes, d2o_fraction, q)
        for technique in TECHNIQUES:
            total[technique] += part * seen[technique]
    if not all(np.isfinite(curve).all() and curve.max() > 0 for curve in total.values()):
        return None
    return {technique: np.maximum(curve, 1e-9 * curve.max()) for technique, curve in total.items()}


def _surroundings(
    settings: Simulate, intensity: dict[Technique, Curve], q: Curve, rng: np.random.Generator
) -> dict[Technique, Curve]:
    """Clusters of the particles, and the slope of something larger, both of the same contrast as the particles."""
    if rng.uniform() < settings.variety.clusters:
        factor = _clusters(intensity["saxs"], q, rng)
        intensity = {technique: curve * factor for technique, curve in intensity.items()}
    if rng.uniform() < settings.variety.upturn:
        where = float(np.exp(rng.uniform(np.log(0.003), np.log(0.02))))
        strength, exponent = float(np.exp(rng.uniform(np.log(0.03), np.log(10)))), rng.uniform(2.5, 4.2)
        slope = strength * (q / where) ** -exponent
        # the lumps need not be of quite the same composition
        differ = {"saxs": 1.0, "sans": float(np.exp(rng.normal(0, 0.5)))}
        intensity = {
            technique: curve + differ[technique] * np.interp(where, q, curve) * slope
            for technique, curve in intensity.items()
        }
    return intensity


def _clusters(curve: Curve, q: Curve, rng: np.random.Generator) -> Curve:
    """Structure factor of fractal clusters, Teixeira, J. Appl. Cryst. 21 (1988) 781, of particles of a curve's size."""
    number, dimension = float(np.exp(rng.uniform(np.log(2), np.log(100)))), rng.uniform(1.5, 2.8)
    half = np.flatnonzero(curve < 0.5 * curve[0])
    radius = 1.8 / q[half[0] if half.size else -1]  # of a ball whose intensity is half there
    length = radius * ((number - 1) / (dimension * gamma(dimension))) ** (1 / dimension)
    x = q * length
    factor: Curve = 1 + dimension * gamma(dimension - 1) / (q * radius) ** dimension * np.sin(
        (dimension - 1) * np.arctan(x)
    ) / (1 + 1 / x**2) ** ((dimension - 1) / 2)
    return factor


def _whole_background(
    kind: Particles, solvent: str, d2o_fraction: float, setup: Setup, rng: np.random.Generator
) -> float:
    """Flat background of a measurement that nothing was subtracted from, in 1/cm."""
    if setup.technique == "saxs":
        return float(np.exp(rng.uniform(*np.log(XRAY_BACKGROUND))))
    share = min(0.9, kind.drawn.get("volume_fraction", 0.0))
    solute = next(iter(kind.system.substances(kind.chosen).values()))
    light, heavy = (
        INELASTIC
        * ((1 - share) * incoherent_level(around, setup.probe) + share * incoherent_level(inside, setup.probe))
        for around, inside in (
            (material(solvent).h2o, material(solute).h2o),
            (material(solvent).d2o, material(solute).d2o),
        )
    )
    spread = float(np.exp(rng.normal(0, 0.2)))
    return INELASTIC * spread * ((1 - d2o_fraction) * light + d2o_fraction * heavy + 0.002)


def _measured(
    settings: Simulate,
    setup: Setup,
    intensity: Curve,
    ln_q: Curve,
    level: float,
    name: str,
    facts: Row,
    rng: np.random.Generator,
) -> tuple[Spectrum, Spectrum] | None:
    """What the instrument reports, and what it would report on average; None where there is nothing but noise."""
    variety, technique = settings.variety, setup.technique
    expected = setup.smeared(ln_q, np.log(intensity))
    kept = rng.uniform() < variety.unsubtracted
    flat = level if kept else float(rng.normal(0, RESIDUE)) * level
    exposure = float(np.exp(rng.uniform(*np.log(setup.exposure))))
    counts_per_cm = exposure * setup.area
    blank = setup.blank + (0.0 if kept else level)  # counted apart and subtracted
    sample = rng.poisson(np.minimum(counts_per_cm * (expected + level + setup.blank), 1e15))
    empty = rng.poisson(counts_per_cm * blank)
    systematic = setup.systematic * expected
    truth = expected + flat
    # a subtraction that is off leaves `flat` beside the noise
    noisy = (sample - empty) / counts_per_cm + (0.0 if kept else flat)
    noisy += systematic * rng.normal(size=truth.size)
    sigma = np.hypot(np.sqrt(np.maximum(sample + empty, 1)) / counts_per_cm, systematic)
    if np.count_nonzero(expected > 3 * sigma) < SEEN:
        return None
    scale, unit = _draw_scale(settings, rng)
    factor = float(np.exp(rng.uniform(-np.log(3), np.log(3)))) if rng.uniform() < variety.wrong_sigma else 1.0
    reported = None if rng.uniform() < variety.no_sigma else scale * factor * sigma
    facts |= {f"{technique}_intensity_unit": unit, f"{technique}_scale": scale, f"{technique}_background": flat}
    seen = Spectrum(
        setup.q,
        scale * noisy,
        sigma=reported,
        dq=setup.dq,
        technique=technique,
        sample=name,
        source=Source(file=f"simulated:{name.rpartition('_')[0]}:{setup.name}"),
        intensity_unit="arbitrary" if unit == "arbitrary" else "1/cm",
    )
    average = Spectrum(**{**vars(seen), "intensity": scale * truth, "sigma": None})
    return seen, average


def _draw_scale(settings: Simulate, rng: np.random.Generator) -> tuple[float, str]:
    drawn = rng.uniform(), float(np.exp(rng.uniform(*np.log(ARBITRARY)))), rng.uniform(), rng.normal(0, SCALE_ERROR)
    if drawn[0] < settings.variety.arbitrary_scale:
        return drawn[1], "arbitrary"
    return (10 ** float(drawn[3]) if drawn[2] < settings.variety.wrong_scale else 1.0), "1/cm"


def _row(
    name: str,
    kinds: list[Particles],
    solvent: str,
    d2o_fraction: Mapping[Technique, float],
    setups: Mapping[Technique, Setup],
) -> Row:
    first = kinds[0]
    substances = first.system.substances(first.chosen)
    main = next(iter(substances))
    contrast = {
        technique: scattering_length_density(substances[main], technique, setup.probe, d2o_fraction[technique])
        - scattering_length_density(solvent, technique, setup.probe, d2o_fraction[technique])
        for technique, setup in setups.items()
    }
    drawn = dict(first.drawn)
    water = solvent == WATER
    return {
        "sample_id": name,
        "material": first.system.name,
        "second_material": kinds[1].system.name if len(kinds) > 1 else "",
        "solute": material(substances[main]).h2o,
        "solvent": solvent,
        "d2o_fraction": d2o_fraction["sans"] if water else "",
        "saxs_d2o_fraction": d2o_fraction["saxs"] if water else "",
        "volume_fraction": drawn.pop("volume_fraction", ""),
        "saxs_contrast": contrast["saxs"],
        "sans_contrast": contrast["sans"],
        "saxs_instrument": setups["saxs"].name,
        "sans_instrument": setups["sans"].name,
        "parameters": json.dumps(drawn),
        "materials": json.dumps(substances),
    }
