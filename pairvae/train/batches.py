"""Spectra as tensors in memory, cut into batches by slices."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from pairvae.models.ensemble import Ensemble
from pairvae.models.pairvae import PairVAE
from pairvae.models.resvae import ResVAE
from pairvae.prepare.covariates import encode_covariates
from pairvae.prepare.pair import Split, complete_pairs, read_pairs, rows_of
from pairvae.prepare.spectra_file import Spectra, read_spectra
from pairvae.scattering.spectrum import TECHNIQUES, Technique, other

Batch = dict[str, Tensor]

SHORTEST_EPOCH = 100  # steps; small data sets are passed several times between two validations
LARGEST_VALIDATION_BATCH = 4096  # rows


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
        log_intensity, log_sigma, mask, each (samples, q), and covariates (samples, width).
    """
    mask = torch.from_numpy(spectra.mask)
    log_intensity = torch.where(mask, torch.from_numpy(spectra.log_intensity), network.mean.cpu())
    log_sigma = torch.where(mask, torch.from_numpy(spectra.log_sigma), 0)
    return {
        "log_intensity": log_intensity,
        "log_sigma": log_sigma,
        "mask": mask.float(),
        "covariates": torch.from_numpy(encode_covariates(network.covariates, table)),
    }


def prefixed(parts: dict[str, Batch]) -> Batch:
    """Tensors of several techniques under names such as `saxs.mask`."""
    return {f"{technique}.{name}": tensor for technique, part in parts.items() for name, tensor in part.items()}


def paired_tensors(saxs: Path, sans: Path, pairs: Path, network: PairVAE, split: Split) -> Batch:
    """Complete pairs of one split, as both networks see them."""
    table = complete_pairs(read_pairs(pairs), split)
    return prefixed(
        {
            t: as_tensors(read_spectra(file, rows_of(table, t)), table, network.of(t))
            for t, file in (("saxs", saxs), ("sans", sans))
        }
    )


def unpaired_tensors(saxs: Path, sans: Path, pairs: Path, network: PairVAE, split: Split) -> dict[Technique, Batch]:
    """Curves of one split that have no partner, by technique; none of a technique whose curves all have one."""
    table = read_pairs(pairs)
    found: dict[Technique, Batch] = {}
    for t, file in zip(TECHNIQUES, (saxs, sans), strict=True):
        alone = table[(table["split"] == split) & table[f"row_{t}"].notna() & table[f"row_{other(t)}"].isna()]
        if len(alone):
            found[t] = as_tensors(read_spectra(file, rows_of(alone, t)), alone, network.of(t))
    return found


def part(pairs: Batch, technique: str) -> Batch:
    """One technique's tensors out of those of both."""
    return {name.split(".", 1)[1]: t for name, t in pairs.items() if name.startswith(technique)}


class TrainBatches:
    """Full batches in an order that depends on the seed and the epoch alone; `row` says which samples they hold.

    A pass over the samples follows the other without a break, so no batch is ragged (a correlation over a
    short batch would be noise) and every sample is seen equally often.

    Parameters
    ----------
    data : dict of Tensor
        First axis: samples.
    batch_size : int
        Rows per batch; fewer where there are fewer samples.
    steps : int
        Steps of the whole training; sets the number of epochs.
    seed : int
        Of the order.
    """

    def __init__(self, data: Batch, batch_size: int, steps: int, seed: int) -> None:
        self.data, self.seed, self.epoch = data, seed, 0
        self.samples = len(next(iter(data.values())))
        self.batch_size = min(batch_size, self.samples)
        self.per_epoch = min(steps, max(SHORTEST_EPOCH, self.samples // self.batch_size))
        self.epochs = max(1, round(steps / self.per_epoch))

    def __len__(self) -> int:
        return self.per_epoch

    def __iter__(self) -> Iterator[Batch]:
        rng = np.random.default_rng([self.seed, self.epoch])
        passes = -(-self.per_epoch * self.batch_size // self.samples)
        order = np.concatenate([rng.permutation(self.samples) for _ in range(passes)])
        device = next(iter(self.data.values())).device
        rows = torch.from_numpy(order).to(device)
        for step in range(self.per_epoch):
            chosen = rows[step * self.batch_size : (step + 1) * self.batch_size]
            yield {name: tensor[chosen] for name, tensor in self.data.items()} | {"row": chosen}


class ValidationBatches:
    """All samples in their order, in few large batches of equal size.

    Parameters
    ----------
    data : dict of Tensor
        First axis: samples.
    """

    def __init__(self, data: Batch) -> None:
        self.data = data
        samples = len(next(iter(data.values())))
        self.count = -(-samples // LARGEST_VALIDATION_BATCH)

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Batch]:
        parts = {name: tensor.chunk(self.count) for name, tensor in self.data.items()}
        for step in range(self.count):
            yield {name: part[step] for name, part in parts.items()}
