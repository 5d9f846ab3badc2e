"""Units that the text above a table mentions outside the line that names its columns."""

import re
from collections.abc import Sequence
from functools import lru_cache

from pairvae.formats.table_header import LONGEST_HEADER
from pairvae.scattering.units import POWER_OF_TEN, QUnit, find_q_unit, is_arbitrary, is_cross_section

_UNIT_SAID = (
    r"[\s_-]*(?:(?:in )?units?\s*(?:[:=]|of\b)?|in\b|[\[(/:=,])\s*"
    rf"((?:inverse|reciprocal)\s+\w+|{POWER_OF_TEN}\s*[*·×]?\s*[^\s\]),;]+|[^\s\]),;]+)"
)
_Q_WITH_UNIT = re.compile(r"\bq(?:[-_ ]?(?:vec|vector|values?|axis))?" + _UNIT_SAID, re.IGNORECASE)
_I_WITH_UNIT = re.compile(r"\b(?:I|[Ii]ntensity)(?:\([qs]\))?" + _UNIT_SAID)
_NORMALISED = re.compile(
    r"\b(?:I|[Ii]ntensit(?:y|ies)|[Dd]ata)(?:\(q\))?(?: (?:is|are|was|were))? "
    r"(?:normali[sz]ed to (?:1\b|one|unity|I ?\(?0|the max|max)"
    r"|divided by (?:the )?concentration)"
)
_ARBITRARY = re.compile(
    r"[#%;!\s]*(?:(?:intensity|units?)\s*[:=]?\s*)?(?:in )?arb(?:itrary|\.) units?\.?", re.IGNORECASE
)


def free_q_unit(lines: Sequence[str]) -> QUnit | None:
    """Unit of q that the text above a table mentions, where it mentions exactly one."""
    found = set().union(*(_line_q_units(line[:LONGEST_HEADER]) for line in (*lines[:200], *lines[200:][-200:])))
    return found.pop() if len(found) == 1 else None


@lru_cache(4096)
def _line_q_units(line: str) -> frozenset[QUnit]:
    units = (find_q_unit(match[1]) for match in _Q_WITH_UNIT.finditer(line))
    return frozenset(unit for unit in units if unit is not None)


def free_intensity_unit(lines: Sequence[str]) -> str | None:
    """Unit of the intensity that the text above a table mentions, where it mentions exactly one."""
    found = set().union(*(_line_intensity_units(line[:LONGEST_HEADER]) for line in lines[:200]))
    return found.pop() if len(found) == 1 else None


@lru_cache(4096)
def _line_intensity_units(line: str) -> frozenset[str]:
    if _NORMALISED.search(line):
        return frozenset({"normalised"})
    if _ARBITRARY.fullmatch(line.strip()):
        return frozenset({"arbitrary units"})
    words = (match[1] for match in _I_WITH_UNIT.finditer(line))
    return frozenset(word for word in words if is_arbitrary(word) or is_cross_section(word))
