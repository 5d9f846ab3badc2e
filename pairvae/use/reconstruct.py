"""Curves through their own technique's network: denoised, with what was not measured filled in."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from pairvae.progress import tracked
from pairvae.scattering.measured_samples import output_names
from pairvae.scattering.spectrum import Curve, Spectrum, Technique
from pairvae.scattering.write import ENDINGS, Format, write_curve
from pairvae.use.arguments import Covariates, Curves, check_technique, settings_of
from pairvae.use.calibrated_model import CalibratedModel
from pairvae.use.inputs import Inputs
from pairvae.use.prediction import about_sigma, band_sigma


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """A curve as its own technique's network understands it.

    Parameters
    ----------
    technique : {"saxs", "sans"}
        What measured it.
    q : array, shape (points,)
        In 1/Å, the technique's grid.
    intensity, lower, upper : array, shape (points,)
        Denoised curve and the calibrated band of a measurement, in 1/cm.
    sigma : array, shape (points,)
        One standard deviation of a measurement, as in `Prediction`.
    measured : array of bool, shape (points,)
        False: filled in; bands are those of curves with such a q range hidden.
    coverage : float
        Share of measured points that the band covers.
    novelty : float
        Above 1 the network does not know such curves: do not use its reconstruction.
    sample, source : str
        Sample and file of the curve.
    intensity_unit : {"1/cm", "arbitrary"}
        "arbitrary" where the model is scale-free for this technique: the curve is known up to a factor.
    """

    technique: Technique
    q: Curve
    intensity: Curve
    lower: Curve
    upper: Curve
    sigma: Curve
    measured: npt.NDArray[np.bool_]
    coverage: float
    novelty: float
    sample: str
    source: str
    intensity_unit: Literal["1/cm", "arbitrary"] = "1/cm"


def reconstruct(
    model: CalibratedModel, spectra: Curves, technique: Technique, covariates: Covariates = None
) -> list[Reconstruction]:
    """Denoise curves and fill in the q range that was not measured.

    Parameters
    ----------
    spectra : Spectrum or sequence
        As in `translate`.
    technique : {"saxs", "sans"}
        What measured them.
    covariates : mapping or sequence of mappings, optional
        As in `translate`.

    Raises
    ------
    UserError
        As `translate`.

    Examples
    --------
    >>> (again,) = model.reconstruct(saxs, technique="saxs")
    >>> again.q[~again.measured], again.intensity[~again.measured]
    """
    check_technique("technique", technique)
    samples = settings_of(spectra)
    curves, table = model.tensors(spectra, technique, covariates)
    read, known = model.encoded(technique, curves), model.covariates(technique, table)
    middle, lower, upper = (10**log for log in model.bands(f"{technique}_from_{technique}", read, known))
    sigma = band_sigma(middle, lower, upper, model.coverage)
    measured = curves["mask"].numpy() > 0
    return [
        Reconstruction(
            technique=technique,
            q=model.q(technique),
            intensity=middle[i],
            lower=lower[i],
            upper=upper[i],
            sigma=sigma[i],
            measured=measured[i],
            coverage=model.coverage,
            novelty=float(read.novelty.score[i]),
            sample=settings[0].sample,
            source=" + ".join(one.source.file for one in settings),
            intensity_unit="arbitrary" if model.network.of(technique).scale_free else "1/cm",
        )
        for i, settings in enumerate(samples)
    ]


def reconstruct_files(
    inputs: Inputs, model: CalibratedModel, technique: Technique, output: Path, format: Format = "nxcansas"
) -> None:
    """Reconstruct every curve of one technique; one file `<name>.<technique>.h5` (or .csv) per curve.

    Parameters
    ----------
    inputs : Inputs
        Files or samples.csv.
    output : Path
        Folder of the reconstructions.
    format : {"nxcansas", "csv"}
        Format of the files.

    Raises
    ------
    UserError
        As `Inputs.samples` and `reconstruct`; nothing is written then.
    """
    samples = inputs.samples(technique, model)
    paths = output_names([one.name for one in samples], output, f"{technique}.{ENDINGS[format]}")
    inputs.spare(paths, samples)
    curves, covariates = [one.curves[technique] for one in samples], [one.covariates for one in samples]
    found = reconstruct(model, curves, technique, covariates)
    for path, one in zip(tracked(paths, "write", len(paths)), found, strict=True):
        notes = (
            f"reconstructed by PairVAE from {one.source}",
            f"band covers {one.coverage:.0%}; measured 0: filled in where the curve had no usable point",
            f"novelty {one.novelty:.3f} (above 1: unlike the training data)",
        )
        curve = Spectrum(
            q=one.q,
            intensity=one.intensity,
            sigma=one.sigma,
            technique=technique,
            sample=one.sample or path.name.split(".")[0],
            intensity_unit=one.intensity_unit,
        )
        extra = {"measured": one.measured.astype(np.float64)}
        band, about = (one.lower, one.upper), about_sigma(one.coverage)
        write_curve(path, replace(curve, notes=notes), format, band, extra, about_sigma=about)
        guess = " (unlike the training data: a guess)" if one.novelty > 1 else ""
        print(
            f"{path}: novelty {one.novelty:.2f}{guess}; {int((~one.measured).sum())} of {one.q.size} points filled in"
        )
