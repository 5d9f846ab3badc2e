"""How far a long task is, for a person who watches."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import track

Item = TypeVar("Item")


def tracked(items: Iterable[Item], title: str, total: int) -> Iterator[Item]:
    """Hand items on, with a progress bar on stderr where that is a terminal.

    Parameters
    ----------
    title : str
        What is done.
    total : int
        Number of items.
    """
    yield from track(items, title, total=total, console=Console(stderr=True), disable=not sys.stderr.isatty())
