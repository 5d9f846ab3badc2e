"""samples.csv: which files belong to which sample."""

import csv
import difflib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pairvae.errors import UserError
from pairvae.scattering.columns import parse_columns
from pairvae.scattering.spectrum import TECHNIQUES, Technique
from pairvae.scattering.units import parse_q_unit

SHOWN = 20  # problems in one message
FACTS = ("sample_id", "group", "split", "material")
_OPTIONS = ("q_unit", "columns", "entry")
_KNOWN = (*FACTS, *TECHNIQUES, *(f"{technique}_{option}" for technique in TECHNIQUES for option in _OPTIONS))
_RESERVED = ("row_saxs", "row_sans")  # columns of pairs.csv
_SPLITS = ("", "train", "val", "test")


@dataclass(frozen=True)
class MeasuredFile:
    """One file of one technique, and how to read it.

    Parameters
    ----------
    path : Path
        Where it lies.
    name : str
        As the manifest names it.
    q_unit, columns, entry : str, optional
        As the manifest says; None where it says nothing.
    """

    path: Path
    name: str
    technique: Technique
    q_unit: str | None = None
    columns: str | None = None
    entry: str | None = None


@dataclass(frozen=True)
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


def parse_manifest(manifest: Path, allow_outside: bool = False, pairs_needed: bool = True) -> list[Row]:
    """Read and check a samples.csv without reading the curves.

    Parameters
    ----------
    manifest : Path
        Text with comma, semicolon or tab between cells, in UTF-8 or Latin-1.
    allow_outside : bool
        Accept paths that leave the manifest's folder.
    pairs_needed : bool
        Refuse a table in which no sample was measured by both techniques: there is nothing to train on.

    Raises
    ------
    UserError
        All problems of the manifest, one line each, the first 20 shown.
    """
    rows, problems = checked_rows(manifest, allow_outside, pairs_needed)
    raise_problems(manifest, problems)
    return rows


def raise_problems(manifest: Path, problems: Sequence[tuple[int, str]]) -> None:
    """Raise one UserError with all problems in the order of their rows; do nothing where there are none.

    Parameters
    ----------
    problems : sequence of (int, str)
        Row number and sentence.
    """
    if not problems:
        return
    lines = [text for _, text in sorted(problems, key=lambda problem: problem[0])]
    if len(lines) == 1:
        raise UserError(f"{manifest.name}{lines[0]}")
    more = [f"… and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    listed = [f"{manifest.name}{line}" for line in lines[:SHOWN]]
    raise UserError("\n  ".join([f"{manifest}: {len(lines)} problems", *listed, *more]))


def checked_rows(
    manifest: Path, allow_outside: bool, pairs_needed: bool = True
) -> tuple[list[Row], list[tuple[int, str]]]:
    """Rows without a problem of their own, and the problems as (row number, sentence).

    Raises
    ------
    UserError
        The table cannot be understood at all: empty, or without its columns.
    """
    header, records = _table(manifest)
    check = _Check(manifest, allow_outside)
    rows = [row for number, cells in records if (row := check.row(number, header, cells)) is not None]
    if pairs_needed and not any({file.technique for file in row.files} == set(TECHNIQUES) for row in check.understood):
        check.problem(
            10**9,
            ": no row names both a saxs and a sans file; expected at least one sample measured by both; fill "
            "in both cells",
        )
    return rows, check.problems


def _table(manifest: Path) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    try:
        data = manifest.read_bytes()
    except OSError as error:
        raise UserError(f"{manifest}: cannot be read ({error.strerror}); check name and permissions") from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    if "\0" in text:
        raise UserError(
            f"{manifest}: is no text file; expected comma-separated text; save the spreadsheet as CSV (UTF-8)"
        )
    lines = text.splitlines()
    first = next((line for line in lines if line.strip()), "")
    delimiter = max(",;\t", key=first.count)
    records = [
        (number, [cell.strip() for cell in cells])
        for number, cells in enumerate(csv.reader(lines, delimiter=delimiter), start=1)
        if any(cell.strip() for cell in cells)
    ]
    if len(records) < 2:
        found = "no rows below its header" if records else "nothing"
        raise UserError(f"{manifest}: holds {found}; expected a header and one row per sample; see data/README.md")
    header = records[0][1]
    while header and not header[-1]:
        header.pop()  # spreadsheets append empty columns
    _check_header(header, manifest)
    return header, iter(records[1:])


def _check_header(header: Sequence[str], manifest: Path) -> None:
    problems = []
    missing = [name for name in ("sample_id", *TECHNIQUES) if name not in header]
    if missing:
        problems.append(
            f"has no column {', '.join(missing)}; found {', '.join(header)}; expected sample_id, saxs, sans; "
            "rename or add"
        )
    for name, times in Counter(header).items():
        if times > 1:
            problems.append(f"has {times} columns {name!r}; expected each name once; rename or remove one")
    for name in header:
        if not name:
            problems.append("has a column without a name; name or remove it")
        elif name in _RESERVED:
            problems.append(f"has a column {name!r}, a name the program needs for itself; rename it")
        elif name not in _KNOWN:
            near = difflib.get_close_matches(name.lower(), _KNOWN, 1, 0.85)
            if near:
                problems.append(
                    f"has an unknown column {name!r} much like {near[0]!r}; rename it to {near[0]!r} if meant"
                )
            elif name.startswith(("saxs_", "sans_")):
                known = ", ".join(f"{name[:5]}{option}" for option in _OPTIONS)
                problems.append(f"has an unknown column {name!r}; known with this beginning are {known}; rename it")
    raise_problems(manifest, [(1, f", row 1: {problem}") for problem in problems])


class _Check:
    """What has to be remembered from row to row."""

    def __init__(self, manifest: Path, allow_outside: bool) -> None:
        self.folder = manifest.parent
        self.inside = None if allow_outside else self.folder.resolve()
        self.problems: list[tuple[int, str]] = []
        self.understood: list[Row] = []
        self._samples: dict[str, int] = {}
        self._groups_of_files: dict[tuple[Path, str | None], tuple[Row, Technique]] = {}
        self._names: list[str] | None = None
        self._suggested = 0

    def problem(self, number: int, text: str) -> None:
        self.problems.append((number, text))

    def row(self, number: int, header: Sequence[str], cells: list[str]) -> Row | None:
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
        elif sample in self._samples:
            self.problem(
                number,
                f"{where}: the same sample_id stands in row {self._samples[sample]}; expected each once; rename it",
            )
        self._samples.setdefault(sample, number)
        split = cell.get("split", "")
        if split not in _SPLITS:
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
            covariates={name: value for name, value in cell.items() if name not in _KNOWN},
        )
        self.understood.append(row)
        self._check_shared(row, where)
        return row if len(self.problems) == before else None

    def _files(self, number: int, where: str, cell: dict[str, str], technique: Technique) -> Iterator[MeasuredFile]:
        names = [name.strip() for name in cell[technique].split(";") if name.strip()]
        if not names:
            return
        options: dict[str, list[str | None]] = {}
        for option in _OPTIONS:
            said = [part.strip() for part in cell.get(f"{technique}_{option}", "").split(";")]
            if len(said) not in (1, len(names)):
                self.problem(
                    number,
                    f"{where}: column {technique}_{option} says {len(said)} things for {len(names)} files; "
                    "expected one for all, or one for each, with ; between",
                )
                return
            options[option] = [part or None for part in (said * len(names) if len(said) == 1 else said)]
        for option, parse in (("q_unit", parse_q_unit), ("columns", parse_columns)):
            for text in dict.fromkeys(options[option]):
                try:
                    if text is not None:
                        parse(text)
                except ValueError as error:
                    self.problem(number, f"{where}: column {technique}_{option}: {error}; mend the cell")
        for i, name in enumerate(names):
            path = self._path(number, where, technique, name)
            if path is not None:
                yield MeasuredFile(path, name, technique, *(options[option][i] for option in _OPTIONS))

    def _path(self, number: int, where: str, technique: Technique, name: str) -> Path | None:
        path = self.folder / name
        if "\\" in name and not path.exists():
            path = self.folder / name.replace("\\", "/")  # a path from Windows
        column = f"{where}: column {technique} names {name!r}"
        if self.inside is not None and not path.resolve().is_relative_to(self.inside):
            self.problem(
                number,
                f"{column}, which lies outside the folder of the manifest; expected a path below it; "
                "move the file, or set read: allow_outside: true",
            )
            return None
        if path.is_file():
            return path
        kind = "is a folder" if path.is_dir() else f"does not exist below {self.folder}"
        near = self._near(name)
        found = f"; found {near!r}" if near else ""
        self.problem(number, f"{column}, which {kind}{found}; expected a file; mend the path or empty the cell")
        return None

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

    def _check_shared(self, row: Row, where: str) -> None:
        """One curve in two samples must not end up on both sides of the split."""
        for file in row.files:
            other, technique = self._groups_of_files.setdefault(
                (file.path.resolve(), file.entry), (row, file.technique)
            )
            if other is row and technique == file.technique:
                continue
            if technique != file.technique:
                self.problem(
                    row.number,
                    f"{where}: column {file.technique} names {file.name!r}, which row {other.number} names "
                    f"as {technique}; expected a file of one technique; mend one of them",
                )
            elif other.group != row.group:
                self.problem(
                    row.number,
                    f"{where}: column {file.technique} names {file.name!r}, which row {other.number} "
                    f"({other.sample_id}) names too; a curve shared by samples must not be split between "
                    "training and test: give both rows the same group",
                )
