"""The files that a person names: one by one, by pattern, or by folder.

Python's `glob` alone does not replace this: it silently skips a folder that cannot be read.
"""

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pairvae.errors import UserError


@dataclass(frozen=True)
class NamedFile:
    """A file to read.

    Parameters
    ----------
    name : str
        As given, or as found below the folder or by the pattern that was given.
    problem : str
        Why nothing of this name can be read; empty: it may be tried.
    in_folder : bool
        Whether it was found below a folder that was given: then it may be no curve at all.
    """

    name: str
    problem: str = ""
    in_folder: bool = False


def named_files(given: Sequence[str]) -> Iterator[NamedFile]:
    """List the files behind names, patterns with * ? [ ] (** for any depth) and folders, each once.

    Folders are searched with all that is below them, in the order of the names; names with a dot in front are
    left out, as are links to folders.
    """
    seen: set[str] = set()
    for name in given:
        for found in _behind(name):
            if found.name not in seen:
                seen.add(found.name)
                yield found


def below(folder: Path) -> Iterator[Path]:
    """Files below a folder in the order of their names, without those that begin with a dot.

    Raises
    ------
    UserError
        A folder cannot be read: its files would be missing without a word.
    """
    for root, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        for file in sorted(files):
            path = Path(root) / file
            if not file.startswith(".") and path.is_file():  # no pipes or devices, which may never end
                yield path


def _refuse(error: OSError) -> None:
    raise UserError(f"{error.filename}: cannot be read ({error.strerror}); check its permissions") from None


def _behind(name: str) -> Iterator[NamedFile]:
    if os.path.lexists(name) or not glob.has_magic(name):  # an existing "run[1].dat" is no pattern
        yield from _file_or_folder(name)
        return
    matches = sorted(glob.iglob(name, recursive=True))
    for match in matches:
        if not os.path.isdir(match) or "**" not in name:  # ** lists what is below by itself
            yield from _file_or_folder(match)
    if not matches:
        yield NamedFile(name, f"{name}: matches no file; expected a pattern of existing files; mend the pattern")


def _file_or_folder(name: str) -> Iterator[NamedFile]:
    if os.path.isfile(name) or not os.path.exists(name):
        yield NamedFile(name)  # the reader says what is wrong with one that does not exist
        return
    if not os.path.isdir(name):
        yield NamedFile(name, f"{name}: is a pipe or a device; expected a file; save what it gives as a file")
        return
    empty = True
    for path in below(Path(name)):
        empty = False
        yield NamedFile(str(path), in_folder=True)
    if empty:
        yield NamedFile(name, f"{name}: is a folder without files; expected scattering curves in it; mend the path")
