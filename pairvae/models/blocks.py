"""Residual blocks that encoder and decoder are made of."""

import math

from torch import Tensor, nn


def _normalization(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(math.gcd(8, channels), channels)


def _silent(layer: nn.Conv1d | nn.Linear) -> nn.Conv1d | nn.Linear:
    """The same layer with zero weights: a residual branch that begins as nothing."""
    nn.init.zeros_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


class Down(nn.Module):
    """Residual block that halves the length: two convolutions beside a strided 1×1 convolution.

    He et al., Deep residual learning, CVPR 2016, with group normalisation (Wu and He, ECCV 2018).
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            _normalization(channels_in),
            nn.SiLU(),
            nn.Conv1d(channels_in, channels_out, kernel_size=5, stride=2, padding=2),
            _normalization(channels_out),
            nn.SiLU(),
            _silent(nn.Conv1d(channels_out, channels_out, kernel_size=5, padding=2)),
        )
        self.skip = nn.Conv1d(channels_in, channels_out, kernel_size=1, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channel, length) to (batch, channel, ⌈length/2⌉)."""
        return self.skip(x) + self.branch(x)


class Up(nn.Module):
    """Residual block that doubles the length by interleaving channels (pixel shuffle).

    Shi et al., Real-time single image super-resolution, CVPR 2016.
    """

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            _normalization(channels_in),
            nn.SiLU(),
            nn.Conv1d(channels_in, 2 * channels_out, kernel_size=5, padding=2),
            Interleave(2),
            _normalization(channels_out),
            nn.SiLU(),
            _silent(nn.Conv1d(channels_out, channels_out, kernel_size=5, padding=2)),
        )
        self.skip = nn.Sequential(nn.Conv1d(channels_in, 2 * channels_out, kernel_size=1), Interleave(2))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channel, length) to (batch, channel, 2·length)."""
        return self.skip(x) + self.branch(x)


class Interleave(nn.Module):
    """Pixel shuffle in one dimension: groups of channels become neighbouring points."""

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """(batch, factor·channel, length) to (batch, channel, factor·length)."""
        batch, channels, length = x.shape
        x = x.reshape(batch, channels // self.factor, self.factor, length)
        return x.transpose(2, 3).reshape(batch, channels // self.factor, length * self.factor)


class ResidualLinear(nn.Module):
    """Residual block of two linear layers on features (batch, width)."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            nn.LayerNorm(width),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Dropout(dropout),
            _silent(nn.Linear(width, width)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(batch, width) to (batch, width)."""
        return x + self.branch(x)
