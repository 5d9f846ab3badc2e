"""The one table of an ordinary text, as quickly as numpy reads it."""

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite

import numpy as np

from pairvae.formats.text_blocks import COMPARED_ROWS, TextTable, is_beyond, written_unlike
from pairvae.formats.text_layouts import Layout
from pairvae.formats.text_rows import (
    LONGEST_LINE,
    MOST_COLUMNS,
    SPACE_BETWEEN_DIGITS,
    Dialect,
    begins_with_number,
    leading_number,
    number,
    parse_row,
)
from pairvae.scattering.spectrum import Curve


def quick_table(lines: Sequence[str], layout: Layout | None) -> TextTable | None:
    """Read a text that is nothing but a header and rows of one width; numpy does the parsing.

    Returns
    -------
    TextTable or None
        None where the text is anything else.
    """
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    if not end:
        return None
    last = lines[end - 1]
    delimiter = ";" if ";" in last else "," if "," in last else None
    skip = layout.skip if layout else 0
    above = [at for at in range(skip) if begins_with_number(lines[at])] if skip else []
    for first in range(skip, min(end, 400)):
        line = lines[first]
        if begins_with_number(line):
            cells = line[:LONGEST_LINE].split(delimiter)
            if _floats(cells):
                break
            if len(cells) > 1 and number(cells[0].strip(), Dialect(delimiter)) is not None:
                return None
            above.append(first)
    else:
        return None
    if delimiter is None and "\t" in line and SPACE_BETWEEN_DIGITS.search(line):
        return None
    if first > skip and parse_row(first, lines[first - 1], Dialect(delimiter)) is not None:
        return None  # a row whose first number is a mark
    if not line.isascii() or not last.isascii():  # thin spaces part thousands
        return None
    try:
        values = np.loadtxt(lines[first:end], delimiter=delimiter, comments=None, ndmin=2)
    except ValueError:
        return None
    rows, width = values.shape
    # a row that begins with a word for no number, or may belong to the header, is looked at more closely
    if not 2 <= width <= MOST_COLUMNS or not isfinite(values[:, 0].dot(values[:, 0])):
        return None
    if above and above[-1] >= skip and _is_unclear(lines, [at for at in above if at >= skip], first, values, delimiter):
        return None
    at = range(first + 1, first + 1 + rows)
    return TextTable(
        np.asfortranarray(values),  # each column in one piece
        first + 1,
        lines[:first],
        lines=at if len(at) == end - first else [one for one in range(first + 1, end + 1) if lines[one - 1].strip()],
        unread={"numbers_in_header": [one + 1 for one in above]} if above else {},
        dropped={"numbers_in_header": len(above)} if above else {},
        layout=layout,
    )


def _is_unclear(lines: Sequence[str], above: Sequence[int], first: int, values: Curve, delimiter: str | None) -> bool:
    """Whether numbers above a table, or its first row, may be the other."""
    column = values[:3, 0].tolist()
    way = 1 if column[-1] > column[0] else -1
    step = abs(column[-1] - column[-2]) if len(column) > 1 else 0.0
    return (
        any((after - before) * way <= 0 for before, after in pairwise(column))
        or any(not (lead := leading_number(lines[at])) or is_beyond(lead, column[0], step, -way) for at in above)
        or any(len(lines[at].split(delimiter)) == values.shape[1] for at in above)
        or written_unlike(lines[first : first + COMPARED_ROWS])
    )


def _floats(cells: Sequence[str]) -> bool:
    try:
        return len([float(cell) for cell in cells]) >= 2
    except ValueError:
        return False
