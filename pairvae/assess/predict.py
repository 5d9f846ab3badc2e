"""A trained network on many curves at once: codes, predictions, errors; in batches, without gradients."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pairvae.models.pairvae import CROSS_PATHS, PairVAE, ends
from pairvae.models.resvae import Code
from pairvae.train.batches import Batch

ROWS = 1024  # curves per batch
Array = npt.NDArray[np.float64]


class Predicted(NamedTuple):
    """Predicted curves, each (samples, q): log10 of intensity and its standard error in decades."""

    log_intensity: Array
    std: Array


def part(pairs: Batch, technique: str) -> Batch:
    """One technique's tensors out of those of both."""
    return {name.split(".", 1)[1]: t for name, t in pairs.items() if name.startswith(technique)}


@torch.inference_mode()
def codes(network: PairVAE, technique: str, curves: Batch) -> Tensor:
    """Mean codes (samples, latent) of curves as `as_tensors` gives them."""
    return posterior(network, technique, curves).mean


@torch.inference_mode()
def posterior(network: PairVAE, technique: str, curves: Batch) -> Code:
    """Mean and log-variance of the codes of curves as `as_tensors` gives them, each (samples, latent)."""
    columns = ("log_intensity", "mask", "covariates")
    parts = zip(*(curves[name].split(ROWS) for name in columns), strict=True)
    found = [network.of(technique).encode(*part) for part in parts]
    return Code(*(torch.cat(column) for column in zip(*found, strict=True)))


@torch.inference_mode()
def predict(network: PairVAE, path: str, code: Tensor, covariates: Tensor) -> Predicted:
    """Decode codes (samples, latent) into the target of a path, before calibration.

    Parameters
    ----------
    path : str
        target_from_source.
    covariates : Tensor, shape (samples, width)
        As the target's network knows them.
    """
    target, _ = ends(path)
    parts = [
        network.of(target).decode(z, known, from_partner=path in CROSS_PATHS)
        for z, known in zip(code.split(ROWS), covariates.split(ROWS), strict=True)
    ]
    log_intensity = torch.cat([part.log_intensity for part in parts])
    log_variance = torch.cat([part.log_variance for part in parts])
    return Predicted(log_intensity.double().numpy(), torch.exp(0.5 * log_variance).double().numpy())


def misfit(curves: Batch, reconstructed: Predicted) -> Array:
    """How badly a curve is reproduced by its own technique's network, per sample.

    Root mean square over the measured points of (curve − reconstruction) in units of the expected error,
    √(σ² + the network's own error²).
    """
    difference = curves["log_intensity"].double().numpy() - reconstructed.log_intensity
    expected = np.hypot(curves["log_sigma"].double().numpy(), reconstructed.std)
    mask = curves["mask"].numpy()
    return np.sqrt((mask * (difference / expected) ** 2).sum(axis=1) / np.maximum(mask.sum(axis=1), 1))
