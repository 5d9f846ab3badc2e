"""Samples to work on, from what a person names: files, patterns, folders, or one samples.csv."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pairvae.errors import NoCurve, ReadError, UserError
from pairvae.files.named_files import named_files
from pairvae.formats.read import is_small_text, read_settings
from pairvae.formats.read_options import ReadOptions
from pairvae.jobs.cores import cores
from pairvae.jobs.parallel import in_order
from pairvae.jobs.progress import tracked
from pairvae.samples.sample_rows import NOT_NAMEABLE, column_name, nameable
from pairvae.samples.samples_table import MeasuredFile, Row, parse_manifest
from pairvae.scattering.curves_file import PackedCurve, pack, unpack
from pairvae.scattering.spectrum import TECHNIQUES, Spectrum, Technique

SHOWN = 20  # problems in one message
NAMED = 3  # files in one remark on many
_NUMBER = re.compile(r"\b\d+(\.\d+)?\b(?!/)")  # a remark on many curves is one line, whatever its numbers
_HEADER_BYTES = 65536  # where the header of a samples.csv ends


@dataclass(frozen=True)
class MeasuredSample:
    """One sample with its curves.

    Parameters
    ----------
    name : str
        `sample_id` of samples.csv, else the file's name without its ending.
    curves : mapping
        By technique: the measured curve, or the settings of one instrument.
    covariates : mapping
        What samples.csv says of the sample, as text; empty for bare files.
    """

    name: str
    curves: Mapping[Technique, Sequence[Spectrum]]
    covariates: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Job:
    file: str
    options: ReadOptions
    in_folder: bool = False  # found below a folder, where it may be no curve at all
    row: str = ""  # where samples.csv names it; empty: a bare file


def named_samples(
    given: Sequence[str],
    technique: Technique,
    options: ReadOptions,
    allow_outside: bool = False,
    partners: bool = False,
) -> list[MeasuredSample]:
    """Read what one technique measured of the named samples.

    Parameters
    ----------
    given : sequence of str
        Files, patterns with * ? [ ], folders; or one samples.csv, known by its header.
    technique : {"saxs", "sans"}
        What measured them; samples that it did not measure are left out of a samples.csv.
    options : ReadOptions
        What bare files do not say; a samples.csv says it by itself.
    allow_outside : bool
        Accept paths that leave the folder of samples.csv.
    partners : bool
        Read the other technique's curves, too, where samples.csv names them.

    Raises
    ------
    UserError
        All files that cannot be read, one line each; nothing to read; or a samples.csv among other files. A file that
        is no curve, found below a folder, is left out instead, with a line that says so.
    """
    if manifest := alone(given, options):
        rows = [
            row
            for row in parse_manifest(manifest, allow_outside, pairs_needed=False)
            if any(file.technique == technique for file in row.files)
        ]
        if not rows:
            raise UserError(f"{manifest}: no row names a file in the column {technique}; there is nothing to work on")
        return _of_rows(rows, manifest, TECHNIQUES if partners else (technique,))
    jobs, problems = [], []
    for file in named_files(given):
        if file.problem:
            problems.append(file.problem)
        else:
            jobs.append(_Job(file.name, replace(options, technique=technique), file.in_folder))
    samples = []
    for job, curves in zip(jobs, _read(jobs, problems), strict=True):
        if isinstance(curves, str):
            print(f"{curves}: left out")
        else:
            samples.append(MeasuredSample(Path(job.file).stem, {technique: curves}))
    if jobs and not samples:
        raise UserError(f"{', '.join(given)}: no file there holds a curve; expected scattering curves; mend the path")
    return samples


def paired_samples(
    given: Mapping[Technique, Sequence[str]], options: Mapping[Technique, ReadOptions], allow_outside: bool = False
) -> list[MeasuredSample]:
    """Read samples of which both techniques' curves are named.

    Parameters
    ----------
    given : mapping
        By technique, files in the same order, one per sample; or {"saxs": [samples.csv], "sans": []}, of which the
        rows with both curves are read.
    options, allow_outside
        As in `named_samples`.

    Raises
    ------
    UserError
        As `named_samples`, or the files cannot be paired one to one.
    """
    if manifest := alone([*given["saxs"], *given["sans"]], *options.values()):
        rows = [
            row
            for row in parse_manifest(manifest, allow_outside, pairs_needed=False)
            if {file.technique for file in row.files} == set(TECHNIQUES)
        ]
        if not rows:
            raise UserError(f"{manifest}: no row names both a saxs and a sans file; expected pairs; fill in both cells")
        return _of_rows(rows, manifest, TECHNIQUES)
    of: dict[Technique, list[MeasuredSample]] = {t: named_samples(given[t], t, options[t]) for t in TECHNIQUES}
    if len(of["saxs"]) != len(of["sans"]):
        raise UserError(
            f"{len(of['saxs'])} SAXS and {len(of['sans'])} SANS files: expected one SANS file per SAXS file, in the "
            "same order; name them one by one, or write a samples.csv"
        )
    return [
        MeasuredSample(saxs.name, {**saxs.curves, **sans.curves})
        for saxs, sans in zip(of["saxs"], of["sans"], strict=True)
    ]


def is_manifest(name: str) -> bool:
    """Whether a file is a samples.csv: its first line names the columns sample_id, saxs and sans."""
    return {"sample_id", *TECHNIQUES} <= _header(name)


def _header(name: str) -> set[str]:
    """The cells of a file's first line, as names of columns."""
    try:
        if not Path(name).is_file():
            return set()
        with Path(name).open("rb") as file:
            start = file.read(_HEADER_BYTES)
    except (OSError, ValueError):  # whoever reads it as a curve says why it cannot be read
        return set()
    encoding = "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    # splitlines: a carriage return alone ends a line of a table, and stands anywhere in a binary file
    first, *_ = [*start.decode(encoding, errors="replace").lstrip().splitlines(), ""]
    cells = next(csv.reader([first.replace(";", ",").replace("\t", ",").strip()]), [])
    return {column_name(cell) for cell in cells}


def alone(given: Sequence[str], *options: ReadOptions) -> Path | None:
    """The one samples.csv among the names, if there is one.

    Raises
    ------
    UserError
        It stands beside other files, or options state what its columns state.
    """
    headers = {name: _header(name) for name in given}
    # one without a technique's column is meant as such a table, too: who reads it names the column
    found = [name for name, header in headers.items() if "sample_id" in header and not header.isdisjoint(TECHNIQUES)]
    if not found:
        return None
    if len(given) > 1:
        raise UserError(f"{found[0]}: is a samples.csv, which stands alone; name it alone, or files without it")
    if any(one.stated for one in options):
        raise UserError(f"{found[0]}: is a samples.csv; units and columns stand in it, not in options")
    return Path(found[0])


def _of_rows(rows: Sequence[Row], manifest: Path, wanted: Sequence[Technique]) -> list[MeasuredSample]:
    files = [(row, file) for row in rows for file in row.files if file.technique in wanted]
    jobs = [_job(row, file, manifest) for row, file in files]
    curves: dict[tuple[str, Technique], list[Spectrum]] = {}
    for (row, file), found in zip(files, _read(jobs, []), strict=True):
        if not isinstance(found, str):  # never so: no job is below a folder
            curves.setdefault((row.sample_id, file.technique), []).extend(found)
    return [
        MeasuredSample(
            row.sample_id,
            {t: curves[row.sample_id, t] for t in wanted if (row.sample_id, t) in curves},
            {"material": row.material, **row.covariates},
        )
        for row in rows
    ]


def _job(row: Row, file: MeasuredFile, manifest: Path) -> _Job:
    where = f"{manifest.name}, row {row.number} ({row.sample_id}): "
    return _Job(file.path, replace(file.options, sample=row.sample_id), row=where)


def _read(jobs: Sequence[_Job], problems: Iterable[str]) -> list[list[Spectrum] | str]:
    """All curves, or all problems; a text where a file below a folder is no curve at all."""
    problems = list(problems)
    curves: list[list[Spectrum] | str] = []
    outcomes = in_order(_read_one, jobs, cores(), _crashed, lambda job: is_small_text(job.file))
    for job, outcome in zip(jobs, tracked(outcomes, "read", len(jobs)), strict=True):
        if isinstance(outcome, str):
            problems.append(outcome)
        elif isinstance(outcome, dict):
            curves.append(outcome["left_out"])
        else:
            curves.append(
                [unpack(PackedCurve(*packed), job.options.technique or technique) for technique, packed in outcome]
            )
    if len(problems) == 1:
        raise UserError(problems[0])
    if problems:
        more = [f"… and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else []
        raise UserError("\n  ".join([f"{len(problems)} files cannot be used", *problems[:SHOWN], *more]))
    return curves


def _read_one(job: _Job) -> list[tuple[Technique | None, PackedCurve]] | str | dict[str, str]:
    """The curves of a file; why it cannot be read; or, under "left_out", what it is where it is no curve at all."""
    try:
        return [(curve.technique, pack(curve)) for curve in read_settings(job.file, job.options)]
    except NoCurve as error:
        if job.in_folder:
            return {"left_out": _what_it_is(job.file, str(error))}
        return job.row + job.options.addressed(str(error))
    except ReadError as error:
        return job.row + job.options.addressed(str(error))


def _what_it_is(file: str, refusal: str) -> str:
    if is_manifest(file):
        return f"{file}: is a table of samples, not a curve (name it alone to work on the files that it names)"
    return refusal.partition(";")[0]


def _crashed(job: _Job) -> str:
    problem = "ended the process that read it (a damaged file, or too little memory); copy or export it anew"
    return f"{job.row}{job.file}: {problem}"


def remarks(samples: Iterable[MeasuredSample], options: Mapping[Technique, ReadOptions]) -> Iterator[str]:
    """What the reader had to say of the curves, warnings first; the same of many curves is one line.

    Parameters
    ----------
    options : mapping
        By technique, what the curves were read with: hints name what can be typed there.

    Yields
    ------
    str
        "warning: a.dat: unit of intensity not stated: taken as 1/cm".
    """
    said: dict[tuple[bool, str], dict[str, str]] = {}
    for sample in samples:
        for technique, curve in ((t, curve) for t, settings in sample.curves.items() for curve in settings):
            warnings = curve.reading.warnings if curve.reading else ()
            for note in dict.fromkeys([*warnings, *curve.notes]):
                text = options[technique].addressed(note)
                said.setdefault((note not in warnings, _NUMBER.sub("…", text)), {}).setdefault(curve.source.file, text)
    for (is_note, kind), files in sorted(said.items(), key=lambda item: item[0][0]):
        if len(files) == 1:
            ((file, text),) = files.items()
            remark = f"{file}: {text}"
        else:
            more = f" and {len(files) - NAMED} more" if len(files) > NAMED else ""
            remark = f"{len(files)} files: {kind} ({', '.join(list(files)[:NAMED])}{more})"
        yield remark if is_note else f"warning: {remark}"


def output_names(names: Sequence[str], output: Path, ending: str) -> list[Path]:
    """Files to write below a folder, one per sample: `<name>.<ending>`.

    Parameters
    ----------
    names : sequence of str
        Names of the samples.
    output : Path
        Folder.
    ending : str
        Ending of the files, without the dot.

    Raises
    ------
    UserError
        A name would leave the folder, two samples have the same one, or the locale has no such name.
    """
    paths = [output / f"{name}.{ending}" for name in names]
    times = Counter(paths)
    for name, path in zip(names, paths, strict=True):
        if not nameable(str(path)):
            raise UserError(f"sample {name}: {NOT_NAMEABLE}; rename the sample, or set LC_ALL=C.UTF-8")
        if path.parent != output:
            raise UserError(f"sample {name}: cannot be the name of a file below {output}; rename the sample")
        if times[path] > 1:
            raise UserError(f"{path}: two inputs would be written to it; rename one, or use two output folders")
    return paths
