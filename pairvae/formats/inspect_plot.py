"""Curves as they were read, in one figure that needs nothing but a browser."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go

from pairvae.errors import UserError
from pairvae.files.whole import written_whole
from pairvae.formats.inspect import Inspected

POINTS_DRAWN = 1000  # per curve; a screen shows no more
_DASH = {"saxs": "solid", "sans": "dash", None: "dot"}
_WORDS = {"saxs": "SAXS", "sans": "SANS", None: "technique not said"}


def write_plot(path: Path, curves: Sequence[Inspected], known: int) -> None:
    """Draw curves on logarithmic axes into one self-contained HTML file.

    Parameters
    ----------
    path : Path
        File to write.
    curves : sequence of Inspected
        Those with a spectrum; points with intensity ≤ 0 cannot stand on a logarithmic axis.
    known : int
        How many curves there are; the title says where not all are drawn.

    Raises
    ------
    UserError
        The file cannot be written.
    """
    figure = go.Figure()
    for curve in curves:
        x, y = _drawn(curve)
        unit = f" in {escape(curve.q_unit)}" if curve.q_unit else ""
        figure.add_scatter(
            x=x,
            y=y,
            name=escape(f"{curve.file} {curve.entry}".strip(), quote=False)[-80:],
            mode="lines",
            line={"width": 1.5, "dash": _DASH[curve.technique]},
            hovertemplate=f"%{{x:.4g}}{unit if curve.needs else ' 1/Å'}, %{{y:.4g}}<br>{_WORDS[curve.technique]}",
        )
    some_need = any("q_unit" in curve.needs for curve in curves)
    count = f"{len(curves)} of {known} curves" if known > len(curves) else f"{known} curves"
    axis: dict[str, Any] = {"type": "log", "exponentformat": "power", "dtick": 1, "ticks": "outside", "showline": True}
    figure.update_layout(
        template="none",
        title=f"{count}; SAXS solid, SANS dashed",
        xaxis={**axis, "title": "<i>q</i> in 1/Å" + ("; where it needs a unit, as in the file" if some_need else "")},
        yaxis={**axis, "title": "intensity <i>I</i>(<i>q</i>) in 1/cm or arbitrary units"},
        legend={"orientation": "v", "font": {"size": 11}},
        showlegend=True,
    )
    html = figure.to_html(include_plotlyjs=True, full_html=True, config={"displaylogo": False, "responsive": True})
    try:
        with written_whole(path) as temporary:
            temporary.write_text(html, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); name another file for --plot") from None


def _drawn(curve: Inspected) -> tuple[list[float], list[float]]:
    spectrum = curve.spectrum
    if spectrum is None:
        return [], []
    shown = np.flatnonzero(spectrum.intensity > 0)
    if shown.size > POINTS_DRAWN:
        shown = shown[np.unique(np.linspace(0, shown.size - 1, POINTS_DRAWN).round().astype(int))]
    x, y = (np.char.mod("%.6g", values[shown]).astype(float).tolist() for values in (spectrum.q, spectrum.intensity))
    return x, y
