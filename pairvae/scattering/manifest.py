"""From a samples.csv to the two tables of raw curves."""

import csv
import multiprocessing
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from itertools import islice
from pathlib import Path

from pairvae.atomic import written_whole
from pairvae.errors import ReadError
from pairvae.scattering.curves_file import CurvesWriter
from pairvae.scattering.read import read_spectrum
from pairvae.scattering.samples_table import (
    FACTS,
    MeasuredFile,
    Row,
    checked_rows,
    parse_manifest,
    raise_problems,
)
from pairvae.scattering.spectrum import TECHNIQUES, Spectrum
from pairvae.settings import Read

__all__ = ["parse_manifest", "read_samples"]
FEW = 50  # files that are read sooner than worker processes have started
BATCH = 64  # files handed out per worker and turn: bounds what waits in memory


def read_samples(manifest: Path, settings: Read, saxs: Path, sans: Path, samples: Path, threads: int) -> None:
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
    samples : Path
        Table to write: sample_id, group, split, material, covariates.
    threads : int
        Processes to read with.

    Raises
    ------
    UserError
        All problems of the manifest and of the files, one line each, the first 20 shown.
    """
    rows, problems = checked_rows(manifest, settings.allow_outside)
    counts: Counter[str] = Counter()
    notes: Counter[str] = Counter()
    with ExitStack() as files:
        table = files.enter_context(written_whole(samples))
        writers = {
            technique: files.enter_context(CurvesWriter(path, technique))
            for technique, path in zip(TECHNIQUES, (saxs, sans), strict=True)
        }
        for row, file, found in _read(rows, threads):
            if isinstance(found, ReadError):
                problems.append((row.number, f", row {row.number} ({row.sample_id}): {found}"))
            elif not problems:
                writers[file.technique].append(found)
                counts[file.technique] += 1
                # the same remark on many curves, whatever its numbers, is one line
                notes.update({re.sub(r"\b\d+(\.\d+)?\b(?!/)", "…", note) for note in found.notes})
        raise_problems(manifest, problems)
        _write_table(rows, table)
    print(f"read: {len(rows)} samples, {counts['saxs']} SAXS and {counts['sans']} SANS curves from {manifest}")
    for note, times in notes.most_common():
        print(f"read: {times} curves: {note}")


def _write_table(rows: list[Row], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        write = csv.writer(file, lineterminator="\n")
        write.writerow([*FACTS, *rows[0].covariates])
        for row in rows:
            write.writerow([*(getattr(row, name) for name in FACTS), *row.covariates.values()])


def _read(rows: list[Row], threads: int) -> Iterator[tuple[Row, MeasuredFile, Spectrum | ReadError]]:
    tasks = [(row, file) for row in rows for file in row.files]
    jobs = [(file, row.sample_id) for row, file in tasks]
    found = map(_one, jobs) if threads == 1 or len(jobs) <= FEW else _in_processes(jobs, threads)
    for (row, file), curve in zip(tasks, found, strict=True):
        yield row, file, curve


def _in_processes(jobs: Iterable[tuple[MeasuredFile, str]], threads: int) -> Iterator[Spectrum | ReadError]:
    """In the order of the jobs; a turn of files at a time, so that memory does not grow with their number."""
    waiting = iter(jobs)
    with ProcessPoolExecutor(threads, mp_context=multiprocessing.get_context("spawn")) as pool:
        while turn := list(islice(waiting, BATCH * threads)):
            yield from pool.map(_one, turn, chunksize=8)


def _one(job: tuple[MeasuredFile, str]) -> Spectrum | ReadError:
    """One curve, or the reason why not: a value, since all reasons are shown together."""
    file, sample = job
    try:
        curve = read_spectrum(file.path, file.technique, file.q_unit, file.columns, file.entry, sample)
    except ReadError as error:
        return error
    # as the manifest names it: the same wherever the folder lies
    return replace(curve, source=replace(curve.source, file=file.name))
