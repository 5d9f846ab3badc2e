"""Settings of one sample where they overlap: how well they agree, and the factor that makes them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from pairvae.scattering.spectrum import Curve, Spectrum

FEWEST_POINTS = 3  # in the overlap, to say anything
_ROUNDS = 5  # the weights depend on the factor


@dataclass(frozen=True)
class Overlap:
    """Two neighbouring settings of one sample.

    Parameters
    ----------
    points : int
        Points of the higher setting between measured points of the lower one.
    factor : float
        What the higher setting was multiplied with to meet the lower one; 1 where it was not asked for.
    mismatch : float
        Root mean square of the relative difference that is left; NaN where too few points overlap.
    in_sigma : float
        The same in units of its standard uncertainty; about 1 where the settings agree.
    """

    points: int
    factor: float
    mismatch: float
    in_sigma: float


def match_settings(
    curves: Sequence[Spectrum], assumed_relative_error: float, scale: bool
) -> tuple[list[Spectrum], list[Overlap]]:
    """Compare the settings of one sample from low to high q, and scale them to the first one where asked for.

    Parameters
    ----------
    curves : sequence of Spectrum
        Settings of one instrument for one sample; the first one keeps its scale.
    assumed_relative_error : float
        Of curves that bring no sigma.
    scale : bool
        Multiply each by a factor, fitted by least squares to its neighbour in the overlap.

    Returns
    -------
    settings : list of Spectrum
        In the order given.
    overlaps : list of Overlap
        One for each pair of neighbours in q.
    """
    order = sorted(range(len(curves)), key=lambda at: (curves[at].q[0], curves[at].q[-1]))
    factors = {order[0]: 1.0}
    overlaps = []
    for below, above in pairwise(order):
        overlap = _overlap(curves[below], curves[above], assumed_relative_error, scale)
        factors[above] = factors[below] * overlap.factor
        overlaps.append(overlap)
    return [_scaled(curve, factors[at] / factors[0]) for at, curve in enumerate(curves)], overlaps


def _overlap(low: Spectrum, high: Spectrum, assumed: float, scale: bool) -> Overlap:
    inside = (high.q >= low.q[0]) & (high.q <= low.q[-1])
    points = int(inside.sum())
    if points < FEWEST_POINTS:
        return Overlap(points, 1.0, float("nan"), float("nan"))
    q, other, other_sigma = high.q[inside], high.intensity[inside], sigma_or_assumed(high, assumed)[inside]
    one, one_sigma = _at(q, low, sigma_or_assumed(low, assumed))
    factor = 1.0
    if scale:
        for _ in range(_ROUNDS):
            weight = 1 / (one_sigma**2 + (factor * other_sigma) ** 2)
            below = np.sum(weight * other**2)
            fitted = float(np.sum(weight * one * other) / below) if below > 0 else 1.0
            if not (np.isfinite(fitted) and fitted > 0):
                factor = 1.0  # nothing but noise: no factor can be found
                break
            factor = fitted
    difference, spread = one - factor * other, np.hypot(one_sigma, factor * other_sigma)
    level = np.sqrt(np.mean(one**2))
    mismatch = np.sqrt(np.mean(difference**2)) / level if level > 0 else float("nan")
    return Overlap(points, factor, float(mismatch), float(np.sqrt(np.mean((difference / spread) ** 2))))


def _at(q: Curve, curve: Spectrum, sigma: Curve) -> tuple[Curve, Curve]:
    """Intensity and its uncertainty between measured points; in log I where both neighbours are > 0."""
    linear = np.interp(np.log(q), np.log(curve.q), curve.intensity)
    right = np.clip(np.searchsorted(curve.q, q), 1, curve.q.size - 1)
    positive = (curve.intensity[right - 1] > 0) & (curve.intensity[right] > 0)
    logs = np.interp(np.log(q), np.log(curve.q), np.log(np.where(curve.intensity > 0, curve.intensity, 1.0)))
    return np.where(positive, np.exp(logs), linear), np.interp(np.log(q), np.log(curve.q), sigma)


def sigma_or_assumed(curve: Spectrum, assumed: float) -> Curve:
    """The curve's sigma in 1/cm, or this relative error of the intensity where it brings none."""
    if curve.sigma is not None:
        return curve.sigma
    return np.maximum(assumed * np.abs(curve.intensity), 1e-6 * np.abs(curve.intensity).max() or 1.0)


def _scaled(curve: Spectrum, factor: float) -> Spectrum:
    if factor == 1:
        return curve
    sigma = None if curve.sigma is None else curve.sigma * factor
    return replace(curve, intensity=curve.intensity * factor, sigma=sigma)


def describe_overlaps(overlaps: Sequence[tuple[str, Overlap]], scaled: bool) -> list[str]:
    """Sentences for the log on all overlaps of a table.

    Parameters
    ----------
    overlaps : sequence of (str, Overlap)
        Sample and overlap.
    """
    if not overlaps:
        return []
    known = [(sample, one) for sample, one in overlaps if np.isfinite(one.mismatch)]
    lines = [f"{len(overlaps)} pairs of settings, {len(overlaps) - len(known)} without an overlap to compare"]
    if known:
        worst, largest = max(known, key=lambda found: found[1].mismatch)
        middle = np.median([one.mismatch for _, one in known])
        apart = sum(one.in_sigma > 3 for _, one in known)
        lines.append(
            f"mismatch in the overlap: median {middle:.1%}, largest {largest.mismatch:.1%} ({worst}, "
            f"{largest.in_sigma:.1f} sigma), {apart} of {len(known)} above 3 sigma"
        )
    if known and scaled:
        factors = np.array([one.factor for _, one in known])
        lines.append(f"fitted factors {factors.min():.4g} to {factors.max():.4g}, median {np.median(factors):.4g}")
    return lines
