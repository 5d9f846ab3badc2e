"""From a curve to its code."""

import math

import torch
from torch import Tensor, nn

from pairvae.models.blocks import residual_linear
from pairvae.models.layer_lists import encoder_layers
from pairvae.models.layers import modules
from pairvae.models.quantization import FiniteScalarQuantization, VectorQuantization
from pairvae.models.shapes import Shape
from pairvae.settings import Architecture


class Encoder(nn.Module):
    """Layers along the curve, a linear way past them, and blocks on what both give.

    Parameters
    ----------
    made : Architecture
        Filled.
    shape : tuple of int
        Points of a curve, or rows and columns of a pattern.
    latent_dim, covariates : int
        Components of the code, and numbers that describe the sample.

    Attributes
    ----------
    built : list of Built
        The layers along the curve one by one, with their texts and shapes.
    padding : list of int
        Zeros that are appended to the curve, in each dimension.
    short : tuple of int
        Shape where the curve is shortest.
    """

    def __init__(self, made: Architecture, shape: Shape, latent_dim: int, covariates: int) -> None:
        super().__init__()
        self.shape = shape
        self.padding, self.built, self.short = encoder_layers(made, shape)
        self.convolutions = modules(self.built)
        self.skip_channels = 1 + made.mask_channel if made.linear_skips else 0
        side_inputs = covariates + self.skip_channels * math.prod(shape)
        self.skip = nn.Linear(side_inputs, made.hidden, bias=bool(made.linear_skips)) if side_inputs else None
        self.quantization = _quantization(made)
        code = nn.Linear(made.hidden, latent_dim if self.quantization else 2 * latent_dim)
        if self.quantization is None:
            nn.init.constant_(code.bias[latent_dim:], -4.0)  # begin with a narrow posterior
        activation = str(made.activation)
        blocks = [residual_linear(made.hidden, made.dropout, activation) for _ in range(made.linear_blocks or 0)]
        self.layers = nn.Sequential(*blocks, nn.LayerNorm(made.hidden), code) if blocks else nn.Sequential(code)

    def forward(self, channels: Tensor, covariates: Tensor) -> Tensor:
        """Mean and log-variance of the code side by side, or the quantised code.

        Parameters
        ----------
        channels : Tensor, shape (batch, channels, points)
            Curve, mask and slopes.
        covariates : Tensor, shape (batch, width)
        """
        sides = [side for more in reversed(self.padding) for side in (0, more)]
        features = self.convolutions(nn.functional.pad(channels.unflatten(2, self.shape), sides))
        if self.skip is not None:
            curve = [channels[:, : self.skip_channels].flatten(1)] if self.skip_channels else []
            features = features + self.skip(torch.cat([*curve, covariates], dim=1))
        z: Tensor = self.layers(features)
        return z if self.quantization is None else self.quantization(z)


def _quantization(made: Architecture) -> VectorQuantization | FiniteScalarQuantization | None:
    if made.quantization == "none":
        return None
    if made.quantization == "vq":
        return VectorQuantization(made.codes, made.code_dim, made.commitment_weight)
    return FiniteScalarQuantization(made.levels)
