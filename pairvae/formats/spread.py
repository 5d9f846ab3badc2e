"""What a header, or a caller, says of a column of uncertainties in a text table."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pairvae.formats.uncertainty_units import RELATIVE_WORDS, names_width, relative_unit, width_in_sigma
from pairvae.scattering.units import (
    POWER_OF_TEN,
    find_q_unit,
    is_arbitrary,
    is_cross_section,
    power_of_ten,
    unit_of_intensity,
    with_carets,
)

if TYPE_CHECKING:
    from pairvae.scattering.spectrum import Curve

KNOWN_SPREADS = (
    "dI: %, ‰, 2 sigma, variance, 1/cm, 1/m, 1/mm, arbitrary, counts; dq and ds: %, FWHM, 1/A, 1/nm, as in "
    "dq[FWHM 1/nm]"
)
Statistic = Literal["σ", "variance", "1/σ²", "I/σ"]
LOGARITHM = frozenset({"log", "log10", "ln", "lg", "dex", "db", "decibel", "decibels"})
_ONE = r"(?:σ|sigma|sig|std|stdev|sd|err|error|uncertainty|d ?i)(?: ?\(?i\)?)?(?: err(?:or)?)?"
_SQUARED = r"(?: ?(?:\^|\*\*) ?2| squared)"
# Columns whose numbers give a standard deviation in another way than as a multiple of it.
_STATISTICS: list[tuple[Statistic, re.Pattern[str]]] = [
    ("1/σ²", re.compile(rf"1 ?/ ?\(?(?:{_ONE}{_SQUARED}|var(?:iance)?)\)?|ivar|inv(?:erse)? var(?:iance)?")),
    (
        "variance",
        re.compile(
            r"var(?:iance)?(?: ?(?:of )?(?:the )?\(?(?:i|intensity)\)?)?|i(?:ntensity)? var(?:iance)?"
            rf"|\(?{_ONE}\)?{_SQUARED}"
        ),
    ),
    ("I/σ", re.compile(rf"(?:i|intensity) ?/ ?{_ONE}|s ?/ ?n(?: ratio)?|snr|signal ?(?:to|/)? ?noise(?: ratio)?")),
]
_CONVERSIONS = {
    "variance": "is the square root of the column: given as a variance",
    "1/σ²": "is one over the square root of the column: given as 1/σ²",
    "I/σ": "is the intensity divided by the column: given as I/σ",
}
# A factor in the name of a column: "2*sigma", "3 sigma", "dI x 10^3"
_NUMBER = rf"(?:{POWER_OF_TEN}|\d+(?:\.\d+)?)"
_BEFORE = re.compile(
    rf"(?P<number>{_NUMBER}) ?(?:[*·×⋅∙x] ?|(?=σ|sigma|sig\b|sd\b|std|err))(?P<rest>\D.*)"
    rf"|(?P<power>{POWER_OF_TEN}) (?P<of>\D.*)"
)
_BEHIND = re.compile(
    rf"(?P<rest>.*[^\W\d]\)?|σ) ?(?:[*·×⋅∙] ?(?P<number>{_NUMBER})|x ?(?P<power>{POWER_OF_TEN})|/ ?(?P<over>\d+))"
)
_SIGMAS = re.compile(r"(\d+(?:\.\d+)?) ?[x×·*\-]? ?(?:sigma|σ|sd|std)\b")
_IS_SIGMAS = re.compile(rf"\b(?:is|are|in|as|at) {_SIGMAS.pattern}")  # "dI is 2 sigma"
_CONFIDENCE = re.compile(
    r"(?:ci ?95 ?%?|95 ?%? ?ci)\b|95 ?%? ?confidence(?: (?:interval|limit|level)s?)?|confidence(?: interval)? ?95 ?%?"
)
_95_PERCENT = 1.96  # half the width of the interval that holds 95 % of a normal distribution, in σ
_UNCLEAR = re.compile(
    r"\d ?%|\bci\b|confiden|slit|full (?:length|bar|range)|total length|peak to peak|box|rectang|\bbin\b|uniform|triang"
    r"|\bnot\b|invalid|wrong|dummy"
)
_UNCLEAR_NAME = re.compile(
    r"\b(?:expanded|probable|sys|syst|systematic|ci\d*|confidence|interval|percentile|quantile|max|maximum)\b"
)
# Words that are no unit: those understood otherwise, and what all standard deviations may be called.
_UNDERSTOOD = re.compile(
    rf"\b(?:[fh]whm|(?:full|half)[- ]width(?: at half[- ]max(?:imum)?)?|{RELATIVE_WORDS}|dex"
    r"|log10|log|ln|in|as|of|and)\b\.?|[%‰,;]"
)
_LABEL = re.compile(
    r"(?:(?:1|one|std|stdev|sd|se|sem|esd|rms|dev|err|stats?|abs|absolute|sig|sigma|σ|poisson|gauss|sys|tot|i|q|±|\+/?-)[\s.]*)+"
)
_NOT_OF_Q = re.compile(r"m?rad|deg(?:rees?)?|°|[npµμcm]?m|å|a|angstroms?|s|pixels?|px")


@dataclass(frozen=True)
class Spread:
    """How the numbers of a column give a standard deviation.

    Parameters
    ----------
    factor : float
        A number times this is a standard deviation, in `unit`.
    unit : str
        "%", "‰", "relative" or the unit of the column; empty: that of its quantity.
    width : str
        What the numbers are instead of standard deviations, for people: "FWHM", "2 sigma"; empty: nothing else.
    unclear : str
        What was said and cannot be understood.
    log : bool
        They are uncertainties of a logarithm.
    statistic : {"σ", "variance", "1/σ²", "I/σ"}
        What a number times `factor` is.
    """

    factor: float = 1.0
    unit: str = ""
    width: str = ""
    unclear: str = ""
    log: bool = False
    statistic: Statistic = "σ"

    @property
    def is_relative(self) -> bool:
        """Whether the numbers are shares of the quantity."""
        return bool(relative_unit([self.unit]))

    @property
    def is_derived(self) -> bool:
        """Whether the numbers are something else than standard deviations in the unit of the quantity."""
        return self.is_relative or self.statistic != "σ"

    @property
    def own_unit(self) -> str:
        """The unit, where the numbers are no shares of the quantity."""
        return "" if self.is_relative else self.unit

    @property
    def note(self) -> str:
        """What is done to the numbers; empty where nothing is."""
        if self.statistic != "σ":
            return _CONVERSIONS[self.statistic]
        return f"divided by {1 / self.factor:.4g}: given as {self.width}" if self.width else ""

    def sigma(self, numbers: Curve, quantity: Curve) -> Curve:
        """Standard deviations in `unit` from the numbers of the column, beside those of its quantity."""
        numbers = numbers * self.factor
        if self.statistic == "I/σ":
            return abs(quantity) / numbers
        return numbers if self.statistic == "σ" else numbers ** (0.5 if self.statistic == "variance" else -0.5)


ONE_SIGMA = Spread()  # standard deviations in the unit of the quantity


def find_statistic(name: str) -> Statistic:
    """What a name in lower case says that the numbers are, as "variance", "1/sigma^2" or "s/n"."""
    return next((statistic for statistic, names in _STATISTICS if names.fullmatch(name)), "σ")


def split_factor(name: str) -> tuple[float, str]:
    """What the numbers of a column were multiplied by, as its name in lower case says, and the name without it.

    Examples
    --------
    >>> split_factor("i*1000"), split_factor("2 sigma")
    ((1000.0, 'i'), (2.0, 'sigma'))
    """
    before = _BEFORE.fullmatch(name)
    if before:
        number, rest = before["number"] or before["power"], before["rest"] or before["of"]
        return _value(number), rest.strip()
    behind = _BEHIND.fullmatch(name)
    if behind is None:
        return 1.0, name
    number = behind["number"] or behind["power"]
    return (_value(number) if number else 1 / float(behind["over"])), behind["rest"].strip()


def _value(number: str) -> float:
    return power_of_ten(number) if re.fullmatch(POWER_OF_TEN, number) else float(number)


def find_spread(text: str, of: Literal["I", "q"], name: str = "", is_share: bool = False) -> Spread:
    """Understand what a header says of an uncertainty.

    Parameters
    ----------
    text : str
        Its unit as it stands there: "%", "1/cm", "FWHM", "1/A, FWHM", "2 sigma". Words that are no unit do not
        matter.
    of : {"I", "q"}
        Whose uncertainty it is.
    name : str
        The words of its name, which may say the same: "FWHM_Q", "rel. error".
    is_share : bool
        It is called one, as "dI/I".
    """
    plain = unicodedata.normalize("NFKC", with_carets(text)).replace("−", "-").strip().lower()
    factor, width = 1.0, ""
    confidence = _CONFIDENCE.search(f"{name} {plain}")
    if confidence:
        plain = plain.replace(confidence[0], " ")
        factor, width = 1 / _95_PERCENT, f"half of a 95 % confidence interval, {_95_PERCENT} sigma"
    if _UNCLEAR.search(plain) or (not confidence and _UNCLEAR_NAME.search(name.lower())):
        return Spread(unclear=text or name)
    words = frozenset(re.findall(r"[^\W\d_]+\d*|[%‰]", f"{name.lower()} {plain}"))
    if names_width(f"{name} {plain}"):
        in_sigma, width = width_in_sigma(f"{name} {plain}")
        factor /= in_sigma
    sigmas = _SIGMAS.search(plain) or _IS_SIGMAS.search(name.lower())
    if sigmas:
        plain = plain.replace(sigmas[0], " ")
        if float(sigmas[1]) not in (0.0, 1.0):
            factor, width = factor / float(sigmas[1]), f"{sigmas[1]} sigma"
    unit = " ".join(_UNDERSTOOD.sub(" ", plain).split()).strip("()[] -")
    if of == "q" and not find_q_unit(unit) and _NOT_OF_Q.fullmatch(unit):
        return Spread(unclear=text)
    relative = relative_unit(words)
    if is_share or relative:
        unit = relative or "relative"
    elif not (find_q_unit(unit) if of == "q" else not _LABEL.fullmatch(unit) and unit_of_intensity(unit)):
        unit = ""
    return Spread(factor, unit, width, log=bool(words & LOGARITHM))


def find_derived(statistic: Statistic, unit: str) -> Spread:
    """What the numbers of a column of another statistic are, and in which unit, as "1/cm^2" of a variance."""
    plain = with_carets(unit).strip()
    root = re.sub(r"\s*(?:(?:\^|\*\*)\s*2|(?<=[a-z])2)$", "", re.sub(r"-2$", "-1", plain), flags=re.IGNORECASE)
    if statistic == "variance" and root != plain and (is_cross_section(root) or is_arbitrary(root)):
        return Spread(unit=root, statistic=statistic)
    bare = not plain or statistic == "1/σ²" or plain in ("1", "-", "dimensionless")
    return Spread(statistic=statistic) if bare else Spread(unclear=unit, statistic=statistic)


def parse_spread(kind: Literal["dI", "dq", "ds"], text: str) -> Spread:
    """Read what a caller says of an uncertainty: "%", "1/m", "FWHM", "FWHM 1/nm".

    Raises
    ------
    ValueError
        It is no such thing; the message lists what is known.
    """
    statistic = find_statistic(text.strip().lower()) if kind == "dI" else "σ"
    if statistic != "σ":
        return Spread(statistic=statistic)
    spread = find_spread(text, "I" if kind == "dI" else "q")
    own = spread.own_unit
    is_known = not own or (is_cross_section(own) or is_arbitrary(own) if kind == "dI" else find_q_unit(own))
    if spread.unclear or spread.log or not is_known or spread == ONE_SIGMA:
        raise ValueError(f"unknown unit {text!r} of {kind}; known are, for {KNOWN_SPREADS}")
    return spread
