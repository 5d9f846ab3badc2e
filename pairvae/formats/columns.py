"""Which column of a table is what, and how a caller says it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pairvae.formats.column_names import Kind, name_and_unit
from pairvae.formats.spread import Spread, parse_spread
from pairvae.scattering.units import QUnit, find_q_unit, known_intensity_unit

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
        Names of columns that are not used.
    names : tuple of str
        What the columns are called where they were found; empty: "column 1" and so on.
    sigma, dq : Spread, optional
        What the numbers of dI and of dq (or ds) are, where it was said.
    q_said : str
        The unit of q as the header says it, known or not.
    factor : float
        What the numbers of the intensity were multiplied by, as a header "I*1000" says.
    """

    kinds: tuple[Kind, ...]
    q_unit: QUnit | None = None
    intensity_unit: str | None = None
    unknown: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    sigma: Spread | None = None
    dq: Spread | None = None
    q_said: str = ""
    factor: float = 1.0

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
    """Read a caller's "q I dI dq", "s[1/nm] I[1/cm] ds dI", "q I dI[%] dq[FWHM]" or "q I dI -".

    Raises
    ------
    ValueError
        An unknown name or unit, no q or s, no I, or a name twice.
    """
    kinds: list[Kind] = []
    units: dict[Kind, str] = {}
    for word in re.findall(r"[^\s,;\[(]+(?:\s*[\[(][^\])]*[\])])?", text):
        name, unit = name_and_unit(word)
        kind = _STATED.get(name.lower())
        if kind is None:
            raise ValueError(
                f"unknown column {word!r} in {text!r}; expected names out of q s I dI dq ds and - to ignore"
            )
        kinds.append(kind)
        if unit:
            units[kind] = unit
    problem = column_problem(kinds)
    if problem:
        raise ValueError(f"columns {text!r} {problem}; expected one of q and s, and I, as in 'q I dI'")
    q_unit = None
    for kind in ("q", "s"):
        if kind in units:
            q_unit = find_q_unit(f"{kind} {units[kind]}")
            if q_unit is None:
                raise ValueError(f"unknown unit {units[kind]!r} of {kind} in columns {text!r}")
    if "I" in units:
        known_intensity_unit(units["I"])
    spreads = {kind: parse_spread(kind, units[kind]) for kind in ("dI", "dq", "ds") if kind in units}
    return Columns(
        tuple(kinds), q_unit, units.get("I"), sigma=spreads.get("dI"), dq=spreads.get("dq", spreads.get("ds"))
    )


def how_to_say_columns(hint: str) -> str:
    """How a caller says the columns, as the end of a sentence."""
    return (
        f"say them as --columns '{hint}' (Python: columns=…; samples.csv: column saxs_columns or sans_columns; "
        "- ignores one)"
    )


def usual_hint(width: int) -> str:
    """What to type for a table of so many columns that nothing names: "q I dI -"."""
    return " ".join(("q", "I", "dI", *("-",) * width)[:width])


def column_problem(kinds: Sequence[Kind]) -> str:
    """What is wrong with a choice of columns, as "names q twice"; empty where nothing is."""
    used = [kind for kind in kinds if kind != "-"]
    twice = sorted({kind for kind in used if used.count(kind) > 1})
    if twice:
        return f"names {', '.join(twice)} twice"
    if ("q" in used) == ("s" in used):
        return "names both q and s" if "q" in used else "names neither q nor s"
    return "" if "I" in used else "does not name I"
