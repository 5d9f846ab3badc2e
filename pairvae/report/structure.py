"""The networks that a configuration describes, before anything is trained: a table, a drawing."""

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from plotly.subplots import make_subplots
from rich.console import Console
from rich.table import Table
from torch import nn

from pairvae.errors import UserError
from pairvae.files.whole import written_whole
from pairvae.models.resvae import ResVAE
from pairvae.models.shapes import Shape
from pairvae.prepare.covariates import Covariate
from pairvae.scattering.spectrum import TECHNIQUES, Technique
from pairvae.settings import Settings
from pairvae.settings.parse import parse


class Row(NamedTuple):
    """One layer: the part it belongs to, its text, the shape (channel, length) behind it, its weights."""

    part: str
    text: str
    shape: Shape
    parameters: int


def networks_of(file: Path) -> dict[Technique, ResVAE]:
    """Build the networks of a run, untrained; its covariates are taken for numbers.

    Raises
    ------
    UserError
        The file is no configuration, or layers do not fit together.
    """
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{file}: cannot be read as YAML ({reason}); name a run's configuration") from None
    if not isinstance(values, dict):
        raise UserError(f"{file}: expected a run's settings by name, as in configs/default.yaml")
    settings = parse(Settings, _filled(values), str(file))
    covariates = tuple(Covariate(name=name, kind="number") for name in settings.covariates)
    networks: dict[Technique, ResVAE] = {}
    for technique in TECHNIQUES:
        training, gridding = getattr(settings.pretrain, technique), getattr(settings.normalize, technique)
        try:
            networks[technique] = ResVAE(gridding.grid.points, training.latent_dim, training.architecture, covariates)
        except UserError as error:
            raise UserError(f"{file}: pretrain.{technique}.architecture: {error}") from None
    return networks


def _filled(values: dict[str, Any]) -> dict[str, Any]:
    """The run's own latent_dim where a technique has none, as the workflow fills it in."""
    if "latent_dim" not in values:
        return values
    pretrain = values.get("pretrain") or {}
    own = {t: {"latent_dim": values["latent_dim"], **(pretrain.get(t) or {})} for t in TECHNIQUES}
    return {**values, "pretrain": {**pretrain, **own}}


def layer_rows(network: ResVAE) -> list[Row]:
    """All layers from the curve to the code and back, in the order of the data."""
    return list(_rows(network))


def _rows(network: ResVAE) -> Iterator[Row]:
    hidden, code, points = (network.architecture.hidden,), (network.latent_dim,), (1, *network.shape)
    inputs = ["curve", *["mask"] * network.mask_channel, *(f"slope over ±{reach}" for reach in network.slopes)]
    padded = tuple(length + more for length, more in zip(network.shape, network.encoder.padding, strict=True))
    yield Row("encoder", ", ".join(inputs), (len(inputs), *padded), 0)
    for layer in network.encoder.built:
        yield Row("encoder", layer.text, layer.shape, _count(layer.module))
    if (skip := network.encoder.skip) is not None:
        yield Row("encoder", f"+ {_text(skip)} of the input", hidden, _count(skip))
    *blocks, last = network.encoder.layers
    for block in blocks:
        yield Row("encoder", _text(block), hidden, _count(block))
    yield Row("code", _text(last), (last.out_features,), _count(last))  # type: ignore[arg-type]  # nn.Linear
    if network.quantization is not None:
        yield Row("code", network.architecture.quantization, code, _count(network.quantization))
    for block in network.decoder.layers:
        yield Row("decoder", _text(block), hidden, _count(block))
    for layer in network.decoder.built:
        yield Row("decoder", layer.text, layer.shape, _count(layer.module))
    if (skip := network.decoder.skip) is not None:
        yield Row("decoder", f"+ {_text(skip)} past the blocks", points, _count(skip))
    yield Row("decoder", f"curve, {network.output}", points, 0)
    error = sum(_count(part) for part in (network.error,) if part is not None)
    error += network.log_variance.numel() if network.architecture.variance == "one" else 0
    yield Row("error", network.architecture.variance, points, error)


def _text(module: nn.Module) -> str:
    if isinstance(module, nn.Linear):
        return f"linear {module.in_features} {module.out_features}"
    return {"Residual": "residual linear", "LayerNorm": "layer norm"}.get(type(module).__name__, type(module).__name__)


def _count(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def show_structure(file: Path, plot: Path | None = None, console: Console | None = None) -> None:
    """Print the layers of a run's networks as tables, and draw them where a file is named.

    Parameters
    ----------
    file : Path
        YAML configuration of a run.
    plot : Path, optional
        HTML file to write.

    Raises
    ------
    UserError
        As `networks_of`.
    """
    networks = networks_of(file)
    console = console or Console()
    for technique, network in networks.items():
        rows = layer_rows(network)
        total = sum(row.parameters for row in rows)
        table = Table("part", "layer", "shape", title=f"{technique}: {total:,} weights", title_justify="left")
        table.add_column("weights", justify="right")
        for row in rows:
            table.add_row(row.part, row.text, _shape_text(row.shape), f"{row.parameters:,}" if row.parameters else "")
        console.print(table)
    weights = sum(_count(network) for network in networks.values())
    console.print(f"{weights:,} weights in both networks")
    if plot is not None:
        with written_whole(plot) as temporary:
            temporary.write_text(_drawing(networks), encoding="utf-8")


def _shape_text(shape: Iterable[int]) -> str:
    return " × ".join(map(str, shape))


def _drawing(networks: dict[Technique, ResVAE]) -> str:
    """A bar per layer: as tall as the curve is long there, coloured by its channels, logarithmic both."""
    titles = [f"{t.upper()}: {_count(network):,} weights" for t, network in networks.items()]
    figure = make_subplots(rows=len(networks), cols=1, subplot_titles=titles)
    for place, network in enumerate(networks.values(), start=1):
        rows = layer_rows(network)
        height = [1 + math.log2(math.prod(row.shape[1:])) for row in rows]
        colour = {"color": [math.log2(row.shape[0]) for row in rows], "colorscale": "Viridis"}
        bar = {"title": "channels", "tickvals": list(range(12)), "ticktext": [str(2**i) for i in range(12)]}
        figure.add_bar(
            x=[f"{i} {row.text}" for i, row in enumerate(rows)],
            y=height,
            base=[-0.5 * value for value in height],
            marker={**colour, "cmin": 0, "cmax": 11, "colorbar": bar, "showscale": place == 1},
            hovertext=[f"{r.part}: {r.text}<br>{_shape_text(r.shape)}<br>{r.parameters:,} weights" for r in rows],
            hoverinfo="text",
            row=place,
            col=1,
        )
    figure.update_yaxes(visible=False)
    figure.update_layout(template="none", showlegend=False, height=420 * len(networks), margin={"b": 160})
    page: str = figure.to_html(include_plotlyjs=True, full_html=True, config={"displaylogo": False, "responsive": True})
    return page
