"""What every verb needs of a calibrated model: curves as tensors, codes with their novelty, calibrated bands."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from pairvae.errors import UserError
from pairvae.models.pairvae import PairVAE
from pairvae.models.predict import predict
from pairvae.models.tensors import Batch, as_tensors
from pairvae.parse_settings import parse
from pairvae.prepare.covariates import check_covariates, encode_covariates
from pairvae.prepare.normalize import grid_curves, stacked, why_empty
from pairvae.prepare.scale import check_units
from pairvae.prepare.spectra_file import Spectra
from pairvae.scattering.spectrum import Curve, Spectrum, Technique
from pairvae.settings import Normalize
from pairvae.trust.bands import Band, half_widths
from pairvae.trust.novelty import Encoded, encoded

# One sample after the other; a sample is a curve, or the settings of one instrument that measured it.
Curves = Spectrum | Sequence[Spectrum | Sequence[Spectrum]]
# Of all samples alike, or of each sample; what is not said is unknown.
Covariates = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None


def settings_of(spectra: Curves) -> list[Sequence[Spectrum]]:
    """The curves of each sample."""
    several = [spectra] if isinstance(spectra, Spectrum) else spectra
    return [[one] if isinstance(one, Spectrum) else one for one in several]


def covariates_of(covariates: Covariates, samples: int) -> list[Mapping[str, Any]]:
    """The covariates of each sample.

    Raises
    ------
    UserError
        There are not as many as samples.
    """
    if covariates is None or isinstance(covariates, Mapping):
        return [covariates or {}] * samples
    if len(covariates) != samples:
        raise UserError(f"{len(covariates)} sets of covariates for {samples} samples; expected one, or one per sample")
    return list(covariates)


class CalibratedModel:
    """A PairVAE with its calibration.

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

    def encoded(self, technique: Technique, curves: Batch) -> Encoded:
        """Codes of curves, and how unusual they are; see `pairvae.trust.novelty.encoded`."""
        return encoded(self.network, technique, curves, self.calibration)

    def bands(self, path: str, source: Encoded, covariates: Tensor, joint: bool = False) -> Band:
        """log10 of intensity and its band, of the target of a path; see `pairvae.trust.bands.half_widths`."""
        predicted = predict(self.network, path, source.code.mean, covariates)
        half = half_widths(self.network, self.calibration, path, source, covariates, predicted, joint)
        return Band(predicted.log_intensity, predicted.log_intensity - half, predicted.log_intensity + half)

    def calibrated(self, prefix: str) -> dict[str, Tensor]:
        """Tensors of the calibration whose names begin with a prefix, under the rest of their names."""
        return {n.removeprefix(prefix): t for n, t in self.calibration.items() if n.startswith(prefix)}

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
