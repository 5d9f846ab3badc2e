"""Curves through their own technique's network: denoised, with what was not measured filled in."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pairvae.formats.write import ENDINGS, Format, write_curve
from pairvae.jobs.progress import tracked
from pairvae.samples.measured_samples import output_names
from pairvae.scattering.spectrum import Technique
from pairvae.use.arguments import Covariates, Curves, check_technique, curves_by_sample
from pairvae.use.calibrated_model import CalibratedModel
from pairvae.use.inputs import Inputs
from pairvae.use.prediction import PredictedCurve, about_sigma, band_sigma


@dataclass(frozen=True, eq=False, kw_only=True)
class Reconstruction(PredictedCurve):
    """A curve as its own technique's network understands it: denoised; see `PredictedCurve`.

    Parameters
    ----------
    measured : array of bool, shape (points,)
        False: filled in; bands are those of curves with such a q range hidden.
    """

    measured: npt.NDArray[np.bool_]


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
    samples = curves_by_sample(spectra)
    curves, table = model.tensors(spectra, technique, covariates)
    encoded = model.encoded(technique, curves)
    path = f"{technique}_from_{technique}"
    middle, lower, upper = (10**log for log in model.bands(path, encoded, model.covariates(technique, table)))
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
            novelty=float(encoded.novelty.score[i]),
            sample=settings[0].sample,
            source=" + ".join(curve.source.file for curve in settings),
            intensity_unit=model.intensity_unit(technique),
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
    paths = output_names([sample.name for sample in samples], output, f"{technique}.{ENDINGS[format]}")
    inputs.spare(paths, samples)
    curves, covariates = [sample.curves[technique] for sample in samples], [sample.covariates for sample in samples]
    results = reconstruct(model, curves, technique, covariates)
    for path, result in zip(tracked(paths, "write", len(paths)), results, strict=True):
        notes = (
            f"reconstructed by PairVAE from {result.source}",
            f"band covers {result.coverage:.0%}; is_measured 0: filled in where the curve had no usable point",
            result.novelty_note,
        )
        curve = result.spectrum(path.name.split(".")[0], notes)
        extra = {"is_measured": result.measured.astype(np.float64)}
        band, about = (result.lower, result.upper), about_sigma(result.coverage)
        write_curve(path, curve, format, band, extra, about_sigma=about)
        filled = int((~result.measured).sum())
        print(f"{path}: {result.novelty_summary}; {filled} of {result.q.size} points filled in")
