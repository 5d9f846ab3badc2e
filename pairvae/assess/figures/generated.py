"""Curves that nobody measured: between two samples, and from the prior."""

import plotly.graph_objects as go
from plotly.colors import sample_colorscale

from pairvae.assess.figures.style import INTENSITY, MOMENTUM, SCALE, blank, linear, log_q, short, spoken, words
from pairvae.assess.predictions_file import TECHNIQUES, Numbers, Predictions


def interpolations(predictions: Predictions) -> go.Figure:
    """Curves decoded along straight lines between the codes of two samples, one column per line."""
    ends = predictions["interpolation/rows"].astype(int)
    titles = [
        "<br>to ".join(spoken(predictions.material[row] or predictions.sample[row]) for row in way) for way in ends
    ]
    figure = _grid(max(len(ends), 1), titles)
    for column in range(len(ends)):
        for place, technique in enumerate(TECHNIQUES, 1):
            way = predictions[f"interpolation/{technique}"][column]
            colours = sample_colorscale(SCALE, len(way), 0.0, 0.92)
            for step, curve in enumerate(way):
                _curve(figure, predictions, technique, curve, colours[step], f"step {step}", place, column + 1)
    return figure


def temperatures(predictions: Predictions) -> go.Figure:
    """Curves decoded from draws of the prior, its standard deviation scaled by the temperature, one column each."""
    values = predictions["temperature/values"]
    figure = _grid(max(len(values), 1), [f"temperature {value:g}" for value in values])
    for column in range(len(values)):
        for place, technique in enumerate(TECHNIQUES, 1):
            draws = predictions[f"temperature/{technique}"][column]
            colours = sample_colorscale(SCALE, len(draws), 0.0, 0.92)
            for number, curve in enumerate(draws):
                _curve(figure, predictions, technique, curve, colours[number], f"draw {number}", place, column + 1)
    return figure


def _grid(columns: int, titles: list[str]) -> go.Figure:
    figure = blank(
        height=580,
        rows=2,
        columns=columns,
        column_titles=titles or None,
        row_titles=[words(t) for t in TECHNIQUES],
        shared_xaxes="rows",
        shared_yaxes="rows",
        vertical_spacing=0.1,
        horizontal_spacing=0.02,
    )
    log_q(figure)
    figure.update_yaxes(type="log", exponentformat="power", dtick=2)
    figure.update_xaxes(title_text=MOMENTUM, row=2)
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
) -> None:
    figure.add_scatter(
        x=short(predictions[f"q/{technique}"]),
        y=linear(curve),
        mode="lines",
        line={"color": colour, "width": 1.6},
        name=name,
        hovertemplate="%{y:.3g} 1/cm",
        row=row,
        col=column,
    )
