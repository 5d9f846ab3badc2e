"""NXcanSAS and canSAS XML, interpreted with sasdata, screened before and checked after.

sasdata gets one data group at a time, in a small copy with only its usable points, as a second reading. So a
faulty neighbour cannot spoil it and nothing outside the file is ever reached. The numbers are those in the
file: what sasdata does without a word (sort by q, drop NaN, read NaN in XML as 0, skip a group) cannot
happen unseen.
"""

from typing import Literal

import numpy as np
from lxml import etree
from sasdata.data_util.loader_exceptions import (
    DefaultReaderException,
    FileContentsException,
    NoKnownLoaderException,
)
from sasdata.dataloader.data_info import Data1D

from pairvae.errors import ReadError
from pairvae.formats.column_names import read_field
from pairvae.formats.other_quantities import other_by_unit
from pairvae.formats.raw_curve import RawCurve
from pairvae.formats.read_options import ReadOptions
from pairvae.formats.sasdata_groups import MOST_GROUPS, Group, Mask, default_group, groups_of_entry
from pairvae.formats.uncertainty_units import (
    FWHM_IN_SIGMA,
    Converted,
    convert_dq,
    convert_sigma,
    width_in_sigma,
)
from pairvae.scattering.spectrum import Curve, Said, Technique
from pairvae.scattering.units import (
    KNOWN_Q_UNITS,
    LENGTHS,
    QUnit,
    find_q_unit,
    intensity_unit_name,
    is_arbitrary,
    is_cross_section,
    known_intensity_unit,
    parse_intensity_unit,
    parse_q_unit,
)

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


def read_groups(
    groups: list[Group], where: str, options: ReadOptions, only_default: bool = False
) -> list[RawCurve | ReadError]:
    """Turn the groups of a file into curves, each by itself.

    Parameters
    ----------
    groups : list of Group
        All of the file.
    where : str
        The file's name, for messages.
    options : ReadOptions
        Units, and the entry to read: its name, the beginning or the end of it, or its title.
    only_default : bool
        Where several curves are left and no entry is named: read the one that the file calls its default.

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
        raise ReadError(
            f"{where}: holds no SASdata group, nor NXdata over q; expected reduced I(q) as NXcanSAS or canSAS XML"
        )
    if len(groups) > MOST_GROUPS:
        raise ReadError(f"{where}: holds {len(groups)} curves; at most {MOST_GROUPS} are read; split the file")
    if options.entry is not None:
        groups = groups_of_entry(groups, options.entry, where)
    elif only_default and len(groups) > 1:
        groups = default_group(groups)
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
    group: Group, where: str, stated: QUnit | None, stated_intensity: str | None, said_in: Said, check: bool
) -> RawCurve:
    if group.problem:
        raise ReadError(group.problem)
    in_file = find_q_unit(group.q_unit)
    unit = stated or in_file
    _refuse_other_quantities(group, where, stated is None)
    in_file_intensity = group.intensity_unit or _unit_of_sigma(group)
    intensity_said = stated_intensity or in_file_intensity
    factor, intensity_unit, note = parse_intensity_unit(intensity_said)
    curve = RawCurve(
        where=where,
        q=group.columns["q"],
        intensity=group.columns["intensity"] * factor,
        entry=group.entry,
        intensity_unit=intensity_unit,
        q_unit=str(unit or ""),
        q_unit_from=said_in if stated else "file" if in_file else None,
        intensity_said=intensity_unit_name(intensity_said),
        intensity_unit_from=said_in if stated_intensity else "file" if in_file_intensity else None,
        sigma_column=group.names.get("sigma"),
        dq_column=group.names.get("dq"),
        self_describing=True,
    )
    curve.notes += group.notes
    for warning in group.warnings:
        curve.warn(warning)
    if group.masked:
        curve.mended("masked", group.masked, f"{group.masked} points masked in the file dropped")
    if stated is not None and in_file is not None and in_file.length != stated.length:
        curve.warn(f"q read in {stated.text} as stated, though the file says {in_file.text}")
    elif stated is not None and in_file is None and group.q_unit:
        curve.warn(f"q read in {stated.text} as stated, though the file says {group.q_unit!r}")
    if stated_intensity and in_file_intensity:
        curve.warn_if_overruled(stated_intensity, in_file_intensity)
    if note:
        (curve.notes.append if intensity_said else curve.warn)(note)
    if in_file_intensity and not group.intensity_unit and not stated_intensity:
        curve.warn(f"unit of intensity not stated: taken from {group.names['sigma']}, {in_file_intensity}")
    _set_uncertainties(curve, group, in_file_intensity, (factor, intensity_unit), unit)
    good = _usable(curve)
    if unit is None:
        curve.needs, curve.question = ("q_unit",), _ask_q_unit(group, where, curve.q[good])
    else:
        curve.q = curve.q * unit.inv_angstrom
    curve.technique = _technique(*group.radiation)
    curve.sample = next((name.strip() for name in group.samples if name.strip()), "")
    if check:
        _compare(curve, group, unit or QUnit("A"), good)
    return curve


def _refuse_other_quantities(group: Group, where: str, q_counts: bool) -> None:
    what = other_by_unit(group.q_unit.strip()) if q_counts else ""
    if what:
        raise ReadError(
            f"{where}: gives q in {group.q_unit!r}, the unit of {what}; expected {KNOWN_Q_UNITS}; export I(q), or say "
            "the unit as --q-unit 1/nm (Python: q_unit=…; samples.csv: column saxs_q_unit or sans_q_unit)"
        )
    field = read_field(f"I [{group.intensity_unit}]")
    if group.intensity_unit and field.in_place_of == "I":
        raise ReadError(f"{where}: gives I in {group.intensity_unit!r}, {field.what}; expected I; {field.mend}")


def _unit_of_sigma(group: Group) -> str:
    """The unit of an intensity that states none: its uncertainty has the same, as both formats demand."""
    stated = group.sigma_unit if "sigma" in group.columns else ""
    return stated if is_cross_section(stated) or is_arbitrary(stated) else ""


def _set_uncertainties(
    curve: RawCurve,
    group: Group,
    intensity_unit: str,
    scale: tuple[float, Literal["1/cm", "arbitrary"]],
    unit: QUnit | None,
) -> None:
    """Bring sigma and dq to the units of intensity and q; what cannot be converted is warned of and left out."""
    columns = group.columns
    if "sigma" in columns:
        name = group.names.get("sigma", "sigma")
        sigma = convert_sigma(columns["sigma"], columns["intensity"], group.sigma_unit, intensity_unit, scale, name)
        curve.sigma = _kept(curve, sigma, "sigma")
    if "dq" in columns:
        name = group.names.get("dq", "dq")
        dq = convert_dq(columns["dq"], columns["q"], group.dq_unit, group.q_unit, unit, name)
        curve.dq = _kept(curve, dq, "dq")
    if curve.dq is None:
        return
    width, kind = width_in_sigma(group.resolution)
    if kind == "unknown":
        curve.warn(f"resolution said to be {group.resolution[:80]!r}: dq taken as its standard deviation")
    elif kind:
        curve.dq = curve.dq / width
        curve.warn(f"dq divided by {width:.4g}: the file gives the {kind} ({group.resolution[:80]!r})")
    elif group.says_fwhm and not group.resolution:
        curve.dq = curve.dq / FWHM_IN_SIGMA
        curve.warn(f"dq divided by {FWHM_IN_SIGMA:.4g}: a note in the file says it is a full width at half maximum")


def _kept(curve: RawCurve, converted: Converted, column: str) -> Curve | None:
    if converted.values is None:
        curve.repairs[f"{column}_dummy"] = curve.q.size
    if converted.note:
        curve.warn(converted.note)
    return converted.values


def _ask_q_unit(group: Group, where: str, q: Curve) -> str:
    low, high = q.min(), q.max()
    unit = f"in {group.q_unit!r}" if group.q_unit else "without a unit"
    return (
        f"{where}: gives q {unit}; expected {KNOWN_Q_UNITS}; in 1/A the curve would run from "
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
    good: Mask = finite & (curve.q > 0)
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
