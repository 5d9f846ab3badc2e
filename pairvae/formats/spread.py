"""What a header, or a caller, says of a column of uncertainties in a text table."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

from pairvae.formats.uncertainty_units import names_width, width_in_sigma
from pairvae.scattering.units import find_q_unit, is_arbitrary, is_cross_section, unit_of_intensity

RELATIVE = frozenset({"rel", "relative", "fraction", "fractional", "%", "percent", "pct"})
KNOWN_SPREADS = "dI: %, 1/cm, 1/m, 1/mm, arbitrary, counts; dq and ds: %, FWHM, 1/A, 1/nm, as in dq[FWHM 1/nm]"
_PER_CENT = frozenset({"%", "percent", "pct"})
_LOGARITHM = frozenset({"log", "log10", "ln", "lg", "dex"})
_SIGMAS = re.compile(r"(\d+(?:\.\d+)?) ?[x×·*\-]? ?(?:sigma|σ|sd|std)\b")
_UNCLEAR = re.compile(r"\d ?%|\bci\b|confiden|slit|box|rectang|uniform|triang|\bnot\b|invalid|wrong|dummy")
# Words that are no unit: those understood otherwise, and what all standard deviations may be called.
_UNDERSTOOD = re.compile(
    r"\b(?:[fh]whm|(?:full|half)[- ]width(?: at half[- ]max(?:imum)?)?|rel(?:ative)?|fraction(?:al)?|percent|pct|dex"
    r"|log10|log|ln|in|as|of|and)\b\.?|%|[,;]"
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
        "%", "relative" or the unit of the column; empty: that of its quantity.
    width : str
        What the numbers are instead of standard deviations, for people: "FWHM", "2 sigma"; empty: nothing else.
    unclear : str
        What was said and cannot be understood.
    log : bool
        They are uncertainties of a logarithm.
    """

    factor: float = 1.0
    unit: str = ""
    width: str = ""
    unclear: str = ""
    log: bool = False

    @property
    def own_unit(self) -> str:
        """The unit, where the numbers are no shares of the quantity."""
        return "" if self.unit in ("%", "relative") else self.unit

    @property
    def note(self) -> str:
        """What `factor` does; empty where it does nothing."""
        return f"divided by {1 / self.factor:.4g}: given as {self.width}" if self.width else ""


ONE_SIGMA = Spread()  # standard deviations in the unit of the quantity


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
        What it is called, which may say the same: "FWHM_Q", "rel. error".
    is_share : bool
        It is called one, as "dI/I".
    """
    plain = unicodedata.normalize("NFKC", text).replace("−", "-").strip().lower()
    if _UNCLEAR.search(plain):
        return Spread(unclear=text)
    words = frozenset(re.findall(r"[^\W\d_]+\d*|%", f"{name.lower()} {plain}"))
    factor, width = 1.0, ""
    if names_width(f"{name} {plain}"):
        in_sigma, width = width_in_sigma(f"{name} {plain}")
        factor /= in_sigma
    sigmas = _SIGMAS.search(plain)
    if sigmas:
        plain = plain.replace(sigmas[0], " ")
        if float(sigmas[1]) not in (0.0, 1.0):
            factor, width = factor / float(sigmas[1]), f"{sigmas[1]} sigma"
    unit = " ".join(_UNDERSTOOD.sub(" ", plain).split()).strip("()[] ")
    if of == "q" and not find_q_unit(unit) and _NOT_OF_Q.fullmatch(unit):
        return Spread(unclear=text)
    if is_share or words & RELATIVE:
        unit = "%" if words & _PER_CENT else "relative"
    elif not (find_q_unit(unit) if of == "q" else not _LABEL.fullmatch(unit) and unit_of_intensity(unit)):
        unit = ""
    return Spread(factor, unit, width, log=bool(words & _LOGARITHM))


def parse_spread(kind: Literal["dI", "dq", "ds"], text: str) -> Spread:
    """Read what a caller says of an uncertainty: "%", "1/m", "FWHM", "FWHM 1/nm".

    Raises
    ------
    ValueError
        It is no such thing; the message lists what is known.
    """
    spread = find_spread(text, "I" if kind == "dI" else "q")
    own = spread.own_unit
    is_known = not own or (is_cross_section(own) or is_arbitrary(own) if kind == "dI" else find_q_unit(own))
    if spread.unclear or spread.log or not is_known or spread == ONE_SIGMA:
        raise ValueError(f"unknown unit {text!r} of {kind}; known are, for {KNOWN_SPREADS}")
    return spread
