"""What the codes of the test samples know of these, and how near to the prior they lie."""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

from pairvae.evaluation.predictions_file import evenly_spaced
from pairvae.models.predict import Array
from pairvae.models.resvae import Code
from pairvae.prepare.pair import PAIR_COLUMNS

AT_MOST = 500  # samples whose codes are looked at; the time grows with samples, units and columns
COLUMNS = 12  # of samples.csv, at most
NEIGHBOURS = 3  # of the estimates, scikit-learn's default
CATEGORIES = (2, 50)  # different texts in a column that is a category; more are names


def mutual_information(code: Array, table: pd.DataFrame, seed: int = 0) -> dict[str, dict[str, Any]]:
    """Mutual information between each component of the code and each column of samples.csv, in nats.

    I(z; c) = ∫∫ p(z, c) ln [p(z, c) / p(z) p(c)], estimated from nearest neighbours.

    Parameters
    ----------
    code : array, shape (samples, latent)
        Mean codes.
    table : DataFrame
        The same samples: `material`, and every column of numbers or of 2 to 50 different texts; 12 columns at most.
    seed : int
        Of the tiny noise that breaks ties.

    Returns
    -------
    dict
        By column: `samples`, `best` (that of the component that knows most), `component` (which one, from 0), `sum`
        over the components (above what the whole code knows where several say the same), and for texts their
        `entropy`, which no component exceeds but by the estimator's noise.

    References
    ----------
    Kraskov, Stögbauer and Grassberger, Phys. Rev. E 69 (2004) 066138; Ross, PLoS ONE 9 (2014) e87357.
    """
    rows = evenly_spaced(len(code), AT_MOST)
    code, table = code[rows], table.iloc[rows]
    columns: dict[str, dict[str, Any]] = {}
    for name in ("material", *(column for column in table if column not in PAIR_COLUMNS)):
        present = table[name].notna().to_numpy()
        values = table[name].to_numpy()[present]
        if len(columns) == COLUMNS or present.sum() < 10 or len(set(values)) < 2:
            continue
        if pd.api.types.is_numeric_dtype(table[name]):
            nats = mutual_info_regression(code[present], values.astype(np.float64), random_state=seed)
            entropy = {}
        else:
            kinds = table[name].astype(str).where(table[name].notna())
            present = kinds.map(kinds.value_counts()).to_numpy() > NEIGHBOURS  # a rare text has too few of its kind
            names, label, counts = np.unique(kinds[present].to_numpy(str), return_inverse=True, return_counts=True)
            if not CATEGORIES[0] <= len(names) <= CATEGORIES[1]:
                continue
            nats = mutual_info_classif(code[present], label, discrete_features=False, random_state=seed)
            entropy = {"entropy": float(stats.entropy(counts))}
        best = int(np.argmax(nats))
        columns[str(name)] = {
            "samples": int(present.sum()),
            "best": float(nats[best]),
            "component": best,
            "sum": float(nats.sum()),
            **entropy,
        }
    return columns


def normality(code: Code, seed: int = 0) -> dict[str, Any]:
    """How far the marginals of the aggregate posterior, Σ q(z|x)/N over the samples, are from the prior N(0, 1).

    One draw of every posterior stands for it.

    Parameters
    ----------
    code : Code
        Posteriors, each (samples, latent).
    seed : int
        Of the draws.

    Returns
    -------
    dict
        By measure `median` and `worst` (largest distance from that of N(0, 1)) over the units, and `per_unit`: `mean`,
        `std`, `skewness`, `excess_kurtosis`, `kolmogorov_smirnov` (largest difference of the distribution functions)
        and `wasserstein` (∫ |F⁻¹(u) − Φ⁻¹(u)| du).

    References
    ----------
    Makhzani et al., Adversarial autoencoders, arXiv:1511.05644, on the aggregate posterior.
    """
    noise = np.random.default_rng(seed).standard_normal(code.mean.shape)
    draws = code.mean.double().numpy() + np.exp(0.5 * code.logvar.double().numpy()) * noise
    normal = stats.norm.ppf((np.arange(len(draws)) + 0.5) / len(draws))
    with np.errstate(invalid="ignore", divide="ignore"):
        measures = {
            "mean": draws.mean(axis=0),
            "std": draws.std(axis=0),
            "skewness": stats.skew(draws, axis=0),
            "excess_kurtosis": stats.kurtosis(draws, axis=0),
            "kolmogorov_smirnov": np.array([stats.kstest(unit, "norm").statistic for unit in draws.T]),
            "wasserstein": np.array([stats.wasserstein_distance(unit, normal) for unit in draws.T]),
        }
    expected = {"std": 1.0}
    return {
        name: {
            "median": float(np.median(values)),
            "worst": float(values[np.argmax(np.abs(values - expected.get(name, 0.0)))]),
            "per_unit": [float(f"{value:.4g}") for value in values],
        }
        for name, values in measures.items()
    }
