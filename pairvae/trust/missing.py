"""What may be missing of a curve and of what is known of its sample; everything is calibrated for each case apart."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from pairvae.models.tensors import Batch
from pairvae.prepare.covariates import Covariate

SHARES = (0.1, 0.25, 0.5, 0.75)  # of the measured points that are hidden
Place = Literal["low", "middle", "high"]
PLACES: tuple[Place, ...] = get_args(Place)


class Situation(NamedTuple):
    """Where and how much of a curve is hidden, and whether the networks see the covariates."""

    place: Place
    hidden: float
    with_covariates: bool

    @property
    def name(self) -> str:
        """Part of the names of the calibration's tensors: `whole`, `low50` or `low50.untold`."""
        where = f"{self.place}{round(100 * self.hidden)}" if self.hidden else "whole"
        return where + ("" if self.with_covariates else ".untold")


WHOLE = Situation("low", 0.0, True)  # curves as they were measured, with covariates


def situations(with_covariates: bool) -> list[Situation]:
    """Whole curves first, then every place with every share."""
    hidden = (Situation(place, share, with_covariates) for place in PLACES for share in SHARES)
    return [Situation("low", 0.0, with_covariates), *hidden]


def put(curves: Batch, situation: Situation) -> Batch:
    """The same curves in a situation."""
    return {
        **curves,
        "mask": hide_range(curves["mask"], situation.place, situation.hidden),
        "covariates": curves["covariates"] * float(situation.with_covariates),
    }


def hide_range(mask: Tensor, place: Place, share: float) -> Tensor:
    """Hide a share of the measured points of every curve: one range of q.

    Parameters
    ----------
    mask : Tensor, shape (samples, q)
        1 where measured.
    place : {"low", "middle", "high"}
        Where the range lies.
    share : float
        Of the measured points; at least one point stays.
    """
    rank = mask.cumsum(dim=1)
    count = mask.sum(dim=1, keepdim=True)
    gone = torch.minimum((share * count).round(), count - 1)
    before = {"low": 0 * gone, "middle": ((count - gone) / 2).floor(), "high": count - gone}[place]
    return mask * ~((rank > before) & (rank <= before + gone))


def gaps(mask: Tensor) -> Tensor:
    """Shares of the grid that are missing below, within, and above the measured range, shape (samples, 3)."""
    rank, count = mask.cumsum(dim=1), mask.sum(dim=1, keepdim=True)
    low, high = (rank == 0), (rank == count) & (mask == 0)
    within = (mask == 0) & ~low & ~high
    return torch.stack([missing.float().mean(dim=1) for missing in (low, within, high)], dim=1)


def nearest_situation(mask: Tensor, typical: Tensor) -> list[int]:
    """For every curve the entry of `situations` that resembles it most.

    Parameters
    ----------
    mask : Tensor, shape (samples, q)
        1 where measured.
    typical : Tensor, shape (situations, 3)
        Mean `gaps` of validation curves in each situation.
    """
    return torch.cdist(gaps(mask), typical, p=1).argmin(dim=1).tolist()


def covariates_known(covariates: Tensor, described: Sequence[Covariate]) -> Tensor:
    """Of which samples every covariate is known, bool (samples,); all, where there are no covariates."""
    blocks = covariates.split([covariate.width for covariate in described], dim=1) if described else ()
    return torch.stack([torch.ones(len(covariates)).bool(), *(block.any(dim=1) for block in blocks)]).all(dim=0)
