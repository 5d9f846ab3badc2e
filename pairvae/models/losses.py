"""What training makes small, one function per term.

torchmetrics' SSIM takes no mask; lightly needs torchvision and forbids a sample twice in a batch: neither serves here.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

SMALLEST_SIGMA = 1e-3  # decades; a point that was measured without error must not be all of χ²
SSIM_WINDOW = 11  # points; with 1.5 as the standard deviation of its weights the window of Wang et al.


class Compared(NamedTuple):
    """A decoded curve beside the measured one, each (batch, q).

    Attributes
    ----------
    prediction, log_variance : Tensor
        log10 I and the log-variance of its error in decades².
    target, log_sigma : Tensor
        Measured log10 I and its standard uncertainty in decades, any value where not measured.
    weight : Tensor
        What the q range weighs, 0 where not measured.
    trust : Tensor
        `point_weights` times what the q range weighs.
    scaled, scaled_target : Tensor
        Prediction and target as the network scales them.
    """

    prediction: Tensor
    log_variance: Tensor
    target: Tensor
    log_sigma: Tensor
    weight: Tensor
    trust: Tensor
    scaled: Tensor
    scaled_target: Tensor


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


def best_log_scale(prediction: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """log10 of the factor that brings each predicted curve nearest to its target, shape (batch, 1).

    Parameters
    ----------
    prediction, target, weight : Tensor, shape (batch, q)
        log10 I, and weights of the points; targets may hold anything finite where the weight is 0.
    """
    return (weight * (target - prediction)).sum(dim=1, keepdim=True) / weight.sum(dim=1, keepdim=True).clamp(min=1e-12)


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


def gaussian_nll(prediction: Tensor, log_variance: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Negative log-likelihood of the targets, ½(log σ² + (target − prediction)²/σ²), mean over points with weight > 0.

    Parameters
    ----------
    prediction, log_variance, target, weight : Tensor, shape (batch, q)
        As in `Compared`.

    References
    ----------
    Nix and Weigend, Estimating the mean and variance of the target probability distribution, ICNN 1994.
    """
    square = (target - prediction) ** 2
    return (0.5 * weight * (log_variance + square * torch.exp(-log_variance))).sum() / (weight > 0).sum().clamp(min=1)


def variance_nll(prediction: Tensor, log_variance: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """`gaussian_nll` that teaches the variance alone: no gradient flows to the prediction.

    Parameters
    ----------
    prediction, log_variance, target, weight : Tensor, shape (batch, q)
        As in `Compared`.
    """
    return gaussian_nll(prediction.detach(), log_variance, target, weight)


def chi_square(prediction: Tensor, target: Tensor, log_sigma: Tensor, weight: Tensor) -> Tensor:
    """Reduced χ², the mean of ((target − prediction)/σ)² over points with weight > 0, σ at least 0.001 decades.

    Parameters
    ----------
    prediction, target, log_sigma, weight : Tensor, shape (batch, q)
        As in `Compared`; log_sigma is σ.
    """
    residual = (target - prediction) / log_sigma.clamp(min=SMALLEST_SIGMA)
    return torch.where(weight > 0, weight * residual**2, 0).sum() / (weight > 0).sum().clamp(min=1)


def binary_cross_entropy(prediction: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """−t log p − (1 − t) log(1 − p) of values in [0, 1], mean over points with weight > 0.

    Bernoulli decoder: Kingma and Welling, ICLR 2014, appendix C.1; targets between 0 and 1 are meant as probabilities.

    Parameters
    ----------
    prediction, target, weight : Tensor, shape (batch, q)
        p and t, and weights of the points.
    """
    p, t = prediction.float().clamp(1e-6, 1 - 1e-6), target.clamp(0, 1)
    entropy = -(t * torch.log(p) + (1 - t) * torch.log1p(-p))
    return torch.where(weight > 0, weight * entropy, 0).sum() / (weight > 0).sum().clamp(min=1)


# What the setting `loss` chooses from: made of the mean square error, which every history shows, or of the curves.
OF_MEAN_SQUARE: dict[str, Callable[[Tensor], Tensor]] = {
    "mse": lambda mean_square: mean_square,
    "log_likelihood": log_likelihood_loss,
}
OF_CURVES: dict[str, Callable[[Compared], Tensor]] = {
    "gaussian_nll": lambda c: gaussian_nll(c.prediction, c.log_variance, c.target, c.weight),
    "chi2": lambda c: chi_square(c.prediction, c.target, c.log_sigma, c.weight),
    "binary_cross_entropy": lambda c: binary_cross_entropy(c.scaled, c.scaled_target, c.trust),
}


def range_weights(q: Tensor, ranges: Sequence[tuple[float, float, float]]) -> Tensor:
    """Weights of grid points, shape (q,): that of the last range (q_min, q_max, weight) that holds q, 1 outside of all.

    Parameters
    ----------
    q : Tensor, shape (q,)
        In 1/Å, as the ends of the ranges.
    """
    weights = torch.ones(len(q))
    for low, high, weight in ranges:
        weights[((q >= low) & (q <= high)).cpu()] = weight
    return weights


def ssim(prediction: Tensor, target: Tensor, mask: Tensor, q_weight: Tensor | float = 1.0) -> Tensor:
    """Structural similarity of curves, 1 where they are equal, mean over the measured points.

    Both curves are scaled by the smallest and largest measured value of the target; local means, variances and
    covariance are taken over 11 points with Gaussian weights, of those that are measured;
    SSIM = (2 m₁ m₂ + C₁)(2 c₁₂ + C₂) / ((m₁² + m₂² + C₁)(v₁ + v₂ + C₂)) with C₁ = 0.01², C₂ = 0.03².

    Parameters
    ----------
    prediction, target, mask : Tensor, shape (batch, q)
        log10 I, and 1 where measured.
    q_weight : Tensor, shape (q,), or float
        What the q ranges weigh in the mean.

    References
    ----------
    Wang et al., Image quality assessment, IEEE Trans. Image Process. 13 (2004) 600, eq. 13.
    """
    known = mask > 0
    low = torch.where(known, target, torch.inf).amin(dim=1, keepdim=True)
    high = torch.where(known, target, -torch.inf).amax(dim=1, keepdim=True)
    x, y = (torch.where(known, (curve - low) / (high - low).clamp(min=1e-3), 0) for curve in (prediction, target))
    place = torch.arange(SSIM_WINDOW, device=x.device, dtype=x.dtype) - SSIM_WINDOW // 2
    window = torch.exp(-0.5 * (place / 1.5) ** 2).expand(1, 1, -1)
    inside = known.to(x.dtype)

    def blurred(values: Tensor) -> Tensor:
        return functional.conv1d(values[:, None], window, padding=SSIM_WINDOW // 2)[:, 0]

    total = blurred(inside).clamp(min=1e-6)

    def local(values: Tensor) -> Tensor:
        return blurred(values) / total

    mean_x, mean_y = local(x), local(y)
    var_x, var_y = local(x * x) - mean_x**2, local(y * y) - mean_y**2
    both = local(x * y) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    similarity = (2 * mean_x * mean_y + c1) * (2 * both + c2) / ((mean_x**2 + mean_y**2 + c1) * (var_x + var_y + c2))
    weight = inside * q_weight
    return (similarity * weight).sum() / weight.sum().clamp(min=1e-6)


def perceptual(encoder: nn.Module, mask: Tensor, covariates: Tensor, prediction: Tensor, target: Tensor) -> Tensor:
    """Mean square distance of two curves in the features of an encoder: its mean code.

    Parameters
    ----------
    encoder : ResVAE
        Frozen. Its module imports this one, so that its type cannot be named here.
    mask, covariates
        As for `ResVAE.encode`, those of the target.
    prediction, target : Tensor, shape (batch, q)
        log10 I.

    References
    ----------
    Johnson, Alahi and Fei-Fei, Perceptual losses for real-time style transfer and super-resolution, ECCV 2016, eq. 2.
    """
    codes = (encoder.encode(curve, mask, covariates).mean for curve in (prediction, target))  # type: ignore[operator]
    return torch.sub(*codes).square().mean()


def kl_divergence(mean: Tensor, logvar: Tensor, free_bits: float = 0.0) -> Tensor:
    """KL of N(mean, exp(logvar)) from N(0, 1): ½ Σ (mean² + exp(logvar) − 1 − logvar), mean over the batch.

    With free bits λ > 0 it is Σⱼ max(λ, KL of component j, mean over the batch): below λ a component costs no more.

    Parameters
    ----------
    mean, logvar : Tensor, shape (batch, latent)
    free_bits : float
        λ in nats.

    References
    ----------
    Kingma and Welling, ICLR 2014, appendix B; Kingma et al., Improved variational inference with inverse autoregressive
    flow, NeurIPS 2016, eq. 16.
    """
    nats = 0.5 * (mean**2 + logvar.exp() - 1 - logvar)
    return nats.mean(dim=0).clamp(min=free_bits).sum() if free_bits else nats.sum(dim=1).mean()


def sparsity(mean: Tensor) -> Tensor:
    """L1 norm of the mean code (batch, latent), mean over the batch (Olshausen and Field, Nature 381 (1996) 607)."""
    return mean.abs().sum(dim=1).mean()


def cross_correlation(z_saxs: Tensor, z_sans: Tensor) -> Tensor:
    """Correlation of every component of one code with every one of the other over the batch, shape (latent, latent)."""
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


def vicreg(z_saxs: Tensor, z_sans: Tensor, parts: tuple[float, float, float] = (25.0, 25.0, 1.0)) -> Tensor:
    """Codes of one sample agree, every component varies by at least 1, and no two vary together.

    λ · mean (z_saxs − z_sans)² + μ · Σ_t mean max(0, 1 − √(var z_t + 10⁻⁴)) + ν · Σ_t Σᵢ≠ⱼ cov(z_t)ᵢⱼ² / latent,
    t being both techniques; variances and covariances over the batch.

    Parameters
    ----------
    z_saxs, z_sans : Tensor, shape (batch, latent)
        Codes of the same samples in the same order.
    parts : tuple of float
        λ, μ, ν.

    References
    ----------
    Bardes, Ponce and LeCun, VICReg, ICLR 2022, eq. 1-6; the invariance is a mean over components, as in their code.
    """
    invariance, variance, covariance = parts
    loss = invariance * functional.mse_loss(z_saxs, z_sans)
    for z in (z_saxs, z_sans):
        away = z - z.mean(dim=0)
        cov = away.T @ away / (len(z) - 1)
        spread = functional.relu(1 - (cov.diagonal() + 1e-4).sqrt()).mean()
        loss = loss + variance * spread
        loss = loss + covariance * (cov.square().sum() - cov.diagonal().square().sum()) / z.shape[1]
    return loss


def info_nce(z_saxs: Tensor, z_sans: Tensor, temperature: float = 0.07, row: Tensor | None = None) -> Tensor:
    """Find the partner among the batch: cross-entropy of softmax(cos(z_saxs, z_sans) / temperature), mean of both ways.

    Parameters
    ----------
    z_saxs, z_sans : Tensor, shape (batch, latent)
        Codes of the same samples in the same order.
    row : Tensor of int, shape (batch,), optional
        Number of each sample: one that stands in the batch twice is no rival of itself. None: all are different.

    References
    ----------
    Radford et al., Learning transferable visual models from natural language supervision (CLIP), ICML 2021, figure 3;
    van den Oord et al., arXiv:1807.03748.
    """
    similarity = functional.normalize(z_saxs, dim=1) @ functional.normalize(z_sans, dim=1).T / temperature
    partner = torch.arange(len(z_saxs), device=z_saxs.device)
    if row is not None:
        again = (row[:, None] == row) & (partner[:, None] != partner)
        similarity = similarity.masked_fill(again, -torch.inf)
    return 0.5 * (functional.cross_entropy(similarity, partner) + functional.cross_entropy(similarity.T, partner))
