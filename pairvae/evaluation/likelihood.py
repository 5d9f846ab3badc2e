"""How probable the networks hold the test curves: lower bounds of the evidence, and bits per dimension."""

import math

import numpy as np
import torch
from torch import Tensor

from pairvae.models.ensemble import Ensemble
from pairvae.models.pairvae import PairVAE
from pairvae.models.predict import ROWS, fitted_scale
from pairvae.models.resvae import NO_SPREAD, Code, ResVAE
from pairvae.models.source_path import SourceCurve
from pairvae.models.tensors import Batch, take
from pairvae.techniques import CROSS_PATHS, ends

DRAWS = 4  # samples of the code per curve
IMPORTANCE_DRAWS = 50  # the same for the importance-weighted bound
IMPORTANCE_CURVES = 300  # of which it is computed, at most
LN_2PI = float(np.log(2 * np.pi))


@torch.inference_mode()
def likelihood(
    network: PairVAE, path: str, code: Code, curves: Batch, source: SourceCurve | None = None, seed: int = 0
) -> dict[str, float | None]:
    """Likelihood of the measured points of log10 I under the decoder's own Gaussian.

    For a technique's own curves the evidence lower bound, E[log p(x|z)] − KL(q(z|x) ‖ p(z)), with draws of the code;
    p(z) is N(0, 1), or equal chances for the values of a quantised code. For a prediction from the partner
    log p(x|z) at the partner's mean code, as predictions are made.

    Parameters
    ----------
    path : str
        target_from_source.
    code : Code
        Posteriors of the source.
    curves : dict of Tensor
        The target's curves, as `as_tensors` gives them.
    source : SourceCurve, optional
        The curves that the codes came from.
    seed : int
        Of the draws.

    Returns
    -------
    dict
        `log_likelihood` and `kl` in nats per curve, `elbo` their difference, `importance_weighted_bound`: elbo and
        what 50 draws of some curves' codes gain over one (the last three None for a prediction from the partner),
        `bits_per_dimension`: −elbo (or −log_likelihood) per measured point, over ln 2.

    References
    ----------
    Kingma and Welling, Auto-encoding variational Bayes, ICLR 2014, eq. 3; `log_weights` for the other bound. Bits per
    dimension of a density depend on the unit: here decades of intensity.
    """
    target, _ = ends(path)
    cross = path in CROSS_PATHS
    generator = torch.Generator().manual_seed(seed)
    draws = 1 if cross else DRAWS
    spread = torch.zeros_like(code.logvar) if cross else torch.exp(0.5 * code.logvar)
    total = 0.0
    for _ in range(draws):
        z = code.mean + spread * torch.randn(code.mean.shape, generator=generator)
        for start in range(0, len(z), ROWS):
            rows = slice(start, start + ROWS)
            seen = None if source is None else SourceCurve(*(column[rows] for column in source))
            total += float(_log_density(network.of(target), z[rows], take(curves, rows), cross, seen).sum())
    samples, points = len(code.mean), float(curves["mask"].double().sum())
    log_likelihood = total / draws / samples
    kl = None if cross else float(network.of(target).kl(code))
    bound = log_likelihood - (kl or 0.0)
    gain = None if cross else 0.0  # for a quantised code, of which all draws are alike
    if not cross and bool((code.logvar > NO_SPREAD).any()):
        some = slice(None, None, -(-samples // IMPORTANCE_CURVES))
        few = Code(*(part[some] for part in code))
        weights = log_weights(network.of(target), few, take(curves, some), IMPORTANCE_DRAWS, seed)
        gain = float((importance_weighted(weights) - weights.mean(dim=0)).mean())
    return {
        "log_likelihood": log_likelihood,
        "kl": kl,
        "elbo": None if cross else bound,
        "importance_weighted_bound": None if gain is None else bound + gain,
        "bits_per_dimension": -bound * samples / points / float(np.log(2)),
    }


@torch.inference_mode()
def log_weights(network: ResVAE | Ensemble, code: Code, curves: Batch, draws: int, seed: int = 0) -> Tensor:
    """Logarithms of the importance weights of draws from the posteriors: ln p(x|z) + ln N(z; 0, 1) − ln q(z|x).

    Their mean estimates the evidence lower bound of a curve.

    Parameters
    ----------
    network : ResVAE or Ensemble
        Whose decoder says p(x|z).
    code : Code
        Posteriors q(z|x) of the curves.
    curves : dict of Tensor
        As `as_tensors` gives them.
    draws, seed : int
        Draws per curve, and their seed.

    Returns
    -------
    Tensor, shape (draws, samples)
    """
    generator = torch.Generator().manual_seed(seed)
    weights = []
    for _ in range(draws):
        noise = torch.randn(code.mean.shape, generator=generator)
        z = code.mean + torch.exp(0.5 * code.logvar) * noise
        prior_over_posterior = 0.5 * (noise**2 + code.logvar - z**2).double().sum(dim=1)
        weights.append(_log_density(network, z, curves, from_partner=False) + prior_over_posterior)
    return torch.stack(weights)


def importance_weighted(log_weights: Tensor) -> Tensor:
    """The importance-weighted bound of each curve, ln [Σ w / k] over k draws, shape (samples,).

    Its expectation grows with k from the evidence lower bound (k = 1) to the log-likelihood ln p(x).

    Parameters
    ----------
    log_weights : Tensor, shape (draws, samples)

    References
    ----------
    Burda, Grosse and Salakhutdinov, Importance weighted autoencoders, ICLR 2016, eq. 8.
    """
    return torch.logsumexp(log_weights, dim=0) - math.log(len(log_weights))


def _log_density(
    network: ResVAE | Ensemble, z: Tensor, curves: Batch, from_partner: bool, source: SourceCurve | None = None
) -> Tensor:
    """Log-density ln p(x|z) of each curve's measured points, shape (samples,), double precision.

    Of a scale-free technique at the factor that suits the curve best, as everywhere.
    """
    curve = network.decode(z, curves["covariates"], from_partner, source)
    if network.scale_free:
        curve = curve._replace(log_intensity=curve.log_intensity + fitted_scale(curve.log_intensity, curves))
    square = (curve.log_intensity - curves["log_intensity"]) ** 2
    point = -0.5 * (LN_2PI + curve.log_variance + square * torch.exp(-curve.log_variance))
    return (point * curves["mask"]).double().sum(dim=1)
