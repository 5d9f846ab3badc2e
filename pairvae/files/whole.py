"""Files that are whole or absent.

No library replaces this: atomicwrites is archived, and replaces files but not folders.
"""

import errno
import os
import re
import secrets
import shutil
import socket
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path

from pairvae.errors import UserError

_MEND = {
    errno.ENOSPC: "free space on this disk or write to another one, and start again",
    errno.EDQUOT: "free space within your quota or write elsewhere, and start again",
    errno.EROFS: "make it writable or write elsewhere, and start again",
    errno.EACCES: "give yourself the right to write there or write elsewhere, and start again",
    errno.EISDIR: "a folder lies there, which no file replaces; name a file, and start again",
    errno.ENOTDIR: "a file stands where a folder should be; write elsewhere, and start again",
    errno.EEXIST: "a file stands where a folder should be; write elsewhere, and start again",
    errno.ENAMETOOLONG: "give it a shorter name, and start again",
}

_HERE = f"{zlib.crc32(socket.gethostname().encode()):08x}"  # short: a file's name has at most 255 characters


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Lend a temporary name beside `path`; what was written there takes its place when the block ends well.

    The block may create a file or a folder under the temporary name. On any error it is removed and `path`
    stays as it was. The name is used once: two processes that write the same file, even on two computers,
    do not meet, and the last one to end is the one whose file stays. What a killed process of this computer left
    behind in the folder is removed. A file that takes the place of another keeps its permissions; new files and folders
    have those that the umask gives.

    Yields
    ------
    Path
        Name to write to: in the same folder (a rename never crosses file systems), with the same ending.

    Raises
    ------
    UserError
        The disk is full, the folder may not be written to, there is a folder where a file is to stand (or a file
        where a folder is), or a full folder has no file in common with what would take its place.
    """
    temporary = path.with_name(f".{_HERE}.{os.getpid()}.{secrets.token_hex(4)}.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_left_behind(path.parent)
        yield temporary
        _to_disk(temporary)
        _keep_permissions(path, temporary)
        _rename(temporary, path)
    except Exception as error:
        reason = _refusal(error)
        if reason is None:
            raise
        raise UserError(f"{path}: cannot be written ({os.strerror(reason)}); {_MEND[reason]}") from error
    finally:
        _remove(temporary)


@lru_cache  # a folder with many files is looked through once, not for each of them
def _remove_left_behind(folder: Path) -> None:
    own = re.compile(rf"\.{_HERE}\.(\d+)\.[0-9a-f]{{8}}\.")
    for path in folder.iterdir():
        found = own.match(path.name)
        if found and not _is_alive(int(found[1])):
            _remove(path)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # another user's
        return True
    return True


def _to_disk(written: Path) -> None:
    """What a network file system or a crash would still lose is on disk, or an error, before the rename."""
    files = [path for path in written.rglob("*") if path.is_file()] if written.is_dir() else [written]
    for file in files:
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _keep_permissions(path: Path, temporary: Path) -> None:
    if path.is_file() and temporary.is_file():
        with suppress(OSError):  # some network file systems refuse to change them
            temporary.chmod(stat.S_IMODE(path.stat().st_mode))


def _rename(temporary: Path, path: Path) -> None:
    while True:
        try:
            temporary.replace(path)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
        # a folder does not replace a full folder: the old one steps aside, which another process may have done already
        aside = temporary.with_name(f"{temporary.name}.old")
        try:
            here, new = ({one.name for one in folder.iterdir()} for folder in (path, temporary))
            here.discard(".snakemake_timestamp")  # Snakemake's own mark in folders that earlier versions wrote
            if here and not here & new:  # empty: another process is removing what it put aside
                raise UserError(f"{path}: other files lie in this folder, and would be lost; name another folder")
            path.replace(aside)
        except FileNotFoundError:
            continue
        _remove(aside)


def _remove(temporary: Path) -> None:
    if temporary.is_dir():
        shutil.rmtree(temporary)
    elif temporary.exists():  # a file system that is read-only refuses to remove even what is not there
        temporary.unlink()


def _refusal(error: BaseException | None) -> int | None:
    """Number of the operating system's refusal behind an error; HDF5 and safetensors tell it by its words alone."""
    while error is not None:
        for number in _MEND:
            if getattr(error, "errno", None) == number or os.strerror(number) in str(error):
                return number
        error = error.__cause__ or error.__context__
    return None
