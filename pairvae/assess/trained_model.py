"""The trained model: one technique's curve from the other's, with a band and a novelty score."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from pairvae.assess.bands import Band, half_widths
from pairvae.assess.check import check as check_pairs
from pairvae.assess.encode import encode as encode_curves
from pairvae.assess.export import export as export_model
from pairvae.assess.generate import generate as generate_pairs
from pairvae.assess.generate import interpolate as interpolate_pairs
from pairvae.assess.inputs import Covariates, Curves, covariates_of, settings_of
from pairvae.assess.match import match as match_curves
from pairvae.assess.novelty import Encoded, encoded
from pairvae.assess.plan import plan as plan_partner
from pairvae.assess.predict import Array, predict
from pairvae.assess.prediction import Prediction
from pairvae.assess.reconstruct import reconstruct as reconstruct_curves
from pairvae.errors import UserError
from pairvae.model_folder import load_folder
from pairvae.models.pairvae import PairVAE
from pairvae.models.resvae import Code
from pairvae.parse_settings import parse
from pairvae.prepare.covariates import check_covariates, encode_covariates
from pairvae.prepare.normalize import grid_curves, stacked, why_empty
from pairvae.prepare.scale import check_units
from pairvae.prepare.spectra_file import Spectra
from pairvae.scattering.spectrum import Curve, Spectrum, Technique, other
from pairvae.settings import Calibrate, Normalize
from pairvae.train.batches import Batch, as_tensors


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

    # What a scientist asks of a model, one module per verb
    encode = encode_curves
    reconstruct = reconstruct_curves
    match = match_curves
    check = check_pairs
    plan = plan_partner
    generate = generate_pairs
    interpolate = interpolate_pairs
    export = export_model

    def encoded(self, technique: Technique, curves: Batch) -> Encoded:
        """Codes of curves, and how unusual they are; see `pairvae.assess.novelty.encoded`."""
        return encoded(self.network, technique, curves, self.calibration)

    def bands(self, path: str, source: Encoded, covariates: Tensor, joint: bool = False) -> Band:
        """log10 of intensity and its band, of the target of a path; see `pairvae.assess.bands.half_widths`."""
        predicted = predict(self.network, path, source.code.mean, covariates)
        half = half_widths(self.network, self.calibration, path, source, covariates, predicted, joint)
        return Band(predicted.log_intensity, predicted.log_intensity - half, predicted.log_intensity + half)

    def calibrated(self, prefix: str) -> dict[str, Tensor]:
        """Tensors of the calibration whose names begin with a prefix, under the rest of their names."""
        return {n.removeprefix(prefix): t for n, t in self.calibration.items() if n.startswith(prefix)}

    @overload
    def translate(
        self,
        spectra: Spectrum,
        to: Technique,
        covariates: Covariates = None,
        draws: int = 0,
        seed: int = 0,
        joint: bool = False,
    ) -> Prediction: ...
    @overload
    def translate(
        self,
        spectra: Sequence[Spectrum | Sequence[Spectrum]],
        to: Technique,
        covariates: Covariates = None,
        draws: int = 0,
        seed: int = 0,
        joint: bool = False,
    ) -> list[Prediction]: ...
    def translate(
        self,
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
            A spectrum is of the target technique, lies outside of the model's q grid, or has an arbitrary
            intensity scale; a covariate is unknown to the model.

        Examples
        --------
        >>> sans = model.translate(saxs, to="sans", covariates={"d2o_fraction": 0.42})
        >>> sans.q, sans.intensity, sans.lower, sans.upper, sans.novelty
        """
        samples = settings_of(spectra)
        if not samples:
            return []
        source = other(to)
        curves, table = self.tensors(spectra, source, covariates)
        known = self.covariates(to, table)
        read = self.encoded(source, curves)
        path = f"{to}_from_{source}"
        middle, lower, upper = (10**log for log in self.bands(path, read, known, joint))
        drawn = self._draws(path, read.code, known, draws, seed)
        found = [
            Prediction(
                technique=to,
                q=self.q(to),
                intensity=middle[i],
                lower=lower[i],
                upper=upper[i],
                coverage=self.coverage,
                novelty=float(read.novelty.score[i]),
                sample=settings[0].sample,
                source=" + ".join(one.source.file for one in settings),
                draws=drawn[:, i] if draws else None,
                intensity_unit="arbitrary" if self.network.of(to).scale_free else "1/cm",
                joint=joint,
            )
            for i, settings in enumerate(samples)
        ]
        return found[0] if isinstance(spectra, Spectrum) else found

    def q(self, technique: Technique) -> Curve:
        """Grid of a technique in 1/Å, a copy: nobody can change the model's own."""
        return self.network.of(technique).q.cpu().numpy().copy()

    def tensors(
        self, spectra: Curves, technique: Technique, covariates: Covariates = None
    ) -> tuple[Batch, pd.DataFrame]:
        """Curves as the network of a technique sees them, and their covariates as a table.

        Raises
        ------
        UserError
            As `gridded`, or a covariate is unknown to the model.
        """
        network, samples = self.network.of(technique), settings_of(spectra)
        rows = [check_covariates(network.covariates, given) for given in covariates_of(covariates, len(samples))]
        table = pd.concat(rows, ignore_index=True)
        return as_tensors(self.gridded(samples, technique), table, network), table

    def covariates(self, technique: Technique, table: pd.DataFrame) -> Tensor:
        """Covariates as the network of a technique knows them, shape (samples, width)."""
        return torch.from_numpy(encode_covariates(self.network.of(technique).covariates, table))

    def _draws(self, path: str, code: Code, known: Tensor, draws: int, seed: int) -> Array:
        """Intensities of codes drawn from the posterior, shape (draws, samples, q)."""
        generator = torch.Generator().manual_seed(seed)
        spread = torch.exp(0.5 * code.logvar)
        drawn = []
        for _ in range(draws):
            z = code.mean + spread * torch.randn(code.mean.shape, generator=generator)
            drawn.append(10 ** predict(self.network, path, z, known).log_intensity)
        return np.array(drawn)

    def gridded(self, samples: Sequence[Sequence[Spectrum]], technique: Technique) -> Spectra:
        """Measured curves as the network of a technique sees them, one row per sample.

        Raises
        ------
        UserError
            A curve is of the other technique, in arbitrary units, or outside of the grid.
        """
        q = self.q(technique)
        rows = []
        for curves in samples:
            for curve in curves:
                name = curve.source.file or curve.sample or "spectrum"
                if curve.technique not in (None, technique):
                    raise UserError(f"{name}: was measured by {curve.technique}; expected a {technique} curve")
                if curve.intensity_unit == "arbitrary" and not self.network.of(technique).scale_free:
                    raise UserError(
                        f"{name}: the intensity is in arbitrary units; this model was trained on 1/cm: say the unit "
                        "where it is known (--intensity-unit), scale the curve, or train a model with "
                        f"normalize.{technique}.scale_free: true"
                    )
            check_units(name, curves, self.gridding[technique])
            row = grid_curves(curves, q, self.gridding[technique])
            if not row.mask.any():
                raise UserError(f"{name}: {why_empty(curves, q, row)}; check the unit of q and the file")
            rows.append(row)
        return stacked(technique, q, [curves[0].sample for curves in samples], rows)


def load_model(folder: str | Path, device: str = "cpu") -> TrainedModel:
    """Load a model folder; nothing in it can run.

    Parameters
    ----------
    folder : path
        `results/<run>/model`.
    device : str
        Where to compute: "cpu", "cuda", "cuda:1"; "auto": a GPU when there is one.

    Raises
    ------
    UserError
        A file is missing, altered, outside of the folder, of another format, or was calibrated by another version;
        there is no such device.
    """
    tensors, about = load_folder(Path(folder))
    if about.get("calibration") != (known := Calibrate().numerics):
        raise UserError(
            f"{folder}: is of calibration {about.get('calibration')}, this version reads calibration {known}; run its "
            "workflow again, which trains nothing anew for that, or use the PairVAE version that wrote it"
        )
    weights = {n.removeprefix("network."): t for n, t in tensors.items() if n.startswith("network.")}
    try:
        with torch.device("meta"):  # takes no memory, whatever sizes model.json names, until they match the weights
            network = PairVAE.from_facts(about["network"])
        network.load_state_dict(weights, assign=True)
        calibration = {n: t for n, t in tensors.items() if not n.startswith("network.")}
        return TrainedModel(network.eval().to(_device(device)), calibration, about)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:  # ValueError: also what pydantic refuses
        reason = str(error).strip().partition("\n")[0]
        raise UserError(f"{folder}: model.json and weights do not fit together ({reason}); restore it") from None


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(f"device {name}: cannot be used here ({reason}); expected cpu, cuda or auto") from None
    return torch.device(name)
