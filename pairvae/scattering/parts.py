"""A long stage split over jobs: which share is whose, and the shares put together again."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pairvae.atomic import written_whole
from pairvae.errors import UserError
from pairvae.scattering.curves_file import CurvesFile, CurvesWriter


@dataclass(frozen=True)
class Part:
    """One of several parts, in their order.

    Parameters
    ----------
    number : int
        From 1.
    count : int
        Parts that make the whole.
    """

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `2-of-4`.

        Raises
        ------
        UserError
            It is not of this form, or there is no such part.
        """
        found = re.fullmatch(r"(\d+)-of-(\d+)", text)
        if found is None or not 1 <= int(found[1]) <= int(found[2]):
            raise UserError(f"part is {text!r}; expected a number and how many there are, as 2-of-4; mend it")
        return cls(int(found[1]), int(found[2]))

    def share(self, total: int) -> range:
        """Numbers of the items that are this part's, out of `total`; the parts follow each other."""
        return range(total * (self.number - 1) // self.count, total * self.number // self.count)


WHOLE = Part()


def merge(parts: Sequence[Path], output: Path) -> None:
    """Put curves files, or tables as CSV, one behind the other; curve by curve, line by line.

    Parameters
    ----------
    parts : sequence of Path
        Files of the parts in their order, all of the kind of `output`.
    output : Path
        File to write: curves where it ends in .h5, else a table. It is the one that a single part would have written.

    Raises
    ------
    UserError
        A part is missing or of another technique.
    """
    if output.suffix == ".h5":
        _merge_curves(parts, output)
        return
    with written_whole(output) as temporary, temporary.open("w", encoding="utf-8", newline="") as whole:
        for position, path in enumerate(parts):
            with path.open(encoding="utf-8", newline="") as part:
                header = next(part)
                if position == 0:
                    whole.write(header)
                whole.writelines(part)


def _merge_curves(parts: Sequence[Path], output: Path) -> None:
    with CurvesFile(parts[0]) as first:
        technique = first.technique
    with CurvesWriter(output, technique) as whole:
        for path in parts:
            with CurvesFile(path) as part:
                if part.technique != technique:
                    raise UserError(f"{path}: holds {part.technique} curves; expected {technique}; mend the order")
                for curve in part:
                    whole.append(curve)
