"""Rows of numbers in a text: which lines are rows, how their cells are divided, and what number a cell holds."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import NamedTuple

from pairvae.errors import ReadError

LONGEST_LINE = 4096
MOST_COLUMNS = 100
_BEGINS = re.compile(r"""[\s"'|;,]*(?!1\s*/\s*[^\W\d_])[+-]?[.,]?\d""")  # the unit 1/cm is no number
_BARE = re.compile(r"[\s\d.,;|+\-eEdD]*")
_DIGIT = re.compile(r"\d")
_FORTRAN = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:[dDqQ]([+-]?\d+)|([+-]\d{2,3}))")
_DECIMAL_COMMA = re.compile(r"[+-]?(?:\d+(?:,\d*)?|,\d+)(?:[eEdD][+-]?\d+)?")
_NOT_A_NUMBER = {"na", "n/a", "null", "none", "-", "--", "---", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan", "#n/a"}
_INFINITE = {"1.#inf", "-1.#inf", "+1.#inf"}
_COMMENT_BEHIND = re.compile(r"(?<!\.)#")  # not the # of 1.#IND
THIN_SPACES = "\N{THIN SPACE}\N{NARROW NO-BREAK SPACE}"  # part thousands, never columns
_SPACES = f" \N{NO-BREAK SPACE}{THIN_SPACES}"
_BLANKS = re.compile(rf"[^\S{THIN_SPACES}]+")
_THOUSANDS = re.compile(
    rf"(?P<whole>[+-]?\d{{1,3}}(?P<mark>[,.'’{_SPACES}])\d{{3}}(?:(?P=mark)\d{{3}})*)(?P<rest>(?:[.,]\d*)?(?:[eEdD][+-]?\d+)?)"
)
_THOUSANDS_PROVEN = {
    ".": re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+\.\d"),
    ",": re.compile(r"(?<![\d.,])\d{1,3}(?:\.\d{3})+,\d"),
}
SPACE_BETWEEN_DIGITS = re.compile(r"\d \d{3}(?!\d)")
_LEADING = {
    ".": re.compile(r"""[\s"'|;,]*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)?)"""),
    ",": re.compile(r"""[\s"'|;]*([+-]?(?:\d+,?\d*|,\d+)(?:[eEdD][+-]?\d+)?)"""),
}


class Dialect(NamedTuple):
    """How the rows of a text are written.

    Parameters
    ----------
    delimiter : str, optional
        None: any white space.
    decimal : str
        "." or ",".
    grouped : bool
        The other of the two marks is known to part thousands.
    """

    delimiter: str | None
    decimal: str = "."
    grouped: bool = False


# tried in this order
_DIALECTS = (
    Dialect(";", "."),
    Dialect(";", ","),
    Dialect("|", "."),
    Dialect("\t", "."),
    Dialect("\t", ","),
    Dialect(",", "."),
    Dialect(None, "."),
    Dialect(None, ","),
    Dialect(",", ","),  # in quotes
)


@dataclass(slots=True, eq=False)
class Row:
    """A row of numbers, or a line that may once have been one.

    Parameters
    ----------
    line : int
        Line number, from 1.
    numbers : list of float
        Empty where it is broken.
    width : int
        How many cells it has, numbers or not.
    begins : bool
        It begins with a number; see `begins_with_number`.
    behind : bool
        There is text behind its numbers.
    broken : bool
        It is no row of numbers.
    likely : bool
        All of its cells are numbers, or all but one (of two: but the first).
    masked : bool
        One mark stands in place of all numbers but the first.
    grouped : bool
        Some of its numbers have thousands separators.
    lead : float
        The number that it begins with, whatever follows; NaN where it begins with none.
    bare : bool
        It begins with a number, and there is nothing in it that numbers are not written with.
    """

    line: int
    numbers: list[float]
    width: int
    begins: bool
    behind: bool = False
    broken: bool = False
    likely: bool = False
    masked: bool = False
    grouped: bool = False
    lead: float = float("nan")
    bare: bool = False


def begins_with_number(line: str) -> bool:
    """Whether a line begins with a number.

    After white space, quotes and delimiters (``" ' ; , |``) comes a digit, or a decimal point or comma and a digit,
    with or without a sign. Words for no number (nan, inf, --), units (1/cm) and rows behind a comment sign are none.
    """
    return _BEGINS.match(line) is not None


def rows_that_begin(lines: Iterable[str]) -> int:
    """How many lines begin with a number."""
    return sum(_BEGINS.match(line) is not None for line in lines)


def line_ranges(lines: Sequence[int], most: int = 6) -> str:
    """Line numbers in words: "line 4", "lines 2 to 6, 9"."""
    ranges: list[list[int]] = []
    for line in lines:
        if ranges and line == ranges[-1][1] + 1:
            ranges[-1][1] = line
        else:
            ranges.append([line, line])
    words = [f"{first}" if first == last else f"{first} to {last}" for first, last in ranges[:most]]
    more = f" and {sum(last - first + 1 for first, last in ranges[most:])} more" if len(ranges) > most else ""
    return f"line{'s' if len(lines) > 1 else ''} {', '.join(words)}{more}"


def leading_number(line: str, decimal: str = ".") -> float:
    """The number that a line begins with, whatever follows it; NaN where it begins with none."""
    match = _LEADING[decimal].match(line)
    return float(match[1].replace(",", ".").lower().replace("d", "e")) if match else float("nan")


def number(cell: str, dialect: Dialect) -> float | None:
    """The number that a cell holds, NaN for a word that means none, None for anything else."""
    plain = cell
    if dialect.decimal == ",":
        if not _DECIMAL_COMMA.fullmatch(cell):
            return float("nan") if _is_nan_word(cell) else _with_thousands(cell, dialect)
        plain = cell.replace(",", ".")
    try:
        return None if "_" in plain else float(plain)
    except ValueError:
        match = _FORTRAN.fullmatch(plain)
        if match:
            return float(f"{match[1]}e{match[2] or match[3]}")
        return float("nan") if _is_nan_word(cell) else _with_thousands(cell, dialect)


def _is_nan_word(cell: str) -> bool:
    plain = cell.lower()
    return plain in _NOT_A_NUMBER or plain in _INFINITE or plain.lstrip("+-") in ("nan", "inf", "infinity")


def _with_thousands(cell: str, dialect: Dialect) -> float | None:
    """A number with thousands separators, where they cannot be anything else."""
    match = _THOUSANDS.fullmatch(cell)
    if match is None:
        return None
    whole, mark, rest = match["whole"], match["mark"], match["rest"]
    if mark == dialect.decimal or (rest[:1] in (".", ",") and rest[:1] != dialect.decimal):
        return None
    if mark in _SPACES:
        sure = dialect.delimiter in (";", "\t", "|") or mark in THIN_SPACES
    else:  # an apostrophe is nothing else
        sure = mark not in ".," or rest[:1] == dialect.decimal or whole.count(mark) > 1 or dialect.grouped
    return float(whole.replace(mark, "") + rest.replace(",", ".").lower().replace("d", "e")) if sure else None


def unclear_thousands(line: str, dialect: Dialect, width: int) -> str:
    """What in a row may or may not be a thousands separator, so that it could be read in two ways; empty: nothing.

    Parameters
    ----------
    width : int
        Columns of the table.
    """
    cells = split(line, dialect)
    for cell in cells:
        match = _THOUSANDS.fullmatch(cell)
        if match is not None and match["mark"] in ".," and number(cell, dialect) is None:
            return cell
    pairs = [
        f"{left}{dialect.delimiter or ' '}{right}"
        for left, right in pairwise(cells)
        if re.fullmatch(r"[+-]?\d{1,3}", left) and re.fullmatch(rf"\d{{3}}(?:{re.escape(dialect.decimal)}\d*)?", right)
    ]
    return pairs[0] if 0 < len(cells) - width <= len(pairs) else ""


def split(line: str, dialect: Dialect) -> list[str]:
    """The cells of a line, without quotes and empty cells at its end."""
    delimiter = dialect.delimiter
    if "#" in line:
        line = _COMMENT_BEHIND.split(line, maxsplit=1)[0]
    cells: list[str] = []
    if '"' in line and delimiter is not None:
        try:
            cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
        except csv.Error:
            cells = []
    if not cells:
        plain = line.replace('"', "")
        thin = delimiter is None and not plain.isascii() and any(space in plain for space in THIN_SPACES)
        cells = _BLANKS.split(plain.strip()) if thin else plain.split(delimiter)
    cells = [cell.strip() for cell in cells]
    if delimiter is not None:
        while cells and not cells[-1]:
            cells.pop()
    return cells


def parse_row(at: int, line: str, dialect: Dialect) -> Row | None:
    """A row of at least two numbers, or what may once have been one; None for any other line.

    Parameters
    ----------
    at : int
        Number of the line in the file, from 1.
    line : str
        Its text.
    dialect : Dialect
        Delimiter and decimal sign.
    """
    if len(line) > LONGEST_LINE:
        begins = begins_with_number(line)
        return Row(at, [], 0, begins, broken=True, lead=leading_number(line, dialect.decimal)) if begins else None
    cells = split(line, dialect)
    width = len(cells)
    if dialect.decimal == "." and 2 <= width <= MOST_COLUMNS and "_" not in line:
        try:  # as most rows are
            plain = [float(cell) for cell in cells]
            begins = isfinite(plain[0]) or begins_with_number(line)
            return Row(at, plain, width, begins, lead=plain[0] if begins else float("nan"), bare=begins)
        except ValueError:
            pass
    begins = begins_with_number(line)
    numbers = [float("nan") if not cell else number(cell, dialect) for cell in cells[:MOST_COLUMNS]]
    good = [value for value in numbers if value is not None]
    if 2 <= width <= MOST_COLUMNS:
        if len(good) == width and sum(map(bool, cells)) >= 2:
            grouped = _has_thousands(cells, dialect)
            return Row(at, good, width, begins, grouped=grouped, lead=good[0] if begins else float("nan"))
        prefix = next((i for i, value in enumerate(numbers) if value is None), 0)
        known = len(good) if begins else sum(value == value for value in good)  # a line of dashes is no row
        likely = known >= max(1, width - 1) and (width > 2 or numbers[0] is None)
        if prefix >= 2:
            return Row(at, good[:prefix], width, begins, behind=True, likely=likely, lead=good[0])
    else:
        likely = False
    lone = width == len(good) == 1 and dialect.delimiter is None
    if not (begins or lone or (likely and len(good) < width)):
        return None
    lead, masked = leading_number(line, dialect.decimal), _is_masked(line, dialect)
    bare = begins and _BARE.fullmatch(line) is not None
    return Row(at, [], width, begins, broken=True, likely=likely or lone, masked=masked, lead=lead, bare=bare)


def _has_thousands(cells: Sequence[str], dialect: Dialect) -> bool:
    return any(
        not cell.isalnum() and _THOUSANDS.fullmatch(cell) and _with_thousands(cell, dialect) is not None
        for cell in cells
        if len(cell) >= 5
    )


def _is_masked(line: str, dialect: Dialect) -> bool:
    """Whether one mark ("masked", "***", "#", nothing) stands in place of every number but the first."""
    first, *others = [cell.strip().lower() for cell in line.replace('"', "").split(dialect.delimiter)] or [""]
    marks = {other if any(sign.isalnum() for sign in other) else "" for other in others}
    return len(marks) <= 1 and number(first, dialect) is not None and not any(map(_DIGIT.search, marks))


def find_dialect(lines: Sequence[str], where: str) -> Dialect:
    """How most of the rows are written.

    Raises
    ------
    ReadError
        A space in every row may part columns as well as thousands.
    """
    beginning = [line for line in lines if line[:60].strip().lstrip('+-.,"')[:1].isdigit()]
    sample = [line[:LONGEST_LINE] for line in beginning[:: max(1, len(beginning) // 60)]]
    text = "".join(sample)
    scores = {}
    for order, dialect in enumerate(_DIALECTS):
        if (dialect.delimiter is None or dialect.delimiter in text) and (dialect.decimal == "." or "," in text):
            rows = [row for line in sample if (row := parse_row(0, line, dialect)) is not None and not row.broken]
            alike = Counter(len(row.numbers) for row in rows).most_common(1)
            plain = sum(not row.grouped for row in rows)
            scores[dialect] = (len(rows), alike[0][1] if alike else 0, plain, -order)
    best = max(scores, key=lambda dialect: scores[dialect])
    for other, score in scores.items():
        if best.delimiter is None and other.delimiter == "\t" and score[:2] == scores[best][:2] != (0, 0):
            raise ReadError(
                f"{where}: a space between digits, as in {sample[0].strip()[:60]!r}, may part columns or thousands; "
                "expected one of them; write numbers without thousands separators"
            )
    proof = _THOUSANDS_PROVEN[best.decimal]
    mark = "," if best.decimal == "." else "."
    grouped = best.delimiter != mark and any(mark in line and proof.search(line) for line in beginning)
    return best._replace(grouped=grouped)
