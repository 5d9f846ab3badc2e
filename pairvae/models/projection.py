"""A head that codes pass through before they are aligned, thrown away when the training has ended."""

from collections.abc import Sequence
from itertools import pairwise

from torch import nn


def projection_head(latent_dim: int, widths: Sequence[int]) -> nn.Sequential:
    """Linear layers with batch normalisation and ReLU between them, (batch, latent_dim) to (batch, last width).

    The statistics are those of the batch in validation, too: the loss is one of the batch.

    References
    ----------
    Zbontar et al., Barlow Twins, ICML 2021, section 2.2.
    """
    layers: list[nn.Module] = []
    for before, after in pairwise((latent_dim, *widths)):
        layers += [nn.Linear(before, after), nn.BatchNorm1d(after, track_running_stats=False), nn.ReLU()]
    return nn.Sequential(*layers[:-2])
