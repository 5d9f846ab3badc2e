"""From a code to a curve and its error."""

import math

import torch
from torch import Tensor, nn

from pairvae.models.blocks import ACTIVATION, residual_linear
from pairvae.models.layer_lists import decoder_layers
from pairvae.models.layers import modules
from pairvae.models.shapes import Shape
from pairvae.settings import Architecture


class Decoder(nn.Module):
    """Blocks on code and covariates, layers along the curve, and a linear way past them.

    Parameters
    ----------
    made : Architecture
        Filled.
    short, shape : tuple of int
        Shape where the encoder's curve is shortest, and shape of the curve.
    latent_dim, covariates : int
        Components of the code, and numbers that describe the sample.

    Attributes
    ----------
    built : list of Built
        The layers along the curve one by one, with their texts and shapes.
    """

    def __init__(self, made: Architecture, short: Shape, shape: Shape, latent_dim: int, covariates: int) -> None:
        super().__init__()
        self.shape = shape
        activation = str(made.activation)
        first = nn.Linear(latent_dim + covariates, made.hidden)
        blocks = [residual_linear(made.hidden, made.dropout, activation) for _ in range(made.linear_blocks or 0)]
        self.layers = nn.Sequential(first, *(blocks or [ACTIVATION[activation]()]))
        self.built = decoder_layers(made, short, shape)
        self.deconvolutions = modules(self.built)
        self.skip = nn.Linear(made.hidden, math.prod(shape)) if made.linear_skips else None

    def forward(self, code: Tensor, covariates: Tensor) -> tuple[Tensor, Tensor]:
        """Features (batch, hidden) and the curve (batch, points) that is made of them, before it is scaled back."""
        hidden = self.layers(torch.cat([code, covariates], dim=1))
        x = self.deconvolutions(hidden)[:, 0]
        for axis, length in enumerate(self.shape, start=1):
            x = x.narrow(axis, 0, length)
        x = x.flatten(1)
        return hidden, x if self.skip is None else x + self.skip(hidden)


class ErrorHead(nn.Sequential):
    """Log-variances per grid point of curves decoded from the own code, and of those from the partner's."""

    def __init__(self, hidden: int, points: int) -> None:
        error = nn.Linear(hidden, 2 * points)
        nn.init.constant_(error.bias, -4.0)
        super().__init__(nn.Linear(hidden, hidden), nn.SiLU(), error)
        self.points = points

    def log_variance(self, hidden: Tensor, from_partner: bool) -> Tensor:
        """Of features (batch, hidden), shape (batch, points)."""
        # the error must not bend the curve: it learns from what the curve's decoder knows, not the reverse
        both: Tensor = self(hidden.detach())
        return both[:, int(from_partner) * self.points :][:, : self.points]


class ScaleRatio(nn.Sequential):
    """log10 of the scale of a decoded curve over that of the partner's curve, and its log-variance in decades².

    Which technique sees a sample more strongly is a matter of contrast: the code and what is known of the substances
    say it, the scale itself they do not.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__(nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 2))
