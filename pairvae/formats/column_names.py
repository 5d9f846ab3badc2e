"""What the name of a column stands for: q, I, an uncertainty, or something else that is known by its name."""

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from pairvae.formats.spread import ONE_SIGMA, RELATIVE, Spread, find_spread
from pairvae.scattering.units import find_q_unit, is_cross_section

Kind = Literal["q", "s", "I", "dI", "dq", "ds", "-"]
Role = Literal["", "measured", "version", "model", "other", "placeholder"]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# The words that names are made of. "Err_I", "IErr" and "sigma (I)" are the same words.
_Q = frozenset({"q", "qvec", "qvals", "qvalues"})
_I = _set("i j int intensity intensities counts cts iq intensität intensité")
_ABOUT_I = _I | _set("cross section scattering scattered absolute abs mean average averaged")
_ERROR = _set(
    "d delta δ sigma sig σ err error errors std stddev stdev stdv stderr deviation dev sd se sem esd unc uncertainty "
    "uncertainties fehler erreur e"
)
_MODEL = _set(
    "fit fits fitted model modelled modeled mod calc calculated theory theo theoretical sim simulated pred predicted "
    "reg regularized smooth smoothed interpolated residual residuals resid chi chi2 weight weights difference"
)
_MEASURED = _set("exp experiment experimental obs observed meas measured measurement data")
_WIDTHS = frozenset({"fwhm", "hwhm"})
_LOG = frozenset({"log", "log10", "ln", "lg", "dex"})
_LITTLE = frozenset({"of", "in", "on", "the", "curve", "y", "const"})
_WORD = re.compile(r"[^\W_]+|%")
_COMPOUND = re.compile(
    r"(d|delta|δ|sigma|sig|σ|err|std|fwhm)?(log10|log|ln|lg)?(intensity|int|i|q|s|j)"
    r"(exp|fit|calc|obs|meas|model|mod|errors?|err|sigma|sig|std|dev|sim|theory|theo|reg|raw|sub|data|smooth|vec|vector"
    r"|vals?|values?|res|fwhm|width)?"
)
_OF_Q = re.compile(r"\b(i|int|intensity|d|delta|δ|sigma|sig|σ|err|error|std) ?\([qs]\)")  # I(q), sigma(q)
_BOUND = frozenset({"lower", "upper", "low", "high", "min", "max"})
_CROSS_SECTION = re.compile(r"[d∂] ?(?:σ|ς|sigma) ?/ ?[d∂] ?(?:ω|omega)")
_NO_SIGMA = re.compile(r"1 ?/|(?:\^|\*\*) ?2|squared")
_Q_IN_WORDS = re.compile(
    r"(?:modulus of )?(?:the )?(?:momentum transfer|scattering vector|wave ?vector(?: transfer)?)\b.*"
)
_BESIDE_Q = _set("vec vector vectors value values vals axis mag magnitude mod modulus abs exp scattering data")
_PLACEHOLDER = re.compile(r"(?:column|col|value|values|x|y) ?\d*|[xy]wave\b.*")
_TAGS: dict[str, Kind] = {"<x>": "q", "<y>": "I", "<dy>": "dI", "<dx>": "dq", "<dsigx>": "dq", "<dsigq>": "dq"}
_ANGLE_UNIT = re.compile(r"°|deg\.?|degs|degrees?|m?rad|m?radians?", re.IGNORECASE)
_ENERGY_UNIT = re.compile(r"[km]?ev", re.IGNORECASE)
# What the unit of a column says, where its name says nothing.
_BY_UNIT = [
    ("a length", re.compile(r"[npµμumc]?m|å|a|angstroms?|nanomet(?:er|re)s?|inch", re.IGNORECASE)),
    ("a time", re.compile(r"[mµ]?s|sec|seconds?|min|minutes?|h|hours?", re.IGNORECASE)),
    ("a temperature", re.compile(r"k|°?c", re.IGNORECASE)),
    ("a pixel or a running number", re.compile(r"pix(?:el)?s?|px|channels?", re.IGNORECASE)),
]
COMPONENT_OF_Q = "one component of q"
_INTENSITY = r"(?:i|int|intensity)"
_TO_A_POWER = r"(?:\^|\*\*)? ?[2-6]"
# Neither q nor I: the column it stands in place of, what it is, what to do, what it is called ("_", "-" as blanks).
_OTHERS: list[tuple[Literal["q", "I"], str, str, re.Pattern[str]]] = [
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
        re.compile(r"d|d ?spacings?\b.*|d hkl|spacing"),
    ),
    (
        "q",
        COMPONENT_OF_Q,
        "average the detector's image and export I(q)",
        re.compile(r"q ?(?:x|y|z|r|xy|ip|oop|par|parallel|perp|perpendicular|horizontal|vertical)"),
    ),
    ("q", "a power of q", "export q itself", re.compile(rf"[qs] ?{_TO_A_POWER}|1 ?/ ?q")),
    (
        "q",
        "a length",
        "export I(q)",
        re.compile(r"r|r m?m|radius\b.*|diameter\b.*|distance\b.*|size|position|depth|height"),
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
        "export I itself",
        re.compile(
            rf"{_INTENSITY} ?[*·×⋅∙x.]? ?\(?[qs] ?{_TO_A_POWER}\)?|\(?[qs] ?{_TO_A_POWER}\)? ?[*·×⋅∙x.]? ?{_INTENSITY}"
            rf"|{_INTENSITY} ?[*·×⋅∙] ?q|q ?[*·×⋅∙]? ?{_INTENSITY}|(?:kratky|porod|guinier|zimm|holtzer)\b.*"
        ),
    ),
    (
        "I",
        "a function of the intensity",
        "export I itself",
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
_LOG_OF = {"q": ("the logarithm of q", "export q itself"), "I": ("the logarithm of the intensity", "export I itself")}
_PYFAI = re.compile(r"(?P<name>q)_(?P<unit>(?:nm|a|å)\^?-1)", re.IGNORECASE)
_TIMES_LENGTH = re.compile(
    r"(?P<name>.+?)\s*[*·×⋅∙•]\s*(?P<length>å|a|ang|angstroms?|ångstr[öo]m|nm|nanomet(?:er|re)s?|[cmµμu]?m)",
    re.IGNORECASE,
)
_BRACKET = re.compile(r"(?P<name>.+?)\s*[\[(](?P<unit>(?:[^\[\]()]|\([^()]*\))+)[\])]")
_PART_OF_NAME = re.compile(r"\|?[qsir]\|?|i ?\([qs]\)|int|intensity|(?:log\w*|ln|lg)\b.*|qx ?, ?qy", re.IGNORECASE)
_SLASH = re.compile(r"(?P<name>[^/]+?)\s*/\s*(?P<unit>.+)")
_SHARE = re.compile(r"(?P<name>.+?) ?/ ?(?:i|i ?\([qs]\)|int|intensity|\|?q\|?)", re.IGNORECASE)


@dataclass(frozen=True)
class Field:
    """A column as a header names it.

    Parameters
    ----------
    name : str
        Without its unit.
    unit : str, optional
        As it stands in the header, without brackets.
    kind : Kind
        "-" where it is neither q nor I nor an uncertainty.
    role : Role
        Of a column that is "-": an intensity called "measured", a "version" of it (I_bgsub), a "model", something
        "other" that is known by its name, a "placeholder" (Column), or empty where the name is unknown.
    in_place_of : {"q", "I", ""}
        Of "other": the column it would be taken for.
    what, mend : str
        Of "other": what it is, and what to do about it.
    spread : Spread
        Of an uncertainty: what its numbers are.
    """

    name: str
    unit: str | None = None
    kind: Kind = "-"
    role: Role = ""
    in_place_of: Literal["q", "I", ""] = ""
    what: str = ""
    mend: str = ""
    spread: Spread = ONE_SIGMA

    @property
    def is_known(self) -> bool:
        """Whether the name says what the column is."""
        return self.kind != "-" or self.role not in ("", "placeholder")

    @property
    def may_be_intensity(self) -> bool:
        """Whether it is an intensity that was not calculated."""
        return self.kind == "I" or self.role in ("measured", "version")


@lru_cache(4096)
def read_field(text: str) -> Field:
    """Understand one name of a header, with its unit: "q [1/nm]", "I/cm-1", "dI (%)", "q*Angstrom", "FWHM_Q"."""
    name, unit = name_and_unit(text)
    share = _SHARE.fullmatch(name)
    field = _field(share["name"] if share else name, unit)
    if share and field.kind not in ("dI", "dq", "ds"):
        share, field = None, _field(name, unit)
    field = replace(field, name=name, unit=unit)
    if field.kind not in ("dI", "dq", "ds"):
        return field
    of: Literal["I", "q"] = "I" if field.kind == "dI" else "q"
    return replace(field, spread=find_spread(unit or "", of, " ".join(_words(name)), share is not None))


def name_and_unit(text: str) -> tuple[str, str | None]:
    """Take the unit off a name: in brackets, after a slash or a blank, or as a factor ("q*nm" is q in 1/nm)."""
    text = text.strip().strip("#").strip()
    pyfai = _PYFAI.fullmatch(text)
    if pyfai:
        return pyfai["name"], pyfai["unit"]
    times = _TIMES_LENGTH.fullmatch(text)
    if times:
        return times["name"].strip(), f"1/{times['length']}"
    units: list[str] = []
    while (bracket := _BRACKET.fullmatch(text)) and not _PART_OF_NAME.fullmatch(bracket["unit"].strip()):
        units.insert(0, bracket["unit"].strip())
        text = bracket["name"].strip()
    if units:
        return text, ", ".join(units)
    slash = _SLASH.fullmatch(text)
    if slash and (find_q_unit(slash["unit"]) or "-1" in slash["unit"] or slash["unit"].strip() == "%"):
        return slash["name"].strip(), slash["unit"].strip()
    before, _, last = text.rpartition(" ")
    if before and (find_q_unit(last) or is_cross_section(last) or last == "%"):
        return before.strip().rstrip(",;:"), last
    return text, None


def _field(name: str, unit: str | None) -> Field:
    plain = _plain(name)
    words = frozenset(_words(name))
    if not words:
        return Field(name)
    if plain in _TAGS:
        return Field(name, kind=_TAGS[plain])
    if words & _LOG and words & _ERROR:
        return Field(name, kind="dI")
    if words & _LOG or (frozenset(_words(unit or "")) & _LOG and not words & _ERROR):
        column: Literal["q", "I"] = "q" if words & (_Q | {"s"}) and not words & _I else "I"
        what, mend = _LOG_OF[column]
        return Field(name, role="other", in_place_of=column, what=what, mend=mend)
    if _ANGLE_UNIT.fullmatch(unit or "") and not words & (_ERROR | _WIDTHS):
        plain = "angle"
    elif _ENERGY_UNIT.fullmatch(unit or ""):
        plain = "energy"
    bare = plain.strip("<>| ")
    for column, what, mend, names in _OTHERS:
        if names.fullmatch(bare):
            return Field(name, role="other", in_place_of=column, what=what, mend=mend)
    kind = _kind(name, plain, words - _LITTLE)
    if kind != "-":
        return Field(name, kind=kind)
    role = _role(plain, words)
    if role in ("", "placeholder"):
        for what, units in _BY_UNIT:
            if units.fullmatch(unit or ""):
                return Field(name, role="other", in_place_of="q", what=what, mend="export I(q)")
    return Field(name, role=role)


def _kind(name: str, plain: str, words: frozenset[str]) -> Kind:
    of_q = bool(words & _Q)
    if words & _WIDTHS or "resolution" in words or (of_q and words & {"res", "width", "spread"}):
        return "ds" if "s" in words else "-" if words & (_I | _MODEL) else "dq"
    if words & _ERROR and not _NO_SIGMA.search(plain):
        rest = words - _ERROR - RELATIVE
        if of_q:
            return "dq"
        is_letter = words & _ERROR <= {"d", "e", "δ", "se"}  # an uncertainty beside I alone: "dI", and no "d_max"
        unlike = rest & _MODEL or (is_letter and rest and not rest & _I)
        return "ds" if rest == {"s"} else "-" if unlike else "dI"
    if words == {"s"}:
        return "s"
    if _CROSS_SECTION.fullmatch(plain):
        return "I"
    if _Q_IN_WORDS.fullmatch(plain) or words == {"s", "exp"}:  # ATSAS calls q s
        return "q"
    if of_q and not words & _I:
        if words <= _Q | _BESIDE_Q:
            return "q"
        # a wave's name, "DSM_Qvec" or "Q_sample_7", and no prose, "q range"
        ends = plain.split()
        return "q" if re.fullmatch(r"\w+", name) and (ends[0] in _Q or ends[-1] in _Q) else "-"
    return "I" if words <= _ABOUT_I and words & (_I | {"cross"}) else "-"


def _role(plain: str, words: frozenset[str]) -> Role:
    if words & _MODEL or (words & _BOUND and words & _I) or plain.endswith("*"):  # GASBOR's iExp* is what it fits
        return "model"
    if words & _MEASURED and words <= _I | _MEASURED | _LITTLE:
        return "measured"
    if words & _I or re.fullmatch(r"(?:i|int|intensity)\d+", plain):
        return "version"
    return "placeholder" if _PLACEHOLDER.fullmatch(plain) else ""


def _plain(name: str) -> str:
    """Lower case, Greek as it is, "_" and "-" as blanks, "I(q)" as "i"."""
    plain = unicodedata.normalize("NFKC", name).replace("∆", "Δ").lower()
    plain = " ".join(re.sub(r"[_\-]|(?<=[a-z])\.(?=[\sa-z])", " ", plain).split())
    return " ".join(_OF_Q.sub(r"\1 ", plain).split())


def _words(name: str) -> list[str]:
    words: list[str] = []
    for word in _WORD.findall(_plain(name)):
        compound = _COMPOUND.fullmatch("sigi" if word == "si" else word)
        words += [part for part in compound.groups() if part] if compound and word not in _Q | _I else [word]
    return words
