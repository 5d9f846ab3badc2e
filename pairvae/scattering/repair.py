"""From what a file holds to what a Spectrum promises; every repair is counted in a note."""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pairvae.errors import ReadError
from pairvae.scattering.spectrum import Curve, Technique

FEWEST_POINTS = 3


@dataclass
class RawCurve:
    """A curve as a file holds it, in canonical units, with whatever faults it has.

    Parameters
    ----------
    q, intensity, sigma, dq : array, shape (points,)
        In 1/Å and 1/cm (or arbitrary), in the file's order.
    where : str
        File and entry, for messages.
    """

    where: str
    q: Curve
    intensity: Curve
    sigma: Curve | None = None
    dq: Curve | None = None
    technique: Technique | None = None
    sample: str = ""
    entry: str = ""
    intensity_unit: Literal["1/cm", "arbitrary"] = "1/cm"
    notes: list[str] = field(default_factory=list)


def repair(curve: RawCurve) -> None:
    """Bring a raw curve to the invariants of `Spectrum`, in place.

    Points without a finite q > 0, intensity and sigma > 0 are dropped; a sigma or dq that says nothing is
    taken as absent; a descending curve is reversed; points at exactly the same q are merged by inverse
    variance. Zero and negative intensities stay.

    Raises
    ------
    ReadError
        q goes back and forth, or too few points are left.
    """
    _keep(curve, np.isfinite(curve.q) & np.isfinite(curve.intensity), "with NaN or infinity")
    _keep(curve, curve.q > 0, "with q ≤ 0")
    _repair_sigma(curve)
    _repair_dq(curve)
    if check_rising(curve.q, "1/Å", curve.where, curve.notes):
        _take(curve, np.arange(curve.q.size)[::-1])
    _merge_duplicates(curve)
    if curve.q.size < FEWEST_POINTS:
        notes = [note for note in curve.notes if "dropped" in note or "merged" in note]
        dropped = f" ({'; '.join(notes)})" if notes else ""
        raise ReadError(
            f"{curve.where}: {curve.q.size} usable points are left{dropped}; expected at least "
            f"{FEWEST_POINTS} rows with q > 0 and finite numbers; check that this is the right file and its "
            "columns are named right"
        )


def check_rising(q: Curve, unit: str, where: str, notes: list[str]) -> bool:
    """Note a descending q and return True; refuse one that goes back and forth.

    Raises
    ------
    ReadError
        q rises and falls.
    """
    back = np.flatnonzero(np.diff(q) < 0)
    if not back.size:
        return False
    if (np.diff(q) <= 0).all():
        notes.append("q descended: order reversed")
        return True
    at = int(back[0])
    raise ReadError(
        f"{where}: q goes back {back.size} times, first from {q[at]:.6g} to {q[at + 1]:.6g} {unit}; expected "
        "one rising curve; put each instrument setting into a file of its own"
    )


def _take(curve: RawCurve, rows: npt.NDArray[Any]) -> None:
    curve.q, curve.intensity = curve.q[rows], curve.intensity[rows]
    curve.sigma = None if curve.sigma is None else curve.sigma[rows]
    curve.dq = None if curve.dq is None else curve.dq[rows]


def _keep(curve: RawCurve, good: npt.NDArray[np.bool_], why: str) -> None:
    if not good.all():
        curve.notes.append(f"{int((~good).sum())} points {why} dropped")
        _take(curve, good)


def _repair_sigma(curve: RawCurve) -> None:
    if curve.sigma is None:
        return
    good = np.isfinite(curve.sigma) & (curve.sigma > 0)
    scale = np.abs(curve.intensity)
    if not good.any():
        curve.notes.append("sigma is nowhere > 0: taken as absent")
        curve.sigma = None
    elif curve.sigma.size >= 10 and np.ptp(curve.sigma) == 0 and not 1e-9 * scale.max() < curve.sigma[0] < scale.max():
        # one number for all points that no measurement of these intensities can have: a placeholder
        curve.notes.append(f"sigma is {curve.sigma[0]:g} at every point, a placeholder: taken as absent")
        curve.sigma = None
    else:
        _keep(curve, good, "with sigma ≤ 0 or not finite")


def _repair_dq(curve: RawCurve) -> None:
    if curve.dq is None:
        return
    bad = ~np.isfinite(curve.dq) | (curve.dq < 0)
    if bad.any():
        curve.notes.append(f"dq is negative or not finite at {int(bad.sum())} points: taken as absent")
        curve.dq = None
    elif (curve.dq == 0).all():
        curve.notes.append("dq is 0 everywhere: taken as absent")
        curve.dq = None


def _merge_duplicates(curve: RawCurve) -> None:
    q, group = np.unique(curve.q, return_inverse=True)
    if q.size == curve.q.size:
        return
    curve.notes.append(f"{curve.q.size - q.size} points at the q of another one merged with it")
    weight = np.ones(curve.q.size) if curve.sigma is None else 1 / curve.sigma**2
    total = np.bincount(group, weight)
    curve.intensity = np.bincount(group, weight * curve.intensity) / total
    curve.sigma = None if curve.sigma is None else 1 / np.sqrt(total)
    curve.dq = None if curve.dq is None else np.bincount(group, weight * curve.dq) / total
    curve.q = q
