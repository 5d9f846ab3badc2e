"""Bands that keep their word: the decoder's own error, corrected by that of similar samples, then calibrated."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pairvae.models.pairvae import CROSS_PATHS, PATHS, PairVAE, ends
from pairvae.models.predict import Array, Predicted, codes, predict_beside
from pairvae.models.tensors import Batch, Batches, take
from pairvae.scattering.spectrum import TECHNIQUES
from pairvae.trust.conformal import conformal_factor, quantile
from pairvae.trust.missing import is_told, nearest_situation, put, situations
from pairvae.trust.neighbours import binned, local_error
from pairvae.trust.novelty import Encoded, unlike
from pairvae.trust.references import FEWER, every_situation, kept, nearest_kept

NEAR = 20  # training samples whose errors say how good the prediction is at a place of the latent space
WIDEST = 10.0  # times the usual width, of bands of curves unlike the training


class Band(NamedTuple):
    """Median and limits, each (samples, q): log10 of intensity."""

    middle: Array
    lower: Array
    upper: Array


def fit_bands(
    network: PairVAE, train: Batches, val: Batches, coverage: float, calibration: dict[str, Tensor]
) -> dict[str, Tensor]:
    """What `half_widths` needs, learned from errors of training samples and calibrated on validation samples.

    Parameters
    ----------
    train, val : mapping of dict of Tensor
        Pairs as `paired_tensors` gives them.
    coverage : float
        Share of the measured points that a band shall cover.
    calibration : dict of Tensor
        From `fit_references` and `fit_novelty`.
    """
    fitted: dict[str, Tensor] = {}
    for source in TECHNIQUES:
        whole, wider = 0.0, {}
        for case in every_situation(network, source):
            new = {t: take(curves, slice(FEWER if case.hidden else None)) for t, curves in val.items()}
            curves = put(new[source], case)
            code = codes(network, source, curves)
            if case.told:  # comes first; covariates do not make a curve strange
                wider[case] = _widening(unlike(network, source, curves, calibration))
            found = nearest_kept(calibration, source, case, code, NEAR)
            known = calibration[f"reference.{source}.{case.name}"] * calibration[f"code_scale.{source}"]
            for path in (one for one in PATHS if ends(one)[1] == source):
                target, _ = ends(path)
                off, std = _errors(network, path, known, kept(train[target], case), case.told)
                errors = binned(off / std, NEAR)
                off, std = _errors(network, path, code, new[target], case.told)
                score = off / std / local_error(errors, found.row, off.shape[1]) / wider[case._replace(told=True)]
                factor = conformal_factor(score, coverage)
                largest = np.max(np.where(np.isfinite(score), score / factor, 0), axis=1)
                name = f"{path}.{case.name}"
                fitted[f"error.{name}"] = errors
                fitted[f"factor.{name}"] = torch.from_numpy(factor)
                fitted[f"joint.{name}"] = torch.tensor(quantile(largest, coverage))
                if case.name == "whole":
                    fitted[f"band.{path}"] = torch.from_numpy(conformal_factor(off / std, coverage))
                    fitted[f"constant.{path}"] = torch.from_numpy(conformal_factor(off, coverage))
                if path in CROSS_PATHS:
                    error = float(np.sqrt(np.nanmean(off**2)))
                    whole = whole if case.hidden else error
                    fitted[f"worse.{source}.{case.name}"] = torch.tensor(error / whole)
    return fitted


def half_widths(
    network: PairVAE,
    calibration: dict[str, Tensor],
    path: str,
    encoded: Encoded,
    covariates: Tensor,
    predicted: Predicted,
    joint: bool = False,
) -> Array:
    """Half the width of calibrated bands in decades, shape (samples, q).

    The band of a point covers a new measurement of it, noise included, with the promised probability. The local
    error comes from training samples alone, so validation samples are as new to the score as later curves are:
    the coverage is exact on average over samples like those of the validation, for any number of them. Where a curve
    is unlike the training its band is wider by its novelty, up to `WIDEST` times.

    Parameters
    ----------
    calibration : dict of Tensor
        From `fit_references`, `fit_novelty` and `fit_bands`.
    path : str
        target_from_source.
    encoded : Encoded
        Curves of the source.
    covariates : Tensor, shape (samples, width)
        As the target's network knows them.
    predicted : Predicted
        The curves of these codes.
    joint : bool
        Bands that hold a whole curve with the promised probability, not each of its points.

    References
    ----------
    Lei et al., J. Am. Stat. Assoc. 113 (2018) 1094, section 5.2 (locally weighted conformal inference).
    """
    target, source = ends(path)
    place = nearest_situation(encoded.mask, calibration[f"gaps.{source}"])
    told = is_told(covariates, network.of(target).covariates).tolist()
    cases = [situations(known)[i] for i, known in zip(place, told, strict=True)]
    half = np.empty_like(predicted.std)
    for case in set(cases):
        name = f"{path}.{case.name}"
        rows = [i for i, one in enumerate(cases) if one == case]
        found = nearest_kept(calibration, source, case, encoded.code.mean[rows], NEAR)
        local = local_error(calibration[f"error.{name}"], found.row, half.shape[1])
        more = calibration[f"joint.{name}"].item() if joint else 1.0
        half[rows] = more * calibration[f"factor.{name}"].numpy() * local * predicted.std[rows]
    return half * _widening(encoded.novelty.unlike)


def _widening(novelty: Array) -> Array:
    """Factor of the width, shape (samples, 1): the farther from what was learned, the larger the error."""
    return np.clip(novelty, 1, WIDEST)[:, None]


def _errors(network: PairVAE, path: str, code: Tensor, measured: Batch, told: bool) -> tuple[Array, Array]:
    """|measured − predicted| of every point of the target, NaN where not measured, and the predicted standard error."""
    told_of = {**measured, "covariates": measured["covariates"] * float(told)}
    predicted = predict_beside(network, path, code.float(), told_of)
    off = np.abs(measured["log_intensity"].double().numpy() - predicted.log_intensity)
    return np.where(measured["mask"].numpy() > 0, off, np.nan), predicted.std
