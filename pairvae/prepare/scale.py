"""Curves whose scale nobody knows: what may be trained, and how they come to a common one."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from pairvae.errors import UserError
from pairvae.prepare.gridded_curve import GriddedCurve
from pairvae.scattering.spectrum import Curve, Spectrum
from pairvae.settings import Normalize


def check_units(sample: str, curves: Sequence[Spectrum], settings: Normalize) -> None:
    """Refuse intensities that the settings cannot make comparable.

    Parameters
    ----------
    sample : str
        Name of the sample, for messages.
    curves : sequence of Spectrum
        Its detector settings.
    settings : Normalize
        Whether shapes are learnt without their scale, and whether detector settings are scaled to the first one.

    Raises
    ------
    UserError
        A curve is in arbitrary units though `scale_free` is off, or the settings of one sample are in different units
        though `scale_settings` is off.
    """
    arbitrary = [curve for curve in curves if curve.intensity_unit == "arbitrary"]
    if not arbitrary:
        return
    one = arbitrary[0]
    unit = (one.reading.intensity_unit if one.reading else "") or "arbitrary units"
    where = f"sample {sample} ({one.source.file}): the intensity is in {unit}, not in 1/cm"
    if not settings.scale_free:
        raise UserError(
            f"{where}; set normalize.{one.technique}.scale_free: true to learn the shapes of curves without their "
            "scale, scale the curve to 1/cm, or remove the sample"
        )
    if len(arbitrary) < len(curves) and not settings.scale_settings:
        raise UserError(
            f"{where}, and another setting of the same sample is in 1/cm; set normalize.{one.technique}.scale_settings:"
            " true to scale one to the other where they overlap, or bring both to one unit"
        )


def mean_shape(rows: Sequence[GriddedCurve]) -> Curve:
    """Log10 of a typical curve of geometric mean 1, from median slopes: whatever the scales of the curves.

    Returns
    -------
    array, shape (grid,)
    """
    slopes = np.diff([row.log_intensity for row in rows], axis=1)
    known = np.isfinite(slopes).any(axis=0)
    typical = np.zeros(slopes.shape[1])
    typical[known] = np.nanmedian(slopes[:, known], axis=0)
    shape = np.concatenate([[0.0], np.cumsum(typical)])
    centred: Curve = shape - shape.mean()
    return centred


def at_common_scale(row: GriddedCurve, shape: Curve) -> GriddedCurve:
    """The curve divided by its median ratio to a typical one; noise and outliers hardly move a median."""
    ratio = float(np.nanmedian(row.log_intensity - shape))
    return replace(row, log_intensity=row.log_intensity - ratio, log_scale=row.log_scale + ratio)
