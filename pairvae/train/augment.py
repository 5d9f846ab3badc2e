"""Random changes of the inputs that a network must not mind."""

import torch
from torch import Tensor

HIDDEN_AT_MOST = 0.4  # of the grid, at each end
UNKNOWN_SHARE = 0.1  # of the samples whose covariates are hidden


def hide_ends(mask: Tensor, probability: float) -> Tensor:
    """Hide a random q range at each end of some rows, as a shorter measurement would.

    Parameters
    ----------
    mask : Tensor, shape (batch, q)
        1 where measured.
    probability : float
        Share of the rows that are shortened.
    """
    batch, points = mask.shape
    low, high, chosen = torch.rand(3, batch, 1, device=mask.device)
    reach = HIDDEN_AT_MOST * (chosen < probability)
    place = torch.linspace(0, 1, points, device=mask.device)
    return mask * (place >= low * reach) * (place <= 1 - high * reach)


def hide_covariates(covariates: Tensor) -> Tensor:
    """Make the covariates (batch, width) of some rows unknown: all zeros."""
    return covariates * (torch.rand(len(covariates), 1, device=covariates.device) >= UNKNOWN_SHARE)


def shift(like: Tensor, dex: float) -> Tensor:
    """A random shift of log10 I per row, shape (batch, 1): another concentration, another thickness."""
    return (2 * torch.rand(len(like), 1, device=like.device) - 1) * dex
