"""How learning rate, KL weight and weight average change over the steps.

`step` of `steps` is how far a training is: optimiser steps, or seconds of a given time. Torch's own schedulers count
steps alone.
"""

import math

from pairvae.settings import Fit, Variational

ONE_CYCLE_START, ONE_CYCLE_END = 1 / 25, 1 / 25e4  # of the peak rate, as in torch's OneCycleLR


def learning_rate_factor(settings: Fit, step: float, steps: float) -> float:
    """Factor of the peak learning rate, by the setting `schedule`.

    Parameters
    ----------
    settings : Fit
        Schedule and its numbers.
    step, steps : float
        How far the training is, and how long.
    """
    if settings.schedule == "one_cycle":
        return one_cycle(step, steps, settings.warmup_fraction)
    if settings.schedule == "step":
        every, factor = settings.step_every_fraction, settings.step_factor
        return step_decay(step, steps, settings.warmup_fraction, every, factor)
    return cosine_with_warmup(step, steps, settings.warmup_fraction)


def cosine_with_warmup(step: float, steps: float, warmup_fraction: float) -> float:
    """Factor of the learning rate: rises linearly from 0, then falls to 0 as half a cosine.

    Parameters
    ----------
    step, steps : float
        How far the training is, and how long.
    warmup_fraction : float
        Share of the training in which the factor rises.

    References
    ----------
    Loshchilov and Hutter, SGDR, ICLR 2017, eq. 5.
    """
    warmup = warmup_fraction * steps
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(1.0, steps - warmup))))


def one_cycle(step: float, steps: float, warmup_fraction: float) -> float:
    """Factor of the learning rate: rises from 1/25 to 1 and falls to 1/250000, each as half a cosine.

    Start, end and shape are those of torch's OneCycleLR.

    Parameters
    ----------
    step, steps : float
        How far the training is, and how long.
    warmup_fraction : float
        Share of the training in which the factor rises.

    References
    ----------
    Smith and Topin, Super-convergence, arXiv:1708.07120.
    """
    top, last = warmup_fraction * steps - 1, steps - 1
    if step <= top:
        return _half_cosine(ONE_CYCLE_START, 1.0, step / top if top > 0 else 1.0)
    return _half_cosine(1.0, ONE_CYCLE_END, min(1.0, (step - top) / max(last - top, 1e-9)))


def step_decay(step: float, steps: float, warmup_fraction: float, every: float, factor: float) -> float:
    """Factor of the learning rate: rises linearly from 0 to 1, and falls in steps.

    Parameters
    ----------
    step, steps : float
        How far the training is, and how long.
    warmup_fraction : float
        Share of the training in which the factor rises.
    every : float
        Share of the training after which the factor falls each time.
    factor : float
        By how much it falls then.
    """
    warmup = warmup_fraction * steps
    rise = (step + 1) / (warmup + 1) if step < warmup else 1.0
    return rise * factor ** math.floor(step / (every * steps) + 1e-9)  # 0.3 · 1000 is no whole number of steps


def kl_factor(settings: Variational, step: float, steps: float) -> float:
    """Factor of the KL weight β, by the setting `kl_schedule`.

    Parameters
    ----------
    settings : Variational
        Schedule and its numbers.
    step, steps : float
        How far the training is, and how long.
    """
    warmup = settings.kl_warmup_fraction
    if settings.kl_schedule == "constant":
        return 1.0
    if settings.kl_schedule == "cyclic":
        return cyclic_annealing(step, steps, warmup, settings.kl_cycles)
    rise = linear_warmup(step, steps, warmup)
    return _half_cosine(0.0, 1.0, rise) if settings.kl_schedule == "cosine" else rise


def linear_warmup(step: float, steps: float, warmup_fraction: float) -> float:
    """Factor of the KL weight: rises linearly from 0 to 1.

    Parameters
    ----------
    step, steps : float
        How far the training is, and how long.
    warmup_fraction : float
        Share of the training in which the factor rises.

    References
    ----------
    Bowman et al., Generating sentences from a continuous space, CoNLL 2016.
    """
    return min(1.0, step / (warmup_fraction * steps)) if warmup_fraction > 0 else 1.0


def cyclic_annealing(step: float, steps: float, warmup_fraction: float, cycles: int) -> float:
    """Factor of the KL weight: in each of the cycles it rises linearly from 0 to 1 and stays there.

    Parameters
    ----------
    step, steps : float
        How far the training is, and how long.
    warmup_fraction : float
        Share of each cycle in which the factor rises, R of the paper.
    cycles : int
        Number of cycles, M of the paper.

    References
    ----------
    Fu et al., Cyclical annealing schedule, NAACL 2019, eq. 6 and 7.
    """
    if step >= steps:  # the last cycle is over; no other begins
        return 1.0
    period = steps / cycles
    return linear_warmup(step % period, period, warmup_fraction)


def _half_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * share))


def average_decay(averaged: int, decay: float) -> float:
    """Decay of the running average of the weights: short memory at first, `decay` in the end."""
    return min(decay, (1 + averaged) / (10 + averaged))
