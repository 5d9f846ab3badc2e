"""Rows that a text table marks as bad: by a column of flags, or by a number that its header calls no measurement."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pairvae.formats.column_names import SET_IS_BAD, SET_IS_UNKNOWN, Field
from pairvae.formats.raw_curve import RawCurve
from pairvae.formats.repair import drop
from pairvae.formats.text_rows import LONGEST_LINE, begins_with_number
from pairvae.scattering.spectrum import Curve

_GOOD, _BAD = ("ok", "good", "valid", "keep", "use"), ("bad", "masked", "invalid", "reject", "rejected", "excluded")
_TRUE, _FALSE = ("true", "yes"), ("false", "no")
_WORD = re.compile(rf"(?<=[\s,;|\"'])({'|'.join((*_GOOD, *_BAD, *_TRUE, *_FALSE))})(?=[\s,;|\"']|$)", re.IGNORECASE)
_NAMED = re.compile(
    r"mask|flag|valid|good|bad|ok|us(?:e|able)|keep|exclude|include|reject|quality|status|outlier", re.IGNORECASE
)
_NUMBER = r"[-+]?\d+(?:\.\d*)?(?:e[-+]?\d+)?"
_NOTHING = r"(?:masked|no ?data|(?:missing|invalid|bad)(?: (?:values?|data))?|not measured|undefined|fill ?value)"
_SENTINEL = re.compile(
    rf"\b{_NOTHING}(?: (?:is|are|value|points?|pixels?|given|as|to|by|with))* ?[:=]? ?"
    rf"(?P<set>I ?[:=] ?|set to |marked (?:as|by|with) )?(?P<value>{_NUMBER})(?![\w.])"
    rf"|(?<![\w.])(?:(?P<before>{_NUMBER})|zeros?) ?(?:[:=]|is|are|means?|marks?|for|indicates?)? ?(?:a )?{_NOTHING}\b",
    re.IGNORECASE,
)
_LEAST_SENTINEL = 999  # a smaller positive number after "masked" counts points

Bad = npt.NDArray[np.bool_]


class Flagged(NamedTuple):
    """The rows that a column of flags marks as bad, or what is unclear about it."""

    bad: Bad
    unclear: str = ""


def flagged_rows(field: Field, flags: Curve) -> Flagged:
    """Which rows a column of flags marks as bad.

    Parameters
    ----------
    field : Field
        Of the column; its `what` says what 1 means.
    flags : array, shape (rows,)
        0 or 1; -1 and 2 stand for words that mean bad and good whatever the column is called.
    """
    none = np.zeros(flags.size, bool)
    if np.isin(flags, (-1, 2)).all():
        return Flagged(flags == -1)
    if not np.isin(flags, (0, 1)).all():
        return Flagged(none, "holds something else than 0 and 1")
    if field.what == SET_IS_UNKNOWN:
        return Flagged(none, "does not say whether 0 or 1 is bad")
    bad = flags == (1 if field.what == SET_IS_BAD else 0)
    if np.count_nonzero(bad) > flags.size / 2:
        return Flagged(none, f"marks {np.count_nonzero(bad)} of {flags.size} rows as bad, if 1 means what it is called")
    return Flagged(bad)


def flags_as_numbers(lines: Sequence[str]) -> Sequence[str]:
    """Replace the words in a column of flags ("bad", "True") by numbers, where most rows have one such word.

    Without a name above it, "ok" is taken off the rows, and a row that is "bad" stays as it is, which no table reads.
    """
    if not any(_WORD.search(line[:LONGEST_LINE]) for line in lines[:: max(1, len(lines) // 40)]):
        return lines  # as of most files, seen in a few lines
    rows = [at for at, line in enumerate(lines) if len(line) <= LONGEST_LINE and begins_with_number(line)]
    words = [found for at in rows if len(found := _WORD.findall(lines[at])) == 1]
    if len(words) < 3 or 2 * len(words) < len(rows):
        return lines
    above = lines[: rows[0]]
    named = any(_NAMED.search(line) for line in above[-5:])
    changed = list(lines)
    for at in rows:
        changed[at] = _WORD.sub(lambda word: _number(word[0].lower(), named), lines[at])
    return changed


def _number(word: str, named: bool) -> str:
    if named:
        return "2" if word in _GOOD else "-1" if word in _BAD else "1" if word in _TRUE else "0"
    return "" if word in _GOOD else word


def sentinels(header: Sequence[str]) -> list[float]:
    """Numbers that the text above a table calls no measurement, as in "masked = -1" or "-999: no data"."""
    found = []
    for line in header[-60:]:
        for match in _SENTINEL.finditer(line[:400]):
            value = float(match["value"] or match["before"] or 0)
            is_zero = value == 0 and (match["value"] is None or match["set"])
            if value < 0 or abs(value) >= _LEAST_SENTINEL or is_zero:
                found.append(value)
    return found


def _looks_marked(intensity: Curve) -> float | None:
    """A number far from all others that stands at several points, as -999 or 1e30 in place of a measurement."""
    intensity = intensity[np.isfinite(intensity)]
    if not intensity.size:
        return None
    low, high = intensity.min(), intensity.max()
    for value in (low, high):
        others = intensity[intensity != value]
        if intensity.size - others.size < 2 or others.size < intensity.size / 2:
            continue
        most = np.abs(others).max()
        if (value == low < 0 < others.min() and value == round(value)) or (value == high > 1e6 * most):
            return float(value)
    return None


def drop_marked(curve: RawCurve, intensity: Curve, header: Sequence[str], flags: str, bad: Bad | None) -> None:
    """Drop the rows that the column `flags` marks as bad, and those whose intensity the header calls no measurement.

    Parameters
    ----------
    curve : RawCurve
        Changed in place.
    intensity : array, shape (points,)
        As in the file.
    header : sequence of str
        Lines above the table.
    flags : str
        Name of the column of flags, for the note.
    bad : array of bool, shape (points,), optional
        Rows that this column marks; None without such a column.
    """
    said = sentinels(header)
    marked = np.isin(intensity, said)
    notes = []
    looks = _looks_marked(intensity) if not said else None
    if looks is not None:
        curve.warn(f"intensity is {looks:g} at several points, as if that marked bad ones: kept; remove them if so")
    if marked.any():
        notes.append(f"{np.count_nonzero(marked)} points dropped whose intensity the header calls no measurement")
    if bad is not None and bad.any():
        notes.append(f"{np.count_nonzero(bad)} points dropped that column {flags} marks as bad")
        marked |= bad
    if notes:
        note = "; ".join(notes)
        curve.warnings.append(note)
        drop(curve, marked, "masked", note)
