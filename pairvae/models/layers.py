"""From a list of layers as text to a network: one way to build, for the presets and for lists of a user's own."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn

from pairvae.errors import UserError
from pairvae.models import blocks
from pairvae.models.blocks import Style
from pairvae.models.quantization import FiniteScalarQuantization, VectorQuantization
from pairvae.models.shapes import Shape, shape_by_arithmetic
from pairvae.settings import Architecture
from pairvae.settings.layer_text import Layer, parse_layer


class Built(NamedTuple):
    """A layer with its place in the list (from 1), and the shape of what comes out of it."""

    place: int
    text: str
    module: nn.Module
    shape: Shape


def style_of(architecture: Architecture) -> Style:
    """What all blocks of a network have in common; nothing is left empty in `architecture`."""
    values = {name: getattr(architecture, name) for name in Style._fields if name != "dimensions"}
    return Style(dimensions=2 if architecture.image else 1, **values)


def build(texts: Iterable[str], shape: Shape, architecture: Architecture, where: str) -> list[Built]:
    """Build layers one by one, each for the shape that the one before leaves.

    Parameters
    ----------
    texts : iterable of str
        As `pairvae.settings.layer_text.parse_layer` reads them.
    shape : tuple of int
        Of one sample that goes in.
    architecture : Architecture
        What the blocks have in common; `filled`.
    where : str
        Name of the list, for messages: "encoder".

    Raises
    ------
    UserError
        A layer does not fit what comes before it: its place, its text and both shapes.
    """
    style, found = style_of(architecture), []
    for place, text in enumerate(texts, start=1):
        layer = parse_layer(text)
        for _ in range(layer.times):
            module = _module(layer, shape, style, architecture, f"{where}, layer {place} {layer.text!r}")
            after = _shape_after(module, shape, f"{where}, layer {place} {layer.text!r}")
            found.append(Built(place, layer.text, module, after))
            shape = after
    return found


def _shape_after(module: nn.Module, shape: Shape, where: str) -> Shape:
    if known := shape_by_arithmetic(module, shape):
        return known
    training = module.training
    try:
        with torch.no_grad():
            return tuple(module.eval()(torch.zeros(2, *shape)).shape[1:])
    except (RuntimeError, ValueError, IndexError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{where}: cannot take the shape {list(shape)} that comes before it ({reason})") from None
    finally:
        module.train(training)


def _module(layer: Layer, shape: Shape, style: Style, architecture: Architecture, where: str) -> nn.Module:
    numbers = layer.numbers
    if layer.name in TAKES_FIRST and numbers[0] != shape[0 if layer.name != "linear" else -1]:
        others = ["…"] * (len(shape) - 1)
        expected = [*others, str(numbers[0])] if layer.name == "linear" else [str(numbers[0]), *others]
        raise UserError(
            f"{where}: expects the shape [{', '.join(expected)}], what comes before it has {list(shape)}; "
            "mend its first number or the layer before"
        )
    if layer.name == "vq":
        (codes,) = _whole(numbers, where)
        return VectorQuantization(codes, shape[0], architecture.commitment_weight)
    if layer.name == "fsq":
        levels = _whole(numbers, where)
        if shape[0] % len(levels) or min(levels) < 2:
            raise UserError(
                f"{where}: {len(levels)} numbers of levels, each at least 2, are to divide the channels of the shape "
                f"{list(shape)} that comes before it"
            )
        return FiniteScalarQuantization(levels)
    try:
        if layer.name in SHAPED:
            return SHAPED[layer.name](style, shape, *numbers)
        if layer.name in BY_DIMENSION:
            return BY_DIMENSION[layer.name][style.dimensions - 1](*numbers)
        return PLAIN[layer.name](*numbers)
    except (TypeError, ValueError, AssertionError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"{where}: cannot be made for the shape {list(shape)} that comes before it ({reason})"
        ) from None


def _whole(numbers: Sequence[float], where: str) -> tuple[int, ...]:
    if any(not isinstance(number, int) for number in numbers):
        raise UserError(f"{where}: expected whole numbers")
    return tuple(int(number) for number in numbers)


def _conv(
    style: Style,
    channels_in: int,
    channels_out: int,
    kernel: int,
    stride: int = 1,
    padding: int | None = None,
    dilation: int = 1,
    groups: int = 1,
) -> nn.Module:
    padding = dilation * (kernel - 1) // 2 if padding is None else padding
    kind = blocks.CONVOLUTION[style.dimensions]
    return kind(channels_in, channels_out, kernel, stride, padding, dilation, groups)


def _transposed_conv(
    style: Style,
    channels_in: int,
    channels_out: int,
    kernel: int,
    stride: int = 1,
    padding: int | None = None,
    output_padding: int = 0,
) -> nn.Module:
    if padding is None:
        return blocks.transposed_convolution(style, channels_in, channels_out, kernel, stride)
    kind = blocks.TRANSPOSED[style.dimensions]
    return kind(channels_in, channels_out, kernel, stride, padding, output_padding)


# Names whose first number is what must come in.
TAKES_FIRST = (
    "res",
    "down",
    "up",
    "bottleneck",
    "attention",
    "squeeze_excitation",
    "conv",
    "transposed_conv",
    "linear",
)

# Layers made for a style and for the shape that comes in.
SHAPED: dict[str, Callable[..., nn.Module]] = {
    "res": lambda style, _, *n: blocks.residual(style, *n),
    "down": lambda style, _, *n: blocks.down(style, *n),
    "up": lambda style, _, *n: blocks.up(style, *n),
    "bottleneck": lambda style, _, *n: blocks.residual(style._replace(block="bottleneck"), *n),
    "attention": lambda _style, _shape, channels, heads=4: blocks.Attention(channels, heads),
    "squeeze_excitation": lambda style, _, *n: blocks.squeeze_excitation(style, *n),
    "conv": lambda style, _, *n: _conv(style, *n),
    "transposed_conv": lambda style, _, *n: _transposed_conv(style, *n),
    "interleave": lambda style, _, factor: blocks.interleave(style, factor),
    "linear_upsample": lambda style, _, factor: blocks.interpolation(style, factor),
    "batch_norm": lambda _, shape: (nn.BatchNorm1d if len(shape) < 3 else nn.BatchNorm2d)(shape[0]),
    "group_norm": lambda _, shape, groups: nn.GroupNorm(groups, shape[0]),
    "instance_norm": lambda style, shape: (nn.InstanceNorm1d, nn.InstanceNorm2d)[style.dimensions - 1](
        shape[0], affine=True
    ),
    "layer_norm": lambda _, shape: nn.LayerNorm(shape),
    "rms_norm": lambda _, shape: nn.RMSNorm(shape),
    "prelu": lambda _, shape: nn.PReLU(shape[0]),
    "unflatten": lambda _style, _shape, *sizes: nn.Unflatten(1, sizes),
}

# Layers of one and of two dimensions.
BY_DIMENSION: dict[str, tuple[Callable[..., nn.Module], Callable[..., nn.Module]]] = {
    "max_pool": (nn.MaxPool1d, nn.MaxPool2d),
    "average_pool": (nn.AvgPool1d, nn.AvgPool2d),
    "power_pool": (nn.LPPool1d, nn.LPPool2d),
    "adaptive_max_pool": (nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d),
    "adaptive_average_pool": (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d),
    "zero_pad": (nn.ZeroPad1d, nn.ZeroPad2d),
    "reflection_pad": (nn.ReflectionPad1d, nn.ReflectionPad2d),
    "replication_pad": (nn.ReplicationPad1d, nn.ReplicationPad2d),
    "circular_pad": (nn.CircularPad1d, nn.CircularPad2d),
    "channel_dropout": (nn.Dropout1d, nn.Dropout2d),
}

# Layers that are the same in any number of dimensions.
PLAIN: dict[str, Callable[..., nn.Module]] = {
    "linear": nn.Linear,
    "flatten": nn.Flatten,
    "identity": nn.Identity,
    "upsample": lambda factor: nn.Upsample(scale_factor=factor),
    "local_response_norm": nn.LocalResponseNorm,
    "dropout": nn.Dropout,
    "alpha_dropout": nn.AlphaDropout,
    "celu": nn.CELU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "glu": lambda: nn.GLU(dim=1),
    "hard_shrink": nn.Hardshrink,
    "hard_sigmoid": nn.Hardsigmoid,
    "hard_swish": nn.Hardswish,
    "hard_tanh": nn.Hardtanh,
    "leaky_relu": nn.LeakyReLU,
    "log_sigmoid": nn.LogSigmoid,
    "mish": nn.Mish,
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "selu": nn.SELU,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "softmax": lambda: nn.Softmax(dim=1),
    "softplus": nn.Softplus,
    "soft_shrink": nn.Softshrink,
    "softsign": nn.Softsign,
    "tanh": nn.Tanh,
    "tanh_shrink": nn.Tanhshrink,
}


def modules(layers: Iterable[Built]) -> nn.Sequential:
    """The layers one after the other."""
    return nn.Sequential(*(layer.module for layer in layers))


def stride(texts: Iterable[str]) -> int:
    """Factor by which layers shorten a curve; a length that is a multiple of it is divided without rest."""
    total = 1
    for layer in map(parse_layer, texts):
        total *= int(_stride(layer)) ** layer.times
    return max(total, 1)


def _stride(layer: Layer) -> Any:
    numbers = layer.numbers
    if layer.name == "down":
        return 2
    if layer.name == "conv":
        return numbers[3] if len(numbers) > 3 else 1
    if layer.name in ("max_pool", "average_pool"):
        return numbers[-1]
    return numbers[-1] if layer.name == "power_pool" else 1
