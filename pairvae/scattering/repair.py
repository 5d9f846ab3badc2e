"""From what a file holds to what a Spectrum promises; every repair is counted in a note."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pairvae.errors import ReadError
from pairvae.scattering.detector_settings import detector_settings
from pairvae.scattering.spectrum import Curve, Reading, Said, Technique
from pairvae.scattering.units import parse_intensity_unit

FEWEST_POINTS = 3
Need = Literal["q_unit", "columns"]
_ENOUGH_TO_JUDGE = 10  # points from which a column of one number is no accident
_ABSURD = 1e4  # sigma over intensity, or intensity over sigma, that no whole curve has


@dataclass
class RawCurve:
    """A curve as a file holds it, in canonical units, with whatever faults it has.

    Parameters
    ----------
    q, intensity, sigma, dq : array, shape (points,)
        In 1/Å and 1/cm (or arbitrary), in the file's order.
    where : str
        File and entry, for messages.
    self_describing : bool
        The format itself, not a header or a caller, says which numbers are sigma and dq.
    needs : tuple of {"q_unit", "columns"}
        What nobody said; the numbers then stand as in the file.
    question : str
        The sentence that asks for it.
    columns_hint : str
        What to type for the columns, where they are asked for: a name for each of the table.
    column_names : tuple of str
        What the header calls them, where it names them.
    """

    where: str
    q: Curve
    intensity: Curve
    sigma: Curve | None = None
    dq: Curve | None = None
    technique: Technique | None = None
    sample: str = ""
    entry: str = ""
    setting: int = 0
    intensity_unit: Literal["1/cm", "arbitrary"] = "1/cm"
    q_unit: str = ""
    q_unit_from: Said | None = None
    intensity_said: str = ""
    intensity_unit_from: Said | None = None
    sigma_column: str | None = None
    dq_column: str | None = None
    self_describing: bool = False
    needs: tuple[Need, ...] = ()
    question: str = ""
    columns_hint: str = ""
    column_names: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    repairs: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def mended(self, what: str, count: int, note: str) -> None:
        """Count a repair and note it."""
        self.repairs[what] = self.repairs.get(what, 0) + count
        self.notes.append(note)

    def warn(self, note: str) -> None:
        """Note what is worth a look."""
        self.warnings.append(note)
        self.notes.append(note)

    def warn_if_overruled(self, told: str, in_file: str) -> None:
        """Note a unit of intensity that is not the file's own."""
        if parse_intensity_unit(told)[:2] != parse_intensity_unit(in_file)[:2]:
            self.warn(f"intensity read in {told} as told, though the file says {in_file}")

    def reading(self) -> Reading:
        """The facts for the Spectrum."""
        return Reading(
            q_unit=self.q_unit,
            q_unit_from=self.q_unit_from,
            intensity_unit=self.intensity_said or self.intensity_unit,
            intensity_unit_from=self.intensity_unit_from,
            sigma_column=self.sigma_column if self.sigma is not None else None,
            dq_column=self.dq_column if self.dq is not None else None,
            repairs=dict(self.repairs),
            warnings=tuple(self.warnings),
        )


def scaled(values: Curve, factor: float) -> Curve:
    """The values times a factor; the values themselves where it is 1, as in most files."""
    return values if factor == 1.0 else values * factor


def repair(curve: RawCurve, trim_first: int = 0, trim_last: int = 0) -> list[RawCurve]:
    """Bring a raw curve to the invariants of `Spectrum`, detector settings apart.

    Points without a finite q > 0, intensity and sigma > 0 are dropped; a sigma or dq that says nothing is
    taken as absent; a descending curve is reversed; points at exactly the same q are merged by inverse
    variance. Zero and negative intensities stay, and are counted.

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
    _keep(curve, np.isfinite(curve.q) & np.isfinite(curve.intensity), "not_finite", "with NaN or infinity")
    _keep(curve, curve.q > 0, "q_not_positive", "with q ≤ 0")
    _repair_sigma(curve)
    _repair_dq(curve)
    parts = _settings(curve)
    for part in parts:
        _merge_duplicates(part)
        _trim(part, trim_first, trim_last)
        below = int(np.count_nonzero(part.intensity <= 0))
        if below:
            part.repairs["intensity_not_positive_kept"] = below
        if part.q.size < FEWEST_POINTS:
            notes = [note for note in part.notes if "dropped" in note or "merged" in note or "trimmed" in note]
            dropped = f" ({'; '.join(notes)})" if notes else ""
            raise ReadError(
                f"{part.where}: {part.q.size} usable points are left{dropped}; expected at least "
                f"{FEWEST_POINTS} rows with q > 0 and finite numbers; check that this is the right file and its "
                "columns are named right"
            )
    return parts


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
        raise ReadError(f"{curve.where}: {error}") from None
    if len(runs) == 1:
        return [curve]
    curve.mended(
        "settings", len(runs), f"q goes back {len(runs) - 1} times: {len(runs)} detector settings, read one by one"
    )
    parts = []
    for number, run in enumerate(runs, start=1):
        part = RawCurve(**{**vars(curve), "setting": number})
        part.notes, part.repairs, part.warnings = list(curve.notes), dict(curve.repairs), list(curve.warnings)
        _take(part, run)
        parts.append(part)
    return parts


def _take(curve: RawCurve, rows: npt.NDArray[Any]) -> None:
    curve.q, curve.intensity = curve.q[rows], curve.intensity[rows]
    curve.sigma = None if curve.sigma is None else curve.sigma[rows]
    curve.dq = None if curve.dq is None else curve.dq[rows]


def _keep(curve: RawCurve, good: npt.NDArray[np.bool_], what: str, why: str) -> None:
    if not good.all():
        bad = int((~good).sum())
        curve.mended(what, bad, f"{bad} points {why} dropped")
        _take(curve, good)


def _repair_sigma(curve: RawCurve) -> None:
    if curve.sigma is None:
        return
    good = (curve.sigma > 0) & (curve.sigma < np.inf)
    reason = _why_sigma_says_nothing(curve, curve.sigma, good)
    if reason:
        curve.repairs["sigma_dummy"] = curve.sigma.size
        curve.warn(f"{reason}: taken as absent")
        curve.sigma = None
    else:
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


def _merge_duplicates(curve: RawCurve) -> None:
    if curve.q.size < 2 or (curve.q[1:] > curve.q[:-1]).all():
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
    finite = np.isfinite(curve.intensity)
    if curve.sigma is not None:
        finite &= np.isfinite(curve.sigma) & (curve.sigma > 0)
    if curve.dq is not None:
        finite &= np.isfinite(curve.dq)
    _keep(curve, finite, "not_finite", "that could not be merged")


def _trim(curve: RawCurve, first: int, last: int) -> None:
    if first or last:
        stop = max(first, curve.q.size - last)
        for what, count in (("trimmed_first", min(first, curve.q.size)), ("trimmed_last", curve.q.size - stop)):
            if count > 0:
                curve.mended(
                    what, count, f"{count} {what.removeprefix('trimmed_')} points trimmed, as the settings say"
                )
        _take(curve, np.arange(curve.q.size)[first:stop])
