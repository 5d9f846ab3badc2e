"""The trained model: one technique's curve from the other's, with a band and a novelty score."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import pandas as pd
import torch
from torch import Tensor

from pairvae.assess.bands import Band, half_widths
from pairvae.assess.novelty import novelty
from pairvae.assess.predict import Array, codes, predict
from pairvae.checksum import sha256
from pairvae.errors import UserError
from pairvae.model_file import FORMAT, load_weights
from pairvae.models.pairvae import PairVAE
from pairvae.parse_settings import parse
from pairvae.prepare.covariates import check_covariates, encode_covariates
from pairvae.prepare.normalize import grid_curves, stacked, why_empty
from pairvae.prepare.spectra_file import Spectra
from pairvae.scattering.spectrum import Curve, Spectrum, Technique
from pairvae.settings import Normalize
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
        Share of measured points that the band covers; of whole measured curves, where joint.
    joint : bool
        The band is to hold the whole curve.
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
    joint: bool = False


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

    def bands(
        self, path: str, code: Tensor, covariates: Tensor, mask: Tensor | None = None, joint: bool = False
    ) -> Band:
        """log10 of intensity and its band for codes of the source; see `pairvae.assess.bands.half_widths`."""
        predicted = predict(self.network, path, code, covariates)
        half = half_widths(self.network, self.calibration, path, code, covariates, predicted, mask, joint)
        return Band(predicted.log_intensity, predicted.log_intensity - half, predicted.log_intensity + half)

    def novelty(self, technique: Technique, curves: Batch) -> Array:
        """Novelty of curves, shape (samples,); see `pairvae.assess.novelty.novelty`."""
        return novelty(self.network, technique, curves, self.calibration)

    @overload
    def translate(
        self, spectra: Spectrum, to: Technique, covariates: Mapping[str, Any] | None = None, joint: bool = False
    ) -> Prediction: ...
    @overload
    def translate(
        self,
        spectra: Sequence[Spectrum],
        to: Technique,
        covariates: Mapping[str, Any] | None = None,
        joint: bool = False,
    ) -> list[Prediction]: ...
    def translate(
        self,
        spectra: Spectrum | Sequence[Spectrum],
        to: Technique,
        covariates: Mapping[str, Any] | None = None,
        joint: bool = False,
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
        joint : bool
            A wider band, which holds the whole curve with the promised probability, not each of its points.

        Returns
        -------
        Prediction or list of Prediction

        Raises
        ------
        UserError
            A spectrum is of the target technique, lies outside of the model's q grid, or has an arbitrary
            intensity scale; a covariate is unknown to the model.
        """
        several = [spectra] if isinstance(spectra, Spectrum) else spectra
        found = self.translate_samples([[one] for one in several], to, [covariates or {}] * len(several), joint)
        return found[0] if isinstance(spectra, Spectrum) else found

    def translate_samples(
        self,
        samples: Sequence[Sequence[Spectrum]],
        to: Technique,
        covariates: Sequence[Mapping[str, Any]],
        joint: bool = False,
    ) -> list[Prediction]:
        """Predict for samples that may have been measured in several settings of one instrument.

        Parameters
        ----------
        samples : sequence of sequences of Spectrum
            The settings of each sample; they are merged on the grid.
        to : {"saxs", "sans"}
            Technique to predict.
        covariates : sequence of mappings
            Facts of each sample.
        joint : bool
            As in `translate`.

        Raises
        ------
        UserError
            As `translate`.
        """
        if not samples:
            return []
        source: Technique = "sans" if to == "saxs" else "saxs"
        network, target = self.network.of(source), self.network.of(to)
        table = pd.concat([check_covariates(network.covariates, given) for given in covariates], ignore_index=True)
        curves = as_tensors(self.gridded(samples, source), table, network)
        known = torch.from_numpy(encode_covariates(target.covariates, table))
        code = codes(self.network, source, curves)
        logs = self.bands(f"{to}_from_{source}", code, known, curves["mask"], joint)
        middle, lower, upper = (10**log for log in logs)
        novelty = self.novelty(source, curves)
        return [
            Prediction(
                technique=to,
                q=target.q.numpy().copy(),  # its own: nobody can change the model's grid
                intensity=middle[i],
                lower=lower[i],
                upper=upper[i],
                coverage=self.coverage,
                novelty=float(novelty[i]),
                sample=settings[0].sample,
                source=" + ".join(one.source.file for one in settings),
                joint=joint,
            )
            for i, settings in enumerate(samples)
        ]

    def gridded(self, samples: Sequence[Sequence[Spectrum]], technique: Technique) -> Spectra:
        """Measured curves as the network of a technique sees them, one row per sample.

        Raises
        ------
        UserError
            A curve is of the other technique, in arbitrary units, or outside of the grid.
        """
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
                raise UserError(f"{name}: {why_empty(curves, q, row)}; check the unit of q and the file")
            rows.append(row)
        return stacked(technique, q, [curves[0].sample for curves in samples], rows)


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
    if not isinstance(about, dict):
        raise UserError(f"{folder}: is no model folder: model.json holds a {type(about).__name__}; restore the folder")
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
