"""What the name of a column stands for: q, I, an uncertainty, or something else that is known by its name."""

import re
import unicodedata
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from pairvae.formats.other_languages import in_english
from pairvae.formats.other_quantities import ANGLE_UNIT, ENERGY_UNIT, LOG_OF, OTHERS, other_by_unit
from pairvae.formats.spread import (
    LOGARITHM,
    ONE_SIGMA,
    Spread,
    find_derived,
    find_spread,
    find_statistic,
    split_factor,
)
from pairvae.formats.uncertainty_units import relative_unit
from pairvae.scattering.units import POWER_OF_TEN, find_q_unit, is_arbitrary, is_cross_section, with_carets

Kind = Literal["q", "s", "I", "dI", "dq", "ds", "-"]
Role = Literal["", "measured", "version", "model", "flag", "other", "placeholder"]


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# The words that names are made of. "Err_I", "IErr" and "sigma (I)" are the same words.
_Q = frozenset({"q", "qvec", "qvals", "qvalues"})
_I = _set("i j int intensity intensities counts cts iq intensität intensité")
_ABOUT_I = _I | _set("cross section scattering scattered absolute abs mean average averaged")
_ERROR = _set(
    "d delta δ sigma sig σ err error errors std stddev stdev stdv stderr deviation dev sd se sem esd unc uncertainty "
    "uncertainties fehler erreur e ci95 yer yerr rsd cv"
)
_MODEL = _set(
    "fit fits fitted model modelled modeled mod calc calculated theory theo theoretical sim simulated pred predicted "
    "reg regularized smooth smoothed interpolated residual residuals resid chi chi2 weight weights difference"
)
_MEASURED = _set("exp experiment experimental obs observed meas measured measurement data")
_WIDTHS = frozenset({"fwhm", "hwhm"})
_OTHER_CURVES = _set("raw buffer background bkg bkgd bgd solvent empty")
_LITTLE = frozenset({"of", "in", "on", "the", "curve", "y", "const"})
_WORD = re.compile(r"[^\W_]+|[%‰]")
_COMPOUND = re.compile(
    r"(d|delta|δ|sigma|sig|σ|err|std|fwhm)?(log10|log|ln|lg)?(intensity|int|i|q|s|j)"
    r"(exp|fit|calc|obs|meas|model|mod|errors?|err|sigma|sig|std|dev|sim|theory|theo|reg|raw|sub|abs|data|smooth|vec|vector"
    r"|vals?|values?|res|fwhm|width)?"
)
_OF_Q = re.compile(r"\b(i|int|intensity|d|delta|δ|sigma|sig|σ|err|error|std) ?\([qs]\)")  # I(q), sigma(q)
_BOUND = frozenset({"lower", "upper", "low", "high", "min", "max"})
_CROSS_SECTION = re.compile(r"[d∂] ?(?:σ|ς|sigma) ?/ ?[d∂] ?(?:ω|omega)")
_NO_SIGMA = re.compile(r"1 ?/|(?:\^|\*\*) ?2|squared")
_ONE_BRACKET = r"[\[(](?:[^\[\]()]|\([^()]*\))+[\])]"
_LATEX = re.compile(r"\\(?:mathrm|rm|text)|[$\\{}]")
_TIMES_BEHIND = re.compile(rf"(?P<name>.+?)\s*(?P<unit>{_ONE_BRACKET})\s*(?P<times>[*·×x]\s*{POWER_OF_TEN})")
_Q_OVER_2PI = re.compile(r"q ?/ ?\(? ?2 ?[*·]? ?(?:pi|π) ?\)?")
# "s(1/A)=2sin(theta)/lambda", "q = 4π sinθ/λ (1/nm)"
_DEFINED = re.compile(
    r"(?P<name>[^=]*[\])]|\w{1,10})\s*=\s*(?=.*(?:pi|π|sin|theta|θ|lambda|λ)).*?(?P<unit>\s*[\[(][^\[\]()]*[\])])?",
    re.IGNORECASE,
)
_2_SIN_OVER_LAMBDA = re.compile(r"2 ?[*·]? ?sin ?\(? ?(?:theta|θ) ?\)? ?/ ?(?:lambda|λ)")
_4_PI_SIN_OVER_LAMBDA = re.compile(r"4 ?[*·]? ?(?:pi|π) ?[*·]? ?sin ?\(? ?(?:theta|θ) ?\)? ?/ ?(?:lambda|λ)")
_PER = re.compile(r"(?:i|int|intensity) ?/ ?(?P<by>.+)")  # normalised to something
_NORM = r"(?:norm(?:ali[sz]ed)?|rel(?:ative)?)\.?"
_NORMALISED = re.compile(rf"(?:i|int|intensity) ?{_NORM}|{_NORM} ?(?:i|int|intensity)")
_LOG_OF_DIGITS = re.compile(r"\b(\d+)(?=log|lg|ln)")  # "10log10(I)"
_WEIGHTS = frozenset({"weight", "weights", "w"})
_Q_IN_WORDS = re.compile(
    r"(?:modulus of )?(?:the )?(?:momentum transfer|scattering vector|wave ?vector(?: transfer)?)\b.*"
)
_BESIDE_Q = _set("vec vector vectors value values vals axis mag magnitude mod modulus abs exp scattering data")
SET_IS_BAD, SET_IS_GOOD, SET_IS_UNKNOWN = "bad where 1", "good where 1", "good or bad where 1"
_FLAGS = [
    (
        SET_IS_BAD,
        re.compile(
            r"(?:is )?(?:mask(?:ed)?|bad|saturated|beam ?stop|invalid|excluded?|reject(?:ed)?|outliers?)"
            r"(?: (?:flag|points?|rows?))?"
        ),
    ),
    (
        SET_IS_GOOD,
        re.compile(r"(?:is )?(?:valid|good|ok|usable|used?|keep|kept|included?|accepted)(?: (?:flag|points?|rows?))?"),
    ),
    (SET_IS_UNKNOWN, re.compile(r"(?:data )?(?:flags?|flagged|quality|status)(?: flag)?")),
]
_PLACEHOLDER = re.compile(r"(?:column|col|value|values|x|y) ?\d*|[xy]wave\b.*")
_TAGS: dict[str, Kind] = {"<x>": "q", "<y>": "I", "<dy>": "dI", "<dx>": "dq", "<dsigx>": "dq", "<dsigq>": "dq"}
_TAGS |= dict.fromkeys(("±", "+", "+/", "+ /"), "dI")  # "+/-"
# "I+dI" and "I-dI" bound the intensity; a hyphen may as well join two words
_BAND = re.compile(
    r"(?:i|int|intensity)(?: ?\([qs]\))?(?: ?\+ ?(?:d|δ|σ|sig|err|std|\d)| ?- ?d ?i\b| - (?:σ|sig|err|std)).*"
)
_PYFAI = re.compile(r"(?P<name>q)_(?P<unit>(?:nm|a|å)\^?-1)", re.IGNORECASE)
_TIMES_LENGTH = re.compile(
    r"(?P<name>.+?)\s*[*·×⋅∙•]\s*(?P<length>å|a|ang|angstroms?|ångstr[öo]m|nm|nanomet(?:er|re)s?|[cmµμu]?m)",
    re.IGNORECASE,
)
_BRACKET = re.compile(r"(?P<name>.+?)\s*[\[(](?P<unit>(?:[^\[\]()]|\([^()]*\))+)[\])]")
_PART_OF_NAME = re.compile(
    r"\|?[qsir]\|?|[qsi] ?/.+|0|2 ?[*·]? ?(?:pi|π)|i ?\([qs]\)|int|intensity|(?:log\w*|ln|lg)\b.*|qx ?, ?qy",
    re.IGNORECASE,
)
_SLASH = re.compile(r"(?P<name>[^/]+?)\s*/\s*(?P<unit>.+)")
_IN_HUNDREDS = frozenset({"%", "‰"})
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
        Of a column that is "-": an intensity called "measured", a "version" of it (I_bgsub), a "model", a "flag"
        of bad rows, something "other" that is known by its name, a "placeholder" (Column), or empty where the name
        is unknown.
    in_place_of : {"q", "I", ""}
        Of "other": the column it would be taken for.
    what, mend : str
        Of "other": what it is, and what to do about it; of a flag: what 1 means.
    spread : Spread
        Of an uncertainty: what its numbers are.
    factor : float
        Of an intensity: what its numbers were multiplied by, as "I*1000" says.
    """

    name: str
    unit: str | None = None
    kind: Kind = "-"
    role: Role = ""
    in_place_of: Literal["q", "I", ""] = ""
    what: str = ""
    mend: str = ""
    spread: Spread = ONE_SIGMA
    factor: float = 1.0

    @property
    def is_known(self) -> bool:
        """Whether the name says what the column is."""
        return self.kind != "-" or self.role not in ("", "placeholder")

    @property
    def may_be_intensity(self) -> bool:
        """Whether it is an intensity that was not calculated."""
        return self.kind == "I" or self.role in ("measured", "version")


def has_known_unit(field: Field) -> bool:
    """Whether the unit of a column is that of q, of a cross section or of a share."""
    unit = field.unit or ""
    return find_q_unit(unit) is not None or is_cross_section(unit) or unit in _IN_HUNDREDS


def is_of_another(uncertainty: Field, intensity: Field) -> bool:
    """Whether an uncertainty belongs to another intensity, as that of the buffer or of the raw data."""
    return bool(_OTHER_CURVES.intersection(_words(uncertainty.name)) - frozenset(_words(intensity.name)))


@lru_cache(4096)
def read_field(text: str) -> Field:
    """Understand one name of a header, with its unit: "q [1/nm]", "I/cm-1", "dI (%)", "q*Angstrom", "FWHM_Q"."""
    written, unit = name_and_unit(text)
    name = _LATEX.sub("", written)
    share = _SHARE.fullmatch(name)
    field = _field(share["name"] if share else name, unit)
    if share and field.kind not in ("dI", "dq", "ds"):
        share, field = None, _field(name, unit)
    factor, rest = split_factor(with_carets(name).lower().replace("_", " "))
    if factor != 1:
        times = _field(rest, unit)
        factor, field = (factor, times) if times.kind in ("I", "dI", "dq", "ds") else (1.0, field)
    if field.kind == "dI" and find_q_unit(unit or "") and not is_cross_section(unit or ""):
        field = replace(field, kind="dq")  # "Sigma [1/A]", "sigma(Q) [1/A]"
    field = replace(field, name=written, unit=unit or field.unit, factor=factor if field.kind == "I" else 1.0)
    if field.kind not in ("dI", "dq", "ds") or field.spread.statistic != "σ":
        return field
    of: Literal["I", "q"] = "I" if field.kind == "dI" else "q"
    spread = find_spread(unit or "", of, " ".join(_words(name)), share is not None)
    if factor != 1:
        spread = replace(spread, factor=spread.factor / factor, width=written)
    return replace(field, spread=spread)


def name_and_unit(text: str) -> tuple[str, str | None]:
    """Take the unit off a name: in brackets, after a slash or a blank, or as a factor ("q*nm" is q in 1/nm)."""
    text = text.strip().strip("#").strip()
    defined = _DEFINED.fullmatch(text)
    text = f"{defined['name']}{defined['unit'] or ''}" if defined else text
    behind = _TIMES_BEHIND.fullmatch(with_carets(text))
    text = f"{behind['name']}{behind['times']} {behind['unit']}" if behind else text
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
    if slash and _is_balanced(slash["name"]):
        unit = slash["unit"].strip()
        if find_q_unit(unit) or "-1" in unit or unit in _IN_HUNDREDS:
            return slash["name"].strip(), unit
    for mark in (" ", "_"):  # "q nm-1", "I_1/cm"
        before, _, unit = text.rpartition(mark)
        is_unit = find_q_unit(unit) or is_cross_section(unit) or unit in _IN_HUNDREDS
        if before and is_unit and _is_balanced(before):
            return before.strip().rstrip(",;:_"), unit
    return text, None


def _is_balanced(name: str) -> bool:
    """Whether every bracket that a name opens is closed in it."""
    return name.count("(") == name.count(")")


def _field(name: str, unit: str | None) -> Field:
    plain = _plain(name)
    words = frozenset(_words(name))
    if plain in _TAGS:
        return Field(name, kind=_TAGS[plain])
    if not words:
        return Field(name)
    if _BAND.fullmatch(name.lower()):
        return Field(name, role="model")
    if words & LOGARITHM and words & _ERROR:
        return Field(name, kind="dI")
    if words & LOGARITHM or (frozenset(_words(unit or "")) & LOGARITHM and not words & _ERROR):
        column: Literal["q", "I"] = "q" if words & (_Q | {"s"}) and not words & _I else "I"
        what, mend = LOG_OF[column]
        return Field(name, role="other", in_place_of=column, what=what, mend=mend)
    if ANGLE_UNIT.fullmatch(unit or "") and not words & (_ERROR | _WIDTHS):
        plain = "angle"
    elif ENERGY_UNIT.fullmatch(unit or ""):
        plain = "energy"
    bare = plain.strip("<>| ")
    for column, what, mend, names in OTHERS:
        if names.fullmatch(bare):
            return Field(name, role="other", in_place_of=column, what=what, mend=mend)
    statistic = find_statistic(plain)
    if statistic == "σ" and words <= _WEIGHTS and unit:
        statistic, unit = find_statistic(_plain(unit)), None
    if statistic != "σ":
        return Field(name, kind="dI", spread=find_derived(statistic, unit or ""))
    for what, flags in _FLAGS:
        if flags.fullmatch(plain):
            return Field(name, role="flag", what=what)
    kind = _kind(name, plain, words - _LITTLE)
    if kind != "-":
        return Field(name, kind=kind)
    per = _PER.fullmatch(plain)
    if per or _NORMALISED.fullmatch(plain):
        return Field(name, per["by"] if per and is_arbitrary(per["by"]) else "normalised", kind="I")
    role = _role(plain, words)
    if role in ("", "placeholder") and (what := other_by_unit(unit or "")):
        return Field(name, role="other", in_place_of="q", what=what, mend="export I(q)")
    return Field(name, role=role)


def _kind(name: str, plain: str, words: frozenset[str]) -> Kind:
    of_q = bool(words & _Q)
    if of_q and words & _BOUND:
        return "-"
    if words & _WIDTHS or "resolution" in words or (of_q and words & {"res", "width", "spread"}):
        return "ds" if "s" in words else "-" if words & (_I | _MODEL) else "dq"
    if words & _ERROR and not _NO_SIGMA.search(plain):
        rest = {word for word in words - _ERROR if not relative_unit([word])}
        if of_q:
            return "dq"
        is_letter = words & _ERROR <= {"d", "e", "δ", "se"}  # an uncertainty beside I alone: "dI", and no "d_max"
        unlike = rest & _MODEL or (is_letter and rest and not rest & _I)
        return "ds" if rest == {"s"} else "-" if unlike else "dI"
    if words == {"s"} or _Q_OVER_2PI.fullmatch(plain) or _2_SIN_OVER_LAMBDA.fullmatch(plain):
        return "s"
    if _4_PI_SIN_OVER_LAMBDA.fullmatch(plain):
        return "q"
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
    if (
        words & _MODEL or (words & _BOUND and words & (_I | _Q)) or plain.endswith("*")
    ):  # GASBOR's iExp* is what it fits
        return "model"
    if words & _MEASURED and words <= _I | _MEASURED | _LITTLE:
        return "measured"
    if words & _I or re.fullmatch(r"(?:i|int|intensity)\d+", plain):
        return "version"
    return "placeholder" if _PLACEHOLDER.fullmatch(plain) else ""


def _plain(name: str) -> str:
    """Lower case, Greek as it is, "_" and "-" as blanks, "I(q)" as "i"."""
    plain = unicodedata.normalize("NFKC", with_carets(name)).replace("∆", "Δ").lower()
    plain = " ".join(re.sub(r"[_\-]|(?<=[a-z])\.(?=[\sa-z])", " ", plain).split())
    plain = in_english(plain)
    return " ".join(_LOG_OF_DIGITS.sub(r"\1 ", _OF_Q.sub(r"\1 ", plain)).split())


def _words(name: str) -> list[str]:
    words: list[str] = []
    for word in _WORD.findall(_plain(name)):
        compound = _COMPOUND.fullmatch("sigi" if word == "si" else word)
        words += [part for part in compound.groups() if part] if compound and word not in _Q | _I else [word]
    return words
