"""All that a report says of one run, read from the files of its stages."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from pairvae.errors import UserError
from pairvae.evaluation.metrics_file import Metrics, read_json, read_metrics
from pairvae.evaluation.predictions_file import Predictions, read_predictions
from pairvae.files.unreadable import unreadable

STAGES = ("pretrain", "joint_train")
LIST_SHOWN = 8  # longer lists of model.json are shortened to their length and ends


@dataclass(frozen=True, eq=False)
class Run:
    """One run.

    Parameters
    ----------
    metrics : Metrics
        metrics.json, checked.
    numbers : dict
        metrics.json as it stands there.
    predictions : Predictions
        The test split.
    card : dict
        model.json.
    history : dict of DataFrame
        Losses by stage, in the order of training.
    seconds : dict of float
        Run time by stage; empty where nobody measured it.
    """

    metrics: Metrics
    numbers: dict[str, Any]
    predictions: Predictions
    card: Any
    history: dict[str, pd.DataFrame]
    seconds: dict[str, float]


def read_run(
    metrics: Path, predictions: Path, model: Path, history: Sequence[Path], benchmarks: Path | None = None
) -> Run:
    """Read the files of one run.

    Parameters
    ----------
    metrics, predictions : Path
        What evaluate wrote.
    model : Path
        Model folder.
    history : sequence of Path
        history.csv of each training stage, in the order of training.
    benchmarks : Path, optional
        Folder of Snakemake's benchmark tables.

    Raises
    ------
    UserError
        A file is missing or is not what its stage writes.
    """
    checked = read_metrics(metrics)
    return Run(
        metrics=checked,
        numbers=read_json(metrics),
        card=read_json(model / "model.json"),
        history={_stage(path): _read_history(path) for path in history},
        seconds=_read_benchmarks(benchmarks) if benchmarks else {},
        predictions=read_predictions(predictions),
    )


def read_run_folder(folder: Path) -> Run:
    """Read a run from `results/<run>`, where the workflow puts it."""
    if not (folder / "metrics.json").is_file():
        raise UserError(f"{folder}: is no folder of a run: it holds no metrics.json; name folders as results/demo")
    history = [path for stage in STAGES for path in sorted((folder / stage).glob("**/history.csv"))]
    return read_run(
        folder / "metrics.json", folder / "predictions.h5", folder / "model", history, folder / "benchmarks"
    )


def _read_history(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path)
    except PermissionError:
        raise unreadable(path) from None
    except OSError as fault:
        raise UserError(f"{path}: cannot be read ({fault.strerror}); train again") from None
    except ValueError as fault:  # pandas' parser errors and wrong encodings
        raise UserError(f"{path}: is no table of comma-separated values ({fault}); train again") from None
    shown = [name for name in table if str(name).startswith(("train/", "val/")) or name in ("epoch", "kl_weight")]
    if "epoch" not in shown or all("/" not in str(name) for name in shown):
        raise UserError(f"{path}: found columns {list(table)[:8]}, expected epoch, train/…, val/…; train again")
    if words_in := [name for name in shown if not pd.api.types.is_numeric_dtype(table[name])]:
        raise UserError(f"{path}: column {words_in[0]} holds something that is not a number; train again")
    return table


def _stage(history: Path) -> str:
    folder = history.resolve().parent
    return "/".join(folder.parts[-2:]) if folder.parent.name in ("pretrain", "joint_train") else folder.name


def _read_benchmarks(folder: Path) -> dict[str, float]:
    """Seconds by stage; what is no benchmark of Snakemake is left out: it is not worth losing the report."""
    seconds = {}
    for path in sorted(folder.rglob("*.tsv")):
        try:
            seconds[path.relative_to(folder).with_suffix("").as_posix()] = float(
                pd.read_csv(path, sep="\t")["s"].mean()
            )
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return seconds


def flat(value: Any, above: str = "") -> Any:
    """Yield name and text of every setting, groups joined by dots."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from flat(inner, f"{above}.{key}" if above else str(key))
    elif above:
        yield above, json.dumps(shortened(value), ensure_ascii=False)


def shortened(value: Any) -> Any:
    """The same with long lists shortened to their length and ends."""
    if isinstance(value, dict):
        return {str(key): shortened(inner) for key, inner in value.items()}
    if isinstance(value, list):
        if len(value) > LIST_SHOWN:
            return f"{len(value)} values, from {str(value[0])[:60]} to {str(value[-1])[:60]}"
        return [shortened(inner) for inner in value]
    return value
