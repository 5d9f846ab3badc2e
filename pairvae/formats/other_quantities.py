"""Quantities that tables hold in place of q or of the intensity, by the names and units of their columns."""

import re
from typing import Literal

ANGLE_UNIT = re.compile(r"°|deg\.?|degs|degrees?|m?rad|m?radians?", re.IGNORECASE)
ENERGY_UNIT = re.compile(r"[km]?ev", re.IGNORECASE)
# What the unit of a column says, where its name says nothing.
BY_UNIT = [
    ("a length", re.compile(r"[npµμumc]?m|å|a|angstroms?|nanomet(?:er|re)s?|inch", re.IGNORECASE)),
    ("a time", re.compile(r"[mµ]?s|sec|seconds?|min|minutes?|h|hours?", re.IGNORECASE)),
    ("a temperature", re.compile(r"k|°?c", re.IGNORECASE)),
    ("a pixel or a running number", re.compile(r"pix(?:el)?s?|px|channels?", re.IGNORECASE)),
]


def other_by_unit(unit: str) -> str:
    """What a column holds whose unit is that of something else than q, as "a length"; empty where it may hold q."""
    if ANGLE_UNIT.fullmatch(unit):
        return "a scattering angle"
    if ENERGY_UNIT.fullmatch(unit):
        return "an energy"
    return next((what for what, units in BY_UNIT if units.fullmatch(unit)), "")


COMPONENT_OF_Q = "one component of q"
_INTENSITY = r"(?:i|int|intensity)"
_TO_A_POWER = r"(?:\^|\*\*)? ?[2-6]"
# Neither q nor I: the column it stands in place of, what it is, what to do, what it is called ("_", "-" as blanks).
OTHERS: list[tuple[Literal["q", "I"], str, str, re.Pattern[str]]] = [
    (
        "q",
        "a scattering angle",
        "convert it with the wavelength, q = 4π sin(θ)/λ, or export I(q)",
        re.compile(
            r"(?:2|two) ?\*? ?(?:th|theta|θ)\b.*|2th\w*|2theta\w*|twotheta\w*|tth\b.*|theta\b.*|θ|chi deg"
            r"|(?:scattering |bragg )?angle\b.*|(?:phi|psi|azimuth\w*)\b.*"
        ),
    ),
    (
        "q",
        "a lattice spacing",
        "convert it with q = 2π/d, or export I(q)",
        re.compile(r"d|d ?spacings?\b.*|d hkl|spacing|2 ?[*·]? ?(?:pi|π) ?/ ?q"),
    ),
    (
        "q",
        COMPONENT_OF_Q,
        "average the detector's image and export I(q)",
        re.compile(r"q ?(?:x|y|z|r|xy|ip|oop|par|parallel|perp|perpendicular|horizontal|vertical)"),
    ),
    (
        "q",
        "q times a length",
        "export q itself",
        re.compile(r"q ?[*·×⋅∙x]? ?rg|q ?[*·×⋅∙] ?(?:r|d|l|a|σ|sigma|ξ|xi)"),
    ),
    (
        "q",
        "sin(θ)/λ",
        "multiply it by 4π, or export I(q)",
        re.compile(r"sin ?\(? ?(?:theta|θ) ?\)? ?/ ?(?:lambda|λ)"),
    ),
    ("q", "q times a number", "export q itself", re.compile(r"\d+ ?[*·×⋅∙x]? ?q|q ?[*·×⋅∙x/] ?\d+")),
    ("q", "a power of q", "export q itself", re.compile(rf"[qs] ?{_TO_A_POWER}|1 ?/ ?q")),
    (
        "q",
        "a length",
        "export I(q)",
        re.compile(
            r"r|r m?m|radius\b.*|radial (?:distance|position)\b.*|diameter\b.*|distance\b.*|size|position|depth|height"
        ),
    ),
    (
        "q",
        "a pixel or a running number",
        "export I(q)",
        re.compile(r"pix(?:el)?s?\b.*|px|channels?\b.*|chan|bin|index|row|point|no\.?|nr\.?|number"),
    ),
    (
        "q",
        "a time",
        "export I(q)",
        re.compile(r"t|time\b.*|frames?\b.*|(?:lag|delay|elapsed|exposure) time\b.*|tau|date"),
    ),
    ("q", "an energy or a wavelength", "export I(q)", re.compile(r"energy|wavelength|lambda|λ|tof")),
    ("q", "a temperature or a concentration", "export I(q)", re.compile(r"temperature|temp|conc|concentration")),
    ("q", "a spin-echo length", "reduce to I(q)", re.compile(r"spin ?echo ?length\b.*")),
    (
        "I",
        "the intensity times a power of q",
        "export I(q), not multiplied",
        re.compile(
            rf"{_INTENSITY} ?[*·×⋅∙x.]? ?\(?[qs] ?{_TO_A_POWER}\)?|\(?[qs] ?{_TO_A_POWER}\)? ?[*·×⋅∙x.]? ?{_INTENSITY}"
            rf"|{_INTENSITY} ?[*·×⋅∙] ?q|q ?[*·×⋅∙]? ?{_INTENSITY}|(?:kratky|porod|guinier|zimm|holtzer)\b.*"
        ),
    ),
    (
        "I",
        "a function of the intensity",
        "export I(q), not a function of it",
        re.compile(rf"1 ?/ ?{_INTENSITY}|sqrt ?\(? ?{_INTENSITY} ?\)?|{_INTENSITY} ?(?:\^|\*\*) ?\d"),
    ),
    (
        "I",
        "a structure or form factor",
        "export I(q)",
        re.compile(r"[spf] ?\([qs]\)|\|f ?(?:\([qs]\))?\|.*|structure ?factor|form ?factor|beta ?(?:\(q\))?"),
    ),
    (
        "I",
        "a distribution or a correlation",
        "export I(q)",
        re.compile(r"[pg] ?\(r\)|g[12]\b.*|(?:de)?polari[sz]ation\b.*"),
    ),
    ("I", "a reflectivity or a transmission", "export I(q)", re.compile(r"reflectivity\b.*|transmission\b.*")),
]
LOG_OF = {
    "q": ("the logarithm of q", "export q itself"),
    "I": ("the logarithm of the intensity", "export I(q), not its logarithm"),
}
