"""NXcanSAS and canSAS XML, interpreted with sasdata, screened before and checked after.

sasdata gets one data group at a time, in a small copy with only its usable points, as a second reading. So a
faulty neighbour cannot spoil it and nothing outside the file is ever reached. The numbers are those in the
file: what sasdata does without a word (sort by q, drop NaN, read NaN in XML as 0, skip a group) cannot
happen unseen.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from lxml import etree
from sasdata.data_util.loader_exceptions import (
    DefaultReaderException,
    FileContentsException,
    NoKnownLoaderException,
)
from sasdata.dataloader.data_info import Data1D

from pairvae.errors import ReadError
from pairvae.scattering.read_options import ReadOptions
from pairvae.scattering.repair import RawCurve
from pairvae.scattering.spectrum import Curve, Said, Technique
from pairvae.scattering.units import (
    KNOWN_Q_UNITS,
    LENGTHS,
    QUnit,
    find_q_unit,
    intensity_unit_name,
    known_intensity_unit,
    parse_intensity_unit,
    parse_q_unit,
)

Mask = npt.NDArray[np.bool_]
MOST_GROUPS = 2000
MOST_CHECKED = 20  # sasdata takes milliseconds for each
_FAILED = (
    DefaultReaderException,
    FileContentsException,
    NoKnownLoaderException,
    etree.LxmlError,
    AttributeError,
    LookupError,
    OSError,
    TypeError,
    ValueError,
)


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
    names : dict of str
        What the columns are called in the file.
    load : callable
        Given a unit of q and a mask of points: let sasdata read a copy with these points, return its data
        sets.
    warnings : list of str
        What was left out.
    radiation : tuple of str
        What the file says of its source.
    samples : tuple of str
        Names of the sample, the best first.
    problem : str
        Why it cannot be read; empty where it can.
    """

    entry: str
    title: str
    columns: dict[str, Curve]
    q_unit: str
    intensity_unit: str
    load: Callable[[str, Mask], list[Any]]
    names: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    radiation: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()
    problem: str = ""


def read_groups(groups: list[Group], where: str, options: ReadOptions) -> list[RawCurve | ReadError]:
    """Turn the groups of a file, or those of the entry that is asked for, into curves, each by itself.

    Returns
    -------
    list
        A ReadError, which knows its entry, in the place of each group that cannot be read.

    Raises
    ------
    ReadError
        No group, no such entry, or a unit that is none.
    """
    if not groups:
        raise ReadError(f"{where}: holds no SASdata group; expected reduced I(q) as NXcanSAS or canSAS XML")
    if len(groups) > MOST_GROUPS:
        raise ReadError(f"{where}: holds {len(groups)} curves; at most {MOST_GROUPS} are read; split the file")
    entry = options.entry
    if entry is not None:
        chosen = [group for group in groups if entry in (group.entry, group.entry.rsplit("/", 1)[0], group.title)]
        if not chosen:
            names = ", ".join(repr(group.entry) for group in groups)
            raise ReadError(f"{where}: has no entry {entry!r}; it holds {names}; name one of these")
        groups = chosen
    try:
        q_unit = parse_q_unit(options.q_unit) if options.q_unit is not None else None
        intensity_unit = known_intensity_unit(options.intensity_unit) if options.intensity_unit else None
    except ValueError as error:
        raise ReadError(f"{where}: {error}") from None
    curves: list[RawCurve | ReadError] = []
    for number, group in enumerate(groups):
        try:
            place = f"{where}, entry {group.entry}"
            curves.append(_curve(group, place, q_unit, intensity_unit, options.said_in, number < MOST_CHECKED))
        except ReadError as error:
            error.entry = group.entry
            curves.append(error)
    return curves


def _curve(
    group: Group, where: str, told: QUnit | None, intensity_told: str | None, said_in: Said, check: bool
) -> RawCurve:
    if group.problem:
        raise ReadError(group.problem)
    in_file = find_q_unit(group.q_unit)
    unit = told or in_file or QUnit("A")
    intensity_said = intensity_told or group.intensity_unit
    factor, intensity_unit, note = parse_intensity_unit(intensity_said)
    curve = RawCurve(
        where=where,
        q=group.columns["q"],
        intensity=group.columns["intensity"] * factor,
        sigma=group.columns["sigma"] * factor if "sigma" in group.columns else None,
        dq=group.columns.get("dq"),
        entry=group.entry,
        intensity_unit=intensity_unit,
        q_unit=str(told or in_file or ""),
        q_unit_from=said_in if told else "file" if in_file else None,
        intensity_said=intensity_unit_name(intensity_said),
        intensity_unit_from=said_in if intensity_told else "file" if group.intensity_unit else None,
        sigma_column=group.names.get("sigma"),
        dq_column=group.names.get("dq"),
        self_describing=True,
    )
    for warning in group.warnings:
        curve.warn(warning)
    if told is not None and in_file is not None and in_file.length != told.length:
        curve.warn(f"q read in {told.text} as told, though the file says {in_file.text}")
    if intensity_told and group.intensity_unit:
        curve.warn_if_overruled(intensity_told, group.intensity_unit)
    if note:
        (curve.notes.append if intensity_said else curve.warn)(note)
    good = _usable(curve)
    if told is None and in_file is None:
        curve.needs, curve.question = ("q_unit",), _ask_q_unit(group, where, curve.q[good])
    else:
        scale = unit.inv_angstrom
        curve.q = curve.q * scale
        curve.dq = None if curve.dq is None else curve.dq * scale
    curve.technique = _technique(*group.radiation)
    curve.sample = next((name.strip() for name in group.samples if name.strip()), "")
    if check:
        _compare(curve, group, unit, good)
    return curve


def _ask_q_unit(group: Group, where: str, q: Curve) -> str:
    low, high = q.min(), q.max()
    return (
        f"{where}: gives q in {group.q_unit or 'no unit'!r}; expected {KNOWN_Q_UNITS}; in 1/A the curve would run from "
        f"{low:.3g} to {high:.3g} 1/Å, in 1/nm from {low / 10:.3g} to {high / 10:.3g} 1/Å; "
        "say it as --q-unit 1/nm (Python: q_unit=…; samples.csv: column saxs_q_unit or sans_q_unit)"
    )


def _usable(curve: RawCurve) -> Mask:
    """Drop points that are not finite; return which of the rest have q > 0."""
    for name in ("sigma", "dq"):
        values = getattr(curve, name)
        if values is not None and not np.isfinite(values).any():
            setattr(curve, name, None)
            curve.repairs[f"{name}_dummy"] = values.size
            curve.warn(f"{name} is nowhere finite: taken as absent")
    present = [values for values in (curve.q, curve.intensity, curve.sigma, curve.dq) if values is not None]
    finite = np.all([np.isfinite(values) for values in present], axis=0)
    good = finite & (curve.q > 0)
    if not good.any():
        raise ReadError(
            f"{curve.where}: none of its {curve.q.size} points has finite numbers and q > 0; choose another entry or "
            "export it anew"
        )
    return good


def _compare(curve: RawCurve, group: Group, unit: QUnit, good: Mask) -> None:
    """Check that sasdata sees the same numbers; take from it what the file says in a way only sasdata knows."""
    try:
        found = [data for data in group.load(unit.text, good) if isinstance(data, Data1D)]
    except _FAILED as error:
        # sasdata lets errors of its own parsing through as they come
        curve.notes.append(f"not checked with sasdata, which cannot read it ({' '.join(str(error).split())[:200]})")
        return
    if len(found) != 1:
        curve.notes.append(f"not checked with sasdata, which found {len(found)} curves in it")
        return
    data = found[0]
    expected = np.sort(group.columns["q"][good] / LENGTHS[unit.length])
    # a failed read gives x=[None] and errors instead of raising
    if np.shape(data.x) != expected.shape or data.x.dtype != np.float64:
        curve.notes.append(f"not checked with sasdata, which read {np.size(data.x)} of {expected.size} points")
    elif not np.allclose(data.x, expected, rtol=1e-6, atol=0):
        raise ReadError(
            f"{curve.where}: q in {unit.text} came back from sasdata as {data.x[0]:.4g} to {data.x[-1]:.4g} 1/Å, "
            f"expected {expected[0]:.4g} to {expected[-1]:.4g}; export the curve anew, for example as a text table"
        )
    curve.technique = curve.technique or _technique(data.source.probe, data.source.radiation, data.source.type)
    names = (data.sample.name, data.sample.ID, data.title)
    curve.sample = curve.sample or next((str(name).strip() for name in names if _said(name)), "")


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
