"""How learning rate, KL weight and weight average change over the steps."""

import math


def cosine_with_warmup(step: float, steps: float, warmup_fraction: float) -> float:
    """Factor of the learning rate: rises linearly from 0, then falls to 0 as half a cosine.

    `step` of `steps` is how far the training is: optimiser steps, or seconds of a given time.

    Loshchilov and Hutter, SGDR, ICLR 2017, eq. 5.
    """
    warmup = warmup_fraction * steps
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1.0, steps - warmup))))


def linear_warmup(step: float, steps: float, warmup_fraction: float) -> float:
    """Factor of the KL weight: rises linearly from 0 to 1 (Bowman et al., CoNLL 2016)."""
    return min(1.0, step / (warmup_fraction * steps)) if warmup_fraction > 0 else 1.0


def average_decay(averaged: int, decay: float) -> float:
    """Decay of the running average of the weights: short memory at first, `decay` in the end."""
    return min(decay, (1 + averaged) / (10 + averaged))
