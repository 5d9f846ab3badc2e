"""Files that belong to another user: who may not read what, and the command that mends it."""

import os
import shlex
import stat
from contextlib import suppress
from pathlib import Path

from pairvae.errors import UserError


def unreadable(path: Path) -> UserError:
    """Explain why this user may not read a file or a folder.

    Parameters
    ----------
    path : Path
        What the operating system refused with `PermissionError`.

    Returns
    -------
    UserError
        Names the user, the folder on the way to `path` that is closed (or `path` itself), its owner and mode, and
        what the owner has to type.
    """
    closed = next((folder for folder in reversed(path.absolute().parents) if not _is_open(folder)), path)
    facts = closed.stat()
    owner, right = _name(facts.st_uid), "a+rx" if stat.S_ISDIR(facts.st_mode) else "a+r"
    what = "it" if closed == path else str(closed)
    return UserError(
        f"{path}: cannot be read by user {_name(os.geteuid())}: {what} belongs to {owner} and has mode "
        f"{stat.S_IMODE(facts.st_mode):03o}; {owner} can open it with `chmod {right} {shlex.quote(str(closed))}`"
    )


def _is_open(folder: Path) -> bool:
    try:
        os.stat(f"{folder}/.")  # looks into the folder, which `stat` of the folder itself does not
    except PermissionError:
        return False
    return True


def _name(user: int) -> str:
    with suppress(ImportError, KeyError):  # Windows; a user whom nobody entered, as in a container
        import pwd

        return pwd.getpwuid(user).pw_name
    return str(user)
