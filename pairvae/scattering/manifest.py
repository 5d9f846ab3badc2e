"""From a samples.csv to the two tables of raw curves."""

import csv
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from pairvae.atomic import written_whole
from pairvae.errors import ReadError, UserError
from pairvae.scattering.curves_file import CurvesFile, CurvesWriter
from pairvae.scattering.parallel import in_order
from pairvae.scattering.parts import WHOLE, Part
from pairvae.scattering.read import read_settings
from pairvae.scattering.samples_table import FACTS, MeasuredFile, Row, checked_rows, parse_manifest, raise_problems
from pairvae.scattering.spectrum import TECHNIQUES, Spectrum, Technique
from pairvae.settings import Read

__all__ = ["parse_manifest", "read_samples"]
SHOWN = 5  # names in one remark


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
        task = progress.add_task("read", total=sum(len(row.files) for row in rows))
        for row, file, found in _put_together(rows, parts) if parts else _read(rows, settings, threads):
            progress.advance(task)
            if isinstance(found, ReadError):
                problems.append((row.number, f", row {row.number} ({row.sample_id}): {found}"))
            elif not problems:
                for setting in found:
                    writers[file.technique].append(setting)
                remarks.add(row, file, found[0])
        raise_problems(manifest, problems)
        if table:
            _write_table(rows, table)
    counts = remarks.curves
    print(f"read: {len(rows)} samples, {counts['saxs']} SAXS and {counts['sans']} SANS curves from {manifest}")
    for text in [*checked.warnings, *remarks.warnings()]:
        print(f"read: warning: {text}")
    for note, times in remarks.notes.most_common():
        print(f"read: {times} curves: {note}")


class _Remarks:
    """What is said of many curves at the end: counts, and a few names of each kind.

    Attributes
    ----------
    curves : Counter
        Curves by technique.
    notes : Counter
        The same remark on many curves, whatever its numbers, is one line.
    """

    def __init__(self) -> None:
        self.curves: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        self._units: Counter[tuple[str, str]] = Counter()
        self._named: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        self._contents: dict[int, Row] = {}  # by checksum and entry, the row that named it first
        self._copies: list[str] = []
        self._copied = 0

    def add(self, row: Row, file: MeasuredFile, curve: Spectrum) -> None:
        """Take one more curve into account."""
        self.curves[file.technique] += 1
        self.notes.update({re.sub(r"\b\d+(\.\d+)?\b(?!/)", "…", note) for note in curve.notes})
        unit = (file.technique, curve.intensity_unit)
        self._units[unit] += 1
        if len(self._named[unit]) < SHOWN:
            self._named[unit].append(row.sample_id)
        first = self._contents.setdefault(hash((curve.source.sha256, curve.source.entry)), row)
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


def _read(
    rows: list[Row], settings: Read, threads: int
) -> Iterator[tuple[Row, MeasuredFile, list[Spectrum] | ReadError]]:
    jobs = ((file, row.sample_id, settings) for row in rows for file in row.files)
    tasks = ((row, file) for row in rows for file in row.files)
    for (row, file), curve in zip(tasks, in_order(_one, jobs, threads, _crashed), strict=True):
        yield row, file, curve


def _put_together(
    rows: list[Row], parts: Mapping[Technique, Sequence[Path]]
) -> Iterator[tuple[Row, MeasuredFile, list[Spectrum]]]:
    """What `_read` would give, from what the parts have read."""
    curves = {technique: _curve_by_curve(paths) for technique, paths in parts.items()}
    for row in rows:
        for file in row.files:
            found = next(curves[file.technique], None)
            if found is None or (found[0].sample, found[0].source.file) != (row.sample_id, file.name):
                raise UserError(
                    f"row {row.number} ({row.sample_id}): {file.name} is not where it is expected in the parts; "
                    "samples.csv has changed since: read the parts again"
                )
            yield row, file, found


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


def _one(job: tuple[MeasuredFile, str, Read]) -> list[Spectrum] | ReadError:
    """The settings of one curve, or the reason why not: a value, since all reasons are shown together."""
    file, sample, settings = job
    try:
        curves = read_settings(
            file.path, file.technique, file.q_unit, file.columns, file.entry, sample, settings, "manifest"
        )
    except ReadError as error:
        return ReadError(str(error))  # the sentence alone: it goes from process to process
    # as the manifest names it: the same wherever the folder lies
    return [replace(curve, source=replace(curve.source, file=file.name)) for curve in curves]


def _crashed(job: tuple[MeasuredFile, str, Read]) -> ReadError:
    problem = "ended the process that read it (a damaged file, or too little memory); copy or export it anew"
    return ReadError(f"{job[0].name}: {problem}")
