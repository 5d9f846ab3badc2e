"""What a curve says of its particles without a model: Guinier radius, Porod exponent, invariant.

All functions take one curve (q,) or many on one grid (curves, q); a point that was not measured has a NaN as its
intensity. Where a curve does not allow an answer, the answer is NaN.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import erf

Array = npt.NDArray[np.float64]

GUINIER_LIMIT = 1.3  # largest q·Rg of the fit (Feigin and Svergun, 1987, section 3.3.1)
GUINIER_POINTS = 5  # fewest points of the fit
POROD_POINTS = 10  # fewest points of the fit
EXPONENTS = (0.5, 6.0)  # between which the Porod exponent is looked for
ASSUMED_ERROR = 0.05  # relative error of points that bring none
LEAST_ERROR = 0.01  # relative; few points with tiny sigma shall not rule a fit


class Guinier(NamedTuple):
    """Radius of gyration in Å, I(0) in the unit of the intensity, and how many points were fitted."""

    radius: Array
    intensity_0: Array
    points: npt.NDArray[np.int64]


class Porod(NamedTuple):
    """Exponent p, constant K and flat background B of I = K·q^−p + B."""

    exponent: Array
    constant: Array
    background: Array


def guinier(q: Array, intensity: Array, sigma: Array | None = None) -> Guinier:
    """Radius of gyration from the beginning of a curve, its range found by itself.

    ln I = ln I(0) − q²·Rg²/3 is fitted with weights (I/σ)² from the first point to the last one for which the Rg so
    found keeps q·Rg ≤ 1.3.

    Parameters
    ----------
    q : array, shape (q,)
        In 1/Å, increasing.
    intensity : array, shape (q,) or (curves, q)
        Points ≤ 0 or NaN are left out.
    sigma : array, optional
        Standard uncertainty, shaped as the intensity; None: 5 % everywhere. Below 1 % it is raised to 1 %.

    Returns
    -------
    Guinier
        NaN where fewer than 5 points lie in the range: the particle is too large for the q range, or its curve does
        not fall.

    References
    ----------
    Guinier, Ann. Phys. 11 (1939) 161.
    """
    known = np.isfinite(intensity) & (intensity > 0)
    log_intensity = np.log(np.where(known, intensity, 1.0))
    weight = _weights(intensity, sigma, known)
    x = q**2
    # running sums: the fit over the first n points for every n at once
    w, wx, wy, wxx, wxy = (
        np.cumsum(weight * term, axis=-1) for term in (1.0, x, log_intensity, x * x, x * log_intensity)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        slope = (w * wxy - wx * wy) / (w * wxx - wx**2)
        radius = np.sqrt(np.where(slope < 0, -3 * slope, np.nan))
        start = (wy - slope * wx) / w
        inside = (q * radius <= GUINIER_LIMIT) & known & (np.cumsum(known, axis=-1) >= GUINIER_POINTS)
    last = q.size - 1 - np.argmax(inside[..., ::-1], axis=-1)
    found = inside.any(axis=-1)

    def at_last(values: Array) -> Array:
        return np.where(found, np.take_along_axis(values, last[..., None], axis=-1)[..., 0], np.nan)

    points = np.where(found, np.take_along_axis(np.cumsum(known, axis=-1), last[..., None], axis=-1)[..., 0], 0)
    return Guinier(at_last(radius), np.exp(at_last(start)), points)


def porod(q: Array, intensity: Array, sigma: Array | None = None, q_min: Array | float = 0.0) -> Porod:
    """Power law at the end of a curve: I = K·q^−p + B with B ≥ 0, weighted with 1/σ².

    K and B follow from p by linear least squares; p is searched between 0.5 and 6. Smooth surfaces give 4, Gaussian
    chains 2, thin discs 2, thin rods 1.

    Parameters
    ----------
    q, intensity, sigma
        As in `guinier`; the fit is one of the intensity, not of its logarithm.
    q_min : float or array, shape (curves,)
        Where the power law begins, in 1/Å: several times 1/Rg.

    Returns
    -------
    Porod
        NaN where fewer than 10 points lie above q_min, where nothing rises above the background, or where no exponent
        within the limits is better than those at their ends.

    References
    ----------
    Porod, Kolloid-Z. 124 (1951) 83.
    """
    known = np.isfinite(intensity) & (q >= np.asarray(q_min)[..., None])
    values = np.where(known, intensity, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        weight = np.where(known & (intensity > 0), _weights(intensity, sigma, known) / values**2, 0.0)
    q_mean = np.exp(np.mean(np.log(q)))  # keeps the powers near 1
    coarse = np.linspace(*EXPONENTS, 23)
    step = coarse[1] - coarse[0]
    best = coarse[np.argmin([_power_law(p, q / q_mean, values, weight)[2] for p in coarse], axis=0)]
    for _ in range(3):  # seven points across two steps: each pass makes the step three times finer
        around = best[None] + step * np.linspace(-1, 1, 7).reshape(-1, *([1] * best.ndim))
        squares = [_power_law(p, q / q_mean, values, weight)[2] for p in around]
        best = np.take_along_axis(around, np.argmin(squares, axis=0)[None], axis=0)[0]
        step /= 3
    constant, background, _ = _power_law(best, q / q_mean, values, weight)
    low, high = EXPONENTS
    good = ((weight > 0).sum(axis=-1) >= POROD_POINTS) & (constant > 0) & (best > low) & (best < high)
    return Porod(
        np.where(good, best, np.nan),
        np.where(good, constant * q_mean**best, np.nan),
        np.where(good, background, np.nan),
    )


def invariant(
    q: Array,
    intensity: Array,
    background: Array | float = 0.0,
    start: Guinier | None = None,
    end: Array | float | None = None,
) -> Array:
    """Scattering invariant Q* = ∫ q² (I − B) dq over the measured points, by trapezoids.

    Of two phases with volume fraction φ and contrast Δρ it is 2π²·φ(1 − φ)·Δρ², whatever their shape.

    Parameters
    ----------
    q, intensity
        As in `guinier`.
    background : float or array, shape (curves,)
        Flat background B, in the unit of the intensity.
    start : Guinier, optional
        Adds what lies below the first point q₁, as Guinier's law has it: ∫₀^q₁ q²·I(0)·exp(−q²·Rg²/3) dq.
    end : float or array, optional
        Porod constant K of I = K/q⁴; adds what lies above the last point q₂: K/q₂.

    Returns
    -------
    array, shape () or (curves,)
        Unit of the intensity times 1/Å³: of an intensity in 1/cm, 1e-8 times this is in 1/Å⁴. Without `start` and
        `end` only curves measured at the same q can be compared.

    References
    ----------
    Porod, Kolloid-Z. 124 (1951) 83.
    """
    curves = np.atleast_2d(intensity - np.asarray(background)[..., None])
    of_rows = np.full((3, len(curves)), np.nan)  # the integral and its ends
    for row, curve in enumerate(curves):
        known = np.isfinite(curve)
        if known.sum() > 1:
            of_rows[:, row] = np.trapezoid(q[known] ** 2 * curve[known], q[known]), q[known][0], q[known][-1]
    integral: Array
    integral, first, last = of_rows.reshape(3, *np.shape(intensity)[:-1])
    if start is not None:
        a = start.radius / np.sqrt(3)
        x = a * first
        integral = integral + start.intensity_0 / a**3 * (np.sqrt(np.pi) / 4 * erf(x) - 0.5 * x * np.exp(-(x**2)))
    if end is not None:
        integral = integral + end / last
    return integral


def _weights(intensity: Array, sigma: Array | None, known: npt.NDArray[np.bool_]) -> Array:
    """Inverse squares of the relative errors, 0 where nothing is known."""
    if sigma is None:
        return np.where(known, 1 / ASSUMED_ERROR**2, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = np.maximum(sigma / np.abs(intensity), LEAST_ERROR)
        return np.where(known & np.isfinite(relative), 1 / relative**2, 0.0)


def _power_law(p: Array | float, q: Array, intensity: Array, weight: Array) -> tuple[Array, Array, Array]:
    """K, B ≥ 0 and the weighted sum of squares of the best I = K·q^−p + B, for one exponent or one per curve."""
    law = q ** -np.asarray(p)[..., None]
    w, wl, wll = weight.sum(-1), (weight * law).sum(-1), (weight * law**2).sum(-1)
    wy, wly = (weight * intensity).sum(-1), (weight * law * intensity).sum(-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        background = (wll * wy - wl * wly) / (w * wll - wl**2)
        background = np.where(background > 0, background, 0.0)
        constant = (wly - background * wl) / wll
        rest = intensity - constant[..., None] * law - background[..., None]
    squares = (weight * rest**2).sum(-1)
    return constant, background, np.where(np.isfinite(squares), squares, np.inf)
