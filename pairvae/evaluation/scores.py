"""Errors of predicted curves against measured ones and, where it is known, the truth."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pairvae.models.predict import Array
from pairvae.prepare.spectra_file import Spectra

THIRDS = 3  # of the q range, scored apart
NOISE_LEVELS = 4  # groups of equal size in which denoising is measured
Rows = npt.NDArray[np.int64] | slice


class ScoredCurves:
    """Test curves of one technique: what was measured and, where known, what is true.

    Parameters
    ----------
    measured : Spectra
        Noisy curves.
    truth : array, shape (samples, q), optional
        Noise-free log10 I; NaN where not measured.
    rows : array or slice, optional
        Of these samples alone.
    """

    def __init__(self, measured: Spectra, truth: Array | None, rows: Rows = slice(None)) -> None:
        self.mask = measured.mask[rows]
        self.measured = measured.log_intensity[rows].astype(np.float64)
        self.sigma = measured.log_sigma[rows].astype(np.float64)
        self.truth = None if truth is None else truth[rows]

    def rmse(self, guess: Array, measured: bool = False) -> Array:
        """RMSE of log10 I over the measured q of each sample, against the truth where it is known."""
        reference = self.measured if measured or self.truth is None else self.truth
        mean_square: Array = np.nanmean(np.where(self.mask, guess - reference, np.nan) ** 2, axis=1)
        return np.sqrt(mean_square)

    def coverage_of_curves(self, lower: Array, upper: Array, rows: Rows = slice(None)) -> float:
        """Share of the curves that lie inside of a band at every measured q.

        Parameters
        ----------
        lower, upper : array, shape (samples, q)
            Ends of the band, log10 I.
        rows : array or slice, optional
            Score these samples only.
        """
        outside = self.mask & ((self.measured < lower) | (self.measured > upper))
        return float(1 - outside[rows].any(axis=1).mean())

    def scores(
        self, rows: Rows, guess: Array, lower: Array | None = None, upper: Array | None = None
    ) -> dict[str, Any]:
        """Errors of some samples; the names are those of metrics.json.

        Parameters
        ----------
        rows : array or slice
            Score these samples only.
        guess : array, shape (samples, q)
            Predicted log10 I of all samples.
        lower, upper : array, shape (samples, q), optional
            Ends of the band, log10 I; without them there is no χ² and no coverage.
        """
        scores: dict[str, Any] = {"samples": len(self.mask[rows])}
        for name, noisy in (("truth", False), ("measured", True)):
            if name == "truth" and self.truth is None:
                scores |= {"rmse_truth": None, "median_truth": None, "p90_truth": None}
                continue
            error = self.rmse(guess, noisy)[rows]
            scores |= {
                f"rmse_{name}": float(np.sqrt(np.mean(error**2))),
                f"median_{name}": float(np.median(error)),
                f"p90_{name}": float(np.quantile(error, 0.9)),
            }
        if lower is not None and upper is not None:
            mask = self.mask[rows]
            chi = np.where(mask, (guess - self.measured)[rows] / self.sigma[rows], np.nan)
            inside = ((self.measured >= lower) & (self.measured <= upper))[rows]
            scores |= {
                # median over samples: one sample with tiny σ would own the mean
                "reduced_chi2": float(np.median(np.nanmean(chi**2, axis=1))),
                "coverage": float(inside[mask].mean()),
                "coverage_by_third": [
                    float(hits.mean()) if hits.size else None
                    for third in np.array_split(np.arange(mask.shape[1]), THIRDS)
                    for hits in [inside[:, third][mask[:, third]]]
                ],
                "coverage_of_curves": self.coverage_of_curves(lower, upper, rows),
                "band_width_dex": float((upper - lower)[rows][mask].mean()),
            }
        return scores


def by_material(
    curves: ScoredCurves,
    material: npt.NDArray[np.str_],
    guess: Array,
    lower: Array | None = None,
    upper: Array | None = None,
) -> dict[str, Any]:
    """Scores of all test samples, and of those of each material.

    Parameters
    ----------
    curves : ScoredCurves
        Test samples.
    material : array of str, shape (samples,)
        Name of each sample's material; "" where it has none.
    guess : array, shape (samples, q)
        Predicted log10 I.
    lower, upper : array, shape (samples, q), optional
        Ends of the band, log10 I; without them there is no χ² and no coverage.
    """
    kinds = sorted(set(material) - {""})
    return {
        **curves.scores(slice(None), guess, lower, upper),
        "by_material": {kind: curves.scores(np.flatnonzero(material == kind), guess, lower, upper) for kind in kinds},
    }


def denoising(measured: Spectra, denoised: Array, truth: Array) -> list[Mapping[str, Any]]:
    """How near to the truth curves are as they were measured and as they were denoised, by noise.

    Parameters
    ----------
    measured : Spectra
        Noisy curves; points that were not measured do not count.
    denoised, truth : array, shape (samples, q)
        log10 I after the network, and without noise.

    Returns
    -------
    list of dict
        For each quarter of the samples, from few counts (large sigma) to many: `samples`, the median `sigma_dex`,
        and `rmse_measured` and `rmse_denoised` against the truth, in decades.
    """
    noise = np.nanmedian(np.where(measured.mask, measured.log_sigma, np.nan), axis=1)
    groups = np.array_split(np.argsort(-noise, kind="stable"), min(NOISE_LEVELS, len(noise)))

    def rmse(guess: npt.NDArray[np.floating[Any]], rows: npt.NDArray[np.int64]) -> float:
        off = (guess - truth)[rows][measured.mask[rows] & np.isfinite(truth[rows])]
        return float(np.sqrt(np.mean(off**2)))

    return [
        {
            "samples": len(rows),
            "sigma_dex": float(np.median(noise[rows])),
            "rmse_measured": rmse(measured.log_intensity, rows),
            "rmse_denoised": rmse(denoised, rows),
        }
        for rows in groups
    ]
