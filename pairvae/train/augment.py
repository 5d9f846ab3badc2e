"""Random changes of the inputs that a network must not mind."""

import math

import torch
from torch import Tensor

HIDDEN_AT_MOST = 0.4  # of the grid, at each end or in one gap
FLOOR_IN_SIGMA = 0.3  # default of normalize.floor_in_sigma
UNKNOWN_SHARE = 0.1  # of the samples whose covariates are hidden


def hide_part(mask: Tensor, probability: float) -> Tensor:
    """Hide a random q range of some rows: at both ends, as a shorter measurement would, or in one gap between.

    Parameters
    ----------
    mask : Tensor, shape (batch, q)
        1 where measured.
    probability : float
        Share of the rows that lose something.
    """
    batch, points = mask.shape
    low, high, chosen, begin, length, kind = torch.rand(6, batch, 1, device=mask.device)
    place = torch.linspace(0, 1, points, device=mask.device)
    ends = (place < low * HIDDEN_AT_MOST) | (place > 1 - high * HIDDEN_AT_MOST)
    gap = (place - begin).abs() < length * HIDDEN_AT_MOST / 2
    return mask * ~((chosen < probability) & torch.where(kind < 0.5, ends, gap))


def hide_covariates(covariates: Tensor) -> Tensor:
    """Make the covariates (batch, width) of some rows unknown: all zeros."""
    return covariates * (torch.rand(len(covariates), 1, device=covariates.device) >= UNKNOWN_SHARE)


def renoised(log_intensity: Tensor, log_sigma: Tensor, factor: float) -> Tensor:
    """Curves measured once more: I + factor · σ · ε with ε of variance 1, floored at 0.3 σ as `normalize` floors them.

    Denoising autoencoder: Vincent et al., ICML 2008.

    Parameters
    ----------
    log_intensity, log_sigma : Tensor, shape (batch, q)
        log10 I and its standard uncertainty in decades.
    factor : float
        0 leaves the curves as they are and draws no random numbers.
    """
    if not factor:
        return log_intensity
    relative = math.log(10) * log_sigma
    noisy = 1 + factor * relative * torch.randn_like(relative)
    return log_intensity + torch.log10(torch.maximum(noisy, (FLOOR_IN_SIGMA * relative).clamp(1e-6, 1)))


def shift(like: Tensor, dex: float) -> Tensor:
    """A random shift of log10 I per row, shape (batch, 1): another concentration, another thickness."""
    return (2 * torch.rand(len(like), 1, device=like.device) - 1) * dex
