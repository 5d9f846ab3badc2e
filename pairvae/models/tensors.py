"""What the networks see: the curves of each technique, and what is known of their samples, as tensors."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from pairvae.models.ensemble import Ensemble
from pairvae.models.pairvae import PairVAE
from pairvae.models.resvae import ResVAE
from pairvae.prepare.covariates import encode_covariates
from pairvae.prepare.pair import complete_pairs, read_pairs, rows_of
from pairvae.prepare.spectra_file import Spectra, load_spectra
from pairvae.techniques import TECHNIQUES, Split, Technique, other

# Curves of one technique: log_intensity, log_sigma and mask (samples, q), noise_floor (samples, 1), covariates
# (samples, width).
Batch = dict[str, Tensor]
# Of both techniques, or of the only one that is trained; row i of each is the same sample.
Batches = dict[Technique, Batch]


def as_tensors(spectra: Spectra, table: pd.DataFrame, network: ResVAE | Ensemble) -> Batch:
    """What a network of one technique sees of some samples.

    Parameters
    ----------
    spectra : Spectra
        Rows of the samples.
    table : DataFrame
        The same samples in the same order, with their covariates.
    network : ResVAE or Ensemble
        Gives the fill value of points that were not measured, and the covariates.

    Returns
    -------
    dict of Tensor
        log_intensity, log_sigma, mask, each (samples, q), noise_floor (samples, 1) of `Spectra`, and covariates
        (samples, width); of scale-free curves log_scale (samples, 1), NaN where unknown.
    """
    mask = torch.from_numpy(spectra.mask)
    log_intensity = torch.where(mask, torch.from_numpy(spectra.log_intensity), network.mean.cpu())
    log_sigma = torch.where(mask, torch.from_numpy(spectra.log_sigma), 0)
    scales = {}
    if spectra.scale_free:
        known = np.full(len(mask), np.nan, np.float32) if spectra.log_scale is None else spectra.log_scale
        scales["log_scale"] = torch.from_numpy(known)[:, None]
    return scales | {
        "log_intensity": log_intensity,
        "log_sigma": log_sigma,
        "mask": mask.float(),
        "noise_floor": torch.full((len(mask), 1), spectra.noise_floor),
        "covariates": torch.from_numpy(encode_covariates(network.covariates, table)),
    }


def paired_tensors(saxs: Path, sans: Path, pairs: Path, network: PairVAE, split: Split) -> Batches:
    """Complete pairs of one split, as both networks see them.

    Parameters
    ----------
    saxs, sans, pairs : Path
        Gridded curves and the split.
    network : PairVAE
        As `as_tensors` needs it.
    split : {"train", "val", "test"}
        Which pairs.
    """
    table = complete_pairs(read_pairs(pairs), split)
    files: dict[Technique, Path] = {"saxs": saxs, "sans": sans}
    return {t: as_tensors(load_spectra(file, rows_of(table, t)), table, network.of(t)) for t, file in files.items()}


def unpaired_tensors(saxs: Path, sans: Path, pairs: Path, network: PairVAE, split: Split) -> Batches:
    """Unpaired curves of one split; a technique whose curves all have a partner is left out.

    Parameters
    ----------
    saxs, sans, pairs : Path
        Gridded curves and the split.
    network : PairVAE
        As `as_tensors` needs it.
    split : {"train", "val", "test"}
        Which curves.
    """
    table = read_pairs(pairs)
    unpaired: Batches = {}
    for t, file in zip(TECHNIQUES, (saxs, sans), strict=True):
        alone = table[(table["split"] == split) & table[f"row_{t}"].notna() & table[f"row_{other(t)}"].isna()]
        if len(alone):
            unpaired[t] = as_tensors(load_spectra(file, rows_of(alone, t)), alone, network.of(t))
    return unpaired


def take(curves: Batch, rows: Tensor | slice | list[int]) -> Batch:
    """Some samples of a batch: a slice, a list or tensor of rows, or a boolean tensor."""
    return {name: tensor[rows] for name, tensor in curves.items()}


def to_device(batches: Batches, device: torch.device) -> Batches:
    """The same curves where a network computes."""
    return {t: {name: tensor.to(device) for name, tensor in curves.items()} for t, curves in batches.items()}
