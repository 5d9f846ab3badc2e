"""Curves in memory, cut into batches by slices."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from pairvae.models.tensors import Batches, take

SHORTEST_EPOCH = 100  # steps; small data sets are passed several times between two validations
LARGEST_VALIDATION_BATCH = 4096  # rows


class TrainBatches:
    """Full batches in an order that depends on the seed and the epoch alone; `row` says which samples they hold.

    A pass over the samples follows the other without a break, so no batch is ragged (a correlation over a
    short batch would be noise) and every sample is seen equally often.

    Parameters
    ----------
    data : mapping of dict of Tensor
        Curves by technique; first axis: samples.
    batch_size : int
        Rows per batch; fewer where there are fewer samples.
    steps : int
        Steps of the whole training; sets the number of epochs.
    seed : int
        Of the order.
    """

    def __init__(self, data: Batches, batch_size: int, steps: int, seed: int) -> None:
        self.data, self.seed, self.epoch = data, seed, 0
        self.samples = len(_any_tensor(data))
        self.batch_size = min(batch_size, self.samples)
        self.per_epoch = min(steps, max(SHORTEST_EPOCH, self.samples // self.batch_size))
        self.epochs = max(1, round(steps / self.per_epoch))

    def __len__(self) -> int:
        return self.per_epoch

    def __iter__(self) -> Iterator[Batches]:
        rng = np.random.default_rng([self.seed, self.epoch])
        passes = -(-self.per_epoch * self.batch_size // self.samples)
        order = np.concatenate([rng.permutation(self.samples) for _ in range(passes)])
        rows = torch.from_numpy(order).to(_any_tensor(self.data).device)
        for step in range(self.per_epoch):
            chosen = rows[step * self.batch_size : (step + 1) * self.batch_size]
            yield numbered(self.data, chosen)


class ValidationBatches:
    """All samples in their order, in few large batches of equal size.

    Parameters
    ----------
    data : mapping of dict of Tensor
        Curves by technique; first axis: samples.
    """

    def __init__(self, data: Batches) -> None:
        self.data, self.samples = data, len(_any_tensor(data))
        self.count = -(-self.samples // LARGEST_VALIDATION_BATCH)

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Batches]:
        size = -(-self.samples // self.count)
        for start in range(0, self.samples, size):
            yield {t: take(curves, slice(start, start + size)) for t, curves in self.data.items()}


def numbered(data: Batches, rows: Tensor) -> Batches:
    """Some samples of each technique, and under `row` which ones they are."""
    return {t: take(curves, rows) | {"row": rows} for t, curves in data.items()}


def _any_tensor(data: Batches) -> Tensor:
    """All of them have as many samples and lie on one device."""
    return next(iter(next(iter(data.values())).values()))
