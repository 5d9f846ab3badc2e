"""What lies between two samples in the latent space, and what is drawn from it, as curves of both techniques."""

from collections import Counter
from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pairvae.models.pairvae import PairVAE
from pairvae.models.predict import Array, predict
from pairvae.scattering.spectrum import Technique

STEPS = 9  # curves from one sample to the other, both included
WAYS = 3  # interpolations at most
TEMPERATURES = (0.5, 0.75, 1.0, 1.25)  # factors of the standard deviations of what codes are drawn from
DRAWS = 8  # curves per temperature


def latent_grids(
    network: PairVAE,
    code: Mapping[Technique, Tensor],
    covariates: Mapping[Technique, Tensor],
    material: npt.NDArray[np.str_],
    draw: Callable[[int, float], Tensor],
) -> dict[str, Array]:
    """Decode straight lines between typical samples, and codes that are drawn at several temperatures.

    Parameters
    ----------
    network : PairVAE
        Trained.
    code, covariates : dict of Tensor
        Mean codes (samples, latent) and encoded covariates (samples, width) per technique, of both or of one.
    material : array of str, shape (samples,)
        Kind of each sample, "" where unknown.
    draw : callable
        Draws so many codes (draws, latent) at a temperature, from the same random numbers each time.

    Returns
    -------
    dict of array
        Names as in predictions.h5: `interpolation/rows` (ways, 2), the rows of the samples at both ends;
        `interpolation/<technique>` (ways, steps, q); `temperature/values` (temperatures,);
        `temperature/<technique>` (temperatures, draws, q). Curves are log10 of intensity.
    """
    shared = torch.stack(list(code.values())).mean(dim=0)
    ends = np.array(_ends(shared.double().numpy(), material), dtype=np.int64).reshape(-1, 2)
    share = torch.linspace(0, 1, STEPS)[:, None]
    drawn = [draw(DRAWS, temperature) for temperature in TEMPERATURES]
    grids: dict[str, Array] = {"interpolation/rows": ends.astype(float), "temperature/values": np.array(TEMPERATURES)}
    for t in code:
        ways = [
            predict(
                network,
                f"{t}_from_{t}",
                torch.lerp(shared[a], shared[b], share),
                torch.lerp(covariates[t][a], covariates[t][b], share),
            )
            for a, b in ends
        ]
        unknown = torch.zeros(DRAWS, covariates[t].shape[1])
        draws = [predict(network, f"{t}_from_{t}", codes, unknown) for codes in drawn]
        q = network.of(t).points
        grids[f"interpolation/{t}"] = np.array([way.log_intensity for way in ways]).reshape(-1, STEPS, q)
        grids[f"temperature/{t}"] = np.array([draw.log_intensity for draw in draws])
    return grids


def _ends(code: Array, material: npt.NDArray[np.str_]) -> list[tuple[int, int]]:
    """Rows to go between: typical samples of the commonest materials, else the two that lie farthest apart."""
    kinds = [kind for kind, _ in Counter(name for name in material.tolist() if name).most_common(WAYS + 1)]
    typical = []
    for kind in kinds:
        rows = np.flatnonzero(material == kind)
        typical.append(int(rows[np.argmin(((code[rows] - code[rows].mean(axis=0)) ** 2).sum(axis=1))]))
    if len(typical) < 2:
        if len(code) < 2:
            return []
        centred = code - code.mean(axis=0)
        axis = np.linalg.svd(centred, full_matrices=False)[2][0]
        along = centred @ axis
        return [(int(along.argmin()), int(along.argmax()))]
    return list(pairwise(typical))
