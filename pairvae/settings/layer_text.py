"""Layers as text, `2*conv 32 32 3`: which names there are and how many numbers each takes.

Most of this is the table. A parser generator such as lark would replace ten lines, and none of the messages.
"""

import difflib
import math
from typing import NamedTuple

# Fewest and most numbers behind a name; the numbers are those of torch.nn, in its order, with its defaults.
# docs/toolbox.md says what each means.
LAYERS: dict[str, tuple[int, float]] = {
    # blocks
    "res": (2, 3),
    "down": (2, 3),
    "up": (2, 3),
    "bottleneck": (2, 3),
    "attention": (1, 2),
    "squeeze_excitation": (1, 2),
    "vq": (1, 1),
    "fsq": (1, math.inf),
    # convolutions, linear layers and shapes
    "conv": (3, 7),
    "transposed_conv": (3, 6),
    "linear": (2, 2),
    "flatten": (0, 0),
    "unflatten": (2, 3),
    "identity": (0, 0),
    # resampling
    "interleave": (1, 1),
    "upsample": (1, 1),
    "linear_upsample": (1, 1),
    "max_pool": (1, 2),
    "average_pool": (1, 2),
    "power_pool": (2, 3),
    "adaptive_max_pool": (1, 1),
    "adaptive_average_pool": (1, 1),
    "zero_pad": (1, 1),
    "reflection_pad": (1, 1),
    "replication_pad": (1, 1),
    "circular_pad": (1, 1),
    # normalisation and dropout
    "batch_norm": (0, 0),
    "group_norm": (1, 1),
    "instance_norm": (0, 0),
    "layer_norm": (0, 0),
    "rms_norm": (0, 0),
    "local_response_norm": (1, 1),
    "dropout": (1, 1),
    "channel_dropout": (1, 1),
    "alpha_dropout": (1, 1),
    # activations
    "celu": (0, 1),
    "elu": (0, 1),
    "gelu": (0, 0),
    "glu": (0, 0),
    "hard_shrink": (0, 1),
    "hard_sigmoid": (0, 0),
    "hard_swish": (0, 0),
    "hard_tanh": (0, 2),
    "leaky_relu": (0, 1),
    "log_sigmoid": (0, 0),
    "mish": (0, 0),
    "prelu": (0, 0),
    "relu": (0, 0),
    "relu6": (0, 0),
    "selu": (0, 0),
    "sigmoid": (0, 0),
    "silu": (0, 0),
    "softmax": (0, 0),
    "softplus": (0, 1),
    "soft_shrink": (0, 1),
    "softsign": (0, 0),
    "tanh": (0, 0),
    "tanh_shrink": (0, 0),
}


class Layer(NamedTuple):
    """One line of a list of layers: its text without the multiplier, its name, its numbers, how often it stands."""

    text: str
    name: str
    numbers: tuple[float, ...]
    times: int = 1


def parse_layer(text: str) -> Layer:
    """Read `[TIMES*]name number…`; names outside of the list are refused.

    Raises
    ------
    ValueError
        The name is none, a number is none, or there are too few or too many; one sentence.
    """
    times, star, rest = text.partition("*")
    name, *words = (rest if star else text).split() or [""]
    if name not in LAYERS:
        near = difflib.get_close_matches(name, LAYERS, n=1, cutoff=0)[0]
        raise ValueError(f"layer {text!r}: {name!r} is no layer; the nearest is {near!r}")
    if star and not (times.strip().isdigit() and int(times) > 0):
        raise ValueError(f"layer {text!r}: expected a whole number before *, as in '2*res 32 32'")
    try:
        numbers = tuple(float(word) if any(sign in word for sign in ".e") else int(word) for word in words)
    except ValueError:
        raise ValueError(f"layer {text!r}: expected numbers behind {name}, as in 'conv 16 32 3'") from None
    fewest, most = LAYERS[name]
    if not fewest <= len(numbers) <= most:
        expected = f"{fewest}" if fewest == most else f"{fewest} or more" if most == math.inf else f"{fewest} to {most}"
        raise ValueError(f"layer {text!r}: {name} takes {expected} numbers; found {len(numbers)}")
    if not all(math.isfinite(number) for number in numbers):
        raise ValueError(f"layer {text!r}: expected finite numbers")
    return Layer(" ".join([name, *words]), name, numbers, int(times) if star else 1)
