"""The lists of layers that the settings stand for, and encoder and decoder built from them."""

import math
from itertools import pairwise
from typing import NamedTuple

from pairvae.errors import UserError
from pairvae.models.layers import Built, build, stride
from pairvae.models.shapes import Shape
from pairvae.settings import Architecture

STEM_KERNEL = 7
LONGEST_PADDING = 8  # times the length of a curve; what is filled up beyond it is a mistake in the layers


class Before(NamedTuple):
    """Layers from the curve to `hidden` features."""

    padding: list[int]  # zeros behind the curve, in each dimension
    layers: list[Built]
    short: Shape  # behind the encoder's own list: where the decoder's begins


def encoder_layers(made: Architecture, shape: Shape) -> Before:
    """Build the encoder's list for curves of a length or patterns (rows, columns), and the head behind it.

    Raises
    ------
    UserError
        Layers do not fit together or shorten the curve too much.
    """
    factor = stride(texts := encoder_list(made))
    if factor > LONGEST_PADDING * max(shape):
        raise UserError(
            f"encoder: shortens a curve by a factor of {factor}; the data have the shape {list(shape)}; take "
            "smaller strides or fewer blocks that halve the length"
        )
    padding = [-length % factor for length in shape]
    padded = (_inputs(made), *(length + more for length, more in zip(shape, padding, strict=True)))
    layers = build(texts, padded, made, "encoder")
    short = layers[-1].shape
    return Before(padding, layers + build(_head(short, made), short, made, "head of the encoder"), short)


def decoder_layers(made: Architecture, short: Shape, shape: Shape) -> list[Built]:
    """Build the way from `hidden` features to where the decoder's list begins, and that list.

    Parameters
    ----------
    made : Architecture
        Settings of the network, `filled`.
    short : tuple of int
        Shape that the encoder's list ends with, channels first; the decoder's begins there.
    shape : tuple of int
        Length of a curve, or rows and columns of a pattern.

    Raises
    ------
    UserError
        Layers do not fit together or do not end with one channel that is long enough.
    """
    head = build(_tail(short, made), (made.hidden,), made, "head of the decoder")
    layers = head + build(decoder_list(made), head[-1].shape if head else (made.hidden,), made, "decoder")
    last = layers[-1]
    channels, *lengths = last.shape
    if channels != 1 or len(lengths) != len(shape) or any(a < b for a, b in zip(lengths, shape, strict=True)):
        raise UserError(
            f"decoder, layer {last.place} {last.text!r}: ends with the shape {list(last.shape)}; expected "
            f"{[1, *shape]}, longer ones are cut"
        )
    return layers


def encoder_list(architecture: Architecture) -> list[str]:
    """Layers from the curve (and its mask) to where the length is shortest; `architecture` is `filled`."""
    if architecture.encoder:
        return list(architecture.encoder)
    channels, kernel = architecture.channels, architecture.kernel_size
    inputs = _inputs(architecture)
    if architecture.network == "vae":
        steps = pairwise((inputs, *channels))
        return [text for a, b in steps for text in (f"conv {a} {b} {kernel} 2", *_between(architecture, b))]
    stem = f"conv {inputs} {channels[0]} {STEM_KERNEL} {architecture.stem_stride}"
    return [
        stem,
        *(f"down {a} {b}" for a, b in pairwise(channels)),
        *_attention(architecture),
        str(architecture.activation),
    ]


def decoder_list(architecture: Architecture) -> list[str]:
    """Layers back, to one channel as long as the curve or longer; `architecture` is `filled`."""
    if architecture.decoder:
        return list(architecture.decoder)
    channels, kernel, stride = architecture.channels, architecture.kernel_size, architecture.stem_stride
    steps = [(b, a) for a, b in reversed(list(pairwise(channels)))]
    if architecture.network == "vae":
        texts = [text for a, b in steps for text in (f"transposed_conv {a} {b} {kernel} 2", *_between(architecture, b))]
        return [*texts, f"transposed_conv {channels[0]} 1 {kernel} 2"]
    points = stride ** (2 if architecture.image else 1)
    last = [f"conv {channels[0]} {points} {STEM_KERNEL}", f"interleave {stride}"]
    return [*_attention(architecture), *(f"up {a} {b}" for a, b in steps), str(architecture.activation), *last]


def _inputs(architecture: Architecture) -> int:
    """Channels of the curve, of its mask and of its slopes."""
    return 1 + architecture.mask_channel + len(architecture.slopes or ())


def _attention(architecture: Architecture) -> list[str]:
    return [f"attention {architecture.channels[-1]} {architecture.attention}"] if architecture.attention else []


def _between(architecture: Architecture, channels: int) -> list[str]:
    norm = {"none": [], "batch": ["batch_norm"], "group": [f"group_norm {math.gcd(8, channels)}"]}
    return [*norm[str(architecture.normalization)], str(architecture.activation)]


def _head(short: tuple[int, ...], made: Architecture) -> list[str]:
    """Layers from the end of the encoder's list to `hidden` features."""
    if short == (made.hidden,):
        return []
    to_features = {"linear": ["flatten"], "pool": ["adaptive_average_pool 1", "flatten"]}[made.head]
    features = short[0] if made.head == "pool" else math.prod(short)
    # the residual linear blocks have activations of their own
    return [*to_features, f"linear {features} {made.hidden}", *([] if made.linear_blocks else [str(made.activation)])]


def _tail(short: tuple[int, ...], made: Architecture) -> list[str]:
    """Layers from `hidden` features to where the decoder's list begins: the shape that the encoder's ended with."""
    if len(short) == 1:
        return []
    return [f"linear {made.hidden} {math.prod(short)}", f"unflatten {' '.join(map(str, short))}"]
