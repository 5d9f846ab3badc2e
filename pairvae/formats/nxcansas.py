"""The curves of a NeXus file: the SASdata groups of NXcanSAS, or plain NXdata over q as DAWN and pyFAI write it."""

import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
from sasdata.dataloader.readers.cansas_reader_HDF5 import Reader

from pairvae.errors import ReadError
from pairvae.formats.hdf5_screen import check_size, screened_groups
from pairvae.formats.nexus_axes import DataGroup, NotACurve, class_of, text_of
from pairvae.formats.nexus_data import NexusCurve, nexus_curves
from pairvae.formats.sasdata_groups import MOST_GROUPS, Group, Mask
from pairvae.formats.uncertainty_units import says_fwhm

_FACTS = (
    ("SASsource", "NXsource", ("probe", "radiation", "type")),
    ("SASsample", "NXsample", ("name", "ID")),
    ("SASnote", "", ("SASnote", "note", "description", "data")),
)
_ENTRIES = ("SASentry", "NXentry", "NXsubentry")
_Placed = tuple[h5py.Group, tuple[h5py.Group, ...]]
_Facts = dict[str, dict[str, str]]
MOST_IN_ALL = 20_000_000  # numbers in one file


def nxcansas_groups(data: bytes, where: str) -> list[Group]:
    """List the curves of a file, each frame of a series by itself.

    Raises
    ------
    ReadError
        The file is damaged, reaches into other files, holds absurd amounts, or no curve.
    """
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            return _groups(file, where)
    except (OSError, RuntimeError, LookupError, TypeError, ValueError, OverflowError, AttributeError) as error:
        # all of these h5py raises on damaged files
        reason = " ".join(str(error).split())[:200]
        raise ReadError(f"{where}: is a damaged HDF5 file ({reason}); copy or export it anew") from None
    except MemoryError:
        raise ReadError(f"{where}: is a damaged HDF5 file (claims too much memory); copy or export it anew") from None


def _groups(file: h5py.File, where: str) -> list[Group]:
    placed = screened_groups(file, where)
    classes = {group.name: class_of(group) for group, _ in placed}
    facts = _all_facts(placed, classes)
    default = _default(placed, classes)
    sasdata = [(group, above) for group, above in placed if classes[group.name] == "SASdata"]
    chosen = sasdata or [
        (group, above) for group, above in placed if classes[group.name] == "NXdata" and _plots_curve_or_image(group)
    ]
    if len(chosen) > MOST_GROUPS:
        raise ReadError(f"{where}: holds {len(chosen)} curves; at most {MOST_GROUPS} are read; split the file")
    curves: list[Group] = []
    refused: list[tuple[str, NotACurve]] = []
    numbers = 0
    for group, above in chosen:
        name = group.name.strip("/")
        entries = [entry for entry in reversed(above) if classes[entry.name] in _ENTRIES]
        try:
            series = nexus_curves(DataGroup(group), f"{where}, entry {name}")
        except ReadError as error:
            if isinstance(error, NotACurve) and (error.image or not sasdata):
                refused.append((name, error))
            else:
                curves.append(_unreadable(name, error))
            continue
        own_facts = _facts(entries, facts)
        title = _scalar(entries[0], "title") if entries else ""
        for curve in series:
            curves.append(_group(name, title, curve, own_facts, default))
            numbers += sum(values.size for values in curve.columns.values())
        if numbers > MOST_IN_ALL:
            raise ReadError(f"{where}: claims more than {MOST_IN_ALL} numbers; at most as many are read; split it")
        if len(curves) > MOST_GROUPS:
            raise ReadError(f"{where}: holds more than {MOST_GROUPS} curves; at most as many are read; split the file")
    return _without_images(curves, refused)


def _without_images(curves: list[Group], refused: list[tuple[str, NotACurve]]) -> list[Group]:
    """The curves, with a word on images beside them; one sentence where there is no curve at all."""
    images = [name for name, error in refused if error.image]
    if curves:
        if images:
            curves[0].warnings.append(f"two-dimensional data beside it not read: {', '.join(images)[:200]}")
        return curves
    if not refused:
        return []
    name, error = next(((name, error) for name, error in refused if name not in images), refused[0])
    others = [other for other, _ in refused if other != name]
    if others:
        beside = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
        raise ReadError(f"{error}; no I(q) in {beside} either", name)
    return [_unreadable(name, error)]


def _plots_curve_or_image(group: h5py.Group) -> bool:
    """Whether an NXdata group plots more than one number, over axes or as an image."""
    data = DataGroup(group)
    signal = data.signal
    if signal is None or signal.size < 2:
        return False
    return signal.ndim > 1 or bool(data.axes) or data.dataset("Q") is not None


def _unreadable(name: str, error: ReadError) -> Group:
    return Group(name, "", {}, "", "", _nothing, problem=str(error))


def _group(name: str, title: str, curve: NexusCurve, facts: _Facts, default: str | None) -> Group:
    source, sample = facts.get("SASsource", {}), facts.get("SASsample", {})
    return Group(
        entry=f"{name}/{curve.frame}" if curve.frame else name,
        title=title,
        columns=curve.columns,
        q_unit=curve.units["q"],
        intensity_unit=curve.units["intensity"],
        load=_loader(title, curve, facts),
        sigma_unit=curve.units.get("sigma", ""),
        dq_unit=curve.units.get("dq", ""),
        resolution=curve.resolution,
        says_fwhm=any(says_fwhm(text) for text in facts.get("SASnote", {}).values()),
        names=curve.names,
        notes=curve.notes,
        warnings=curve.warnings,
        masked=curve.masked,
        radiation=tuple(source.get(key, "") for key in ("probe", "radiation", "type")),
        samples=(*(sample.get(key, "") for key in ("name", "ID")), title),
        problem=curve.problem,
        default=default is not None and f"{name}/".startswith(f"{default.strip('/')}/"),
    )


def _loader(title: str, curve: NexusCurve, facts: _Facts) -> Callable[[str, Mask], list[Any]]:
    """Let sasdata read a curve, from a copy with its usable points alone."""

    def load(unit: str, good: Mask) -> list[Any]:
        copy = io.BytesIO()
        with h5py.File(copy, "w") as file:
            own = file.create_group("entry")
            own.attrs["canSAS_class"] = "SASentry"
            own["title"] = title
            box = own.create_group("data")
            box.attrs.update({"canSAS_class": "SASdata", "signal": "I", "I_axes": "Q", "Q_indices": 0})
            for column, label in (("q", "Q"), ("intensity", "I"), ("sigma", "Idev"), ("dq", "Qdev")):
                if column in curve.columns:
                    box[label] = curve.columns[column][good]
                    box[label].attrs["units"] = unit if column in ("q", "dq") else "1/cm"
            box["I"].attrs["uncertainties"] = "Idev"
            box["Q"].attrs["resolutions"] = "Qdev"
            for kind in ("SASsource", "SASsample"):
                for key, value in facts.get(kind, {}).items():
                    part = own.require_group(kind.lower())
                    part.attrs["canSAS_class"] = kind
                    part[key] = value
        copy.seek(0)
        entries: list[Any] = Reader().read(Path("entry.h5"), file_handler=SimpleNamespace(fd=copy))
        return entries

    return load


def _nothing(unit: str, good: Mask) -> list[Any]:
    raise ValueError(f"no data in {unit} for {good.size} points")


def _default(placed: list[_Placed], classes: dict[str, str]) -> str | None:
    """The group at the end of the chain of `default` attributes; None where no attribute chooses one."""
    groups = [group for group, _ in placed]
    group = groups[0]
    entries = [own for own, above in placed if len(above) == 1 and classes[own.name] in _ENTRIES]
    if not text_of(group.attrs.get("default")) and len(entries) == 1:
        group = entries[0]
    passed: list[h5py.Group] = []
    while name := text_of(group.attrs.get("default")):
        target = group.get(name)
        chosen = next((own for own in groups if own == target), None)  # under its own name, whatever link led there
        if chosen is None or chosen in passed:
            break
        passed.append(chosen)
        group = chosen
    return passed[-1].name if passed else None


def _facts(entries: list[h5py.Group], facts: dict[str, _Facts]) -> _Facts:
    """What the entry says of source and sample, or the entry around it where it says nothing."""
    own: _Facts = {}
    for entry in entries:
        for kind, said in facts.get(entry.name, {}).items():
            own[kind] = own.get(kind) or said
    return own


def _all_facts(placed: list[_Placed], classes: dict[str, str]) -> dict[str, _Facts]:
    """What each group holds of sources, samples and notes, at any depth."""
    facts: dict[str, _Facts] = {}
    for group, above in placed:
        for kind, nexus, names in _FACTS:
            if classes[group.name] in (kind, nexus or kind):
                said = {name: value for name in names if (value := _scalar(group, name))}
                for entry in above:
                    own = facts.setdefault(entry.name, {}).setdefault(kind, {})
                    own |= {name: value for name, value in said.items() if name not in own}
    return facts


def _scalar(group: h5py.Group, name: str) -> str:
    dataset = group.get(name)
    if not isinstance(dataset, h5py.Dataset) or dataset.size != 1:
        return ""
    check_size(dataset, dataset.name)
    return text_of(dataset[()])[:1000]
