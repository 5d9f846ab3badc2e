"""The SASdata groups of a file, whatever its format, and which of them a caller or the file itself chooses."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from pairvae.errors import ReadError
from pairvae.scattering.spectrum import Curve

Mask = npt.NDArray[np.bool_]
MOST_GROUPS = 2000


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
    q_unit, intensity_unit, sigma_unit, dq_unit : str
        Units as written, empty where there is none.
    load : callable
        Given a unit of q and a mask of points: let sasdata read a copy with these points, return its data
        sets.
    resolution : str
        What the file says of the width and shape that "dq" describes.
    says_fwhm : bool
        Whether a note in the file says that the resolution is a full width at half maximum.
    names : dict of str
        What the columns are called in the file.
    notes, warnings : list of str
        What was done to the numbers; what was left out or is worth a look.
    masked : int
        Points that the file masks, not in `columns`.
    radiation : tuple of str
        What the file says of its source.
    samples : tuple of str
        Names of the sample, the best first.
    problem : str
        Why it cannot be read; empty where it can.
    default : bool
        Whether the file's `default` attributes choose it.
    """

    entry: str
    title: str
    columns: dict[str, Curve]
    q_unit: str
    intensity_unit: str
    load: Callable[[str, Mask], list[Any]]
    sigma_unit: str = ""
    dq_unit: str = ""
    resolution: str = ""
    says_fwhm: bool = False
    names: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    masked: int = 0
    radiation: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()
    problem: str = ""
    default: bool = False


def groups_of_entry(groups: list[Group], entry: str, where: str) -> list[Group]:
    """Choose the groups that a caller names: by their name, the beginning or the end of it, or their title.

    Parameters
    ----------
    groups : list of Group
        All groups of the file.
    entry : str
        Text that the caller named.
    where : str
        File, for the message.

    Raises
    ------
    ReadError
        There is no such entry; the sentence lists those there are.
    """
    name = entry.strip("/")
    exact = [group for group in groups if group.entry == name]
    if exact:
        return exact
    chosen = [
        group
        for group in groups
        if entry == group.title or group.entry.startswith(f"{name}/") or group.entry.endswith(f"/{name}")
    ]
    if not chosen:
        names = shortened([repr(group.entry) for group in groups])
        raise ReadError(f"{where}: has no entry {entry!r}; it holds {names}; name one of these")
    return chosen


def default_group(groups: list[Group]) -> list[Group]:
    """Choose the group that the file calls its default, with a word on the others; all where it calls none so."""
    default = [group for group in groups if group.default]
    if len(default) != 1:
        return default or groups
    others = shortened([repr(group.entry) for group in groups if not group.default])
    default[0].warnings.append(
        f"{default[0].entry!r} read, the default of the file, which also holds {others}; say another as --entry "
        "(Python: entry=…; samples.csv: column saxs_entry or sans_entry)"
    )
    return default


def shortened(names: Sequence[str], most: int = 10) -> str:
    """Names with commas, the first of them where there are many."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
