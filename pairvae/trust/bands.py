"""Bands that keep their word: the decoder's own error, corrected by that of similar samples, then calibrated."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pairvae.models.pairvae import PairVAE
from pairvae.models.predict import Array, Predicted, codes, predict, predict_beside
from pairvae.models.source_path import SourceCurve
from pairvae.models.tensors import Batch, Batches, take
from pairvae.techniques import CROSS_PATHS, PATHS, TECHNIQUES, Technique, ends
from pairvae.trust.calibration import BandFactors, BySituation, Calibration, NoveltyLimits, References
from pairvae.trust.conformal import conformal_factor, quantile
from pairvae.trust.missing import WHOLE, Situation, covariates_known, nearest_situation, put, situations
from pairvae.trust.neighbours import binned, local_error
from pairvae.trust.novelty import Encoded, unlike
from pairvae.trust.references import every_situation, nearest_references, reference_curves

FEWER = 2_000  # validation samples for each place and share of a hidden q range
NEAR = 20  # training samples whose errors say how good the prediction is at a place of the latent space
WIDEST = 10.0  # times the usual width, of bands of curves unlike the training


class Band(NamedTuple):
    """Median and limits, each (samples, q): log10 of intensity."""

    middle: Array
    lower: Array
    upper: Array


def fit_bands(
    network: PairVAE,
    train: Batches,
    val: Batches,
    coverage: float,
    references: Mapping[Technique, References],
    limits: Mapping[Technique, NoveltyLimits],
) -> tuple[dict[str, BandFactors], dict[Technique, BySituation]]:
    """Learn bands from errors of training samples and calibrate them on validation samples.

    Parameters
    ----------
    train, val : mapping of dict of Tensor
        Pairs as `paired_tensors` gives them.
    coverage : float
        Share of the measured points that a band shall cover.
    references, limits : mapping
        From `fit_references` and `fit_novelty`.

    Returns
    -------
    tuple of dict
        `bands` and `worse` of a `Calibration`.
    """
    bands: dict[str, BandFactors] = {}
    worse: dict[Technique, BySituation] = {}
    for source in TECHNIQUES:
        encoded = _encode_situations(network, source, train[source], val[source], references[source], limits[source])
        for path in (path for path in PATHS if ends(path)[1] == source):
            target, _ = ends(path)
            bands[path], error = _fit_path(network, path, train[target], val[target], coverage, encoded)
            if path in CROSS_PATHS:
                whole = {case.with_covariates: value for case, value in error.items() if not case.hidden}
                worse[source] = {
                    case: torch.tensor(value / whole[case.with_covariates]) for case, value in error.items()
                }
    return bands, worse


class _EncodedSituation(NamedTuple):
    """Validation curves in one situation, and the training curves that they are compared with."""

    rows: slice  # of the validation pairs
    code: Tensor
    curve: SourceCurve
    reference: Tensor  # codes of the training curves
    reference_curve: SourceCurve
    neighbours: Tensor  # rows of `reference`, nearest to `code`
    widening: Array


def _encode_situations(
    network: PairVAE, source: Technique, train: Batch, val: Batch, references: References, limits: NoveltyLimits
) -> dict[Situation, _EncodedSituation]:
    encoded: dict[Situation, _EncodedSituation] = {}
    for case in every_situation(network, source):
        rows = slice(FEWER if case.hidden else None)
        curves = put(take(val, rows), case)
        code = codes(network, source, curves)
        if case.with_covariates:  # comes first; covariates do not make a curve strange
            widening = _widening(unlike(network, source, curves, references, limits))
        else:
            widening = encoded[case._replace(with_covariates=True)].widening
        neighbours = nearest_references(references, case, code, NEAR).row
        training = SourceCurve.of(put(reference_curves(train, len(references.reference[case])), case))
        encoded[case] = _EncodedSituation(
            rows, code, SourceCurve.of(curves), references.codes(case), training, neighbours, widening
        )
    return encoded


def _fit_path(
    network: PairVAE,
    path: str,
    train: Batch,
    val: Batch,
    coverage: float,
    encoded: Mapping[Situation, _EncodedSituation],
) -> tuple[BandFactors, dict[Situation, float]]:
    """Bands of one path, and the RMS error in decades of the validation curves in each situation."""
    errors, factors, joint, rms = {}, {}, {}, {}
    for case, source in encoded.items():
        training = reference_curves(train, len(source.reference))
        off, std = _errors(network, path, source.reference, source.reference_curve, training, case.with_covariates)
        errors[case] = binned(off / std, NEAR)
        off, std = _errors(network, path, source.code, source.curve, take(val, source.rows), case.with_covariates)
        score = off / std / local_error(errors[case], source.neighbours, off.shape[1]) / source.widening
        factor = conformal_factor(score, coverage)
        largest = np.max(np.where(np.isfinite(score), score / factor, 0), axis=1)
        factors[case] = torch.from_numpy(factor)
        joint[case] = torch.tensor(quantile(largest, coverage))
        rms[case] = float(np.sqrt(np.nanmean(off**2)))
        if case == WHOLE:
            band, constant = conformal_factor(off / std, coverage), conformal_factor(off, coverage)
    return BandFactors(errors, factors, joint, torch.from_numpy(band), torch.from_numpy(constant)), rms


def half_widths(
    network: PairVAE,
    references: References,
    bands: BandFactors,
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
    references : References
        Of the source.
    bands : BandFactors
        Of the path.
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
    target, _ = ends(path)
    place = nearest_situation(encoded.curve.mask, references.gaps)
    known = covariates_known(covariates, network.of(target).covariates).tolist()
    cases = [situations(with_covariates)[i] for i, with_covariates in zip(place, known, strict=True)]
    half = np.empty_like(predicted.std)
    for case in set(cases):
        rows = [i for i, situation in enumerate(cases) if situation == case]
        neighbours = nearest_references(references, case, encoded.code.mean[rows], NEAR)
        local = local_error(bands.error[case], neighbours.row, half.shape[1])
        more = bands.joint[case].item() if joint else 1.0
        half[rows] = more * bands.factor[case].numpy() * local * predicted.std[rows]
    return half * _widening(encoded.novelty.unlike)


def predicted_band(
    network: PairVAE, calibration: Calibration, path: str, source: Encoded, covariates: Tensor, joint: bool = False
) -> Band:
    """Predicted curves with their bands; of a technique without a scale those of the shape.

    Parameters
    ----------
    network : PairVAE
        Trained.
    calibration : Calibration
        Of this network.
    path : str
        target_from_source.
    source : Encoded
        Curves of the source.
    covariates : Tensor, shape (samples, width)
        As the target's network knows them.
    joint : bool
        Bands that hold whole curves, not single points.
    """
    predicted = predict(network, path, source.code.mean, covariates, source.curve)
    references, factors = calibration.references[ends(path)[1]], calibration.bands[path]
    half = half_widths(network, references, factors, path, source, covariates, predicted, joint)
    return Band(predicted.log_intensity, predicted.log_intensity - half, predicted.log_intensity + half)


def _widening(novelty: Array) -> Array:
    """Factor of the width, shape (samples, 1): the farther from what was learned, the larger the error."""
    return np.clip(novelty, 1, WIDEST)[:, None]


def _errors(
    network: PairVAE, path: str, code: Tensor, curve: SourceCurve, measured: Batch, with_covariates: bool
) -> tuple[Array, Array]:
    """|measured − predicted| of every point of the target, NaN where not measured, and the predicted standard error."""
    seen = {**measured, "covariates": measured["covariates"] * float(with_covariates)}
    predicted = predict_beside(network, path, code.float(), seen, curve)
    off = np.abs(measured["log_intensity"].double().numpy() - predicted.log_intensity)
    return np.where(measured["mask"].numpy() > 0, off, np.nan), predicted.std
