"""The nearest training codes of a code: how far, and how well the network did there."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from pairvae.assess.predict import ROWS, Array

BINS = 16  # along q, of the errors that are kept of training curves
FEW = 10  # times as many training samples as neighbours are needed: fewer say nothing of a place


class Found(NamedTuple):
    """Distances and rows of the nearest, nearest first, each (samples, count)."""

    distance: Tensor
    row: Tensor


@torch.inference_mode()
def nearest(asked: Tensor, known: Tensor, count: int) -> Found:
    """Nearest rows of `known` (references, latent) for each of `asked` (samples, latent), Euclidean."""
    known = known.float()
    count = min(count, len(known))
    parts = [
        torch.cdist(part.float(), known, compute_mode="use_mm_for_euclid_dist").topk(count, largest=False)
        for part in asked.split(ROWS)
    ]
    return Found(torch.cat([part.values for part in parts]), torch.cat([part.indices for part in parts]))


def binned(score: Array, near: int) -> Tensor:
    """Mean score of each sample in `BINS` ranges of q, shape (samples, BINS), float16.

    Parameters
    ----------
    score : array, shape (samples, q)
        |measured − predicted|/standard error; NaN where not measured.
    near : int
        Neighbours that will be averaged. With less than `FEW` times as many samples, all get the mean of all.
    """
    scores = torch.from_numpy(score).float()
    known = scores.isfinite().float()
    total, count = (nn.functional.adaptive_avg_pool1d(x[:, None], BINS)[:, 0] for x in (scores.nan_to_num(), known))
    everywhere = total.sum(dim=0) / count.sum(dim=0)
    everywhere = everywhere.nan_to_num(nan=float(total.sum() / count.sum().clamp(min=1e-9)))
    mean = torch.where(count > 0, total / count, everywhere)
    if len(mean) < FEW * near:
        mean = everywhere.expand_as(mean)
    return mean.clamp(1e-3, 1e4).half()


def local_error(errors: Tensor, rows: Tensor, points: int) -> Array:
    """Mean of what `binned` kept over the neighbours, interpolated along q, shape (samples, points).

    Parameters
    ----------
    errors : Tensor, shape (references, BINS)
    rows : Tensor, shape (samples, neighbours)
    points : int
        Grid points of the target.
    """
    mean = errors.float()[rows].mean(dim=1)
    return nn.functional.interpolate(mean[:, None], size=points, mode="linear")[:, 0].double().numpy()


def spacing(known: Tensor, count: int) -> Tensor:
    """Mean distance of each reference to its nearest others, shape (references,)."""
    others = nearest(known, known, count + 1).distance[:, 1:]
    return others.mean(dim=1).clamp(min=1e-6)


def outlier_factor(asked: Tensor, known: Tensor, spacing_of_known: Tensor, count: int) -> Array:
    """How much farther a code lies from its neighbours than they from theirs, shape (samples,); usual: about 1.

    A plain distance calls strange what lies where training samples are few; this does not.

    References
    ----------
    Breunig et al., LOF: identifying density-based local outliers, SIGMOD 2000; here without its reachability.
    """
    found = nearest(asked, known, count)
    return (found.distance.mean(dim=1) / spacing_of_known[found.row].mean(dim=1)).double().numpy()
