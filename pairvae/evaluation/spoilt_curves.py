"""Test curves made worse on purpose: in wrong units, pure background, with a q range or the covariates missing."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from pairvae.evaluation.split import TestSplit
from pairvae.models.predict import Array, free_scale
from pairvae.models.tensors import Batch, take
from pairvae.techniques import Technique, ends
from pairvae.trust.missing import PLACES, SHARES, hide_range

AT_MOST = 2000  # test samples that are tried: 15 times each
FEWEST = 8  # points on the grid, below which a curve in a wrong unit is hardly one


def hidden_ranges(split: TestSplit, path: str) -> dict[str, Any]:
    """Errors, coverage and novelty where part of the source's curve is hidden: at its low end, high end, or middle."""
    mask = split.tensors[ends(path)[1]]["mask"]
    whole = _scores(split, path, mask)
    return {
        place: [{"hidden": 0.0, **whole}]
        + [{"hidden": share, **_scores(split, path, hide_range(mask, place, share))} for share in SHARES]
        for place in PLACES
    }


def unknown_covariates(split: TestSplit, path: str) -> dict[str, Any] | None:
    """The same for whole curves of samples without covariates; None for a model without covariates."""
    target, source = ends(path)
    if not split.model.network.of(target).covariates:
        return None
    return _scores(split, path, split.tensors[source]["mask"], with_covariates=False)


def _scores(split: TestSplit, path: str, mask: Tensor, with_covariates: bool = True) -> dict[str, Any]:
    """Scores of a path from the source's curves under another mask (pairs, q)."""
    target, source = ends(path)
    some = slice(AT_MOST)
    pairs = {t: take(curves, some) for t, curves in split.tensors.items()}
    if not with_covariates:
        pairs = {t: curves | {"covariates": 0 * curves["covariates"]} for t, curves in pairs.items()}
    encoded = split.model.encoded(source, pairs[source] | {"mask": mask[some]})
    bands = split.model.bands(path, encoded, pairs[target]["covariates"])
    shift = free_scale(split.model.network, target, bands.middle, pairs[target])
    scores = split.curves(target, some).scores(slice(None), *(limit + shift for limit in bands))
    names = ("samples", "rmse_truth", "rmse_measured", "coverage", "band_width_dex")
    unusual = float(encoded.novelty.is_unusual.mean())
    return {name: scores[name] for name in names} | {"novelty_above_1": unusual}


def wrong_curves(split: TestSplit, technique: Technique) -> dict[str, dict[str, float | None]]:
    """How many test curves of a technique are called unusual when they are in a wrong unit, or pure background."""
    some = take(split.tensors[technique], slice(AT_MOST))
    q = split.model.network.of(technique).q.numpy()
    shares: dict[str, dict[str, float | None]] = {}
    for name, wrong in {
        "q_in_1/nm_taken_for_1/angstrom": stretched(some, q, 10),
        "q_in_1/angstrom_taken_for_1/nm": stretched(some, q, 0.1),
        "intensity_in_1/m_taken_for_1/cm": brighter(some, 100),
        "intensity_in_1/cm_taken_for_1/m": brighter(some, 0.01),
        "background_alone": background(some, split.model.gridding[technique].noise_floor),
    }.items():
        enough = wrong["mask"].sum(dim=1) >= FEWEST
        share = None
        if enough.any():
            share = float(split.model.encoded(technique, take(wrong, enough)).novelty.is_unusual.mean())
        shares[name] = {"samples": int(enough.sum()), "share_above_1": share}
    return shares


def stretched(curves: Batch, q: Array, factor: float) -> Batch:
    """The curves with every q multiplied by a factor, interpolated on the same grid (q,).

    Parameters
    ----------
    curves : Batch
        Curves on the grid.
    q : array, shape (q,)
        The grid, 1/Å.
    factor : float
        10 for a curve in 1/nm that is taken for one in 1/Å.
    """
    place, wrong = np.log10(q), {name: tensor.clone() for name, tensor in curves.items()}
    for row, mask in enumerate(curves["mask"].numpy() > 0):
        moved = place[mask] + np.log10(factor)
        inside = (place >= moved[0]) & (place <= moved[-1])
        wrong["mask"][row] = torch.from_numpy(inside)
        for name in ("log_intensity", "log_sigma"):
            values = np.interp(place, moved, curves[name][row].numpy()[mask])
            wrong[name][row] = torch.from_numpy(np.where(inside, values, 0))
    return wrong


def brighter(curves: Batch, factor: float) -> Batch:
    """The curves with every intensity multiplied by a factor."""
    return {**curves, "log_intensity": curves["log_intensity"] + float(np.log10(factor)) * curves["mask"]}


def background(curves: Batch, noise_floor: float, seed: int = 0) -> Batch:
    """For every curve the flat background that its last tenth shows, with the relative error found there.

    Its noisy intensities are raised to `noise_floor` sigma, as `normalize` does.

    Parameters
    ----------
    curves : Batch
        Curves on the grid.
    noise_floor : float
        Smallest intensity, in units of its sigma.
    seed : int
        Of the noise.
    """
    draw = np.random.default_rng(seed)
    flat = {name: tensor.clone() for name, tensor in curves.items()}
    for row, mask in enumerate(curves["mask"].numpy() > 0):
        points = np.flatnonzero(mask)
        end = points[-max(1, points.size // 10) :]
        log_sigma = float(np.median(curves["log_sigma"][row].numpy()[end]))
        relative = np.log(10) * log_sigma
        level = (10 ** curves["log_intensity"][row].double().numpy()[end]).mean()
        noisy = np.maximum(1 + relative * draw.normal(size=points.size), noise_floor * relative)
        flat["log_intensity"][row, points] = torch.from_numpy(np.log10(level * noisy)).to(flat["log_intensity"])
        flat["log_sigma"][row, points] = log_sigma
    return flat
