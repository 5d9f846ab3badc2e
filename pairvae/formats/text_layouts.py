"""Text formats whose layout, not a header, says what the columns are."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pairvae.formats.column_names import read_field
from pairvae.formats.columns import Columns
from pairvae.scattering.units import QUnit, find_q_unit

_INTEGERS = re.compile(r"\s*(\d+)(\s+-?\d+){7}\s*")
_FLOATS = re.compile(r"\s*([+-]?\d+\.\d*(E[+-]?\d+)?\s+){4}[+-]?\d+\.\d*(E[+-]?\d+)?\s*", re.IGNORECASE)
_FORTRAN_FORMAT = re.compile(r"\s*\d+\s+\(F\d+\.\d+,\s*\d*E\d+\.\d+\)\s*", re.IGNORECASE)
_COUNT = re.compile(r"\s*\d+(\s+\d+)?\s*")  # of points, in one or two numbers
_FOOTER = 60  # lines in which a PDH footer says its units
_PDH_UNIT = re.compile(r'<column key="(?P<axis>[XY])">\s*<value key="unit">(?P<unit>[^<]*)</value>')


@dataclass(frozen=True)
class Layout:
    """A text format that was recognised.

    Parameters
    ----------
    name : str
        What it is called.
    columns : Columns
        Its columns.
    skip : int
        Lines above its table.
    width : int, optional
        Only tables of as many columns hold the curve; None: the longest one does.
    beside : int, optional
        Rows of as many numbers are part of the format, not of the curve.
    refusal : str
        Why its table is no curve; empty where it is one.
    """

    name: str
    columns: Columns
    skip: int
    width: int | None = None
    beside: int | None = None
    refusal: str = ""


def find_layout(lines: Sequence[str]) -> Layout | None:
    """Recognise a text format by what stands above its table.

    Parameters
    ----------
    lines : sequence of str
        The whole text.

    References
    ----------
    PDH: Glatter, PCG suite; SAXSquant writes the units into a footer.
    RKH: ISIS LOQ, COLETTE; Mantid, SaveRKH.
    GNOM: Svergun, J. Appl. Cryst. 25 (1992) 495; ATSAS manual, gnom output.
    ABS: NIST SANS reduction macros, six columns.
    CHI: FIT2D, CHIPLOT "SPREAD SHEET" and "2-D" output.
    """
    top = lines[:40]
    text = "".join(top)  # most files have none of the words: searched once, not line by line
    return (
        _pdh(lines)
        or (_rkh(top) if "(" in text else None)
        or (_gnom(top, lines) if "G N O M" in text or "EXP" in text else None)
        or (_abs(top) if "MON CNT" in text else None)
        or _chi(top)
    )


def layout_above(lines: Sequence[str], start: int, first: int, last: int) -> tuple[Layout | None, range]:
    """Recognise a text format by a header further down in the text, where several files were put into one.

    Parameters
    ----------
    lines : sequence of str
        The whole text.
    start : int
        How many lines are above the header.
    first, last : int
        Line numbers of the first and the last row of its table, from 1.

    Returns
    -------
    layout : Layout or None
        The format.
    header : range
        Numbers of the lines that are its header; none where its length is not known.
    """
    for begin in (first - 6, first - 5):  # headers of five lines and of four
        layout = find_layout(lines[begin : last + _FOOTER]) if begin >= start else None
        if layout is not None and begin + layout.skip == first - 1:
            return layout, range(begin + 1, first)
    layout = find_layout(lines[start : last + _FOOTER])
    return (None if layout is None or start + layout.skip >= first else layout), range(0)


def _pdh(lines: Sequence[str]) -> Layout | None:
    if len(lines) < 8 or not _INTEGERS.fullmatch(lines[2][:200]):
        return None
    if not (_FLOATS.fullmatch(lines[3][:200]) and _FLOATS.fullmatch(lines[4][:200])):
        return None
    foot = next((at for at in range(5, len(lines)) if lines[at].lstrip().startswith("<?xml")), None)
    said = {} if foot is None else dict(_PDH_UNIT.findall("\n".join(lines[foot : foot + _FOOTER]))[::-1])
    unit = find_q_unit(said.get("X", ""))
    if unit is None:
        # the fifth number is the wavelength, in the unit whose reciprocal is that of q
        wavelength = float(lines[3].split()[4])
        unit = QUnit("nm") if 0.01 < wavelength < 0.4 else QUnit("A") if 0.5 <= wavelength < 30 else None
    return Layout("PDH", Columns(("q", "I", "dI"), unit, said.get("Y")), skip=5, width=3)


def _rkh(top: Sequence[str]) -> Layout | None:
    at = next((at for at, line in enumerate(top[:12]) if _FORTRAN_FORMAT.fullmatch(line[:200])), None)
    return None if at is None else Layout("RKH", Columns(("q", "I", "dI", "dq"), QUnit("A")), skip=at + 1)


def _gnom(top: Sequence[str], lines: Sequence[str]) -> Layout | None:
    if not any("G N O M" in line for line in top) and not any(line.split()[:3] == ["S", "J", "EXP"] for line in top):
        return None
    at = next((at for at, line in enumerate(lines) if "J EXP" in line[:200]), None)
    if at is None:
        return None
    names = ("S", "J EXP", "ERROR", "J REG", "I REG")
    return Layout("GNOM", Columns(("q", "I", "dI", "-", "-"), names=names), skip=at + 1, width=5, beside=2)


def _abs(top: Sequence[str]) -> Layout | None:
    if not any("MON CNT" in line and "LAMBDA" in line for line in top):
        return None
    names = ("Q", "I(Q)", "std. dev. I(Q)", "sigmaQ", "meanQ", "ShadowFactor")
    return Layout(
        "NIST ABS", Columns(("q", "I", "dI", "dq", "-", "-"), QUnit("A"), "1/cm", names=names), skip=0, width=6
    )


def _chi(top: Sequence[str]) -> Layout | None:
    if len(top) < 6 or not _COUNT.fullmatch(top[3][:100]) or len(top[4][:100].split()) != 2:
        return None
    lines = [line.strip() for line in top[:6]]
    label = re.match(r"(?P<name>q|2-?theta)\b.*?(?:[(\[](?P<unit>[^)\]]*)[)\]])?$", lines[1], re.IGNORECASE)
    names = (lines[1], lines[2])
    if label is None or not label["name"].lower().startswith("q"):
        axis = read_field(lines[1])
        if axis.in_place_of != "q":
            return None
        refusal = f"its first column is {axis.what} ({axis.name}); expected q; {axis.mend}"
        return Layout("FIT2D CHI", Columns(("q", "I"), None, names=names), skip=4, width=2, refusal=refusal)
    return Layout("FIT2D CHI", Columns(("q", "I"), find_q_unit(label["unit"] or ""), names=names), skip=4, width=2)
