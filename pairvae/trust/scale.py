"""Absolute intensities of techniques that are learnt without their scale: from the scale of the source's curve."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pairvae.models.pairvae import PairVAE
from pairvae.models.predict import Array, predict_scale
from pairvae.models.tensors import Batches
from pairvae.scattering.spectrum import Technique
from pairvae.techniques import CROSS_PATHS, ends
from pairvae.trust.bands import Band
from pairvae.trust.conformal import conformal_factor
from pairvae.trust.novelty import Encoded

NINETY = 1.645  # standard deviations of a normal distribution within which 90 % lie, as of the usual band


class Scale(NamedTuple):
    """What brings predicted curves to 1/cm, each (samples, 1), in decades; NaN where the source has no scale.

    Attributes
    ----------
    shift : array
        log10 of the factor.
    std : array
        Its standard error.
    """

    shift: Array
    std: Array

    def widened(self, half: Array) -> Array:
        """Half widths of the bands of shapes (samples, q), with the error of the scale added in squares."""
        return np.hypot(half, NINETY * self.std)


def scale_of(network: PairVAE, path: str, source: Encoded, covariates: Tensor) -> Scale | None:
    """The scale of predicted curves; None where the network has learnt none.

    Parameters
    ----------
    path : str
        target_from_source.
    source : Encoded
        Curves of the source.
    covariates : Tensor, shape (samples, width)
        As the target's network knows them.
    """
    if path not in CROSS_PATHS or source.level is None:
        return None
    ratio = predict_scale(network, path, source.code.mean, covariates)
    return None if ratio is None else Scale(ratio.log_intensity + source.level.double().numpy(), ratio.std)


def absolute_half_widths(half: Array, scale: Scale, factors: Tensor, known: Tensor) -> Array:
    """Half the width of bands in 1/cm, shape (samples, q), from that of their shapes and the error of the scale.

    Parameters
    ----------
    half : array, shape (samples, q)
        Half the width of the bands of the shapes.
    scale : Scale
        From `scale_of`.
    factors : Tensor, shape (2, q)
        From `fit_absolute`.
    known : Tensor of bool, shape (samples,)
        Of which samples every covariate is known.
    """
    return factors[(~known).long()].numpy() * scale.widened(half)


def fit_absolute(
    network: PairVAE, val: Batches, coverage: float, encoded: Mapping[Technique, Encoded], bands: Mapping[str, Band]
) -> dict[str, Tensor]:
    """Factor of the width of bands in 1/cm at every q, by path; empty where nothing says the scale.

    Parameters
    ----------
    network : PairVAE
        Trained.
    val : mapping of dict of Tensor
        Validation pairs as `paired_tensors` gives them.
    coverage : float
        Share of the measured points that a band shall cover.
    encoded : mapping
        The same curves by technique.
    bands : mapping of Band
        Of their predicted shapes, by path.
    """
    factors: dict[str, Tensor] = {}
    for path, band in bands.items():
        target, source = ends(path)
        measured = val[target]
        scale = scale_of(network, path, encoded[source], measured["covariates"])
        if scale is None:
            continue
        wanted = measured["log_intensity"].double().numpy() + measured["log_scale"].double().numpy()
        score = np.abs(wanted - band.middle - scale.shift) / scale.widened(band.upper - band.middle)
        known = (measured["mask"].numpy() > 0) & np.isfinite(score)
        if known.any():
            factors[path] = torch.from_numpy(conformal_factor(np.where(known, score, np.nan), coverage))
    return factors
