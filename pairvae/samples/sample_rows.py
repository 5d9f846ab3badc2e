"""The rows of samples.csv, each checked by itself and against those before it."""

import difflib
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from pairvae.formats.columns import parse_columns
from pairvae.formats.read_options import NO_OPTIONS, ReadOptions
from pairvae.scattering.units import known_intensity_unit, parse_q_unit
from pairvae.techniques import SPLITS, TECHNIQUES, Technique

SHOWN = 20  # problems in one message
FACTS = ("sample_id", "group", "split", "material")
OPTIONS = ("q_unit", "intensity_unit", "columns", "entry")
KNOWN = (*FACTS, *TECHNIQUES, *(f"{technique}_{option}" for technique in TECHNIQUES for option in OPTIONS))
_PARSED = (("q_unit", parse_q_unit), ("intensity_unit", known_intensity_unit), ("columns", parse_columns))
NOT_NAMEABLE = f"the locale's encoding of file names ({sys.getfilesystemencoding()}) lacks signs of this name"


def column_name(cell: str) -> str:
    """A cell of the header: a known column whatever its capitals and blanks ("Sample ID"), a covariate as it stands."""
    plain = re.sub(r"[\s-]+", "_", cell.strip()).lower()
    return plain if plain in KNOWN else cell.strip()


class MeasuredFile(NamedTuple):
    """One file of one technique, and how to read it.

    Parameters
    ----------
    folder : str
        Folder of the manifest; one text for all files, since a table may name very many.
    name : str
        As the manifest names it.
    technique : {"saxs", "sans"}
        The column that names it.
    options : ReadOptions
        What the manifest says of it; the same object for all files of which it says the same.
    """

    folder: str
    name: str
    technique: Technique
    options: ReadOptions = NO_OPTIONS

    @property
    def path(self) -> str:
        """Where it lies."""
        path = os.path.join(self.folder, self.name)
        if "\\" in self.name and not os.path.exists(path):
            path = os.path.join(self.folder, self.name.replace("\\", "/"))  # a path from Windows
        return path


@dataclass(frozen=True, slots=True)
class Row:
    """One sample.

    Parameters
    ----------
    number : int
        Row in the manifest; the header is row 1.
    sample_id, group, split, material : str
        Facts of the sample; group is the sample where the manifest names none, the others may be empty.
    files : tuple of MeasuredFile
        Files of both techniques, saxs first; several of one technique are settings of one instrument.
    covariates : dict
        The cells of all further columns.
    """

    number: int
    sample_id: str
    group: str
    split: str
    material: str
    files: tuple[MeasuredFile, ...]
    covariates: dict[str, str]


class RowChecks:
    """Makes a `Row` of each line of the table, and remembers what later lines may contradict.

    Parameters
    ----------
    manifest : Path
        The table.
    allow_outside : bool
        Accept paths that leave its folder.

    Attributes
    ----------
    problems : list of (int, str)
        Row number and sentence of all that is wrong so far.
    understood : list of Row
        Rows so far, also those with a problem.
    """

    def __init__(self, manifest: Path, allow_outside: bool) -> None:
        self.folder = str(manifest.parent)
        self.inside = None if allow_outside else os.path.realpath(self.folder)
        self.problems: list[tuple[int, str]] = []
        self.understood: list[Row] = []
        self._samples: dict[str, Row] = {}
        self._users_of_files: dict[int, tuple[Row, Technique]] = {}
        self._real_folders: dict[str, str] = {}
        self._names: list[str] | None = None
        self._suggested = 0

    def problem(self, number: int, text: str) -> None:
        """Remember what is wrong with a row."""
        self.problems.append((number, text))

    def row(self, number: int, header: Sequence[str], cells: list[str]) -> Row | None:
        """Check one line; None where something is wrong with it.

        Parameters
        ----------
        number : int
            Of the line in the file, the header being 1.
        header : sequence of str
            Names of the columns.
        cells : list of str
            Texts of the line.
        """
        before = len(self.problems)
        where = f", row {number}"
        if any(cells[len(header) :]):
            self.problem(
                number,
                f"{where}: has {len(cells)} cells, the header {len(header)}; quote cells that hold the delimiter",
            )
            return None
        cell = dict(zip(header, cells + [""] * (len(header) - len(cells)), strict=False))
        sample = cell["sample_id"]
        where += f" ({sample})" if sample else ""
        if not sample:
            self.problem(number, f"{where}: sample_id is empty; expected a name of its own; fill it in")
        split = cell.get("split", "")
        if split not in ("", *SPLITS):
            self.problem(number, f"{where}: split is {split!r}; expected train, val, test or nothing; mend the cell")
        files = tuple(file for technique in TECHNIQUES for file in self._files(number, where, cell, technique))
        if not cell["saxs"] and not cell["sans"]:
            self.problem(
                number,
                f"{where}: names no file; expected one in saxs, sans or both; fill in or remove the row",
            )
        row = Row(
            number=number,
            sample_id=sample,
            group=cell.get("group") or sample,
            split=split,
            material=cell.get("material", ""),
            files=files,
            covariates={name: value for name, value in cell.items() if name not in KNOWN},
        )
        self.understood.append(row)
        if sample:
            self._check_repeated(row, where)
        self._check_shared(row, where)
        return row if len(self.problems) == before else None

    def _files(self, number: int, where: str, cell: dict[str, str], technique: Technique) -> Iterator[MeasuredFile]:
        names = [name.strip() for name in cell[technique].split(";") if name.strip()]
        if not names:
            return
        options: dict[str, list[str | None]] = {}
        for option in OPTIONS:
            said = [part.strip() for part in cell.get(f"{technique}_{option}", "").split(";")]
            if len(said) not in (1, len(names)):
                self.problem(
                    number,
                    f"{where}: column {technique}_{option} says {len(said)} things for {len(names)} files; "
                    "expected one for all, or one for each, with ; between",
                )
                return
            options[option] = [part or None for part in (said * len(names) if len(said) == 1 else said)]
        for option, parse in _PARSED:
            for text in dict.fromkeys(options[option]):
                try:
                    if text is not None:
                        parse(text)
                except ValueError as error:
                    self.problem(number, f"{where}: column {technique}_{option}: {error}; mend the cell")
        for i, name in enumerate(names):
            cells = (options[option][i] for option in OPTIONS)
            file = MeasuredFile(self.folder, name, technique, _read_options(technique, *cells))
            if self._is_there(number, where, file):
                yield file

    def _is_there(self, number: int, where: str, file: MeasuredFile) -> bool:
        path = file.path
        column = f"{where}: column {file.technique} names {file.name!r}"
        if "\0" in path:
            self.problem(number, f"{column}, which no file can be called; expected a path; mend the cell")
            return False
        if not nameable(path):
            self.problem(number, f"{column}: {NOT_NAMEABLE}; rename the file, or set LC_ALL=C.UTF-8")
            return False
        if self.inside is not None and not _is_below(self._real(path), self.inside):
            self.problem(
                number,
                f"{column}, which lies outside the folder of the manifest; expected a path below it; "
                "move the file, or set read: allow_outside: true",
            )
            return False
        if os.path.isfile(path):
            return True
        kind = "is a folder" if os.path.isdir(path) else f"does not exist below {self.folder}"
        near = self._near(file.name)
        found = f"; found {near!r}" if near else ""
        self.problem(number, f"{column}, which {kind}{found}; expected a file; mend the path or empty the cell")
        return False

    def _real(self, path: str) -> str:
        """Where a path leads once links are followed; those of a folder only once for all of its files."""
        folder, name = os.path.split(path)
        if name in ("", os.curdir, os.pardir):
            return os.path.realpath(path)
        if folder not in self._real_folders:
            self._real_folders[folder] = os.path.realpath(folder)
        path = os.path.join(self._real_folders[folder], name)
        return os.path.realpath(path) if os.path.islink(path) else path

    def _near(self, name: str) -> str:
        """The existing file with the name most like this; only for as many as are shown."""
        self._suggested += 1
        if self._suggested > SHOWN:
            return ""
        if self._names is None:
            self._names = []
            for root, _, files in os.walk(self.folder):
                self._names += [(Path(root) / file).relative_to(self.folder).as_posix() for file in files]
                if len(self._names) > 20_000:
                    break
        near = difflib.get_close_matches(name, self._names, 1, 0.6)
        return near[0] if near else next((one for one in self._names if Path(one).name == Path(name).name), "")

    def _check_repeated(self, row: Row, where: str) -> None:
        """A sample has one row; two that contradict each other are distinguished from a mere repetition."""
        first = self._samples.setdefault(row.sample_id, row)
        if first is row:
            return
        said = {name: (getattr(first, name), getattr(row, name)) for name in FACTS}
        said |= {name: (first.covariates.get(name, ""), cell) for name, cell in row.covariates.items()}
        different = [f"{name} {one!r} there and {other!r} here" for name, (one, other) in said.items() if one != other]
        mend = "put its files into one row, with ; between those of one technique, or rename it"
        if different:
            mend = "rename this one, or mend the cells and put its files into one row"
        self.problem(
            row.number,
            f"{where}: the same sample_id stands in row {first.number}"
            + (f", with {', '.join(different)}" if different else "")
            + f"; expected each once; {mend}",
        )

    def _check_shared(self, row: Row, where: str) -> None:
        """One curve in two samples must not end up on both sides of the split."""
        own: set[int] = set()
        for file in row.files:
            key = hash((self._real(file.path), file.options.entry))  # short: a table may name very many
            other, technique = self._users_of_files.setdefault(key, (row, file.technique))
            named = f"{where}: column {file.technique} names {file.name!r}"
            if technique != file.technique:
                self.problem(
                    row.number,
                    f"{named}, which row {other.number} names as {technique}; expected a file of one technique; "
                    "mend one of them",
                )
            elif key in own:
                self.problem(
                    row.number,
                    f"{named} twice; expected each setting of the instrument once; remove one or say its entry",
                )
            elif other.group != row.group:
                self.problem(
                    row.number,
                    f"{named}, which row {other.number} ({other.sample_id}) names too; a curve shared by samples "
                    "must not be split between training and test: give both rows the same group",
                )
            own.add(key)


@lru_cache(maxsize=1024)  # one object for very many files
def _read_options(
    technique: Technique, q_unit: str | None, intensity_unit: str | None, columns: str | None, entry: str | None
) -> ReadOptions:
    return ReadOptions(technique, q_unit, intensity_unit, columns, entry, said_in="manifest")


def nameable(path: str) -> bool:
    """Whether the encoding of file names, which the locale says, has all signs of a path."""
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
