"""One self-contained page: what a run learnt and how far to trust it."""

import json
import math
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import h5py
import pandas as pd
import plotly.graph_objects as go
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs
from pydantic import BaseModel, ValidationError

from pairvae.assess.figures import (
    CROSS,
    code_correlation,
    error_against_q,
    examples,
    latent_map,
    loss_curves,
    words,
)
from pairvae.atomic import written_whole
from pairvae.errors import UserError
from pairvae.settings import Report

TECHNIQUES = ("saxs", "sans")
LIST_SHOWN = 8  # longer lists of model.json are told by their length and ends


class Score(BaseModel):
    """How close the predictions of one path or baseline come; errors in decades of intensity."""

    rmse_truth: float | None = None
    median_truth: float | None = None
    p90_truth: float | None = None
    rmse_measured: float | None = None
    median_measured: float | None = None
    p90_measured: float | None = None
    reduced_chi2: float | None = None
    coverage: float | None = None
    band_width_dex: float | None = None
    samples: int | None = None
    by_material: dict[str, "Score"] = {}

    def error(self, statistic: str, reference: str) -> float | None:
        """Return `rmse`, `median` or `p90` against `truth` or `measured`; None where it is not a number."""
        value: float | None = getattr(self, f"{statistic}_{reference}")
        return value if value is not None and math.isfinite(value) else None


class Range(BaseModel):
    """Grid of one technique."""

    q_min: float | None = None
    q_max: float | None = None
    points: int | None = None


class Hits(BaseModel):
    """How often the partner is the nearest code, or among the nearest five."""

    top1: float | None = None
    top5: float | None = None
    candidates: int | None = None


class Novelty(BaseModel):
    """How far the test curves lie outside the training data."""

    median: float | None = None
    share_above_1: float | None = None


class Metrics(BaseModel):
    """The numbers of evaluate, as metrics.json holds them."""

    format: Literal[1]
    run: str
    pairs: dict[str, int]
    techniques: dict[str, Range]
    paths: dict[str, Score]
    baselines: dict[str, dict[str, Score]] = {}
    gain_over: dict[str, dict[str, float | None]] = {}
    retrieval: dict[str, Hits] = {}
    coverage_nominal: float | None = None
    novelty: dict[str, Novelty] = {}
    versions: dict[str, Any] = {}

    @property
    def reference(self) -> str:
        """What the page counts against: `truth` where both directions know it, else `measured`."""
        known = all(self.paths[path].error("rmse", "truth") is not None for path in CROSS)
        return "truth" if known else "measured"

    def rivals(self, path: str) -> dict[str, float]:
        """RMSE of every baseline of one direction, the best first."""
        errors = {
            name: scores[path].error("rmse", self.reference)
            for name, scores in self.baselines.items()
            if path in scores
        }
        return dict(sorted(((k, v) for k, v in errors.items() if v is not None), key=lambda item: item[1]))

    def beaten_by(self, path: str) -> list[str]:
        """Baselines that are as good as the PairVAE in one direction, or better."""
        own, gains = self.paths[path].error("rmse", self.reference), self.gain_over.get(path, {})
        rivals = self.rivals(path)
        better = {name for name, gain in gains.items() if gain is not None and gain <= 0}
        better |= {name for name in rivals if gains.get(name) is None and own is not None and rivals[name] <= own}
        return sorted(better, key=lambda name: rivals.get(name, math.inf))


def report(metrics: Path, predictions: Path, model: Path, history: list[Path], settings: Report, output: Path) -> None:
    """Write one self-contained report.html: figures, tables and words, no network.

    Parameters
    ----------
    metrics, predictions : Path
        metrics.json and predictions.h5 of evaluate.
    model : Path
        Model folder; its model.json is shown.
    history : list of Path
        history.csv of each training stage, in the order of training.
    settings : Report
        How much to draw.
    output : Path
        The page to write.

    Raises
    ------
    UserError
        An input is missing or is not what its stage writes; the page is not written.
    """
    numbers = _read_metrics(metrics)
    card = _read_json(model / "model.json")
    losses = {_stage(path): loss_curves(_read_history(path)) for path in history}
    file = _open_predictions(predictions)
    with file:
        try:
            page = {
                "examples": {path: examples(file, path) for path in CROSS},
                "error_figures": {path: error_against_q(file, path) for path in CROSS},
                "latent": latent_map(file, settings.latent_points),
                "correlation": code_correlation(file),
            }
        except (OSError, UnicodeDecodeError) as fault:
            raise UserError(f"{predictions}: damaged ({fault}); run evaluate again") from None
    told = card.get("settings") if isinstance(card, dict) else None
    text = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    text.filters.update(words=words, number=_number, decades=_decades, factor=_factor, percent=_percent, plot=_plot)
    template = text.from_string(files("pairvae.assess").joinpath("report.html.j2").read_text("utf-8"))
    html = template.render(
        **page,
        metrics=numbers,
        cross=CROSS,
        beaten={path: names for path in CROSS if (names := numbers.beaten_by(path))},
        losses=losses,
        settings=list(_flat(told)),
        card=json.dumps(_shortened(card), indent=2, ensure_ascii=False),
        plotlyjs=Markup(get_plotlyjs()),
    )
    with written_whole(output) as temporary:
        temporary.write_text(html, encoding="utf-8")


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as fault:
        raise UserError(f"{path}: cannot be read ({fault.strerror}); run the stage that writes it") from None
    except ValueError as fault:
        raise UserError(f"{path}: is not JSON ({fault}); run the stage that writes it again") from None


def _read_metrics(path: Path) -> Metrics:
    try:
        metrics = Metrics.model_validate(_read_json(path))
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"]) or "top level"
        raise UserError(
            f"{path}: {where}: {fault['msg']}; found {str(fault['input'])[:60]!r}; run evaluate again"
        ) from None
    if missing := [path_name for path_name in CROSS if path_name not in metrics.paths]:
        raise UserError(f"{path}: paths names no {missing[0]}; run evaluate again")
    return metrics


def _read_history(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path)
    except OSError as fault:
        raise UserError(f"{path}: cannot be read ({fault.strerror}); train again") from None
    except ValueError as fault:  # pandas' parser errors and wrong encodings
        raise UserError(f"{path}: is no table of comma-separated values ({fault}); train again") from None
    shown = [name for name in table if str(name).startswith(("train/", "val/")) or name in ("step", "epoch")]
    if not {"step", "epoch"} & set(shown) or all("/" not in str(name) for name in shown):
        raise UserError(f"{path}: found columns {list(table)[:8]}, expected epoch, step, train/…, val/…; train again")
    if words_in := [name for name in shown if not pd.api.types.is_numeric_dtype(table[name])]:
        raise UserError(f"{path}: column {words_in[0]} holds something that is not a number; train again")
    return table


def _stage(history: Path) -> str:
    folder = history.resolve().parent
    return "/".join(folder.parts[-2:]) if folder.parent.name in ("pretrain", "joint_train") else folder.name


def _open_predictions(path: Path) -> h5py.File:
    """Open predictions.h5 and see that every dataset is there in its shape."""
    try:
        file = h5py.File(path, "r")
    except OSError as fault:
        raise UserError(f"{path}: is not a readable HDF5 file ({fault}); run evaluate again") from None
    samples = _shape(file, "sample_id", 1)[0]
    expected: dict[str, tuple[int, ...]] = {"material": (samples,)}
    for technique in TECHNIQUES:
        shape = (samples, _shape(file, f"q/{technique}", 1)[0])
        expected |= {f"measured/{technique}/{name}": shape for name in ("log_intensity", "log_sigma")}
        expected[f"latent/{technique}"] = (samples, _shape(file, f"latent/{technique}", 2)[1])
        if f"truth/{technique}" in file:
            expected[f"truth/{technique}/log_intensity"] = shape
    for path_name in CROSS:
        curves = expected[f"measured/{path_name.split('_from_')[0]}/log_intensity"]
        expected |= {f"predicted/{path_name}/{name}": curves for name in ("log_intensity", "lower", "upper")}
        expected[f"error/{path_name}"] = (samples,)
        for name in file.get("baseline", {}):
            if path_name in file["baseline"][name]:
                expected[f"baseline/{name}/{path_name}"] = curves
    for name, sizes in expected.items():
        if (found := _shape(file, name, len(sizes))) != sizes:
            raise UserError(f"{path}: {name} has shape {found}, expected {sizes}; run evaluate again")
    return file


def _shape(file: h5py.File, name: str, dimensions: int) -> tuple[int, ...]:
    dataset = file.get(name)
    if not isinstance(dataset, h5py.Dataset) or len(dataset.shape) != dimensions:
        raise UserError(f"{file.filename}: found no {dimensions}-dimensional dataset {name}; run evaluate again")
    return tuple(dataset.shape)


def _plot(figure: go.Figure, name: str, label: str) -> Markup:
    """Place a figure: an empty box and its data, which a script at the end of the page draws."""
    data = figure.to_json().replace("<", "\\u003c")  # nothing in it can end the script element
    box = Markup('<div class="plot" id="plot-{}" role="img" aria-label="{}"></div>').format(name, label)
    return box + Markup('<script type="application/json" data-plot="{}">{}</script>').format(name, Markup(data))


def _number(value: float | None, style: str) -> str:
    return "–" if value is None or not math.isfinite(value) else format(value, style).replace("-", "−")


def _decades(value: float | None) -> str:
    return _number(value, ".3f")


def _percent(share: float | None, style: str = ".1f") -> str:
    return "–" if share is None or not math.isfinite(share) else _number(100 * share, style) + "\u00a0%"


def _factor(decades: float | None) -> str:
    """Turn an error in decades into a relative error: 0.041 decades are 10 %."""
    if decades is None or not math.isfinite(decades):
        return "–"
    ratio = 10 ** min(decades, 30.0)
    percent = 100 * (ratio - 1)
    if percent >= 99.5:
        return f"a factor\u00a0{ratio:.2g}"
    return f"{percent:.{0 if percent >= 9.95 else 1}f}\u00a0%"


def _flat(value: Any, above: str = "") -> Any:
    """Yield name and text of every setting, groups joined by dots."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{above}.{key}" if above else str(key))
    elif above:
        yield above, json.dumps(_shortened(value), ensure_ascii=False)


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _shortened(inner) for key, inner in value.items()}
    if isinstance(value, list):
        if len(value) > LIST_SHOWN:
            return f"{len(value)} values, from {str(value[0])[:60]} to {str(value[-1])[:60]}"
        return [_shortened(inner) for inner in value]
    return value
