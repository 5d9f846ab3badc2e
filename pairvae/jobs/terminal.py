"""Output on whatever terminal or log there is: a sign that its encoding lacks is spelt with signs that it has."""

import codecs
import sys
import unicodedata

# What has no decomposition into plain letters.
_SPELT = {
    "…": "...",
    "–": "-",
    "—": "-",
    "−": "-",
    "⁻": "-",
    "·": "*",
    "×": "x",
    "±": "+-",
    "≤": "<=",
    "≥": ">=",
    "≈": "~",
    "→": "->",
    "←": "<-",
    "σ": "sigma",
    "π": "pi",
    "λ": "lambda",
    "θ": "theta",
    "β": "beta",
    "α": "alpha",
    "µ": "u",
    "μ": "u",
    "“": '"',
    "”": '"',
    "’": "'",
}


def spell_what_is_lacking() -> None:
    """Let stdout and stderr of this process spell signs that their encoding lacks, instead of ending in an error."""
    codecs.register_error("pairvae.spelt", _spelt)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # it may have been replaced, as by a notebook
            stream.reconfigure(errors="pairvae.spelt")


def _spelt(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_plain, error.object[error.start : error.end])), error.end


def _plain(sign: str) -> str:
    """Å as A, ² as 2; a sign without anything like it as ?."""
    return _SPELT.get(sign) or "".join(filter(str.isascii, unicodedata.normalize("NFKD", sign))) or "?"
