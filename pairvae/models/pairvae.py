"""Two ResVAEs that share one latent space."""

from typing import Any, cast

from torch import nn

from pairvae.models.resvae import ResVAE
from pairvae.scattering.spectrum import TECHNIQUES, Technique

# target_from_source, the name of a path in losses, logs, metrics and reports
SELF_PATHS = ("saxs_from_saxs", "sans_from_sans")
CROSS_PATHS = ("sans_from_saxs", "saxs_from_sans")
PATHS = SELF_PATHS + CROSS_PATHS


def ends(path: str) -> tuple[Technique, Technique]:
    """Target and source of a path: `sans_from_saxs` gives ("sans", "saxs")."""
    target, source = path.split("_from_")
    return cast(Technique, target), cast(Technique, source)


class PairVAE(nn.Module):
    """The SAXS and the SANS autoencoder of one kind of samples.

    Parameters
    ----------
    saxs, sans : ResVAE
        Pretrained, with codes of the same length.
    """

    def __init__(self, saxs: ResVAE, sans: ResVAE) -> None:
        super().__init__()
        self.saxs, self.sans = saxs, sans

    def of(self, technique: str) -> ResVAE:
        """The autoencoder of one technique."""
        return {"saxs": self.saxs, "sans": self.sans}[technique]

    def facts(self) -> dict[str, Any]:
        """What is needed to build this network again, as JSON types."""
        return {technique: self.of(technique).facts() for technique in TECHNIQUES}

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> "PairVAE":
        """Build the networks that `facts` describes, without their weights."""
        return cls(*(ResVAE.from_facts(facts[technique]) for technique in TECHNIQUES))
