"""Cross sections of one sample for X-rays and neutrons at once, as quickly as the sizes allow.

Geometry is the same to both; where their contrasts are parallel one computation serves both. The q range is computed in
pieces, each with as many sizes and orientations as its highest q needs. sasmodels brings the quadratures.

Not to be called from two threads at once: a kernel of sasmodels then gives wrong numbers without a word.
"""

import re
from collections.abc import Mapping
from functools import cache
from math import ceil
from typing import Any, NamedTuple

import numpy as np

from pairvae.scattering.spectrum import TECHNIQUES, Curve, Technique
from pairvae.simulation.cross_section import SIZE_STEP, built_model
from pairvae.simulation.system import System, Values

PIECE = 3.0  # highest over lowest q of a piece
# by the number of angles that an average over orientations runs over
SIZE_POINTS = {0: (11, 90), 1: (9, 28), 2: (5, 7)}  # least and most sizes, over ±3 standard deviations
MOST_PIECES = 4
# q · longest half axis up to which so many points of a Gauss-Legendre quadrature, as sasmodels brings them, do
ORIENTATIONS = {1: ((25.0, 20), (np.inf, 76)), 2: ((np.inf, 20),)}
PARALLEL = 1e-9


class _Facts(NamedTuple):
    """What the parameters of a model are."""

    slds: tuple[str, ...]
    scales: tuple[str, ...]
    lengths: tuple[str, ...]
    ratios: tuple[str, ...]
    angles: int  # that an average over orientations runs over


def both_cross_sections(
    system: System,
    drawn: Values,
    chosen: Mapping[str, str],
    probes: Mapping[Technique, float],
    d2o_fraction: Mapping[Technique, float],
    q: Curve,
) -> dict[Technique, Curve]:
    """Scattering of the particles alone in 1/cm, as X-rays and neutrons see it.

    Parameters
    ----------
    system : System
        Kind of particle.
    drawn : mapping
        A value for each of its parameters.
    chosen : mapping
        Materials by their name in the file.
    probes : mapping
        X-ray energy in keV and neutron wavelength in Å.
    d2o_fraction : mapping
        Volume fraction of D2O in the water, by technique.
    q : array, shape (points,)
        Increasing, in 1/Å.

    Raises
    ------
    UserError
        There is no C compiler, or an expression has no value.
    """
    values = {
        technique: system.to_model(
            drawn, system.sld(technique, probes[technique], d2o_fraction[technique], chosen), chosen
        )
        for technique in TECHNIQUES
    }
    facts = _facts(system.model)
    ratio = _ratio(values["saxs"], values["sans"], facts)
    if ratio is None:
        return {technique: _intensity(system, values[technique], facts, q) for technique in TECHNIQUES}
    # the stronger contrast is computed: the other one may be none at all
    first: Technique = "saxs" if ratio <= 1 else "sans"
    intensity = _intensity(system, values[first], facts, q)
    return {"saxs": intensity / max(ratio, 1.0), "sans": intensity * min(ratio, 1.0)}


def _ratio(saxs: Values, sans: Values, facts: _Facts) -> float | None:
    """Intensity seen by neutrons over that by X-rays, where one number says it for all q."""
    if any(saxs[name] != sans[name] for name in saxs if name not in facts.slds and name not in facts.scales):
        return None
    scales = {sans[name] / saxs[name] for name in facts.scales if saxs.get(name)} or {1.0}
    if max(scales) - min(scales) > PARALLEL * max(scales):
        return None
    first, second = (np.array([values[name] for name in facts.slds if name in values]) for values in (saxs, sans))
    if not first.size:
        return max(scales)
    first, second = first - first[0], second - second[0]
    norm = float(first @ first)
    factor = float(first @ second) / norm if norm else 0.0
    if not norm or np.abs(second - factor * first).max() > PARALLEL * np.abs(second).max():
        return None
    return max(scales) * factor**2


def _intensity(system: System, values: Values, facts: _Facts, q: Curve) -> Curve:
    from sasmodels.direct_model import call_kernel

    half = max((values[name] / (2 if "length" in name else 1) for name in facts.lengths if name in values), default=0.0)
    longest = half * max([1.0, *(values[name] for name in facts.ratios if name in values)])
    least, most = SIZE_POINTS[facts.angles]
    found = []
    for piece in _pieces(q):
        points = 0
        if facts.angles:
            points = next(count for limit, count in ORIENTATIONS[facts.angles] if piece[-1] * longest <= limit)
        spread: dict[str, float | str] = {}
        for one in system.polydispersity:
            name = one.parameter
            count = ceil(6 * values[f"{name}_pd"] * values[name] * piece[-1] / SIZE_STEP)
            spread |= {f"{name}_pd_n": min(max(least, count), most), f"{name}_pd_nsigma": 3}
            spread[f"{name}_pd_type"] = one.distribution
        kernel = built_model(system.model, points).make_kernel([piece])
        found.append(call_kernel(kernel, {**values, **spread, "background": 0.0}))
    return np.concatenate(found)


def _pieces(q: Curve) -> list[Curve]:
    pieces: list[Curve] = []
    end = q.size
    while end:
        start = int(np.searchsorted(q, q[end - 1] / PIECE)) if len(pieces) < MOST_PIECES - 1 else 0
        pieces.insert(0, np.ascontiguousarray(q[start:end]))
        end = start
    return pieces


@cache
def _facts(model: str) -> _Facts:
    info = built_model(model).info
    table = info.parameters
    names = list(table.defaults)

    def named(one: Any) -> tuple[str, ...]:
        return tuple(name for name in names if re.fullmatch(rf"{one.id}\d*", name))

    volumes = [one for one in table.kernel_parameters if one.type == "volume"]
    if any(one.id == "kuhn_length" for one in volumes):  # of a chain, only its cross section has an orientation
        volumes = [one for one in volumes if "length" not in one.id]
    directions = {one.id.rpartition("_")[2] for one in table.kernel_parameters if one.type == "orientation"}
    return _Facts(
        slds=tuple(name for one in table.kernel_parameters if one.type == "sld" for name in named(one)),
        scales=tuple(name for name in names if name == "scale" or name.endswith("_scale")),
        lengths=tuple(name for one in volumes if one.units == "Ang" for name in named(one)),
        ratios=tuple(name for one in volumes if one.units != "Ang" for name in named(one)),
        angles=2 if "psi" in directions else 1 if directions else 0,
    )
