"""What the trained networks do with curves that were made worse on purpose, and with noise."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from pairvae.evaluation.metrics_file import Denoising, Hidden
from pairvae.report.figures.style import COLOUR_OF, DASHES, SYMBOLS, blank, colour, words


def denoising(levels: Mapping[str, Sequence[Denoising]]) -> go.Figure:
    """Distance from the truth of curves as measured and as reconstructed by their own network, against their noise."""
    figure = blank(height=360)
    for technique, groups in levels.items():
        for name, values, dash in (
            ("measured", [group.rmse_measured for group in groups], "dot"),
            ("denoised", [group.rmse_denoised for group in groups], "solid"),
        ):
            figure.add_scatter(
                x=[group.sigma_dex for group in groups],
                y=values,
                mode="lines+markers",
                line={"color": COLOUR_OF[technique], "width": 2, "dash": dash},
                name=f"{words(technique)}, {name}",
                hovertemplate="%{y:.3f} decades",
            )
    figure.update_xaxes(type="log", title_text="noise of the curves: median σ in decades", exponentformat="power")
    figure.update_yaxes(type="log", title_text="RMSE against the truth in decades", exponentformat="power")
    return figure


def hidden_ranges(places: Mapping[str, Sequence[Hidden]]) -> go.Figure:
    """Error of predictions, and how many are called unusual, against the share of the curve that was hidden."""
    figure = blank(height=400, rows=2, row_heights=[0.6, 0.4], shared_xaxes=True)
    for number, (place, tried) in enumerate(places.items()):
        errors = [trial.rmse_measured if trial.rmse_truth is None else trial.rmse_truth for trial in tried]
        for row, values in ((1, errors), (2, [trial.novelty_above_1 for trial in tried])):
            figure.add_scatter(
                x=[trial.hidden for trial in tried],
                y=values,
                mode="lines+markers",
                line={"color": colour(number), "width": 2, "dash": DASHES[number % len(DASHES)]},
                marker={"symbol": SYMBOLS[number % len(SYMBOLS)], "size": 7},
                name=f"{words(place)} hidden",
                legendgroup=place,
                showlegend=row == 1,
                hovertemplate="%{y:.3f} decades" if row == 1 else "%{y:.0%}",
                row=row,
                col=1,
            )
    figure.update_xaxes(tickformat=".0%")
    figure.update_xaxes(title_text="share of the measured points that is hidden", row=2)
    figure.update_yaxes(title_text="RMSE in decades", rangemode="tozero", row=1)
    figure.update_yaxes(title_text="novelty > 1", tickformat=".0%", rangemode="tozero", row=2)
    return figure.update_layout(hovermode="x unified")
