"""Predicted beside measured curves, with band and residuals."""

import base64
import gzip
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from pairvae.evaluation.predictions_file import Numbers, Predictions
from pairvae.report.figures.style import (
    BLUE,
    GREY,
    INTENSITY,
    MOMENTUM,
    VERMILLION,
    blank,
    linear,
    log_q,
    plain,
    see_through,
    short,
    spoken,
)
from pairvae.techniques import CROSS_PATHS, TECHNIQUES

STEP_DEX = 0.001  # curves in the page are rounded to this many decades: 0.2 %
BAND_STEP_DEX = 0.004  # uncertainties and half bands
NOT_MEASURED = -32768
TITLE_SHOWN = 26  # characters of a sample's name above one of three columns on paper


def examples(predictions: Predictions, path: str) -> dict[str, int]:
    """Rows of the best, the median and the worst test sample of one direction, or of as many as there are."""
    error = predictions[f"error/{path}"]
    order = np.argsort(error, kind="stable")[: int(np.isfinite(error).sum())]
    if order.size == 0:
        return {}
    ranks = {"best": order[0], "median": order[(order.size - 1) // 2], "worst": order[-1]}
    if order.size < 3:
        ranks = {rank: ranks[rank] for rank in ("best", "worst")[: order.size]}
    return {rank: int(row) for rank, row in ranks.items()}


def curves(predictions: Predictions, path: str, rows: dict[str, int]) -> go.Figure:
    """Curves of some samples side by side, the residuals in units of sigma below.

    Parameters
    ----------
    path : str
        target_from_source.
    rows : dict of int
        Samples by the headings of their columns; an empty heading leaves all words to the page.
    """
    technique = path.split("_from_")[0]
    titles = [
        f"{rank}: {plain(predictions.sample[row], TITLE_SHOWN)}<br>{spoken(predictions.material[row])} "
        f"{predictions[f'error/{path}'][row]:.3f} decades"
        for rank, row in rows.items()
        if rank
    ]
    figure = blank(
        height=500 if titles else 450,
        rows=2,
        columns=max(len(rows), 1),
        row_heights=[0.7, 0.3],
        shared_xaxes=True,
        vertical_spacing=0.04,
        horizontal_spacing=0.06,
        column_titles=titles or None,
    )
    for column, row in enumerate(rows.values(), 1):
        for trace, place in zip(_traces(predictions, path, row, column == 1), (1, 1, 1, 1, 1, 2), strict=False):
            if trace is not None:
                figure.add_trace(trace, row=place, col=column)
        figure.add_hrect(-2, 2, row=2, col=column, line_width=0, fillcolor=see_through(GREY, 0.2))
    log_q(figure)
    figure.update_xaxes(title_text=MOMENTUM, row=2)
    figure.update_yaxes(type="log", exponentformat="power", row=1)
    figure.update_yaxes(title_text=INTENSITY, row=1, col=1)
    figure.update_yaxes(title_text="residual in σ", row=2, col=1)
    figure.update_layout(hovermode="x", margin_t=72 if titles else 28)
    figure.update_layout(meta={"technique": technique, "path": path})
    return figure


def _traces(predictions: Predictions, path: str, row: int, legend: bool) -> list[Any]:
    """Lower and upper end of the band, measured, predicted, truth or None, residuals: `explore.js` knows this order."""
    technique = path.split("_from_")[0]
    q = short(predictions[f"q/{technique}"])
    measured, sigma = (
        predictions[f"measured/{technique}/{name}"][row].astype(np.float64) for name in ("log_intensity", "log_sigma")
    )
    middle, lower, upper = (
        predictions[f"predicted/{path}/{name}"][row] for name in ("log_intensity", "lower", "upper")
    )
    edge: dict[str, Any] = {"x": q, "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    up, down = linear(measured + sigma) - linear(measured), linear(measured) - linear(measured - sigma)
    truth = None
    if f"truth/{technique}/log_intensity" in predictions:
        truth = go.Scatter(
            x=q,
            y=linear(predictions[f"truth/{technique}/log_intensity"][row]),
            mode="lines",
            line={"color": VERMILLION, "width": 1.6, "dash": "dash"},
            name="truth",
            hovertemplate="%{y:.3g}",
            showlegend=legend,
        )
    return [
        go.Scatter(y=linear(lower), showlegend=False, **edge),
        go.Scatter(
            y=linear(upper), name="band", fill="tonexty", fillcolor=see_through(BLUE, 0.28), showlegend=legend, **edge
        ),
        go.Scatter(
            x=q,
            y=linear(measured),
            error_y={"array": up, "arrayminus": down, "thickness": 0.7, "width": 0},
            mode="markers",
            marker={"size": 3.5, "color": GREY},
            name="measured",
            hovertemplate="%{y:.3g}",
            showlegend=legend,
        ),
        go.Scatter(
            x=q,
            y=linear(middle),
            mode="lines",
            line={"color": BLUE, "width": 2},
            name="predicted",
            hovertemplate="%{y:.3g}",
            showlegend=legend,
        ),
        truth,
        go.Scatter(
            x=q,
            y=short((measured - middle) / sigma),
            mode="markers",
            marker={"size": 3, "color": GREY},
            name="residual",
            hovertemplate="%{y:.1f} σ",
            showlegend=False,
        ),
    ]


def packed(predictions: Predictions, rows: npt.NDArray[np.int64]) -> dict[str, Any]:
    """All curves of some samples for `explore.js`: differences along q of whole steps, 16 bits each, compressed.

    Parameters
    ----------
    rows : array of int
        Samples.

    Returns
    -------
    dict
        `parts`: name, points and step of each array in its order; `data`: base64 of gzip of all of them, sample by
        sample within an array.
    """
    parts, whole = [], b""
    for name, values, step in _packed_arrays(predictions, rows):
        parts.append({"name": name, "points": values.shape[1], "step": step})
        levels = np.clip(np.round(values / step), -32767, 32767)
        levels = np.nan_to_num(levels, nan=NOT_MEASURED).astype("<i2")
        whole += np.diff(levels, axis=1, prepend=np.zeros((len(levels), 1), "<i2")).astype("<i2").tobytes()
    # no time stamp: the same run gives the same page
    return {"parts": parts, "data": base64.b64encode(gzip.compress(whole, 6, mtime=0)).decode("ascii")}


def _packed_arrays(predictions: Predictions, rows: npt.NDArray[np.int64]) -> Sequence[tuple[str, Numbers, float]]:
    arrays: list[tuple[str, Numbers, float]] = []
    for t in TECHNIQUES:
        arrays.append((f"measured/{t}", predictions[f"measured/{t}/log_intensity"][rows], STEP_DEX))
        arrays.append((f"sigma/{t}", predictions[f"measured/{t}/log_sigma"][rows], BAND_STEP_DEX / 4))
        if f"truth/{t}/log_intensity" in predictions:
            arrays.append((f"truth/{t}", predictions[f"truth/{t}/log_intensity"][rows], STEP_DEX))
    for path in CROSS_PATHS:
        middle, lower, upper = (
            predictions[f"predicted/{path}/{name}"][rows] for name in ("log_intensity", "lower", "upper")
        )
        arrays.append((f"predicted/{path}", middle, STEP_DEX))
        arrays.append((f"below/{path}", middle - lower, BAND_STEP_DEX))
        arrays.append((f"above/{path}", upper - middle, BAND_STEP_DEX))
    return arrays
