"""Uncertainties and resolutions as files state them, brought to the unit of what they belong to."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import log, sqrt
from typing import TYPE_CHECKING, Literal

from pairvae.scattering.units import QUnit, find_q_unit, intensity_unit_name, is_arbitrary, parse_intensity_unit

if TYPE_CHECKING:  # the workflow checks the columns of samples.csv where numpy is not installed
    from pairvae.scattering.spectrum import Curve

MOST_TEXT = 10_000  # characters of a note that are looked through
FWHM_IN_SIGMA = 2 * sqrt(2 * log(2))  # full width at half maximum of a Gaussian of standard deviation 1
# Units that are shares of the quantity: what one of each is, and the words for it in names and in units.
_SHARES = {
    "%": (0.01, r"%|per ?cent(?:age)?|pct|prozent|pour ?cent"),
    "‰": (0.001, r"‰|per ?mill?e?|promille?"),
    "relative": (1.0, r"rel|relative|fraction|fractional|rsd|cv"),
}
RELATIVE_WORDS = "|".join(words for _, words in _SHARES.values())
_IN_HUNDREDS = re.compile(
    rf"(?:.*[(\[]\s*)?(?:rel(?:ative|\.)?\s*)?(?P<share>{_SHARES['%'][1]}|{_SHARES['‰'][1]})\.?(?:\s*(?:of\s+)?[iq])?\s*[)\]]?"
)
_FRACTION = re.compile(rf"(?:{_SHARES['relative'][1]}|di/i|dq/q)(?: (?:error|uncertainty|resolution))?")
_FULL_WIDTH = re.compile(r"fwhm|full[\s_-]*width", re.IGNORECASE)
_HALF_WIDTH = re.compile(r"hwhm|half[\s_-]*width", re.IGNORECASE)
_RECTANGLE = re.compile(r"square|rectang|box|uniform|top[\s_-]*hat|\bbin\b", re.IGNORECASE)
_DEVIATION = re.compile(r"gauss|sigma|σ|st(?:andar)?d\.?[\s_-]*dev|stdev|\bstd\b|\brms\b", re.IGNORECASE)
_RESOLUTION = r"(?:q[\s_]?dev|d[\s_]?q[wl]?|delta[\s_]?q|sigma[\s_]?q|q[\s_-]*resolution|resolution (?:in|of) q)"
_FREE_TEXT = re.compile(
    rf"\b{_RESOLUTION}\b[^.;\n]{{0,60}}\b(?P<after>fwhm|full[\s_-]*width)|\bfwhm\b[^.;\n]{{0,20}}\b{_RESOLUTION}\b",
    re.IGNORECASE,
)
_WIDTH_IN_UNIT = re.compile(r"[\s,;(\[]*\b(?:[fh]whm|(?:full|half)[\s_-]*width[^)\]]*)[)\]]?", re.IGNORECASE)
_DENIED = re.compile(r"\b(?:not|no|never|instead of|rather than)\b[^.;\n]{0,15}(?:fwhm|full)", re.IGNORECASE)


@dataclass(frozen=True)
class Converted:
    """An uncertainty or resolution in the unit of its quantity.

    Parameters
    ----------
    values : array, shape (points,), optional
        None where the unit cannot be converted.
    note : str
        What was done; empty where nothing was.
    """

    values: Curve | None
    note: str = ""


def is_relative(unit: str) -> bool:
    """Whether a unit says that numbers are shares of the quantity: "%", "permille", "relative"."""
    return _share(unit) is not None


def relative_unit(words: Iterable[str]) -> str:
    """The relative unit that is among the words of a name or of a unit: "%", "‰" or "relative"; empty: none."""
    found = {unit for word in words for unit, (_, names) in _SHARES.items() if re.fullmatch(names, word)}
    return next((unit for unit in _SHARES if unit in found), "")


def convert_sigma(
    sigma: Curve,
    intensity: Curve,
    unit: str,
    intensity_unit: str,
    scale: tuple[float, Literal["1/cm", "arbitrary"]],
    name: str = "sigma",
) -> Converted:
    """Bring the uncertainty of an intensity to the unit of the intensity.

    Parameters
    ----------
    sigma, intensity : array, shape (points,)
        As they stand in the file.
    unit, intensity_unit : str
        What the file says of each; empty where it says nothing.
    scale : tuple of float and {"1/cm", "arbitrary"}
        What one of the intensity's numbers is, and in which unit.
    name : str
        What the uncertainty is called in the file, for the note.

    Returns
    -------
    Converted
        In the unit that `scale` names.
    """
    factor, final = scale
    share = _share(unit)
    if share is not None:
        one, in_words = share
        return Converted(abs(intensity) * sigma * one * factor, f"{name} {in_words} of the intensity: converted")
    own_factor, own, _ = parse_intensity_unit(unit)
    if not unit or _same_unit(unit, intensity_unit):
        return Converted(sigma * factor)
    if own == final == "1/cm":
        in_words = intensity_unit_name(unit)
        return Converted(sigma * own_factor, f"{name} in {in_words}: converted to the unit of the intensity")
    return Converted(
        None,
        f"{name} is in {unit!r}, which cannot be converted to {intensity_unit or final!r}, the unit of the intensity: "
        "taken as absent",
    )


def convert_dq(dq: Curve, q: Curve, unit: str, q_unit: str, scale: QUnit | None, name: str = "dq") -> Converted:
    """Bring a resolution to 1/Å.

    Parameters
    ----------
    dq, q : array, shape (points,)
        As they stand in the file.
    unit, q_unit : str
        What the file says of each; empty where it says nothing.
    scale : QUnit, optional
        The unit q is read in; None where nobody said it, and the result then stands in the file's unit of q.
    name : str
        What the resolution is called in the file, for the note.

    Returns
    -------
    Converted
    """
    factor = 1.0 if scale is None else scale.inv_angstrom
    unit = _WIDTH_IN_UNIT.sub("", unit).strip()
    share = _share(unit)
    if share is not None:
        return Converted(abs(q) * dq * share[0] * factor, f"{name} {share[1]} of q: converted")
    own, of_q = find_q_unit(unit), find_q_unit(q_unit)
    as_q = own is not None and own.length == (of_q or scale or own).length
    if not unit or unit == q_unit or as_q:
        return Converted(dq * factor)
    if own is not None:
        return Converted(dq * own.inv_angstrom, f"{name} in {own.text}: converted to the unit of q")
    return Converted(
        None, f"{name} is in {unit!r}, which cannot be converted to {q_unit!r}, the unit of q: taken as absent"
    )


def width_in_sigma(description: str) -> tuple[float, str]:
    """Read what a file says of its resolution: which width its numbers are.

    Parameters
    ----------
    description : str
        "Gaussian", "FWHM", "Rectangular, full width"; empty where the file says nothing.

    Returns
    -------
    width : float
        The width in standard deviations; 1 where the numbers are standard deviations, which is what NXcanSAS and
        canSAS XML define.
    kind : {"", "FWHM", "HWHM", "full width", "half width", "unknown"}
        Empty where the numbers are standard deviations; "unknown" where the text says something else.
    """
    text = description.strip()
    rectangle = _RECTANGLE.search(text)
    if _FULL_WIDTH.search(text):
        return (sqrt(12), "full width") if rectangle else (FWHM_IN_SIGMA, "FWHM")
    if _HALF_WIDTH.search(text):
        return (sqrt(3), "half width") if rectangle else (FWHM_IN_SIGMA / 2, "HWHM")
    return 1.0, "" if not text or _DEVIATION.search(text) else "unknown"


def names_width(text: str) -> bool:
    """Whether a label or attribute names a full or half width."""
    return _FULL_WIDTH.search(text) is not None or _HALF_WIDTH.search(text) is not None


def says_fwhm(text: str) -> bool:
    """Whether free text says that the resolution in q is a full width at half maximum."""
    text = text[:MOST_TEXT]
    return _FREE_TEXT.search(text) is not None and _DENIED.search(text) is None


def _share(unit: str) -> tuple[float, str] | None:
    """What one of a relative unit is, and how to say it; None where the unit is not relative."""
    plain = unit.strip().lower()
    match = _IN_HUNDREDS.fullmatch(plain)
    if match:
        return _SHARES[relative_unit([match["share"]])][0], f"in {unit}"
    return (1.0, "as a fraction") if _FRACTION.fullmatch(plain) else None


def _same_unit(unit: str, other: str) -> bool:
    if unit == other or (is_arbitrary(unit) and is_arbitrary(other)):
        return True
    mine, theirs = parse_intensity_unit(unit), parse_intensity_unit(other)
    return bool(other) and mine[1] == theirs[1] == "1/cm" and mine[0] == theirs[0]
