"""How far predictions are off, along q, and how well their bands keep their word."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from scipy.stats import norm

from pairvae.evaluation.predictions_file import Numbers, Predictions
from pairvae.report.figures.style import (
    BLUE,
    DASHES,
    GREY,
    MOMENTUM,
    TICKS,
    blank,
    colour,
    common,
    dash,
    line,
    log_q,
    short,
    words,
)
from pairvae.techniques import CROSS_PATHS

LEVELS = np.round(np.linspace(0.05, 0.95, 19), 2)
DRAWN_PATHS = (*CROSS_PATHS, "sans_from_sans", "saxs_from_saxs")
DECADES = ".3f"


def error_against_q(predictions: Predictions, path: str) -> go.Figure:
    """Root-mean-square error over the test samples at each q, for the PairVAE and every baseline.

    Only q points that were measured count, so all curves are judged on the same points.
    """
    technique = path.split("_from_")[0]
    known, q = predictions.known(technique), predictions[f"q/{technique}"]
    figure = _error_axes()
    line(
        figure, q, rmse(predictions[f"predicted/{path}/log_intensity"] - known), "PairVAE", DECADES, color=BLUE, width=3
    )
    judged = [name for name in predictions.rivals if f"baseline/{name}/{path}" in predictions]
    for number, name in enumerate(judged, 1):
        error = rmse(predictions[f"baseline/{name}/{path}"] - known)
        style = {"color": colour(number), "dash": DASHES[1:][(number - 1) % 3], "width": 1.8}
        line(figure, q, error, words(name), DECADES, **style)
    return figure


def error_by_material(predictions: Predictions, path: str) -> go.Figure:
    """The PairVAE's root-mean-square error at each q, one line per material."""
    technique = path.split("_from_")[0]
    error = predictions[f"predicted/{path}/log_intensity"] - predictions.known(technique)
    material = common(predictions.material)
    figure = _error_axes()
    for number, name in enumerate(sorted(set(material))):
        style = {"color": colour(number), "dash": dash(number), "width": 1.8}
        line(
            figure,
            predictions[f"q/{technique}"],
            rmse(error[material == name]),
            name.replace("_", " "),
            DECADES,
            **style,
        )
    return figure


def coverage_against_level(predictions: Predictions, nominal: float) -> go.Figure:
    """Share of the measured points inside the bands of other levels, all four paths.

    The band was calibrated at one level; at others its half width is scaled as a normal error would have it.
    """
    figure = blank(height=400)
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"color": GREY, "width": 1, "dash": "dash"}, name="what is promised"
    )
    scale = norm.ppf(0.5 + LEVELS / 2) / norm.ppf(0.5 + nominal / 2)
    for number, path in enumerate(DRAWN_PATHS):
        score = np.sort(_score(predictions, path), axis=None)
        score = score[np.isfinite(score)]
        inside = np.searchsorted(score, scale, side="right") / max(score.size, 1)
        figure.add_scatter(
            x=short(LEVELS),
            y=short(inside),
            mode="lines+markers",
            line={"color": colour(number), "width": 2 if path in CROSS_PATHS else 1.3, "dash": DASHES[number // 2]},
            marker={"size": 5},
            name=words(path),
            hovertemplate="%{x:.0%} promised, %{y:.1%} found",
        )
    figure.add_vline(nominal, line={"color": GREY, "width": 1, "dash": "dot"})
    figure.update_xaxes(title_text="nominal level of the band", range=[0, 1], tickformat=".0%")
    figure.update_yaxes(title_text="measured points inside", range=[0, 1], tickformat=".0%")
    return figure


def coverage_against_q(predictions: Predictions, nominal: float) -> go.Figure:
    """Share of the measured points inside the calibrated band at each q, both cross-predictions."""
    figure = blank(height=400)
    for number, path in enumerate(CROSS_PATHS):
        score = _score(predictions, path)
        count = np.isfinite(score).sum(axis=0)
        inside = np.divide((score <= 1).sum(axis=0), count, out=np.full(count.shape, np.nan), where=count > 0)
        q = predictions[f"q/{path.split('_from_')[0]}"]
        line(figure, q, inside, words(path), ".1%", color=colour(number), width=2, dash=DASHES[number])
    figure.add_hline(nominal, line={"color": GREY, "width": 1, "dash": "dash"})
    log_q(figure)
    figure.update_xaxes(title_text=MOMENTUM)
    figure.update_yaxes(title_text="measured points inside", tickformat=".0%")
    return figure.update_layout(hovermode="x unified")


def _score(predictions: Predictions, path: str) -> Numbers:
    """Deviation of measured points in units of the half band, NaN where not measured, shape (samples, q)."""
    technique = path.split("_from_")[0]
    middle, lower, upper = (predictions[f"predicted/{path}/{name}"] for name in ("log_intensity", "lower", "upper"))
    away = predictions[f"measured/{technique}/log_intensity"] - middle
    half = np.where(away < 0, middle - lower, upper - middle)
    return np.abs(away) / np.maximum(half, np.finfo(np.float32).tiny)


def rmse(error: Numbers) -> Numbers:
    """Root mean square over samples at each q; NaN where nothing is known."""
    square = np.asarray(error, np.float64) ** 2
    count = np.isfinite(square).sum(axis=0)
    total: Numbers = np.nansum(square, axis=0)
    mean: Numbers = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    return np.sqrt(mean)


def _error_axes() -> Any:
    figure = blank(height=400)
    log_q(figure)
    figure.update_xaxes(title_text=MOMENTUM)
    figure.update_yaxes(type="log", title_text="RMSE in decades", **TICKS)
    return figure.update_layout(hovermode="x unified")
