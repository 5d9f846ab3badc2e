"""How well a SAXS and a SANS curve go together: three measures of a pair, and what is usual for true pairs.

A pair is measured by the misfit of the SANS curve to its prediction from the SAXS curve, the same the other way
round, and the distance of the two codes. Each is divided by its 95 % quantile on training pairs.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pairvae.models.pairvae import PairVAE
from pairvae.models.predict import Array, codes, misfit, predict_beside
from pairvae.models.source_path import SourceCurve
from pairvae.models.tensors import Batches
from pairvae.techniques import CROSS_PATHS, TECHNIQUES, Technique, ends
from pairvae.trust.calibration import Consistency
from pairvae.trust.missing import covariates_known

MEASURES = (*CROSS_PATHS, "codes")  # the order of the columns
USUAL = 0.95  # share of the training pairs below 1 in each measure


def fit_consistency(network: PairVAE, train: Batches, val: Batches) -> Consistency:
    """Learn what is usual from training pairs, and how often which score is exceeded from validation pairs.

    Parameters
    ----------
    train, val : mapping
        True pairs by technique, as `as_tensors` gives them.
    """
    code = {t: codes(network, t, train[t]).double() for t in TECHNIQUES}
    difference = code["saxs"] - code["sans"]
    scatter = difference.T @ difference / len(difference)  # partners' codes differ by 0 on average
    scatter += 1e-3 * scatter.diagonal().mean() * torch.eye(len(scatter), dtype=scatter.dtype)
    in_own_units = torch.ones(len(MEASURES), dtype=torch.float64)
    fitted = Consistency(torch.linalg.inv(scatter), in_own_units, scores=torch.empty(0), scores_untold=torch.empty(0))
    usual = np.quantile(pair_measures(network, train, fitted), USUAL, axis=0)
    fitted = replace(fitted, usual=torch.from_numpy(usual))
    scores = strangeness(pair_measures(network, val, fitted))[_all_covariates_known(network, val)]
    hidden = {t: batch | {"covariates": torch.zeros_like(batch["covariates"])} for t, batch in val.items()}
    untold = strangeness(pair_measures(network, hidden, fitted))
    return replace(fitted, scores=torch.from_numpy(np.sort(scores)), scores_untold=torch.from_numpy(np.sort(untold)))


def pair_measures(
    network: PairVAE,
    pairs: Batches,
    fitted: Consistency,
    code: Mapping[Technique, Tensor] | None = None,
) -> Array:
    """The three measures of pairs, shape (pairs, 3) in the order of `MEASURES`, in units of what is usual.

    Parameters
    ----------
    pairs : mapping
        Curves by technique; row i of one is asked to belong to row i of the other.
    fitted : Consistency
        From `fit_consistency`.
    code : mapping, optional
        Mean codes (pairs, latent) by technique where they have been computed.
    """
    code = code or {t: codes(network, t, pairs[t]) for t in TECHNIQUES}
    columns = []
    for path in CROSS_PATHS:
        target, source = ends(path)
        predicted = predict_beside(network, path, code[source], pairs[target], SourceCurve.of(pairs[source]))
        columns.append(misfit(pairs[target], predicted))
    columns.append(whitened(code["saxs"] - code["sans"], fitted).norm(dim=1).numpy())
    usual: Array = fitted.usual.numpy()
    return np.stack(columns, axis=1) / usual


def whitened(code: Tensor, fitted: Consistency) -> Tensor:
    """Codes (…, latent) in coordinates in which the codes of true pairs differ by a unit normal in each direction."""
    factor: Tensor = torch.linalg.cholesky(fitted.precision)
    return code.double() @ factor


def strangeness(measures: Array) -> Array:
    """How unlike a true pair, shape (pairs,): the largest of the three measures."""
    largest: Array = measures.max(axis=1)
    return largest


def likeness(measures: Array) -> Array:
    """Log-likelihood of a pair up to a factor, shape (pairs,): −Σ ln(measure).

    Each misfit enters as the Gaussian log-likelihood per point at the scale of the error that suits best, as in the
    losses (Rybkin et al., ICML 2021, eq. 6): no absolute size of the errors has to be believed.
    """
    log_likelihood: Array = -np.log(np.maximum(measures, 1e-12)).sum(axis=1)
    return log_likelihood


def p_values(network: PairVAE, pairs: Batches, measures: Array, fitted: Consistency) -> Array:
    """Share of true pairs that look as strange or stranger, shape (pairs,).

    Conformal: (1 + number of validation scores ≥ score) / (1 + number of validation scores), so that of new true
    pairs at most a share α has p ≤ α. Pairs with an unknown covariate are compared with validation pairs without
    covariates, which look stranger, too.

    Parameters
    ----------
    pairs, measures, fitted
        As `pair_measures` takes and gives them.

    References
    ----------
    Vovk, Gammerman and Shafer, Algorithmic learning in a random world (2005), eq. 2.20.
    """
    score = strangeness(measures)
    with_covariates, without = (conformal(score, scores.numpy()) for scores in (fitted.scores, fitted.scores_untold))
    return np.where(_all_covariates_known(network, pairs), with_covariates, without)


def conformal(score: Array, usual: Array) -> Array:
    """(1 + number of usual scores ≥ score) / (1 + number of usual scores), shape (pairs,); usual scores ascend."""
    return (1 + usual.size - np.searchsorted(usual, score, side="left")) / (1 + usual.size)


def _all_covariates_known(network: PairVAE, pairs: Batches) -> npt.NDArray[np.bool_]:
    """Whether every covariate of a pair is known, shape (pairs,)."""
    known = [covariates_known(batch["covariates"], network.of(t).covariates) for t, batch in pairs.items()]
    return torch.stack(known).all(dim=0).numpy()
