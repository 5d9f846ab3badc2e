"""Runs of rows with one number of columns, and the rows at their ends that belong to them or to a header."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from pairvae.formats.table_header import header_columns
from pairvae.formats.text_layouts import Layout
from pairvae.formats.text_rows import Dialect, Row, parse_row
from pairvae.scattering.spectrum import Curve

BROKEN_TOGETHER = 3
COMPARED_ROWS = 11  # to see whether the first is written as the others
FEWEST_ROWS = 5  # a second block of as many rows is no accident
_STEPS = 10  # a row beyond the end of a table is no further away than so many of its steps,
_FOLD = 3  # or by this factor
_DIGITS = re.compile(r"\d+")
_COMMENT = re.compile(r"\s*(#|%|!|;|//|\*|$)")

Entry = Row | str | None  # a row, a comment, or None where a run of rows ends


@dataclass(eq=False)
class TextTable:
    """One block of rows.

    Parameters
    ----------
    values : array, shape (rows, columns)
        NaN where a cell is empty or says that it is no number.
    first : int
        Line number of its first row, from 1.
    header : sequence of str
        The lines above it, down from the block before, without broken rows.
    footer : sequence of str
        The lines below it, where it is the last one.
    lines : sequence of int
        Line number of each row.
    unread : mapping of str to list of int
        Line numbers of rows from the block before down to its end, or to the end of the text, that are not used:
        "broken_rows" belong to the table but are no rows of numbers; "rows_outside" are rows of numbers in other
        blocks; "numbers_in_header" and "numbers_in_footer" are other lines that begin with a number.
    dropped : mapping of str to int
        How many of these begin with a number.
    per_row : array of int, shape (rows,), optional
        1 for a row that begins with a number, 0 for one that begins with a word for no number; None: all 1.
    text_behind : int
        Rows with text behind their numbers.
    grouped : int
        Rows with thousands separators.
    remarks : sequence of str
        What is worth a look.
    layout : Layout, optional
        The text format that was recognised.
    """

    values: Curve
    first: int
    header: Sequence[str]
    footer: Sequence[str] = ()
    lines: Sequence[int] = ()
    unread: Mapping[str, list[int]] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)
    per_row: npt.NDArray[np.int64] | None = None
    text_behind: int = 0
    grouped: int = 0
    remarks: Sequence[str] = ()
    layout: Layout | None = None

    @property
    def found(self) -> int:
        """Lines that begin with a number: rows of the table and those that are not used."""
        return sum(self.dropped.values()) + (len(self.values) if self.per_row is None else int(self.per_row.sum()))


@dataclass(eq=False)
class Block:
    """A run of rows with one number of columns.

    Parameters
    ----------
    rows : list of Row
        At least one.
    start, stop : int
        Where its first row is among the entries of the text, and where the next run may begin.
    broken : list of Row
        Rows between them that cannot be read.
    above, below : list of Row
        Rows beyond its ends that belong to its table but cannot be read.
    heading : list of Row
        Rows of as many numbers above the first, which belong to the header.
    layout : Layout, optional
        The text format whose header is above it.
    """

    rows: list[Row]
    start: int
    stop: int
    broken: list[Row] = field(default_factory=list)
    above: list[Row] = field(default_factory=list)
    below: list[Row] = field(default_factory=list)
    heading: list[Row] = field(default_factory=list)
    layout: Layout | None = None

    @property
    def width(self) -> int:
        """Number of columns."""
        return len(self.rows[0].numbers)

    @property
    def first_line(self) -> int:
        """Line number of the first row of its table, read or not."""
        return (self.above or self.rows)[0].line

    def first_column(self) -> Curve:
        """What mostly is q."""
        return np.array([row.numbers[0] for row in self.rows])


def parse_entries(lines: Sequence[str], skip: int, dialect: Dialect) -> list[Entry]:
    """Rows, comments and the places of other lines, in their order; blank lines and the first `skip` are left out.

    Parameters
    ----------
    lines : sequence of str
        Lines of the file.
    skip : int
        Lines at the top to leave out.
    dialect : Dialect
        Delimiter and decimal sign.
    """
    entries: list[Entry] = []
    for at, line in enumerate(lines[skip:], start=skip + 1):
        if line and not line.isspace():
            row = parse_row(at, line, dialect)
            entries.append(row if row is not None else line if _COMMENT.match(line) else None)
    rows = [entry for entry in entries if isinstance(entry, Row)]
    behind = sum(row.behind for row in rows)
    if behind <= sum(not row.behind and not row.broken for row in rows):
        # text behind the numbers is the exception: a broken row, or a line of the header
        for row in rows:
            if row.behind:
                row.broken, row.behind = True, False
    return entries


def find_blocks(entries: Sequence[Entry]) -> Iterator[Block]:
    """Runs of rows; blank lines, comments, masked rows and few broken ones do not end a run."""
    at = 0
    while at < len(entries):
        begin = entries[at]
        at += 1
        if isinstance(begin, Row) and not begin.broken:
            block = Block([begin], at - 1, at)
            _extend(block, entries, at)
            at = block.stop
            yield block


def _extend(block: Block, entries: Sequence[Entry], at: int) -> None:
    waiting: list[Row] = []  # until a row of the block's width follows
    unmasked = 0
    while at < len(entries):
        entry = entries[at]
        at += 1
        if entry is None:
            return
        if isinstance(entry, str):
            if header_columns([entry], block.width) is not None:
                return
        elif not entry.broken and len(entry.numbers) == block.width:
            block.rows.append(entry)
            block.broken += waiting
            block.stop, waiting, unmasked = at, [], 0
        elif entry.broken and not _was_a_row(entry, block):
            return
        else:
            waiting.append(entry)
            unmasked += not entry.masked
            if unmasked > BROKEN_TOGETHER:
                return


def _was_a_row(broken: Row, block: Block) -> bool:
    """Whether a broken row below the last one of a block was written as one of it."""
    if broken.masked or (broken.likely and abs(broken.width - block.width) <= 1):
        return True
    if len(block.rows) < 2:
        return False
    before, last = (row.numbers[0] for row in block.rows[-2:])
    return is_beyond(broken.lead, last, abs(last - before), 1 if last > before else -1)


def shed_heading(block: Block, entries: Sequence[Entry]) -> None:
    """Give the first rows of a block to the numbers above it, where its first column rises or falls without them."""
    above = entries[block.start - 1] if block.start else None
    if not isinstance(above, Row) or len(block.rows) < 2:
        return
    first = block.first_column()
    for count in range(BROKEN_TOGETHER + 1):
        way = _way(first[count:])
        if way and first.size - count >= FEWEST_ROWS:
            is_torn = is_beyond(above.lead, first[0], abs(first[1] - first[0]), -way)
            if count and (first[count] - first[count - 1]) * way < 0 and not is_torn:
                block.heading, block.rows = block.rows[:count], block.rows[count:]
                block.start = entries.index(block.rows[0], block.start)
            return


def _way(values: Curve) -> int:
    """1 where the values rise, -1 where they fall, 0 where they do neither."""
    steps = np.diff(values[np.isfinite(values)])
    return 0 if not steps.size else 1 if (steps > 0).all() else -1 if (steps < 0).all() else 0


def find_torn(chosen: Sequence[Block], entries: Sequence[Entry], apart: Collection[int]) -> None:
    """Find the rows beyond the ends of each block that belong to its table but cannot be read as the others.

    These go on with the first column, or have as many cells and stand right beside the block.

    Parameters
    ----------
    chosen : sequence of Block
        Their `above` and `below` are filled.
    entries : sequence of Row, str or None
        The text, entry by entry.
    apart : collection of int
        Lines that belong to something else.
    """
    for before, block in zip([None, *chosen], [*chosen, None], strict=True):
        gap = list(entries[before.stop if before else 0 : block.start if block else len(entries)])
        if before is not None:
            before.below = _torn(before, gap, True, apart)
            if block is None:
                before.below += _cut_off(before, gap, apart)
            torn = set(before.below)
            gap = [None if entry in torn else entry for entry in gap]
        if block is not None:
            block.above = _torn(block, gap[::-1], False, apart)[::-1]


def _cut_off(block: Block, gap: Sequence[Entry], apart: Collection[int]) -> list[Row]:
    """What is below the last table, where it is nothing but numbers, as of rows that were cut off."""
    torn, rest = set(block.below), []
    for entry in gap:
        if isinstance(entry, Row) and entry.bare and entry.width <= block.width and entry.line not in apart:
            rest += [entry] if entry not in torn else []
        elif not isinstance(entry, str) and entry not in torn:
            return []
    return rest


def _torn(block: Block, entries: Iterable[Entry], down: bool, apart: Collection[int]) -> list[Row]:
    """The torn rows among what is beyond one end of a block, outwards."""
    near = block.first_column()
    near = near[np.isfinite(near)][:: 1 if down else -1][-COMPARED_ROWS:]
    way = _way(near)
    edge, step = (float(near[-1]), abs(float(near[-1] - near[-2]))) if way else (0.0, 0.0)
    torn: list[Row] = []
    beside = True  # no other text between
    for entry in entries:
        if isinstance(entry, str):
            continue
        if entry is None:
            beside = False
            continue
        goes_on = is_beyond(entry.lead, edge, step, way) if way else beside and entry.begins
        alike = entry.width == block.width
        marked = alike and entry.broken and (entry.likely or (entry.masked and entry.width > 2))
        marked = marked or (entry.broken and entry.lead == 0 and not down)  # the row of q = 0
        if entry.line in apart:
            beside = beside and goes_on
        elif (goes_on and (alike or beside)) or (beside and marked):
            torn.append(entry)
        else:
            beside = False
        edge = entry.lead if goes_on else edge
    return torn


def is_beyond(value: float, edge: float, step: float, way: int) -> bool:
    """Whether a number can follow the last one of a column that rises (`way` 1) or falls (-1).

    Parameters
    ----------
    value, edge : float
        The number, and the last one of the column.
    step : float
        Distance of the column's last two numbers.
    way : {1, -1}
        1 if the column rises, -1 if it falls.
    """
    if way > 0:
        return edge <= value <= edge + max(_STEPS * step, (_FOLD - 1) * abs(edge))
    return max(0.0, edge - max(_STEPS * step, (1 - 1 / _FOLD) * edge)) <= value <= edge


def written_unlike(lines: Sequence[str]) -> bool:
    """Whether the first of some rows is written in another way than all that follow, which are written alike."""
    if len(lines) <= FEWEST_ROWS or (len(lines[0]) == len(lines[1]) and lines[0][0].isspace() == lines[1][0].isspace()):
        return False
    (indent, cells), *others = map(_form, lines)
    if {other for other, _ in others} == {others[0][0]} != {indent}:
        return True
    columns = list(zip(*(other for _, other in others), strict=False))
    return all(len(set(column)) == 1 and cell not in column for cell, column in zip(cells, columns, strict=False))


def _form(line: str) -> tuple[int, list[str]]:
    """How a row is written: its indent, and its cells with each number of digits as one 0."""
    return len(line) - len(line.lstrip()), [_DIGITS.sub("0", cell.lstrip("+-")) for cell in line.split()]
