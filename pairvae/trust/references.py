"""Codes of training curves, kept with the model: what later curves are compared with."""

import torch
from torch import Tensor

from pairvae.models.pairvae import PairVAE
from pairvae.models.predict import codes
from pairvae.models.tensors import Batch, Batches, take
from pairvae.scattering.spectrum import TECHNIQUES, Technique
from pairvae.settings import Calibrate
from pairvae.trust.calibration import References
from pairvae.trust.missing import Situation, gaps, put, situations
from pairvae.trust.neighbours import Neighbours, nearest

LEAST_SCALE = 0.01  # of a component of the code, in units of the largest standard deviation of one


def fit_references(network: PairVAE, train: Batches, val: Batches, settings: Calibrate) -> dict[Technique, References]:
    """Codes of training curves in every situation, in units of their standard deviation.

    Parameters
    ----------
    train, val : mapping of dict of Tensor
        Pairs as `paired_tensors` gives them.
    settings : Calibrate
        How many curves are kept.
    """
    fitted: dict[Technique, References] = {}
    for technique in TECHNIQUES:
        deviation = codes(network, technique, train[technique]).std(dim=0).nan_to_num()
        # a component that says nothing shall not be blown up to the size of the others
        scale = deviation.clamp(min=max(LEAST_SCALE * float(deviation.max()), 1e-6))
        typical = [gaps(put(val[technique], case)["mask"]).mean(dim=0) for case in situations(with_covariates=True)]
        reference: dict[Situation, Tensor] = {}
        for case in every_situation(network, technique):
            count = settings.references_of_parts if case.hidden else settings.references
            curves = put(reference_curves(train[technique], count), case)
            reference[case] = (codes(network, technique, curves) / scale).half()
        fitted[technique] = References(scale, torch.stack(typical), reference)
    return fitted


def every_situation(network: PairVAE, technique: Technique) -> list[Situation]:
    """With covariates and, where there are any, without."""
    without = situations(with_covariates=False) if network.of(technique).covariates else []
    return situations(with_covariates=True) + without


def reference_curves(train: Batch, count: int) -> Batch:
    """The training curves whose codes are kept, at most `count`: of the same samples for both techniques."""
    order = torch.randperm(len(train["mask"]), generator=torch.Generator().manual_seed(0))
    return take(train, order[:count])


def nearest_references(references: References, case: Situation, code: Tensor, count: int) -> Neighbours:
    """Rows of `reference_curves` whose codes are nearest to codes (samples, latent).

    Parameters
    ----------
    references : References
        Of the technique that measured the curves.
    case : Situation
        Which points and covariates are missing.
    code : Tensor, shape (samples, latent)
        Mean codes.
    count : int
        Neighbours per sample.
    """
    return nearest(code / references.code_scale, references.reference[case], count)
