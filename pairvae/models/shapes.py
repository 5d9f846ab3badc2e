"""The shape that a layer leaves, by arithmetic: to load a model, none of its layers needs to run.

A run without numbers, on torch's meta device, gives the shape of every layer, but it makes torch import its compiler,
which takes a second.
"""

import math
from collections.abc import Iterable

from torch import nn

from pairvae.models import blocks

Shape = tuple[int, ...]  # of one sample: (channel, length), (channel, rows, columns) or (features,)

KEEPING = (nn.Identity, nn.Dropout, nn.SiLU, nn.GELU, nn.ReLU, *blocks.BATCH_NORM.values(), nn.GroupNorm, nn.LayerNorm)
KEEPING_CHANNELS = (blocks.LayerScale, blocks.Scaled, blocks.Attention)
Convolution = nn.Conv1d | nn.Conv2d | nn.ConvTranspose1d | nn.ConvTranspose2d


def shape_by_arithmetic(module: nn.Module, shape: Shape) -> Shape | None:
    """Shape of what a layer makes of a sample; None where only running it says, or says why it does not fit.

    Parameters
    ----------
    module : Module
        Made for samples of this shape.
    shape : tuple of int
        Of one sample that goes in.
    """
    channels, *lengths = shape
    match module:
        case nn.Sequential():
            return _after_all(module, shape)
        case blocks.Residual():
            branch, skip = (shape_by_arithmetic(way, shape) for way in (module.branch, module.skip))
            return branch if branch == skip else None
        case nn.Conv1d() | nn.Conv2d() | nn.ConvTranspose1d() | nn.ConvTranspose2d():
            return _convolved(module, channels, lengths)
        case blocks.Interleave(factor=factor) | nn.PixelShuffle(upscale_factor=factor):
            fits = isinstance(factor, int) and lengths and channels % factor ** len(lengths) == 0
            return (channels // factor ** len(lengths), *(factor * length for length in lengths)) if fits else None
        case nn.Linear():
            return (*shape[:-1], module.out_features) if shape[-1] == module.in_features else None
        case nn.Flatten():
            return (math.prod(shape),)
        case nn.Unflatten(unflattened_size=sizes):
            return tuple(sizes) if shape == (math.prod(sizes),) and min(sizes) > 0 else None
        case _ if isinstance(module, KEEPING_CHANNELS):
            return shape if lengths else None
        case _:
            return shape if isinstance(module, KEEPING) else None


def _after_all(layers: Iterable[nn.Module], shape: Shape) -> Shape | None:
    for layer in layers:
        if (after := shape_by_arithmetic(layer, shape)) is None:
            return None
        shape = after
    return shape


def _convolved(module: Convolution, channels: int, lengths: list[int]) -> Shape | None:
    """The formulas of `torch.nn.Conv1d` and `torch.nn.ConvTranspose1d`, for each dimension."""
    transposed = isinstance(module, nn.ConvTranspose1d | nn.ConvTranspose2d)
    numbers = (module.kernel_size, module.stride, module.padding, module.dilation, module.output_padding)
    if channels != module.in_channels or len(lengths) != len(module.kernel_size):
        return None
    after = []
    for length, kernel, stride, padding, dilation, more in zip(lengths, *numbers, strict=True):
        whole = all(isinstance(number, int) for number in (kernel, stride, padding, dilation, more))
        if not whole or min(kernel, stride, dilation) < 1 or min(padding, more) < 0 or more > max(stride - 1, 0):
            return None
        reach = dilation * (kernel - 1) + 1 - 2 * padding
        after.append((length - 1) * stride + reach + more if transposed else (length - reach) // stride + 1)
    return (module.out_channels, *after) if min(after) > 0 else None
