"""The SASdata groups of an NXcanSAS file."""

import io
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
from sasdata.dataloader.readers.cansas_reader_HDF5 import Reader

from pairvae.errors import ReadError
from pairvae.scattering.hdf5_screen import check_size, screened_groups
from pairvae.scattering.read_sasdata import MOST_GROUPS, Group, Mask
from pairvae.scattering.spectrum import Curve
from pairvae.scattering.units import find_q_unit, parse_intensity_unit

_FACTS = (
    ("SASsource", "NXsource", ("probe", "radiation", "type")),
    ("SASsample", "NXsample", ("name", "ID")),
)
_SIGMA = ("Idev", "I_errors", "errors", "Error")
_DQ = ("Qdev", "dQw", "Q_errors", "dQ")
_Placed = tuple[h5py.Group, tuple[h5py.Group, ...]]
_Facts = dict[str, dict[str, str]]
MOST_IN_ALL = 20_000_000  # numbers in one file


def nxcansas_groups(data: bytes, where: str) -> list[Group]:
    """List the one-dimensional SASdata groups.

    Raises
    ------
    ReadError
        The file is damaged, reaches into other files, or holds absurd amounts.
    """
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            groups = []
            points = 0
            images: list[str] = []
            found = screened_groups(file, where)
            classes = {group.name: _class(group) for group, _ in found}
            known = _all_facts(found, classes)
            chosen = _data_groups(found, classes)
            if len(chosen) > MOST_GROUPS:
                raise ReadError(f"{where}: holds {len(chosen)} curves; at most {MOST_GROUPS} are read; split the file")
            for group, above in chosen:
                entries = [one for one in reversed(above) if classes[one.name] in ("SASentry", "NXentry")]
                try:
                    groups.append(_group(group, entries, known, f"{where}, entry {group.name.strip('/')}"))
                except ReadError as error:
                    images += [group.name.strip("/")] if _is_image(group) else []
                    groups.append(Group(group.name.strip("/"), "", {}, "", "", _nothing, problem=str(error)))
                points += sum(values.size for values in groups[-1].columns.values())
                if points > MOST_IN_ALL:
                    raise ReadError(
                        f"{where}: claims more than {MOST_IN_ALL} numbers; at most as many are read; split it"
                    )
            curves = [group for group in groups if group.entry not in images]
            if curves and images:
                curves[0].warnings.append(f"two-dimensional data beside it not read: {', '.join(images)[:200]}")
            return curves or groups
    except (OSError, RuntimeError, LookupError, TypeError, ValueError, OverflowError, AttributeError) as error:
        # all of these h5py raises on damaged files
        reason = " ".join(str(error).split())[:200]
        raise ReadError(f"{where}: is a damaged HDF5 file ({reason}); copy or export it anew") from None
    except MemoryError:
        raise ReadError(f"{where}: is a damaged HDF5 file (claims too much memory); copy or export it anew") from None


def _is_image(group: h5py.Group) -> bool:
    signal = _find(group, _text(group.attrs.get("signal")) or "I")
    return signal is not None and signal.size > max(signal.shape, default=0)


def _data_groups(found: list[_Placed], classes: dict[str, str]) -> list[_Placed]:
    """Groups of class SASdata; where there is none, plain NXdata with a Q and an I."""
    named = [(group, above) for group, above in found if classes[group.name] == "SASdata"]
    if named:
        return named
    return [
        (group, above)
        for group, above in found
        if classes[group.name] == "NXdata" and _find(group, "Q") is not None and _find(group, "I") is not None
    ]


def _class(group: h5py.Group) -> str:
    return _text(group.attrs.get("canSAS_class")) or _text(group.attrs.get("NX_class"))


def _nothing(unit: str, good: Mask) -> list[Any]:
    raise ValueError(f"no data in {unit} for {good.size} points")


def _group(group: h5py.Group, entries: list[h5py.Group], known: dict[str, _Facts], where: str) -> Group:
    sources = _sources(group, where)
    warnings: list[str] = []
    for column, names in (
        ("sigma", _said_names(group, sources["intensity"], "I", _SIGMA)),
        ("dq", _dq_names(group, sources["q"])),
    ):
        for name in names:
            found = _find(group, name)
            if found is not None and found.size in (1, sources["q"].size):
                sources[column] = found
                break
        else:
            if names and (column == "dq" or _text(sources["intensity"].attrs.get("uncertainties"))):
                warnings.append(f"{column} not used: {', '.join(names)} is missing or not one number per q")
    slit = _find(group, "dQl")
    if slit is not None:
        check_size(slit, where)
        length = np.ravel(slit[()]).astype(np.float64)
        value = f" = {length[0]:.4g} {_text(slit.attrs.get('units'))}" if length.size else ""
        warnings.append(f"slit-smeared (dQl{value}): read as it is, not desmeared")
    columns = {}
    for column, dataset in sources.items():
        check_size(dataset, where)
        values = np.ravel(dataset[()]).astype(np.float64)
        columns[column] = np.full(sources["q"].size, values[0]) if values.size == 1 else values
    units = {column: _unit(dataset) for column, dataset in sources.items()}
    _convert(columns, units, warnings)
    facts = _facts(entries, known)
    title = _scalar(entries[0], "title") if entries else ""

    def load(unit: str, good: Mask) -> list[Any]:
        copy = io.BytesIO()
        with h5py.File(copy, "w") as file:
            own = file.create_group("entry")
            own.attrs["canSAS_class"] = "SASentry"
            own["title"] = title
            box = own.create_group("data")
            box.attrs.update({"canSAS_class": "SASdata", "signal": "I", "I_axes": "Q", "Q_indices": 0})
            for column, label in (("q", "Q"), ("intensity", "I"), ("sigma", "Idev"), ("dq", "Qdev")):
                if column in columns:
                    box[label] = columns[column][good]
                    box[label].attrs["units"] = unit if column in ("q", "dq") else "1/cm"
            box["I"].attrs["uncertainties"] = "Idev"
            box["Q"].attrs["resolutions"] = "Qdev"
            for kind, said in facts.items():
                own.create_group(kind.lower()).attrs["canSAS_class"] = kind
                for key, value in said.items():
                    own[kind.lower()][key] = value
        copy.seek(0)
        return Reader().read(Path("entry.h5"), file_handler=SimpleNamespace(fd=copy))

    radiation = tuple(facts.get("SASsource", {}).get(key, "") for key in ("probe", "radiation", "type"))
    samples = (*(facts.get("SASsample", {}).get(key, "") for key in ("name", "ID")), title)
    called = {column: dataset.name.rsplit("/", 1)[-1] for column, dataset in sources.items()}
    return Group(
        group.name.strip("/"),
        title,
        columns,
        units["q"],
        units["intensity"],
        load,
        called,
        warnings,
        radiation,
        samples,
    )


def _sources(group: h5py.Group, where: str) -> dict[str, h5py.Dataset]:
    """The data sets of q and intensity."""
    signal = _text(group.attrs.get("signal")) or "I"
    axes = _names(group.attrs.get("I_axes", group.attrs.get("axes"))) or ["Q"]
    indices = np.ravel(group.attrs.get("Q_indices", 0))
    index = int(indices[0]) if indices.size else 0
    axis = axes[index] if 0 <= index < len(axes) else axes[0]
    found = {
        "q": _find(group, axis) if _find(group, axis) is not None else _find(group, "Q"),
        "intensity": _find(group, signal) if _find(group, signal) is not None else _find(group, "I"),
    }
    sources: dict[str, h5py.Dataset] = {}
    for column, dataset in found.items():
        flat = dataset is not None and dataset.size == max(dataset.shape, default=0)
        if dataset is None or not flat or dataset.size != sources.get("q", dataset).size:
            shape = "no numbers" if dataset is None else f"numbers of shape {dataset.shape}"
            raise ReadError(f"{where}: {column} has {shape}; expected one number per q; export I(q) in one dimension")
        check_size(dataset, where)
        sources[column] = dataset
    return sources


def _said_names(group: h5py.Group, dataset: h5py.Dataset, symbol: str, usual: tuple[str, ...]) -> list[str]:
    """What attributes name beside a data set, else what usually stands there."""
    said = [dataset.attrs.get(key) for key in ("uncertainties", "uncertainty", "errors")]
    said += [group.attrs.get(f"{symbol}_{key}") for key in ("uncertainties", "uncertainty", "errors")]
    names = [name for one in said for name in _names(one)]
    return [*dict.fromkeys([*names, *(name for name in usual if _find(group, name) is not None)])]


def _dq_names(group: h5py.Group, q: h5py.Dataset) -> list[str]:
    names = _names(q.attrs.get("resolutions")) + _names(group.attrs.get("Q_resolutions"))
    names += _said_names(group, q, "Q", _DQ)
    return [name for name in dict.fromkeys(names) if name != "dQl"]  # a slit's length is no resolution in q


def _unit(dataset: h5py.Dataset) -> str:
    return _text(dataset.attrs.get("units", dataset.attrs.get("unit")))


def _convert(columns: dict[str, Curve], units: dict[str, str], warnings: list[str]) -> None:
    """Bring sigma and dq to the units of intensity and q, where they say one of their own."""
    if "sigma" in columns and units["sigma"] != units["intensity"]:
        own, kind, _ = parse_intensity_unit(units["sigma"])
        other, other_kind, _ = parse_intensity_unit(units["intensity"])
        if units["sigma"] and kind == other_kind == "1/cm":
            columns["sigma"] = columns["sigma"] * (own / other)
        elif units["sigma"]:
            warnings.append(
                f"sigma in {units['sigma']!r} taken as in the unit of the intensity, {units['intensity']!r}"
            )
    if "dq" in columns and units["dq"] != units["q"]:
        spread, q = find_q_unit(units["dq"]), find_q_unit(units["q"])
        if spread is not None and q is not None:
            columns["dq"] = columns["dq"] * (spread.inv_angstrom / q.inv_angstrom)


def _find(group: h5py.Group, name: str) -> h5py.Dataset | None:
    """A data set of plain numbers, by its name in any case; nothing outside the group."""
    if not name or "/" in name or name == ".":
        return None
    key = name if name in group else next((one for one in group if one.lower() == name.lower()), None)
    found = None if key is None else group.get(key)
    return found if isinstance(found, h5py.Dataset) and found.dtype.kind in "fiu" and found.shape is not None else None


def _facts(entries: list[h5py.Group], known: dict[str, _Facts]) -> _Facts:
    """What the entry says of source and sample, or the entry around it where it says nothing."""
    facts: _Facts = {}
    for entry in entries:
        for kind, said in known.get(entry.name, {}).items():
            facts[kind] = facts.get(kind) or said
    return facts


def _all_facts(found: list[_Placed], classes: dict[str, str]) -> dict[str, _Facts]:
    """What each group holds of sources and samples, at any depth."""
    known: dict[str, _Facts] = {}
    for group, above in found:
        for kind, nexus, names in _FACTS:
            if classes[group.name] in (kind, nexus):
                said = {name: value for name in names if (value := _scalar(group, name))}
                for entry in above:
                    own = known.setdefault(entry.name, {}).setdefault(kind, {})
                    own |= {name: value for name, value in said.items() if name not in own}
    return known


def _scalar(group: h5py.Group, name: str) -> str:
    found = group.get(name)
    if not isinstance(found, h5py.Dataset) or found.size != 1:
        return ""
    check_size(found, found.name)
    return _text(found[()])[:1000]


def _names(value: Any) -> list[str]:
    """Names in an attribute: one text with commas or a list of texts."""
    return [] if value is None else [name for name in re.split(r"[,\s]+", _text(value)) if name]


def _text(value: Any) -> str:
    if value is None:
        return ""
    parts = [part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part) for part in np.ravel(value)]
    return ",".join(parts).strip()
