"""A page as one file: templates, style and scripts of this folder, Plotly, figures, numbers."""

import json
import math
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from plotly.offline import get_plotlyjs

from pairvae.report.figures.style import words


class Page:
    """Renders templates; remembers the numbers of metrics.json, so that every number shown says where it stands there.

    Parameters
    ----------
    numbers : dict
        metrics.json.
    """

    def __init__(self, numbers: dict[str, Any]) -> None:
        self.numbers = numbers
        self.environment = Environment(
            loader=PackageLoader("pairvae.report", "page"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.filters.update(
            words=words, number=number, decades=decades, factor=factor, percent=percent, plot=plot, embed=embed
        )
        self.environment.globals.update(metric=self.metric, plotlyjs=plotlyjs(), text_of=text_of)

    def render(self, template: str, **facts: Any) -> str:
        """The page as text."""
        return self.environment.get_template(template).render(**facts)

    def metric(self, *places: str | int | tuple[str, ...], style: str = "decades") -> Markup:
        """A number of metrics.json, rounded for reading; the element tells its place there and all of its digits."""
        keys = [key for place in places for key in (place if isinstance(place, tuple) else (place,))]
        value: Any = self.numbers
        for key in keys:
            if isinstance(key, str):
                value = value.get(key) if isinstance(value, dict) else None
            else:
                value = value[key] if isinstance(value, list) else None
        text = STYLES[style](value) if style in STYLES else number(value, style)
        if text == "–":
            return Markup(text)
        # a pointer as in RFC 6901
        place = "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in keys)
        return Markup('<data value="{}" data-metric="{}" data-style="{}">{}</data>').format(
            json.dumps(value), place, style, text
        )


@cache
def plotlyjs() -> Markup:
    """Plotly itself."""
    return Markup(get_plotlyjs())


@cache
def text_of(name: str) -> Markup:
    """Style or script of this folder."""
    return Markup(files("pairvae.report.page").joinpath(name).read_text("utf-8"))


def plot(figure: go.Figure, name: str, label: str) -> Markup:
    """Place a figure: an empty box and its data, which a script at the end of the page draws.

    Parameters
    ----------
    figure : plotly Figure
        With its height.
    name : str
        Unique on the page.
    label : str
        Description for screen readers.
    """
    box = Markup('<div class="plot" id="plot-{}" role="img" aria-label="{}" style="min-height: {}px"></div>')
    script = Markup('<script type="application/json" data-plot="{}">{}</script>')
    return box.format(name, label, figure.layout.height) + script.format(name, _in_script(figure.to_json()))


def embed(value: Any, name: str) -> Markup:
    """Place a value for a script of the page to read."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup('<script type="application/json" id="{}">{}</script>').format(name, _in_script(text))


def _in_script(text: str) -> Markup:
    return Markup(text.replace("<", "\\u003c"))  # nothing in it can end the script element


def number(value: float | None, style: str) -> str:
    """A number in one of Python's styles, a dash where it is not known."""
    if value is None or not math.isfinite(value):
        return "–"
    return format(value, style).replace("-", "−")


def decades(value: float | None) -> str:
    """An error."""
    return number(value, ".3f")


def percent(share: float | None, style: str = ".1f") -> str:
    """A share."""
    return "–" if share is None or not math.isfinite(share) else number(100 * share, style) + "\u00a0%"


def ratio(value: float | None) -> str:
    """A number that should be near 1 and may be far above."""
    return number(value, ",.0f" if value is not None and value >= 100 else ".2f")


def factor(error: float | None) -> str:
    """Turn an error in decades into a relative error: 0.041 decades are 10 %."""
    if error is None or not math.isfinite(error):
        return "–"
    times = 10 ** min(error, 30.0)
    share = 100 * (times - 1)
    if share >= 99.5:
        return f"a factor\u00a0{times:.2g}"
    return f"{share:.{0 if share >= 9.95 else 1}f}\u00a0%"


STYLES: dict[str, Callable[[float | None], str]] = {
    "decades": decades,
    "percent": percent,
    "ratio": ratio,
    "factor": factor,
}
