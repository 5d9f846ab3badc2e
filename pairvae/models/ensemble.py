"""Several networks of one technique, trained alike from other seeds, that speak as one."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pairvae.models import losses
from pairvae.models.resvae import Code, Decoded, ResVAE
from pairvae.models.source_path import SourceCurve


class Ensemble(nn.Module):
    """Members' codes side by side, members' curves averaged; used like one ResVAE.

    The members of both techniques belong together one by one: a code of n·latent components holds one code
    for each of n pairs of networks. The mean of several networks errs less than they do, and where they
    disagree the error is larger.

    Parameters
    ----------
    members : sequence of ResVAE
        Of one technique, on one grid.

    References
    ----------
    Lakshminarayanan et al., Simple and scalable predictive uncertainty estimation using deep ensembles,
    NeurIPS 2017, section 2.4.
    """

    def __init__(self, members: Sequence[ResVAE]) -> None:
        super().__init__()
        self.members: Sequence[ResVAE] = nn.ModuleList(members)  # type: ignore[assignment]  # it is both
        self.covariates, self.points = members[0].covariates, members[0].points
        self.scale_free = members[0].scale_free
        self.latent_dim = sum(member.latent_dim for member in members)

    @property
    def q(self) -> Tensor:
        """Grid of all members in 1/Å, shape (q,)."""
        return self.members[0].q

    @property
    def mean(self) -> Tensor:
        """Mean log10 I of the training curves, shape (q,)."""
        return self.members[0].mean

    def encode(self, log_intensity: Tensor, mask: Tensor, covariates: Tensor) -> Code:
        """All members' posteriors, side by side.

        Parameters
        ----------
        log_intensity : Tensor, shape (batch, q)
            log10 I; any finite value where not measured.
        mask : Tensor, shape (batch, q)
            1 where measured, else 0.
        covariates : Tensor, shape (batch, width)
            From `encode_covariates`; zeros: unknown.

        Returns
        -------
        Code
            Mean and log-variance, each (batch, n·latent).
        """
        codes = [member.encode(log_intensity, mask, covariates) for member in self.members]
        return Code(torch.cat([code.mean for code in codes], 1), torch.cat([code.logvar for code in codes], 1))

    def decode(
        self, code: Tensor, covariates: Tensor, from_partner: bool, source: SourceCurve | None = None
    ) -> Decoded:
        """Mean of the members' curves; variance of the mixture (eq. in section 2.4 of the reference).

        Parameters
        ----------
        code : Tensor, shape (batch, n·latent)
            Codes of all members, side by side.
        covariates : Tensor, shape (batch, width)
            From `encode_covariates`; zeros: unknown.
        from_partner : bool
            The code came from the other technique: the larger of the two learned errors.
        source : SourceCurve, optional
            As for a member.

        Returns
        -------
        Decoded
            log10 I and the log-variance of its error, each (batch, q).
        """
        parts = code.split([member.latent_dim for member in self.members], dim=1)
        curves = [
            member.decode(z, covariates, from_partner, source) for member, z in zip(self.members, parts, strict=True)
        ]
        log_intensity = torch.stack([curve.log_intensity for curve in curves])
        variance = torch.stack([curve.log_variance for curve in curves]).exp().mean(0)
        return Decoded(log_intensity.mean(0), torch.log(variance + log_intensity.var(0, correction=0)))

    def level(self, log_intensity: Tensor, mask: Tensor) -> Tensor:
        """As `ResVAE.level`: all members have seen the same curves."""
        return self.members[0].level(log_intensity, mask)

    @property
    def has_scale_ratio(self) -> bool:
        """Whether all members have learnt `scale_above`."""
        return all(member.has_scale_ratio for member in self.members)

    def scale_above(self, code: Tensor, covariates: Tensor) -> Tensor:
        """As `ResVAE.scale_above`: mean of the members, and the variance of their mixture."""
        parts = code.split([member.latent_dim for member in self.members], dim=1)
        found = [member.scale_above(z, covariates) for member, z in zip(self.members, parts, strict=True)]
        mean, log_variance = torch.stack(found).unbind(dim=2)
        variance = log_variance.exp().mean(0) + mean.var(0, correction=0)
        return torch.stack([mean.mean(0), torch.log(variance)], dim=1)

    def kl(self, code: Code) -> Tensor:
        """KL of all members' codes from their priors in nats, as `ResVAE.kl`."""
        if self.members[0].quantization is None:
            return losses.kl_divergence(*code)
        return torch.stack([member.kl(code) for member in self.members]).sum()

    def facts(self) -> dict[str, Any]:
        """What is needed to build these networks again, as JSON types."""
        return {"members": [member.facts() for member in self.members]}
