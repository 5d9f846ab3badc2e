"""How far two curves differ in shape: after the best factor, and after the best factor and flat background."""

import numpy as np
from scipy.optimize import minimize_scalar

from pairvae.scattering.spectrum import Curve

HIGHEST_BACKGROUND = 1e3  # times the highest intensity


def after_factor(predicted: Curve, measured: Curve) -> float:
    """Root mean square of the difference of log10 I after the best factor, in decades.

    Parameters
    ----------
    predicted, measured : array, shape (points,)
        log10 of intensity.
    """
    return float(np.std(predicted - measured))


def after_background(predicted: Curve, measured: Curve) -> float:
    """Root mean square after the best factor and the best flat background of either sign, in decades.

    For every background b, relative to the predicted curve, the best factor is the mean distance in log10. What remains
    is minimised over b, first over a grid, then between its neighbours.

    Parameters
    ----------
    predicted, measured : array, shape (points,)
        log10 of intensity.
    """
    intensity = 10 ** (predicted - predicted.max())
    lowest = intensity.min()
    added = np.concatenate([[0.0], np.geomspace(1e-6, HIGHEST_BACKGROUND, 200)])
    taken = lowest * (1 - np.geomspace(1, 1e-3, 60))
    backgrounds = np.concatenate([-taken[::-1], added[1:]])
    errors = np.std(np.log10(intensity + backgrounds[:, None]) - measured, axis=1)

    def left(background: float) -> float:
        return float(np.std(np.log10(intensity + background) - measured))

    at = int(np.argmin(errors))
    low, high = backgrounds[max(at - 1, 0)], backgrounds[min(at + 1, len(backgrounds) - 1)]
    finer = minimize_scalar(left, bounds=(low, high), method="bounded", options={"xatol": 1e-4 * (high - low)})
    return min(float(finer.fun), float(errors[at]), left(0.0))
