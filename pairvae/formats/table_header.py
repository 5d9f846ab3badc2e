"""What stands above a table: the line that names its columns, and units in free text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from pairvae.formats.column_names import Field, Kind, has_known_unit, is_of_another, read_field
from pairvae.formats.columns import Columns, column_problem, how_to_say_columns, usual_hint
from pairvae.formats.header_words import IN_BRACKETS, SENTENCE, is_label, splits
from pairvae.formats.other_quantities import COMPONENT_OF_Q
from pairvae.formats.spread import ONE_SIGMA, Spread, find_spread
from pairvae.scattering.units import find_q_unit, unit_of_intensity

LONGEST_HEADER = 400  # characters of a line in which names and units are looked for
LONGEST_NAME = 40
_IN_ORDER: tuple[Kind, ...] = ("q", "I", "dI", "dq")
_X_Y = {("x", "y", "e"), ("x", "y", "e", "dx"), ("x", "y", "dy"), ("x", "y", "dy", "dx")}  # Mantid and others
_TWO_DIMENSIONS = re.compile(r"\bq_?x\b.*\bq_?y\b", re.IGNORECASE)
_IGOR = re.compile(r"(?P<what>[qtd])_(?P<wave>.+)", re.IGNORECASE)  # Nika and Irena: q_wave r_wave s_wave
_MOST_TEXTS = 4  # columns of text behind the numbers
_MOST_LINES = 60  # above a table, in which its columns are named
_LISTED = re.compile(
    r"[\s#%!;*/]*(?:col(?:umn)?\.? ?#?(?P<number>\d+)\s*(?:[:=.)-]|is\b|)|(?P<bare>\d+)[:.)=])\s*"
    r"(?P<name>[^\W\d].{0,60}?)\s*",
    re.IGNORECASE,
)
_UNITS = re.compile(r"[\s#%!;*]*(?:units?|einheit(?:en)?|unités?)\s*[:=]\s*", re.IGNORECASE)
_NUMBERS = re.compile(r"[\s#%!;*]*[-+.\d][\deEdD.+-]*(?:[\s,;|]+[-+.\d][\deEdD.+-]*)+\s*")


@dataclass(frozen=True)
class Header:
    """A line that names the columns of the table below it.

    Parameters
    ----------
    fields : tuple of Field
        The columns as it names them.
    columns : Columns, optional
        What they are; None where the names do not say which are q and I.
    """

    fields: tuple[Field, ...]
    columns: Columns | None = None

    @property
    def has_two_dimensions(self) -> bool:
        """Whether q is given by two components."""
        return self.columns is None and sum(field.what == COMPONENT_OF_Q for field in self.fields) > 1

    @property
    def refusal(self) -> str:
        """Why the table holds no curve, as "its column 2 is …; expected …; mend"; empty where it may hold one."""
        for at, field in enumerate(self.fields):
            place = f"its column {at + 1}" if at else "its first column"
            if self.columns is not None and field.spread.log and self.columns.kinds[at] != "-":
                ignored = " ".join("-" if kind == field.kind else kind for kind in self.columns.kinds)
                return (
                    f"{place} is an uncertainty of a logarithm ({field.name}); expected one of I; export it, or ignore "
                    f"it: {how_to_say_columns(ignored)}"
                )
            if self.columns is None and field.role == "other" and not self._names(field.in_place_of):
                return f"{place} is {field.what} ({field.name}); expected {field.in_place_of}; {field.mend}"
        return ""

    def _names(self, column: Literal["q", "I", ""]) -> bool:
        """Whether another of its fields may be q, or the intensity."""
        return self.intensities > 0 if column == "I" else any(field.kind in ("q", "s") for field in self.fields)

    @property
    def intensities(self) -> int:
        """How many columns may be the intensity."""
        return sum(field.may_be_intensity for field in self.fields)

    @property
    def hint(self) -> str:
        """What to type for its columns, as "q I -"; the intensity is the first that may be it."""
        clear = [field.kind in ("q", "s", "dI", "dq", "ds") and not field.spread.unclear for field in self.fields]
        kinds = [field.kind if is_clear else "-" for field, is_clear in zip(self.fields, clear, strict=True)]
        kinds = [kind if kind not in kinds[:at] else "-" for at, kind in enumerate(kinds)]
        if "q" not in kinds and "s" not in kinds:
            kinds[0] = "q"
        elif "q" in kinds and "s" in kinds:
            kinds[kinds.index("s")] = "-"
        order = ("I", "measured", "version", "", "placeholder", "model", "other", "flag")
        free = [at for at, kind in enumerate(kinds) if kind == "-"]
        if not free:
            return usual_hint(len(kinds))
        roles = ["I" if field.kind == "I" else "" if field.in_place_of == "q" else field.role for field in self.fields]
        kinds[min(free, key=lambda at: order.index(roles[at]))] = "I"
        return " ".join(kinds)


def header_columns(lines: Sequence[str], width: int) -> Columns | None:
    """What the closest header line says of the columns of the table below it; None where none says it clearly."""
    header = read_header(lines, width)
    return header.columns if header is not None else None


def read_header(lines: Sequence[str], width: int) -> Header | None:
    """Find the header line that names the columns of the table below it.

    Parameters
    ----------
    lines : sequence of str
        The lines above the table, in their order.
    width : int
        Columns of the table.

    Returns
    -------
    Header or None
        The closest line that is clearly one: it has as many names as the table has columns, and some are known. Far
        above the table only names of q and I count.
    """
    listed = _listed_header(lines[-_MOST_LINES:], width)
    if listed is not None:
        return listed
    far, numbers = 0, False
    for at in range(len(lines) - 1, max(-1, len(lines) - _MOST_LINES), -1):
        line = lines[at][:LONGEST_HEADER]
        header = _line_header(line, width)
        if header is not None and (header.columns is not None or (far < 5 and not numbers)):
            below = lines[at + 1][:LONGEST_HEADER] if at + 1 < len(lines) else ""
            if header.columns is not None and header.columns.q_unit is None and below:
                header = replace(header, columns=_with_units_line(header.columns, below))
            return replace(header, fields=_with_units(header.fields, below)) if below else header
        far += bool(line.strip())
        numbers = numbers or _NUMBERS.fullmatch(line) is not None
    return None


def header_beside_text(lines: Sequence[str], width: int) -> tuple[Header | None, str]:
    """The header of a table with columns of text behind its numbers, and what speaks against leaving them out."""
    for more in range(1, _MOST_TEXTS + 1):
        wide = read_header(lines, width + more)
        if wide is None:
            continue
        fields, behind = wide.fields[:width], wide.fields[width:]
        lost = [field for field in behind if field.kind != "-"]
        if lost:
            return Header(fields, _named(fields)), f"its column {lost[0].name} stands behind a column of text"
        marks = [field for field in behind if field.role == "flag"]
        if marks or _named(fields) is not None or Header(fields).refusal:
            against = f"its column {marks[0].name} marks rows with words that are not known" if marks else ""
            return Header(fields, _named(fields)), against
    return None, ""


def _listed_header(lines: Sequence[str], width: int) -> Header | None:
    """The header of a table whose columns are listed line by line: "# Column 1: q (1/nm)", "# 2: I"."""
    found = [
        (int(match["number"] or match["bare"]), match["name"])
        for line in lines
        if (match := _LISTED.fullmatch(line[:LONGEST_HEADER]))
    ]
    for first in (1, 0):
        numbers = [number for number, _ in found]
        if numbers == list(range(first, first + width)):
            fields = tuple(read_field(name) for _, name in found)
            return Header(fields, _named(fields)) if any(field.is_known for field in fields) else None
    return None


def mentions_two_dimensions(lines: Sequence[str]) -> bool:
    """Whether the text just above a table speaks of Qx and Qy."""
    return any(_TWO_DIMENSIONS.search(line[:LONGEST_HEADER]) for line in lines[-10:])


@lru_cache(4096)
def _line_header(line: str, width: int) -> Header | None:
    """What a line says of columns; None where it is not likely to be a header."""
    likely: Header | None = None
    for names, separated in splits(line, width):
        igor = _igor_abscissa(names)
        if igor == "q":
            return None  # in the usual order
        fields = _without_counter([read_field(name) for name in ([igor, "I", "dI"] if igor else names)])
        if not separated and any(SENTENCE.fullmatch(name) for name in names):
            continue  # "I vs q", "q in 1/nm"
        columns = _named(fields)
        if columns is not None:
            return Header(fields, columns)
        if likely is None and _is_likely(names, fields, separated):
            likely = Header(fields)
    return likely


def _without_counter(fields: Sequence[Field]) -> tuple[Field, ...]:
    """The fields, of which a first one named "i" counts rows where another is the intensity."""
    if fields[0].name != "i" or not any(field.may_be_intensity for field in fields[1:]):
        return tuple(fields)
    return (read_field("index"), *fields[1:])


def _igor_abscissa(names: Sequence[str]) -> str:
    """What the first of three waves of one name holds, as Nika and Irena call them: q, 2theta or d; or empty."""
    match = _IGOR.fullmatch(names[0])
    if match is None or [name.lower() for name in names[1:]] != [f"{one}_{match['wave']}".lower() for one in "rs"]:
        return ""
    return {"q": "q", "t": "2theta", "d": "d"}[match["what"].lower()]


def _is_likely(names: Sequence[str], fields: Sequence[Field], separated: bool) -> bool:
    """Whether these are names of columns, though not those of q and I, and no prose."""
    for name, field in zip(names, fields, strict=True):
        is_short = name[:1].isalpha() and len(name) <= LONGEST_NAME and len(name.split()) <= 4 and name[-1] != "."
        is_short = is_short or (separated and is_label(name))
        if not (field.is_known or is_short) or (("=" in name or ":" in name) and field.role != "other"):
            return False
    known = sum(field.is_known or (separated and has_known_unit(field)) for field in fields)
    first = fields[0]
    if any(field.kind in ("q", "s") for field in fields):
        return True
    if first.in_place_of == "q":
        others = [field for field in fields[1:] if field.in_place_of != "q"]
        beside = any(field.kind != "-" or field.in_place_of == "I" for field in others)
        return bool(others) and (bool(first.unit) or (known > 1 and (separated or beside)))
    if first.role == "placeholder":
        return known > 0
    no_prose = separated or any(field.unit for field in fields)
    return known > 1 and (no_prose or (known >= len(fields) - 1 and any(field.kind != "-" for field in fields)))


def _named(fields: Sequence[Field]) -> Columns | None:
    """The columns, where q and the intensity are named and nothing else could be meant."""
    names = tuple(field.name for field in fields)
    if tuple(name.lower() for name in names) in _X_Y:
        x, y, e, dx = (field.unit or "" for field in (*fields, *[Field("")] * (4 - len(fields))))
        sigma, dq = find_spread(e, "I"), find_spread(dx, "q")
        said = unit_of_intensity(y) or None
        return Columns(_IN_ORDER[: len(fields)], find_q_unit(x), said, (), names, sigma, dq, x)
    kinds: list[Kind] = [field.kind for field in fields]
    roles = [field.role for field in fields]
    if "q" in kinds:
        kinds = ["-" if kind == "s" else kind for kind in kinds]
    elif "s" in kinds and {"measured", "model"} & set(roles):
        kinds = ["q" if kind == "s" else kind for kind in kinds]  # ATSAS calls q s
    elif "s" not in kinds and roles[0] == "placeholder":
        kinds[0] = "q"
    may_be = [at for at, field in enumerate(fields) if field.may_be_intensity]
    if not may_be and ("dI" in kinds or len(fields) == 2):
        may_be = [at for at, role in enumerate(roles) if role == "placeholder" and at and kinds[at] == "-"]
        if roles[0] == "placeholder" and "dI" not in kinds:
            return None  # nothing is named at all
    if len(may_be) != 1:
        return None
    kinds[may_be[0]] = "I"
    kinds = [
        "-" if kind == "dI" and is_of_another(field, fields[may_be[0]]) else kind
        for kind, field in zip(kinds, fields, strict=True)
    ]
    kinds = _without_copies(kinds, fields)
    if column_problem(kinds):
        return None
    quantity: Literal["q", "s"] = "s" if "s" in kinds else "q"
    q, intensity = fields[kinds.index(quantity)], fields[may_be[0]]
    spreads: dict[str, Spread] = {kind: field.spread for kind, field in zip(kinds, fields, strict=True) if kind != "-"}
    said = unit_of_intensity(intensity.unit or "") or None
    return Columns(
        tuple(kinds),
        find_q_unit(f"{quantity} {q.unit}") if q.unit else None,
        said or ("counts" if intensity.name.lower() in ("counts", "cts") else None),
        tuple(field.name for kind, field in zip(kinds, fields, strict=True) if kind == "-"),
        names,
        spreads.get("dI"),
        spreads.get("dq", spreads.get("ds")),
        q.unit or "",
        intensity.factor,
    )


def _without_copies(kinds: list[Kind], fields: Sequence[Field]) -> list[Kind]:
    """Of several columns that say how uncertain the intensity is, only the one that holds σ itself."""
    plain = [at for at, kind in enumerate(kinds) if kind == "dI" and not fields[at].spread.is_derived]
    if len(plain) != 1:
        return kinds
    return [kind if kind != "dI" or at == plain[0] else "-" for at, kind in enumerate(kinds)]


def _with_units(fields: tuple[Field, ...], line: str) -> tuple[Field, ...]:
    """The columns with the units of the line below their names, where it is one."""
    line = _UNITS.sub("", line)
    cells = [cell.strip(" \"'()[]") for cell in (re.findall(IN_BRACKETS, line) or re.split("[\t;,]", line))]
    if len(cells) != len(fields) or any(field.unit for field in fields) or not any(map(find_q_unit, cells)):
        return fields
    return tuple(
        replace(field, unit=unit or None, spread=_more(field.spread, find_spread(unit, "I")) or ONE_SIGMA)
        if field.kind == "dI"
        else replace(field, unit=unit or None)
        for field, unit in zip(fields, cells, strict=True)
    )


def _with_units_line(columns: Columns, line: str) -> Columns:
    line = _UNITS.sub("", line)
    bracketed = re.findall(IN_BRACKETS, line)
    cells = [cell.strip(" \"'") for cell in re.split("[\t;,]", line)]  # one may be empty
    whole = [units for units in (bracketed, cells) if len(units) == len(columns.kinds)]
    for units in (*whole, *(units for units, _ in splits(line, len(columns.kinds)))):
        said = dict(zip(columns.kinds, units, strict=True))
        q_unit = find_q_unit(f"{columns.quantity} {said[columns.quantity]}")
        if q_unit:
            spread = {kind: find_spread(unit, "I" if kind == "dI" else "q") for kind, unit in said.items()}
            return replace(
                columns,
                q_unit=q_unit,
                intensity_unit=unit_of_intensity(said["I"]) or columns.intensity_unit,
                sigma=_more(columns.sigma, spread.get("dI")),
                dq=_more(columns.dq, spread.get("dq", spread.get("ds"))),
            )
    return columns


def _more(named: Spread | None, below: Spread | None) -> Spread | None:
    if named is None or below is None or named == ONE_SIGMA:
        return below if named is None or below is not None else named
    return named if named.unit or named.statistic != "σ" else replace(named, unit=below.unit)
