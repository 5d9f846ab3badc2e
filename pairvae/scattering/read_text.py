"""Text tables: any delimiter, headers, footers, comments, blocks."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pairvae.errors import NoCurve, ReadError
from pairvae.scattering.columns import (
    Columns,
    free_intensity_unit,
    free_q_unit,
    header_angle,
    header_columns,
    header_q_position,
    parse_columns,
)
from pairvae.scattering.read_options import ReadOptions
from pairvae.scattering.repair import Need, RawCurve, scaled
from pairvae.scattering.spectrum import Curve, Said, Technique
from pairvae.scattering.text_layouts import Layout, find_layout
from pairvae.scattering.text_table import LOST_ROWS, MOST_ROWS, TextTable, find_tables
from pairvae.scattering.units import (
    KNOWN_Q_UNITS,
    QUnit,
    intensity_unit_name,
    known_intensity_unit,
    parse_intensity_unit,
    parse_q_unit,
)

HOW_TO_SAY_COLUMNS = (
    "say them as --columns 'q I dI dq' (Python: columns=…; samples.csv: column saxs_columns or sans_columns; - ignores "
    "one)"
)
HOW_TO_SAY_Q_UNIT = (
    "say which as --q-unit 1/A or 1/nm (Python: q_unit=…; samples.csv: column saxs_q_unit or sans_q_unit)"
)
_FACT = re.compile(r"[#%;!\s]*(?P<key>technique|sample)\s*[:=]\s*(?P<value>\S.*?)\s*", re.IGNORECASE)
_ENOUGH_TO_JUDGE = 10  # rows from which a column of one number is a dummy


def read_text(data: bytes, where: str, options: ReadOptions) -> list[RawCurve]:
    """Read the table of a text, or the tables where each has a header of its own.

    Parameters
    ----------
    data : bytes
        The file's content.
    where : str
        The file's name, for messages.
    options : ReadOptions
        Its entry is "block 2" where there are several tables.

    Returns
    -------
    list of RawCurve
        Where nobody said the unit of q or the columns, they ask for it in `needs`.

    Raises
    ------
    ReadError
        No table, no such entry, or columns that do not fit.
    """
    stated = _stated(options, where)
    entry = options.entry
    lines = _lines(data, where)
    layout = find_layout(lines)
    if layout is None:
        tables = find_tables(lines, where)
    else:
        tables = find_tables([""] * layout.skip + lines[layout.skip :], where, layout.width)
        tables = [replace(table, header=lines[: table.first - 1]) for table in tables]
    named = [(f"block {i}" if len(tables) > 1 else "", table) for i, table in enumerate(tables, start=1)]
    if entry is not None:
        if len(tables) == 1:
            raise ReadError(
                f"{where}: is a text table, which has no entries; expected no entry, found {entry!r}; remove it"
            )
        found = [name for name, _ in named]
        named = [(name, table) for name, table in named if name == entry]
        if not named:
            raise ReadError(f"{where}: has no entry {entry!r}; it holds {', '.join(found)}; name one of these")
    return [_curve(table, name, where, layout, stated, options.said_in) for name, table in named]


class _Stated(NamedTuple):
    """What the caller says of a table, understood."""

    columns: Columns | None = None
    q_unit: QUnit | None = None
    intensity_unit: str | None = None


def _stated(options: ReadOptions, where: str) -> _Stated:
    if options.columns is options.q_unit is options.intensity_unit is None:
        return _Stated()
    try:
        columns = parse_columns(options.columns) if options.columns is not None else None
        intensity = known_intensity_unit(options.intensity_unit) if options.intensity_unit else None
        return _Stated(
            columns,
            parse_q_unit(options.q_unit) if options.q_unit else columns.q_unit if columns else None,
            intensity or (columns.intensity_unit if columns else None),
        )
    except ValueError as error:
        raise ReadError(f"{where}: {error}") from None


def _curve(table: TextTable, entry: str, file: str, layout: Layout | None, stated: _Stated, said_in: Said) -> RawCurve:
    told = stated.columns
    where = f"{file}, {entry}" if entry else file
    found = _found_columns(table, layout)
    chosen, question = _chosen_columns(told, found, table, where)
    needs: list[Need] = ["columns"] if question else []
    in_file = (found.q_unit if found else None) or free_q_unit(table.header) or free_q_unit(table.footer)
    unit = stated.q_unit or in_file
    if unit is None:
        needs.insert(0, "q_unit")
        question = question or _ask_q_unit(table.values[:, chosen.kinds.index(chosen.quantity)], where)
        unit = QUnit("A")
    elif not (stated.q_unit and stated.q_unit.quantity == "q"):
        # a column named s is s, whatever unit was told; "s 1/nm" makes a q column s, "q 1/nm" an s column q
        unit = QUnit(unit.length, unit.quantity if unit.quantity == "s" else chosen.quantity)
    intensity_in_file = (found.intensity_unit if found else None) or free_intensity_unit(table.header)
    said = stated.intensity_unit or intensity_in_file
    factor, intensity_unit, note = parse_intensity_unit(said)
    values = dict(zip(chosen.kinds, table.values.T, strict=True))
    dq, sigma = values.get("dq", values.get("ds")), values.get("dI")
    if dq is not None:
        # dq and ds are what their names say, except where the column q was said to hold s
        is_s = "ds" in values or (unit.quantity == "s" and chosen.quantity == "q")
        dq = scaled(dq, QUnit(unit.length, "s" if is_s else "q").inv_angstrom)
    facts = _facts(table.header)
    technique: dict[str, Technique] = {"saxs": "saxs", "sans": "sans"}
    curve = RawCurve(
        where=where,
        q=scaled(values[chosen.quantity], 1.0 if "q_unit" in needs else unit.inv_angstrom),
        intensity=scaled(values["I"], factor),
        sigma=None if sigma is None else scaled(sigma, factor),
        dq=dq,
        technique=technique.get(facts.get("technique", "").lower()),
        sample=facts.get("sample", ""),
        entry=entry,
        intensity_unit=intensity_unit,
        q_unit="" if "q_unit" in needs else str(unit),
        q_unit_from=None if "q_unit" in needs else said_in if stated.q_unit else "file",
        intensity_said=intensity_unit_name(said),
        intensity_unit_from=None if not said else said_in if stated.intensity_unit else "file",
        sigma_column=chosen.name_of("dI"),
        dq_column=chosen.name_of("dq", "ds"),
        self_describing="PairVAE" in "".join(table.header[:3]),
        needs=tuple(needs),
        question=question,
    )
    _note_table(curve, table, layout)
    if told is not None and found is not None and told.kinds != found.kinds:
        curve.notes.append(
            f"columns read as {' '.join(told.kinds)!r} as told, though the header reads as {' '.join(found.kinds)!r}"
        )
    elif told is None and chosen.unknown:
        dummy = any("in every row" in name for name in chosen.unknown)
        (curve.warn if dummy else curve.notes.append)(f"columns not used: {', '.join(chosen.unknown)}")
    if in_file is not None and in_file.length != unit.length:
        curve.warn(f"q read in {unit.text} as told, though the header says {in_file.text}")
    if found is not None and told is None and "s" in found.kinds and unit.quantity == "s" and "ds" not in found.kinds:
        curve.warnings.append(
            "the first column is named s: read as s = q/2π; say --q-unit 'q 1/nm' (Python: q_unit=…) if it is q"
        )
    if found is not None and any(name.startswith(("SMR_", "smr_")) for name in found.names):
        curve.warn("columns named SMR_… are slit-smeared: read as they are, not desmeared")
    if stated.intensity_unit and intensity_in_file:
        curve.warn_if_overruled(stated.intensity_unit, intensity_in_file)
    if note:
        (curve.warn if not said else curve.notes.append)(note)
    return curve


def _note_table(curve: RawCurve, table: TextTable, layout: Layout | None) -> None:
    if table.broken:
        curve.mended("broken_rows", table.broken, f"{table.broken} broken rows dropped")
    if table.text_behind:
        curve.mended(
            "text_behind_rows", table.text_behind, f"text behind the numbers of {table.text_behind} rows not used"
        )
    if table.outside and layout is None:
        note = f"{table.outside} rows of numbers outside the table not used"
        curve.mended("rows_outside", table.outside, note)
        if table.outside >= LOST_ROWS:
            curve.warnings.append(note)
    if layout is not None:
        curve.notes.append(f"read as {layout.name}")


def _lines(data: bytes, where: str) -> list[str]:
    if len(data) > 2 * MOST_ROWS and data.count(b"\n") > 2 * MOST_ROWS:
        raise ReadError(
            f"{where}: has {data.count(bytes([10]))} lines; at most {MOST_ROWS} are read; rebin the curve or export "
            "I(q) alone"
        )
    text = _decoded(data, where)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.replace("\N{MINUS SIGN}", "-").split("\n") if not text.isascii() else text.split("\n")


def _decoded(data: bytes, where: str) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", errors="replace")
    if b"\0" in data:
        # UTF-16 without its mark has a zero in every second byte
        for encoding, zeros in (("utf-16-le", data[1:400:2]), ("utf-16-be", data[0:400:2])):
            if zeros and zeros.count(0) > 0.9 * len(zeros):
                return data.decode(encoding, errors="replace")
        raise NoCurve(
            f"{where}: holds binary data of an unknown kind; expected NXcanSAS (HDF5), canSAS XML or a text "
            "table; export the reduced curve as one of them"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _found_columns(table: TextTable, layout: Layout | None) -> Columns | None:
    width = table.values.shape[1]
    found = header_columns(table.header, width)
    if layout is None:
        return found
    columns = layout.columns
    if layout.name == "RKH":
        columns = Columns(columns.kinds[:width], columns.q_unit) if width <= 4 else None  # type: ignore[assignment]
    if columns is None or len(columns.kinds) != width:
        return found
    return found if found is not None and layout.name == "NIST ABS" else columns


def _chosen_columns(told: Columns | None, found: Columns | None, table: TextTable, where: str) -> tuple[Columns, str]:
    """The columns, and the question to ask where nobody named them."""
    width = table.values.shape[1]
    if told is not None:
        if len(told.kinds) != width:
            raise ReadError(
                f"{where}: columns {' '.join(told.kinds)!r} name {len(told.kinds)}, the table has {width}; "
                f"{HOW_TO_SAY_COLUMNS}"
            )
        return replace(told, names=found.names if found is not None and len(found.names) == width else ()), ""
    if found is not None:
        return found, ""
    angle = header_angle(table.header, width)
    if angle is not None:
        raise ReadError(
            f"{where}: its first column is a scattering angle ({angle}); expected q; convert it with the wavelength, "
            "q = 4π sin(θ)/λ, or export I(q)"
        )
    usual: tuple[str, ...] = ("q", "I", "dI", "-")
    misplaced = header_q_position(table.header, width)
    last = table.values[:, -1]
    dummy = width == 4 and last.size >= _ENOUGH_TO_JUDGE and bool((last == last[0]).all())
    columns = Columns((usual + ("-",) * width)[:width])
    if misplaced or (width > 3 and not dummy):
        reason = f"the header puts q into column {misplaced + 1}" if misplaced else "no header names them"
        return columns, (
            f"{where}: the meaning of the table's {width} columns is not clear, {reason}; {HOW_TO_SAY_COLUMNS}"
        )
    return (replace(columns, unknown=(f"column 4, {last[0]:g} in every row",)) if dummy else columns), ""


def _ask_q_unit(q: Curve, where: str) -> str:
    q = q[np.isfinite(q) & (q > 0)]
    low, high = (q.min(), q.max()) if q.size else (np.nan, np.nan)
    return (
        f"{where}: neither the file nor the caller says the unit of q; in 1/A the curve would run from "
        f"{low:.3g} to {high:.3g} 1/Å, in 1/nm from {low / 10:.3g} to {high / 10:.3g} 1/Å; "
        f"{HOW_TO_SAY_Q_UNIT}; known are {KNOWN_Q_UNITS}"
    )


def _facts(header: Sequence[str]) -> dict[str, str]:
    """What lines such as "# technique: sans" say, each once."""
    found: dict[str, str] = {}
    for line in header[:60]:
        match = _FACT.fullmatch(line[:200]) if ":" in line or "=" in line else None
        if match:
            key = match["key"].lower()
            found[key] = "" if key in found else match["value"]
    return found
