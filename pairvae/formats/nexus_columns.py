"""The columns of a group of class SASdata or NXdata: q, intensity, sigma and dq, scaled as the file says.

Sources: the NeXus definitions NXcanSAS 1.1 and NXdata, and what Mantid, DAWN, pyFAI, Irena, Nika and DataMerge write.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import prod

import h5py
import numpy as np
import numpy.typing as npt

from pairvae.errors import ReadError
from pairvae.formats.hdf5_screen import check_size
from pairvae.formats.nexus_axes import DataGroup, Layout, attribute_names, short_name, text_of, unit_of
from pairvae.formats.spread import Spread, find_statistic
from pairvae.formats.uncertainty_units import is_relative, names_width

_SIGMA = ("Idev", "errors", "error", "dI", "sigma", "std", "Ierr", "ISigma", "uncertainties", "uncertainty")
_SIGMA_ENDINGS = ("_errors", "_error", "_err", "_sigma", "_std", "_uncertainties", "_uncertainty")
_RESOLUTION = ("Qdev", "dQw")  # NXcanSAS defines these as resolutions, whatever names them
_APPLIED = "shadowfactor"  # NXcanSAS: a factor that has been applied
Array = npt.NDArray[np.float64]


@dataclass
class NexusColumns:
    """The columns of a group.

    Parameters
    ----------
    layout : Layout
        Where the group holds intensity and q.
    where : str
        File and entry, for messages.
    values : dict of array
        "q", "intensity" and, where present, "sigma" and "dq", each in the shape of the intensity.
    sources : dict of h5py.Dataset
        Where each column is from.
    resolution : str
        What the file says of the resolution's width and shape.
    notes, warnings : list of str
        What was left out; what is worth a look.
    """

    layout: Layout
    where: str
    values: dict[str, Array]
    sources: dict[str, h5py.Dataset]
    resolution: str = ""
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def nexus_columns(group: DataGroup, layout: Layout, where: str) -> NexusColumns:
    """Read the columns of a group.

    Parameters
    ----------
    group : DataGroup
        Group that holds the data sets.
    layout : Layout
        Which data set is q, which the intensity, and along which dimension q runs.
    where : str
        File and entry, for messages.

    Raises
    ------
    ReadError
        q has another shape than the intensity, or a factor is stated that is not there.
    """
    columns = NexusColumns(layout, where, {}, {"q": layout.q, "intensity": layout.signal})
    for column, dataset in columns.sources.items():
        values = broadcast(dataset, layout, where)
        if values is None:
            raise ReadError(
                f"{where}: q has numbers of shape {dataset.shape}, the intensity of shape {layout.signal.shape}; "
                "expected one number per q; export I(q) in one dimension"
            )
        columns.values[column] = values
    _find_sigma(group, columns)
    _find_dq(group, columns)
    _apply_scales(group, columns)
    return columns


def broadcast(dataset: h5py.Dataset, layout: Layout, where: str) -> Array | None:
    """Bring numbers to the shape of the intensity.

    They may be given for every point, for every q, for every frame or once; None where they are not.

    Parameters
    ----------
    dataset : h5py Dataset
        q, an uncertainty, a resolution or a factor.
    layout : Layout
        Of the intensity.
    where : str
        File and entry, for messages.

    Raises
    ------
    ReadError
        The data set claims too much memory.
    """
    check_size(dataset, where)
    values = np.squeeze(np.asarray(dataset[()], dtype=np.float64))
    shape, along = layout.shape, layout.along
    if values.shape == shape or values.ndim == 0:
        return np.broadcast_to(values, shape)
    over = layout.indices_of(dataset)
    if values.ndim == 1 and values.size == shape[along]:
        over = (along,)
    elif values.size == prod(shape):
        return values.reshape(shape)
    elif values.ndim == 1 and shape.count(values.size) == 1:
        over = (shape.index(values.size),)
    if tuple(shape[dimension] for dimension in over) != values.shape:
        return None
    return np.broadcast_to(np.expand_dims(values, [at for at in range(len(shape)) if at not in over]), shape)


def _find_sigma(group: DataGroup, columns: NexusColumns) -> None:
    signal = columns.layout.signal
    stated = _stated(group, signal, ("uncertainties", "uncertainty", "errors"), "I")
    beside = {short_name(signal), "I"}
    usual = [_SIGMA[0], *(f"{symbol}{ending}" for symbol in sorted(beside) for ending in _SIGMA_ENDINGS), *_SIGMA[1:]]
    size = prod(columns.layout.shape)
    whole = [name for name in usual if (dataset := group.dataset(name)) is not None and dataset.size == size]
    _take(group, columns, "sigma", [*stated, *whole])
    chosen = columns.sources.get("sigma")
    if chosen is None:
        if stated:
            columns.warnings.append(f"sigma not used: {', '.join(stated)} is missing or not one number per q")
        return
    statistic = find_statistic(short_name(chosen).lower().replace("_", " "))
    if statistic != "σ":
        derived = Spread(statistic=statistic)
        columns.values["sigma"] = derived.sigma(columns.values["sigma"], columns.values["intensity"])
        columns.warnings.append(f"sigma {derived.note} ({short_name(chosen)})")
    others = {} if stated else dict.fromkeys(name for name in whole if group.dataset(name) != chosen)
    if others:
        columns.warnings.append(f"sigma read from {short_name(chosen)}; {', '.join(others)} not used")


def _find_dq(group: DataGroup, columns: NexusColumns) -> None:
    """Find the resolution, and what the file says of it. An uncertainty of q is no resolution."""
    q = columns.layout.q
    resolutions = _stated(group, q, ("resolutions", "resolution"), "Q")
    uncertainties = _stated(group, q, ("uncertainties", "uncertainty", "errors"), "Q")
    spare = {name.lower() for name in uncertainties} - {name.lower() for name in _RESOLUTION}
    usual = [name for name in (*_RESOLUTION, "dQ") if name.lower() not in spare and group.dataset(name) is not None]
    wanted = [name for name in (*resolutions, *usual) if name != "dQl"]  # a slit's length is no resolution in q
    _take(group, columns, "dq", wanted)
    chosen = columns.sources.get("dq")
    errors = [name for ending in ("_errors", "_error") if group.dataset(name := f"{short_name(q)}{ending}") is not None]
    unused = [name for name in (*uncertainties, *errors) if group.dataset(name) not in (None, chosen)]
    if unused:
        columns.notes.append(f"{', '.join(dict.fromkeys(unused))} not used: an uncertainty of q is no resolution")
    if chosen is None:
        if wanted:
            columns.warnings.append(f"dq not used: {', '.join(wanted)} is missing or not one number per q")
        return
    key = "resolutions_description"
    described = [text_of(value) for value in (q.attrs.get(key), group.attrs.get(f"Q_{key}"), chosen.attrs.get(key))]
    described = [text for text in described if text != short_name(chosen)]
    labels = [text_of(chosen.attrs.get(label)) for label in ("description", "long_name", "type", "units", "unit")]
    widths = [label for label in (*labels, short_name(chosen)) if names_width(label)]
    columns.resolution = ", ".join(dict.fromkeys([*filter(None, described), *widths]))


def _take(group: DataGroup, columns: NexusColumns, column: str, names: Iterable[str]) -> None:
    """Take the first data set out of `names` that has a number for every point."""
    for name in names:
        dataset = group.dataset(name)
        values = None if dataset is None else broadcast(dataset, columns.layout, columns.where)
        if dataset is not None and values is not None:
            columns.sources[column], columns.values[column] = dataset, values
            return


def _stated(group: DataGroup, dataset: h5py.Dataset, keys: tuple[str, ...], symbol: str) -> list[str]:
    """Names in the attributes of a data set, or in those of its group, as "I_uncertainties"."""
    stated = [dataset.attrs.get(key) for key in keys]
    stated += [group.attrs.get(f"{own}_{key}") for own in (short_name(dataset), symbol) for key in keys]
    return [*dict.fromkeys(name for value in stated for name in attribute_names(value))]


def _apply_scales(group: DataGroup, columns: NexusColumns) -> None:
    """Multiply by what `scaling_factor` names, after adding what `offset` names: (value + offset) · factor.

    An uncertainty without a factor of its own shares that of its quantity, since it has the same unit; a relative one
    has none.
    """
    for quantity, uncertainty in (("intensity", "sigma"), ("q", "dq")):
        offset, factor = (_modifier(group, columns, quantity, kind) for kind in ("offset", "scaling_factor"))
        if offset is not None:
            columns.values[quantity] = columns.values[quantity] + offset
        if factor is not None:
            columns.values[quantity] = columns.values[quantity] * factor
        if uncertainty in columns.sources:
            own = _modifier(group, columns, uncertainty, "scaling_factor")
            shared = None if is_relative(unit_of(columns.sources[uncertainty])) else factor
            applied = shared if own is None else own
            if applied is not None:
                columns.values[uncertainty] = columns.values[uncertainty] * applied


def _modifier(group: DataGroup, columns: NexusColumns, column: str, kind: str) -> Array | None:
    """The factor or offset of a column, with a warning, since few programs apply it; None where there is none."""
    dataset = columns.sources[column]
    stated = text_of(dataset.attrs.get(kind))
    usual = [f"{short_name(dataset)}_{kind}", *([kind] if column == "intensity" else [])]
    names = attribute_names(stated) if stated else usual
    source = next((data for name in names if (data := group.dataset(name)) is not None), None)
    if source is None and not stated:
        return None
    label = stated if source is None else short_name(source)
    if label.lower() == _APPLIED:
        columns.warnings.append(f"{label} not applied to {short_name(dataset)}: NXcanSAS says that it has been applied")
        return None
    try:
        values = np.asarray(float(label)) if source is None else broadcast(source, columns.layout, columns.where)
    except ValueError:
        values = None
    if values is None or not np.isfinite(values).all() or (kind != "offset" and bool((values <= 0).any())):
        raise ReadError(
            f"{columns.where}: {short_name(dataset)} has the {kind} {label!r}; expected a finite number"
            f"{'' if kind == 'offset' else ' > 0'}, or the name of a data set with one, or one for each point; mend it "
            "or remove it where the numbers are final"
        )
    if kind != "offset" and bool((values == 1).all()):
        return None
    low, high = float(values.min()), float(values.max())
    size = f"{low:.6g}" if low == high else f"{low:.6g} to {high:.6g}"
    error = "" if source is None else text_of(source.attrs.get("uncertainties"))
    columns.warnings.append(
        f"{short_name(dataset)} {'shifted by its offset' if kind == 'offset' else 'multiplied by its scaling_factor'} "
        f"{size if source is None else f'{label} = {size}'}"
        + (f"; the uncertainty of the factor ({error}) is common to all points and not in sigma" if error else "")
    )
    return values
