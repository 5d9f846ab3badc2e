"""What the run was given."""

from collections.abc import Mapping

import plotly.graph_objects as go

from pairvae.evaluation.predictions_file import Predictions
from pairvae.report.figures.style import DASHES, MOMENTUM, blank, colour, line, log_q, spoken, words
from pairvae.techniques import SPLITS, TECHNIQUES


def measured_share(predictions: Predictions) -> go.Figure:
    """Share of the curves that were measured at each q, per technique and split."""
    figure = blank(height=340)
    for number, technique in enumerate(TECHNIQUES):
        for place, split in enumerate(SPLITS):
            share = predictions[f"measured_share/{technique}/{split}"]
            style = {"color": colour(5 * number), "dash": DASHES[place], "width": 2 - 0.3 * place}
            name = f"{words(technique)}, {words(split)}"
            line(figure, predictions[f"q/{technique}"], share, name, ".1%", **style)
    log_q(figure)
    figure.update_xaxes(title_text=MOMENTUM)
    figure.update_yaxes(title_text="curves measured there", tickformat=".0%", rangemode="tozero")
    return figure.update_layout(hovermode="x unified")


def materials(counts: Mapping[str, Mapping[str, int]]) -> go.Figure:
    """Samples of each material, by split."""
    figure = blank(height=340)
    names = sorted(counts, key=lambda name: -sum(counts[name].values()))[:30]
    for number, split in enumerate(SPLITS):
        figure.add_bar(
            x=[spoken(name) for name in names],
            y=[counts[name].get(split, 0) for name in names],
            name=words(split),
            marker_color=colour((0, 1, 3)[number]),
            marker_pattern_shape=("", "/", "x")[number],
            hovertemplate="%{y}",
        )
    figure.update_yaxes(title_text="samples")
    return figure.update_layout(barmode="stack", hovermode="x unified")
