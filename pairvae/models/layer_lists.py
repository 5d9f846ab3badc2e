"""The lists of layers that the settings stand for."""

import math
from itertools import pairwise

from pairvae.settings import Architecture

STEM_KERNEL = 7


def encoder_list(architecture: Architecture) -> list[str]:
    """Layers from the curve (and its mask) to where the length is shortest; `architecture` is `filled`."""
    if architecture.encoder:
        return list(architecture.encoder)
    channels, kernel = architecture.channels, architecture.kernel_size
    inputs = 1 + architecture.mask_channel
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


def _attention(architecture: Architecture) -> list[str]:
    return [f"attention {architecture.channels[-1]} {architecture.attention}"] if architecture.attention else []


def _between(architecture: Architecture, channels: int) -> list[str]:
    norm = {"none": [], "batch": ["batch_norm"], "group": [f"group_norm {math.gcd(8, channels)}"]}
    return [*norm[str(architecture.normalization)], str(architecture.activation)]
