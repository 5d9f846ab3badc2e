"""What is in one sample of a wide prior, and what it scatters: particles in a solvent, others beside them, clusters."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from math import gamma

import numpy as np

from pairvae.scattering.spectrum import TECHNIQUES, Curve, Technique
from pairvae.settings import Simulate
from pairvae.simulation.draw import draw_materials, draw_parameters
from pairvae.simulation.fast_cross_section import both_cross_sections
from pairvae.simulation.instrument_family import STEP, Setup
from pairvae.simulation.materials import WATER
from pairvae.simulation.system import System
from pairvae.simulation.system_files import load_system, shares


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


@dataclass(frozen=True)
class Scattering:
    """What is in one sample, and what it scatters without any instrument.

    Parameters
    ----------
    kinds : tuple of Particles
        Kinds of particles, the main one first.
    solvent : str
        Name or formula@density.
    d2o_fraction : dict
        Volume fraction of D2O in the water of the measurement, by technique.
    ln_q : array, shape (points,)
        Logarithm of q in 1/Å, in steps of STEP.
    intensity : dict
        Cross section in 1/cm by technique, shape (points,).
    """

    kinds: tuple[Particles, ...]
    solvent: str
    d2o_fraction: dict[Technique, float]
    ln_q: Curve
    intensity: dict[Technique, Curve]


def draw_scattering(settings: Simulate, setups: Mapping[Technique, Setup], rng: np.random.Generator) -> Scattering:
    """Draw particles with what is around them, and compute their cross sections where both instruments look.

    Parameters
    ----------
    settings : Simulate
        Kinds of particles, D2O fractions, and the shares in `variety`.
    setups : mapping
        Instrument by technique.
    rng : numpy Generator
        Random numbers.

    Raises
    ------
    UserError
        A system is wrong, or there is no C compiler.
    """
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
    intensity = _surroundings(settings, intensity, np.exp(ln_q), rng)
    return Scattering(tuple(kinds), solvent, d2o_fraction, ln_q, intensity)


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
) -> dict[Technique, Curve]:
    """Cross section of all kinds; of none of them below a billionth of its largest value."""
    probes = {technique: setup.probe for technique, setup in setups.items()}
    share = float(np.exp(rng.uniform(np.log(0.03), np.log(0.97)))) if len(kinds) > 1 else 0.0
    total: dict[Technique, Curve] = {technique: np.zeros(q.size) for technique in TECHNIQUES}
    for kind, part in zip(kinds, (1 - share, share), strict=False):
        seen = both_cross_sections(kind.system, kind.drawn, kind.chosen, probes, d2o_fraction, q)
        for technique in TECHNIQUES:
            total[technique] += part * seen[technique]
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
