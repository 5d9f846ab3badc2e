"""One sample of a wide prior as two drawn instruments measure it: background, noise, scale, sigma.

All of it is drawn from the seed and the number of the sample.
"""

import json
from collections.abc import Mapping

import numpy as np

from pairvae.errors import UserError
from pairvae.scattering.spectrum import TECHNIQUES, Source, Spectrum, Technique
from pairvae.settings import Simulate
from pairvae.settings.simulation import VARIED
from pairvae.simulation.drawn_scattering import Scattering, draw_scattering
from pairvae.simulation.instrument_family import VARIANTS, Setup, instrument_of, load_family
from pairvae.simulation.materials import WATER, incoherent_level, material, scattering_length_density

COLUMNS = (
    *("sample_id", *VARIED, "saxs_intensity_unit", "sans_intensity_unit", "saxs_scale", "sans_scale"),
    *("saxs_background", "sans_background", "saxs_instrument", "sans_instrument", "parameters", "materials"),
)
Row = dict[str, str | float]
MeasuredPair = dict[Technique, tuple[Spectrum, Spectrum]]  # measured and expected
ATTEMPTS = 50  # samples drawn for one number until one can be seen by both techniques
SEEN = 12  # points above three sigma that each technique needs
# scattering of hydrogen that changes the neutron's energy comes on top: water 0.45/cm by the bound cross section,
# 0.95/cm as measured (Carsughi et al., J. Appl. Cryst. 33 (2000) 447)
INELASTIC = 2.1
XRAY_BACKGROUND = (3e-3, 5e-2)  # solvent and cell, 1/cm
RESIDUE = 0.02  # standard deviation of what subtraction leaves, of the whole background
SCALE_ERROR = 0.15  # decades
ARBITRARY = (1e-4, 1e5)  # arbitrary units per 1/cm


def varied_pair(settings: Simulate, number: int) -> tuple[Row, MeasuredPair]:
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


def _attempt(settings: Simulate, number: int, rng: np.random.Generator) -> tuple[Row, MeasuredPair] | None:
    setups = {technique: _draw_setup(settings, technique, rng) for technique in TECHNIQUES}
    drawn = draw_scattering(settings, setups, rng)
    if not all(np.isfinite(curve).all() and curve.max() > 0 for curve in drawn.intensity.values()):
        return None
    name = f"{drawn.kinds[0].system.name}_{number:0{max(6, len(str(settings.pairs - 1)))}d}"
    facts: Row = {}
    pair: MeasuredPair = {}
    for technique, setup in setups.items():
        level = _whole_background(drawn, setup, rng)
        measured = _measured(settings, setup, drawn, level, name, facts, rng)
        if measured is None:
            return None
        pair[technique] = measured
    return _row(name, drawn, setups) | facts, pair


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


def _whole_background(drawn: Scattering, setup: Setup, rng: np.random.Generator) -> float:
    """Flat background of a measurement that nothing was subtracted from, in 1/cm."""
    if setup.technique == "saxs":
        return float(np.exp(rng.uniform(*np.log(XRAY_BACKGROUND))))
    kind, solvent, d2o_fraction = drawn.kinds[0], drawn.solvent, drawn.d2o_fraction["sans"]
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
    drawn: Scattering,
    level: float,
    name: str,
    facts: Row,
    rng: np.random.Generator,
) -> tuple[Spectrum, Spectrum] | None:
    """What the instrument reports, and what it would report on average; None where there is nothing but noise."""
    variety, technique = settings.variety, setup.technique
    expected = setup.smeared(drawn.ln_q, np.log(drawn.intensity[technique]))
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


def _row(name: str, sample: Scattering, setups: Mapping[Technique, Setup]) -> Row:
    kinds, solvent, d2o_fraction = sample.kinds, sample.solvent, sample.d2o_fraction
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
        "d2o_fraction_saxs": d2o_fraction["saxs"] if water else "",
        "volume_fraction": drawn.pop("volume_fraction", ""),
        "contrast_saxs": contrast["saxs"],
        "contrast_sans": contrast["sans"],
        "saxs_instrument": setups["saxs"].name,
        "sans_instrument": setups["sans"].name,
        "parameters": json.dumps(drawn),
        "materials": json.dumps(substances),
    }
