"""samples.csv: which files belong to which sample."""

import csv
import difflib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from pairvae.errors import UserError
from pairvae.samples.covariate_cells import number_problems
from pairvae.samples.sample_rows import FACTS, KNOWN, OPTIONS, SHOWN, MeasuredFile, Row, RowChecks, column_name
from pairvae.scattering.units import parse_q_unit
from pairvae.techniques import TECHNIQUES

__all__ = ["FACTS", "MeasuredFile", "Row", "SamplesTable", "checked_rows", "parse_manifest", "raise_problems"]
MOST_BYTES = 200 * 1024**2
_LINE_END = re.compile(r"\s*[\r\n]\s*")  # within a quoted cell
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_RESERVED = ("row_saxs", "row_sans")  # columns of pairs.csv


@dataclass(frozen=True)
class SamplesTable:
    """A samples.csv as far as it was understood.

    Parameters
    ----------
    rows : list of Row
        Those without a problem of their own.
    problems : list of (int, str)
        Row number and sentence.
    warnings : list of str
        What is odd, but may be meant.
    """

    rows: list[Row]
    problems: list[tuple[int, str]]
    warnings: list[str]


def parse_manifest(manifest: Path, allow_outside: bool = False, pairs_needed: bool = True) -> list[Row]:
    """Read and check a samples.csv without reading the curves.

    Parameters
    ----------
    manifest : Path
        Text with comma, semicolon or tab between cells, in UTF-8 or Latin-1.
    allow_outside : bool
        Accept paths that leave the manifest's folder.
    pairs_needed : bool
        Refuse a table in which no sample was measured by both techniques: there is nothing to train on.

    Raises
    ------
    UserError
        All problems of the manifest, one line each, the first 20 shown.
    """
    table = checked_rows(manifest, allow_outside, pairs_needed)
    raise_problems(manifest, table.problems)
    return table.rows


def raise_problems(manifest: Path, problems: Sequence[tuple[int, str]]) -> None:
    """Raise one UserError with all problems in the order of their rows; do nothing where there are none.

    Parameters
    ----------
    problems : sequence of (int, str)
        Row number and sentence.
    """
    if not problems:
        return
    lines = [text for _, text in sorted(problems, key=lambda problem: problem[0])]
    if len(lines) == 1:
        raise UserError(f"{manifest.name}{lines[0]}")
    more = [f"… and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    listed = [f"{manifest.name}{line}" for line in lines[:SHOWN]]
    raise UserError("\n  ".join([f"{manifest}: {len(lines)} problems", *listed, *more]))


def checked_rows(manifest: Path, allow_outside: bool, pairs_needed: bool = True) -> SamplesTable:
    """Read and check a samples.csv; problems of its rows are values, to be shown with those of the files.

    Parameters
    ----------
    manifest : Path
        The samples.csv.
    allow_outside : bool
        Accept paths that leave the folder of samples.csv.
    pairs_needed : bool
        Report a problem if no row names both a SAXS and a SANS file.

    Raises
    ------
    UserError
        The table cannot be understood at all: empty, or without its columns.
    """
    header, records = _table(manifest)
    check = RowChecks(manifest, allow_outside)
    rows = [row for number, cells in records if (row := check.row(number, header, cells)) is not None]
    problems = check.problems + number_problems(check.understood)
    if pairs_needed and not any({file.technique for file in row.files} == set(TECHNIQUES) for row in check.understood):
        problems.append(
            (
                10**9,
                ": no row names both a saxs and a sans file; expected at least one sample measured by both; fill "
                "in both cells",
            )
        )
    return SamplesTable(rows, problems, _mixed_units(rows))


def _mixed_units(rows: Sequence[Row]) -> list[str]:
    """A technique whose q is said in two units: right for two instruments, wrong for a slip of the pen."""
    warnings = []
    for technique in TECHNIQUES:
        said: dict[str, dict[int, None]] = {}
        for row in rows:
            for file in row.files:
                if file.technique == technique and file.options.q_unit:
                    said.setdefault(str(parse_q_unit(file.options.q_unit)), {})[row.number] = None
        if len(said) > 1:
            listed = ", ".join(f"{unit} in {_rows(list(numbers))}" for unit, numbers in said.items())
            warnings.append(f"column {technique}_q_unit says {listed}; check that each is meant")
    return warnings


def _rows(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"row {numbers[0]}"
    shown = ", ".join(map(str, numbers[:5]))
    return f"{len(numbers)} rows ({shown}{', …' if len(numbers) > 5 else ''})"


def _table(manifest: Path) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    text = _text(manifest)
    delimiter = max(",;\t", key=next((line for line in _lines(text) if line.strip()), "").count)
    records = _records(text, delimiter, manifest)
    first, second = next(records, None), next(records, None)
    if first is None or second is None:
        found = "no rows below its header" if first else "nothing"
        raise UserError(f"{manifest}: holds {found}; expected a header and one row per sample; see data/README.md")
    header = [column_name(cell) for cell in first[1]]
    while header and not header[-1]:
        header.pop()  # spreadsheets append empty columns
    _check_header(header, manifest)
    return header, chain([second], records)


def _records(text: str, delimiter: str, manifest: Path) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not empty, with their numbers, one by one."""
    try:
        for number, cells in enumerate(csv.reader(_lines(text), delimiter=delimiter), start=1):
            if any(cell.strip() for cell in cells):
                yield number, [_LINE_END.sub(" ", cell.strip()) for cell in cells]
    except csv.Error as error:
        raise UserError(
            f"{manifest}: is no table ({error}); expected one row per sample with , ; or tab between its cells; "
            "mend its quotes, or save the spreadsheet as CSV (UTF-8) anew"
        ) from None


def _lines(text: str) -> Iterator[str]:
    """Lines with their ends: the csv module knows by itself which of them lie within quotes."""
    return (match[0] for match in _LINE.finditer(text))


def _text(manifest: Path) -> str:
    try:
        size = manifest.stat().st_size
        if size > MOST_BYTES:
            raise UserError(
                f"{manifest}: has {size / 1024**2:.0f} MB; at most {MOST_BYTES // 1024**2} MB are read; split it"
            )
        data = manifest.read_bytes()
    except OSError as error:
        raise UserError(f"{manifest}: cannot be read ({error.strerror}); check name and permissions") from None
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):  # "Unicode text" of a spreadsheet
        return data.decode("utf-16", errors="replace")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    if "\0" in text:
        raise UserError(
            f"{manifest}: is no text file; expected comma-separated text; save the spreadsheet as CSV (UTF-8)"
        )
    return text


def _check_header(header: Sequence[str], manifest: Path) -> None:
    problems = []
    missing = [name for name in ("sample_id", *TECHNIQUES) if name not in header]
    if missing:
        problems.append(
            f"has no column {', '.join(missing)}; found {', '.join(header)}; expected sample_id, saxs, sans; "
            "rename or add"
        )
    for name, times in Counter(header).items():
        if times > 1:
            problems.append(f"has {times} columns {name!r}; expected each name once; rename or remove one")
    for name in header:
        if not name:
            problems.append("has a column without a name; name or remove it")
        elif name in _RESERVED:
            problems.append(f"has a column {name!r}, a name the program needs for itself; rename it")
        elif name not in KNOWN:
            near = difflib.get_close_matches(name.lower(), KNOWN, 1, 0.85)
            if near:
                problems.append(
                    f"has an unknown column {name!r} much like {near[0]!r}; rename it to {near[0]!r} if meant"
                )
            elif name.startswith(("saxs_", "sans_")):
                known = ", ".join(f"{name[:5]}{option}" for option in OPTIONS)
                problems.append(f"has an unknown column {name!r}; known with this beginning are {known}; rename it")
    raise_problems(manifest, [(1, f", row 1: {problem}") for problem in problems])
