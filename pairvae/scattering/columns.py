"""Which column of a text table is what: from the caller's words or from the file's header."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from pairvae.scattering.units import QUnit, find_q_unit, is_arbitrary, is_cross_section

LONGEST_HEADER = 400  # characters of a line in which names and units are looked for
Kind = Literal["q", "s", "I", "dI", "dq", "ds", "-"]
_STATED: dict[str, Kind] = {
    "q": "q",
    "s": "s",
    "i": "I",
    "di": "dI",
    "sigma": "dI",
    "dq": "dq",
    "ds": "ds",
    "-": "-",
}
# Names in headers, tried in this order.
_NAMES: list[tuple[Kind, re.Pattern[str]]] = [
    (
        "dq",
        re.compile(
            r"(d|delta|sigma|sig|σ|δ)[\s_]?q|q[\s_]?(dev|err|error|sigma|res|resolution|width)|<(d|dsig)[xq]>|resolution"
        ),
    ),
    ("ds", re.compile(r"(d|delta|sigma|σ|δ)[\s_]?s|s[\s_]?(dev|err|error|sigma)")),
    (
        "dI",
        re.compile(
            r"(d|delta|sigma|sig|err|error|errors|σ|δ|std|stddev|stdev|e)[\s_]?(i|int|intensity)?(\([qs]\))?"
            r"|(i|int|intensity)(\([qs]\))?[\s_]?(dev|err|error|sigma|sig|std)"
            r"|std\.? ?dev\b.*|uncertaint.*|\w+_err(or)?|<d[iy]>"
        ),
    ),
    (
        "I",
        re.compile(
            r"i|i[\s_]?\([qs]\).*|iq|int|intensity.*|intensities|\w+_int|counts|cts|cross[\s_-]?section|<[iy]>|j exp"
        ),
    ),
    (
        "q",
        re.compile(
            r"q|\|q\||q[-_ ]?(vec|vector|values?)|\w+_qvec|q_\w+|<[qx]>"
            r"|(modulus of )?(the )?(momentum transfer|scattering vector).*"
        ),
    ),
    ("s", re.compile(r"s")),
]
_IN_ORDER: tuple[Kind, ...] = ("q", "I", "dI", "dq")
_X_Y = {("x", "y", "e"), ("x", "y", "e", "dx"), ("x", "y", "dy"), ("x", "y", "dy", "dx")}  # Mantid and others
_BRACKET = re.compile(r"(?P<name>.*?\([qsQS]\)|.*?)\s*[\[(](?P<unit>[^\[\]]+?)[\])]\s*")
_PYFAI = re.compile(r"(?P<name>q)_(?P<unit>(?:nm|a|å)\^?-1)", re.IGNORECASE)
_ANGLE = re.compile(r"(2|two)[\s_-]*(th|theta|θ)\b.*|2th_(deg|rad)|tth|theta", re.IGNORECASE)
_SLASH = re.compile(r"(?P<name>[^/]+?)\s*/\s*(?P<unit>.+)")
_TOKEN = re.compile(r"[^\s\[\](),;|]+(?:\([qsQS]\))?\s*[\[(][^\])]*[\])]|[^\s,;|]+")
_UNIT_SAID = r"[\s_-]*(?:units?\s*[:=]?|in\b|[\[(/:=,])\s*((?:inverse|reciprocal)\s+\w+|[^\s\]),;]+)"
_Q_WITH_UNIT = re.compile(r"\bq(?:[-_ ]?(?:vec|vector|values?|axis))?" + _UNIT_SAID, re.IGNORECASE)
_I_WITH_UNIT = re.compile(r"\b(?:I|[Ii]ntensity)(?:\([qs]\))?" + _UNIT_SAID)


@dataclass(frozen=True)
class Columns:
    """What the columns of a table are, in their order.

    Parameters
    ----------
    kinds : tuple of Kind
        "-" for a column that is not used.
    q_unit : QUnit, optional
        Unit of the q or s column, with its quantity, where it was said.
    intensity_unit : str, optional
        Unit of the intensity, as it was said.
    unknown : tuple of str
        Names of columns that were not understood.
    names : tuple of str
        What the columns are called where they were found; empty: "column 1" and so on.
    """

    kinds: tuple[Kind, ...]
    q_unit: QUnit | None = None
    intensity_unit: str | None = None
    unknown: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def name_of(self, *kinds: Kind) -> str | None:
        """What the first column of these kinds is called; None where there is none."""
        found = [kind for kind in kinds if kind in self.kinds]
        if not found:
            return None
        at = self.kinds.index(found[0])
        return self.names[at] if self.names and self.names[at] else f"column {at + 1}"

    @property
    def quantity(self) -> Literal["q", "s"]:
        """Whether the first variable is q or s = q/2π."""
        return "s" if "s" in self.kinds else "q"


def parse_columns(text: str) -> Columns:
    """Read a caller's "q I dI dq", "s[1/nm] I[1/cm] ds dI" or "q I dI -".

    Raises
    ------
    ValueError
        An unknown name, no q or s, no I, or a name twice.
    """
    kinds: list[Kind] = []
    units: dict[Kind, str] = {}
    for word in re.findall(r"[^\s,;\[(]+(?:\s*[\[(][^\])]*[\])])?", text):
        name, unit = _name_and_unit(word)
        kind = _STATED.get(name.lower())
        if kind is None:
            raise ValueError(
                f"unknown column {word!r} in {text!r}; expected names out of q s I dI dq ds and - to ignore"
            )
        kinds.append(kind)
        if unit:
            units[kind] = unit
    problem = _problem(kinds)
    if problem:
        raise ValueError(f"columns {text!r} {problem}; expected one of q and s, and I, as in 'q I dI'")
    q_unit = None
    for kind in ("q", "s"):
        if kind in units:
            q_unit = find_q_unit(f"{kind} {units[kind]}")
            if q_unit is None:
                raise ValueError(f"unknown unit {units[kind]!r} of {kind} in columns {text!r}")
    return Columns(tuple(kinds), q_unit, units.get("I"))


def header_columns(lines: Sequence[str], width: int) -> Columns | None:
    """Find the header line that names the columns of the table below it.

    Parameters
    ----------
    lines : sequence of str
        The lines above the table, in their order.
    width : int
        Columns of the table.

    Returns
    -------
    Columns or None
        None where no line names one q (or s) and one intensity in `width` fields.
    """
    for at in range(len(lines) - 1, max(-1, len(lines) - 60), -1):
        columns = _line_columns(lines[at][:LONGEST_HEADER], width)
        if columns is not None:
            if columns.q_unit is None and at + 1 < len(lines):
                columns = _with_units_line(columns, lines[at + 1][:LONGEST_HEADER])
            return columns
    return None


@lru_cache(4096)
def _line_columns(line: str, width: int) -> Columns | None:
    for fields in _splits(line, width):
        columns = _named(fields)
        if columns is not None:
            return columns
    return None


def header_q_position(lines: Sequence[str], width: int) -> int | None:
    """Where a header line that was not understood as a whole puts q: 0 for the first column."""
    for line in reversed(lines[-60:]):
        for fields in _splits(line[:LONGEST_HEADER], width):
            kinds = [_kind(_name_and_unit(field)[0]) for field in fields]
            if kinds.count("q") == 1:
                return kinds.index("q")
    return None


def free_q_unit(lines: Sequence[str]) -> QUnit | None:
    """Unit of q that the text above a table mentions, where it mentions exactly one."""
    found = set().union(*(_line_q_units(line[:LONGEST_HEADER]) for line in (*lines[:200], *lines[200:][-200:])))
    return found.pop() if len(found) == 1 else None


@lru_cache(4096)
def _line_q_units(line: str) -> frozenset[QUnit]:
    units = (find_q_unit(match[1]) for match in _Q_WITH_UNIT.finditer(line))
    return frozenset(unit for unit in units if unit is not None)


def free_intensity_unit(lines: Sequence[str]) -> str | None:
    """Unit of the intensity that the text above a table mentions, where it mentions exactly one."""
    found = set().union(*(_line_intensity_units(line[:LONGEST_HEADER]) for line in lines[:200]))
    return found.pop() if len(found) == 1 else None


@lru_cache(4096)
def _line_intensity_units(line: str) -> frozenset[str]:
    words = (match[1] for match in _I_WITH_UNIT.finditer(line))
    return frozenset(word for word in words if is_arbitrary(word) or is_cross_section(word))


def header_angle(lines: Sequence[str], width: int) -> str | None:
    """Name of the first column where a header calls it a scattering angle."""
    for line in reversed(lines[-60:]):
        for fields in _splits(line[:LONGEST_HEADER], width):
            if _ANGLE.fullmatch(_name_and_unit(fields[0])[0]):
                return fields[0]
    return None


def _problem(kinds: Sequence[Kind]) -> str:
    used = [kind for kind in kinds if kind != "-"]
    twice = sorted({kind for kind in used if used.count(kind) > 1})
    if twice:
        return f"names {', '.join(twice)} twice"
    if ("q" in used) == ("s" in used):
        return "names both q and s" if "q" in used else "names neither q nor s"
    return "" if "I" in used else "does not name I"


def _splits(line: str, width: int) -> Iterator[list[str]]:
    text = line.strip().lstrip("#%!;*/").strip()
    for pattern in (r"\|", r"\t", ";", ",", r"\s{2,}"):
        fields = [field.strip(" \"'") for field in re.split(pattern, text)]
        fields = [field for field in fields if field]
        if pattern == r"\|":
            fields = fields[-width:]  # "The 6 columns are | Q (1/A) | …"
        if len(fields) == width:
            yield fields
    tokens = [token.strip() for token in _TOKEN.findall(text)]
    if len(tokens) == width:
        yield tokens


def _named(fields: Sequence[str]) -> Columns | None:
    if tuple(field.lower() for field in fields) in _X_Y:
        return Columns(_IN_ORDER[: len(fields)], names=tuple(fields))
    named = [_name_and_unit(field) for field in fields]
    kinds: list[Kind] = [_kind(name) or "-" for name, _ in named]
    if "q" in kinds and "s" in kinds:
        kinds = ["-" if kind == "s" else kind for kind in kinds]
    if _problem(kinds):
        return None
    units = {kind: unit for kind, (_, unit) in zip(kinds, named, strict=True) if unit}
    unknown = tuple(name for kind, (name, _) in zip(kinds, named, strict=True) if kind == "-")
    quantity = "s" if "s" in kinds else "q"
    q_unit = find_q_unit(f"{quantity} {units[quantity]}") if quantity in units else None
    names = tuple(name for name, _ in named)
    said = units.get("I") or (
        "counts" if "I" in kinds and names[kinds.index("I")].lower() in ("counts", "cts") else None
    )
    return Columns(tuple(kinds), q_unit, said, unknown, names)


def _with_units_line(columns: Columns, line: str) -> Columns:
    for units in _splits(line, len(columns.kinds)):
        said = dict(zip(columns.kinds, units, strict=True))
        q_unit = find_q_unit(f"{columns.quantity} {said[columns.quantity]}")
        if q_unit:
            return replace(columns, q_unit=q_unit, intensity_unit=said["I"])
    return columns


def _name_and_unit(field: str) -> tuple[str, str | None]:
    field = field.strip()
    match = _PYFAI.fullmatch(field)
    if match:
        return match["name"], match["unit"]
    match = _BRACKET.fullmatch(field)
    if match and match["unit"].strip().lower() not in ("q", "s"):
        return match["name"].strip(), match["unit"].strip()
    match = _SLASH.fullmatch(field)
    if match and (find_q_unit(match["unit"]) or "-1" in match["unit"]):
        return match["name"].strip(), match["unit"].strip()
    return field, None


def _kind(name: str) -> Kind | None:
    plain = unicodedata.normalize("NFKC", name).strip().lower()
    return next((kind for kind, pattern in _NAMES if pattern.fullmatch(plain)), None)
