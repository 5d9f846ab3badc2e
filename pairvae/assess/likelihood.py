"""How probable the networks hold the test curves: evidence lower bound and bits per dimension."""

import numpy as np
import torch

from pairvae.assess.predict import ROWS
from pairvae.models.pairvae import CROSS_PATHS, PairVAE, ends
from pairvae.models.resvae import Code
from pairvae.train.batches import Batch

DRAWS = 4  # samples of the code per curve
LN_2PI = float(np.log(2 * np.pi))


@torch.inference_mode()
def likelihood(network: PairVAE, path: str, code: Code, curves: Batch, seed: int = 0) -> dict[str, float | None]:
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
    seed : int
        Of the draws.

    Returns
    -------
    dict
        `log_likelihood` and `kl` in nats per curve, `elbo` their difference (the last two None for a prediction from
        the partner), `bits_per_dimension`: −elbo (or −log_likelihood) per measured point, over ln 2.

    References
    ----------
    Kingma and Welling, Auto-encoding variational Bayes, ICLR 2014, eq. 3. Bits per dimension of a density depend
    on the unit: here decades of intensity.
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
            curve = network.of(target).decode(z[rows], curves["covariates"][rows], from_partner=cross)
            square = (curve.log_intensity - curves["log_intensity"][rows]) ** 2
            point = -0.5 * (LN_2PI + curve.log_variance + square * torch.exp(-curve.log_variance))
            total += float((point * curves["mask"][rows]).double().sum())
    samples, points = len(code.mean), float(curves["mask"].double().sum())
    log_likelihood = total / draws / samples
    kl = None if cross else float(network.of(target).kl(code))
    bound = log_likelihood - (kl or 0.0)
    return {
        "log_likelihood": log_likelihood,
        "kl": kl,
        "elbo": None if cross else bound,
        "bits_per_dimension": -bound * samples / points / float(np.log(2)),
    }
