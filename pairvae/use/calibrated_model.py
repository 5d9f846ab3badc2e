"""What every verb needs of a calibrated model: curves as tensors, codes with their novelty, calibrated bands."""

from collections.abc import Sequence
from typing import Any, Literal

import pandas as pd
import torch
from torch import Tensor

from pairvae.errors import UserError
from pairvae.models.pairvae import PairVAE
from pairvae.models.tensors import Batch, as_tensors
from pairvae.prepare.covariates import check_covariates, encode_covariates
from pairvae.prepare.normalize import grid_curves, stacked, why_empty
from pairvae.prepare.scale import check_units
from pairvae.prepare.spectra_file import Spectra
from pairvae.scattering.spectrum import Curve, Spectrum
from pairvae.settings import Normalize
from pairvae.settings.parse import parse
from pairvae.techniques import Technique, ends
from pairvae.trust.bands import Band, predicted_band
from pairvae.trust.calibration import Calibration
from pairvae.trust.missing import covariates_known
from pairvae.trust.novelty import Encoded, encoded
from pairvae.trust.scale import absolute_half_widths, scale_of
from pairvae.use.arguments import Covariates, Curves, check_technique, covariates_of, curves_by_sample
from pairvae.use.substances import with_contrasts


class CalibratedModel:
    """A PairVAE with its calibration.

    Parameters
    ----------
    network : PairVAE
        With its weights.
    calibration : Calibration
        What bands, novelty and the check of pairs need.
    about : dict
        Contents of model.json.
    """

    def __init__(self, network: PairVAE, calibration: Calibration, about: dict[str, Any]) -> None:
        self.network, self.calibration, self.about = network, calibration, about
        self.coverage: float = about["settings"]["calibrate"]["coverage"]
        self.gridding = {
            t: parse(Normalize, settings, "model.json") for t, settings in about["settings"]["normalize"].items()
        }

    def encoded(self, technique: Technique, curves: Batch) -> Encoded:
        """Codes of curves, and how unusual they are; see `pairvae.trust.novelty.encoded`."""
        return encoded(self.network, technique, curves, self.calibration)

    def bands(self, path: str, source: Encoded, covariates: Tensor, joint: bool = False) -> Band:
        """log10 of intensity and its band, of the target of a path; see `pairvae.trust.bands.half_widths`.

        Parameters
        ----------
        path : str
            `target_from_source`, such as "sans_from_saxs".
        source : Encoded
            Codes of the measured curves, and how unusual these are.
        covariates : Tensor, shape (samples, covariates)
            Of the predicted curves.
        joint : bool
            Bands that hold whole curves, not single points.
        """
        return predicted_band(self.network, self.calibration, path, source, covariates, joint)

    def in_inverse_cm(self, path: str, band: Band, source: Encoded, covariates: Tensor) -> Band | None:
        """A band of `bands` in 1/cm where the technique is learnt without its scale; None where that is not learnt.

        NaN for curves of the source that are in arbitrary units. The band is wider by the error of the scale.

        Parameters
        ----------
        path, source, covariates
            As for `bands`.
        band : Band
            From `bands`, up to a factor.
        """
        scale = scale_of(self.network, path, source, covariates)
        if scale is None or path not in self.calibration.absolute:
            return None
        known = covariates_known(covariates, self.network.of(ends(path)[0]).covariates)
        half = absolute_half_widths(band.upper - band.middle, scale, self.calibration.absolute[path], known)
        middle = band.middle + scale.shift
        return Band(middle, middle - half, middle + half)

    def q(self, technique: Technique) -> Curve:
        """Grid of a technique in 1/Å, a copy: nobody can change the model's own."""
        return self.network.of(technique).q.cpu().numpy().copy()

    def intensity_unit(self, technique: Technique) -> Literal["1/cm", "arbitrary"]:
        """Unit of predicted intensities: "arbitrary" where the network knows a technique up to a factor."""
        return "arbitrary" if self.network.of(technique).scale_free else "1/cm"

    def tensors(
        self, spectra: Curves, technique: Technique, covariates: Covariates = None
    ) -> tuple[Batch, pd.DataFrame]:
        """Curves as the network of a technique sees them, and their covariates as a table.

        Parameters
        ----------
        spectra : Spectrum or sequence
            Curves, one sample each.
        technique : {"saxs", "sans"}
            Technique that measured them.
        covariates : mapping or sequence of mappings, optional
            As in `translate`.

        Raises
        ------
        UserError
            As `gridded`, or a covariate is unknown to the model.
        """
        check_technique("technique", technique)
        network, samples = self.network.of(technique), curves_by_sample(spectra)
        if not samples:
            raise UserError(f"no {technique} curve is given; expected at least one")
        names = [covariate.name for covariate in network.covariates]
        rows = [
            check_covariates(network.covariates, with_contrasts(given, names))
            for given in covariates_of(covariates, len(samples))
        ]
        table = pd.concat(rows, ignore_index=True)
        return as_tensors(self.gridded(samples, technique), table, network), table

    def covariates(self, technique: Technique, table: pd.DataFrame) -> Tensor:
        """Covariates as the network of a technique knows them, shape (samples, width)."""
        return torch.from_numpy(encode_covariates(self.network.of(technique).covariates, table))

    def unknown_scale(self, curve: Spectrum, technique: Technique) -> str:
        """Why a curve of arbitrary scale cannot be used; empty where it can."""
        if curve.intensity_unit != "arbitrary" or self.network.of(technique).scale_free:
            return ""
        return (
            f"{curve.source.file or curve.sample or 'spectrum'}: the intensity is in arbitrary units; this model was "
            "trained on 1/cm: where the unit is known, say it as --intensity-unit 1/cm (Python: intensity_unit=…; "
            f"samples.csv: column {technique}_intensity_unit); or scale the curve, or train a model with "
            f"normalize.{technique}.scale_free: true"
        )

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
                if sentence := self.unknown_scale(curve, technique):
                    raise UserError(sentence)
            check_units(name, curves, self.gridding[technique])
            row = grid_curves(curves, q, self.gridding[technique])
            if not row.mask.any():
                raise UserError(f"{name}: {why_empty(curves, q, row)}; check the unit of q and the file")
            rows.append(row)
        return stacked(technique, q, [curves[0].sample for curves in samples], rows, self.gridding[technique])
