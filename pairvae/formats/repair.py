"""From what a file holds to what a Spectrum promises; every repair is counted in a note."""

from typing import Any

import numpy as np
import numpy.typing as npt

from pairvae.errors import ReadError
from pairvae.formats.detector_settings import detector_settings
from pairvae.formats.raw_curve import RawCurve
from pairvae.scattering.spectrum import Curve

FEWEST_POINTS = 3
_ENOUGH_TO_JUDGE = 10  # points from which a column of one number is no accident
_ABSURD = 1e4  # sigma over intensity, or intensity over sigma, that no whole curve has


def repair(curve: RawCurve, trim_first: int = 0, trim_last: int = 0) -> list[RawCurve]:
    """Bring a raw curve to the invariants of `Spectrum`, detector settings apart.

    Points without a finite q > 0, intensity and sigma > 0 are dropped; a sigma or dq that says nothing is
    taken as absent; a descending curve is reversed; a row that stands there twice counts once; other points at
    exactly the same q are merged by inverse variance. Zero and negative intensities stay, and are counted.

    Parameters
    ----------
    curve : RawCurve
        Changed in place where it is one setting.
    trim_first, trim_last : int
        Points to leave out at either end of each setting.

    Returns
    -------
    list of RawCurve
        One per detector setting.

    Raises
    ------
    ReadError
        q goes back in a way that no detector settings do, or too few points are left.
    """
    if _is_whole(curve) and not trim_first and not trim_last:
        return [curve]
    drop_unusable(curve)
    _repair_sigma(curve)
    _repair_dq(curve)
    parts = _settings(curve)
    for part in parts:
        _merge_duplicates(part)
        _trim(part, trim_first, trim_last)
        below = int(np.count_nonzero(part.intensity <= 0))
        if below:
            part.repairs["intensity_not_positive_kept"] = below
        points = part.q.size
        if points < FEWEST_POINTS:
            notes = [note for note in part.notes if "dropped" in note or "merged" in note or "trimmed" in note]
            dropped = f" ({'; '.join(notes)})" if notes else ""
            raise ReadError(
                f"{part.where}: {points} usable point{' is' if points == 1 else 's are'} left{dropped}; expected at "
                f"least {FEWEST_POINTS} rows with q > 0 and finite numbers; check that this is the right file and its "
                "columns are named right"
            )
    return parts


def drop_unusable(curve: RawCurve) -> None:
    """Drop the points without a finite q > 0 and a finite intensity, and count them."""
    _keep(curve, np.isfinite(curve.q) & np.isfinite(curve.intensity), "not_finite", "with NaN or infinity")
    _keep(curve, curve.q > 0, "q_not_positive", "with q ≤ 0")


def _is_whole(curve: RawCurve) -> bool:
    """Whether one look shows that there is nothing to repair, as with most files; if not, a closer look follows."""
    q, sigma, dq = curve.q, curve.sigma, curve.dq
    if q.size < _ENOUGH_TO_JUDGE or not q[0] > 0 or np.count_nonzero(q[1:] > q[:-1]) < q.size - 1:
        return False
    lowest, highest = np.minimum.reduce(curve.intensity), np.maximum.reduce(curve.intensity)  # NaN where one is
    if not (q[-1] < np.inf and 0 < lowest <= highest < np.inf):
        return False
    if sigma is not None:
        least, most = np.minimum.reduce(sigma), np.maximum.reduce(sigma)
        if not 1e-9 * highest < least < most < highest or sigma[-1] == curve.intensity[-1]:
            return False
    if dq is None:
        return True
    return bool(0 <= np.minimum.reduce(dq) < np.maximum.reduce(dq) and np.logical_and.reduce(dq <= 2 * q))


def _settings(curve: RawCurve) -> list[RawCurve]:
    if curve.q.size < 2 or (curve.q[1:] >= curve.q[:-1]).all():
        return [curve]
    if int((np.diff(curve.q) < 0).sum()) > (curve.q.size - 1) / 2:
        curve.mended("reversed", 1, "q descended: order reversed")
        _take(curve, np.arange(curve.q.size)[::-1])
    try:
        runs = detector_settings(curve.q)
    except ValueError as error:
        raise ReadError(f"{curve.where}: {error}{_row_to_mend(curve)}") from None
    if len(runs) == 1:
        return [curve]
    curve.mended(
        "settings", len(runs), f"q goes back {len(runs) - 1} times: {len(runs)} detector settings, read one by one"
    )
    parts = []
    shares = [None] * len(runs) if curve.rows is None else curve.rows.share(runs)
    for number, (run, rows) in enumerate(zip(runs, shares, strict=True), start=1):
        part = RawCurve(**{**vars(curve), "setting": number, "rows": None})
        part.notes, part.repairs, part.warnings = list(curve.notes), dict(curve.repairs), list(curve.warnings)
        _take(part, run)
        part.rows = rows
        parts.append(part)
    return parts


def _row_to_mend(curve: RawCurve) -> str:
    """Where one row at either end is what goes back: its line."""
    lines = curve.rows.lines if curve.rows else ()
    for at, place, others in ((0, "header", curve.q[1:]), (-1, "footer", curve.q[:-1])):
        if len(lines) == curve.q.size > _ENOUGH_TO_JUDGE and (others[1:] > others[:-1]).all():
            return f"; line {lines[at]} is out of line with all others: if it belongs to the {place}, begin it with #"
    return ""


def _take(curve: RawCurve, rows: npt.NDArray[Any]) -> None:
    curve.q, curve.intensity = curve.q[rows], curve.intensity[rows]
    curve.sigma = None if curve.sigma is None else curve.sigma[rows]
    curve.dq = None if curve.dq is None else curve.dq[rows]
    if curve.rows:
        curve.rows.take(rows)


def _keep(curve: RawCurve, good: npt.NDArray[np.bool_], what: str, why: str) -> None:
    if not good.all():
        drop(curve, ~good, what, f"{int((~good).sum())} points {why} dropped")


def drop(curve: RawCurve, bad: npt.NDArray[np.bool_], what: str, note: str) -> None:
    """Drop points, and count them under `what` with a note.

    Parameters
    ----------
    curve : RawCurve
        Changed in place.
    bad : array of bool, shape (points,)
        Points to drop.
    what, note : str
        Key of `repairs`, and a sentence for the user.
    """
    curve.mended(what, int(bad.sum()), note)
    if curve.rows:
        curve.rows.drop(what, bad)
    _take(curve, ~bad)


def _repair_sigma(curve: RawCurve) -> None:
    if curve.sigma is None:
        return
    good = (curve.sigma > 0) & (curve.sigma < np.inf)
    reason = _why_sigma_says_nothing(curve, curve.sigma, good)
    if reason:
        curve.repairs["sigma_dummy"] = curve.sigma.size
        curve.warn(f"{reason}: taken as absent")
        curve.sigma = None
        return
    bad = int(np.count_nonzero(~good))
    if bad:
        below = int(np.count_nonzero(curve.intensity[~good] <= 0))
        low = f", {below} of them with intensity ≤ 0, which biases the curve upwards" if below else ""
        keep = "" if curve.self_describing else "; call the column of sigma - to keep them, without sigma"
        curve.warnings.append(f"{bad} points with sigma ≤ 0 or not finite dropped{low}{keep}")
    _keep(curve, good, "sigma_not_positive", "with sigma ≤ 0 or not finite")


def _why_sigma_says_nothing(curve: RawCurve, sigma: Curve, good: npt.NDArray[np.bool_]) -> str:
    usable = int(np.count_nonzero(good))
    if not usable:
        return "sigma is nowhere > 0"
    if usable < sigma.size / 2:
        return f"sigma is ≤ 0 or not finite at {sigma.size - usable} of {sigma.size} points"
    if sigma.size < _ENOUGH_TO_JUDGE:
        return ""
    scale = np.abs(curve.intensity)
    first, lowest, highest, top = sigma[0], sigma.min(), sigma.max(), scale.max()
    if lowest == highest:
        if not (curve.self_describing and 1e-9 * top < first < top):
            return f"sigma is {first:g} at every point, a placeholder"
        curve.warn(f"sigma is {first:g} at every point")
        return ""
    reason = ""
    if sigma[-1] == curve.intensity[-1] and (sigma == curve.intensity).all():
        reason = "sigma is a copy of the intensity"
    elif not 1e-9 * top < lowest <= highest < top:  # rarely; the medians decide
        middle, typical = np.median(sigma[good]), np.median(scale[good])
        if typical > 0 and not typical / 1e9 < middle < _ABSURD * top:
            reason = f"sigma is absurd (median {middle:.3g} beside an intensity of {typical:.3g})"
    if reason and curve.self_describing:  # the file says it is sigma: kept, and said
        curve.warn(reason)
        return ""
    return reason


def _repair_dq(curve: RawCurve) -> None:
    if curve.dq is None:
        return
    dq = curve.dq
    bad = ~np.isfinite(dq) | (dq < 0)
    reason = ""
    if bad.any():
        if (dq < 0).all() and (dq == dq[0]).all():
            reason = f"dq is {dq[0]:g} at every point, the sign of slit smearing: taken as absent, slit not corrected"
        else:
            reason = f"dq is negative or not finite at {int(bad.sum())} points: taken as absent"
    elif (dq == 0).all():
        reason = "dq is 0 everywhere: taken as absent"
    elif dq.size >= _ENOUGH_TO_JUDGE and (dq == dq[0]).all() and not curve.self_describing:
        reason = f"dq is {dq[0]:g} at every point, a placeholder: taken as absent"
    elif dq.size >= _ENOUGH_TO_JUDGE and np.median(dq / curve.q) > 2:
        share = f"dq is absurd (median {np.median(dq / curve.q):.3g} of q)"
        if curve.self_describing:
            curve.warn(share)
        else:
            reason = f"{share}: taken as absent"
    if reason:
        curve.repairs["dq_dummy"] = dq.size
        curve.warn(reason)
        curve.dq = None


def _drop_repeated(curve: RawCurve) -> None:
    """A row that stands there twice, all of its numbers alike, is one measurement."""
    columns = [values for values in (curve.q, curve.intensity, curve.sigma, curve.dq) if values is not None]
    first = np.zeros(curve.q.size, bool)
    first[np.unique(np.stack(columns, axis=1), axis=0, return_index=True)[1]] = True
    _keep(curve, first, "repeated", "that repeat another one in all numbers")


def _merge_duplicates(curve: RawCurve) -> None:
    if curve.q.size < 2 or (curve.q[1:] > curve.q[:-1]).all():
        return
    _drop_repeated(curve)
    if (curve.q[1:] > curve.q[:-1]).all():
        return
    q, group = np.unique(curve.q, return_inverse=True)
    merged = curve.q.size - q.size
    curve.mended("duplicate_q", merged, f"{merged} points at the q of another one merged with it")
    weight = np.ones(curve.q.size)
    if curve.sigma is not None:
        weight = (curve.sigma.min() / curve.sigma) ** 2  # relative: no overflow
    total = np.bincount(group, weight)
    # a weight may be lost beside one far greater; a point by itself keeps its numbers
    alone = np.bincount(group) == 1
    first = np.unique(group, return_index=True)[1]

    def mean(values: Curve) -> Curve:
        with np.errstate(invalid="ignore"):
            merged_values = np.bincount(group, weight * values) / total
        return np.where(alone, values[first], merged_values)

    if curve.sigma is not None:
        with np.errstate(divide="ignore"):
            spread = curve.sigma.min() / np.sqrt(total)
        sigma = np.where(alone, curve.sigma[first], spread)
    curve.intensity = mean(curve.intensity)
    curve.dq = None if curve.dq is None else mean(curve.dq)
    curve.sigma = None if curve.sigma is None else sigma
    curve.q = q
    if curve.rows:
        curve.rows.merge(group)
    finite = np.isfinite(curve.intensity)
    if curve.sigma is not None:
        finite &= np.isfinite(curve.sigma) & (curve.sigma > 0)
    if curve.dq is not None:
        finite &= np.isfinite(curve.dq)
    _keep(curve, finite, "not_finite", "that could not be merged")


def _trim(curve: RawCurve, first: int, last: int) -> None:
    for end, count in (("first", first), ("last", last)):
        count = min(count, curve.q.size)
        if count:
            order = np.arange(curve.q.size)
            bad = order < count if end == "first" else order >= curve.q.size - count
            drop(curve, bad, f"trimmed_{end}", f"{count} {end} points trimmed, as the settings say")
