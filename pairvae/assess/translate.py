"""Files of one technique to predicted files of the other."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pairvae.assess.inputs import Inputs
from pairvae.errors import UserError
from pairvae.progress import tracked
from pairvae.scattering.measured_samples import MeasuredSample, output_names
from pairvae.scattering.read import read_spectrum
from pairvae.scattering.spectrum import Spectrum, Technique, other
from pairvae.scattering.write import ENDINGS, Format, write_curve

if TYPE_CHECKING:
    from pairvae.assess.prediction import Prediction
    from pairvae.assess.trained_model import TrainedModel


def translate_files(
    inputs: Inputs,
    model: "TrainedModel",
    to: Technique,
    output: Path,
    format: Format = "nxcansas",
    q_like: Path | None = None,
    draws: int = 0,
    seed: int = 0,
    joint: bool = False,
) -> None:
    """Predict the partner of every curve; one file `<name>.<to>.h5` (or .csv) each.

    Everything is read and predicted before the first file is written. Where a samples.csv also names the target's
    curve, the distance of prediction and measurement is said.

    Parameters
    ----------
    inputs : Inputs
        Files or samples.csv.
    to : {"saxs", "sans"}
        Technique to predict.
    output : Path
        Folder of the predictions.
    format : {"nxcansas", "csv"}
        Format of the predictions.
    q_like : Path, optional
        File of the target technique; its q are used, as far as they lie on the model's grid.
    draws, seed : int
        Draws from the posterior to add, and the seed of their random numbers.
    joint : bool
        Bands that hold whole curves.

    Raises
    ------
    UserError
        A file cannot be read or predicted, two inputs would write the same file, or a covariate is not NAME=VALUE.
    """
    source, options = other(to), inputs.options[to]
    like = None if q_like is None else read_spectrum(q_like, to, options.q_unit, options.columns)
    samples = inputs.samples(source, model, partners=True)
    paths = output_names([sample.name for sample in samples], output, f"{to}.{ENDINGS[format]}")
    inputs.spare(paths, samples)
    curves, known = [one.curves[source] for one in samples], [one.covariates for one in samples]
    predictions = model.translate(curves, to, known, draws, seed, joint)
    distances = [_distance(one, sample, model) for one, sample in zip(predictions, samples, strict=True)]
    if like is not None:
        predictions = [prediction.on(like.q) for prediction in predictions]
    for name in (one.name for one in model.network.of(source).covariates):
        if not any(name in given for given in known):
            print(f"{name} was not said: taken as unknown")
    for path, sample, prediction, distance in zip(
        tracked(paths, "write", len(paths)), samples, predictions, distances, strict=True
    ):
        _write(prediction, path, format, like)
        guess = " (unlike the training data: a guess)" if prediction.novelty > 1 else ""
        print(f"{path}: novelty {prediction.novelty:.2f}{guess}{distance}")
        for curve in sample.curves[source]:
            for note in curve.notes:
                print(f"  {curve.source.file}: {note}")


def _distance(prediction: "Prediction", sample: MeasuredSample, model: "TrainedModel") -> str:
    """How far a prediction and the measured partner lie apart, in words; nothing where there is no partner."""
    partner = sample.curves.get(prediction.technique)
    if not partner:
        return ""
    try:
        measured = model.gridded([partner], prediction.technique)
    except UserError as error:
        return f"; not compared: {error}"
    mask = measured.mask[0]
    difference = np.log10(prediction.intensity[mask]) - measured.log_intensity[0][mask]
    value = 10.0 ** measured.log_intensity[0][mask]
    if prediction.intensity_unit == "arbitrary":
        value = value * 10 ** np.mean(difference)
    inside = (value >= prediction.lower[mask]) & (value <= prediction.upper[mask])
    factor = 10 ** np.mean(difference)
    off = f"by {np.sqrt(np.mean(difference**2)):.2f} decades RMS, by {np.std(difference):.2f} after the best common"
    if prediction.intensity_unit == "arbitrary":
        off = f"by {np.std(difference):.2f} decades RMS after the free"
    return (
        f"; off the measured curve {off} factor of {factor:.3g}; "
        f"{inside.mean():.0%} of {mask.sum()} points inside the band"
    )


def _write(prediction: "Prediction", path: Path, format: Format, like: Spectrum | None) -> None:
    held = "whole measured curves" if prediction.joint else "measured points"
    notes = [
        f"{prediction.technique} predicted by PairVAE from {prediction.source}",
        f"lower and upper: band that covers {prediction.coverage:.0%} of {held}",
        f"novelty {prediction.novelty:.3f} (above 1: unlike the training data)",
    ]
    if prediction.intensity_unit == "arbitrary":
        notes.append("relative intensities: the model knows this technique up to a factor")
    if prediction.draws is not None:
        notes.append("draw: curves of other codes that the input may mean, without noise and before calibration")
    if like is not None:
        left = like.q.size - prediction.q.size
        notes.append(f"on the q of {like.source.file}; {left} of them lie outside of the model's grid, left out")
    curve = Spectrum(
        q=prediction.q,
        intensity=prediction.intensity,
        technique=prediction.technique,
        sample=prediction.sample or path.name.split(".")[0],
        intensity_unit=prediction.intensity_unit,
    )
    band = (prediction.lower, prediction.upper)
    write_curve(path, replace(curve, notes=tuple(notes)), format, band, draws=prediction.draws)
