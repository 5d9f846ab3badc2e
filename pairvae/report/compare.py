"""The runs of a sweep side by side: the best by validation, with the spread over seeds."""

import itertools
import json
import math
import os
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, StrictUndefined

from pairvae.errors import UserError
from pairvae.files.whole import written_whole
from pairvae.techniques import CROSS_PATHS

VALIDATION, TEST, COVERAGE = ([f"{kind}/{path}" for path in CROSS_PATHS] for kind in ("validation", "test", "coverage"))


def compare(sweep: Mapping[str, Sequence[Any]], metrics: Sequence[Path], report: Path, table: Path) -> None:
    """Write a page and a table that compare the runs of a sweep.

    Runs that differ in their seeds or folds alone are repetitions: their mean and standard deviation are shown. The
    best settings are those with the lowest mean error on the validation samples, both directions counted alike.

    Parameters
    ----------
    sweep : mapping
        Values by setting.
    metrics : sequence of Path
        metrics.json of every combination, the values of the last setting varying fastest.
    report, table : Path
        HTML page and CSV file to write; the table has a row per run.

    Raises
    ------
    UserError
        There are more or fewer files than combinations, or one is not what `evaluate` writes.
    """
    combinations = list(itertools.product(*sweep.values()))
    if len(combinations) != len(metrics):
        raise UserError(
            f"{report}: found {len(metrics)} runs for {len(combinations)} combinations; run the sweep again"
        )
    runs = pd.DataFrame([_scores(path) for path in metrics])
    names = list(sweep)
    for position, name in enumerate(names):
        runs.insert(position, name, [_spelt(values[position]) for values in combinations])
    runs.insert(len(names), "run", [os.path.relpath(path.parent, report.parent) for path in metrics])
    best_first = settings_by_validation(runs, [name for name in names if not is_repetition(name)])
    text = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    text.filters["figure"] = _figure
    page = text.from_string(files("pairvae.report").joinpath("compare.html.j2").read_text("utf-8")).render(
        name=report.absolute().parent.name,
        runs=runs.to_dict("records"),
        names=names,
        best_first=best_first,
        clear=clearly_best(best_first),
        validation=VALIDATION,
        test=TEST,
        coverage=COVERAGE,
        missing=math.nan,
    )
    with written_whole(table) as temporary:
        runs.to_csv(temporary, index=False, lineterminator="\n")
    with written_whole(report) as temporary:
        temporary.write_text(page, encoding="utf-8")
    print(f"compare: {len(runs)} runs, best by validation: {best_first[0]['settings'] or 'there is one setting only'}")


def is_repetition(name: str) -> bool:
    """Whether runs repeat each other that differ in this setting alone: a seed, or the fold of a cross-validation."""
    return name.rpartition(".")[2] == "seed" or name == "pair.fold"


def settings_by_validation(runs: pd.DataFrame, names: list[str]) -> list[dict[str, Any]]:
    """Mean and spread over seeds and folds of every combination of the other settings, the best first.

    Parameters
    ----------
    runs : DataFrame
        A row per run: the settings, `VALIDATION`, `TEST` and `COVERAGE`.
    names : list of str
        Settings that are no seeds and no folds.

    Returns
    -------
    list of dict
        `settings` (as text), `runs` (how many), `score` (mean over both directions of the validation error), and for
        it and every score `mean` and `std` (standard deviation between runs, NaN for a single one).
    """
    scores = [*VALIDATION, *TEST, *COVERAGE]
    groups = runs.groupby(names, sort=False) if names else [((), runs)]
    summaries = []
    for values, group in groups:
        columns = {name: group[name] for name in scores} | {"score": group[VALIDATION].mean(axis=1)}
        summaries.append(
            {
                "settings": ", ".join(f"{name} = {value}" for name, value in zip(names, values, strict=True)),
                "runs": len(group),
                **{name: {"mean": column.mean(), "std": column.std(ddof=1)} for name, column in columns.items()},
            }
        )
    return sorted(summaries, key=lambda row: (math.isnan(row["score"]["mean"]), row["score"]["mean"]))


def clearly_best(best_first: list[dict[str, Any]]) -> bool | None:
    """Whether the best settings lead by more than the spread over seeds and folds; None where that is not known."""
    if len(best_first) < 2:
        return None
    first, second = (row["score"] for row in best_first[:2])
    spread = math.hypot(first["std"], second["std"])
    return None if math.isnan(spread) else bool(second["mean"] - first["mean"] > spread)


def _scores(path: Path) -> dict[str, float]:
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
        paths, validation = metrics["paths"], metrics["validation"]
        error = "rmse_truth" if all(paths[name]["rmse_truth"] is not None for name in CROSS_PATHS) else "rmse_measured"
        return (
            {f"validation/{name}": _number(validation[name]["rmse_measured"]) for name in CROSS_PATHS}
            | {f"test/{name}": _number(paths[name][error]) for name in CROSS_PATHS}
            | {f"coverage/{name}": _number(paths[name]["coverage"]) for name in CROSS_PATHS}
        )
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UserError(f"{path}: is not what evaluate writes ({error!r}); run evaluate again") from None


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _spelt(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _figure(score: Mapping[str, float], style: str = ".4f") -> str:
    if not np.isfinite(score["mean"]):
        return "–"
    spread = f" ± {score['std']:{style}}" if np.isfinite(score["std"]) else ""
    return f"{score['mean']:{style}}{spread}"
