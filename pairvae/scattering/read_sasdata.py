"""NXcanSAS and canSAS XML, interpreted by sasdata, screened before and checked after.

sasdata gets one data group at a time, in a small copy with only its usable points. So a faulty neighbour
cannot spoil it, nothing outside the file is ever reached, and what sasdata does without a word (sort by q,
drop NaN, read NaN in XML as 0, skip a group) cannot happen unseen: its numbers are compared with those in
the file.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from sasdata.data_util.loader_exceptions import (
    DefaultReaderException,
    FileContentsException,
    NoKnownLoaderException,
)
from sasdata.dataloader.data_info import Data1D

from pairvae.errors import ReadError
from pairvae.scattering.repair import RawCurve, check_rising
from pairvae.scattering.spectrum import Curve, Technique
from pairvae.scattering.units import (
    KNOWN_Q_UNITS,
    LENGTHS,
    QUnit,
    find_q_unit,
    parse_intensity_unit,
    parse_q_unit,
)

Mask = npt.NDArray[np.bool_]
_FAILED = (
    DefaultReaderException,
    FileContentsException,
    NoKnownLoaderException,
    AttributeError,
    LookupError,
    OSError,
    TypeError,
    ValueError,
)
MOST_POINTS = 5_000_000  # no reduced curve has more; a small file may claim to


@dataclass
class Group:
    """One SASdata group as the file holds it.

    Parameters
    ----------
    entry : str
        Its name within the file.
    title : str
        Title of its SASentry.
    columns : dict of array
        Per-point numbers as written, in the file's order: "q", "intensity" and, where present, "sigma", "dq".
    q_unit, intensity_unit : str
        Units as written, empty where there is none.
    load : callable
        Given a unit of q and a mask of points: let sasdata read a copy with these points, return its data
        sets.
    notes : list of str
        What was left out of the copy.
    """

    entry: str
    title: str
    columns: dict[str, Curve]
    q_unit: str
    intensity_unit: str
    load: Callable[[str, Mask], list[Any]]
    notes: list[str] = field(default_factory=list)


def read_groups(groups: list[Group], where: str, q_unit: str | None, entry: str | None) -> list[RawCurve]:
    """Turn the groups of a file, or those named `entry`, into curves.

    Raises
    ------
    ReadError
        No such entry, unit of q unknown, or sasdata cannot read it or reads other numbers than the file
        holds.
    """
    if not groups:
        raise ReadError(f"{where}: holds no SASdata group; expected reduced I(q) as NXcanSAS or canSAS XML")
    if entry is not None:
        chosen = [group for group in groups if entry in (group.entry, group.entry.rsplit("/", 1)[0], group.title)]
        if not chosen:
            names = ", ".join(repr(group.entry) for group in groups)
            raise ReadError(f"{where}: has no entry {entry!r}; it holds {names}; name one of these")
        groups = chosen
    return [_curve(group, f"{where}, entry {group.entry}", q_unit) for group in groups]


def _curve(group: Group, where: str, told: str | None) -> RawCurve:
    notes = list(group.notes)
    unit = _q_unit(group, where, told, notes)
    good = _usable(group, where, notes)
    check_rising(group.columns["q"][good], unit.text, where, notes)  # sasdata sorts
    data = _loaded(group, where, unit, good)
    factor, intensity_unit, note = parse_intensity_unit(group.intensity_unit)
    notes += [note] if note else []
    scale = 2 * np.pi if unit.quantity == "s" else 1.0
    return RawCurve(
        where=where,
        q=data.x * scale,
        intensity=data.y * factor,
        sigma=data.dy * factor if "sigma" in group.columns else None,
        dq=data.dx * scale if "dq" in group.columns else None,
        technique=_technique(data.source.probe, data.source.radiation, data.source.type),
        sample=next((str(name).strip() for name in (data.sample.name, data.sample.ID, data.title) if _said(name)), ""),
        entry=group.entry,
        intensity_unit=intensity_unit,
        notes=notes,
    )


def _q_unit(group: Group, where: str, told: str | None, notes: list[str]) -> QUnit:
    in_file = find_q_unit(group.q_unit)
    if told is None:
        if in_file is None:
            raise ReadError(
                f"{where}: gives q in {group.q_unit or 'no unit'!r}; expected {KNOWN_Q_UNITS}; "
                "say it as q_unit='1/nm' (samples.csv: column saxs_q_unit or sans_q_unit)"
            )
        return in_file
    try:
        unit = parse_q_unit(told)
    except ValueError as error:
        raise ReadError(f"{where}: {error}") from None
    if in_file is not None and in_file.length != unit.length:
        notes.append(f"q read in {unit.text} as told, though the file says {in_file.text}")
    return unit


def _usable(group: Group, where: str, notes: list[str]) -> Mask:
    """Points that sasdata is given; columns without any number are taken out of the group."""
    q = group.columns["q"]
    if q.size > MOST_POINTS:
        raise ReadError(f"{where}: claims {q.size} points; at most {MOST_POINTS} are read; rebin the curve")
    for name in [name for name in ("sigma", "dq") if name in group.columns]:
        if not np.isfinite(group.columns[name]).any():
            del group.columns[name]
            notes.append(f"{name} is nowhere finite: taken as absent")
    finite = np.all([np.isfinite(values) for values in group.columns.values()], axis=0)
    for bad, why in ((~finite, "with NaN or infinity"), (finite & (q <= 0), "with q ≤ 0")):
        if bad.any():
            notes.append(f"{int(bad.sum())} points {why} dropped")
    good = finite & (q > 0)
    if not good.any():
        raise ReadError(
            f"{where}: none of its {q.size} points has finite numbers and q > 0; choose another entry or export it anew"
        )
    return good


def _loaded(group: Group, where: str, unit: QUnit, good: Mask) -> Data1D:
    anew = "export the curve anew, for example as a text table"
    try:
        found = [data for data in group.load(unit.text, good) if isinstance(data, Data1D)]
    except _FAILED as error:
        # sasdata lets errors of its own parsing through as they come
        raise ReadError(f"{where}: sasdata cannot read it ({error}); {anew}") from None
    if len(found) != 1:
        raise ReadError(f"{where}: sasdata found {len(found)} curves in it, expected one; {anew}")
    data = found[0]
    expected = np.sort(group.columns["q"][good] / LENGTHS[unit.length])
    # a failed read gives x=[None] and errors instead of raising
    if data.x.dtype != np.float64 or data.x.shape != expected.shape:
        said = "; ".join(str(error) for error in data.errors) or "no reason given"
        raise ReadError(
            f"{where}: sasdata read {np.size(data.x)} of {expected.size} points ({' '.join(said.split())}); {anew}"
        )
    if not np.allclose(data.x, expected, rtol=1e-6, atol=0):
        raise ReadError(
            f"{where}: q in {unit.text} came back as {data.x[0]:.4g} to {data.x[-1]:.4g} 1/Å, expected "
            f"{expected[0]:.4g} to {expected[-1]:.4g}; {anew}"
        )
    return data


def _technique(*said: object) -> Technique | None:
    for text in said:
        plain = str(text or "").lower()
        if "neutron" in plain:
            return "sans"
        if "x-ray" in plain or "xray" in plain or "x ray" in plain or "synchrotron" in plain:
            return "saxs"
    return None


def _said(name: object) -> bool:
    return name is not None and bool(str(name).strip())
