"""How unlike the training curves a curve is."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from pairvae.models.pairvae import PairVAE
from pairvae.models.predict import Array, codes, posterior, predict
from pairvae.models.resvae import Code
from pairvae.models.tensors import Batch, Batches, take
from pairvae.scattering.spectrum import TECHNIQUES, Technique, other
from pairvae.trust.conformal import quantile
from pairvae.trust.missing import Situation, nearest_situation, put, situations
from pairvae.trust.neighbours import distance_in_spread

USUAL = 0.95  # share of the validation curves that counts as usual
ALMOST_ALL = 0.995  # share of the validation curves that are not called flat
MOST = 60_000.0  # what float16 holds; beyond are codes of a network whose own never vary
WORSE = 3.0  # times the error of whole curves, beyond which too much is missing to be like the training


def fit_novelty(network: PairVAE, val: Batches, fitted: dict[str, Tensor]) -> dict[str, Tensor]:
    """What `unlike` needs beside the reference codes.

    Parameters
    ----------
    val : mapping of dict of Tensor
        Pairs as `paired_tensors` gives them.
    fitted : dict of Tensor
        From `fit_references`.
    """
    found: dict[str, Tensor] = {}
    for technique in TECHNIQUES:
        for case in _cases(network, technique):
            name = f"{technique}.{case.name}"
            known = fitted[f"reference.{name}"].float() * fitted[f"code_scale.{technique}"]
            answer = _answer(network, technique, known) / fitted[f"code_scale.{technique}"]
            found[f"answer.{name}"] = answer.clamp(-MOST, MOST).half()
            curves = put(val[technique], case)
            code = codes(network, technique, _untold(curves))
            far, flat = _strangeness(network, technique, curves, code, case, fitted | found)
            # quantised codes of most curves are codes of training curves: no distance at all is usual
            usual = np.maximum([quantile(far, USUAL), quantile(flat, ALMOST_ALL)], 1e-6)
            either = quantile(np.maximum(far / usual[0], flat / usual[1]), USUAL)
            found[f"usual.{name}"] = torch.from_numpy(usual * either)
    return found


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


class Encoded(NamedTuple):
    """Curves of one technique as the model understands them.

    Parameters
    ----------
    code : Code
        Posterior of their codes, each (samples, latent).
    mask : Tensor, shape (samples, q)
        1 where measured.
    novelty : Novelty
        How unusual they are.
    """

    code: Code
    mask: Tensor
    novelty: Novelty


def encoded(network: PairVAE, technique: Technique, curves: Batch, calibration: dict[str, Tensor]) -> Encoded:
    """Codes of curves, and how unusual they are.

    Parameters
    ----------
    curves : dict of Tensor
        As `as_tensors` gives them.
    calibration : dict of Tensor
        From `fit_references`, `fit_novelty` and `fit_bands`.
    """
    code = posterior(network, technique, curves)
    strange = unlike(network, technique, curves, calibration, None if network.of(technique).covariates else code.mean)
    place = nearest_situation(curves["mask"], calibration[f"gaps.{technique}"])
    worse = np.array([float(calibration[f"worse.{technique}.{case.name}"]) for case in _cases(network, technique)])
    return Encoded(code, curves["mask"], Novelty(strange, worse[place] / WORSE))


def unlike(
    network: PairVAE,
    technique: Technique,
    curves: Batch,
    calibration: dict[str, Tensor],
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
    calibration : dict of Tensor
        From `fit_references` and `fit_novelty`.
    code : Tensor, shape (samples, latent), optional
        Mean codes of the curves, told no covariates, where they are known already.
    """
    code = codes(network, technique, _untold(curves)) if code is None else code
    cases = _cases(network, technique)
    place = [cases[i] for i in nearest_situation(curves["mask"], calibration[f"gaps.{technique}"])]
    found = np.empty(len(place))
    for case in set(place):
        rows = [i for i, one in enumerate(place) if one == case]
        strange = _strangeness(network, technique, take(curves, rows), code[rows], case, calibration)
        found[rows] = (strange / calibration[f"usual.{technique}.{case.name}"].numpy()[:, None]).max(axis=0)
    return found


def _strangeness(
    network: PairVAE,
    technique: Technique,
    curves: Batch,
    code: Tensor,
    case: Situation,
    calibration: dict[str, Tensor],
) -> Array:
    """Distance of code and answer from the training curves, and flatness of the curve, shape (2, samples)."""
    name, scale = f"{technique}.{case.name}", calibration[f"code_scale.{technique}"]
    asked = torch.cat([code / scale, _answer(network, technique, code) / scale], dim=1)
    known = torch.cat([calibration[f"reference.{name}"], calibration[f"answer.{name}"]], dim=1)
    return np.stack([distance_in_spread(asked, known), flatness(curves)])


def _answer(network: PairVAE, technique: Technique, code: Tensor) -> Tensor:
    """Codes (samples, latent) of the partners predicted from codes, of which no covariate is told."""
    target = other(technique)
    untold = torch.zeros(len(code), sum(covariate.width for covariate in network.of(target).covariates))
    partner = torch.from_numpy(predict(network, f"{target}_from_{technique}", code, untold).log_intensity).float()
    return codes(network, target, {"log_intensity": partner, "mask": torch.ones_like(partner), "covariates": untold})


def flatness(curves: Batch) -> Array:
    """1/χ of a curve against the constant that fits it best: 1 for pure background, small for a strong signal."""
    log_intensity, log_sigma, mask = (curves[name].double() for name in ("log_intensity", "log_sigma", "mask"))
    weight = mask / log_sigma.clamp(min=1e-4) ** 2
    level = (weight * log_intensity).sum(dim=1, keepdim=True) / weight.sum(dim=1, keepdim=True)
    chi = ((weight * (log_intensity - level) ** 2).sum(dim=1) / mask.sum(dim=1)).sqrt()
    return (1 / chi.clamp(min=1e-3)).numpy()


def _cases(network: PairVAE, technique: Technique) -> list[Situation]:
    """Those of unknown covariates, where there are any: a judgement of the curve alone."""
    return situations(told=not network.of(technique).covariates)


def _untold(curves: Batch) -> Batch:
    return {**curves, "covariates": torch.zeros_like(curves["covariates"])}
