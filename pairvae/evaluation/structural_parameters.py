"""How well predicted curves keep Guinier radius, Porod exponent and invariant."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pairvae.evaluation.predictions_file import evenly_spaced
from pairvae.models.predict import Array
from pairvae.prepare.spectra_file import Spectra
from pairvae.scattering.model_free import ASSUMED_ERROR, guinier, invariant, porod

AT_MOST = 400  # test samples that are looked at
POROD_FROM = 4.0  # q·Rg where the power law is taken to begin
LN10 = float(np.log(10))


def kept_structure(measured: Spectra, truth: Array | None, predicted: Array) -> dict[str, dict[str, Any]]:
    """Relative errors of structural parameters read from predicted curves, medians over test samples.

    All are read in the same way from the predicted curve and from the known one (the truth where there is one, else
    the measured one), at the points that were measured, with the same relative weights: 5 % and the measurement's
    own error. The power law begins at q·Rg = 4 of the known curve; the invariant is that of the measured range, less
    the background that the power law finds.

    Parameters
    ----------
    measured : Spectra
        Test curves of one technique.
    truth : array, shape (samples, q), optional
        Noise-free log10 I.
    predicted : array, shape (samples, q)
        log10 I.

    Returns
    -------
    dict
        By `guinier_radius`, `porod_exponent` and `invariant`: `samples` for which both curves have one,
        `median_relative_error`, `p90_relative_error`, and with a truth `median_relative_error_of_measured`, that of
        the measured curves.
    """
    rows = evenly_spaced(len(predicted), AT_MOST)
    mask = measured.mask[rows]
    noisy = measured.log_intensity[rows].astype(np.float64)
    relative = np.hypot(ASSUMED_ERROR, LN10 * np.where(mask, measured.log_sigma[rows], 0).astype(np.float64))
    reference = noisy if truth is None else truth[rows]
    curves = {"reference": reference, "predicted": predicted[rows], "measured": noisy}
    parameters = _read(measured.q, curves, mask, relative)
    kept: dict[str, dict[str, Any]] = {}
    for name, exact in parameters["reference"].items():
        error, floor = (np.abs(parameters[which][name] / exact - 1) for which in ("predicted", "measured"))
        error, floor = error[np.isfinite(error)], floor[np.isfinite(floor)]
        kept[name] = {
            "samples": len(error),
            "median_relative_error": float(np.median(error)) if len(error) else None,
            "p90_relative_error": float(np.quantile(error, 0.9)) if len(error) else None,
        }
        if truth is not None:
            kept[name]["median_relative_error_of_measured"] = float(np.median(floor)) if len(floor) else None
    return kept


def _read(
    q: Array, curves: Mapping[str, Array], mask: npt.NDArray[np.bool_], relative: Array
) -> dict[str, dict[str, Array]]:
    """Structural parameters of curves of log10 I (samples, q), by curve and parameter."""
    intensity = {name: np.where(mask, 10 ** np.clip(curve, -30, 30), np.nan) for name, curve in curves.items()}
    start = {name: guinier(q, curve, relative * curve) for name, curve in intensity.items()}
    begin = POROD_FROM / start["reference"].radius
    parameters = {}
    for name, curve in intensity.items():
        end = porod(q, curve, relative * curve, begin)
        parameters[name] = {
            "guinier_radius": start[name].radius,
            "porod_exponent": end.exponent,
            "invariant": invariant(q, curve, end.background),
        }
    return parameters
