"""The trained model at work: one technique's curve from the other's, with a band and a novelty score."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
import pandas as pd
from torch import Tensor

from pairvae.assess.calibrate import strangeness
from pairvae.assess.predict import Array, codes, predict
from pairvae.checksum import sha256
from pairvae.errors import UserError
from pairvae.model_file import FORMAT, load_weights
from pairvae.models.pairvae import PairVAE
from pairvae.prepare.covariates import check_covariates
from pairvae.prepare.normalize import grid_curves
from pairvae.prepare.spectra_file import Spectra
from pairvae.scattering.read import read_spectra
from pairvae.scattering.spectrum import Curve, Spectrum, Technique
from pairvae.scattering.write import write_csv, write_nxcansas
from pairvae.settings import Normalize, parse
from pairvae.train.batches import Batch, as_tensors


@dataclass(frozen=True, eq=False)
class Prediction:
    """A predicted curve.

    Parameters
    ----------
    technique : {"saxs", "sans"}
        What would measure it.
    q : array, shape (points,)
        In 1/Å, the target technique's grid.
    intensity, lower, upper : array, shape (points,)
        Median and calibrated band of a measurement, in 1/cm.
    coverage : float
        Share of measured points that the band covers.
    novelty : float
        How unusual the input is: 1 is as unusual as the most unusual 5 % of validation curves; above,
        the prediction is a guess.
    sample, source : str
        Sample and file of the input.
    """

    technique: Technique
    q: Curve
    intensity: Curve
    lower: Curve
    upper: Curve
    coverage: float
    novelty: float
    sample: str
    source: str


class TrainedModel:
    """A calibrated PairVAE, loaded by `load_model`.

    Parameters
    ----------
    network : PairVAE
        With its weights.
    calibration : dict of Tensor
        Band factors and novelty statistics.
    about : dict
        Contents of model.json.
    """

    def __init__(self, network: PairVAE, calibration: dict[str, Tensor], about: dict[str, Any]) -> None:
        self.network, self.calibration, self.about = network, calibration, about
        self.coverage: float = about["settings"]["calibrate"]["coverage"]
        self.gridding = {
            t: parse(Normalize, settings, "model.json") for t, settings in about["settings"]["normalize"].items()
        }

    def bands(self, path: str, code: Tensor, covariates: Tensor) -> tuple[Array, Array, Array]:
        """log10 of intensity, lower and upper end of the band, each (samples, q), for codes of the source."""
        predicted = predict(self.network, path, code, covariates)
        half = self.calibration[f"band.{path}"].numpy() * predicted.std
        return predicted.log_intensity, predicted.log_intensity - half, predicted.log_intensity + half

    def novelty(self, technique: Technique, curves: Batch) -> Array:
        """Novelty of curves, shape (samples,): the larger of code distance and misfit over their usual limits."""
        prefix = f"novelty.{technique}."
        usual = {n.removeprefix(prefix): t for n, t in self.calibration.items() if n.startswith(prefix)}
        distance, error = strangeness(self.network, technique, curves, usual)
        return np.maximum(distance / float(usual["distance"]), error / float(usual["misfit"]))

    @overload
    def translate(
        self, spectra: Spectrum, to: Technique, covariates: Mapping[str, Any] | None = None
    ) -> Prediction: ...
    @overload
    def translate(
        self, spectra: Sequence[Spectrum], to: Technique, covariates: Mapping[str, Any] | None = None
    ) -> list[Prediction]: ...
    def translate(
        self,
        spectra: Spectrum | Sequence[Spectrum],
        to: Technique,
        covariates: Mapping[str, Any] | None = None,
    ) -> Prediction | list[Prediction]:
        """Predict what the other technique would measure of the same sample.

        Parameters
        ----------
        spectra : Spectrum or sequence of Spectrum
            Measured by the other technique.
        to : {"saxs", "sans"}
            Technique to predict.
        covariates : mapping, optional
            Facts of the sample that the model was trained with; those not given are unknown.

        Returns
        -------
        Prediction or list of Prediction

        Raises
        ------
        UserError
            A spectrum is of the target technique, lies outside of the model's q grid, or has an arbitrary
            intensity scale; a covariate is unknown to the model.
        """
        if isinstance(spectra, Spectrum):
            return self.translate([spectra], to, covariates)[0]
        return self._translate([[spectrum] for spectrum in spectra], to, covariates or {})

    def _translate(
        self, settings_of_samples: Sequence[Sequence[Spectrum]], to: Technique, covariates: Mapping[str, Any]
    ) -> list[Prediction]:
        source: Technique = "sans" if to == "saxs" else "saxs"
        network = self.network.of(source)
        row = check_covariates(network.covariates, covariates)
        table = pd.concat([row] * len(settings_of_samples), ignore_index=True)
        curves = as_tensors(self._gridded(settings_of_samples, source), table, network)
        target = self.network.of(to)
        code = codes(self.network, source, curves)
        known = curves["covariates"]  # both networks were told the same covariates
        middle, lower, upper = (10**log for log in self.bands(f"{to}_from_{source}", code, known))
        novelty = self.novelty(source, curves)
        return [
            Prediction(
                technique=to,
                q=target.q.numpy(),
                intensity=middle[i],
                lower=lower[i],
                upper=upper[i],
                coverage=self.coverage,
                novelty=float(novelty[i]),
                sample=curve[0].sample,
                source=curve[0].source.file,
            )
            for i, curve in enumerate(settings_of_samples)
        ]

    def _gridded(self, samples: Sequence[Sequence[Spectrum]], technique: Technique) -> Spectra:
        q = self.network.of(technique).q.numpy()
        rows = []
        for curves in samples:
            for curve in curves:
                name = curve.source.file or curve.sample or "spectrum"
                if curve.technique not in (None, technique):
                    raise UserError(f"{name}: was measured by {curve.technique}; expected a {technique} curve")
                if curve.intensity_unit == "arbitrary":
                    raise UserError(
                        f"{name}: the intensity is in arbitrary units; this model was trained on 1/cm: scale the curve"
                    )
            row = grid_curves(curves, q, self.gridding[technique])
            if not row.mask.any():
                raise UserError(
                    f"{name}: covers q {curves[0].q[0]:.4g} to {curves[-1].q[-1]:.4g} 1/Å, the model knows "
                    f"{q[0]:.4g} to {q[-1]:.4g} 1/Å: no overlap; check the unit of q"
                )
            rows.append(row)
        return Spectra(
            technique=technique,
            q=q,
            log_intensity=np.stack([row.log_intensity for row in rows]).astype(np.float32),
            log_sigma=np.stack([row.log_sigma for row in rows]).astype(np.float32),
            mask=np.stack([row.mask for row in rows]),
            sample_id=[curves[0].sample for curves in samples],
        )


def load_model(folder: str | Path) -> TrainedModel:
    """Load a model folder; nothing in it can run.

    Parameters
    ----------
    folder : path
        `results/<run>/model`: model.json and weights.safetensors.

    Raises
    ------
    UserError
        A file is missing, altered, or of another format.
    """
    folder = Path(folder)
    try:
        about = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: is no model folder: model.json cannot be read ({error})") from None
    if about.get("format") != FORMAT:
        raise UserError(
            f"{folder}/model.json: is of format {about.get('format')}, this version reads format {FORMAT}; "
            "use the PairVAE version that wrote it, or train again"
        )
    weights = folder / "weights.safetensors"
    if not weights.is_file() or sha256(weights) != about.get("weights_sha256"):
        raise UserError(f"{weights}: is missing or not the file that model.json was written for; restore the folder")
    tensors, _ = load_weights(weights)
    network = PairVAE.from_facts(about["network"])
    network.load_state_dict({n.removeprefix("network."): t for n, t in tensors.items() if n.startswith("network.")})
    calibration = {n: t for n, t in tensors.items() if not n.startswith("network.")}
    return TrainedModel(network.eval(), calibration, about)


def translate_files(
    files: Sequence[Path],
    model: Path,
    to: Technique,
    output: Path,
    format: Literal["csv", "nxcansas"] = "csv",
    covariates: Sequence[str] = (),
    q_unit: str | None = None,
    columns: str | None = None,
) -> None:
    """Predict the partner of every file; one file `<stem>.<to>.csv` (or .h5) per input.

    Every input is read and predicted before the first file is written.

    Parameters
    ----------
    files : sequence of Path
        Measured curves.
    model, output : Path
        Model folder; folder of the predictions.
    to : {"saxs", "sans"}
        Technique to predict.
    format : {"csv", "nxcansas"}
        Format of the predictions.
    covariates : sequence of str
        NAME=VALUE.
    q_unit, columns : str, optional
        What the files do not say.

    Raises
    ------
    UserError
        A file cannot be read, two inputs would write the same file, or a covariate is not NAME=VALUE.
    """
    given = {}
    for text in covariates:
        name, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"--covariate {text}: expected NAME=VALUE, for example d2o_fraction=0.42")
        given[name.strip()] = value.strip()
    trained = load_model(model)
    source: Technique = "sans" if to == "saxs" else "saxs"
    ending = {"csv": "csv", "nxcansas": "h5"}[format]
    wanted: dict[Path, Path] = {}
    for file in files:
        path = output / f"{file.stem}.{to}.{ending}"
        if path in wanted:
            raise UserError(f"{file} and {wanted[path]} would both be written to {path}; use two output folders")
        wanted[path] = file
    curves = [read_spectra(file, technique=source, q_unit=q_unit, columns=columns) for file in files]
    predictions = trained._translate(curves, to, given)
    for path, prediction in zip(wanted, predictions, strict=True):
        write = _write_csv if format == "csv" else _write_nxcansas
        write(prediction, path, model)
        warning = "  (unlike the training data: a guess)" if prediction.novelty > 1 else ""
        print(f"{wanted[path]} -> {path}  novelty {prediction.novelty:.2f}{warning}")


def _write_csv(prediction: Prediction, path: Path, model: Path) -> None:
    header = [
        f"{prediction.technique} predicted by PairVAE from {prediction.source}",
        f"model {model}",
        f"lower and upper: band that covers {prediction.coverage:.0%} of measured points",
        f"novelty {prediction.novelty:.3f} (above 1: unlike the training data)",
    ]
    columns = {
        "q [1/A]": prediction.q,
        "intensity [1/cm]": prediction.intensity,
        "lower [1/cm]": prediction.lower,
        "upper [1/cm]": prediction.upper,
    }
    write_csv(path, columns, header)


def _write_nxcansas(prediction: Prediction, path: Path, model: Path) -> None:
    spectrum = Spectrum(
        q=prediction.q,
        intensity=prediction.intensity,
        technique=prediction.technique,
        sample=prediction.sample or Path(prediction.source).stem,
        notes=(
            f"predicted by PairVAE from {prediction.source} with model {model}",
            f"band covers {prediction.coverage:.0%}",
            f"novelty {prediction.novelty:.3f}",
        ),
    )
    write_nxcansas(path, spectrum, band=(prediction.lower, prediction.upper))
