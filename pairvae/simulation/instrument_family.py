"""Families of real instruments: a file each, from which a number of instruments are drawn once and for all."""

import zlib
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pairvae.errors import UserError
from pairvae.scattering.spectrum import Curve, Technique

SHIPPED = Path(__file__).parent / "instruments"
VARIANTS = 64  # instruments of a family: enough that no two curves need be alike, few enough to keep
STEP = 0.02  # of the lattice in ln q where cross sections are computed; see benchmarks/systems.py
PINHOLE = np.linspace(-3, 3, 13)  # where a Gaussian resolution is sampled, in standard deviations
SLIT_POINTS = 32
OVERLAP = 0.15  # of one detector distance with the next, in decades of q

Range = Annotated[tuple[float, float], Field(description="Low and high.")]


class Family(BaseModel):
    """What instruments of one kind have in common.

    Parameters
    ----------
    description, source : str
        What they are, and where they are described.
    technique : {"saxs", "sans"}
        What they measure.
    probe : tuple of float
        X-ray energies in keV or neutron wavelengths in Å, of which one is drawn.
    distances : tuple of int
        Detector distances that a curve is put together from.
    q_min, q_max : pair of float
        Limits of the ends of a curve in 1/Å, drawn log-uniformly.
    points : pair of int
        Limits of the number of points.
    spacing : tuple of str
        How they lie.
    dq_over_q, dq_min : pair of float
        Limits of both parts of the resolution, standard deviations; the second in 1/Å.
    slit : float
        Share of instruments whose slit smearing is not corrected.
    slit_length : pair of float
        Limits of the slit's length in 1/Å, from its middle to its end.
    exposure : pair of float
        Limits of the counts per cross section of 1/cm and q area of 1/Å², drawn log-uniformly for each curve.
    blank : pair of float
        Limits of solvent, cell and stray radiation in 1/cm.
    systematic : pair of float
        Limits of a relative error beside the counting noise.
    with_dq : float
        Share of instruments that report the resolution.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: str
    source: str
    technique: Technique
    probe: tuple[float, ...] = Field(min_length=1)
    distances: tuple[int, ...] = Field(min_length=1)
    q_min: Range
    q_max: Range
    points: tuple[int, int]
    spacing: tuple[Literal["log", "linear"], ...] = ("log",)
    dq_over_q: Range
    dq_min: Range
    slit: float = Field(0, ge=0, le=1)
    slit_length: Range = (0.02, 0.05)
    exposure: Range
    blank: Range
    systematic: Range
    with_dq: float = Field(0, ge=0, le=1)


@dataclass(frozen=True)
class Setup:
    """One instrument.

    Parameters
    ----------
    name : str
        Family and number.
    technique : {"saxs", "sans"}
        What it measures.
    probe : float
        X-ray energy in keV or neutron wavelength in Å.
    q : array, shape (points,)
        Where it measures, in 1/Å.
    dq : array, shape (points,), optional
        Standard deviation of its resolution in 1/Å, where it reports one.
    nodes : array, shape (points, nodes)
        Where the cross section is sampled for each point, in 1/Å.
    weights : array, shape (nodes,)
        Of these samples.
    area : array, shape (points,)
        Area of the detector plane around each point in 1/Å².
    exposure : pair of float
        Limits of the counts per cross section of 1/cm and q area of 1/Å².
    blank : float
        Solvent, cell and stray radiation in 1/cm.
    systematic : float
        Relative error beside the counting noise.
    """

    name: str
    technique: Technique
    probe: float
    q: Curve
    dq: Curve | None
    nodes: Curve
    weights: Curve
    area: Curve
    exposure: tuple[float, float]
    blank: float
    systematic: float

    @property
    def lattice(self) -> tuple[int, int]:
        """Numbers of the first and last point in ln q, in steps of STEP, that hold all nodes with some to spare."""
        low, high = np.log(self.nodes.min()) / STEP, np.log(self.nodes.max()) / STEP
        return int(np.floor(low)) - 2, int(np.ceil(high)) + 2

    def smeared(self, ln_q: Curve, ln_intensity: Curve) -> Curve:
        """What the instrument sees of a cross section, from its logarithm on a lattice of ln q."""
        from scipy.interpolate import make_interp_spline

        spline = make_interp_spline(ln_q, ln_intensity, k=3)
        seen: Curve = np.exp(spline(np.log(self.nodes))) @ self.weights
        return seen


@cache
def load_family(name: str) -> Family:
    """A family of the package by its name.

    Raises
    ------
    UserError
        There is none, or its file is wrong.
    """
    path = SHIPPED / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(file.stem for file in SHIPPED.glob("*.yaml")))
        raise UserError(f"simulate.variety.instruments: {name!r} is unknown; expected one of {known}; mend it")
    try:
        return Family.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        fault = error.errors()[0]
        raise UserError(f"{path}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}; mend it") from None


@lru_cache(maxsize=4096)
def instrument_of(name: str, variant: int) -> Setup:
    """One instrument of a family; the same for the same number, whatever the seed of a simulation.

    Parameters
    ----------
    name : str
        Of the family.
    variant : int
        From 0 to VARIANTS - 1.

    Raises
    ------
    UserError
        There is no such family.
    """
    family = load_family(name)
    rng = np.random.default_rng([zlib.crc32(name.encode()), variant])
    probe = family.probe[int(rng.integers(len(family.probe)))]
    distances = family.distances[int(rng.integers(len(family.distances)))]
    q_min, q_max = _log_uniform(rng, family.q_min), _log_uniform(rng, family.q_max)
    count = round(_log_uniform(rng, family.points))
    spacing = family.spacing[int(rng.integers(len(family.spacing)))]
    relative, least = _log_uniform(rng, family.dq_over_q), _log_uniform(rng, family.dq_min)
    q, dq = _settings(q_min, q_max, count, spacing, distances, relative, least)
    is_slit, length = rng.uniform() < family.slit, _log_uniform(rng, family.slit_length)
    if is_slit:
        middles = (np.arange(SLIT_POINTS) + 0.5) / SLIT_POINTS
        # closer together near the middle of the slit, where the curve is high
        nodes, weights = np.hypot(q[:, None], length * middles**2), 2 * middles / SLIT_POINTS
    else:
        nodes = np.maximum(q[:, None] + PINHOLE * dq[:, None], 0.1 * q[:, None])
        weights = np.exp(-(PINHOLE**2) / 2)
    says_dq = rng.uniform() < family.with_dq and not is_slit
    blank, systematic = rng.uniform(*family.blank), rng.uniform(*family.systematic)
    return Setup(
        f"{name}_{variant}",
        family.technique,
        probe,
        q,
        dq if says_dq else None,
        nodes,
        weights / weights.sum(),
        2 * np.pi * q * np.gradient(q),
        family.exposure,
        blank,
        systematic,
    )


def _log_uniform(rng: np.random.Generator, limits: tuple[float, float]) -> float:
    return float(np.exp(rng.uniform(*np.log(limits))))


def _settings(
    q_min: float, q_max: float, count: int, spacing: str, distances: int, relative: float, least: float
) -> tuple[Curve, Curve]:
    """Points and resolution of a curve put together from detector distances; near ones resolve less."""
    edges = np.geomspace(q_min, q_max, distances + 1)
    values, widths = [], []
    for number, (low, high) in enumerate(pairwise(edges)):
        start = low * 10 ** (-OVERLAP * (number > 0))
        points = max(12, count // distances)
        q = np.linspace(start, high, points) if spacing == "linear" else np.geomspace(start, high, points)
        values.append(q)
        widths.append(np.hypot(relative * q, least * low / q_min))
    q, dq = np.concatenate(values), np.concatenate(widths)
    order = np.argsort(q)
    kept = np.concatenate([[True], np.diff(q[order]) > 1e-9])
    return q[order][kept], dq[order][kept]
