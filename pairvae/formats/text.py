"""Text tables: any delimiter, headers, footers, comments, blocks."""

import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from pairvae.errors import NoCurve, ReadError
from pairvae.formats.chosen_columns import Chosen, choose_columns
from pairvae.formats.column_names import Kind
from pairvae.formats.columns import Columns, parse_columns
from pairvae.formats.flags import drop_marked, flags_as_numbers
from pairvae.formats.free_units import free_intensity_unit, free_q_unit
from pairvae.formats.raw_curve import Need, RawCurve, scaled
from pairvae.formats.read_options import ReadOptions
from pairvae.formats.row_count import RowCount
from pairvae.formats.spread import ONE_SIGMA
from pairvae.formats.text_blocks import TextTable
from pairvae.formats.text_images import refuse_image
from pairvae.formats.text_layouts import Layout, find_layout
from pairvae.formats.text_rows import line_ranges, rows_that_begin
from pairvae.formats.text_table import MOST_ROWS, find_tables
from pairvae.formats.uncertainty_units import convert_dq, convert_sigma
from pairvae.scattering.spectrum import Curve, Said, Technique
from pairvae.scattering.units import (
    KNOWN_Q_UNITS,
    QUnit,
    intensity_unit_name,
    known_intensity_unit,
    parse_intensity_unit,
    parse_q_unit,
)

HOW_TO_SAY_Q_UNIT = (
    "say which as --q-unit 1/A or 1/nm (Python: q_unit=…; samples.csv: column saxs_q_unit or sans_q_unit)"
)
_ORIGIN_POWER = re.compile(r"\\\+\(([^()\n]{1,20})\)")  # "nm\+(-1)", as Origin writes a superscript
_FACT = re.compile(r"[#%;!\s]*(?P<key>technique|sample)\s*[:=]\s*(?P<value>\S.*?)\s*", re.IGNORECASE)


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
    lines = flags_as_numbers(_lines(data, where))
    try:
        return _curves(lines, where, options, stated)
    except ReadError as error:
        error.rows_found = rows_that_begin(lines)
        raise


def _curves(lines: Sequence[str], where: str, options: ReadOptions, stated: "_Stated") -> list[RawCurve]:
    entry = options.entry
    layout = find_layout(lines)
    if layout is None:
        refuse_image(lines, where)
    tables = find_tables(lines, where, layout)
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
    return [_curve(table, name, where, table.layout, stated, options.said_in) for name, table in named]


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
    where = f"{file}, {entry}" if entry else file
    chosen = choose_columns(stated.columns, table, layout, where)
    columns, units, question = chosen.columns, chosen.units, chosen.question
    needs: list[Need] = ["columns"] if question else []
    values = dict(zip(columns.kinds, table.values.T, strict=True))
    values["I"] = scaled(values["I"], 1 / columns.factor)
    in_file = (units.q_unit if units else None) or free_q_unit(table.header) or free_q_unit(table.footer)
    unit = _unit_of_q(stated.q_unit, in_file, columns)
    if unit is None:
        needs.insert(0, "q_unit")
        question = question or _ask_q_unit(values[columns.quantity], columns.quantity, where)
    intensity = _intensity_unit(stated, columns, units, table.header)
    factor, intensity_unit, _ = parse_intensity_unit(intensity.said)
    facts = _facts(table.header)
    technique: dict[str, Technique] = {"saxs": "saxs", "sans": "sans"}
    curve = RawCurve(
        where=where,
        q=scaled(values[columns.quantity], unit.inv_angstrom if unit else 1.0),
        intensity=scaled(values["I"], factor),
        technique=technique.get(facts.get("technique", "").lower()),
        sample=facts.get("sample", ""),
        entry=entry,
        intensity_unit=intensity_unit,
        q_unit=str(unit) if unit else "",
        q_unit_from=None if unit is None else said_in if stated.q_unit else "file",
        intensity_said=intensity_unit_name(intensity.said),
        intensity_unit_from=None if not intensity.said else said_in if stated.intensity_unit else "file",
        sigma_column=columns.name_of("dI"),
        dq_column=columns.name_of("dq", "ds"),
        self_describing="PairVAE" in "".join(table.header[:3]),
        needs=tuple(needs),
        question=question,
        columns_hint=chosen.hint,
        column_names=chosen.names,
        rows=RowCount(table.found, dict(table.dropped), table.lines, table.per_row),
    )
    if columns.factor != 1:
        curve.warn(f"intensity divided by {columns.factor:g}: given as {columns.name_of('I')}")
    _note_table(curve, table, layout)
    by_caller = stated.columns is not None and stated.columns.dq is not None  # in its own unit, whatever the file says
    _add_uncertainties(curve, values, columns, None if by_caller else in_file, unit, intensity)
    _note_columns(curve, chosen, stated, in_file, unit)
    if not question:
        raw = table.values[:, columns.kinds.index("I")]
        drop_marked(curve, raw, table.header, chosen.flags, chosen.bad)
    if stated.intensity_unit and intensity.in_file:
        curve.warn_if_overruled(stated.intensity_unit, intensity.in_file)
    if intensity.note:
        (curve.warn if intensity.is_guess else curve.notes.append)(intensity.note)
    return curve


class _IntensityUnit(NamedTuple):
    """Units of the intensity: as the file says, as it is read in, and the one that its sigma shares with it."""

    in_file: str | None
    said: str | None
    of_sigma: str
    note: str
    is_guess: bool


def _intensity_unit(stated: _Stated, columns: Columns, units: Columns | None, header: Sequence[str]) -> _IntensityUnit:
    """As the caller says, as the file says, or as either says of its uncertainty."""
    in_file = units.intensity_unit if units else None
    if in_file is None:
        in_file = free_intensity_unit(header)
    own = columns.sigma.own_unit if columns.sigma else ""
    is_guess = not (stated.intensity_unit or in_file) and bool(own)
    in_file = in_file or (units.sigma.own_unit if units and units.sigma else "") or None
    said = stated.intensity_unit or in_file or own or None
    by_caller = (
        stated.columns is not None and stated.columns.sigma is not None
    )  # in its own unit, whatever is in the file
    note = parse_intensity_unit(said)[2]
    if is_guess:
        note = f"unit of intensity not stated: taken as {said}, that of its uncertainty"
    return _IntensityUnit(in_file, said, said or "" if by_caller else in_file or "", note, is_guess or not said)


def _unit_of_q(stated: QUnit | None, in_file: QUnit | None, columns: Columns) -> QUnit | None:
    """Unit and quantity; a column named s is s whatever unit is said, except that "q 1/nm" makes it q."""
    unit = stated or in_file
    if unit is None or (stated is not None and stated.quantity == "q"):
        return unit
    return QUnit(unit.length, unit.quantity if unit.quantity == "s" else columns.quantity)


def _add_uncertainties(
    curve: RawCurve,
    values: Mapping[Kind, Curve],
    columns: Columns,
    in_file: QUnit | None,
    unit: QUnit | None,
    intensity: _IntensityUnit,
) -> None:
    """Set sigma and dq as standard deviations in the units of the intensity and of q."""
    if "dI" in values:
        spread = columns.sigma or ONE_SIGMA
        scale = parse_intensity_unit(intensity.said)[:2]
        sigma = convert_sigma(
            spread.sigma(values["dI"], values["I"]), values["I"], spread.unit, intensity.of_sigma, scale
        )
        curve.sigma = sigma.values
        _warn(curve, sigma.note, f"sigma {spread.note}" if spread.note else "")
    kind: Kind = "ds" if "ds" in values else "dq"
    if kind in values:
        spread = columns.dq or ONE_SIGMA
        # dq and ds are what their names say, except where the column q was said to hold s
        is_s = kind == "ds" or (unit is not None and unit.quantity == "s" and columns.quantity == "q")
        said, q_said = (f"s {spread.unit}" if is_s and spread.own_unit else spread.unit), str(in_file or "")
        scale_of = unit if not spread.own_unit and spread.unit else None if unit is None else _as_s(unit, is_s)
        dq = convert_dq(values[kind] * spread.factor, values[columns.quantity], said, q_said, scale_of)
        curve.dq = dq.values
        _warn(curve, dq.note, f"dq {spread.note}" if spread.note else "")


def _as_s(unit: QUnit, is_s: bool) -> QUnit:
    return QUnit(unit.length, "s" if is_s else "q")


def _warn(curve: RawCurve, *notes: str) -> None:
    for note in filter(None, notes):
        curve.warn(note)


def _note_columns(curve: RawCurve, chosen: Chosen, stated: _Stated, in_file: QUnit | None, unit: QUnit | None) -> None:
    columns, found, unknown = stated.columns, chosen.found, chosen.columns.unknown
    if chosen.warning:
        curve.warn(chosen.warning)
    if columns is not None and found is not None and columns.kinds != found.kinds:
        curve.notes.append(
            f"columns read as {' '.join(columns.kinds)!r} as stated, though the header reads as "
            f"{' '.join(found.kinds)!r}"
        )
    elif columns is None and unknown:
        dummy = any("in every row" in name for name in unknown)
        (curve.warn if dummy else curve.notes.append)(f"columns not used: {', '.join(unknown)}")
    if in_file is not None and unit is not None and in_file.length != unit.length:
        curve.warn(f"q read in {unit.text} as stated, though the header says {in_file.text}")
    if found is None:
        return
    if in_file is None and unit is not None and found.q_said:
        curve.warn(f"q read in {unit.text} as stated, though the header says {found.q_said}")
    if "s" in found.kinds and unit is not None:
        if columns is None and unit.quantity == "s" and "ds" not in found.kinds:
            curve.warnings.append(
                f"the first column is named s: read as s = q/2π; say --q-unit 'q {unit.text}' (Python: q_unit=…) "
                "if it is q"
            )
        elif unit.quantity == "q":
            curve.warn(f"column {found.name_of('s')} read as q, not as s = q/2π")
    name = found.name_of("q") or ""
    if unit is not None and unit.quantity == "s" and name[:1] in "qQ" and name:
        curve.warn(f"column {name} read as s = q/2π, though the header calls it q")
    if any(name.startswith(("SMR_", "smr_")) for name in found.names):
        curve.warn("columns named SMR_… are slit-smeared: read as they are, not desmeared")


def _note_table(curve: RawCurve, table: TextTable, layout: Layout | None) -> None:
    for reason, lines in table.unread.items():
        count, at = len(lines), line_ranges(lines)
        if reason == "broken_rows":
            curve.mended(reason, count, f"{count} broken rows dropped ({at})")
        elif reason == "rows_outside" and not (layout and layout.beside):
            curve.mended(reason, count, f"{count} rows of numbers outside the table not used ({at})")
        elif layout is None:
            curve.notes.append(f"{reason.replace('_', ' ')} not used: {at}")
    if table.grouped:
        curve.notes.append(f"thousands separators read in {table.grouped} rows")
    curve.warnings += table.remarks
    if table.text_behind:
        curve.mended(
            "text_behind_rows", table.text_behind, f"text behind the numbers of {table.text_behind} rows not used"
        )
    if layout is not None:
        curve.notes.append(f"read as {layout.name}")


def _lines(data: bytes, where: str) -> list[str]:
    if len(data) > 2 * MOST_ROWS and data.count(b"\n") > 2 * MOST_ROWS:
        raise ReadError(
            f"{where}: has {data.count(bytes([10]))} lines; at most {MOST_ROWS} are read; rebin the curve or export "
            "I(q) alone"
        )
    text = _decoded(data, where)
    if "\\+(" in text:
        text = _ORIGIN_POWER.sub(r"^\1", text)
    if "\x1a" in text:  # the end of a file in DOS and CP/M
        text = text.replace("\x1a", " ")
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


def _ask_q_unit(values: Curve, quantity: Literal["q", "s"], where: str) -> str:
    values = values[np.isfinite(values) & (values > 0)]
    low, high = (values.min(), values.max()) if values.size else (np.nan, np.nan)
    angstrom, nanometre = QUnit("A", quantity).inv_angstrom, QUnit("nm", quantity).inv_angstrom
    return (
        f"{where}: neither the file nor the caller says the unit of {quantity}; in 1/A the curve would run from "
        f"{angstrom * low:.3g} to {angstrom * high:.3g} 1/Å, in 1/nm from {nanometre * low:.3g} to "
        f"{nanometre * high:.3g} 1/Å{' (q = 2πs)' if quantity == 's' else ''}; "
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
