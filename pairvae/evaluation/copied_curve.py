"""The trick that a scientist does by hand: the partner's curve, smeared, times a factor, plus a flat background."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sasmodels.resolution import Pinhole1D
from scipy.optimize import minimize_scalar

from pairvae.models.predict import Array
from pairvae.prepare.spectra_file import Spectra
from pairvae.scattering.curves_file import CurvesFile
from pairvae.scattering.spectrum import Curve, Spectrum
from pairvae.techniques import Technique

FITTED = 1000  # training pairs from which factor and background are fitted
LEAST = 0.1  # share of a copied intensity that a subtracted background leaves
STEPS = 60  # backgrounds of either sign that are tried, evenly spaced in their logarithm


class Constants(NamedTuple):
    """What turns copied curves into curves of the other technique.

    Parameters
    ----------
    log_factor : float
        log10 of the factor.
    background : float
        Added before the factor is applied, in the unit of the copied curve; negative: subtracted.
    """

    log_factor: float
    background: float

    def apply(self, copies: Array) -> Array:
        """log10 I of the other technique; a subtracted background leaves at least a tenth of each intensity."""
        return self.log_factor + _raised(copies, self.background)


def copied_curve(source: Spectra, target: Spectra, queries: Spectra, curves: Mapping[Technique, Path]) -> Array:
    """log10 I of the target, copied from the curves of the source, shape (queries, q).

    One factor and one background serve all curves. They are fitted to the training pairs. Where a curve of the source
    ends, the mean training curve of the target continues it.

    Parameters
    ----------
    source, target : Spectra
        Training pairs.
    queries : Spectra
        Curves of the source whose partners are asked for.
    curves : mapping of Path
        Curves files by technique: they state the resolutions.
    """
    few = np.unique(np.linspace(0, len(source.sample_id) - 1, FITTED).round().astype(np.int64))
    constants = fit_constants(smeared_copies(source, target, curves, few), target.log_intensity[few].astype(np.float64))
    copies = constants.apply(smeared_copies(queries, target, curves))
    known = np.isfinite(target.log_intensity)
    mean = np.where(known, target.log_intensity, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    mean = _filled(np.where(known.any(axis=0), mean, np.nan))
    return np.array([mean + _filled(copy - mean) if np.isfinite(copy).any() else mean for copy in copies])


def smeared_copies(
    source: Spectra, target: Spectra, curves: Mapping[Technique, Path], rows: npt.NDArray[np.int64] | None = None
) -> Array:
    """log10 I of curves of the source at the q of the target, blurred as the target's instrument would blur them.

    Parameters
    ----------
    source, target : Spectra
        Curves to copy; technique and grid to copy them to.
    curves : mapping of Path
        Curves files by technique: they state the resolutions.
    rows : array of int, optional
        Of the source; all by default.

    Returns
    -------
    array, shape (rows, q)
        NaN where the source was not measured.
    """
    rows = np.arange(len(source.sample_id)) if rows is None else rows
    names = [source.sample_id[row] for row in rows]
    own, wanted = (resolutions(curves[one.technique], names, target.q) for one in (source, target))
    widths = np.sqrt(np.maximum(wanted**2 - own**2, 0))
    copies = np.full((len(names), target.q.size), np.nan)
    for at, (row, width) in enumerate(zip(rows, widths, strict=True)):
        seen = source.mask[row]
        if np.count_nonzero(seen) > 1:
            intensity = 10 ** source.log_intensity[row][seen].astype(np.float64)
            copies[at] = smeared(source.q[seen], intensity, target.q, width)
    return copies


def smeared(points: Curve, intensity: Curve, q: Curve, width: Curve) -> Curve:
    """log10 of a curve as a wider resolution would blur it; NaN where it has no points or is not positive.

    Parameters
    ----------
    points, intensity : array, shape (points,)
        The curve, at increasing q.
    q, width : array, shape (q,)
        Where to give it, and the standard deviation of the additional resolution there, in 1/Å.
    """
    inside = (q >= points[0]) & (q <= points[-1])
    copy = np.full(q.size, np.nan)
    if not inside.any():
        return copy
    values = np.interp(np.log(q[inside]), np.log(points), intensity)
    # narrower than the distance of the points, a resolution does not reach the next one
    wide = width[inside] > np.interp(q[inside], points, np.gradient(points))
    if wide.any():
        values[wide] = Pinhole1D(q[inside][wide], width[inside][wide], q_calc=points).apply(intensity)
    copy[inside] = np.log10(np.where(values > 0, values, np.nan))
    return copy


def stated_resolution(settings: Iterable[Spectrum], q: Curve) -> Curve | None:
    """Standard deviation of q in 1/Å that the settings of one instrument state, at any q; None where none does.

    Beyond the measured q, the resolution relative to q is that of the nearest end.
    """
    stated = [(setting.q, setting.dq) for setting in settings if setting.dq is not None]
    if not stated:
        return None
    points, dq = (np.concatenate(column) for column in zip(*stated, strict=True))
    order = np.argsort(points, kind="stable")
    relative: Curve = np.interp(q, points[order], (dq / points)[order])
    return q * relative


def resolutions(curves: Path, samples: Sequence[str], q: Curve) -> Array:
    """Standard deviation of q in 1/Å of samples of a curves file at any q, shape (samples, q); 0 where not stated.

    Parameters
    ----------
    curves : Path
        Curves file.
    samples : sequence of str
        Names of the samples.
    q : array, shape (q,)
        Where it is wanted, in 1/Å.
    """
    widths = np.zeros((len(samples), q.size))
    with CurvesFile(curves) as table:
        starts = [i for i, name in enumerate(table.sample_ids) if i == 0 or name != table.sample_ids[i - 1]]
        spans = {table.sample_ids[start]: (start, stop) for start, stop in pairwise([*starts, len(table)])}
        for row, sample in enumerate(samples):
            stated = stated_resolution(table.rows(*spans[sample]), q) if sample in spans else None
            if stated is not None:
                widths[row] = stated
    return widths


def fit_constants(copies: Array, measured: Array) -> Constants:
    """Factor and flat background that bring copied curves nearest to measured ones.

    The mean absolute difference of log10 I is minimised, which a few curves of another contrast do not rule.

    Parameters
    ----------
    copies, measured : array, shape (pairs, q)
        log10 of intensity; NaN where unknown.
    """
    both = np.isfinite(copies) & np.isfinite(measured)
    if not both.any():
        return Constants(0.0, 0.0)
    copy, known = copies[both], measured[both]
    low, high = 10 ** np.quantile(copy, [0.01, 0.99])
    sizes = np.geomspace(1e-2 * low, 10 * high, STEPS)
    backgrounds = np.concatenate([-sizes[::-1], [0.0], sizes])

    def log_factor(background: float) -> float:
        return float(np.median(known - _raised(copy, background)))

    def error(background: float) -> float:
        return float(np.abs(known - _raised(copy, background) - log_factor(background)).mean())

    at = int(np.argmin([error(background) for background in backgrounds]))
    ends = backgrounds[max(at - 1, 0)], backgrounds[min(at + 1, backgrounds.size - 1)]
    finer = minimize_scalar(error, bounds=ends, method="bounded", options={"xatol": 1e-4 * (ends[1] - ends[0])})
    background = float(min((finer.x, backgrounds[at]), key=error))
    return Constants(log_factor(background), background)


def _raised(copies: Array, background: float) -> Array:
    intensity = 10**copies
    raised: Array = np.log10(np.maximum(intensity + background, LEAST * intensity))
    return raised


def _filled(values: Curve) -> Curve:
    """Values with their gaps interpolated; beyond the first and the last known one they are constant."""
    known = np.isfinite(values)
    at = np.arange(values.size)
    return np.interp(at, at[known], values[known])
