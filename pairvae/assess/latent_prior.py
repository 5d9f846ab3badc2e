"""Where codes of real samples lie: what new ones are drawn from.

The weight of the KL term is small, so the codes of the training samples fill another volume than the unit normal, with
gaps between kinds of samples. A mixture of Gaussians fitted to them after training stands in for the prior, as in Ghosh
et al., From variational to deterministic autoencoders, ICLR 2020, section 4.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

COMPONENTS = 10  # of the mixture, as in the paper; fewer where there are few codes
CODES_PER_DIMENSION = 5  # that each component needs at least
MOST_CODES = 8000  # that are looked at; more change the mixture little and cost time


def fit_prior(code: Tensor) -> dict[str, Tensor]:
    """Fit a mixture of Gaussians to codes (samples, latent).

    Returns
    -------
    dict of Tensor
        weights (components,), means (components, latent), and factors (components, latent, latent), the Cholesky
        factors of the covariances.
    """
    from sklearn.mixture import GaussianMixture

    code = code.double()[:: -(-len(code) // MOST_CODES)]
    components = max(1, min(COMPONENTS, len(code) // (CODES_PER_DIMENSION * code.shape[1])))
    # keeps components of few codes from collapsing; quantised codes may all be the same
    small = max(1e-3 * float(code.var(dim=0).mean()), 1e-12)
    mixture = GaussianMixture(components, reg_covar=small, random_state=0).fit(code.numpy())
    covariances = torch.from_numpy(mixture.covariances_)
    return {
        "weights": torch.from_numpy(mixture.weights_),
        "means": torch.from_numpy(mixture.means_),
        "factors": torch.linalg.cholesky(covariances),
    }


def draw_codes(prior: Mapping[str, Tensor], count: int, temperature: float, seed: int) -> Tensor:
    """Draw codes (count, latent); each component's standard deviation is multiplied by the temperature.

    The first codes are the same for any count.
    """
    generator = torch.Generator().manual_seed(seed)
    bounds = prior["weights"].cumsum(0)
    drawn = []
    for _ in range(count):
        u = torch.rand((), generator=generator, dtype=bounds.dtype) * bounds[-1]
        kind = int(torch.searchsorted(bounds, u).clamp(max=len(bounds) - 1))
        unit = torch.randn(prior["means"].shape[1], generator=generator, dtype=bounds.dtype)
        drawn.append(prior["means"][kind] + temperature * prior["factors"][kind] @ unit)
    return torch.stack(drawn)
