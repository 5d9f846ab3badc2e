"""A trained network on many curves at once: codes, predictions, errors; in batches, without gradients."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pairvae.models.losses import best_log_scale, point_weights
from pairvae.models.pairvae import PairVAE
from pairvae.models.resvae import Code
from pairvae.models.scale_and_background import SCALE_LOG_VARIANCE
from pairvae.models.source_path import SourceCurve
from pairvae.models.tensors import Batch
from pairvae.techniques import CROSS_PATHS, ends

ROWS = 1024  # curves per batch
FITTED_WITHIN = 0.1  # decades; noisier points weigh less where a free scale is fitted
Array = npt.NDArray[np.float64]


class Predicted(NamedTuple):
    """Predicted curves, each (samples, q): log10 of intensity and its standard error in decades."""

    log_intensity: Array
    std: Array


@torch.inference_mode()
def codes(network: PairVAE, technique: str, curves: Batch) -> Tensor:
    """Mean codes of curves.

    Parameters
    ----------
    network : PairVAE
        Of both techniques.
    technique : {"saxs", "sans"}
        Of the curves.
    curves : dict of Tensor
        As `as_tensors` gives them.

    Returns
    -------
    Tensor, shape (samples, latent)
    """
    return posterior(network, technique, curves).mean


@torch.inference_mode()
def posterior(network: PairVAE, technique: str, curves: Batch) -> Code:
    """Posteriors of the codes of curves.

    Parameters
    ----------
    network : PairVAE
        Of both techniques.
    technique : {"saxs", "sans"}
        Of the curves.
    curves : dict of Tensor
        As `as_tensors` gives them.

    Returns
    -------
    Code
        Mean and log-variance, each (samples, latent), on the CPU.
    """
    columns = ("log_intensity", "mask", "covariates")
    parts = zip(*(curves[name].split(ROWS) for name in columns), strict=True)
    found = [network.of(technique).encode(*(one.to(device_of(network)) for one in part)) for part in parts]
    return Code(*(torch.cat(column).cpu() for column in zip(*found, strict=True)))


@torch.inference_mode()
def predict(
    network: PairVAE, path: str, code: Tensor, covariates: Tensor, source: SourceCurve | None = None
) -> Predicted:
    """Decode codes (samples, latent) into the target of a path, before calibration.

    Parameters
    ----------
    path : str
        target_from_source.
    covariates : Tensor, shape (samples, width)
        As the target's network knows them.
    source : SourceCurve, optional
        The curves that the codes came from, for networks with a source path; None: predict from the codes alone.
    """
    target, _ = ends(path)
    device = device_of(network)
    parts = []
    for start in range(0, len(code), ROWS):
        rows = slice(start, start + ROWS)
        z, known = code[rows].to(device), covariates[rows].to(device)
        seen = None if source is None else SourceCurve(*(column[rows].to(device) for column in source))
        parts.append(network.of(target).decode(z, known, path in CROSS_PATHS, seen))
    log_intensity = torch.cat([part.log_intensity for part in parts])
    log_variance = torch.cat([part.log_variance for part in parts])
    return Predicted(log_intensity.double().cpu().numpy(), torch.exp(0.5 * log_variance).double().cpu().numpy())


@torch.inference_mode()
def predict_scale(network: PairVAE, path: str, code: Tensor, covariates: Tensor) -> Predicted | None:
    """log10 of the scale of predicted curves over the level of the source's, (samples, 1); None where not learnt.

    Parameters
    ----------
    path : str
        target_from_source, of two techniques.
    code : Tensor, shape (samples, latent)
        Codes of the source.
    covariates : Tensor, shape (samples, width)
        As the target's network knows them.
    """
    target = network.of(ends(path)[0])
    if not target.has_scale_ratio:
        return None
    device = device_of(network)
    ratio = target.scale_above(code.to(device), covariates.to(device)).double().cpu()
    return Predicted(ratio[:, :1].numpy(), torch.exp(0.5 * ratio[:, 1:].clamp(*SCALE_LOG_VARIANCE)).numpy())


def device_of(network: PairVAE) -> torch.device:
    """Where the network computes; codes and predictions come back to the CPU."""
    return next(network.parameters()).device


def free_scale(network: PairVAE, technique: str, log_intensity: Array, curves: Batch) -> Array:
    """log10 of the factor, shape (samples, 1), that brings curves to the scale of measured ones.

    Zeros where the network knows the technique's scale; for a scale-free one the factor is fitted, points noisier
    than 0.1 decades weighing less.

    Parameters
    ----------
    log_intensity : array, shape (samples, q)
        Predicted curves; NaN where unknown.
    curves : dict of Tensor
        The measured ones.
    """
    if not network.of(technique).scale_free:
        return np.zeros((len(log_intensity), 1))
    return fitted_scale(torch.from_numpy(np.asarray(log_intensity, np.float64)), curves).numpy()


def fitted_scale(log_intensity: Tensor, curves: Batch) -> Tensor:
    """log10 of the factor, shape (samples, 1), that fits curves (samples, q), NaN where unknown, to measured ones."""
    measured, mask = curves["log_intensity"].double(), curves["mask"] * log_intensity.isfinite()
    weight = point_weights(measured, measured, curves["log_sigma"].double(), mask, FITTED_WITHIN)
    return best_log_scale(log_intensity.nan_to_num(), measured, weight)


def predict_beside(
    network: PairVAE, path: str, code: Tensor, curves: Batch, source: SourceCurve | None = None
) -> Predicted:
    """Predict what was measured, too: like `predict`, at the scale of the measured curves where it is free.

    Parameters
    ----------
    network : PairVAE
        Of both techniques.
    path : str
        target_from_source.
    code : Tensor, shape (samples, latent)
        Codes of the source.
    curves : dict of Tensor
        The measured curves of the target, as `as_tensors` gives them.
    source : SourceCurve, optional
        As in `predict`.
    """
    predicted = predict(network, path, code, curves["covariates"], source)
    shift = free_scale(network, ends(path)[0], predicted.log_intensity, curves)
    return predicted._replace(log_intensity=predicted.log_intensity + shift)


def misfit(curves: Batch, reconstructed: Predicted) -> Array:
    """How badly a curve is reproduced by its own technique's network, per sample.

    Root mean square over the measured points of (curve − reconstruction) in units of the expected error,
    √(σ² + the network's own error²).
    """
    difference = curves["log_intensity"].double().numpy() - reconstructed.log_intensity
    expected = np.hypot(curves["log_sigma"].double().numpy(), reconstructed.std)
    mask = curves["mask"].numpy()
    mean_square: Array = (mask * (difference / expected) ** 2).sum(axis=1) / np.maximum(mask.sum(axis=1), 1)
    return np.sqrt(mean_square)
