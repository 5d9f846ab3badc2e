"""Units as files and people write them, brought to 1/Å and 1/cm."""

import math
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Literal, TypeVar

Text = TypeVar("Text", str, str | None)
Meaning = TypeVar("Meaning")
Said = Literal["file", "option", "manifest"]  # who stated a unit
LONGEST_UNIT = 100  # characters; what files call a unit is held in memory and shown to people

# Å in one of each; the spellings are compared after `_plain`.
LENGTHS = {"pm": 1e-2, "A": 1.0, "nm": 1e1, "um": 1e4, "mm": 1e7, "cm": 1e8, "m": 1e10}
_SPELLINGS = {
    "a": "A",
    "å": "A",
    "aa": "A",
    "ang": "A",
    "angs": "A",
    "angstrom": "A",
    "angstroms": "A",
    "angstroem": "A",
    "ångström": "A",
    "ångstrom": "A",
    "pm": "pm",
    "nm": "nm",
    "nanometer": "nm",
    "nanometre": "nm",
    "nanometers": "nm",
    "nanometres": "nm",
    "um": "um",
    "micrometer": "um",
    "micrometre": "um",
    "micron": "um",
    "microns": "um",
    "μm": "um",
    "mm": "mm",
    "millimeter": "mm",
    "millimetre": "mm",
    "millimeters": "mm",
    "millimetres": "mm",
    "cm": "cm",
    "centimeter": "cm",
    "centimetre": "cm",
    "centimeters": "cm",
    "centimetres": "cm",
    "m": "m",
    "meter": "m",
    "metre": "m",
    "meters": "m",
    "metres": "m",
}
_RECIPROCAL = re.compile(r"(?:1/|inv(?:erse)?|per|reciprocal)(?P<over>\w+)|(?P<power>[^\W\d]+)-1")
# 1/cm in one over each length
_INTENSITY = {"cm": 1.0, "m": 1e-2, "mm": 10.0}
KNOWN_INTENSITY_UNITS = "1/cm, 1/m, 1/mm, arbitrary, counts"
_ARBITRARY = {"a.u.", "a.u", "au", "arb", "arb.", "arbu", "arb.u", "arb.u.", "arb.unit", "arb.units", "arbunits"} | {
    *("arbitrary", "arbitraryunit", "arbitraryunits", "counts", "cts")
}
# A bracket of words without any of these is a remark, as in "I (sorted by q)"; others are units, known or not.
_SCALE_WORD = re.compile(
    "cm|photons?|[km]?counts?|k?cts|[km]?cps|k?hz|electrons?|arb|arbitrary|units?|norm|normali[sz]ed|relative|(?:re)?scaled|shifted|offset|abs"
    "|absolute|dimensionless|barns?|monitor"
)
_RADIAN = re.compile(r"^\(?rad(?:ians?)?\)?[.·]?(?=\D)|[.·]?\(?rad(?:ians?)?\)?$")  # an angle has no dimension
# what turns a label with a unit behind it into something else than that quantity in that unit
_OTHER_QUANTITY = re.compile(
    r"[\d^*%]|\b(?:log|ln|lg|arb|a\.?u|rel|norm|count|cts|energy|wave|angle|theta|time)", re.IGNORECASE
)
POWER_OF_TEN = r"(?:10 ?(?:\^|\*\*) ?[({]?[+-]?\d+[)}]?|1?[eE][+-]?\d+|10+)"  # "10^3", "1e-3", "1000"
_TIMES_UNIT = re.compile(rf"(?P<power>{POWER_OF_TEN})(?:\s*[*·×⋅∙]\s*|\s+)(?P<unit>\S.*)")
_SUPERSCRIPT = re.compile("[⁺⁻]?[⁰¹²³⁴-⁹]+")
_COMMENT = re.compile(r"abs(?:olute)?\.?(?: scale| units?)?", re.IGNORECASE)
KNOWN_Q_UNITS = "1/A, 1/nm, 1/m, 1/cm, or s 1/nm where the column is s = q/2π"


@dataclass(frozen=True)
class QUnit:
    """Unit of the first column of a scattering curve.

    Parameters
    ----------
    length : str
        Key of `LENGTHS`: the unit is one over this length.
    quantity : {"q", "s"}, optional
        "s" for s = q/2π; None where only the unit was said.
    """

    length: str
    quantity: Literal["q", "s"] | None = None

    @property
    def text(self) -> str:
        """The unit without its quantity, as "1/nm"."""
        return f"1/{self.length}"

    @property
    def inv_angstrom(self) -> float:
        """What one of this unit is in 1/Å, with 2π for s."""
        return (2 * math.pi if self.quantity == "s" else 1.0) / LENGTHS[self.length]

    def __str__(self) -> str:
        return f"s {self.text}" if self.quantity == "s" else self.text


def parse_q_unit(text: str) -> QUnit:
    """Read a unit of q or of s = q/2π: "1/A", "nm^-1", "1/Å", "s 1/nm".

    Raises
    ------
    ValueError
        The text is no reciprocal length; the message lists the known units.
    """
    quantity, unit = re.fullmatch(r"(?:([qs])[\s:=_]+)?(.*)", text.strip(), re.IGNORECASE | re.DOTALL).groups()  # type: ignore[union-attr]  # matches all
    length = next((length for part in _without_label(unit) if (length := _reciprocal_length(part))), None)
    if length is None:
        raise ValueError(f"unknown unit of q {text!r}; known are {KNOWN_Q_UNITS}")
    return QUnit(length, None if quantity is None else "s" if quantity.lower() == "s" else "q")


def _reciprocal_length(text: str) -> str | None:
    """Key of `LENGTHS` in a text such as "1/nm" or "rad/Å"; None where it is no reciprocal length."""
    plain = _plain(text)
    if "rad" in plain:
        plain = re.sub("^/", "1/", _RADIAN.sub("", plain))
    match = _RECIPROCAL.fullmatch(plain)
    return _SPELLINGS.get(match["over"] or match["power"]) if match else None


def _without_label(text: str) -> Iterator[str]:
    """The text, and what it says without a label: "Cross Section (1/cm)" also as "1/cm"."""
    yield text
    text = text.strip()
    if text[-1:] not in (")", "]"):
        return
    for bracket in re.finditer(r"[(\[]", text):
        before, inside = text[: bracket.start()].strip(), text[bracket.end() : -1]
        if before and not _OTHER_QUANTITY.search(before):
            yield inside
        if before and _COMMENT.fullmatch(inside.strip()):
            yield before


def _remembered(parse: Callable[[Text], Meaning]) -> Callable[[Text], Meaning]:
    """Look up what was parsed before; a text too long for a unit is cut, which leaves it unknown."""
    parsed = lru_cache(4096)(parse)

    @wraps(parse)
    def look_up(text: Text) -> Meaning:
        if text and len(text) > LONGEST_UNIT:
            text = " ".join(text.split())
            text = text if len(text) <= LONGEST_UNIT else f"{text[:LONGEST_UNIT]}…"
        return parsed(text)

    return look_up


@_remembered
def find_q_unit(text: str) -> QUnit | None:
    """Like `parse_q_unit`, None where the text is no unit of q."""
    try:
        return parse_q_unit(text)
    except ValueError:
        return None


@_remembered
def parse_intensity_unit(text: str | None) -> tuple[float, Literal["1/cm", "arbitrary"], str]:
    """Read a unit of intensity.

    Returns
    -------
    factor : float
        What one of it is in 1/cm; 1 where the scale is arbitrary.
    unit : {"1/cm", "arbitrary"}
        Unit after multiplication with the factor.
    note : str
        What there is to say about it: nothing stated (taken as 1/cm), or a unit that is not of a cross
        section.
    """
    if not (text or "").strip():
        return 1.0, "1/cm", "unit of intensity not stated: taken as 1/cm"
    factor = _cross_section(text or "")
    if factor is None:
        return 1.0, "arbitrary", f"intensity in {text!r}: taken as arbitrary"
    return factor, "1/cm", ""


def known_intensity_unit(text: str) -> str:
    """Check what a caller says: "1/cm", "1/m", "1/mm", "arbitrary", "counts".

    Raises
    ------
    ValueError
        None of these; the message lists them.
    """
    if not (is_cross_section(text) or is_arbitrary(text)):
        raise ValueError(f"unknown unit of intensity {text!r}; known are {KNOWN_INTENSITY_UNITS}")
    return text


def is_arbitrary(text: str) -> bool:
    """Whether a text says that the scale is not absolute."""
    return _plain(text[:LONGEST_UNIT]) in _ARBITRARY


@_remembered
def is_cross_section(text: str) -> bool:
    """Whether a text is a unit of a scattering cross section per volume."""
    return _cross_section(text) is not None


@_remembered
def unit_of_intensity(text: str) -> str:
    """The unit in what a header says of an intensity, known or not; empty where it is a remark."""
    for part in (text, *re.split("[,;]", text)):
        if is_cross_section(part) or is_arbitrary(part):
            return part.strip()
    words = re.findall(r"[^\W\d_]+", unicodedata.normalize("NFKC", text).lower())
    is_prose = re.search(r"[/*^·]|-\d", text) is None and any(len(word) > 3 for word in words)
    return "" if is_prose and not any(_SCALE_WORD.fullmatch(word) for word in words) else text


def with_carets(text: str) -> str:
    """Superscripts as powers: "10³" as "10^3", "q²" as "q^2"."""
    return _SUPERSCRIPT.sub(lambda power: "^" + unicodedata.normalize("NFKC", power[0]).replace("−", "-"), text)


def power_of_ten(text: str) -> float:
    """The number that a text of the pattern `POWER_OF_TEN` means."""
    base, _, power = re.sub(r"[\s(){}]", "", text).replace("**", "^").lower().partition("^")
    return float(f"1e{power}" if power else f"1{base}" if base.startswith("e") else base)


@_remembered
def intensity_unit_name(text: str | None) -> str:
    """One spelling for a known unit, "1/cm" or "1/m"; any other as it was written; empty where none was."""
    factor = _cross_section(text or "")
    return {1.0: "1/cm", 1e-2: "1/m", 10.0: "1/mm"}.get(factor or 0.0, (text or "").strip())


def _cross_section(text: str) -> float | None:
    """What one of a unit of a cross section per volume is in 1/cm; None where it is another unit."""
    times = _TIMES_UNIT.fullmatch(with_carets(text).strip())
    if times:
        factor = _cross_section(times["unit"])
        return None if factor is None else factor * power_of_ten(times["power"])
    for part in _without_label(text):
        plain = re.sub(r"^([cm]?m)sr-1$", r"\1-1", _plain(part))
        plain = re.sub(r"[/.·]?\(?ster(adian)?\)?(-1)?|[/.·]?\(?sr\)?(-1)?", "", plain).strip("()")
        if plain == "cm2/cm3":
            return 1.0
        plain = re.sub(r"^1/(\w+)-1$", r"1/\1", plain)  # written for 1/cm or cm-1; an intensity is no length
        match = _RECIPROCAL.fullmatch(plain)
        factor = _INTENSITY.get(_SPELLINGS.get(match["over"] or match["power"], "")) if match else None
        if factor is not None:
            return factor
    return None


def _plain(text: str) -> str:
    """One spelling of the same thing: lower case, no blanks, superscripts and braces as plain characters."""
    text = unicodedata.normalize("NFKC", text).replace("−", "-").replace("–", "-").lower()
    text = re.sub(r"\\(?:mathrm|rm|text)|[\s{}^*\\_$]", "", text)
    text = re.sub(r"\((-\d)\)", r"\1", text)  # cm(-1)
    text = re.sub(r"^\((\w+)\)(?=-\d)", r"\1", text)  # (cm)-1
    while len(text) > 1 and text[0] in "([" and text[-1] in ")]":
        text = text[1:-1]
    return re.sub(r"^1/\((.*)\)$", r"1/\1", text)
