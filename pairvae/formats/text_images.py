"""Text tables that are detector images or maps, and no curves."""

from collections.abc import Sequence

import numpy as np

from pairvae.errors import ReadError
from pairvae.formats.detector_settings import MOST_SETTINGS
from pairvae.formats.table_header import Header, mentions_two_dimensions
from pairvae.formats.text_blocks import TextTable
from pairvae.formats.text_rows import MOST_COLUMNS

AVERAGE = "average it over the detector (Mantid, GRASP, pyFAI) and export I(q)"
_ENOUGH_TO_JUDGE = 10  # rows
_WIDE = 8  # columns from which a table whose first does not run in one direction is an image


def is_map(table: TextTable, header: Header | None) -> bool:
    """Whether a table holds an image, or one value for each pair of Qx and Qy."""
    rows, width = table.values.shape
    if header is not None or width < 3:
        return header is not None and header.has_two_dimensions
    first, second = table.values[:, 0], table.values[:, 1]
    step = np.diff(first)
    if rows < _ENOUGH_TO_JUDGE or (step > 0).all() or (step < 0).all():
        return False
    if width >= _WIDE and np.count_nonzero(np.diff(np.sign(step)) != 0) > rows / 4:
        return True
    pairs = np.unique(first).size * np.unique(second).size
    is_grid = pairs == rows and min(np.unique(first).size, np.unique(second).size) > 2
    both_signs = all(0.2 < np.mean(axis < 0) < 0.8 for axis in (first, second))
    said = mentions_two_dimensions(table.header) and np.count_nonzero(step <= 0) > MOST_SETTINGS
    return bool(is_grid or both_signs or said)


def refuse_image(lines: Sequence[str], where: str) -> None:
    """Refuse rows of so many numbers that they can only be an image or many curves side by side.

    Raises
    ------
    ReadError
        They are.
    """
    some = lines[:: max(1, len(lines) // 16)]
    wide = [count for line in some if (count := _numbers_in(line)) > MOST_COLUMNS]
    if len(wide) > 2:
        raise ReadError(
            f"{where}: has rows of {wide[0]} numbers, as a detector image or many curves side by side; expected q, I "
            f"and their uncertainties; {AVERAGE}, or put each curve into a file of its own"
        )


def _numbers_in(line: str) -> int:
    if len(line) <= 2 * MOST_COLUMNS:
        return 0
    cells = line.replace(",", " ").replace(";", " ").split()
    return len(cells) if cells[0][:1] in "+-.0123456789" and cells[-1][:1] in "+-.0123456789" else 0
