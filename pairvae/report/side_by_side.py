"""Several runs side by side."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from pairvae.report.figures.errors import rmse
from pairvae.report.figures.style import MOMENTUM, TICKS, blank, colour, dash, line, log_q, plain, short, words
from pairvae.report.run_files import Run, flat
from pairvae.techniques import CROSS_PATHS


def side_by_side(runs: Sequence[Run]) -> dict[str, Any]:
    """Figures and tables that hold all runs, by the names that side_by_side.html.j2 uses.

    Parameters
    ----------
    runs : sequence of Run
        In the order of the columns.
    """
    named = dict(zip(_names(runs), runs, strict=True))
    reference = "truth" if all(run.metrics.reference == "truth" for run in runs) else "measured"
    tested = [sorted(run.predictions.sample) for run in runs]
    return {
        "runs": named,
        "cross": CROSS_PATHS,
        "reference": reference,
        "same_test": all(samples == tested[0] for samples in tested),
        "settings": _differing(named),
        "materials": sorted(
            {kind for run in runs for path in CROSS_PATHS for kind in run.metrics.paths[path].by_material}
        ),
        "error_against_q": {path: _error_against_q(named, path, reference) for path in CROSS_PATHS},
        "validation": _validation(named),
        "errors": {path: _distribution(named, path) for path in CROSS_PATHS},
    }


def _names(runs: Sequence[Run]) -> list[str]:
    """Names of the runs, counted where several have the same."""
    names = [run.metrics.run for run in runs]
    seen: Counter[str] = Counter()
    counted = []
    for name in names:
        seen[name] += 1
        counted.append(f"{name} ({seen[name]})" if names.count(name) > 1 else name)
    return counted


def _differing(named: dict[str, Run]) -> dict[str, list[str]]:
    """Settings of the model that are not the same in all runs, with the value of each run."""
    settings = [
        dict(flat({part: run.card.get(part) for part in ("settings", "network") if run.card.get(part)}))
        if isinstance(run.card, dict)
        else {}
        for run in named.values()
    ]
    keys = list(dict.fromkeys(key for run in settings for key in run))
    values = {key: [run.get(key, "–") for run in settings] for key in keys}
    return {key: row for key, row in values.items() if len(set(row)) > 1}


def _error_against_q(named: dict[str, Run], path: str, reference: str) -> go.Figure:
    technique = path.split("_from_")[0]
    figure = blank(height=400)
    for number, (name, run) in enumerate(named.items()):
        p = run.predictions
        expected = p.known(technique) if reference == "truth" else p[f"measured/{technique}/log_intensity"]
        error = rmse(p[f"predicted/{path}/log_intensity"] - expected)
        line(figure, p[f"q/{technique}"], error, name, ".3f", color=colour(number), dash=dash(number), width=2)
    log_q(figure)
    figure.update_xaxes(title_text=MOMENTUM)
    figure.update_yaxes(type="log", title_text="RMSE in decades", **TICKS)
    return figure.update_layout(hovermode="x unified")


def _distribution(named: dict[str, Run], path: str) -> go.Figure:
    """Share of the test samples below each error."""
    figure = blank(height=400)
    for number, (name, run) in enumerate(named.items()):
        error = np.sort(run.predictions[f"error/{path}"])
        error = error[np.isfinite(error) & (error > 0)]
        figure.add_scatter(
            x=short(error),
            y=short((np.arange(error.size) + 1) / max(error.size, 1)),
            mode="lines",
            line={"color": colour(number), "dash": dash(number), "width": 2},
            name=plain(name),
            hovertemplate="%{y:.0%} of the samples below %{x:.3f} decades",
        )
    figure.update_xaxes(type="log", title_text=f"error of a sample in decades, {words(path)}", **TICKS)
    figure.update_yaxes(title_text="share of the test samples", tickformat=".0%", range=[0, 1])
    return figure


def _validation(named: dict[str, Run]) -> go.Figure:
    """Validation loss of joint training against the optimiser's steps."""
    figure = blank(height=400)
    for number, (name, run) in enumerate(named.items()):
        # of an ensemble, the first member
        history = next((table for stage, table in run.history.items() if stage.startswith("joint_train")), None)
        if history is None or "val/loss" not in history:
            continue
        over = "step" if "step" in history else "epoch"
        figure.add_scatter(
            x=short(history[over]),
            y=short(history["val/loss"]),
            mode="lines+markers",
            marker={"size": 4},
            line={"color": colour(number), "dash": dash(number), "width": 2},
            name=plain(name),
            hovertemplate="%{y:.4g}",
        )
    figure.update_xaxes(title_text="optimiser step")
    figure.update_yaxes(type="log", title_text="validation loss of joint_train", exponentformat="power")
    return figure.update_layout(hovermode="x unified")
