"""Curves that nobody measured: between two samples, and drawn from the latent space."""

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from pairvae.evaluation.predictions_file import Numbers, Predictions
from pairvae.report.figures.style import (
    COLOUR_OF,
    GREY,
    INTENSITY,
    MOMENTUM,
    SCALE,
    blank,
    linear,
    log_q,
    plain,
    short,
    spoken,
    words,
)
from pairvae.techniques import TECHNIQUES


def interpolations(predictions: Predictions) -> go.Figure:
    """Curves decoded along straight lines between the codes of two samples, one column per line."""
    ends = predictions["interpolation/rows"].astype(int)
    titles = [
        "<br>to ".join(spoken(predictions.material[row] or predictions.sample[row]) for row in way) for way in ends
    ]
    figure = _grid(predictions, max(len(ends), 1), titles)
    for column in range(len(ends)):
        for place, technique in enumerate(_techniques(predictions), 1):
            way = predictions[f"interpolation/{technique}"][column]
            colours = sample_colorscale(SCALE, len(way), 0.0, 0.92)
            for step, curve in enumerate(way):
                _curve(figure, predictions, technique, curve, colours[step], f"step {step}", place, column + 1)
    return figure


def temperatures(predictions: Predictions) -> go.Figure:
    """Curves decoded from codes that were drawn at several temperatures, one column each."""
    values = predictions["temperature/values"]
    figure = _grid(predictions, max(len(values), 1), [f"temperature {value:g}" for value in values])
    for column in range(len(values)):
        for place, technique in enumerate(_techniques(predictions), 1):
            draws = predictions[f"temperature/{technique}"][column]
            colours = sample_colorscale(SCALE, len(draws), 0.0, 0.92)
            for number, curve in enumerate(draws):
                _curve(figure, predictions, technique, curve, colours[number], f"draw {number}", place, column + 1)
    return figure


def reconstructions(predictions: Predictions, rows: npt.NDArray[np.int64]) -> go.Figure:
    """Measured curves of some samples, one column each, with what their own code and their partner's decode to."""
    figure = _grid(predictions, max(len(rows), 1), [plain(predictions.sample[row]) for row in rows])
    for column, row in enumerate(rows, 1):
        for place, technique in enumerate(_techniques(predictions), 1):
            figure.add_scatter(
                x=short(predictions[f"q/{technique}"]),
                y=linear(predictions[f"measured/{technique}/log_intensity"][row]),
                mode="markers",
                marker={"color": GREY, "size": 3},
                name="measured",
                hovertemplate="%{y:.3g} 1/cm",
                row=place,
                col=column,
            )
            for source in _techniques(predictions):
                curve = predictions[f"predicted/{technique}_from_{source}/log_intensity"][row]
                name, line = f"from {words(source)}", "solid" if source == technique else "dash"
                _curve(figure, predictions, technique, curve, COLOUR_OF[source], name, place, column, line)
    return figure


def _techniques(predictions: Predictions) -> list[str]:
    """Both, or the one that is trained alone."""
    return [technique for technique in TECHNIQUES if f"q/{technique}" in predictions]


def _grid(predictions: Predictions, columns: int, titles: list[str]) -> go.Figure:
    techniques = _techniques(predictions)
    figure = blank(
        height=290 * len(techniques),
        rows=len(techniques),
        columns=columns,
        column_titles=titles or None,
        row_titles=[words(t) for t in techniques],
        shared_xaxes="rows",
        shared_yaxes="rows",
        vertical_spacing=0.1,
        horizontal_spacing=0.02,
    )
    log_q(figure)
    figure.update_yaxes(type="log", exponentformat="power", dtick=2)
    figure.update_xaxes(title_text=MOMENTUM, row=len(techniques))
    figure.update_yaxes(title_text=INTENSITY, col=1)
    return figure.update_layout(showlegend=False, margin={"t": 72, "b": 24})


def _curve(
    figure: go.Figure,
    predictions: Predictions,
    technique: str,
    curve: Numbers,
    colour: str,
    name: str,
    row: int,
    column: int,
    dash: str = "solid",
) -> None:
    figure.add_scatter(
        x=short(predictions[f"q/{technique}"]),
        y=linear(curve),
        mode="lines",
        line={"color": colour, "width": 1.6, "dash": dash},
        name=name,
        hovertemplate="%{y:.3g} 1/cm",
        row=row,
        col=column,
    )
