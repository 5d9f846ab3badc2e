"""The columns of a text table: as the caller says, as its header says, or by their order; or a question."""

from dataclasses import dataclass, replace

import numpy as np

from pairvae.errors import ReadError
from pairvae.formats.columns import Columns, how_to_say_columns, usual_hint
from pairvae.formats.flags import Bad, flagged_rows
from pairvae.formats.header_statements import find_statement
from pairvae.formats.spread import ONE_SIGMA, Spread
from pairvae.formats.table_header import Header, header_beside_text, read_header
from pairvae.formats.text_blocks import TextTable
from pairvae.formats.text_images import AVERAGE, is_map
from pairvae.formats.text_layouts import Layout
from pairvae.scattering.spectrum import Curve
from pairvae.scattering.units import find_q_unit, is_arbitrary, is_cross_section, unit_of_intensity

_ENOUGH_TO_JUDGE = 10  # rows from which a column of one number is a dummy
_FOOTER = 60  # lines below a table in which sentences count
_NEARLY = 0.5  # of the intensity: more is no uncertainty, except where the curve scatters as much


@dataclass(frozen=True)
class Chosen:
    """What the columns of a table are taken for.

    Parameters
    ----------
    columns : Columns
        Where there is a question, a mere guess to show the numbers with.
    found : Columns, optional
        What the file says.
    stated_units : Columns, optional
        What the file says of the units of the columns that the caller names.
    question : str
        The sentence that asks for the columns; empty where they are clear.
    hint : str
        What to type for them, with a name for each column of the table.
    names : tuple of str
        What the header calls them.
    warning : str
        What speaks against the choice.
    flags : str
        The column that marks rows as bad.
    bad : array of bool, shape (rows,), optional
        The rows that it marks.
    """

    columns: Columns
    found: Columns | None = None
    question: str = ""
    hint: str = ""
    names: tuple[str, ...] = ()
    warning: str = ""
    flags: str = ""
    bad: Bad | None = None
    stated_units: Columns | None = None

    @property
    def units(self) -> Columns | None:
        """What the file says of the units of these columns; an empty unit of intensity: only others have one."""
        return self.stated_units or self.found


def choose_columns(stated: Columns | None, table: TextTable, layout: Layout | None, where: str) -> Chosen:
    """Find out which column is what.

    Parameters
    ----------
    stated : Columns, optional
        What the caller says; it wins.
    table : TextTable
    layout : Layout, optional
        The text format, where one was recognised.
    where : str
        File and entry, for messages.

    Raises
    ------
    ReadError
        The caller names another number of columns, the table is a map over two dimensions, or its header names
        something that is not q or not I.
    """
    width = table.values.shape[1]
    header = read_header(table.header, width)
    against = ""
    if table.text_behind and (header is None or header.columns is None):
        beside, against = header_beside_text(table.header, width)
        header = beside or header
    found = _found(header, layout, width)
    if stated is not None:
        return _as_stated(stated, header, found, width, where)
    if found is None and is_map(table, header):
        raise ReadError(f"{where}: is a map over two dimensions (Qx and Qy, or pixels); expected I(q); {AVERAGE}")
    refusal = layout.refusal if layout else header.refusal if header is not None else ""
    if refusal and (found is None or layout or (header is not None and found is header.columns)):
        raise ReadError(f"{where}: {refusal}")
    if found is not None:
        chosen = _as_found(found, table, where)
    elif header is not None:
        return _ask_with_names(header, width, where)
    else:
        chosen = _by_order(table, where)
    if chosen.question or layout is not None:
        return chosen
    return _with_flags(_with_statements(chosen, table, where), header, table, where, against)


def _as_found(found: Columns, table: TextTable, where: str) -> Chosen:
    """As the header says, where that is clear."""
    if found.sigma and found.sigma.unit == "relative" and _are_no_fractions(found, table.values):
        hint = " ".join("dI[%]" if kind == "dI" else kind for kind in found.kinds)
        question = (
            f"{where}: {found.name_of('dI')} is called relative, and its numbers are too large for fractions of the "
            f"intensity; {how_to_say_columns(hint)} where they are in %"
        )
        return Chosen(found, found, question, hint, found.names)
    unclear = next((spread.unclear for spread in (found.sigma, found.dq) if spread and spread.unclear), "")
    if unclear:
        return _unclear_unit(found, unclear, where)
    sigma = found.sigma
    shared = sigma is None or sigma.is_relative or sigma.statistic == "I/σ" or sigma.factor * found.factor == 1
    if found.factor == 1 or shared:
        return Chosen(found, found)
    hint = " ".join("-" if kind == "dI" else kind for kind in found.kinds)
    question = (
        f"{where}: {found.name_of('I')} is multiplied by {found.factor:g}, and the header does not say whether "
        f"{found.name_of('dI')} is as well; mend the header, or ignore it: {how_to_say_columns(hint)}"
    )
    return Chosen(found, found, question, hint, found.names)


def _are_no_fractions(columns: Columns, values: Curve) -> bool:
    """Whether a relative uncertainty is above a half where the intensity is high."""
    intensity, share = (values[:, columns.kinds.index(kind)] for kind in ("I", "dI"))
    good = np.isfinite(intensity) & np.isfinite(share)
    bright = share[good][np.argsort(-np.abs(intensity[good]))[: max(1, np.count_nonzero(good) // 4)]]
    return bool(bright.size and np.median(bright) * (columns.sigma or ONE_SIGMA).factor > _NEARLY)


def _with_statements(chosen: Chosen, table: TextTable, where: str) -> Chosen:
    """Ask where a sentence above the table says something else of the columns than their names."""
    columns = chosen.columns
    counts = {"I", "ln q", "factor"} if columns.factor == 1 else {"I", "ln q"}
    if chosen.found is None:
        counts.add("q")
    sigma = columns.sigma or ONE_SIGMA
    if "dI" in columns.kinds and not sigma.is_derived and not sigma.width:
        counts.add("dI")
    if "dq" in columns.kinds and not (columns.dq or ONE_SIGMA).width:
        counts.add("dq")
    width = len(columns.kinds)
    above = find_statement(table.header, width, counts)
    said = above or find_statement(table.footer[:_FOOTER], width, counts)
    if said is None:
        return chosen
    if said.column == "factor":
        return replace(chosen, warning=f"{said.line!r} says that {said.what}: read as it is")
    hint = " ".join(f"{kind}[{said.hint}]" if said.hint and kind == said.column else kind for kind in columns.kinds)
    question = (
        f"{where}: {said.line!r} {'above' if above else 'below'} the table says that {said.what}; export I(q), or say "
        f"what the columns hold, where that is not so or can be said: {how_to_say_columns(hint)}"
    )
    return Chosen(columns, chosen.found, question, hint, columns.names)


def _with_flags(chosen: Chosen, header: Header | None, table: TextTable, where: str, against: str) -> Chosen:
    """Find the rows that a column of flags marks as bad, or ask."""
    if against and not chosen.question:
        return _ask_text(chosen, f"{against}; put the numbers first", where)
    for at, field in enumerate(header.fields if header is not None and not chosen.question else ()):
        if field.role != "flag":
            continue
        flagged = flagged_rows(field, table.values[:, at])
        if flagged.unclear:
            return _ask_text(chosen, f"its column {field.name}, which marks rows, {flagged.unclear}", where)
        unknown = tuple(name for name in chosen.columns.unknown if name != field.name)
        columns = replace(chosen.columns, unknown=unknown)
        bad = flagged.bad if chosen.bad is None else chosen.bad | flagged.bad
        chosen = replace(chosen, columns=columns, found=columns, flags=field.name, bad=bad)
    return chosen


def _ask_text(chosen: Chosen, unclear: str, where: str) -> Chosen:
    hint = " ".join(chosen.columns.kinds)
    question = (
        f"{where}: {unclear}; mark bad rows by 1 or 0, or True or False, below mask or valid, or by bad and ok; or use "
        f"the rows as they are: {how_to_say_columns(hint)}"
    )
    return Chosen(chosen.columns, chosen.found, question, hint, chosen.columns.names)


def _found(header: Header | None, layout: Layout | None, width: int) -> Columns | None:
    found = header.columns if header is not None else None
    if layout is None:
        return found
    columns = layout.columns
    if layout.name == "RKH":
        columns = Columns(columns.kinds[:width], columns.q_unit) if width <= 4 else None  # type: ignore[assignment]
    if columns is None or len(columns.kinds) != width:
        return found
    return found if found is not None and layout.name == "NIST ABS" else columns


def _as_stated(stated: Columns, header: Header | None, found: Columns | None, width: int, where: str) -> Chosen:
    if len(stated.kinds) != width:
        hint = header.hint if header is not None else usual_hint(width)
        raise ReadError(
            f"{where}: columns {' '.join(stated.kinds)!r} name {len(stated.kinds)}, the table has {width}; "
            f"{how_to_say_columns(hint)}"
        )
    names = found.names if found is not None and len(found.names) == width else ()
    columns = replace(
        stated,
        names=names,
        sigma=stated.sigma or _said_in_header(stated, header, "dI"),
        dq=stated.dq or _said_in_header(stated, header, "dq", "ds"),
        factor=1.0 if header is None else header.fields[stated.kinds.index("I")].factor,
    )
    units = None if header is None else _units_of(stated, header, found)
    return Chosen(columns, found, warning=_contradiction(stated, header), stated_units=units)


def _units_of(stated: Columns, header: Header, found: Columns | None) -> Columns:
    """What the header says of the units of the columns that the caller names."""
    own = Columns(stated.kinds, names=tuple(field.name for field in header.fields))
    at_q, at_i = stated.kinds.index(stated.quantity), stated.kinds.index("I")
    q, intensity = header.fields[at_q], header.fields[at_i]
    if found is not None and found.kinds[at_q] in ("q", "s"):
        own = replace(own, q_unit=found.q_unit, q_said=found.q_said)
    elif q.unit:
        own = replace(own, q_unit=find_q_unit(f"{stated.quantity} {q.unit}"), q_said=q.unit)
    if found is not None and found.kinds[at_i] == "I":
        return replace(own, intensity_unit=found.intensity_unit)
    unit = unit_of_intensity(intensity.unit or "")
    if not (intensity.may_be_intensity or is_cross_section(unit) or is_arbitrary(unit)):
        unit = ""
    others = any(is_cross_section(field.unit or "") for field in header.fields if field is not intensity)
    return replace(own, intensity_unit=unit or ("" if others else None))


def _said_in_header(stated: Columns, header: Header | None, *kinds: str) -> Spread | None:
    """What the header says of the numbers in the column that the caller calls an uncertainty."""
    if header is None:
        return None
    spreads = [field.spread for kind, field in zip(stated.kinds, header.fields, strict=True) if kind in kinds]
    return spreads[0] if spreads else None


def _contradiction(stated: Columns, header: Header | None) -> str:
    """What the header calls otherwise than the caller."""
    against = [
        f"{field.name} is read as {kind}"
        for kind, field in zip(stated.kinds, header.fields if header else (), strict=False)
        if kind != "-" and field.is_known and field.kind != kind and not (kind == "I" and field.may_be_intensity)
    ]
    return f"columns read as {' '.join(stated.kinds)!r} against the header: {', '.join(against)}" if against else ""


def _unclear_unit(found: Columns, unclear: str, where: str) -> Chosen:
    spreads = {"dI": found.sigma, "dq": found.dq, "ds": found.dq}
    hint = " ".join("-" if (spread := spreads.get(kind)) and spread.unclear else kind for kind in found.kinds)
    question = (
        f"{where}: {unclear!r} is no unit of an uncertainty that is known; say it in its column, as in 'q I dI[%]' or "
        f"'q I dI dq[FWHM]', or ignore it: {how_to_say_columns(hint)}"
    )
    return Chosen(found, found, question, hint, found.names)


def _ask_with_names(header: Header, width: int, where: str) -> Chosen:
    names = tuple(field.name for field in header.fields)
    kinds = [field.kind for field in header.fields]
    strange = [field.name for field in header.fields if not field.is_known]
    if header.intensities > 1:
        why = "more than one may be the intensity"
    elif "q" in kinds[1:]:
        why = f"the header puts q into column {kinds.index('q') + 1}"
    elif strange:
        why = f"of which {', '.join(strange)} may be anything"
    else:
        why = "which does not say what is q, I and their uncertainties"
    question = f"{where}: its columns are called {', '.join(names)}, {why}; {how_to_say_columns(header.hint)}"
    return Chosen(_guess(width), None, question, header.hint, names)


def _by_order(table: TextTable, where: str) -> Chosen:
    width = table.values.shape[1]
    first, last = table.values[:, 0], table.values[:, -1]
    if width > 2 and first.size >= _ENOUGH_TO_JUDGE and first[0] in (0, 1) and (np.diff(first) == 1).all():
        hint = " ".join(("-", *usual_hint(width - 1).split()))
        question = (
            f"{where}: the first column counts the rows and no header names the columns; "
            f"{how_to_say_columns(hint)}, or '{usual_hint(width)}' where it is q"
        )
        return Chosen(_guess(width), None, question, hint)
    dummy = width == 4 and last.size >= _ENOUGH_TO_JUDGE and bool((last == last[0]).all())
    columns, hint = _guess(width), usual_hint(width)
    if width > 3 and not dummy:
        question = (
            f"{where}: the meaning of the table's {width} columns is not clear, no header names them; "
            f"{how_to_say_columns(hint)}"
        )
        return Chosen(columns, None, question, hint)
    share = share_of_intensity(table.values[:, 1], table.values[:, 2]) if width > 2 else 0.0
    if share:
        hint = usual_hint(width).replace("dI", "-")
        question = (
            f"{where}: no header says what the third column is, and it is as large as the intensity (median ratio "
            f"{share:.2g} where the intensity is high), too large for an uncertainty; {how_to_say_columns(hint)}, or "
            f"'{usual_hint(width)}' where it is one"
        )
        return Chosen(columns, None, question, hint)
    return Chosen(replace(columns, unknown=(f"column 4, {last[0]:g} in every row",)) if dummy else columns)


def _guess(width: int) -> Columns:
    return Columns((("q", "I", "dI", "-") + ("-",) * width)[:width])


def share_of_intensity(intensity: Curve, column: Curve) -> float:
    """The share of the intensity that a column without a name is, where that is too much for an uncertainty.

    Returns
    -------
    float
        Median over the brightest quarter of the points; 0 where the column may be an uncertainty: smaller than half
        the intensity there or at a quarter of all points, as large as the curve scatters from point to point, or one
        number, a copy or absurd, which `repair` takes as absent.
    """
    if np.count_nonzero(np.abs(column) > _NEARLY * np.abs(intensity)) < 0.7 * intensity.size:
        return 0.0  # as of most curves; a closer look follows
    good = np.isfinite(intensity) & np.isfinite(column) & (intensity != 0)
    intensity, column = intensity[good], np.abs(column[good])
    if intensity.size < 3 or (column == column[0]).all() or (column == intensity).all():
        return 0.0
    size = np.abs(intensity)
    ratio = column / size
    bright = float(np.median(ratio[np.argsort(-size)[: max(1, size.size // 4)]]))
    if bright < _NEARLY or np.mean(ratio > _NEARLY) < 0.75 or np.median(column) > 1e4 * size.max():
        return 0.0
    between = np.abs(intensity[1:-1] - (intensity[:-2] + intensity[2:]) / 2)
    scatter = between / (np.sqrt(1.5) * np.where(column[1:-1] > 0, column[1:-1], np.inf))
    return 0.0 if np.median(scatter) > 0.25 else bright  # 0.67 for normal errors
