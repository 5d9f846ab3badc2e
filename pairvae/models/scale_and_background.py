"""Errors of predicted curves whose flat background nobody knows, and of their scales."""

import torch
from torch import Tensor

from pairvae.models.losses import gaussian_nll

FAINTEST = -12.0  # decades below a curve's highest point: as good as nothing
TAKEN = 1 - torch.logspace(0, -3, 12)  # of a curve's lowest intensity, the backgrounds that may be taken away
ADDED = torch.logspace(-5, 2, 20)  # of its highest, those that may be added
SCALE_LOG_VARIANCE = (-8.0, 4.0)  # of a predicted scale, in decades²
SMALLEST_SQUARE = 2e-3  # decades²; below this a curve is as good as right and teaches little more


def error_above_background(prediction: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """½ log of each curve's mean square difference after the best factor and flat background, mean over the batch.

    A measured background, subtracted or not, is known to nobody but who measured it. The best one, of either sign, is
    taken from a list, relative to the predicted curve; no gradient flows through the choice, since the derivative of a
    minimum is that at its place. Every curve weighs alike, however badly it is predicted.

    Parameters
    ----------
    prediction, target, weight : Tensor, shape (batch, q)
        As in `best_log_scale`.
    """
    above = (prediction - prediction.amax(dim=1, keepdim=True)).clamp(min=FAINTEST)
    with torch.no_grad():
        lowest = torch.where(weight > 0, above, 0).amin(dim=1, keepdim=True)
        backgrounds = torch.cat([-TAKEN.to(above) * 10**lowest, ADDED.to(above).expand(len(above), -1)], dim=1)
        tried = _above(above[:, None], backgrounds[:, :, None])
        best = _spread_after_factor(tried, target[:, None], weight[:, None]).argmin(dim=1, keepdim=True)
        background = backgrounds.gather(1, best)
    left = _spread_after_factor(_above(above, background), target, weight)
    return 0.5 * torch.log(left + SMALLEST_SQUARE).mean()


def _above(log_intensity: Tensor, background: Tensor) -> Tensor:
    """log10 of intensities above a background; where none is left, at points that were not measured, the faintest."""
    return torch.log10((10**log_intensity + background).clamp(min=10**FAINTEST))


def _spread_after_factor(prediction: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean square difference along q after the best factor, in decades²."""
    share = weight / weight.sum(dim=-1, keepdim=True).clamp(min=1e-12)
    off = target - prediction
    return (share * (off - (share * off).sum(dim=-1, keepdim=True)) ** 2).sum(dim=-1)


def scale_nll(ratio: Tensor, wanted: Tensor) -> Tensor:
    """Negative log-likelihood of scales, mean over the samples whose scale is known.

    Parameters
    ----------
    ratio : Tensor, shape (batch, 2)
        Predicted log10 of the scale, and the log-variance of its error in decades².
    wanted : Tensor, shape (batch, 1)
        NaN where unknown.
    """
    known = wanted.isfinite().to(ratio)
    log_variance = ratio[:, 1:].clamp(*SCALE_LOG_VARIANCE)
    return gaussian_nll(ratio[:, :1], log_variance, wanted.nan_to_num(), known)
