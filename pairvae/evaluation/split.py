"""The test split, loaded and predicted once: what all metrics are computed from."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Literal

import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd

from pairvae.evaluation.predictions_file import BASELINES
from pairvae.evaluation.scores import ScoredCurves
from pairvae.models.predict import Array, free_scale
from pairvae.models.tensors import Batches, paired_tensors
from pairvae.prepare.normalize import grid_curves
from pairvae.prepare.pair import complete_pairs, read_pairs, rows_of
from pairvae.prepare.spectra_file import Spectra, load_spectra
from pairvae.scattering.curves_file import CurvesFile
from pairvae.settings import Normalize
from pairvae.techniques import CROSS_PATHS, PATHS, TECHNIQUES, Technique, ends
from pairvae.trust.bands import Band
from pairvae.trust.novelty import Encoded
from pairvae.use.calibrated_model import CalibratedModel


@dataclass(frozen=True, eq=False)
class TestSplit:
    """The pairs of the test split, and what a model and the baselines predict for them.

    Parameters
    ----------
    model : CalibratedModel
        Makes the predictions.
    files : mapping of Path
        Spectra of all splits by technique.
    pairs : Path
        The pairs file.
    samples : DataFrame
        All rows of the pairs file.
    table : DataFrame
        The complete pairs of the test split.
    measured : mapping of Spectra
        Their curves by technique.
    truth : mapping of array, shape (pairs, q)
        Noise-free log10 I by technique; empty where it is unknown.
    tensors : mapping
        The curves as the networks see them.
    encoded : mapping of Encoded
        The curves as the model understands them.
    bands, joint_bands : mapping of Band
        Predictions by path: bands of each point, and bands of whole curves.
    baselines : mapping of mapping of array, shape (pairs, q)
        log10 I by baseline and cross path.
    """

    model: CalibratedModel
    files: Mapping[Technique, Path]
    pairs: Path
    samples: pd.DataFrame
    table: pd.DataFrame
    measured: Mapping[Technique, Spectra]
    truth: Mapping[Technique, Array]
    tensors: Batches
    encoded: Mapping[Technique, Encoded]
    bands: Mapping[str, Band]
    joint_bands: Mapping[str, Band]
    baselines: Mapping[str, Mapping[str, Array]]

    @property
    def material(self) -> npt.NDArray[np.str_]:
        """Of each pair; "" where unknown."""
        return self.table["material"].fillna("").to_numpy(str)

    @property
    def reference(self) -> Literal["truth", "measured"]:
        """What errors are counted against first."""
        return "truth" if self.truth else "measured"

    def curves(self, technique: Technique, rows: slice = slice(None)) -> ScoredCurves:
        """What predictions of a technique are scored against."""
        return ScoredCurves(self.measured[technique], self.truth.get(technique), rows)


def load_test_split(
    model: CalibratedModel,
    files: Mapping[Technique, Path],
    pairs: Path,
    baselines: Path,
    truth: Mapping[Technique, Path] | None,
) -> TestSplit:
    """Read the test split and predict it along all four paths.

    Predicted and noise-free curves are brought to the scale of the measured ones where a technique has none.

    Parameters
    ----------
    model : CalibratedModel
        Of the run.
    files : mapping of Path
        Gridded curves by technique.
    pairs : Path
        The split.
    baselines : Path
        Predictions of the baselines.
    truth : mapping of Path, optional
        Noise-free curves files of simulated samples.
    """
    samples = read_pairs(pairs)
    table = complete_pairs(samples, "test")
    measured = {t: load_spectra(file, rows_of(table, t)) for t, file in files.items()}
    tensors = paired_tensors(files["saxs"], files["sans"], pairs, model.network, "test")
    encoded = {t: model.encoded(t, tensors[t]) for t in TECHNIQUES}

    def at_scale(technique: Technique, *curves: Array) -> list[Array]:
        """Curves at the scale of the measured ones, fitted to the first."""
        shift = free_scale(model.network, technique, curves[0], tensors[technique])
        return [curve + shift for curve in curves]

    exact = {t: gridded_truth(truth[t], measured[t], model.gridding[t]) for t in TECHNIQUES} if truth else {}
    exact = {t: at_scale(t, curves)[0] for t, curves in exact.items()}
    bands: dict[str, Band] = {}
    joint_bands: dict[str, Band] = {}
    for path in PATHS:
        target, source = ends(path)
        for which, joint in ((bands, False), (joint_bands, True)):
            band = model.bands(path, encoded[source], tensors[target]["covariates"], joint)
            which[path] = Band(*at_scale(target, *band))
    with h5py.File(baselines, "r") as file:
        guesses = {
            name: {
                path: at_scale(ends(path)[0], file[f"{name}/{path}"][:].astype(np.float64))[0] for path in CROSS_PATHS
            }
            for name in BASELINES
        }
    return TestSplit(
        model, files, pairs, samples, table, measured, exact, tensors, encoded, bands, joint_bands, guesses
    )


def gridded_truth(path: Path, measured: Spectra, gridding: Normalize) -> Array:
    """Noise-free log10 I of the test samples on the grid of the measured ones.

    Parameters
    ----------
    path : Path
        Table of noise-free curves.
    measured : Spectra
        Curves whose samples, order and grid are wanted.
    gridding : Normalize
        Settings with which the measured curves were brought to the grid.

    Returns
    -------
    array, shape (samples, q)
        NaN where nothing is known.
    """
    rows = {sample: row for row, sample in enumerate(measured.sample_id)}
    exact = np.full(measured.log_intensity.shape, np.nan)
    with CurvesFile(path) as table:
        for sample, group in groupby(table, attrgetter("sample")):
            if sample in rows:
                exact[rows[sample]] = grid_curves(list(group), measured.q, gridding).log_intensity
    return exact
