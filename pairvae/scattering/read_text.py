"""Text tables: any delimiter, headers, footers, comments."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pairvae.errors import ReadError
from pairvae.scattering.columns import Columns, free_q_unit, header_columns, header_q_position, parse_columns
from pairvae.scattering.repair import RawCurve
from pairvae.scattering.spectrum import Curve
from pairvae.scattering.units import KNOWN_Q_UNITS, QUnit, parse_intensity_unit, parse_q_unit

HOW_TO_SAY_COLUMNS = "say them as columns='q I dI dq' (samples.csv: column saxs_columns or sans_columns; - ignores one)"
HOW_TO_SAY_Q_UNIT = "say which as q_unit='1/A' or '1/nm' (samples.csv: column saxs_q_unit or sans_q_unit)"
# Delimiter and decimal mark, tried in this order; None: any white space.
_DIALECTS = ((";", "."), (";", ","), ("\t", "."), ("\t", ","), (",", "."), (None, "."), (None, ","))
_WORDS = r"|[+-]?(?:nan|inf(?:inity)?)"
_NUMBER = {
    ".": re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[ed][+-]?\d+)?" + _WORDS, re.IGNORECASE),
    ",": re.compile(r"[+-]?(?:\d+(?:,\d+)?|,\d+)(?:[ed][+-]?\d+)?" + _WORDS, re.IGNORECASE),
}
_COMMENT = re.compile(r"\s*(#|%|!|;|//|\*|$)")
_LOST_ROWS = 5  # a second block of as many rows is no accident


@dataclass(frozen=True)
class _Table:
    values: Curve
    first: int  # line number of its first row, from 1
    notes: tuple[str, ...]


def read_text(data: bytes, where: str, q_unit: str | None, columns: str | None) -> RawCurve:
    """Read a text table.

    Parameters
    ----------
    data : bytes
        The file's content.
    where : str
        The file's name, for messages.
    q_unit : str, optional
        Unit of q (or "s 1/nm"); it wins over what the file says.
    columns : str, optional
        Columns in their order, as "q I dI -"; they win over what the file says.

    Raises
    ------
    ReadError
        No table, or columns or unit of q that nobody named.
    """
    lines = re.split(r"\r\n|\n|\r", _decoded(data, where))
    table = _find_table(lines, where)
    above = lines[: table.first - 1]
    width = table.values.shape[1]
    notes = list(table.notes)
    found = header_columns(above, width)
    chosen = _chosen_columns(columns, found, above, width, where)
    if columns is not None and found is not None and chosen.kinds != found.kinds:
        named = " ".join(found.kinds)
        notes.append(f"columns read as {' '.join(chosen.kinds)!r} as told, though the header reads as {named!r}")
    elif columns is None and chosen.unknown:
        notes.append(f"columns not used: {', '.join(chosen.unknown)}")
    values = dict(zip(chosen.kinds, table.values.T, strict=True))
    in_file = (found.q_unit if found else None) or free_q_unit(above)
    unit = _chosen_q_unit(q_unit, chosen, in_file, values[chosen.quantity], where)
    if q_unit is not None and in_file is not None and in_file.length != unit.length:
        notes.append(f"q read in {unit.text} as told, though the header says {in_file.text}")
    said = chosen.intensity_unit or (found.intensity_unit if found else None)
    factor, intensity_unit, note = parse_intensity_unit(said)
    notes += [note] if note else []
    dq = values.get("dq", values.get("ds"))
    if dq is not None:
        # dq and ds are what their names say, except where the column q was said to hold s
        is_s = "ds" in values or (unit.quantity == "s" and chosen.quantity == "q")
        dq = dq * QUnit(unit.length, "s" if is_s else "q").inv_angstrom
    sigma = values.get("dI")
    return RawCurve(
        where=where,
        q=values[chosen.quantity] * unit.inv_angstrom,
        intensity=values["I"] * factor,
        sigma=None if sigma is None else sigma * factor,
        dq=dq,
        intensity_unit=intensity_unit,
        notes=notes,
    )


def _decoded(data: bytes, where: str) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace")
    if b"\0" in data:
        raise ReadError(
            f"{where}: holds binary data of an unknown kind; expected NXcanSAS (HDF5), canSAS XML or a text "
            "table; export the reduced curve as one of them"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _cells(line: str, delimiter: str | None, decimal: str) -> list[str] | None:
    """The numbers of one row as text, None where the line is no row of at least two numbers."""
    cells = line.split("#", 1)[0].replace('"', "").split(delimiter)
    number = _NUMBER[decimal]
    numbers = 0
    for i, cell in enumerate(cells):
        stripped = cell.strip()
        if not stripped:
            cells[i] = ""
        elif number.fullmatch(stripped):
            numbers += 1
            cells[i] = stripped
        else:
            return None
    return cells if numbers >= 2 else None


def _find_table(lines: Sequence[str], where: str) -> _Table:
    beginning = [line for line in lines if line[:60].strip().lstrip('+-.,"')[:1].isdigit()]
    sample = beginning[:: max(1, len(beginning) // 200)]
    scores = [sum(_cells(line, *dialect) is not None for line in sample) for dialect in _DIALECTS]
    best = max(range(len(_DIALECTS)), key=lambda i: (scores[i], -i))
    blocks = sorted(_blocks(lines, *_DIALECTS[best]), key=lambda block: len(block[1]), reverse=True)
    if not blocks:
        raise ReadError(
            f"{where}: no table found in {len(lines)} lines; expected rows of at least two numbers (q and "
            "intensity) separated by space, tab, comma or semicolon; export the reduced curve as such a table"
        )
    first, rows = blocks[0]
    width = len(rows[0])
    others = [(start, other) for start, other in blocks[1:] if len(other[0]) == width]
    if others and len(others[0][1]) >= _LOST_ROWS:
        start, other = min(others[0], blocks[0]), max(others[0], blocks[0])
        raise ReadError(
            f"{where}, line {start[0] + len(start[1])}: the table of {width} columns breaks off and goes on "
            f"at line {other[0]}; expected one table; mend or remove the lines between, or put each table "
            "into a file of its own"
        )
    text = np.array(rows)
    filled = (text != "").any(axis=0)
    text[text == ""] = "nan"
    values = np.char.replace(np.char.lower(text), "d", "e") if _has_d_exponents(rows) else text
    numbers = np.char.replace(values, ",", ".").astype(np.float64)
    lost = sum(len(other) for _, other in blocks[1:])
    notes = (f"{lost} rows of numbers outside the table not used",) if lost else ()
    return _Table(numbers[:, filled], first, notes)


def _has_d_exponents(rows: Sequence[Sequence[str]]) -> bool:
    return any("d" in cell.lower() for row in rows for cell in row)


def _blocks(lines: Sequence[str], delimiter: str | None, decimal: str) -> Iterator[tuple[int, list[list[str]]]]:
    """Runs of rows with one number of columns; blank and comment lines do not end a run."""
    start, rows = 0, list[list[str]]()
    for number, line in enumerate(lines, start=1):
        cells = _cells(line, delimiter, decimal)
        if cells is None and _COMMENT.match(line):
            continue
        if rows and (cells is None or len(cells) != len(rows[0])):
            yield start, rows
            rows = []
        if cells is not None:
            if not rows:
                start = number
            rows.append(cells)
    if rows:
        yield start, rows


def _chosen_columns(told: str | None, found: Columns | None, above: Sequence[str], width: int, where: str) -> Columns:
    if told is not None:
        try:
            chosen = parse_columns(told)
        except ValueError as error:
            raise ReadError(f"{where}: {error}") from None
        if len(chosen.kinds) != width:
            raise ReadError(
                f"{where}: columns {told!r} name {len(chosen.kinds)}, the table has {width}; {HOW_TO_SAY_COLUMNS}"
            )
        return chosen
    if found is not None:
        return found
    misplaced = header_q_position(above, width)
    if width > 3 or misplaced:
        reason = f"the header puts q into column {misplaced + 1}" if misplaced else "no header names them"
        raise ReadError(
            f"{where}: the meaning of the table's {width} columns is not clear, {reason}; {HOW_TO_SAY_COLUMNS}"
        )
    return Columns(("q", "I") if width == 2 else ("q", "I", "dI"))


def _chosen_q_unit(told: str | None, chosen: Columns, in_file: QUnit | None, q: Curve, where: str) -> QUnit:
    if told is not None:
        try:
            unit = parse_q_unit(told)
        except ValueError as error:
            raise ReadError(f"{where}: {error}") from None
    else:
        unit = chosen.q_unit or in_file  # type: ignore[assignment]
    if unit is None:
        q = q[np.isfinite(q) & (q > 0)]
        low, high = (q.min(), q.max()) if q.size else (np.nan, np.nan)
        raise ReadError(
            f"{where}: neither the file nor the caller says the unit of q; in 1/A the curve would run from "
            f"{low:.3g} to {high:.3g} 1/Å, in 1/nm from {low / 10:.3g} to {high / 10:.3g} 1/Å; "
            f"{HOW_TO_SAY_Q_UNIT}; known are {KNOWN_Q_UNITS}"
        )
    # a column named s is s, whatever unit was told; "s 1/nm" makes a q column s
    return QUnit(unit.length, unit.quantity if unit.quantity == "s" else chosen.quantity)
