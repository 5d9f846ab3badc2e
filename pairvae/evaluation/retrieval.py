"""How often the true partner is found among the test curves, and a swapped one noticed."""

import numpy as np
import numpy.typing as npt
import torch

from pairvae.models.predict import Array
from pairvae.models.tensors import Batches, take
from pairvae.scattering.spectrum import Technique, other
from pairvae.trust.consistency import p_values, pair_measures
from pairvae.use.calibrated_model import CalibratedModel
from pairvae.use.check import FALSE_ALARMS
from pairvae.use.match import match_tensors

ASKED = 500  # curves whose partner is looked for to say how often it is found; more cost time and change little


def retrieval(asking: Array, answering: Array) -> dict[str, float]:
    """How often the partner is the nearest, or among the five nearest, of all test codes.

    Parameters
    ----------
    asking, answering : array, shape (samples, latent)
        Codes of partners in the same order; distances are Euclidean after each component was divided by
        its standard deviation over both.
    """
    scale = np.concatenate([asking, answering]).std(axis=0)
    asking, answering = (codes / np.where(scale > 0, scale, 1) for codes in (asking, answering))
    rank = []
    for i, one in enumerate(asking):
        distance = ((answering - one) ** 2).sum(axis=1)
        rank.append((distance <= distance[i]).sum() - 1)  # as near is not nearer: codes all alike find nothing
    ranks = np.array(rank)
    return {"top1": float((ranks < 1).mean()), "top5": float((ranks < 5).mean()), "candidates": len(ranks)}


def retrieval_by_likelihood(model: CalibratedModel, pairs: Batches, to: Technique) -> dict[str, float]:
    """How often the true partner is the most probable, or among the five most probable, of all.

    Parameters
    ----------
    pairs : mapping
        Partners in the same order, by technique; `ASKED` of them, evenly spaced, are asked for their partner.
    """
    count = len(pairs[to]["mask"])
    rows = np.unique(np.linspace(0, count - 1, min(count, ASKED)).astype(np.int64))
    asking = take(pairs[other(to)], torch.from_numpy(rows))
    right = match_tensors(model, asking, pairs[to], to, 5).candidate == rows[:, None]
    return {
        "top1": float(right[:, 0].mean()),
        "top5": float(right.any(axis=1).mean()),
        "asked": len(rows),
        "candidates": count,
    }


def detection(model: CalibratedModel, pairs: Batches, material: npt.NDArray[np.str_]) -> dict[str, float]:
    """How often true pairs are called suspect, and how many swapped ones are found, at `FALSE_ALARMS`.

    Parameters
    ----------
    pairs : mapping
        True pairs by technique, in the same order.
    material : array of str, shape (pairs,)
        Each SANS curve is swapped for that of the next sample of its material: the swap that is hardest to see.
    """
    fitted = model.calibration.consistency
    partner = np.arange(len(material))
    for kind in set(material):
        mine = np.flatnonzero(material == kind)
        partner[mine] = np.roll(mine, 1)
    moved = torch.from_numpy(partner)
    swapped = take(pairs["sans"], moved)
    swapped["covariates"] = pairs["sans"]["covariates"]  # what the row says of the sample stays
    other_pairs: Batches = {"saxs": pairs["saxs"], "sans": swapped}
    right, wrong = (
        p_values(model.network, tested, pair_measures(model.network, tested, fitted), fitted) <= FALSE_ALARMS
        for tested in (pairs, other_pairs)
    )
    return {"alarm": FALSE_ALARMS, "false_alarms": float(right.mean()), "swapped_found": float(wrong.mean())}
