"""Two ResVAEs that share one latent space."""

from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from pairvae.errors import UserError
from pairvae.models.ensemble import Ensemble
from pairvae.models.resvae import ResVAE
from pairvae.techniques import CROSS_PATHS, TECHNIQUES, ends


class PairVAE(nn.Module):
    """The SAXS and the SANS autoencoder of one kind of samples.

    Parameters
    ----------
    saxs, sans : ResVAE or Ensemble
        With codes of the same length.
    """

    def __init__(self, saxs: ResVAE | Ensemble, sans: ResVAE | Ensemble) -> None:
        super().__init__()
        self.saxs, self.sans = saxs, sans

    def of(self, technique: str) -> ResVAE | Ensemble:
        """The autoencoder of one technique."""
        return {"saxs": self.saxs, "sans": self.sans}[technique]

    def add_source_paths(self) -> None:
        """Let both predictions use the source's curve beside its code; a network that can already is left as it is."""
        for path in CROSS_PATHS:
            to, source = (cast(ResVAE, self.of(t)) for t in ends(path))
            if to.source_path is None:
                to.add_source_path(source.points).fit_grids(to.q, source.q)

    def add_scale_ratios(self) -> None:
        """Let both predictions have a scale where the source has one, though the networks learn shapes alone.

        Raises
        ------
        UserError
            One of the networks is not scale-free: its curves have a scale of their own.
        """
        for t in TECHNIQUES:
            own = cast(ResVAE, self.of(t))
            if not own.scale_free:
                raise UserError(
                    f"joint_train.scale_weight: the {t.upper()} network knows the scale of its curves already; set "
                    "normalize.saxs.scale_free and normalize.sans.scale_free to true, or scale_weight to 0"
                )
            if own.scale_ratio is None:
                own.add_scale_ratio()

    def auxiliary(self) -> dict[str, Tensor]:
        """What the quantisations of both networks add to a training step, as `ResVAE.auxiliary`, by technique."""
        found = {t: cast(ResVAE, self.of(t)).auxiliary() for t in TECHNIQUES}
        named = {f"{name}_{t}": value for t, terms in found.items() for name, value in terms.items()}
        commitments = [terms["commitment"] for terms in found.values() if terms]
        return named | ({"commitment": torch.stack(commitments).sum()} if commitments else {})

    def facts(self) -> dict[str, Any]:
        """What is needed to build this network again, as JSON types."""
        return {technique: self.of(technique).facts() for technique in TECHNIQUES}

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> "PairVAE":
        """Build the networks that `facts` describes, without their weights."""
        return cls(*(_autoencoder(facts[technique]) for technique in TECHNIQUES))


def joined(members: Sequence[PairVAE]) -> PairVAE:
    """Several trained networks as one whose predictions are their mean; a single one as it is."""
    if len(members) == 1:
        return members[0]
    return PairVAE(*(Ensemble([cast(ResVAE, one.of(technique)) for one in members]) for technique in TECHNIQUES))


def _autoencoder(facts: dict[str, Any]) -> ResVAE | Ensemble:
    if "members" in facts:
        return Ensemble([ResVAE.from_facts(one) for one in facts["members"]])
    return ResVAE.from_facts(facts)
