"""Codes of training curves, kept with the model: what later curves are compared with."""

import torch
from torch import Tensor

from pairvae.models.pairvae import PairVAE
from pairvae.models.predict import codes
from pairvae.models.tensors import Batch, Batches, take
from pairvae.scattering.spectrum import TECHNIQUES, Technique
from pairvae.trust.missing import Situation, gaps, put, situations
from pairvae.trust.neighbours import Found, nearest

REFERENCES = 10_000  # training samples kept of whole curves
FEWER = 2_000  # … and training and validation samples for each place and share of a hidden q range
LEAST_SCALE = 0.01  # of a component of the code, in units of the largest standard deviation of one


def fit_references(network: PairVAE, train: Batches, val: Batches) -> dict[str, Tensor]:
    """Codes of training curves in every situation, in units of their standard deviation.

    Parameters
    ----------
    train, val : mapping of dict of Tensor
        Pairs as `paired_tensors` gives them.

    Returns
    -------
    dict of Tensor
        code_scale.<technique> (latent,), gaps.<technique> (situations, 3) as `nearest_situation` asks for them, and
        reference.<technique>.<situation> (references, latent), float16.
    """
    fitted: dict[str, Tensor] = {}
    for technique in TECHNIQUES:
        spread = codes(network, technique, train[technique]).std(dim=0).nan_to_num()
        # a component that says nothing shall not be blown up to the size of the others
        scale = spread.clamp(min=max(LEAST_SCALE * float(spread.max()), 1e-6))
        fitted[f"code_scale.{technique}"] = scale
        typical = [gaps(put(val[technique], one)["mask"]).mean(dim=0) for one in situations(told=True)]
        fitted[f"gaps.{technique}"] = torch.stack(typical)
        for case in every_situation(network, technique):
            curves = put(kept(train[technique], case), case)
            fitted[f"reference.{technique}.{case.name}"] = (codes(network, technique, curves) / scale).half()
    return fitted


def every_situation(network: PairVAE, technique: Technique) -> list[Situation]:
    """With covariates and, where there are any, without."""
    return situations(told=True) + (situations(told=False) if network.of(technique).covariates else [])


def kept(train: Batch, case: Situation) -> Batch:
    """The training curves whose codes are kept for a situation: of the same samples for both techniques."""
    order = torch.randperm(len(train["mask"]), generator=torch.Generator().manual_seed(0))
    return take(train, order[: FEWER if case.hidden else REFERENCES])


def nearest_kept(
    calibration: dict[str, Tensor], technique: Technique, case: Situation, code: Tensor, count: int
) -> Found:
    """Rows of `kept` whose codes are nearest to codes (samples, latent)."""
    asked = code / calibration[f"code_scale.{technique}"]
    return nearest(asked, calibration[f"reference.{technique}.{case.name}"], count)
