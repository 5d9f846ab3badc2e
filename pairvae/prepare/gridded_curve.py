"""One sample on the grid."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pairvae.scattering.spectrum import Curve


@dataclass(frozen=True, eq=False)
class GriddedCurve:
    """One sample on the grid.

    Parameters
    ----------
    log_intensity, log_sigma : array, shape (grid,)
        log10 of the intensity in 1/cm and its standard uncertainty in decades; NaN where not measured.
    mask : array of bool, shape (grid,)
        False: not measured.
    counts : Counter
        Grid points by what happened to them: `raised` to the floor, `too_noisy` and masked,
        `no_sigma`: measured, but the error is assumed.
    log_scale : float
        log10 of the factor that brings the intensities to 1/cm; NaN where nobody knows it.
    """

    log_intensity: Curve
    log_sigma: Curve
    mask: npt.NDArray[np.bool_]
    counts: Counter[str]
    log_scale: float = 0.0
