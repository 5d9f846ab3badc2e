"""How the losses fell."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pairvae.evaluation.predictions_file import evenly_spaced
from pairvae.report.figures.style import GREY, blank, colour, plain, short, words

EPOCHS_DRAWN = 400  # points per loss curve; a screen shows no more


def loss_curves(history: pd.DataFrame) -> go.Figure:
    """Loss terms of one training stage against epoch: training dotted, validation solid, one colour per term.

    Terms that fall to zero or below cannot stand on a logarithmic axis; they get a linear one of their own. So do the
    numbers of active units and the weight of the KL term.

    Parameters
    ----------
    history : DataFrame
        A column `epoch`, columns `train/<term>` and `val/<term>`, empty where not computed, and perhaps `kl_weight`.
    """
    terms = _terms(history)
    panel = {term: _panel(term, [history[f"{split}/{term}"] for split in splits]) for term, splits in terms.items()}
    panels = [kind for kind in ("log", "linear", "units") if kind in panel.values()]
    panels += ["weight"] if "kl_weight" in history else []
    heights = {"log": 0.6, "linear": 0.28, "units": 0.16, "weight": 0.16}
    figure = blank(
        height=340 + 100 * (len(panels) - 1),
        rows=max(len(panels), 1),
        row_heights=[heights[kind] for kind in panels] or None,
        shared_xaxes=True,
        vertical_spacing=0.05,
    )
    for number, (term, splits) in enumerate(terms.items()):
        for split in splits:
            row, last = panels.index(panel[term]) + 1, split == splits[-1]
            _draw_term(figure, history, term, split, number, last, row)
    if "weight" in panels:
        _draw_weight(figure, history, len(panels))
    for row, kind in enumerate(panels, 1):
        if kind in ("log", "linear"):
            figure.update_yaxes(title_text="loss", row=row)
        if kind == "units":
            figure.update_yaxes(title_text="units", rangemode="tozero", nticks=3, row=row)
        if kind == "log":
            figure.update_yaxes(type="log", exponentformat="power", row=row)
    figure.update_xaxes(title_text="epoch", row=max(len(panels), 1))
    return figure.update_layout(hovermode="x unified")


def _terms(history: pd.DataFrame) -> dict[str, list[str]]:
    """The splits in which each term was computed, the sum of all terms last."""
    columns = [str(name) for name in history.dropna(axis="columns", how="all")]
    # val/loss and the KL per unit are means of terms that are drawn anyway
    means = ("val/loss", "val/kl_per_unit")
    columns = [name for name in columns if name.startswith(("train/", "val/")) and not name.startswith(means)]
    columns.sort(key=lambda name: name == "train/loss")
    terms = dict.fromkeys(name.split("/", 1)[1] for name in columns)
    return {term: [split for split in ("train", "val") if f"{split}/{term}" in columns] for term in terms}


def _panel(term: str, columns: Sequence["pd.Series[float]"]) -> str:
    if term.startswith("active_units"):
        return "units"
    return "linear" if any(column.min() <= 0 for column in columns) else "log"


def _draw_term(
    figure: go.Figure, history: pd.DataFrame, term: str, split: str, number: int, last: bool, row: int
) -> None:
    values = history[f"{split}/{term}"]
    drawn = np.flatnonzero(values.notna())
    drawn = drawn[evenly_spaced(len(drawn), EPOCHS_DRAWN)] if len(drawn) else drawn
    figure.add_scatter(
        x=short((history["epoch"] + 1).iloc[drawn]),
        y=short(values.iloc[drawn]),
        name="sum as weighted" if term == "loss" else plain(words(term)),
        mode="lines" if len(drawn) > 1 else "markers",
        line={
            "color": GREY if term == "loss" else colour(number),
            "width": 2 if split == "val" else 1.2,
            "dash": "solid" if split == "val" else "dashdot" if term == "loss" else "dot",
        },
        legendgroup=plain(term),
        showlegend=last,
        hovertemplate=f"{words(split)} %{{y:.4g}}",
        row=row,
        col=1,
    )


def _draw_weight(figure: go.Figure, history: pd.DataFrame, row: int) -> None:
    weight = history["kl_weight"]
    figure.add_scatter(
        x=short(history["epoch"] + 1),
        y=short(weight),
        mode="lines" if len(weight) > 1 else "markers",
        line={"color": GREY, "width": 2},
        name=words("kl_weight"),
        hovertemplate="%{y:.2g}",
        row=row,
        col=1,
    )
    figure.update_yaxes(title_text="β", rangemode="tozero", nticks=3, exponentformat="power", row=row)
