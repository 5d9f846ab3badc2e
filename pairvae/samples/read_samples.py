"""From a samples.csv to the two tables of raw curves."""

import csv
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from itertools import tee
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import Progress

from pairvae.errors import ReadError, UserError
from pairvae.files.whole import written_whole
from pairvae.formats.read import is_small_text, read_settings
from pairvae.jobs.parallel import in_order
from pairvae.jobs.part import WHOLE, Part
from pairvae.samples.samples_table import FACTS, MeasuredFile, Row, checked_rows, parse_manifest, raise_problems
from pairvae.scattering.curves_file import CurvesFile, CurvesWriter, PackedCurve, pack
from pairvae.scattering.spectrum import TECHNIQUES, Spectrum, Technique
from pairvae.settings import Read

__all__ = ["Measured", "measured_curves", "parse_manifest", "read_samples"]
SHOWN = 5  # names in one remark
_NUMBER = re.compile(r"\b\d+(\.\d+)?\b(?!/)")  # a remark on many curves is one line, whatever its numbers


def read_samples(
    manifest: Path,
    settings: Read,
    saxs: Path,
    sans: Path,
    samples: Path | None,
    threads: int,
    part: Part = WHOLE,
    parts: Mapping[Technique, Sequence[Path]] | None = None,
) -> None:
    """Read all curves that a manifest names; write three files, or none where anything is wrong.

    Parameters
    ----------
    manifest : Path
        samples.csv as in data/README.md.
    settings : Read
        Whether paths may leave the manifest's folder.
    saxs, sans : Path
        Curves files to write, in the order of the manifest; several files in one cell become several curves
        of the same sample.
    samples : Path, optional
        Table to write: sample_id, group, split, material, covariates; None for a part.
    threads : int
        Processes to read with.
    part : Part
        Whose rows to read, where other jobs read the others.
    parts : dict of sequences of Path, optional
        Curves files that the parts wrote, in their order: they are put together and the curves' files not read again.

    Raises
    ------
    UserError
        All problems of the manifest and of the files, one line each, the first 20 shown.
    """
    checked = checked_rows(manifest, settings.allow_outside)
    share = part.share(len(checked.rows))
    rows, problems = checked.rows[share.start : share.stop], checked.problems
    remarks = _Remarks()
    with ExitStack() as files:
        table = files.enter_context(written_whole(samples)) if samples else None
        writers = {
            technique: files.enter_context(CurvesWriter(path, technique))
            for technique, path in zip(TECHNIQUES, (saxs, sans), strict=True)
        }
        console = Console(stderr=True)
        progress = files.enter_context(Progress(console=console, disable=not sys.stderr.isatty()))
        total = sum(len(row.files) for row in rows)
        curves = _put_together(rows, parts) if parts else measured_curves(rows, settings, threads)
        for row, file, found in progress.track(curves, total, description="read"):
            if isinstance(found, str):
                problems.append((row.number, f", row {row.number} ({row.sample_id}): {found}"))
            elif not problems:
                for setting in found.settings:
                    writers[file.technique].append(setting)
                remarks.add(row, file, found)
        raise_problems(manifest, problems)
        if table:
            _write_table(rows, table)
    counts = remarks.curves
    print(f"read: {len(rows)} samples, {counts['saxs']} SAXS and {counts['sans']} SANS curves from {manifest}")
    for text in [*checked.warnings, *remarks.warnings()]:
        print(f"read: warning: {text}")
    for note, times in sorted(remarks.notes.most_common(), key=lambda one: one[0] not in remarks.warned):
        print(f"read: {'warning: ' if note in remarks.warned else ''}{times} curves: {note}")


class Measured(NamedTuple):
    """One curve of one technique, ready for the curves file.

    Parameters
    ----------
    settings : list of PackedCurve
        Its detector settings, one or several.
    notes, warnings : list of str
        What the reader had to say, without the numbers in it; a warning is a note, too.
    intensity_unit : {"1/cm", "arbitrary"}
        Unit of its intensity.
    content : sequence of str
        Checksum of the file, and entry: the same content may stand under two names.
    """

    settings: list[PackedCurve]
    notes: list[str]
    warnings: list[str]
    intensity_unit: str
    content: Sequence[str]


class _Remarks:
    """What is said of many curves at the end: counts, and a few names of each kind.

    Attributes
    ----------
    curves : Counter
        Curves by technique.
    notes : Counter
        The same remark on many curves, whatever its numbers, is one line.
    warned : set of str
        Those that are warnings.
    """

    def __init__(self) -> None:
        self.curves: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        self.warned: set[str] = set()
        self._units: Counter[tuple[str, str]] = Counter()
        self._named: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self._contents: dict[int, Row] = {}  # by checksum and entry, the row that named it first
        self._copies: list[str] = []
        self._copied = 0

    def add(self, row: Row, file: MeasuredFile, curve: Measured) -> None:
        """Take one more curve into account."""
        self.curves[file.technique] += 1
        warnings = {file.options.addressed(warning) for warning in curve.warnings}
        self.notes.update(warnings | {file.options.addressed(note) for note in curve.notes})
        self.warned |= warnings
        unit = (file.technique, curve.intensity_unit)
        self._units[unit] += 1
        if len(self._named[unit]) < SHOWN:
            self._named[unit].append(row.sample_id)
        first = self._contents.setdefault(hash(tuple(curve.content)), row)
        if first.group != row.group:
            self._copied += 1
            if len(self._copies) < SHOWN:
                self._copies.append(f"{file.name} in row {row.number} is the file in row {first.number}")

    def warnings(self) -> Iterator[str]:
        """What may be meant, but spoils a model where it is not."""
        for technique in TECHNIQUES:
            absolute, arbitrary = (self._units[technique, unit] for unit in ("1/cm", "arbitrary"))
            if absolute and arbitrary:
                fewer = "arbitrary" if arbitrary <= absolute else "1/cm"
                yield (
                    f"{technique}: {absolute} curves are in 1/cm and {arbitrary} in arbitrary units; in {fewer}: "
                    f"{_listed(self._named[technique, fewer], self._units[technique, fewer])}"
                )
        if self._copied:
            yield (
                f"the same content stands under two names in samples of two groups, so that a curve may stand in "
                f"training and in test: {_listed(self._copies, self._copied)}; give such samples one group"
            )


def _listed(names: list[str], count: int) -> str:
    return ", ".join(names) + (f" and {count - len(names)} more" if count > len(names) else "")


def _write_table(rows: list[Row], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        write = csv.writer(file, lineterminator="\n")
        write.writerow([*FACTS, *rows[0].covariates])
        for row in rows:
            write.writerow([*(getattr(row, name) for name in FACTS), *row.covariates.values()])


def measured_curves(
    rows: Iterable[Row], settings: Read, threads: int
) -> Iterator[tuple[Row, MeasuredFile, Measured | str]]:
    """Read every file of the rows, in their order.

    Parameters
    ----------
    rows : iterable of Row
        Taken as they are needed.
    settings : Read
        Largest file, points to trim.
    threads : int
        Processes to read with.

    Yields
    ------
    row, file, Measured or str
        The curve, or a sentence why it cannot be read.
    """
    asked, waiting = tee((row, file) for row in rows for file in row.files)
    jobs = ((file, row.sample_id, settings) for row, file in asked)
    for (row, file), found in zip(
        waiting, in_order(_one, jobs, threads, _crashed, lambda job: is_small_text(job[0].path)), strict=True
    ):
        if isinstance(found, str):
            yield row, file, found
        else:
            packed, notes, warnings, unit, content = found
            yield row, file, Measured([PackedCurve(*one) for one in packed], notes, warnings, unit, content)


def _put_together(
    rows: list[Row], parts: Mapping[Technique, Sequence[Path]]
) -> Iterator[tuple[Row, MeasuredFile, Measured]]:
    """What `measured_curves` would give, from what the parts have read."""
    curves = {technique: _curve_by_curve(paths) for technique, paths in parts.items()}
    for row in rows:
        for file in row.files:
            found = next(curves[file.technique], None)
            if found is None or (found[0].sample, found[0].source.file) != (row.sample_id, file.name):
                raise UserError(
                    f"row {row.number} ({row.sample_id}): {file.name} is not where it is expected in the parts; "
                    "samples.csv has changed since: read the parts again"
                )
            yield row, file, _packed(found)


def _curve_by_curve(paths: Sequence[Path]) -> Iterator[list[Spectrum]]:
    """The detector settings of each curve together."""
    settings: list[Spectrum] = []
    for path in paths:
        with CurvesFile(path) as part:
            for curve in part:
                if settings and curve.source.setting <= 1:
                    yield settings
                    settings = []
                settings.append(curve)
    if settings:
        yield settings


def _one(job: tuple[MeasuredFile, str, Read]) -> Measured | str:
    """One curve, or the sentence why not: a value, since all reasons are shown together."""
    file, sample, settings = job
    try:
        # called as the manifest names it: the same wherever the folder lies
        curves = read_settings(file.path, replace(file.options, sample=sample), settings, file.name)
    except ReadError as error:
        return file.options.addressed(str(error))
    return _packed(curves)


def _packed(curves: Sequence[Spectrum]) -> Measured:
    first = curves[0]
    notes = _without_numbers(first.notes)
    warnings = _without_numbers(first.reading.warnings if first.reading else ())
    content = (first.source.sha256, first.source.entry)
    return Measured([pack(curve) for curve in curves], notes, warnings, first.intensity_unit, content)


def _without_numbers(notes: Sequence[str]) -> list[str]:
    return [*dict.fromkeys(_NUMBER.sub("…", note) for note in notes)]


def _crashed(job: tuple[MeasuredFile, str, Read]) -> str:
    problem = "ended the process that read it (a damaged file, or too little memory); copy or export it anew"
    return f"{job[0].name}: {problem}"
