"""The SASdata groups of an NXcanSAS file."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
from sasdata.dataloader.readers.cansas_reader_HDF5 import Reader

from pairvae.errors import ReadError
from pairvae.scattering.read_sasdata import MOST_POINTS, Group, Mask

_FACTS = {"SASsource": ("probe", "radiation", "type"), "SASsample": ("name", "ID")}


def nxcansas_groups(data: bytes, where: str) -> list[Group]:
    """List the one-dimensional SASdata groups.

    Raises
    ------
    ReadError
        The file is damaged, reaches into other files, or a group holds no I(q).
    """
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            return [_group(group, entry, where) for group, entry in _sasdata(file, None, where, set())]
    except (OSError, RuntimeError, LookupError, TypeError, ValueError, OverflowError) as error:
        # all of these h5py raises on damaged files
        raise ReadError(f"{where}: is a damaged HDF5 file ({error}); copy or export it anew") from None


def _sasdata(parent: h5py.Group, entry: h5py.Group | None, where: str, seen: set[Any]) -> Iterator[tuple[Any, Any]]:
    for key in parent:
        link = parent.get(key, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            raise ReadError(
                f"{where}: {parent.name}/{key} links to another file ({link.filename}), which is never "
                "followed; write the reduced curve into a file without external links"
            )
        if isinstance(link, h5py.SoftLink):
            continue  # a second name of something in this file
        child = parent[key]
        if isinstance(child, h5py.Dataset):
            if child.external or child.is_virtual:
                raise ReadError(
                    f"{where}: {child.name} keeps its numbers in another file, which is never followed; "
                    "write the reduced curve into a file of its own"
                )
            continue
        address = h5py.h5o.get_info(child.id).addr
        if not isinstance(child, h5py.Group) or address in seen:
            continue
        seen.add(address)
        kind = _text(child.attrs.get("canSAS_class"))
        if kind == "SASdata":
            yield child, entry
        else:
            yield from _sasdata(child, child if kind == "SASentry" else entry, where, seen)


def _group(group: h5py.Group, entry: h5py.Group | None, where: str) -> Group:
    name = group.name.strip("/")
    signal = _text(group.attrs.get("signal")) or "I"
    axes = _names(group.attrs.get("I_axes", group.attrs.get("axes"))) or ["Q"]
    index = int(np.ravel(group.attrs.get("Q_indices", 0))[0])
    axis = axes[index] if index < len(axes) else axes[0]
    sources: dict[str, Any] = {"q": _dataset(group, axis), "intensity": _dataset(group, signal)}
    for column, dataset in sources.items():
        if dataset is None or dataset.ndim != 1 or dataset.shape != sources["q"].shape:
            shape = "no numbers" if dataset is None else f"numbers of shape {dataset.shape}"
            raise ReadError(
                f"{where}, entry {name}: {column} has {shape}; expected one number per q; export I(q) in one dimension"
            )
    if sources["q"].size > MOST_POINTS:
        raise ReadError(
            f"{where}, entry {name}: claims {sources['q'].size} points; at most {MOST_POINTS} are read; rebin it"
        )
    notes = []
    errors = _names(sources["intensity"].attrs.get("uncertainties", sources["intensity"].attrs.get("uncertainty")))
    spreads = _names(sources["q"].attrs.get("resolutions"))
    for column, names in (("sigma", errors), ("dq", spreads)):
        found = [_dataset(group, one) for one in names]
        if len(found) == 1 and found[0] is not None and found[0].shape == sources["q"].shape:
            sources[column] = found[0]
        elif any(one is not None for one in found):
            notes.append(f"{column} not used: {', '.join(names)} is not one number per q")
    facts = {
        kind: {key: value for owner in _owners(entry, kind) for key in names if (value := _scalar(owner, key))}
        for kind, names in _FACTS.items()
    }
    title = _scalar(entry, "title") if entry is not None else ""
    columns = {column: dataset[()].astype(np.float64) for column, dataset in sources.items()}

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

    units = [_text(sources[one].attrs.get("units", sources[one].attrs.get("unit"))) for one in ("q", "intensity")]
    return Group(name, title, columns, units[0], units[1], load, notes)


def _dataset(group: h5py.Group, name: str) -> h5py.Dataset | None:
    found = group.get(name)
    return found if isinstance(found, h5py.Dataset) and found.dtype.kind in "fiu" else None


def _owners(entry: h5py.Group | None, kind: str) -> list[h5py.Group]:
    found: list[h5py.Group] = []
    if entry is not None:
        entry.visititems(
            lambda _, item: (
                found.append(item)
                if isinstance(item, h5py.Group) and _text(item.attrs.get("canSAS_class")) == kind
                else None
            )
        )
    return found


def _scalar(group: h5py.Group, name: str) -> str:
    found = group.get(name)
    if not isinstance(found, h5py.Dataset) or found.size != 1:
        return ""
    return _text(found[()])


def _names(value: Any) -> list[str]:
    """Names in an attribute: one text with commas or a list of texts."""
    return [] if value is None else [name for name in re.split(r"[,\s]+", _text(value)) if name]


def _text(value: Any) -> str:
    if value is None:
        return ""
    parts = [part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part) for part in np.ravel(value)]
    return ",".join(parts).strip()
