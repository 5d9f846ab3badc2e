"""One technique's curves from the other's, with a band and a novelty score."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import overload

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pairvae.errors import ReadError, UserError
from pairvae.formats.read import read_settings
from pairvae.formats.read_options import NO_OPTIONS, ReadOptions
from pairvae.formats.write import ENDINGS, Format, write_curve
from pairvae.jobs.progress import tracked
from pairvae.models.predict import Array, predict
from pairvae.samples.measured_samples import MeasuredSample, output_names
from pairvae.scattering.spectrum import Curve, Spectrum, Technique, other
from pairvae.techniques import ends
from pairvae.trust.bands import Band
from pairvae.trust.novelty import Encoded
from pairvae.use.arguments import Covariates, Curves, check_technique, curves_by_sample, whole_number
from pairvae.use.calibrated_model import CalibratedModel
from pairvae.use.inputs import Inputs
from pairvae.use.prediction import Prediction, about_sigma, band_sigma


@overload
def translate(
    model: CalibratedModel,
    spectra: Spectrum,
    to: Technique,
    covariates: Covariates = None,
    draws: int = 0,
    seed: int = 0,
    joint: bool = False,
) -> Prediction: ...


@overload
def translate(
    model: CalibratedModel,
    spectra: Sequence[Spectrum | Sequence[Spectrum]],
    to: Technique,
    covariates: Covariates = None,
    draws: int = 0,
    seed: int = 0,
    joint: bool = False,
) -> list[Prediction]: ...
def translate(
    model: CalibratedModel,
    spectra: Curves,
    to: Technique,
    covariates: Covariates = None,
    draws: int = 0,
    seed: int = 0,
    joint: bool = False,
) -> Prediction | list[Prediction]:
    """Predict what the other technique would measure of the same sample.

    Parameters
    ----------
    spectra : Spectrum or sequence
        Measured by the other technique; thousands at once are computed in batches. A sample that was measured in
        several settings of one instrument is a sequence of Spectrum within the sequence.
    to : {"saxs", "sans"}
        Technique to predict.
    covariates : mapping or sequence of mappings, optional
        Facts of all samples, or of each, that the model was trained with; those not given are unknown.
    draws, seed : int
        Draws from the posterior of the code to add to each prediction, and the seed of their random numbers.
    joint : bool
        A wider band, which holds the whole curve with the promised probability, not each of its points.

    Returns
    -------
    Prediction or list of Prediction

    Raises
    ------
    UserError
        Something else than spectra is given; a spectrum is of the target technique, lies outside of the model's q
        grid, or has an arbitrary intensity scale; a covariate is unknown to the model; draws are negative.

    Examples
    --------
    >>> sans = model.translate(saxs, to="sans", covariates={"d2o_fraction": 0.42})
    >>> sans.q, sans.intensity, sans.lower, sans.upper, sans.novelty
    """
    check_technique("translate: to", to)
    draws, seed = whole_number("translate: draws", draws, 0), whole_number("translate: seed", seed, 0)
    samples = curves_by_sample(spectra)
    if not samples:
        return []
    source = other(to)
    curves, table = model.tensors(spectra, source, covariates)
    known_covariates = model.covariates(to, table)
    encoded = model.encoded(source, curves)
    path = f"{to}_from_{source}"
    shape = model.bands(path, encoded, known_covariates, joint)
    of_points = model.bands(path, encoded, known_covariates) if joint else shape
    (band, of_points), in_inverse_cm = _at_scale(model, path, (shape, of_points), encoded, known_covariates)
    middle, lower, upper = (10**log for log in band)
    half_shape = 10 ** (shape.upper - shape.middle)
    sigma = band_sigma(middle, 10**of_points.lower, 10**of_points.upper, model.coverage)  # whatever the band holds
    drawn = _draws(model, path, encoded, known_covariates, draws, seed)
    drawn = drawn * 10 ** (band.middle - shape.middle)[None, :, :1] if draws else drawn
    predictions = [
        Prediction(
            technique=to,
            q=model.q(to),
            intensity=middle[i],
            lower=lower[i],
            upper=upper[i],
            sigma=sigma[i],
            coverage=model.coverage,
            novelty=float(encoded.novelty.score[i]),
            sample=settings[0].sample,
            source=" + ".join(curve.source.file for curve in settings),
            draws=drawn[:, i] if draws else None,
            intensity_unit="1/cm" if in_inverse_cm[i] else "arbitrary",
            joint=joint,
            shape_lower=middle[i] / half_shape[i],
            shape_upper=middle[i] * half_shape[i],
        )
        for i, settings in enumerate(samples)
    ]
    return predictions[0] if isinstance(spectra, Spectrum) else predictions


def _at_scale(
    model: CalibratedModel, path: str, bands: Sequence[Band], source: Encoded, covariates: Tensor
) -> tuple[list[Band], npt.NDArray[np.bool_]]:
    """Bands in 1/cm as far as a scale is known, and for which samples it is."""
    samples = len(source.code.mean)
    if model.intensity_unit(ends(path)[0]) == "1/cm":
        return list(bands), np.ones(samples, np.bool_)
    known = np.zeros(samples, np.bool_)
    scaled: list[Band] = []
    for band in bands:
        absolute = model.in_inverse_cm(path, band, source, covariates)
        if absolute is None:
            scaled.append(band)
            continue
        known |= np.isfinite(absolute.middle).all(axis=1)
        scaled.append(Band(*(np.where(known[:, None], a, b) for a, b in zip(absolute, band, strict=True))))
    return scaled, known


def _draws(model: CalibratedModel, path: str, source: Encoded, covariates: Tensor, draws: int, seed: int) -> Array:
    """Intensities of codes drawn from the posterior, shape (draws, samples, q)."""
    generator = torch.Generator().manual_seed(seed)
    code, spread = source.code, torch.exp(0.5 * source.code.logvar)
    drawn = []
    for _ in range(draws):
        z = code.mean + spread * torch.randn(code.mean.shape, generator=generator)
        drawn.append(10 ** predict(model.network, path, z, covariates, source.curve).log_intensity)
    return np.array(drawn)


def translate_files(
    inputs: Inputs,
    model: CalibratedModel,
    to: Technique,
    output: Path,
    format: Format = "nxcansas",
    q_like: Path | None = None,
    draws: int = 0,
    seed: int = 0,
    joint: bool = False,
    of_q_like: ReadOptions = NO_OPTIONS,
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
    of_q_like : ReadOptions
        What `q_like` does not say.

    Raises
    ------
    UserError
        A file cannot be read or predicted, two inputs would write the same file, or a covariate is not NAME=VALUE.
    """
    source = other(to)
    like = None if q_like is None else _q_of(q_like, replace(of_q_like, technique=to))
    if q_like is None and of_q_like.stated:
        raise UserError(f"{of_q_like.prefix}…: states what the file --q-like does not say, which is missing; name it")
    samples = inputs.samples(source, model, partners=True)
    paths = output_names([sample.name for sample in samples], output, f"{to}.{ENDINGS[format]}")
    inputs.spare(paths, samples)
    curves, covariates = [sample.curves[source] for sample in samples], [sample.covariates for sample in samples]
    predictions = translate(model, curves, to, covariates, draws, seed, joint)
    distances = [_distance(prediction, sample, model) for prediction, sample in zip(predictions, samples, strict=True)]
    if like is not None:
        predictions = [prediction.on(like) for prediction in predictions]
    for name in (covariate.name for covariate in model.network.of(source).covariates):
        if not any(name in given for given in covariates):
            print(f"{name} was not said: taken as unknown")
    for path, prediction, distance in zip(tracked(paths, "write", len(paths)), predictions, distances, strict=True):
        left_out = 0 if like is None else like.size - prediction.q.size
        on_q = f"on the q of {q_like}; {left_out} of them lie outside of the model's grid, left out" if q_like else ""
        _write(prediction, path, format, on_q)
        print(f"{path}: {prediction.novelty_summary}{distance}")


def _q_of(file: Path, options: ReadOptions) -> Curve:
    """All q of a file, of its detector settings together."""
    try:
        return np.unique(np.concatenate([setting.q for setting in read_settings(file, options)]))
    except ReadError as error:
        raise UserError(options.addressed(str(error))) from None


def _distance(prediction: Prediction, sample: MeasuredSample, model: CalibratedModel) -> str:
    """How far a prediction and the measured partner lie apart, in words; nothing where there is no partner."""
    partner = sample.curves.get(prediction.technique)
    if not partner:
        return ""
    try:
        measured = model.gridded([partner], prediction.technique)
    except UserError as error:
        table = ReadOptions(prediction.technique, said_in="manifest")  # nothing else names a partner
        return f"; not compared: {table.addressed(str(error))}"
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


def _write(prediction: Prediction, path: Path, format: Format, on_q: str) -> None:
    held = "whole measured curves" if prediction.joint else "measured points"
    notes = [
        f"{prediction.technique} predicted by PairVAE from {prediction.source}",
        f"lower and upper: band that covers {prediction.coverage:.0%} of {held}",
        prediction.novelty_note,
    ]
    if prediction.intensity_unit == "arbitrary":
        notes.append("relative intensities: the model knows this technique up to a factor")
    if prediction.draws is not None:
        notes.append("draw: curves of other codes that the input may mean, without noise and before calibration")
    if on_q:
        notes.append(on_q)
    curve = prediction.spectrum(path.name.split(".")[0], tuple(notes))
    band, about = (prediction.lower, prediction.upper), about_sigma(prediction.coverage, prediction.joint)
    write_curve(path, curve, format, band, draws=prediction.draws, about_sigma=about)
