"""The tables of numbers in a text, whatever stands around and between their rows."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from pairvae.errors import NoCurve, ReadError
from pairvae.scattering.spectrum import Curve
from pairvae.scattering.table_header import header_columns

# Delimiter and decimal mark, tried in this order; None: any white space.
Dialect = tuple[str | None, str]
_DIALECTS: tuple[Dialect, ...] = (
    (";", "."),
    (";", ","),
    ("|", "."),
    ("\t", "."),
    ("\t", ","),
    (",", "."),
    (None, "."),
    (None, ","),
)
_FORTRAN = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[dDqQ]([+-]?\d+)|([+-]\d{2,3}))")
_DECIMAL_COMMA = re.compile(r"[+-]?(?:\d+(?:,\d*)?|,\d+)(?:[eEdD][+-]?\d+)?")
_NOT_A_NUMBER = {"na", "n/a", "null", "none", "-", "--", "---", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan", "#n/a"}
_INFINITE = {"1.#inf", "-1.#inf", "+1.#inf"}
_COMMENT_BEHIND = re.compile(r"(?<!\.)#")  # not the # of 1.#IND
_COMMENT = re.compile(r"\s*(#|%|!|;|//|\*|$)")
_BEGINS_NUMBER = frozenset('+-.0123456789"')
MOST_ROWS = 1_000_000  # no reduced curve has more; bounds the time a text may take
MOST_COLUMNS = 100
LONGEST_LINE = 4096
LOST_ROWS = 5  # a second block of as many rows is no accident
BROKEN_TOGETHER = 3


@dataclass(frozen=True, eq=False)
class TextTable:
    """One block of rows.

    Parameters
    ----------
    values : array, shape (rows, columns)
        NaN where a cell is empty or says that it is no number.
    first : int
        Line number of its first row, from 1.
    header : sequence of str
        The lines above it, down from the block before.
    footer : sequence of str
        The lines below it, where it is the last one.
    broken : int
        Rows that are no rows of numbers, left out.
    outside : int
        Rows of numbers in blocks of other widths, which are not used.
    text_behind : int
        Rows with text behind their numbers.
    """

    values: Curve
    first: int
    header: Sequence[str]
    footer: Sequence[str] = ()
    broken: int = 0
    outside: int = 0
    text_behind: int = 0


@dataclass
class _Row:
    line: int
    numbers: list[float]
    behind: bool = False  # text behind the numbers
    broken: bool = False


_Line = _Row | str | None  # a row, a comment, or None where a run of rows ends


@dataclass
class _Block:
    rows: list[_Row]
    broken: int = 0
    named: bool = False  # a line above it names its columns

    @property
    def width(self) -> int:
        return len(self.rows[0].numbers)


def find_tables(lines: Sequence[str], where: str, width: int | None = None) -> list[TextTable]:
    """Find the longest block of rows, and those beside it with as many columns and a header of their own.

    Parameters
    ----------
    lines : sequence of str
        The whole text.
    where : str
        The file's name, for messages.
    width : int, optional
        Only blocks with as many columns.

    Raises
    ------
    ReadError
        No table, one that breaks off, or too many broken rows.
    """
    if len(lines) > MOST_ROWS:
        raise ReadError(
            f"{where}: has {len(lines)} lines; at most {MOST_ROWS} are read; rebin the curve or export I(q) alone"
        )
    quick = _quick(lines) if width is None else None
    if quick is not None:
        return [quick]
    blocks = [block for block in _blocks(lines, _dialect(lines)) if width is None or block.width == width]
    if not blocks:
        raise NoCurve(
            f"{where}: no table found in {len(lines)} lines; expected rows of at least two numbers (q and "
            "intensity) separated by space, tab, comma or semicolon; export the reduced curve as such a table"
        )
    main = max(blocks, key=lambda block: len(block.rows))
    chosen = [
        block
        for block in blocks
        if block is main or (block.width == main.width and len(block.rows) >= LOST_ROWS and width is None)
    ]
    for before, block in pairwise(chosen):
        if not block.named:
            raise ReadError(
                f"{where}, line {before.rows[-1].line + 1}: the table of {main.width} columns breaks off and goes "
                f"on at line {block.rows[0].line}; expected one table, or a header that names the columns above "
                "each; mend or remove the lines between, or put each table into a file of its own"
            )
    outside = sum(len(block.rows) for block in blocks) - sum(len(block.rows) for block in chosen)
    return [_table(block, lines, above, outside, where) for above, block in zip([None, *chosen], chosen, strict=False)]


def _quick(lines: Sequence[str]) -> TextTable | None:
    """The table of a text that is nothing but a header and rows of one width; numpy does the parsing."""
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    if not end:
        return None
    last = lines[end - 1]
    delimiter = ";" if ";" in last else "," if "," in last else None
    for first in range(min(end, 400)):
        line = lines[first]
        if line[:40].lstrip()[:1] in _BEGINS_NUMBER:
            cells = line[:LONGEST_LINE].split(delimiter)
            if _floats(cells):
                break
            if len(cells) > 1 and number(cells[0].strip()) is not None:
                return None
    else:
        return None
    try:
        values = np.loadtxt(lines[first:end], delimiter=delimiter, comments=None, ndmin=2)
    except ValueError:
        return None
    if not 2 <= values.shape[1] <= MOST_COLUMNS:
        return None
    return TextTable(np.asfortranarray(values), first + 1, lines[:first])  # each column in one piece


def _floats(cells: Sequence[str]) -> bool:
    try:
        return len([float(cell) for cell in cells]) >= 2
    except ValueError:
        return False


def _table(block: _Block, lines: Sequence[str], above: _Block | None, outside: int, where: str) -> TextTable:
    if block.broken > max(BROKEN_TOGETHER, len(block.rows) // 10):
        raise ReadError(
            f"{where}, lines {block.rows[0].line} to {block.rows[-1].line}: {block.broken} of "
            f"{block.broken + len(block.rows)} rows are no rows of {block.width} numbers; expected few; mend or "
            "remove them"
        )
    values = np.array([row.numbers for row in block.rows])
    filled = ~np.isnan(values).all(axis=0) if np.isnan(values[0]).any() else np.ones(block.width, bool)
    filled[:2] = True
    behind = sum(row.behind for row in block.rows)
    start = above.rows[-1].line if above else 0
    first = block.rows[0].line
    footer = lines[block.rows[-1].line :][:200]
    return TextTable(values[:, filled], first, lines[start : first - 1], footer, block.broken, outside, behind)


def _dialect(lines: Sequence[str]) -> Dialect:
    beginning = [line for line in lines if line[:60].strip().lstrip('+-.,"')[:1].isdigit()]
    sample = [line[:LONGEST_LINE] for line in beginning[:: max(1, len(beginning) // 60)]]
    text = "".join(sample)
    possible = [
        (delimiter, decimal)
        for delimiter, decimal in _DIALECTS
        if (delimiter is None or delimiter in text) and (decimal == "." or "," in text)
    ]
    scores = [sum((row := _row(0, line, one)) is not None and not row.broken for line in sample) for one in possible]
    return possible[max(range(len(possible)), key=lambda i: (scores[i], -i))]


def number(cell: str, decimal: str = ".") -> float | None:
    """The number that a cell holds, NaN for a word that means none, None for anything else."""
    if decimal == ",":
        if not _DECIMAL_COMMA.fullmatch(cell):
            return float("nan") if _is_nan_word(cell) else None
        cell = cell.replace(",", ".")
    try:
        return None if "_" in cell else float(cell)
    except ValueError:
        match = _FORTRAN.fullmatch(cell)
        if match:
            return float(f"{match[1]}e{match[2] or match[3]}")
        return float("nan") if _is_nan_word(cell) else None


def _is_nan_word(cell: str) -> bool:
    plain = cell.lower()
    return plain in _NOT_A_NUMBER or plain in _INFINITE or plain.lstrip("+-") in ("nan", "inf", "infinity")


def _row(at: int, line: str, dialect: Dialect) -> _Row | None:
    """A row of at least two numbers, or what may once have been one; None for any other line."""
    delimiter, decimal = dialect
    if len(line) > LONGEST_LINE:
        return None
    if "#" in line:
        line = _COMMENT_BEHIND.split(line, maxsplit=1)[0]
    cells = [cell.strip() for cell in line.replace('"', "").split(delimiter)]
    if delimiter is not None:
        while cells and not cells[-1]:
            cells.pop()
    if not 2 <= len(cells) <= MOST_COLUMNS:
        broken = len(cells) == 1 and number(cells[0], decimal) is not None and delimiter is None
        return _Row(at, [], broken=True) if broken else None
    numbers = [float("nan") if not cell else number(cell, decimal) for cell in cells]
    good = [value for value in numbers if value is not None]
    if len(good) == len(cells):
        return _Row(at, good) if any(cells) and np.count_nonzero([bool(cell) for cell in cells]) >= 2 else None
    prefix = next(i for i, value in enumerate(numbers) if value is None)
    if prefix >= 2:
        return _Row(at, good[:prefix], behind=True)
    likely = len(good) >= max(1, len(cells) - 1)
    return _Row(at, [], broken=True) if likely else None


def _blocks(lines: Sequence[str], dialect: Dialect) -> Iterator[_Block]:
    """Runs of rows with one number of columns; blank lines, comments and few broken rows do not end a run."""
    rows: list[_Line] = []
    for number_of, line in enumerate(lines, start=1):
        if not line or line.isspace():
            continue
        row = _row(number_of, line, dialect)
        rows.append(row if row is not None else line if _COMMENT.match(line) else None)
    strict = sum(isinstance(row, _Row) and not row.behind and not row.broken for row in rows)
    behind = sum(isinstance(row, _Row) and row.behind for row in rows)
    if behind <= strict:  # text behind the numbers is the exception: a broken row, or a line of the header
        for one in rows:
            if isinstance(one, _Row) and one.behind:
                one.broken, one.behind = True, False
    at = 0
    while at < len(rows):
        begin = rows[at]
        if not isinstance(begin, _Row) or begin.broken:
            at += 1
            continue
        block = _Block([begin], named=_names_columns(lines, begin.line, len(begin.numbers)))
        at = _extend(block, rows, at + 1)
        yield block


def _extend(block: _Block, rows: Sequence[_Line], at: int) -> int:
    """Add the rows that belong to the block; return where it ends."""
    while at < len(rows):
        row = rows[at]
        if isinstance(row, str):
            if header_columns([row], block.width) is not None:
                return at
            at += 1
        elif row is None:
            return at
        elif not row.broken and len(row.numbers) == block.width:
            block.rows.append(row)
            at += 1
        else:
            ahead = rows[at : at + BROKEN_TOGETHER + 1]
            good = next(
                (
                    i
                    for i, one in enumerate(ahead)
                    if isinstance(one, _Row) and not one.broken and len(one.numbers) == block.width
                ),
                None,
            )
            if good is None or any(not isinstance(one, _Row) for one in ahead[:good]):
                # broken rows at the end are counted; a row of another width begins another block
                if row.broken and at + 1 == len(rows):
                    block.broken += 1
                    return at + 1
                return at
            block.broken += good
            at += good
    return at


def _names_columns(lines: Sequence[str], first: int, width: int) -> bool:
    above = [line for line in lines[max(0, first - 7) : first - 1] if line.strip()]
    return header_columns(above[-3:], width) is not None
