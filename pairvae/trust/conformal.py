"""Split-conformal calibration: limits that new samples keep as often as promised, from samples that did not train.

MAPIE does not replace this: it wraps a scikit-learn estimator of a single output, and these are scores by q with points
that were not measured, pooled over neighbours in q.
"""

import numpy as np

from pairvae.models.predict import Array

ENOUGH = 400  # scores behind each q point's factor; neighbours in q lend theirs where samples are few


def quantile(score: Array, coverage: float) -> float:
    """The ⌈(n + 1)·coverage⌉-th smallest of n finite scores, the largest where that is more than n."""
    finite = np.sort(score[np.isfinite(score)])
    return float(finite[min(int(np.ceil((finite.size + 1) * coverage)), finite.size) - 1])


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
    return np.array([quantile(scores if np.isfinite(scores).any() else score, coverage) for scores in near])
