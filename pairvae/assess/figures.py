"""What a run learnt, drawn: Plotly figures made from history.csv and predictions.h5."""

from collections import Counter
from dataclasses import dataclass
from html import escape
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots
from sklearn.decomposition import PCA

# Okabe & Ito, Color Universal Design (2008): told apart with any kind of colour vision.
BLUE, VERMILLION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
SKY, PINK, BLACK, GREY = "#56B4E9", "#CC79A7", "#222222", "#8A8A8A"
PALETTE = (BLUE, ORANGE, GREEN, PINK, SKY, VERMILLION, BLACK)
DASHES = ("dash", "dot", "dashdot", "longdash")
SYMBOLS = ("circle", "square", "diamond", "triangle-up")

CROSS = ("sans_from_saxs", "saxs_from_sans")
WORDS = {
    "saxs": "SAXS",
    "sans": "SANS",
    "neighbours": "nearest neighbours",
    "direct": "direct network",
    "kl": "KL divergence",
    "barlow_twins": "Barlow Twins",
}
INTENSITY = "intensity <i>I</i>(<i>q</i>) in 1/cm"
MOMENTUM = "<i>q</i> in 1/Å"
PER_CM = "%{y:.3g} 1/cm"
# Two labels per decade of a logarithmic axis, a tick at every digit.
LABELLED = [digit * 10.0**power for power in range(-6, 4) for digit in (1, 3)]
TICKS: dict[str, Any] = {
    "tickvals": LABELLED,
    "ticktext": [f"{value:g}" for value in LABELLED],
    "minor": {"dtick": "D1", "ticks": "inside", "tickcolor": GREY},
}

EPOCHS_DRAWN = 400  # points per loss curve; more cannot be told apart on a screen
ROWS_READ = 2048  # test samples held in memory at once
MATERIALS_DRAWN = 12  # the rarer ones share one colour

Numbers = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Example:
    """One predicted curve of the test split.

    Parameters
    ----------
    rank : {"best", "median", "worst"}
        Where its error stands among all test samples.
    sample, material : str
        As in the predictions file, not escaped.
    error : float
        Root-mean-square error in decades of intensity.
    figure : plotly.graph_objects.Figure
        Measured points, truth where known, prediction and band.
    """

    rank: str
    sample: str
    material: str
    error: float
    figure: go.Figure


def words(name: str) -> str:
    """Name of a path, a technique, a baseline or a loss for a reader: `sans_from_saxs` is SANS from SAXS."""
    if "_from_" in name:
        return " from ".join(words(part) for part in name.split("_from_", 1))
    return WORDS.get(name, name.replace("_", " "))


def loss_curves(history: pd.DataFrame) -> go.Figure:
    """Losses of one training stage: training dotted, validation solid, one colour per term.

    Terms that fall to zero or below cannot stand on a logarithmic axis; they get a linear one of their own.

    Parameters
    ----------
    history : DataFrame
        A column `step` or `epoch`, and columns `train/<term>` and `val/<term>`; empty where not computed.
    """
    over = "step" if "step" in history else "epoch"
    columns = [str(name) for name in history.dropna(axis="columns", how="all")]
    columns = [name for name in columns if name.startswith(("train/", "val/"))]
    terms = list(dict.fromkeys(name.split("/", 1)[1] for name in columns))
    linear = {name.split("/", 1)[1] for name in columns if history[name].min() <= 0}
    rows = 2 if linear and set(terms) - linear else 1
    figure = _blank(height=300 if rows == 1 else 460, rows=rows)
    for number, term in enumerate(terms):
        splits = [split for split in ("train", "val") if f"{split}/{term}" in columns]
        for split in splits:
            line = history[[over, f"{split}/{term}"]].dropna()
            line = line.iloc[_spread(len(line), EPOCHS_DRAWN)]
            figure.add_scatter(
                x=_short(line[over]),
                y=_short(line[f"{split}/{term}"]),
                name=escape(words(term), quote=False)[:60],
                mode="lines" if len(line) > 1 else "markers",
                line={
                    "color": PALETTE[number % len(PALETTE)],
                    "width": 2 if split == "val" else 1.2,
                    "dash": "solid" if split == "val" else "dot",
                },
                legendgroup=term,
                showlegend=split == splits[-1],
                hovertemplate=f"{split} %{{y:.4g}}",
                row=2 if rows == 2 and term in linear else 1,
                col=1,
            )
    figure.update_xaxes(title_text="optimiser step" if over == "step" else "epoch", row=rows)
    figure.update_yaxes(title_text="loss")
    if set(terms) - linear:
        figure.update_yaxes(type="log", exponentformat="power", row=1)
    figure.update_layout(hovermode="x unified")
    return figure


def examples(predictions: h5py.File, path: str) -> list[Example]:
    """Draw the best, the median and the worst test sample of one direction, or as many as there are."""
    error = predictions[f"error/{path}"][:]
    order = np.argsort(error, kind="stable")[: int(np.isfinite(error).sum())]
    if not order.size:
        return []
    ranks = {"best": order[0], "median": order[(order.size - 1) // 2], "worst": order[-1]}
    if order.size < 3:
        ranks = {rank: ranks[rank] for rank in ("best", "worst")[: order.size]}
    sample, material = predictions["sample_id"].asstr(), predictions["material"].asstr()
    return [
        Example(rank, sample[row], material[row], float(error[row]), _example(predictions, path, row))
        for rank, row in ranks.items()
    ]


def error_against_q(predictions: h5py.File, path: str) -> go.Figure:
    """Root-mean-square error over the test samples at each q, for the PairVAE and every baseline.

    Only q points that were measured count, so all curves are judged on the same points.
    """
    technique = path.split("_from_")[0]
    rivals = sorted(name for name, group in predictions.get("baseline", {}).items() if path in group)
    judged = {"PairVAE": predictions[f"predicted/{path}/log_intensity"]}
    judged.update({words(name): predictions[f"baseline/{name}/{path}"] for name in rivals})
    figure = _blank(height=360)
    q = predictions[f"q/{technique}"][:]
    for number, (name, predicted) in enumerate(judged.items()):
        style: dict[str, Any] = {"color": BLUE, "width": 3}
        if number:
            style = {"color": PALETTE[number % len(PALETTE)], "dash": DASHES[(number - 1) % 4], "width": 1.8}
        error = _rmse_per_q(predictions, technique, predicted)
        _line(figure, q, error, name, "%{y:.3f} decades", **style)
    _log_q(figure)
    figure.update_yaxes(type="log", title_text="RMSE in decades", **TICKS)
    figure.update_layout(hovermode="x unified")
    return figure


def latent_map(predictions: h5py.File, points: int) -> go.Figure:
    """Codes of both techniques on their two principal axes, coloured by material, partners joined by a line.

    Parameters
    ----------
    predictions : h5py.File
        Open predictions file.
    points : int
        Samples to draw at most; they are taken evenly from the test split.
    """
    rows = _spread(predictions["sample_id"].shape[0], points)
    codes = {technique: predictions[f"latent/{technique}"][:][rows] for technique in ("saxs", "sans")}
    finite = np.isfinite(codes["saxs"]).all(1) & np.isfinite(codes["sans"]).all(1)
    figure = _blank(height=560)
    if not finite.any():
        return figure
    both = np.concatenate([codes["saxs"][finite], codes["sans"][finite]]).astype(np.float64)
    centred = both - both.mean(0)
    pca = PCA(2, svd_solver="full").fit(centred)
    share = pca.explained_variance_ / max(centred.var(0, ddof=1).sum(), np.finfo(float).tiny)
    saxs, sans = np.split(pca.transform(centred), 2)
    sample = predictions["sample_id"].asstr()[:][rows][finite]
    material = _common(predictions["material"].asstr()[:][rows][finite])

    gap = np.full(len(saxs), np.nan)
    figure.add_scatter(
        x=_short(np.stack([saxs[:, 0], sans[:, 0], gap], 1).ravel()),
        y=_short(np.stack([saxs[:, 1], sans[:, 1], gap], 1).ravel()),
        mode="lines",
        line={"color": "rgba(0, 0, 0, 0.22)", "width": 0.7},
        name="partners",
        hoverinfo="skip",
    )
    for number, name in enumerate(sorted(set(material))):
        here = material == name
        symbol, colour = SYMBOLS[number // len(PALETTE) % 4], PALETTE[number % len(PALETTE)]
        for technique, place in (("saxs", saxs[here]), ("sans", sans[here])):
            figure.add_scatter(
                x=_short(place[:, 0]),
                y=_short(place[:, 1]),
                mode="markers",
                marker={
                    "symbol": symbol if technique == "saxs" else f"{symbol}-open",
                    "size": 7 if technique == "saxs" else 8,
                    "color": colour,
                    "opacity": 0.8,
                    "line": {"width": 0 if technique == "saxs" else 1.4},
                },
                name=escape(name, quote=False),
                legendgroup=name,
                showlegend=technique == "saxs",
                text=[escape(text, quote=False) for text in sample[here]],
                hovertemplate=f"%{{text}}<br>{WORDS[technique]}",
            )
    figure.update_xaxes(title_text=f"first principal axis ({100 * share[0]:.0f} % of the variance)")
    figure.update_yaxes(title_text=f"second principal axis ({100 * share[1]:.0f} %)")
    return figure


def code_correlation(predictions: h5py.File) -> go.Figure:
    """Correlation of every SAXS code component with every SANS code component over the test split."""
    saxs, sans = (predictions[f"latent/{name}"][:].astype(np.float64) for name in ("saxs", "sans"))
    finite = np.isfinite(saxs).all(1) & np.isfinite(sans).all(1)
    figure = _blank(height=560)
    if finite.sum() < 2:
        return figure
    correlation = _standard(saxs[finite]).T @ _standard(sans[finite]) / finite.sum()
    figure.add_heatmap(
        z=np.round(correlation, 3).astype(np.float32),
        zmin=-1,
        zmax=1,
        colorscale=[[0, VERMILLION], [0.5, "#FFFFFF"], [1, BLUE]],
        colorbar={"title": {"text": "correlation", "side": "right"}, "thickness": 14, "outlinewidth": 0},
        hovertemplate="SAXS %{y}, SANS %{x}: %{z:.2f}<extra></extra>",
    )
    ends = (-0.5, correlation.shape[0] - 0.5)
    figure.update_layout(xaxis={"title_text": "component of the SANS code", "range": ends})
    figure.update_layout(yaxis={"title_text": "component of the SAXS code", "range": ends[::-1]})
    figure.update_xaxes(showgrid=False, constrain="domain", tickformat="d")
    figure.update_yaxes(showgrid=False, constrain="domain", tickformat="d", scaleanchor="x")
    return figure


def _example(predictions: h5py.File, path: str, row: int) -> go.Figure:
    technique = path.split("_from_")[0]
    q = predictions[f"q/{technique}"][:]
    measured = predictions[f"measured/{technique}/log_intensity"][row].astype(np.float64)
    sigma = predictions[f"measured/{technique}/log_sigma"][row].astype(np.float64)
    predicted = predictions[f"predicted/{path}"]
    figure = _blank(height=400)
    edge: dict[str, Any] = {"x": _short(q), "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    figure.add_scatter(y=_linear(predicted["lower"][row]), showlegend=False, **edge)
    edge |= {"fill": "tonexty", "fillcolor": "rgba(0, 114, 178, 0.25)"}
    figure.add_scatter(y=_linear(predicted["upper"][row]), name="band", **edge)
    middle, up, down = _linear(measured), _linear(measured + sigma), _linear(measured - sigma)
    figure.add_scatter(
        x=_short(q),
        y=middle,
        error_y={"array": up - middle, "arrayminus": middle - down, "thickness": 0.7, "width": 0},
        mode="markers",
        marker={"size": 3.5, "color": GREY},
        name="measured",
        hovertemplate=PER_CM,
    )
    _line(figure, q, _linear(predicted["log_intensity"][row]), "predicted", PER_CM, color=BLUE, width=2)
    if f"truth/{technique}" in predictions:
        truth = _linear(predictions[f"truth/{technique}/log_intensity"][row])
        _line(figure, q, truth, "truth", PER_CM, color=VERMILLION, width=1.6, dash="dash")
    _log_q(figure)
    figure.update_yaxes(type="log", title_text=INTENSITY, exponentformat="power", dtick=1)
    figure.update_layout(hovermode="x unified")
    return figure


def _rmse_per_q(predictions: h5py.File, technique: str, predicted: h5py.Dataset) -> Numbers:
    measured = predictions[f"measured/{technique}/log_intensity"]
    truth = predictions.get(f"truth/{technique}/log_intensity", measured)
    total, count = np.zeros(measured.shape[1]), np.zeros(measured.shape[1])
    for start in range(0, measured.shape[0], ROWS_READ):
        rows = slice(start, start + ROWS_READ)
        square = (predicted[rows].astype(np.float64) - truth[rows]) ** 2
        square[~np.isfinite(measured[rows])] = np.nan
        total += np.nansum(square, axis=0)
        count += np.isfinite(square).sum(0)
    mean: Numbers = np.divide(total, count, out=np.full(count.shape, np.nan), where=count > 0)
    return np.sqrt(mean)


def _common(material: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Names of the materials, the rare ones as "other", an empty one as "unnamed", long ones cut."""
    named = np.array([(name or "unnamed")[:40] for name in material], dtype=object)
    ranked = [name for name, _ in Counter(named).most_common()]
    kept = set(ranked if len(ranked) <= MATERIALS_DRAWN else ranked[: MATERIALS_DRAWN - 1])
    return np.array([name if name in kept else "other" for name in named], dtype=object)


def _standard(codes: Numbers) -> Numbers:
    """Columns of mean 0 and deviation 1; a constant column has no correlation and becomes NaN."""
    deviation = codes.std(0)
    standard: Numbers = (codes - codes.mean(0)) / np.where(deviation > 0, deviation, np.nan)
    return standard


def _spread(available: int, wanted: int) -> npt.NDArray[np.int64]:
    """Up to `wanted` row numbers, evenly spaced, first and last included."""
    return np.unique(np.linspace(0, max(available - 1, 0), min(wanted, available)).round().astype(np.int64))


def _linear(log_intensity: Numbers) -> npt.NDArray[np.float32]:
    return _short(10.0 ** np.clip(np.asarray(log_intensity, np.float64), -30, 30))


def _short(values: Any) -> npt.NDArray[np.float32]:
    """Single precision: Plotly embeds it in 5 characters a number."""
    return np.asarray(values, dtype=np.float32)


def _log_q(figure: go.Figure) -> None:
    figure.update_xaxes(type="log", title_text=MOMENTUM, hoverformat=".3g", **TICKS)


def _line(figure: go.Figure, q: Numbers, y: Numbers, name: str, hover: str, **style: Any) -> None:
    shown = {"name": escape(name, quote=False), "hovertemplate": hover}
    figure.add_scatter(x=_short(q), y=_short(y), mode="lines", line=style, **shown)


def _blank(height: int, rows: int = 1) -> go.Figure:
    """White ground, thin grid, legend below; the width follows the page."""
    figure = make_subplots(rows, 1, shared_xaxes=True, vertical_spacing=0.08)
    axis = {"gridcolor": "#E6E6E6", "linecolor": "#9A9A9A", "showline": True, "mirror": True}
    axis |= {"zeroline": False, "automargin": True, "ticks": "inside"}
    figure.update_xaxes(**axis).update_yaxes(**axis)
    return figure.update_layout(
        template="none",
        height=height,
        margin={"l": 10, "r": 12, "t": 28, "b": 10},
        font={"family": "system-ui, -apple-system, Segoe UI, Roboto, sans-serif", "size": 13, "color": BLACK},
        legend={"orientation": "h", "x": 0, "y": 0, "yanchor": "bottom", "yref": "container"},
        legend_traceorder="normal",
        modebar={"bgcolor": "rgba(255, 255, 255, 0)", "color": "#9A9A9A", "activecolor": BLUE},
        paper_bgcolor="#FFFFFF",
        plot_bgcolor="#FFFFFF",
    )
