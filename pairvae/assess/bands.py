"""Bands that keep their word: the decoder's own error, corrected by that of similar samples, then calibrated."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pairvae.assess.neighbours import binned, local_error, nearest
from pairvae.assess.predict import Array, Predicted, codes, predict_beside
from pairvae.assess.situations import gaps, is_told, nearest_situation, put, situations
from pairvae.models.pairvae import CROSS_PATHS, PATHS, PairVAE, ends
from pairvae.scattering.spectrum import TECHNIQUES
from pairvae.train.batches import Batch, part

ENOUGH = 400  # scores behind each q point's factor; neighbours in q lend theirs where samples are few
NEAR = 20  # training samples whose errors say how good the prediction is at a place of the latent space
REFERENCES = 10_000  # training samples kept of whole curves
FEWER = 2_000  # … and training and validation samples for each place and share of a hidden q range
WIDEST = 10.0  # times the calibrated width, of bands of curves unlike the training
LEAST_SCALE = 0.01  # of a component of the code, in units of the largest standard deviation of one


class Band(NamedTuple):
    """Median and limits, each (samples, q): log10 of intensity."""

    middle: Array
    lower: Array
    upper: Array


def quantile(score: Array, coverage: float) -> float:
    """The ⌈(n + 1)·coverage⌉-th smallest of n finite scores, the largest where that is more than n."""
    known = np.sort(score[np.isfinite(score)])
    return float(known[min(int(np.ceil((known.size + 1) * coverage)), known.size) - 1])


def conformal_factor(score: Array, coverage: float) -> Array:
    """Factor of the predicted standard error, per q, that makes bands cover what they promise.

    Split-conformal: the ⌈(n + 1)·coverage⌉-th smallest of n scores |measured − predicted|/standard error.

    Parameters
    ----------
    score : array, shape (samples, q)
        Scores of samples that did not train; NaN where not measured.
    coverage : float
        Share of new measurements that the band shall cover.

    Returns
    -------
    array, shape (q,)

    References
    ----------
    Lei et al., J. Am. Stat. Assoc. 113 (2018) 1094, algorithm 2.
    """
    samples, points = score.shape
    reach = min(points, -(-max(0, ENOUGH - samples) // (2 * max(samples, 1))))
    near = (score[:, max(0, i - reach) : i + reach + 1] for i in range(points))
    # never measured on validation samples: the pooled scores are the best guess
    return np.array([quantile(one if np.isfinite(one).any() else score, coverage) for one in near])


def fit_bands(network: PairVAE, train: Batch, val: Batch, coverage: float) -> dict[str, Tensor]:
    """What `Bands` needs, learned from codes and errors of training samples and calibrated on validation samples.

    Parameters
    ----------
    train, val : dict of Tensor
        Pairs as `paired_tensors` gives them.
    coverage : float
        Share of the measured points that a band shall cover.
    """
    fitted: dict[str, Tensor] = {}
    order = torch.randperm(len(train["saxs.mask"]), generator=torch.Generator().manual_seed(0))
    for source in TECHNIQUES:
        spread = codes(network, source, part(train, source)).std(dim=0).nan_to_num()
        # a component that says nothing shall not be blown up to the size of the others
        scale = spread.clamp(min=max(LEAST_SCALE * float(spread.max()), 1e-6))
        fitted[f"code_scale.{source}"] = scale
        kinds = situations(told=True)
        fitted[f"gaps.{source}"] = torch.stack([gaps(put(part(val, source), one)["mask"]).mean(dim=0) for one in kinds])
        if network.of(source).covariates:
            kinds += situations(told=False)
        whole = 0.0
        for case in kinds:
            seen = {name: tensor[order[: FEWER if case.hidden else REFERENCES]] for name, tensor in train.items()}
            new = {name: tensor[: FEWER if case.hidden else None] for name, tensor in val.items()}
            reference = (codes(network, source, put(part(seen, source), case)) / scale).half()
            fitted[f"reference.{source}.{case.name}"] = reference
            code = codes(network, source, put(part(new, source), case))
            found = nearest(code / scale, reference, NEAR)
            for path in (one for one in PATHS if ends(one)[1] == source):
                off, std = _errors(network, path, reference * scale, seen, case.told)
                errors = binned(off / std, NEAR)
                off, std = _errors(network, path, code, new, case.told)
                score = off / std / local_error(errors, found.row, off.shape[1])
                factor = conformal_factor(score, coverage)
                largest = np.max(np.where(np.isfinite(score), score / factor, 0), axis=1)
                name = f"{path}.{case.name}"
                fitted[f"error.{name}"] = errors
                fitted[f"factor.{name}"] = torch.from_numpy(factor)
                fitted[f"joint.{name}"] = torch.tensor(quantile(largest, coverage))
                if case == kinds[0]:
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
    code: Tensor,
    covariates: Tensor,
    predicted: Predicted,
    mask: Tensor | None = None,
    joint: bool = False,
    unlike: Array | None = None,
) -> Array:
    """Half the width of calibrated bands in decades, shape (samples, q).

    The band of a point covers a new measurement of it, noise included, with the promised probability. The local
    error comes from training samples alone, so validation samples are as new to the score as later curves are:
    the coverage is exact on average over samples like those of the validation, for any number of them.

    Parameters
    ----------
    calibration : dict of Tensor
        From `fit_bands`.
    path : str
        target_from_source.
    code : Tensor, shape (samples, latent)
        Of the source.
    covariates : Tensor, shape (samples, width)
        As the target's network knows them.
    predicted : Predicted
        The curves of these codes.
    mask : Tensor, shape (samples, q), optional
        1 where the source was measured; not given: codes of whole curves.
    joint : bool
        Bands that hold a whole curve with the promised probability, not each of its points.
    unlike : array, shape (samples,), optional
        `Novelty.unlike`. Where it is above 1 bands are wider by so much, up to `WIDEST`: the farther from what was
        learned, the larger the error, and more than promised is covered.

    References
    ----------
    Lei et al., J. Am. Stat. Assoc. 113 (2018) 1094, section 5.2 (locally weighted conformal inference).
    """
    target, source = ends(path)
    place = [0] * len(code) if mask is None else nearest_situation(mask, calibration[f"gaps.{source}"])
    told = is_told(covariates, network.of(target).covariates).tolist()
    cases = [situations(known)[i] for i, known in zip(place, told, strict=True)]
    half = np.empty_like(predicted.std)
    for case in set(cases):
        name = f"{path}.{case.name}"
        rows = [i for i, one in enumerate(cases) if one == case]
        asked = code[rows] / calibration[f"code_scale.{source}"]
        found = nearest(asked, calibration[f"reference.{source}.{case.name}"], NEAR)
        local = local_error(calibration[f"error.{name}"], found.row, half.shape[1])
        wider = calibration[f"joint.{name}"].item() if joint else 1.0
        half[rows] = wider * calibration[f"factor.{name}"].numpy() * local * predicted.std[rows]
    return half if unlike is None else half * np.clip(unlike, 1, WIDEST)[:, None]


def _errors(network: PairVAE, path: str, code: Tensor, pairs: Batch, told: bool) -> tuple[Array, Array]:
    """|measured − predicted| of every point of the target, NaN where not measured, and the predicted standard error."""
    known = part(pairs, ends(path)[0])
    told_of = {**known, "covariates": known["covariates"] * float(told)}
    predicted = predict_beside(network, path, code.float(), told_of)
    off = np.abs(known["log_intensity"].double().numpy() - predicted.log_intensity)
    return np.where(known["mask"].numpy() > 0, off, np.nan), predicted.std
