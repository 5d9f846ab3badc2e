"""Where codes of real samples lie: what new ones are drawn from.

The weight of the KL term is small, so the codes of the training samples do not fill the unit normal: each kind of
samples fills a thin, bent sheet, with gaps between. Gaussians around the training codes, each as its neighbours lie in
every direction, stand in for the prior (Vincent and Bengio, Manifold Parzen windows, NIPS 2002). Smoothing would widen
what is drawn; so codes are first drawn towards the mean of their neighbours, by as much as keeps the spread (Liu and
West, in Sequential Monte Carlo Methods in Practice, 2001, chapter 10).
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from pairvae.scattering.spectrum import TECHNIQUES, Technique
from pairvae.trust.calibration import References
from pairvae.trust.missing import WHOLE
from pairvae.trust.neighbours import ALIKE, mean_and_covariance, nearest

SMOOTHING = 0.5  # of the neighbours' standard deviation: less repeats the training codes, more leaves their sheet


def draw_codes(references: Mapping[Technique, References], count: int, temperature: float, seed: int) -> Tensor:
    """Draw codes (count, latent), each around the code of a training curve of either technique.

    The first codes are the same for any count.

    Parameters
    ----------
    references : mapping
        From `fit_references`.
    temperature : float
        Factor of the distance of a code from the mean of its neighbours.
    """
    generator = torch.Generator().manual_seed(seed)
    codes = {technique: references[technique].reference[WHOLE].double() for technique in TECHNIQUES}
    drawn = []
    for _ in range(count):
        technique = TECHNIQUES[int(torch.randint(len(TECHNIQUES), (), generator=generator))]
        training = codes[technique]
        chosen = int(torch.randint(len(training), (), generator=generator))
        alike = nearest(training[chosen : chosen + 1], training, ALIKE).row[0]
        middle, covariance = mean_and_covariance(training[alike])
        unit = torch.randn(len(middle), generator=generator, dtype=middle.dtype)
        off = (
            math.sqrt(1 - SMOOTHING**2) * (training[chosen] - middle)
            + SMOOTHING * torch.linalg.cholesky(covariance) @ unit
        )
        code = middle + temperature * off
        drawn.append(code * references[technique].code_scale)
    return torch.stack(drawn).float()
