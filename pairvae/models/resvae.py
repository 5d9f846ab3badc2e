"""The residual variational autoencoder of one technique."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from pairvae.errors import UserError
from pairvae.models import losses
from pairvae.models.decoder import Decoder, ErrorHead, ScaleRatio
from pairvae.models.encoder import Encoder
from pairvae.models.quantization import FiniteScalarQuantization, VectorQuantization, taken
from pairvae.models.source_path import SourceCurve, SourcePath, masked_median
from pairvae.prepare.covariates import Covariate
from pairvae.prepare.spectra_file import Spectra
from pairvae.settings import Architecture

# Modules, and the names that their tensors have in a file: format 1 is older than the modules.
FILE_NAMES = {
    "encoder.convolutions": "convolutions",
    "encoder.skip": "encoder_skip",
    "encoder.quantization": "quantization",
    "encoder.layers": "encoder",
    "decoder.layers": "decoder",
    "decoder.deconvolutions": "deconvolutions",
    "decoder.skip": "decoder_skip",
}
LOG_VARIANCE = (-14.0, 4.0)  # clamp of the predicted curve's log-variance, in decades²
NO_SPREAD = -40.0  # log-variance of a quantised code: its samples are the code itself, to the last digit of float32
STEEP = 4.0  # decades of intensity per decade of q, Porod's law: slopes are in units of it
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
        What encoder and decoder see besides the curve.
    scale_free : bool
        Shapes only: the scale of a curve does not reach the code, and that of a decoded curve means nothing.

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
        self.shape, self.slopes = made.image or (points,), made.slopes or ()
        if math.prod(self.shape) != points:
            raise UserError(f"architecture.image: {list(self.shape)} pixels are not the {points} points of the data")
        width = sum(covariate.width for covariate in covariates)
        self.encoder = Encoder(made, self.shape, latent_dim, width)
        self.decoder = Decoder(made, self.encoder.short, self.shape, latent_dim, width)
        # one error for reconstructions from the own curve, one for predictions from the partner's
        self.error = ErrorHead(made.hidden, points) if made.variance == "per_q" else None
        if made.variance == "one":
            self.log_variance = nn.Parameter(torch.full((2,), -4.0))
        self.source_path: SourcePath | None = None
        self.scale_ratio: ScaleRatio | None = None
        self.register_state_dict_post_hook(_flatten_names)  # type: ignore[no-untyped-call]  # of torch's
        self.register_load_state_dict_pre_hook(_nest_names)  # type: ignore[no-untyped-call]  # of torch's

    @property
    def quantization(self) -> VectorQuantization | FiniteScalarQuantization | None:
        """What makes the code one of few values."""
        return self.encoder.quantization

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
        if self.scale_free:
            x = x - self.level(log_intensity, mask)
        x = self._scaled(x) * mask
        if self.scaling == "min_max":  # zero is the faintest point here: what is hidden is put on the mean curve
            x = x + self.scaled(self.mean) * (1 - mask)
        seen = [x, mask] if self.mask_channel else [x]
        x = torch.stack([*seen, *(self._slope(log_intensity, mask, reach) for reach in self.slopes)], dim=1)
        z = self.encoder(x, covariates)
        if self.quantization is not None:
            return Code(z, torch.full_like(z, NO_SPREAD))
        mean, logvar = z.chunk(2, dim=1)
        return Code(mean, logvar.clamp(*self.architecture.latent_logvar))

    def level(self, log_intensity: Tensor, mask: Tensor) -> Tensor:
        """Scale of curves (batch, q), shape (batch, 1): what lies above the mean curve everywhere, in decades."""
        return masked_median(log_intensity - self.mean, mask)

    def _slope(self, log_intensity: Tensor, mask: Tensor, reach: int) -> Tensor:
        """Local d log I / d log q over -4, from the points `reach` away on both sides; 0 where one is not measured."""
        log_q = torch.log10(self.q).to(log_intensity)
        width = (log_q[2 * reach :] - log_q[: -2 * reach]) * -STEEP
        rise = log_intensity[:, 2 * reach :] - log_intensity[:, : -2 * reach]
        known = mask[:, 2 * reach :] * mask[:, reach:-reach] * mask[:, : -2 * reach]
        return nn.functional.pad(torch.where(width < 0, rise / width, 0) * known, (reach, reach))

    def add_source_path(self, source_points: int) -> SourcePath:
        """Let predictions from a partner of so many grid points use its curve beside its code."""
        self.source_path = SourcePath(self.architecture.hidden, self.points, source_points)
        return self.source_path

    def add_scale_ratio(self) -> None:
        """Let predictions from a partner in 1/cm be in 1/cm, though curves are learnt without their scale."""
        self.scale_ratio = ScaleRatio(self.architecture.hidden)

    @property
    def has_scale_ratio(self) -> bool:
        """Whether `scale_above` has been learnt."""
        return self.scale_ratio is not None

    def scale_above(self, code: Tensor, covariates: Tensor) -> Tensor:
        """log10 of a decoded curve's scale over the partner's `level`, and its log-variance, shape (batch, 2)."""
        assert self.scale_ratio is not None
        ratio: Tensor = self.scale_ratio(self.decoder.layers(torch.cat([code, covariates], dim=1)))
        return ratio

    def decode(
        self, code: Tensor, covariates: Tensor, from_partner: bool, source: SourceCurve | None = None
    ) -> Decoded:
        """Curve of a code.

        Parameters
        ----------
        code : Tensor, shape (batch, latent)
            Of either technique.
        covariates : Tensor, shape (batch, width)
            From `encode_covariates`; zeros: unknown.
        from_partner : bool
            The code came from the other technique: the larger of the two learned errors.
        source : SourceCurve, optional
            The partner's curve that the code came from; where it is not given, the code is all that is used.
        """
        hidden, x = self.decoder(code, covariates)
        if self.output == "sigmoid":
            x = torch.sigmoid(x)
        x = self.std * x
        if self.scaling == "min_max":
            x = x + (self.low - self.mean)
        if self.scale_free:  # only one of all scales: members of an ensemble are to agree on it
            x = x - x.mean(dim=1, keepdim=True)
        curve = self.mean + x
        if self.source_path is not None and source is not None and from_partner:
            curve = self.source_path(hidden, source, curve)
        return Decoded(curve, self._log_variance(hidden, from_partner).clamp(*LOG_VARIANCE))

    def _log_variance(self, hidden: Tensor, from_partner: bool) -> Tensor:
        if self.error is not None:
            return self.error.log_variance(hidden, from_partner)
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
        """What the quantisations have added to the training since the last call; empty without them.

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
            **({} if self.source_path is None else {"source_points": self.source_path.kernels.shape[2]}),
            **({} if self.scale_ratio is None else {"scale_ratio": True}),
        }

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> "ResVAE":
        """Build the network that `facts` describes, without its weights."""
        network = cls(
            points=facts["points"],
            latent_dim=facts["latent_dim"],
            architecture=Architecture.model_validate(facts["architecture"]),
            covariates=tuple(Covariate.model_validate(covariate) for covariate in facts["covariates"]),
            scale_free=facts.get("scale_free", False),
        )
        if "source_points" in facts:
            network.add_source_path(facts["source_points"])
        if facts.get("scale_ratio"):
            network.add_scale_ratio()
        return network


def _flatten_names(_: nn.Module, tensors: dict[str, Tensor], prefix: str, __: Any) -> None:
    """Give tensors of a state dict their names in a file."""
    for name in [name for name in tensors if name.startswith(prefix)]:
        tensors[prefix + _renamed(name.removeprefix(prefix), FILE_NAMES)] = tensors.pop(name)


def _nest_names(_: nn.Module, tensors: dict[str, Tensor], prefix: str, *__: Any) -> None:
    """Give tensors of a file the names of the modules."""
    nested = {in_file: name for name, in_file in FILE_NAMES.items()}
    for name in [name for name in tensors if name.startswith(prefix)]:
        tensors[prefix + _renamed(name.removeprefix(prefix), nested)] = tensors.pop(name)


def _renamed(name: str, names: Mapping[str, str]) -> str:
    for start, other in names.items():
        if name.startswith(f"{start}."):
            return other + name.removeprefix(start)
    return name
