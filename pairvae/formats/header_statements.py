"""What sentences above a table say of its columns against their names: "errors are in percent", "log10 of I"."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pairvae.formats.table_header import read_header
from pairvae.formats.uncertainty_units import relative_unit, says_fwhm
from pairvae.scattering.units import with_carets

_MOST_LINES = 60
_LONGEST = 160  # characters of a line that are looked at
_I = r"(?:(?:the )?(?:scatter(?:ed|ing) )?(?:intensit(?:y|ies)|cross[- ]sections?|i ?\([qs]\)|i))"
_ARE = (
    r"(?: ?[:=]| (?:are|is|were|was|given|stated|expressed|listed|column|values?|bars?|here|all|as|in|on|an?|the"
    r"|sind|est|sont|en)"
    r"(?![^\W_])){1,6}"
)
_LOG = r"(?:(?:natural |decadic )?log(?:arithm)?s?(?: ?10)?|ln|lg)"
_START = r"(?:[\W_]*(?:columns?(?: \d)?|y(?:[- ]axis)?|data|values?|plot|note|nb)?\s*[:=,-]?\s*(?:(?:the|die|les) )?)"
_POWER = r"q ?(?:\^|\*\*) ?[1-6]"


@dataclass(frozen=True)
class Statement:
    """What a line above a table says of a column.

    Parameters
    ----------
    line : str
        As it stands there.
    what : str
        What it says, as the end of "says that …".
    column : {"q", "ln q", "I", "dI", "dq", "factor"}
        Of which column; "factor" is one of the intensity, and "ln q" counts of a column that is named q as well.
    hint : str
        How a caller says the same of an uncertainty: "%", "2 sigma", "FWHM".
    """

    line: str
    what: str
    column: str
    hint: str = ""


_SIGMA = (
    r"(?:(?:error|sigma|σ|std|di|uncertaint(?:y|ie)|fehler(?:balken)?|unsicherheit(?:en)?|erreur|incertitude)s?"
    r"(?: ?bars?| columns?)?)"
)
_SHARE = (
    r"(?P<share>%|per ?cent\b|prozent\b|pour ?cent\b|percentages?\b|pct\b|‰|per ?mille?\b|promille\b|relative\b"
    r"|fractions?\b|fractional\b)"
)
_MULTIPLE = (
    r"(?:(?P<times>[2-9]|1\.96|2\.58)[- ]?(?:sigma|σ|sd|std|standard dev\w*)|(?P<ci>95 ?%|95 ci)"
    r"|(?P<variance>variances?\b))"
)
_AGAINST = r"(?:scan of|versus|vs\.?|against|(?:\w*_)?scan_axis(?:_x)?\W+)"
_2_THETA = r"(?:2|two)[ -]?(?:theta|θ)\b"
_THIRD = (
    r"[\W_]*(?:the )?(?:(?:third|3rd|last|errors?) col(?:umn)?|col(?:umn)?\.? ?#?3)"
    r" ?(?:[:=-]|is|are|holds?|contains?|gives?|lists?)+ ?(?:the |an? )?"
)
_STATEMENTS: list[tuple[str, str, re.Pattern[str]]] = [
    (
        "dI",
        "uncertainties are shares of the intensity",
        re.compile(rf"{_START}(?:relative )?{_SIGMA}(?: of {_I})?{_ARE} ?{_SHARE}.*"),
    ),
    (
        "dI",
        "uncertainties are no standard deviations",
        re.compile(rf"{_START}{_SIGMA}(?: of {_I})?{_ARE} ?{_MULTIPLE}.*"),
    ),
    (
        "dI",
        "uncertainties are no standard deviations in the unit of the intensity",
        re.compile(rf"{_THIRD}(?:{_SHARE} ?{_SIGMA}|(?P<ratio>{_SIGMA} ?/ ?{_I})|{_MULTIPLE}).*"),
    ),
    (
        "ln q",
        "q is a logarithm",
        re.compile(
            rf"(?:.*\W)?x(?:[- ]axis)?\s*[:=]\s*{_LOG}\b.*|{_START}(?:values of )?q{_ARE} ?{_LOG}[ _]?\(? ?(?:of )?q.*"
        ),
    ),
    (
        "I",
        "the intensity is a logarithm",
        re.compile(
            rf"(?:.*\W)?y(?:[- ]axis)?\s*[:=]\s*{_LOG}\b.*"
            rf"|{_START}{_LOG}[ _]?\(? ?(?:of )?{_I}\b.*|.*\b{_I}{_ARE} ?{_LOG}\b(?![- ]?(?:spac|bin|step|grid)).*"
        ),
    ),
    (
        "I",
        "the intensity is multiplied by a power of q",
        re.compile(
            rf"(?!.*\b(?:used|fit\w*|model\w*|extrapol\w*|invariant|integral|int|slope|law|constant)\b)"
            rf"(?:{_START}(?:kratky|porod|zimm|guinier|holtzer)(?:[- ](?:plot|representation).*|)"
            rf"|(?:.*\W)?(?:{_POWER} ?[*·×⋅∙x]? ?{_I}|{_I} ?[*·×⋅∙x]? ?{_POWER})(?:\W.*)?"
            rf"|.*\b{_I}\b.*\b(?:multiplied by|times) {_POWER}.*)"
        ),
    ),
    (
        "I",
        "the table holds a structure factor",
        re.compile(rf"(?!.*\bused\b){_START}(?:structure[- ]factor|s ?\(q\))(?: s ?\(q\))?(?: of .*)?"),
    ),
    (
        "q",
        "the first column is a scattering angle",
        re.compile(
            rf"{_START}(?:(?:scan|function|plot)\w* (?:of|in|over)|x(?:[- ]axis)?\s*[:=])? ?{_2_THETA}(?!\s*[:=]).*"
            rf"|.*\b{_AGAINST} ?{_2_THETA}.*"
        ),
    ),
    (
        "factor",
        "the intensity is multiplied by a number",
        re.compile(rf"{_START}{_I}(?:{_ARE})? ?(?:multiplied|scaled) by (?!1(?:\.0*)?\b)\d.*"),
    ),
]
_MAY_SAY = re.compile(  # any of the words without which a line says nothing, looked for first
    r"error|sigma|σ|std|di\b|uncertaint|fehler|unsicherheit|erreur|incertitude|log|ln\b|lg\b|varianc|q ?(?:\^|\*\*)"
    r"|kratky|porod|zimm|guinier|holtzer|theta|θ|multiplied|scaled|times|structure|s ?\(q\)|fwhm|full"
)
_DENIED = re.compile(r"\b(?:not|no|never|without|instead of|before|corrected|removed|divided)\b")


def find_statement(header: Sequence[str], width: int, columns: Collection[str]) -> Statement | None:
    """The first sentence above a table that says its columns are something else than their names do.

    Parameters
    ----------
    header : sequence of str
        The lines above the table.
    width : int
        Columns of the table; the line that names them is no sentence.
    columns : collection of {"q", "I", "dI", "dq", "factor"}
        Of which columns a statement counts.
    """
    for line in header[-_MOST_LINES:]:
        plain = " ".join(with_carets(line[:_LONGEST]).lower().strip().lstrip("#%!;*/").split())
        if not _MAY_SAY.search(plain) or _DENIED.search(plain):
            continue
        if "dq" in columns and says_fwhm(plain) and read_header([line], width) is None:
            return Statement(line.strip()[:80], "the resolution is a full width at half maximum", "dq", "FWHM")
        for column, what, said in _STATEMENTS:
            match = said.fullmatch(plain) if column in columns else None
            if match and read_header([line], width) is None:
                return Statement(line.strip()[:80], what, column, _hint(match.groupdict()))
    return None


def _hint(said: Mapping[str, str | None]) -> str:
    if said.get("ratio"):
        return "relative"
    if share := said.get("share"):
        return relative_unit([share.replace(" ", "").rstrip("s")]) or "relative"
    if times := said.get("times"):
        return f"{times} sigma"
    return "95% CI" if said.get("ci") else "variance" if said.get("variance") else ""
