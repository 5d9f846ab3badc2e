"""The curves that a group of class SASdata or NXdata holds: one, or one for each frame, without masked points."""

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from pairvae.errors import ReadError
from pairvae.formats.hdf5_screen import check_size
from pairvae.formats.nexus_axes import (
    DataGroup,
    Layout,
    NotACurve,
    attribute_names,
    layout_of,
    short_name,
    unit_of,
)
from pairvae.formats.nexus_columns import NexusColumns, broadcast, nexus_columns
from pairvae.formats.sasdata_groups import MOST_GROUPS
from pairvae.scattering.spectrum import Curve

_MASK = ("mask", "I_mask", "Q_mask")  # in any case
_MASKED = "a mask is true where a point is not to be used"
_AZIMUTH = re.compile(r"chi|phi|azim", re.IGNORECASE)


@dataclass
class NexusCurve:
    """One curve of a group, its numbers and units as they stand in the file, scaled and without masked points.

    Parameters
    ----------
    frame : str
        "frame 3" where the group holds several, counted from 1; else empty.
    columns : dict of array, shape (points,)
        "q", "intensity" and, where present, "sigma" and "dq".
    units, names : dict of str
        Of each column; a unit is empty where the file says none.
    resolution : str
        What the file says of the resolution's width and shape.
    notes, warnings : list of str
        What was done; what is worth a look.
    masked : int
        Points that the file masks, left out.
    problem : str
        Why it cannot be read; empty where it can.
    """

    frame: str
    columns: dict[str, Curve]
    units: dict[str, str]
    names: dict[str, str]
    resolution: str = ""
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    masked: int = 0
    problem: str = ""


def nexus_curves(group: DataGroup, where: str) -> list[NexusCurve]:
    """Read the curves of one group.

    Raises
    ------
    NotACurve
        The numbers are an image, over another axis than q, or no intensity.
    ReadError
        There are no numbers, too many of them, or their scale is not to be had.
    """
    layout = layout_of(group, where)
    if not group.plots_intensity:
        raise NotACurve(
            f"{where}: plots {short_name(layout.signal)!r} over q, which is not known to be an intensity; export I(q) "
            "as NXcanSAS",
            image=False,
        )
    columns = nexus_columns(group, layout, where)
    _warn_of_slit(group, columns)
    kept = _by_frame(~_mask(group, columns), layout)
    if len(kept) > MOST_GROUPS:
        raise ReadError(f"{where}: holds {len(kept)} frames; at most {MOST_GROUPS} are read; average or split them")
    rows = {column: _by_frame(values, layout) for column, values in columns.values.items()}
    units = {column: unit_of(dataset) for column, dataset in columns.sources.items()}
    names = {column: short_name(dataset) for column, dataset in columns.sources.items()}
    curves = []
    for number, good in enumerate(kept):
        values = {column: row[number] if good.all() else row[number][good] for column, row in rows.items()}
        curve = NexusCurve("", values, units, names, columns.resolution, [*columns.notes], [*columns.warnings])
        curve.masked = int(good.size - np.count_nonzero(good))
        if not good.any():
            curve.problem = f"{where}: all {good.size} points are masked; {_MASKED}"
        curves.append(curve)
    if len(curves) > 1:
        _name_frames(group, layout, curves)
    return curves


def _by_frame(values: npt.NDArray[Any], layout: Layout) -> npt.NDArray[Any]:
    return np.moveaxis(values, layout.along, -1).reshape(-1, layout.shape[layout.along])


def _mask(group: DataGroup, columns: NexusColumns) -> npt.NDArray[np.bool_]:
    """Which points the file masks: NXcanSAS sets true, or any bit, where a point is not to be used."""
    signal = columns.layout.signal
    named = attribute_names(group.attrs.get("mask")) + attribute_names(signal.attrs.get("mask"))
    masked = np.zeros(columns.layout.shape, dtype=bool)
    for name in dict.fromkeys([*named, *_MASK, f"{short_name(signal)}_mask"]):
        dataset = group.dataset(name, kinds="fiub")
        values = None if dataset is None else broadcast(dataset, columns.layout, columns.where)
        if values is not None:
            masked |= values != 0
        elif dataset is not None or name in named:
            columns.warnings.append(f"mask {name} not used: it is missing or has not the shape of the intensity")
    count = int(np.count_nonzero(masked))
    if count > masked.size / 2:
        columns.warnings.append(f"{count} of {masked.size} points are masked; {_MASKED}")
    return masked


def _warn_of_slit(group: DataGroup, columns: NexusColumns) -> None:
    slit = group.dataset("dQl")
    if slit is not None:
        check_size(slit, columns.where)
        length = np.ravel(slit[()]).astype(np.float64)
        value = f" = {length[0]:.4g} {unit_of(slit)}" if length.size else ""
        columns.warnings.append(f"slit-smeared (dQl{value}): read as it is, not desmeared")


def _name_frames(group: DataGroup, layout: Layout, curves: list[NexusCurve]) -> None:
    """Number the frames from 1, and note what each is by the axes along which they lie: "Time = 3 s"."""
    over = [dimension for dimension in range(len(layout.shape)) if dimension != layout.along]
    labels: list[list[str]] = [[] for _ in curves]
    places = np.unravel_index(np.arange(len(curves)), [layout.shape[dimension] for dimension in over])
    for dimension, place in zip(over, places, strict=True):
        name = layout.axes[dimension] if layout.axes else ""
        axis = group.dataset(name)
        if axis is not None and axis.size == max(axis.shape, default=1) == layout.shape[dimension]:
            values = np.ravel(axis[()])
            for label, at in zip(labels, place, strict=True):
                label.append(f"{name} = {float(values[at]):.6g} {unit_of(axis)}".strip())
    sectors = any(_AZIMUTH.search(layout.axes[dimension]) for dimension in over if layout.axes)
    for number, (curve, label) in enumerate(zip(curves, labels, strict=True), start=1):
        curve.frame = f"frame {number}"
        curve.notes.append(
            ": ".join(filter(None, (f"{curve.frame} of {len(curves)}, counted from 1", ", ".join(label))))
        )
        if sectors:
            sector = ", ".join(label) or curve.frame
            curve.warnings.append(f"one of {len(curves)} azimuthal sectors ({sector}), not their mean")
