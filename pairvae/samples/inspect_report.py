"""What the reader makes of many files: one line per curve, in words or as JSON, and a figure of them all."""

import json
import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pairvae.errors import UserError
from pairvae.files.named_files import named_files
from pairvae.formats.columns import parse_columns
from pairvae.formats.inspect import Inspected, inspect_file
from pairvae.formats.raw_curve import Need
from pairvae.formats.read import is_small_text
from pairvae.formats.read_options import NO_OPTIONS, ReadOptions
from pairvae.jobs.cores import cores
from pairvae.jobs.parallel import in_order
from pairvae.samples.measured_samples import alone, is_manifest
from pairvae.samples.samples_table import checked_rows
from pairvae.scattering.units import known_intensity_unit, parse_q_unit

WIDEST_NAME = 60  # characters of a file's name before its line is pushed out of the columns
MOST_DRAWN = 2000  # curves in one figure; a browser shows no more


def inspect_files(
    given: Sequence[str],
    options: ReadOptions,
    show: Callable[[str], None],
    as_json: bool = False,
    plot: Path | None = None,
    allow_outside: bool = False,
) -> Counter[str]:
    """Inspect files, patterns and folders, and show one line per curve as soon as it is known.

    Parameters
    ----------
    given : sequence of str
        Names, patterns, folders; or one samples.csv: the files that it names, with what it says of them.
    options : ReadOptions
        What the files do not say; a samples.csv says it by itself.
    show : callable
        Is given each line.
    as_json : bool
        Lines are JSON objects, else words.
    plot : Path, optional
        Self-contained HTML file to write, with all curves on logarithmic axes.
    allow_outside : bool
        Accept paths that leave the folder of samples.csv.

    Returns
    -------
    Counter
        Curves "read", "asked" about (they need a unit or columns) and "refused".

    Raises
    ------
    UserError
        A unit or columns that are no such thing; options beside a samples.csv.
    """
    for option, text, parse in (
        ("--q-unit", options.q_unit, parse_q_unit),
        ("--intensity-unit", options.intensity_unit, known_intensity_unit),
        ("--columns", options.columns, parse_columns),
    ):
        try:
            if text is not None:
                parse(text)
        except ValueError as error:
            raise UserError(f"{option}: {error}") from None
    jobs = list(_jobs(given, options, plot is not None, allow_outside))
    width = min(WIDEST_NAME, max((len(job.file) for job in jobs), default=0))
    counts: Counter[str] = Counter()
    drawn: list[Inspected] = []
    curves_of = in_order(_inspect, jobs, cores(), _crashed, lambda job: is_small_text(job.file))
    for job, plain in ((job, plain) for job, curves in zip(jobs, curves_of, strict=True) for plain in curves):
        curve = Inspected.from_plain(plain)
        state = "refused" if curve.error else "asked" if curve.needs else "read"
        counts[state] += 1
        show(json_line(curve) if as_json else text_line(curve, width, job.options))
        if curve.spectrum is not None and len(drawn) < MOST_DRAWN:
            drawn.append(curve)
    if plot is not None:
        from pairvae.formats.inspect_plot import write_plot  # plotly takes a moment to import

        write_plot(plot, drawn, counts["read"] + counts["asked"])
    return counts


def json_line(curve: Inspected) -> str:
    """One curve as a JSON object on one line: the facts of `Inspected`, without the numbers."""
    facts = asdict(replace(curve, spectrum=None))
    del facts["spectrum"]
    return json.dumps({name: _plain(value) for name, value in facts.items()}, allow_nan=False)


def text_line(curve: Inspected, width: int = 0, options: ReadOptions = NO_OPTIONS) -> str:
    """One curve in words on one line, its facts in columns.

    Parameters
    ----------
    width : int
        Characters that the name of the file is filled up to.
    options : ReadOptions
        What it was read with: says where missing facts are to be stated.
    """
    name = f"{curve.file} {curve.entry}".strip() if curve.entry else curve.file
    if curve.error:
        return _printable(f"{curve.file:<{width}}  refused  {curve.error.removeprefix(f'{curve.file}: ')}")
    low, high = (f"{value:.4g}" if value is not None else "?" for value in (curve.q_min, curve.q_max))
    axis = "as in the file" if "q_unit" in curve.needs else "1/Å"
    facts = [
        f"{name:<{width}}",
        f"{curve.technique or '?':<4}",
        f"{curve.points:>6} points",
        f"{f'q {low} to {high} {axis}':<30}",
        f"{'q: ' + _said(curve.q_unit, curve.q_unit_from):<20}",
        f"{'I: ' + _said(curve.intensity_unit, curve.intensity_unit_from):<19}",
        f"sigma: {curve.sigma_column or '-'}",
        f"dq: {curve.dq_column or '-'}",
    ]
    remarks = [f"needs {options.name_of(need)} {_value(need, curve)}" for need in curve.needs]
    remarks += [f"{what}: {count}" for what, count in curve.repairs.items()]
    remarks += [f"{what}: {count}" for what, count in curve.rows_dropped.items() if what not in curve.repairs]
    remarks += map(options.addressed, curve.warnings)
    return _printable("  ".join(facts) + (f"  | {'; '.join(remarks)}" if remarks else ""))


@dataclass(frozen=True)
class _Job:
    file: str
    options: ReadOptions
    keep_numbers: bool
    problem: str = ""
    row: str = ""  # where samples.csv names it; empty: a bare file


def _jobs(given: Sequence[str], options: ReadOptions, keep_numbers: bool, allow_outside: bool) -> Iterator[_Job]:
    """What to read: the files that are given, or those that the samples.csv names."""
    table = alone(given, options) if len(given) == 1 else None
    if table is None:
        for file in named_files(given):
            if is_manifest(file.name):
                sentence = "is a table of samples, not a curve; name it alone to inspect the files that it names"
                print(f"{file.name}: {sentence}", file=sys.stderr)
            else:
                yield _Job(file.name, options, keep_numbers, file.problem)
        return
    checked = checked_rows(table, allow_outside, pairs_needed=False)
    for warning in checked.warnings:
        print(f"{table}: warning: {warning}", file=sys.stderr)
    for _, sentence in sorted(checked.problems):
        yield _Job(str(table), options, keep_numbers, f"{table}{sentence}")
    for row in checked.rows:
        where = f"{table.name}, row {row.number} ({row.sample_id}): "
        for measured in row.files:
            if options.technique in (None, measured.technique):
                stated = replace(measured.options, sample=row.sample_id)
                yield _Job(measured.path, stated, keep_numbers, row=where)


def _inspect(job: _Job) -> list[dict[str, Any]]:
    if job.problem:
        return [Inspected(job.file, error=job.problem).to_plain()]
    found = []
    for curve in inspect_file(job.file, job.options):
        error = job.row + job.options.addressed(curve.error) if curve.error else None
        # the numbers need not travel between processes where nobody draws them
        found.append(replace(curve, error=error, spectrum=curve.spectrum if job.keep_numbers else None).to_plain())
    return found


def _crashed(job: _Job) -> list[dict[str, Any]]:
    problem = "ended the process that read it (a damaged file, or too little memory); copy or export it anew"
    return [Inspected(job.file, error=f"{job.row}{job.file}: {problem}").to_plain()]


def _value(need: Need, curve: Inspected) -> str:
    """What to type for a missing fact."""
    if need == "q_unit":
        return "'1/A' or '1/nm'"
    named = f" (the header names {', '.join(curve.column_names)})" if curve.column_names else ""
    return f"'{curve.columns_hint or 'q I dI'}'{named}"


def _said(unit: str | None, said_by: str | None) -> str:
    return f"{unit or '?'} ({said_by})" if said_by else unit or "?"


def _plain(value: Any) -> Any:
    """As JSON has it: no numpy numbers, no NaN."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _printable(text: str) -> str:
    """Without control characters: names come from strangers, and a terminal obeys what it is shown."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
