"""What may be missing of a curve and of what is known of its sample; everything is calibrated for each case apart."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

from pairvae.prepare.covariates import Covariate
from pairvae.train.batches import Batch

HIDDEN = (0.0, 0.25, 0.5, 0.75)  # shares of the measured points
Place = Literal["low", "high", "middle"]
PLACES: tuple[Place, ...] = get_args(Place)


class Situation(NamedTuple):
    """Share of the measured points that is hidden, and whether the networks are told the covariates."""

    hidden: float
    told: bool

    @property
    def name(self) -> str:
        """Part of the names of the calibration's tensors: `50` or `50.untold`."""
        return f"{round(100 * self.hidden)}" + ("" if self.told else ".untold")


def situations(covariates: Sequence[Covariate]) -> list[Situation]:
    """All cases of a model; without covariates there is nothing to be told."""
    return [Situation(share, told) for told in ((True, False) if covariates else (True,)) for share in HIDDEN]


def put(curves: Batch, situation: Situation) -> Batch:
    """The same curves in a situation; the hidden range lies at the low end, the high end, in the middle by turns."""
    mask = curves["mask"]
    hidden = torch.stack([hide_range(mask, place, situation.hidden) for place in PLACES])
    turn = torch.arange(len(mask)) % len(PLACES)
    return {
        **curves,
        "mask": hidden[turn, torch.arange(len(mask))],
        "covariates": curves["covariates"] * float(situation.told),
    }


def hide_range(mask: Tensor, place: Place, share: float) -> Tensor:
    """Hide a share of the measured points of every curve: one range of q.

    Parameters
    ----------
    mask : Tensor, shape (samples, q)
        1 where measured.
    place : {"low", "high", "middle"}
        Where the range lies.
    share : float
        Of the measured points; at least one point stays.
    """
    rank = mask.cumsum(dim=1)
    count = mask.sum(dim=1, keepdim=True)
    gone = torch.minimum((share * count).round(), count - 1)
    before = {"low": 0 * gone, "high": count - gone, "middle": ((count - gone) / 2).floor()}[place]
    return mask * ~((rank > before) & (rank <= before + gone))


def is_told(covariates: Tensor, described: Sequence[Covariate]) -> Tensor:
    """Of which samples every covariate is known, bool (samples,)."""
    blocks = covariates.split([one.width for one in described], dim=1) if described else ()
    return torch.stack([torch.ones(len(covariates)).bool(), *(block.any(dim=1) for block in blocks)]).all(dim=0)


def nearest_share(measured: Tensor, shares: Tensor) -> list[float]:
    """For every curve the entry of `HIDDEN` whose calibration suits it.

    Parameters
    ----------
    measured : Tensor, shape (samples,)
        Share of the grid that was measured.
    shares : Tensor, shape (len(HIDDEN),)
        The same of the validation curves, mean, for each entry of `HIDDEN`.
    """
    return [HIDDEN[i] for i in (measured[:, None] - shares).abs().argmin(dim=1).tolist()]
