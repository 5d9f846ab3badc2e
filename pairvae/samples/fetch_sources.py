"""Measured curves from public sources: downloaded from a table, and kept only where their checksum is right."""

import csv
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from pairvae.errors import UserError
from pairvae.files.checksum import sha256
from pairvae.files.whole import written_whole

COLUMNS = ("file", "sample", "technique", "url", "sha256", "licence", "citation")
SCHEMES = ("https", "http", "file")
MOST_BYTES = 200 * 1024**2
PIECE = 1024**2  # bytes held in memory
SECONDS = 60  # without an answer
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class PublicFile:
    """A measured file that somebody has published.

    Parameters
    ----------
    row : int
        Row of the table; the header is row 1.
    file : str
        Where to put it, relative to the table.
    url : str
        Where it lies.
    sha256 : str
        Checksum of its content, hexadecimal.
    """

    row: int
    file: str
    url: str
    sha256: str


def fetch_sources(table: Path) -> None:
    """Download the files that a table of sources names into its folder.

    A file that is there with the right checksum stays. Each file is written whole, after its checksum was found right.
    Files that could be fetched stay where others fail.

    Parameters
    ----------
    table : Path
        CSV with `COLUMNS`.

    Raises
    ------
    UserError
        The table is wrong, or files could not be fetched: a line for each.
    """
    failed = []
    for source in read_sources(table):
        try:
            done = _fetch(source, table.parent / source.file)
        except UserError as error:
            failed.append(f"{table}, row {source.row} ({source.file}): {error}")
        else:
            print(f"fetch: {source.file} {done}", flush=True)
    if failed:
        raise UserError("\n".join(failed))


def read_sources(table: Path) -> list[PublicFile]:
    """Read a table of sources.

    Raises
    ------
    UserError
        It cannot be read, lacks a column or a cell, or a row names a path outside its folder, an address that is not
        known, or a checksum that is none: a line for each fault.
    """
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{table}: cannot be read ({error}); name a table of sources in UTF-8") from None
    if missing := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
        raise UserError(f"{table}: has no column {', '.join(missing)}; expected {', '.join(COLUMNS)}")
    faults = [f"{table}, row {number}: {fault}" for number, row in enumerate(rows, 2) for fault in _faults(row)]
    names = [row["file"] for row in rows]
    faults += [
        f"{table}, row {number}: file {name} stands in an earlier row, too; remove one of them"
        for number, name in enumerate(names, 2)
        if name in names[: number - 2]
    ]
    if faults:
        raise UserError("\n".join(faults))
    return [PublicFile(n, row["file"], row["url"], row["sha256"].lower()) for n, row in enumerate(rows, 2)]


def _faults(row: dict[str, str]) -> Iterator[str]:
    empty = [name for name in COLUMNS if not (row[name] or "").strip()]
    if empty:
        yield f"{', '.join(empty)} is empty; expected a value in every cell"
        return
    path = PurePosixPath(row["file"])
    if path.is_absolute() or ".." in path.parts or "\\" in row["file"]:
        yield f"file is {row['file']!r}; expected a path below the folder of the table, with / between"
    if urlsplit(row["url"]).scheme not in SCHEMES:
        yield f"url is {row['url'][:80]!r}; expected an address that begins with https://, http:// or file://"
    if not _DIGEST.fullmatch(row["sha256"].lower()):
        yield f"sha256 is {row['sha256'][:80]!r}; expected 64 hexadecimal digits, as sha256sum prints them"


def _fetch(source: PublicFile, path: Path) -> str:
    """Put one file in its place; what was done."""
    if path.exists():
        if path.is_file() and sha256(path) == source.sha256:
            return "is there"
        raise UserError(f"{path} is there with another content; expected sha256 {source.sha256}; move it away")
    try:
        with urlopen(source.url, timeout=SECONDS) as answer, written_whole(path) as temporary:
            found = hashlib.sha256()
            with temporary.open("wb") as file:
                while piece := answer.read(PIECE):
                    found.update(piece)
                    file.write(piece)
                    if file.tell() > MOST_BYTES:
                        raise UserError(f"{source.url} is longer than {MOST_BYTES // 1024**2} MB; name another file")
            if found.hexdigest() != source.sha256:
                raise UserError(
                    f"{source.url} has sha256 {found.hexdigest()}; expected {source.sha256}; the file was changed at "
                    "its source: look at it, and mend the row"
                )
    except (URLError, TimeoutError, ConnectionError) as error:
        reason = getattr(error, "reason", error)
        raise UserError(
            f"{source.url} cannot be fetched ({reason}); check the network and the address, and try again"
        ) from None
    return f"fetched from {source.url}"
