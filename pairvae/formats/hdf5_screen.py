"""HDF5 files of strangers: walked once before a number is read, so that nothing in them can do harm."""

from collections.abc import Iterator
from math import prod
from typing import Any

import h5py

from pairvae.errors import ReadError

MOST_POINTS = 5_000_000  # per data set; no reduced curve has more, but a small file may claim to
MOST_BYTES = 256 * 1024**2  # per data set, or chunk of one, in memory
MOST_OBJECTS = 100_000
DEEPEST = 32


def screened_groups(file: h5py.File, where: str) -> list[tuple[h5py.Group, tuple[h5py.Group, ...]]]:
    """List all groups, each with the groups it lies in, outermost first.

    Parameters
    ----------
    file : h5py.File
        Open for reading.
    where : str
        The file's name, for messages.

    Raises
    ------
    ReadError
        Anything in the file reaches into other files, or there are too many things in it.
    """
    found = []
    seen: set[Any] = set()
    waiting: list[tuple[h5py.Group, tuple[h5py.Group, ...]]] = [(file["/"], ())]
    while waiting:
        group, above = waiting.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in seen:
            continue
        seen.add(address)
        found.append((group, above))
        inner = []
        for child in _children(group, where, seen):
            if len(above) >= DEEPEST:
                raise ReadError(f"{where}: its groups lie more than {DEEPEST} deep; export the reduced curve alone")
            inner.append((child, (*above, group)))
        waiting += reversed(inner)  # in the file's order
    return found


def _children(group: h5py.Group, where: str, seen: set[Any]) -> Iterator[h5py.Group]:
    for key in group:
        if len(seen) > MOST_OBJECTS:
            raise ReadError(f"{where}: holds more than {MOST_OBJECTS} objects; export the reduced curve alone")
        link = group.get(key, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            raise ReadError(
                f"{where}: {group.name}/{key} links to another file ({link.filename}), which is never "
                "followed; write the reduced curve into a file without external links"
            )
        if not isinstance(link, h5py.HardLink):
            continue  # a second name of something in this file
        child = group[key]
        if isinstance(child, h5py.Group):
            yield child
            continue
        seen.add((group.name, key))
        if isinstance(child, h5py.Dataset) and (child.external or child.is_virtual):
            raise ReadError(
                f"{where}: {child.name} keeps its numbers in another file, which is never followed; "
                "write the reduced curve into a file of its own"
            )


def check_size(dataset: h5py.Dataset, where: str) -> None:
    """Refuse what would take too much memory, before any of it is taken.

    Raises
    ------
    ReadError
        Too many points, or a point or a chunk of absurd size.
    """
    size = prod(dataset.shape or (1,))
    if size > MOST_POINTS:
        raise ReadError(f"{where}: claims {size} points; at most {MOST_POINTS} are read; rebin the curve")
    chunk = prod(dataset.chunks) if dataset.chunks else 0
    claimed = max(size, chunk) * dataset.dtype.itemsize
    if claimed > MOST_BYTES:
        raise ReadError(
            f"{where}: {dataset.name} claims {claimed / 1024**2:.0f} MB; at most {MOST_BYTES // 1024**2} are taken; "
            "write the reduced curve anew"
        )
