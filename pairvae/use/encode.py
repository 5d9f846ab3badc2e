"""Curves to latent codes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from pairvae.files.whole import written_whole
from pairvae.models.predict import Array
from pairvae.scattering.spectrum import Technique
from pairvae.trust.novelty import is_unusual
from pairvae.use.arguments import Covariates, Curves
from pairvae.use.calibrated_model import CalibratedModel
from pairvae.use.inputs import Inputs


@dataclass(frozen=True, eq=False)
class Codes:
    """Latent codes of curves.

    Parameters
    ----------
    mean, logvar : array, shape (samples, latent)
        Mean and log-variance of the Gaussian posterior of each curve's code.
    novelty : array, shape (samples,)
        Above 1: more unusual than 95 % of the validation curves.
    """

    mean: Array
    logvar: Array
    novelty: Array

    @property
    def is_unusual(self) -> npt.NDArray[np.bool_]:
        """Which curves are unlike the training data, shape (samples,)."""
        return is_unusual(self.novelty)


def encode(model: CalibratedModel, spectra: Curves, technique: Technique, covariates: Covariates = None) -> Codes:
    """Where curves lie in the latent space that both techniques share.

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
    >>> codes = model.encode([first, second], technique="saxs")
    >>> codes.mean.shape
    (2, 32)
    """
    curves, _ = model.tensors(spectra, technique, covariates)
    encoded = model.encoded(technique, curves)
    code = encoded.code
    return Codes(code.mean.double().numpy(), code.logvar.double().numpy(), encoded.novelty.score)


def encode_files(inputs: Inputs, model: CalibratedModel, technique: Technique, output: Path) -> None:
    """Encode every curve of one technique and write one CSV.

    Parameters
    ----------
    inputs : Inputs
        Files or samples.csv.
    output : Path
        CSV to write: sample, file, novelty, mean_1 …, logvar_1 ….

    Raises
    ------
    UserError
        As `Inputs.samples` and `encode`; nothing is written then.
    """
    samples = inputs.samples(technique, model)
    inputs.spare([output], samples)
    curves, covariates = [sample.curves[technique] for sample in samples], [sample.covariates for sample in samples]
    codes = encode(model, curves, technique, covariates)
    columns: Mapping[str, Array] = {
        f"{name}_{i + 1}": column
        for name, values in (("mean", codes.mean), ("logvar", codes.logvar))
        for i, column in enumerate(np.transpose(values))
    }
    named = {
        "sample": [sample.name for sample in samples],  # two files of one name may lie in different folders
        "file": [";".join(curve.source.file for curve in settings) for settings in curves],
    }
    table = pd.DataFrame({**named, "novelty": codes.novelty, **columns})
    with written_whole(output) as temporary:
        table.to_csv(temporary, index=False, errors="surrogateescape")
    print(f"{output}: codes of {len(samples)} {technique} curves, {codes.is_unusual.sum()} with novelty above 1")
