"""Detector settings written one below the other: where q goes back, and whether that is meant."""

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from pairvae.scattering.spectrum import Curve

FEWEST_IN_SETTING = 5
MOST_SETTINGS = 12
_ADVICE = "put each instrument setting into a file of its own"


def detector_settings(q: Curve) -> list[npt.NDArray[Any]]:
    """Split a q that goes back into the rising runs of detector settings.

    Settings of one instrument each cover a range of their own: from run to run both ends move the same way.
    A single value out of line is a mistake in the file, and runs over one and the same range are several
    curves.

    Parameters
    ----------
    q : array, shape (points,)
        Finite and > 0, in the file's order.

    Returns
    -------
    list of array of int
        Rows of each setting, in the file's order.

    Raises
    ------
    ValueError
        q goes back in another way; the message says where and what to do.
    """
    back = np.flatnonzero(q[1:] < q[:-1])
    if not back.size:
        return [np.arange(q.size)]
    at = int(back[0])
    found = f"q goes back {back.size} times, first from {q[at]:.6g} to {q[at + 1]:.6g} 1/Å (points {at + 1}, {at + 2})"
    if back.size == 1:
        stray = _stray(q, at)
        if stray is not None:
            raise ValueError(
                f"{found}; expected one rising curve, but {q[stray]:.6g} alone is out of line; mend that row, or "
                f"{_ADVICE}"
            )
    runs = np.split(np.arange(q.size), back + 1)
    shortest = min(run.size for run in runs)
    if len(runs) > MOST_SETTINGS or shortest < FEWEST_IN_SETTING:
        raise ValueError(
            f"{found}; expected one rising curve, or at most {MOST_SETTINGS} detector settings of at least "
            f"{FEWEST_IN_SETTING} points, the shortest run has {shortest}; mend q, or {_ADVICE}"
        )
    first, last = np.array([q[run[0]] for run in runs]), np.array([q[run[-1]] for run in runs])
    ways = {
        (int(np.sign(b - a)), int(np.sign(d - c)))
        for (a, b), (c, d) in zip(pairwise(first), pairwise(last), strict=True)
    }
    if ways not in ({(1, 1)}, {(-1, -1)}):
        raise ValueError(
            f"{found}; expected detector settings that each cover a q range of their own, found runs from "
            f"{first[0]:.4g} to {last[0]:.4g} and from {first[1]:.4g} to {last[1]:.4g} 1/Å, as of several curves; "
            f"put each curve into a file of its own, or {_ADVICE}"
        )
    return runs


def _stray(q: Curve, at: int) -> int | None:
    """The one value whose removal mends q and leaves a hole as wide as two steps."""
    for stray in (at, at + 1):
        if not 2 <= stray < q.size - 2:
            continue
        rest = np.delete(q, stray)
        if (np.diff(rest) < 0).any():
            continue
        steps = np.diff(rest[max(0, stray - 4) : stray + 4])
        hole = rest[stray] - rest[stray - 1]
        if hole > 1.5 * np.median(steps):
            return stray
    return None
