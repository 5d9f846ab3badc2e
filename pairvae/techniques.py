"""The techniques by name. Imports no numpy: the workflow reads samples.csv before anything is installed."""

from typing import Literal, get_args

Technique = Literal["saxs", "sans"]
TECHNIQUES: tuple[Technique, ...] = get_args(Technique)


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
