"""The latent space: where samples lie, what both codes share, how far they are from the prior."""

from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
import torch
from scipy.stats import norm
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from pairvae.evaluation.predictions_file import Numbers, Predictions
from pairvae.models.resvae import Code
from pairvae.report.figures.style import (
    BLUE,
    COLOUR_OF,
    GREY,
    VERMILLION,
    blank,
    colour,
    common,
    plain,
    see_through,
    short,
    spoken,
    symbol,
    words,
)
from pairvae.techniques import TECHNIQUES
from pairvae.train.training_summary import kl_per_unit

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
DRAWS = 16  # of each posterior, for the aggregate posterior
NEIGHBOURHOOD = 30  # t-SNE: about how many neighbours count (its perplexity)
ITERATIONS = 500  # t-SNE


def finite_rows(predictions: Predictions, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Those of the rows whose codes are numbers."""
    finite = [np.isfinite(predictions[f"latent/{t}"][rows]).all(axis=1) for t in TECHNIQUES]
    return rows[finite[0] & finite[1]]


def principal_axes(predictions: Predictions, rows: npt.NDArray[np.int64]) -> tuple[dict[str, Numbers], Numbers]:
    """Codes on the two principal axes of both techniques together, and the axes' shares of the variance.

    Returns
    -------
    dict of array, shape (rows, 2)
        One per technique.
    array, shape (2,)
    """
    codes = [predictions[f"latent/{t}"][rows].astype(np.float64) for t in TECHNIQUES]
    if not len(rows):
        return dict.fromkeys(TECHNIQUES, np.zeros((0, 2))), np.zeros(2)
    both = np.concatenate(codes)
    centred = both - both.mean(axis=0)
    pca = PCA(2, svd_solver="full").fit(centred)
    share = pca.explained_variance_ / max(centred.var(axis=0, ddof=1).sum(), np.finfo(float).tiny)
    places = np.split(pca.transform(centred), 2)
    return dict(zip(TECHNIQUES, places, strict=True)), share


def neighbour_map(predictions: Predictions, rows: npt.NDArray[np.int64]) -> Numbers:
    """Map that keeps neighbours together (t-SNE) of the mean of both codes, shape (rows, 2).

    References
    ----------
    van der Maaten and Hinton, J. Mach. Learn. Res. 9 (2008) 2579.
    """
    code = np.mean([predictions[f"latent/{t}"][rows].astype(np.float64) for t in TECHNIQUES], axis=0)
    if len(code) < 4:
        return np.zeros((len(code), 2))
    perplexity = min(NEIGHBOURHOOD, (len(code) - 1) / 3)
    embedding: Numbers = TSNE(
        perplexity=perplexity, init="pca", learning_rate="auto", max_iter=ITERATIONS, random_state=0
    ).fit_transform(code)
    return embedding


def latent_map(predictions: Predictions, rows: npt.NDArray[np.int64]) -> go.Figure:
    """Codes of both techniques on their two principal axes, coloured by material, partners joined by a line.

    Parameters
    ----------
    rows : array of int
        Samples to draw.
    """
    rows = finite_rows(predictions, rows)
    places, share = principal_axes(predictions, rows)
    saxs, sans = (places[t] for t in TECHNIQUES)
    material = common(predictions.material[rows])
    figure = blank(height=560)
    gap = np.full(len(rows), np.nan)
    figure.add_scatter(
        x=short(np.stack([saxs[:, 0], sans[:, 0], gap], 1).ravel()),
        y=short(np.stack([saxs[:, 1], sans[:, 1], gap], 1).ravel()),
        mode="lines",
        line={"color": see_through(GREY, 0.45), "width": 0.7},
        name="partners",
        hoverinfo="skip",
    )
    for number, name in enumerate(sorted(set(material))):
        here = material == name
        for technique in TECHNIQUES:
            figure.add_scatter(
                x=short(places[technique][here, 0]),
                y=short(places[technique][here, 1]),
                mode="markers",
                marker=marker(technique) | {"color": colour(number), "symbol": _symbol(technique, number)},
                name=spoken(name),
                legendgroup=plain(name),
                showlegend=technique == "saxs",
                text=[plain(text) for text in predictions.sample[rows][here]],
                hovertemplate=f"%{{text}}<br>{words(technique)}",
            )
    figure.update_xaxes(title_text=f"first principal axis ({100 * share[0]:.0f} % of the variance)")
    figure.update_yaxes(title_text=f"second principal axis ({100 * share[1]:.0f} %)")
    return figure


def marker(technique: str) -> dict[str, Any]:
    """Filled: SAXS; open: SANS."""
    filled = technique == "saxs"
    return {"size": 7 if filled else 8, "opacity": 0.8, "line": {"width": 0 if filled else 1.4}}


def _symbol(technique: str, number: int) -> str:
    return symbol(number) if technique == "saxs" else f"{symbol(number)}-open"


def code_correlation(predictions: Predictions) -> go.Figure:
    """Correlation of every SAXS code component with every SANS code component over the test split."""
    saxs, sans = _codes(predictions)
    figure = blank(height=520)
    if len(saxs) < 2:
        return figure
    correlation = _standard(saxs).T @ _standard(sans) / len(saxs)
    figure.add_heatmap(
        z=short(np.round(correlation, 3)),
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


def marginals(predictions: Predictions) -> go.Figure:
    """Quantiles of each component of the aggregate posterior, beside those of the unit normal."""
    figure = blank(height=400)
    generator = np.random.default_rng(0)
    for technique in TECHNIQUES:
        mean = predictions[f"latent/{technique}"].astype(np.float64)
        std = np.exp(0.5 * predictions[f"latent_logvar/{technique}"].astype(np.float64))
        draws = mean + std * generator.standard_normal((DRAWS, *mean.shape))
        low, first, middle, third, high = np.nanquantile(draws.reshape(-1, mean.shape[1]), QUANTILES, axis=0)
        figure.add_box(
            x=np.arange(mean.shape[1]),
            lowerfence=short(low),
            q1=short(first),
            median=short(middle),
            q3=short(third),
            upperfence=short(high),
            name=words(technique),
            marker_color=COLOUR_OF[technique],
            line_width=1.2,
        )
    expected = [float(norm.ppf(quantile)) for quantile in QUANTILES]
    figure.add_hrect(expected[1], expected[3], line_width=0, fillcolor=see_through(GREY, 0.35), layer="below")
    figure.add_hrect(expected[0], expected[4], line_width=0, fillcolor=see_through(GREY, 0.2), layer="below")
    figure.add_hline(0, line={"color": GREY, "width": 1})
    figure.update_xaxes(title_text="component of the code", showgrid=False)
    figure.update_yaxes(title_text="value")
    return figure.update_layout(boxmode="group", boxgap=0.2, boxgroupgap=0.1)


def information(predictions: Predictions) -> go.Figure:
    """KL of the posterior from the unit normal by component, mean over the samples, the largest first."""
    figure = blank(height=400)
    rows = finite_rows(predictions, np.arange(len(predictions.sample)))
    for number, technique in enumerate(TECHNIQUES):
        mean, logvar = (predictions[f"{name}/{technique}"][rows] for name in ("latent", "latent_logvar"))
        nats = kl_per_unit(Code(torch.from_numpy(mean), torch.from_numpy(logvar))).numpy()
        order = np.argsort(-nats)
        figure.add_scatter(
            x=np.arange(1, len(nats) + 1),
            y=short(nats[order]),
            mode="lines+markers",
            line={"color": COLOUR_OF[technique], "width": 2, "dash": "dash" if number else "solid"},
            name=words(technique),
            text=[f"component {component}" for component in order],
            hovertemplate="%{text}: %{y:.3g} nats",
        )
    figure.update_xaxes(title_text="component of the code, by rank")
    figure.update_yaxes(title_text="KL in nats", rangemode="tozero")
    return figure


def consistency(predictions: Predictions) -> go.Figure:
    """Distance of a SAXS code from its partner's SANS code, beside that from other samples' SANS codes.

    Distances are Euclidean after each component was divided by its standard deviation over both, as in retrieval.
    """
    figure = blank(height=400)
    saxs, sans = _codes(predictions)
    if len(saxs) < 2:
        return figure
    scale = np.concatenate([saxs, sans]).std(axis=0)
    saxs, sans = (codes / np.where(scale > 0, scale, 1) for codes in (saxs, sans))
    shifts = np.unique(np.linspace(1, len(saxs) - 1, 20).round().astype(int))
    partners = np.linalg.norm(saxs - sans, axis=1)
    strangers = np.concatenate([np.linalg.norm(saxs - np.roll(sans, shift, axis=0), axis=1) for shift in shifts])
    positive = np.concatenate([partners, strangers])
    positive = positive[positive > 0]
    low, high = (positive.min(), positive.max()) if positive.size else (0.1, 1.0)
    bins = np.geomspace(low * 0.999, max(high, low * 1.01) * 1.001, 60)
    for name, distance, number in (("its partner", partners, 0), ("other samples", strangers, 5)):
        share = np.histogram(np.maximum(distance, bins[0]), bins)[0] / len(distance)
        figure.add_scatter(
            x=short(np.sqrt(bins[1:] * bins[:-1])),
            y=short(share),
            mode="lines",
            line={"color": colour(number), "width": 2, "shape": "hvh", "dash": "solid" if number == 0 else "dash"},
            fill="tozeroy",
            fillcolor=see_through(colour(number), 0.2),
            name=name,
            hovertemplate="%{y:.1%}",
        )
    figure.update_xaxes(type="log", title_text="distance of the SAXS code from the SANS code")
    figure.update_yaxes(title_text="share of the pairs", tickformat=".0%", rangemode="tozero")
    return figure


def _codes(predictions: Predictions) -> tuple[Numbers, Numbers]:
    """SAXS and SANS codes of the samples that have both as numbers, double precision."""
    rows = finite_rows(predictions, np.arange(len(predictions.sample)))
    saxs, sans = (predictions[f"latent/{t}"][rows].astype(np.float64) for t in TECHNIQUES)
    return saxs, sans


def _standard(codes: Numbers) -> Numbers:
    """Columns of mean 0 and deviation 1; a constant column has no correlation and becomes NaN."""
    deviation = codes.std(axis=0)
    standard: Numbers = (codes - codes.mean(axis=0)) / np.where(deviation > 0, deviation, np.nan)
    return standard
