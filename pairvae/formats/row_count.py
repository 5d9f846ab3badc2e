"""Where the rows of a text table went: into the curve, or why not."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass
class RowCount:
    """The rows of a text that begin with a number, counted along with each repair of their curve.

    Parameters
    ----------
    found : int
        All of them.
    dropped : dict
        Those that are not in the curve, by reason.
    lines : sequence of int
        Line number of each point of the curve; empty where points were merged.
    per_point : array of int, shape (points,), optional
        How many of the rows each point stands for: 0 where its row begins with a word such as nan; None: one each.
    """

    found: int
    dropped: dict[str, int] = field(default_factory=dict)
    lines: Sequence[int] | npt.NDArray[np.int64] = ()
    per_point: npt.NDArray[np.int64] | None = None

    @property
    def read(self) -> int:
        """Rows whose numbers are in the curve."""
        return self.found - sum(self.dropped.values())

    def drop(self, reason: str, points: npt.NDArray[np.bool_]) -> None:
        """Count the rows of points that are about to be dropped."""
        count = int(points.sum() if self.per_point is None else self.per_point[points].sum())
        if count:
            self.dropped[reason] = self.dropped.get(reason, 0) + count

    def take(self, points: npt.NDArray[Any]) -> None:
        """Keep these points, or bring them into this order."""
        self.lines = np.asarray(self.lines)[points] if len(self.lines) else ()
        self.per_point = None if self.per_point is None else self.per_point[points]

    def merge(self, group: npt.NDArray[np.int64]) -> None:
        """Merge points: `group` holds the new place of each."""
        self.per_point = np.bincount(group, self.per_point).astype(np.int64)
        self.lines = ()

    def share(self, settings: Sequence[npt.NDArray[np.int64]]) -> list["RowCount"]:
        """One count for the points of each detector setting; the first has what is dropped from all of them."""
        weights = np.ones(sum(map(len, settings)), np.int64) if self.per_point is None else self.per_point
        shares = []
        for points in settings:
            share = RowCount(int(weights[points].sum()), {}, self.lines, self.per_point)
            share.take(points)
            shares.append(share)
        shares[0].found += sum(self.dropped.values())
        shares[0].dropped = dict(self.dropped)
        return shares
