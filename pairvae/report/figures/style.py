"""How all figures look: colours that differ with any colour vision, axes of scattering, words for names."""

from collections import Counter
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from pairvae.evaluation.predictions_file import Names, Numbers

# Okabe & Ito, Color Universal Design (2008); the last one seen on white and on black ground.
BLUE, VERMILLION, GREEN, ORANGE = "#0072B2", "#D55E00", "#009E73", "#E69F00"
SKY, PINK, GREY = "#56B4E9", "#CC79A7", "#8A8A8A"
PALETTE = (BLUE, ORANGE, GREEN, PINK, SKY, VERMILLION, GREY)
DASHES = ("solid", "dash", "dot", "dashdot")
SYMBOLS = ("circle", "square", "diamond", "triangle-up")
COLOUR_OF = {"saxs": BLUE, "sans": VERMILLION}
SCALE = "Cividis"  # Nuñez et al., PLoS ONE 13, e0199239 (2018): the same to all colour vision

WORDS = {
    "saxs": "SAXS",
    "sans": "SANS",
    "neighbours": "nearest neighbours",
    "direct": "direct network",
    "error": "likelihood of the error",
    "kl": "KL divergence",
    "kl_weight": "KL weight β",
    "barlow_twins": "Barlow Twins",
    "saxs_unpaired": "SAXS without a partner",
    "sans_unpaired": "SANS without a partner",
    "active_units_saxs": "active units, SAXS",
    "active_units_sans": "active units, SANS",
    "guinier_radius": "Guinier radius",
    "porod_exponent": "Porod exponent",
    "std": "standard deviation",
    "kolmogorov_smirnov": "Kolmogorov–Smirnov distance",
    "wasserstein": "Wasserstein distance",
    "d2o_fraction": "D2O fraction",
    "train": "training",
    "val": "validation",
}
INTENSITY = "intensity <i>I</i>(<i>q</i>) in 1/cm"
MOMENTUM = "<i>q</i> in 1/Å"
# Two labels per decade of a logarithmic axis, a tick at every digit.
LABELLED = [digit * 10.0**power for power in range(-6, 4) for digit in (1, 3)]
TICKS: dict[str, Any] = {
    "tickvals": LABELLED,
    "ticktext": [f"{value:g}" for value in LABELLED],
    "minor": {"dtick": "D1", "ticks": "inside", "tickcolor": GREY},
}
MATERIALS_DRAWN = 12  # the rarer ones share one colour
NAME_SHOWN = 60  # characters


def words(name: str) -> str:
    """Name of a path, a technique, a baseline or a loss for a reader: `sans_from_saxs` is SANS from SAXS."""
    if "_from_" in name:
        return " from ".join(words(part) for part in name.split("_from_", 1))
    return WORDS.get(name, name.replace("_", " "))


def plain(name: str, longest: int = NAME_SHOWN) -> str:
    """A name from a stranger as Plotly may show it: not read as HTML, not endless."""
    shown = name if len(name) <= longest else name[: longest - 1] + "…"
    return escape(shown, quote=False)


def spoken(name: str) -> str:
    """A material or another value of a column as Plotly may show it: `silica_sphere` is silica sphere."""
    return plain(name.replace("_", " "))


def common(material: Names) -> Names:
    """Names of the materials, the rare ones as "other", an empty one as "unnamed"."""
    named = np.array([name or "unnamed" for name in material], dtype=object)
    ranked = [name for name, _ in Counter(named).most_common()]
    kept = set(ranked if len(ranked) <= MATERIALS_DRAWN else ranked[: MATERIALS_DRAWN - 1])
    return np.array([name if name in kept else "other" for name in named], dtype=object)


def colour(number: int) -> str:
    """Colour of the n-th of many things; `symbol` or a dash tells those of one colour apart."""
    return PALETTE[number % len(PALETTE)]


def symbol(number: int) -> str:
    """Marker of the n-th of many things."""
    return SYMBOLS[number // len(PALETTE) % len(SYMBOLS)]


def dash(number: int) -> str:
    """Line of the n-th of many things."""
    return DASHES[number // len(PALETTE) % len(DASHES)]


def see_through(colour: str, share: float) -> str:
    """A colour of the palette, partly transparent."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {share})"


def short(values: Any) -> npt.NDArray[np.float32]:
    """Single precision: Plotly embeds it in 5 characters a number."""
    return np.asarray(values, dtype=np.float32)


def linear(log_intensity: Any) -> npt.NDArray[np.float32]:
    """Intensity of its log10."""
    return short(10.0 ** np.clip(np.asarray(log_intensity, np.float64), -30, 30))


def log_q(figure: go.Figure, **cell: int) -> None:
    """Make q the x axis."""
    figure.update_xaxes(type="log", hoverformat=".3g", **TICKS, **cell)


def line(figure: go.Figure, q: Numbers, y: Numbers, name: str, hover: str, **style: Any) -> None:
    """Add a curve; `hover` says how its value is shown.

    Parameters
    ----------
    figure : plotly Figure
        Figure to add the curve to.
    q, y : array, shape (q,)
        q in 1/Å, and values.
    name : str
        Text in the legend.
    hover : str
        Format of a value under the pointer, as d3 writes it: ".3g".
    **style
        Of the line, as Plotly names it: color, width, dash.
    """
    figure.add_scatter(
        x=short(q), y=short(y), mode="lines", line=style, name=plain(name), hovertemplate=f"%{{y:{hover}}}"
    )


def blank(height: int, rows: int = 1, columns: int = 1, **subplots: Any) -> go.Figure:
    """No ground of its own, thin grid, legend below; width and dark or light follow the page.

    Parameters
    ----------
    height : int
        Pixels.
    rows, columns : int
        Panels.
    **subplots
        Passed to Plotly's `make_subplots`.
    """
    figure = make_subplots(rows, columns, **{"vertical_spacing": 0.08, **subplots})
    axis = {"gridcolor": "#D8D8D8", "linecolor": "#9A9A9A", "tickcolor": "#9A9A9A", "showline": True, "mirror": True}
    axis |= {"zeroline": False, "automargin": True, "ticks": "inside"}
    figure.update_xaxes(**axis).update_yaxes(**axis)
    figure.update_annotations(font_size=13)
    return figure.update_layout(
        template="none",
        height=height,
        margin={"l": 10, "r": 12, "t": 28, "b": 10},
        font={"family": "system-ui, -apple-system, Segoe UI, Roboto, sans-serif", "size": 13, "color": "#222222"},
        legend={"orientation": "h", "x": 0, "y": 0, "yanchor": "bottom", "yref": "container"},
        legend_traceorder="normal",
        modebar={"bgcolor": "rgba(0, 0, 0, 0)", "color": "#9A9A9A", "activecolor": BLUE},
        hoverlabel={"bgcolor": "#FFFFFF", "font": {"color": "#222222"}},
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
    )
