"""What the reader makes of many files: one line per curve, in words or as JSON, and a figure of them all."""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pairvae.errors import UserError
from pairvae.scattering.columns import parse_columns
from pairvae.scattering.inspect import Inspected, inspect_file
from pairvae.scattering.named_files import NamedFile, named_files
from pairvae.scattering.parallel import cores, in_order
from pairvae.scattering.read import is_small_text
from pairvae.scattering.read_options import ReadOptions
from pairvae.scattering.units import known_intensity_unit, parse_q_unit

WIDEST_NAME = 60  # characters of a file's name before its line is pushed out of the columns
MOST_DRAWN = 2000  # curves in one figure; a browser shows no more
_MENDS = {"q_unit": "--q-unit '1/A' or '1/nm'", "columns": "--columns 'q I dI'"}


def inspect_files(
    given: Sequence[str],
    options: ReadOptions,
    show: Callable[[str], None],
    as_json: bool = False,
    plot: Path | None = None,
) -> Counter[str]:
    """Inspect files, patterns and folders, and show one line per curve as soon as it is known.

    Parameters
    ----------
    given : sequence of str
        Names, patterns, folders.
    options : ReadOptions
        What the files do not say.
    show : callable
        Is given each line.
    as_json : bool
        Lines are JSON objects, else words.
    plot : Path, optional
        Self-contained HTML file to write, with all curves on logarithmic axes.

    Returns
    -------
    Counter
        Curves "read", "asked" about (they need a unit or columns) and "refused".

    Raises
    ------
    UserError
        A unit or columns that are no such thing.
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
    files = list(named_files(given))
    width = min(WIDEST_NAME, max((len(file.name) for file in files), default=0))
    counts: Counter[str] = Counter()
    drawn: list[Inspected] = []
    for curve in _inspected(files, options, plot is not None):
        state = "refused" if curve.error else "asked" if curve.needs else "read"
        counts[state] += 1
        show(json_line(curve) if as_json else text_line(curve, width))
        if curve.spectrum is not None and len(drawn) < MOST_DRAWN:
            drawn.append(curve)
    if plot is not None:
        from pairvae.scattering.inspect_plot import write_plot  # plotly takes a moment to import

        write_plot(plot, drawn, counts["read"] + counts["asked"])
    return counts


def json_line(curve: Inspected) -> str:
    """One curve as a JSON object on one line: the facts of `Inspected`, without the numbers."""
    facts = asdict(replace(curve, spectrum=None))
    del facts["spectrum"]
    return json.dumps({name: _plain(value) for name, value in facts.items()}, allow_nan=False)


def text_line(curve: Inspected, width: int = 0) -> str:
    """One curve in words on one line, its facts in columns.

    Parameters
    ----------
    width : int
        Characters that the name of the file is filled up to.
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
    remarks = [f"needs {_MENDS[need]}" for need in curve.needs]
    remarks += [f"{what}: {count}" for what, count in curve.repairs.items()]
    remarks += curve.warnings
    return _printable("  ".join(facts) + (f"  | {'; '.join(remarks)}" if remarks else ""))


def _inspected(files: Sequence[NamedFile], options: ReadOptions, keep_numbers: bool) -> Iterator[Inspected]:
    jobs = ((file, options, keep_numbers) for file in files)
    for curves in in_order(_inspect, jobs, cores(), _crashed, lambda job: is_small_text(job[0].name)):
        yield from map(Inspected.from_plain, curves)


def _inspect(job: tuple[NamedFile, ReadOptions, bool]) -> list[dict[str, Any]]:
    file, options, keep_numbers = job
    if file.problem:
        return [Inspected(file.name, error=file.problem).to_plain()]
    curves = inspect_file(file.name, options)
    # the numbers need not travel between processes where nobody draws them
    return [(curve if keep_numbers else replace(curve, spectrum=None)).to_plain() for curve in curves]


def _crashed(job: tuple[NamedFile, ReadOptions, bool]) -> list[dict[str, Any]]:
    name = job[0].name
    problem = "ended the process that read it (a damaged file, or too little memory); copy or export it anew"
    return [Inspected(name, error=f"{name}: {problem}").to_plain()]


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
