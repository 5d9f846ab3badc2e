"""Names of the techniques, of the paths between them and of the splits.

Imports no numpy: the workflow reads samples.csv before anything is installed.
"""

from typing import Literal, cast, get_args

Technique = Literal["saxs", "sans"]
TECHNIQUES: tuple[Technique, ...] = get_args(Technique)

# target_from_source, the name of a path in settings, losses, logs, metrics and reports
PathName = Literal["saxs_from_saxs", "sans_from_sans", "sans_from_saxs", "saxs_from_sans"]
PATHS: tuple[str, ...] = get_args(PathName)
SELF_PATHS, CROSS_PATHS = PATHS[:2], PATHS[2:]

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)


def technique_fault(name: str, value: object) -> str:
    """What is wrong with a technique as a caller gives it, empty where nothing is.

    Parameters
    ----------
    name : str
        The argument, for the sentence.
    """
    if value in TECHNIQUES:
        return ""
    near = value.strip().lower() if isinstance(value, str) else ""
    return f"{name} is {value!r}; expected 'saxs' or 'sans'" + (f"; pass {near!r}" if near in TECHNIQUES else "")


def other(technique: Technique) -> Technique:
    """The partner's technique."""
    return "sans" if technique == "saxs" else "saxs"


def ends(path: str) -> tuple[Technique, Technique]:
    """Target and source of a path: `sans_from_saxs` gives ("sans", "saxs")."""
    target, source = path.split("_from_")
    return cast(Technique, target), cast(Technique, source)
