"""Covariates in samples.csv: cells that are no numbers in columns of numbers."""

import re
from collections.abc import Iterator, Sequence

from pairvae.samples.sample_rows import Row

# What spreadsheets and pandas write for a cell that is not known; pair reads it as empty, too.
EMPTY = {"", "na", "n/a", "#n/a", "nan", "-nan", "null", "none", "<na>"}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_DECIMAL_COMMA = re.compile(r"[+-]?\d*,\d+(e[+-]?\d+)?", re.IGNORECASE)


def number_problems(rows: Sequence[Row]) -> list[tuple[int, str]]:
    """Find cells that are no finite number where most cells of their column are.

    One such cell would make the whole column a category, with one value per number.

    Returns
    -------
    list of (int, str)
        Row number and sentence.
    """
    names = dict.fromkeys(name for row in rows for name in row.covariates)
    return [problem for name in names for problem in _column(name, rows)]


def _column(name: str, rows: Sequence[Row]) -> Iterator[tuple[int, str]]:
    filled = [row for row in rows if row.covariates.get(name, "").lower() not in EMPTY]
    numbers = sum(_NUMBER.fullmatch(row.covariates[name]) is not None for row in filled)
    meant = numbers + sum(_DECIMAL_COMMA.fullmatch(row.covariates[name]) is not None for row in filled)
    if meant < 2 or 2 * meant <= len(filled) or numbers == len(filled):
        return
    for row in filled:
        cell = row.covariates[name]
        if _NUMBER.fullmatch(cell):
            continue
        comma = _DECIMAL_COMMA.fullmatch(cell)
        mend = f"write {cell.replace(',', '.')}" if comma else "write one, or leave the cell empty"
        others = "" if comma else f", as in {meant} of the {len(filled)} rows that say something"
        yield (
            row.number,
            f", row {row.number} ({row.sample_id}): column {name} is {cell!r}; expected a number{others}; {mend}",
        )
