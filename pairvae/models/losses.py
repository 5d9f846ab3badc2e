"""What training makes small, one function per term."""

import torch
from torch import Tensor


def point_weights(prediction: Tensor, target: Tensor, log_sigma: Tensor, mask: Tensor, error_scale: float) -> Tensor:
    """Weights of measured points: 1 for exact ones, error_scale²/(error_scale² + σ²) for noisy ones, 0 masked.

    σ is the relative error that the measurement would have at the predicted intensity. At the measured one, points that
    came out low by chance would weigh less than those that came out high, and faint intensities be predicted too high.

    Parameters
    ----------
    prediction, target : Tensor, shape (batch, q)
        log10 I; no gradient flows to the prediction.
    log_sigma : Tensor, shape (batch, q)
        Standard uncertainty of the measured log10 I in decades, any value where masked.
    mask : Tensor, shape (batch, q)
        1 where measured, else 0.
    error_scale : float
        The model's own expected error in decades.
    """
    apart = (target - prediction.detach()).clamp(-2, 2)  # a wild guess at the beginning of training rules nothing
    return torch.where(mask > 0, 1 / (1 + (log_sigma * 10**apart / error_scale) ** 2), 0)


def reconstruction(prediction: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean square difference of log10 I in decades², over the points with weight > 0.

    Parameters
    ----------
    prediction, target, weight : Tensor, shape (batch, q)
        Targets may hold anything finite where the weight is 0.
    """
    return (weight * (prediction - target) ** 2).sum() / (weight > 0).sum().clamp(min=1)


def log_likelihood_loss(mean_square: Tensor) -> Tensor:
    """½ log of a mean square error: the Gaussian likelihood per point at the variance that suits the batch best.

    Its gradient is that of the mean square error over twice its value: paths of different difficulty teach alike.

    References
    ----------
    Rybkin et al., Simple and effective VAE training with calibrated decoders, ICML 2021, eq. 6.
    """
    return 0.5 * torch.log(mean_square + 1e-8)


def gaussian_nll(prediction: Tensor, log_variance: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Negative log-likelihood of the targets, ½(log σ² + (target − prediction)²/σ²), mean over measured points.

    The prediction is not taught by this term, only its variance.
    """
    square = (target - prediction.detach()) ** 2
    return (0.5 * mask * (log_variance + square * torch.exp(-log_variance))).sum() / mask.sum().clamp(min=1)


def kl_divergence(mean: Tensor, logvar: Tensor) -> Tensor:
    """KL of N(mean, exp(logvar)) from N(0, 1): ½ Σ (mean² + exp(logvar) − 1 − logvar), mean over the batch.

    Parameters
    ----------
    mean, logvar : Tensor, shape (batch, latent)

    References
    ----------
    Kingma and Welling, ICLR 2014, appendix B.
    """
    return 0.5 * (mean**2 + logvar.exp() - 1 - logvar).sum(dim=1).mean()


def cross_correlation(z_saxs: Tensor, z_sans: Tensor) -> Tensor:
    """Correlation of every component of one code with every component of the other over the batch.

    Returns
    -------
    Tensor, shape (latent, latent)
    """
    saxs, sans = ((z - z.mean(dim=0)) / (z.var(dim=0, correction=0) + 1e-6).sqrt() for z in (z_saxs, z_sans))
    return saxs.T @ sans / len(saxs)


def barlow_twins(z_saxs: Tensor, z_sans: Tensor, redundancy_weight: float = 5e-3) -> Tensor:
    """Make the codes of one sample agree, one decorrelated component at a time.

    With both codes standardised over the batch, C = z_saxsᵀ z_sans / batch; the loss is
    Σᵢ (Cᵢᵢ − 1)² + redundancy_weight · Σᵢ≠ⱼ Cᵢⱼ².

    Parameters
    ----------
    z_saxs, z_sans : Tensor, shape (batch, latent)
        Codes of the same samples in the same order.
    redundancy_weight : float
        λ of the paper.

    Raises
    ------
    ValueError
        Fewer than two pairs: a correlation needs two.

    References
    ----------
    Zbontar et al., Barlow Twins, ICML 2021, eq. 1.
    """
    if len(z_saxs) < 2:
        raise ValueError(f"Barlow Twins correlates over the batch: expected at least 2 pairs, found {len(z_saxs)}")
    correlation = cross_correlation(z_saxs, z_sans)
    diagonal = correlation.diagonal()
    return ((diagonal - 1) ** 2).sum() + redundancy_weight * (correlation.square().sum() - diagonal.square().sum())
