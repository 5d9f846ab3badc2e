"""How unlike the training curves a curve is."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pairvae.models.pairvae import PairVAE
from pairvae.models.predict import Array, codes, device_of, posterior, predict
from pairvae.models.resvae import Code
from pairvae.models.source_path import SourceCurve
from pairvae.models.tensors import Batch, Batches, take
from pairvae.scattering.spectrum import TECHNIQUES, Technique, other
from pairvae.trust.calibration import Calibration, NoveltyLimits, References
from pairvae.trust.conformal import quantile
from pairvae.trust.missing import Situation, nearest_situation, put, situations
from pairvae.trust.neighbours import distance_in_spread

UNUSUAL = 1.0  # novelty above which a curve is called unlike the training
USUAL = 0.95  # share of the validation curves that counts as usual
ALMOST_ALL = 0.995  # share of the validation curves that are not called flat
MOST = 60_000.0  # what float16 holds; beyond are codes of a network whose own never vary
WORSE = 3.0  # times the error of whole curves, beyond which too much is missing to be like the training


def fit_novelty(
    network: PairVAE, val: Batches, references: Mapping[Technique, References]
) -> dict[Technique, NoveltyLimits]:
    """What `unlike` needs besides the references.

    Parameters
    ----------
    val : mapping of dict of Tensor
        Pairs as `paired_tensors` gives them.
    references : mapping
        From `fit_references`.
    """
    fitted: dict[Technique, NoveltyLimits] = {}
    for technique in TECHNIQUES:
        answers: dict[Situation, Tensor] = {}
        limits: dict[Situation, Tensor] = {}
        for case in _cases(network, technique):
            own = references[technique]
            answer = _answer(network, technique, own.codes(case)) / own.code_scale
            answers[case] = answer.clamp(-MOST, MOST).half()
            curves = put(val[technique], case)
            code = codes(network, technique, _without_covariates(curves))
            far, flat = _strangeness(network, technique, curves, code, case, own, answers[case])
            # quantised codes of most curves are codes of training curves: no distance at all is usual
            usual = np.maximum([quantile(far, USUAL), quantile(flat, ALMOST_ALL)], 1e-6)
            either = quantile(np.maximum(far / usual[0], flat / usual[1]), USUAL)
            limits[case] = torch.from_numpy(usual * either)
        fitted[technique] = NoveltyLimits(answers, limits)
    return fitted


def is_unusual(novelty: Array) -> npt.NDArray[np.bool_]:
    """Which novelty scores say that a curve is unlike the training curves."""
    return novelty > UNUSUAL


class Novelty(NamedTuple):
    """Why curves may be unlike the training, each (samples,); above 1: unlike it.

    Parameters
    ----------
    unlike : array
        Of the curve as far as it was measured; above 1 are 5 % of the validation curves.
    missing : array
        Of what was not measured: how many times worse than those of whole curves the predictions are where as much is
        missing, in units of `WORSE`.
    """

    unlike: Array
    missing: Array

    @property
    def score(self) -> Array:
        """The larger of both."""
        return np.maximum(self.unlike, self.missing)

    @property
    def is_unusual(self) -> npt.NDArray[np.bool_]:
        """Which curves are unlike the training curves, or lack too much."""
        return is_unusual(self.score)


class Encoded(NamedTuple):
    """Curves of one technique as the model understands them.

    Parameters
    ----------
    code : Code
        Posterior of their codes, each (samples, latent).
    curve : SourceCurve
        What was encoded.
    novelty : Novelty
        How unusual they are.
    level : Tensor, shape (samples, 1), optional
        Of scale-free techniques: log10 of the scale of the curves in 1/cm, NaN where nobody knows it.
    """

    code: Code
    curve: SourceCurve
    novelty: Novelty
    level: Tensor | None = None


def encoded(network: PairVAE, technique: Technique, curves: Batch, calibration: Calibration) -> Encoded:
    """Codes of curves, and how unusual they are.

    Parameters
    ----------
    curves : dict of Tensor
        As `as_tensors` gives them.
    calibration : Calibration
        Of this network.
    """
    code = posterior(network, technique, curves)
    references, limits = calibration.references[technique], calibration.limits[technique]
    known_code = None if network.of(technique).covariates else code.mean
    strange = unlike(network, technique, curves, references, limits, known_code)
    place = nearest_situation(curves["mask"], references.gaps)
    worse = np.array([float(calibration.worse[technique][case]) for case in _cases(network, technique)])
    level = None
    if "log_scale" in curves:
        own = network.of(technique)
        device = device_of(network)
        level = own.level(curves["log_intensity"].to(device), curves["mask"].to(device)).cpu() + curves["log_scale"]
    return Encoded(code, SourceCurve.of(curves), Novelty(strange, worse[place] / WORSE), level)


def unlike(
    network: PairVAE,
    technique: Technique,
    curves: Batch,
    references: References,
    limits: NoveltyLimits,
    code: Tensor | None = None,
) -> Array:
    """How unlike the training curves are as far as they were measured, shape (samples,).

    The larger of two measures, scaled so that 5 % of the validation curves exceed 1 in one or the other. One is how far
    the curve's code and its answer, the code of the partner that is predicted from it, lie from those of the training
    curves nearest to it: the network has learned to map what it knows onto partners that it reads as it reads the
    curve, and does so with nothing else. The other is how little the curve differs from a flat background. Covariates
    do not enter, and a curve of which a q range is missing is compared with training and validation curves of which as
    much was hidden.

    Parameters
    ----------
    references : References
        From `fit_references`, of the technique.
    limits : NoveltyLimits
        From `fit_novelty`, of the technique.
    code : Tensor, shape (samples, latent), optional
        Mean codes of the curves without covariates, where they have been computed.
    """
    code = codes(network, technique, _without_covariates(curves)) if code is None else code
    cases = _cases(network, technique)
    place = [cases[i] for i in nearest_situation(curves["mask"], references.gaps)]
    score = np.empty(len(place))
    for case in set(place):
        rows = [i for i, situation in enumerate(place) if situation == case]
        some, answer = take(curves, rows), limits.answer[case]
        strange = _strangeness(network, technique, some, code[rows], case, references, answer)
        score[rows] = (strange / limits.usual[case].numpy()[:, None]).max(axis=0)
    return score


def _strangeness(
    network: PairVAE,
    technique: Technique,
    curves: Batch,
    code: Tensor,
    case: Situation,
    references: References,
    answer: Tensor,
) -> Array:
    """Distance of code and answer from the training curves, and flatness of the curve, shape (2, samples)."""
    scale = references.code_scale
    new = torch.cat([code / scale, _answer(network, technique, code) / scale], dim=1)
    training = torch.cat([references.reference[case], answer], dim=1)
    return np.stack([distance_in_spread(new, training), flatness(curves)])


def _answer(network: PairVAE, technique: Technique, code: Tensor) -> Tensor:
    """Codes (samples, latent) of the partners predicted from codes without covariates."""
    target = other(technique)
    unknown = torch.zeros(len(code), sum(covariate.width for covariate in network.of(target).covariates))
    partner = torch.from_numpy(predict(network, f"{target}_from_{technique}", code, unknown).log_intensity).float()
    return codes(network, target, {"log_intensity": partner, "mask": torch.ones_like(partner), "covariates": unknown})


def flatness(curves: Batch) -> Array:
    """1/χ of a curve against the constant that fits it best: 1 for pure background, small for a strong signal."""
    log_intensity, log_sigma, mask = (curves[name].double() for name in ("log_intensity", "log_sigma", "mask"))
    weight = mask / log_sigma.clamp(min=1e-4) ** 2
    level = (weight * log_intensity).sum(dim=1, keepdim=True) / weight.sum(dim=1, keepdim=True)
    chi = ((weight * (log_intensity - level) ** 2).sum(dim=1) / mask.sum(dim=1)).sqrt()
    return (1 / chi.clamp(min=1e-3)).numpy()


def _cases(network: PairVAE, technique: Technique) -> list[Situation]:
    """Those of unknown covariates, where there are any: a judgement of the curve alone."""
    return situations(with_covariates=not network.of(technique).covariates)


def _without_covariates(curves: Batch) -> Batch:
    return {**curves, "covariates": torch.zeros_like(curves["covariates"])}
