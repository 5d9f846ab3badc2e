"""The residual variational autoencoder of one technique."""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from pairvae.errors import UserError
from pairvae.models import losses
from pairvae.models.blocks import ACTIVATION, residual_linear
from pairvae.models.layer_lists import decoder_layers, encoder_layers
from pairvae.models.layers import modules
from pairvae.models.quantization import FiniteScalarQuantization, VectorQuantization, taken
from pairvae.prepare.covariates import Covariate
from pairvae.prepare.spectra_file import Spectra
from pairvae.settings import Architecture

LOG_VARIANCE = (-14.0, 4.0)  # clamp of the predicted curve's log-variance, in decades²
NO_SPREAD = -40.0  # log-variance of a quantised code: its samples are the code itself, to the last digit of float32
STEEP = 4.0  # decades of intensity per decade of q, Porod's law: slopes are told in units of it
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
        Grid points; of a pattern its pixels, row by row.
    latent_dim : int
        Components of the code.
    architecture : Architecture
        What encoder and decoder are made of.
    covariates : tuple of Covariate
        What encoder and decoder are told besides the curve.
    scale_free : bool
        Shapes only: the scale of a curve does not reach the code, and that of a decoded curve means nothing.

    Attributes
    ----------
    layers : dict of list of Built
        The layers of "encoder" and "decoder" one by one, with their texts and shapes.

    Raises
    ------
    UserError
        Layers that do not fit together, or points that are not those of the pattern.

    References
    ----------
    Kingma and Welling, Auto-encoding variational Bayes, ICLR 2014.
    """

    q: Tensor
    mean: Tensor
    std: Tensor
    low: Tensor

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
        made = architecture.filled()
        self.output, self.scaling, self.mask_channel = made.output, made.scaling, made.mask_channel
        self.register_buffer("q", torch.ones(points, dtype=torch.float64))
        self.register_buffer("mean", torch.zeros(points))
        self.register_buffer("std", torch.ones(points))
        if made.scaling == "min_max":
            self.register_buffer("low", torch.zeros(points))
        known, hidden = sum(covariate.width for covariate in covariates), made.hidden
        activation, linear_blocks = str(made.activation), made.linear_blocks or 0
        self.shape = made.image or (points,)
        if math.prod(self.shape) != points:
            raise UserError(f"architecture.image: {list(self.shape)} pixels are not the {points} points of the data")
        self.slopes = made.slopes or ()
        before = encoder_layers(made, self.shape)
        self.padding, self.layers = before.padding, {"encoder": before.layers}
        self.convolutions = modules(before.layers)
        told = known + ((1 + made.mask_channel) * points if made.linear_skips else 0)
        self.encoder_skip = nn.Linear(told, hidden, bias=bool(made.linear_skips)) if told else None
        self.quantization = _quantization(made)
        code = nn.Linear(hidden, latent_dim if self.quantization else 2 * latent_dim)
        if self.quantization is None:
            nn.init.constant_(code.bias[latent_dim:], -4.0)  # begin with a narrow posterior
        linear = [residual_linear(hidden, made.dropout, activation) for _ in range(linear_blocks)]
        self.encoder = nn.Sequential(*linear, nn.LayerNorm(hidden), code) if linear else nn.Sequential(code)

        read = nn.Linear(latent_dim + known, hidden)
        linear = [residual_linear(hidden, made.dropout, activation) for _ in range(linear_blocks)]
        self.decoder = nn.Sequential(read, *(linear or [ACTIVATION[activation]()]))
        self.layers["decoder"] = decoder_layers(made, before.short, self.shape)
        self.deconvolutions = modules(self.layers["decoder"])
        self.decoder_skip = nn.Linear(hidden, points) if made.linear_skips else None
        # one error for reconstructions from the own curve, one for predictions from the partner's
        if made.variance == "per_q":
            error = nn.Linear(hidden, 2 * points)
            nn.init.constant_(error.bias, -4.0)
            self.error: nn.Module | None = nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU(), error)
        else:
            self.error = None
        if made.variance == "one":
            self.log_variance = nn.Parameter(torch.full((2,), -4.0))

    def fit_scaler(self, spectra: Spectra) -> None:
        """Take grid and scaler from the train split, measured points only.

        Mean and standard deviation per q; with `scaling: min_max` the range over all curves and q for the latter.
        """
        self.scale_free = spectra.scale_free
        log_intensity = np.where(spectra.mask, spectra.log_intensity, np.nan).astype(np.float64)
        known = spectra.mask.any(axis=0)
        log_intensity[:, ~known] = 0.0
        mean, std = np.nanmean(log_intensity, axis=0), np.nanstd(log_intensity, axis=0)
        self.q.copy_(torch.from_numpy(spectra.q))
        self.mean.copy_(torch.from_numpy(mean))
        if self.scaling == "min_max":
            measured = spectra.log_intensity[spectra.mask]
            self.low.fill_(float(measured.min()))
            std = np.full_like(std, measured.max() - measured.min())
        self.std.copy_(torch.from_numpy(np.maximum(std, SMALLEST_STD)))

    def scaled(self, log_intensity: Tensor) -> Tensor:
        """log10 I (batch, q) as the network sees it and, before it is scaled back, makes it.

        With `scaling: min_max` the range of the train split becomes 0 to 1, for losses on such numbers (binary
        cross-entropy with `output: sigmoid`); else mean 0 and standard deviation 1 at every q.
        """
        return self._scaled(log_intensity - self.mean)

    def _scaled(self, above_mean: Tensor) -> Tensor:
        if self.scaling == "min_max":
            above_mean = above_mean + (self.mean - self.low)
        return above_mean / self.std

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
        x = self._scaled(x) * mask
        if self.scaling == "min_max":  # zero is the faintest point here: what is hidden is put on the mean curve
            x = x + self.scaled(self.mean) * (1 - mask)
        seen = [x, mask] if self.mask_channel else [x]
        x = torch.stack([*seen, *(self._slope(log_intensity, mask, reach) for reach in self.slopes)], dim=1)
        sides = [side for more in reversed(self.padding) for side in (0, more)]
        features = self.convolutions(nn.functional.pad(x.unflatten(2, self.shape), sides))
        if self.encoder_skip is not None:
            told = [x[:, : len(seen)].flatten(1), covariates] if self.decoder_skip is not None else [covariates]
            features = features + self.encoder_skip(torch.cat(told, dim=1))
        z = self.encoder(features)
        if self.quantization is not None:
            z = self.quantization(z)
            return Code(z, torch.full_like(z, NO_SPREAD))
        mean, logvar = z.chunk(2, dim=1)
        return Code(mean, logvar.clamp(*self.architecture.latent_logvar))

    def _slope(self, log_intensity: Tensor, mask: Tensor, reach: int) -> Tensor:
        """Local d log I / d log q over -4, from the points `reach` away on both sides; 0 where one is not measured."""
        log_q = torch.log10(self.q).to(log_intensity)
        width = (log_q[2 * reach :] - log_q[: -2 * reach]) * -STEEP
        rise = log_intensity[:, 2 * reach :] - log_intensity[:, : -2 * reach]
        known = mask[:, 2 * reach :] * mask[:, reach:-reach] * mask[:, : -2 * reach]
        return nn.functional.pad(torch.where(width < 0, rise / width, 0) * known, (reach, reach))

    def decode(self, code: Tensor, covariates: Tensor, from_partner: bool) -> Decoded:
        """Curve of a code (batch, latent).

        Parameters
        ----------
        from_partner : bool
            The code came from the other technique: the larger of the two learned errors.
        """
        hidden = self.decoder(torch.cat([code, covariates], dim=1))
        x = self.deconvolutions(hidden)[:, 0]
        for axis, length in enumerate(self.shape, start=1):
            x = x.narrow(axis, 0, length)
        x = x.flatten(1)
        if self.decoder_skip is not None:
            x = x + self.decoder_skip(hidden)
        if self.output == "sigmoid":
            x = torch.sigmoid(x)
        x = self.std * x
        if self.scaling == "min_max":
            x = x + (self.low - self.mean)
        if self.scale_free:  # only one of all scales: members of an ensemble are to agree on it
            x = x - x.mean(dim=1, keepdim=True)
        return Decoded(self.mean + x, self._log_variance(hidden, from_partner).clamp(*LOG_VARIANCE))

    def _log_variance(self, hidden: Tensor, from_partner: bool) -> Tensor:
        if self.error is not None:
            # the error must not bend the curve: it learns from what the curve's decoder knows, not the reverse
            return self.error(hidden.detach())[:, int(from_partner) * self.points :][:, : self.points]
        if self.architecture.variance == "one":
            return self.log_variance[int(from_partner)].expand(hidden.shape[0], self.points)
        return hidden.new_full((), 2 * math.log(self.architecture.fixed_error_dex)).expand(hidden.shape[0], self.points)

    def kl(self, code: Code, free_bits: float = 0.0) -> Tensor:
        """KL of the code from its prior in nats, mean over the batch.

        Of a Gaussian code from N(0, 1). Of a quantised one from equal chances for all values: log of their number, a
        constant without gradient (van den Oord et al., NeurIPS 2017, section 3.2).
        """
        if self.quantization is None:
            return losses.kl_divergence(*code, free_bits)
        vectors = self.latent_dim // self.quantization.size
        return code.mean.new_tensor(vectors * math.log(self.quantization.count))

    def auxiliary(self) -> dict[str, Tensor]:
        """What the quantisations add to a training step since this was last asked; empty without them.

        Returns
        -------
        dict
            commitment, a term of the loss; perplexity and codes_used, for the history.
        """
        return taken(self)

    def facts(self) -> dict[str, Any]:
        """What is needed to build this network again, as JSON types."""
        return {
            "points": self.points,
            "latent_dim": self.latent_dim,
            "architecture": self.architecture.filled().model_dump(mode="json"),
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


def _quantization(made: Architecture) -> VectorQuantization | FiniteScalarQuantization | None:
    if made.quantization == "none":
        return None
    if made.quantization == "vq":
        return VectorQuantization(made.codes, made.code_dim, made.commitment_weight)
    return FiniteScalarQuantization(made.levels)
