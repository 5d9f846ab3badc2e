"""How the losses fell."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pairvae.evaluation.predictions_file import spread
from pairvae.report.figures.style import GREY, blank, colour, plain, short, words

EPOCHS_DRAWN = 400  # points per loss curve; more cannot be told apart on a screen


def loss_curves(history: pd.DataFrame) -> go.Figure:
    """Loss terms of one training stage against epoch: training dotted, validation solid, one colour per term.

    Terms that fall to zero or below cannot stand on a logarithmic axis; they get a linear one of their own. So do the
    numbers of active units and the weight of the KL term.

    Parameters
    ----------
    history : DataFrame
        A column `epoch`, columns `train/<term>` and `val/<term>`, empty where not computed, and perhaps `kl_weight`.
    """
    columns = [str(name) for name in history.dropna(axis="columns", how="all")]
    # val/loss and the KL per unit are means of terms that are drawn anyway
    means = ("val/loss", "val/kl_per_unit")
    columns = [name for name in columns if name.startswith(("train/", "val/")) and not name.startswith(means)]
    columns.sort(key=lambda name: name == "train/loss")
    terms = list(dict.fromkeys(name.split("/", 1)[1] for name in columns))
    falls = {name.split("/", 1)[1] for name in columns if history[name].min() <= 0}
    panel = {
        term: "units" if term.startswith("active_units") else "linear" if term in falls else "log" for term in terms
    }
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
    epoch = history["epoch"] + 1
    for number, term in enumerate(terms):
        splits = [split for split in ("train", "val") if f"{split}/{term}" in columns]
        for split in splits:
            values = history[f"{split}/{term}"]
            drawn = np.flatnonzero(values.notna())
            drawn = drawn[spread(len(drawn), EPOCHS_DRAWN)] if len(drawn) else drawn
            figure.add_scatter(
                x=short(epoch.iloc[drawn]),
                y=short(values.iloc[drawn]),
                name="sum as weighted" if term == "loss" else plain(words(term)),
                mode="lines" if len(drawn) > 1 else "markers",
                line={
                    "color": GREY if term == "loss" else colour(number),
                    "width": 2 if split == "val" else 1.2,
                    "dash": "solid" if split == "val" else "dashdot" if term == "loss" else "dot",
                },
                legendgroup=plain(term),
                showlegend=split == splits[-1],
                hovertemplate=f"{words(split)} %{{y:.4g}}",
                row=panels.index(panel[term]) + 1,
                col=1,
            )
    if "weight" in panels:
        weight = history["kl_weight"]
        figure.add_scatter(
            x=short(epoch),
            y=short(weight),
            mode="lines" if len(weight) > 1 else "markers",
            line={"color": GREY, "width": 2},
            name=words("kl_weight"),
            hovertemplate="%{y:.2g}",
            row=len(panels),
            col=1,
        )
        figure.update_yaxes(title_text="β", rangemode="tozero", nticks=3, exponentformat="power", row=len(panels))
    for row, kind in enumerate(panels, 1):
        if kind in ("log", "linear"):
            figure.update_yaxes(title_text="loss", row=row)
        if kind == "units":
            figure.update_yaxes(title_text="units", rangemode="tozero", nticks=3, row=row)
        if kind == "log":
            figure.update_yaxes(type="log", exponentformat="power", row=row)
    figure.update_xaxes(title_text="epoch", row=max(len(panels), 1))
    return figure.update_layout(hovermode="x unified")
