"""The residual variational autoencoder of one technique."""

import math
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from pairvae.models.blocks import Down, Interleave, ResidualLinear, Up
from pairvae.prepare.covariates import Covariate
from pairvae.prepare.spectra_file import Spectra
from pairvae.settings import Architecture

STEM_STRIDE = 4
LOG_VARIANCE = (-14.0, 4.0)  # clamp of the predicted curve's log-variance, in decades²
SMALLEST_STD = 0.05  # decades; a grid point that never varies must not blow up when standardised


class Code(NamedTuple):
    """Posterior of the latent code, each (batch, latent)."""

    mean: Tensor
    logvar: Tensor

    def sample(self, noise: float = 1.0) -> Tensor:
        """A draw from the posterior through which gradients flow (Kingma and Welling, ICLR 2014, section 2.4).

        Parameters
        ----------
        noise : float
            Standard deviation of the draw in units of the posterior's.
        """
        return self.mean + noise * torch.exp(0.5 * self.logvar) * torch.randn_like(self.mean)


class Decoded(NamedTuple):
    """A predicted curve, each (batch, q): log10 of intensity and the log-variance of its error in decades²."""

    log_intensity: Tensor
    log_variance: Tensor


class ResVAE(nn.Module):
    """Encode curves of one technique to a Gaussian code and decode codes to curves.

    The scaler is part of the network: inputs and outputs are log10 of intensity in 1/cm.

    Parameters
    ----------
    points : int
        Grid points.
    latent_dim : int
        Components of the code.
    architecture : Architecture
        Channels, width, dropout.
    covariates : tuple of Covariate
        What encoder and decoder are told besides the curve.
    scale_free : bool
        Shapes only: the scale of a curve does not reach the code, and that of a decoded curve means nothing.

    References
    ----------
    Kingma and Welling, Auto-encoding variational Bayes, ICLR 2014.
    """

    q: Tensor
    mean: Tensor
    std: Tensor

    def __init__(
        self,
        points: int,
        latent_dim: int,
        architecture: Architecture,
        covariates: tuple[Covariate, ...] = (),
        scale_free: bool = False,
    ) -> None:
        super().__init__()
        self.points, self.latent_dim = points, latent_dim
        self.architecture, self.covariates, self.scale_free = architecture, covariates, scale_free
        self.register_buffer("q", torch.ones(points, dtype=torch.float64))
        self.register_buffer("mean", torch.zeros(points))
        self.register_buffer("std", torch.ones(points))
        known = sum(covariate.width for covariate in covariates)
        channels, hidden, dropout = architecture.channels, architecture.hidden, architecture.dropout
        steps = list(pairwise(channels))
        self.short = math.ceil(points / (STEM_STRIDE * 2 ** len(steps)))  # length where it is shortest
        length = self.short * STEM_STRIDE * 2 ** len(steps)
        self.padding = length - points

        self.convolutions = nn.Sequential(
            nn.Conv1d(2, channels[0], kernel_size=7, stride=STEM_STRIDE, padding=3),
            *(Down(wide, narrow) for wide, narrow in steps),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(channels[-1] * self.short, hidden),
        )
        self.encoder_skip = nn.Linear(2 * points + known, hidden)
        code = nn.Linear(hidden, 2 * latent_dim)
        nn.init.constant_(code.bias[latent_dim:], -4.0)  # begin with a narrow posterior
        self.encoder = nn.Sequential(
            ResidualLinear(hidden, dropout), ResidualLinear(hidden, dropout), nn.LayerNorm(hidden), code
        )

        self.decoder = nn.Sequential(
            nn.Linear(latent_dim + known, hidden),
            ResidualLinear(hidden, dropout),
            ResidualLinear(hidden, dropout),
        )
        self.deconvolutions = nn.Sequential(
            nn.Linear(hidden, channels[-1] * self.short),
            nn.Unflatten(1, (channels[-1], self.short)),
            *(Up(narrow, wide) for wide, narrow in reversed(steps)),
            nn.SiLU(),
            nn.Conv1d(channels[0], STEM_STRIDE, kernel_size=7, padding=3),
            Interleave(STEM_STRIDE),
        )
        self.decoder_skip = nn.Linear(hidden, points)
        # one error for reconstructions from the own curve, one for predictions from the partner's
        error = nn.Linear(hidden, 2 * points)
        nn.init.constant_(error.bias, -4.0)
        self.error = nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU(), error)

    def fit_scaler(self, spectra: Spectra) -> None:
        """Take grid and per-q mean and standard deviation from the train split (measured points only)."""
        self.scale_free = spectra.scale_free
        log_intensity = np.where(spectra.mask, spectra.log_intensity, np.nan).astype(np.float64)
        known = spectra.mask.any(axis=0)
        log_intensity[:, ~known] = 0.0
        mean, std = np.nanmean(log_intensity, axis=0), np.nanstd(log_intensity, axis=0)
        self.q.copy_(torch.from_numpy(spectra.q))
        self.mean.copy_(torch.from_numpy(mean))
        self.std.copy_(torch.from_numpy(np.maximum(std, SMALLEST_STD)))

    def encode(self, log_intensity: Tensor, mask: Tensor, covariates: Tensor) -> Code:
        """Posterior of the code.

        Parameters
        ----------
        log_intensity : Tensor, shape (batch, q)
            Any finite value where not measured.
        mask : Tensor, shape (batch, q)
            1 where measured, else 0.
        covariates : Tensor, shape (batch, width)
            From `encode_covariates`; zeros: unknown.
        """
        x = log_intensity - self.mean
        if self.scale_free:  # what lies above the mean curve everywhere is scale
            x = x - torch.where(mask > 0, x, torch.nan).nanmedian(dim=1, keepdim=True).values.nan_to_num()
        x = torch.stack([x / self.std * mask, mask], dim=1)
        features = self.convolutions(nn.functional.pad(x, (0, self.padding)))
        features = features + self.encoder_skip(torch.cat([x.flatten(1), covariates], dim=1))
        mean, logvar = self.encoder(features).chunk(2, dim=1)
        return Code(mean, logvar.clamp(*self.architecture.latent_logvar))

    def decode(self, code: Tensor, covariates: Tensor, from_partner: bool) -> Decoded:
        """Curve of a code (batch, latent).

        Parameters
        ----------
        from_partner : bool
            The code came from the other technique: the larger of the two learned errors.
        """
        hidden = self.decoder(torch.cat([code, covariates], dim=1))
        x = self.deconvolutions(hidden)[:, 0, : self.points] + self.decoder_skip(hidden)
        # the error must not bend the curve: it learns from what the curve's decoder knows, not the reverse
        log_variance = self.error(hidden.detach())[:, int(from_partner) * self.points :][:, : self.points]
        x = self.std * x
        if self.scale_free:  # only one of all scales: members of an ensemble are to agree on it
            x = x - x.mean(dim=1, keepdim=True)
        return Decoded(self.mean + x, log_variance.clamp(*LOG_VARIANCE))

    def facts(self) -> dict[str, Any]:
        """What is needed to build this network again, as JSON types."""
        return {
            "points": self.points,
            "latent_dim": self.latent_dim,
            "architecture": self.architecture.model_dump(mode="json"),
            "covariates": [covariate.model_dump(mode="json") for covariate in self.covariates],
            "scale_free": self.scale_free,
        }

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> "ResVAE":
        """Build the network that `facts` describes, without its weights."""
        return cls(
            points=facts["points"],
            latent_dim=facts["latent_dim"],
            architecture=Architecture.model_validate(facts["architecture"]),
            covariates=tuple(Covariate.model_validate(one) for one in facts["covariates"]),
            scale_free=facts.get("scale_free", False),
        )
