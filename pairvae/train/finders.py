"""What learning rate and what batch size a training could have: tried for a moment, nothing is trained.

Lightning's Tuner does not replace this. `lr_find` takes the slope per unit of the rate, not per decade: on curves of
spheres it suggests 1e-5, or 0.6 without its early stop, where the loss falls most steeply at 0.008. It stops as soon
as the loss is negative, as `log_likelihood` is, writes a checkpoint and takes 1.1 to 1.2 times the processor time.
`scale_batch_size` goes on until memory runs out, which on a CPU ends the process instead of raising an error, and never
beyond the number of samples.
"""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import torch
from torch import Tensor

from pairvae.errors import UserError
from pairvae.models.tensors import Batches, to_device
from pairvae.settings import Pretrain
from pairvae.train.batches import TrainBatches, numbered
from pairvae.train.device import find_device
from pairvae.train.pretrain import begin_pretrain
from pairvae.train.stage import Stage

LOWEST_RATE, HIGHEST_RATE, TRIED = 1e-6, 1.0, 120  # rates, evenly spaced in their logarithm
SMOOTHING = 0.9  # of the losses from step to step
PRINTED_EVERY = 4  # rates
SKIPPED = 10  # first steps, when the smoothed loss knows little
COPIES = 5  # of the weights while training: themselves, gradient, two moments of Adam, running average
USED = 0.8  # share of the memory; allocators keep more than tensors fill
BACKWARD = 1.4  # peak of a step over what its forward pass keeps; measured: 1.25 at 8192 samples, 1.37 at 2048
MEBIBYTE = 2**20
AUTOCAST = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}


class RateRange(NamedTuple):
    """Loss against learning rate, each (steps,), and the rate where it falls most steeply."""

    rates: np.ndarray
    losses: np.ndarray
    suggestion: float


class BatchSize(NamedTuple):
    """The largest batch that fits, and what that follows from, in bytes."""

    largest: int
    of_sample: float
    of_network: float
    available: float


def find(
    spectra: Path, pairs: Path, settings: Pretrain, rate: bool, size: bool, memory: float | None, threads: int
) -> None:
    """Print a learning rate with the curve that it follows from, a batch size with what it needs, or both.

    Parameters
    ----------
    spectra, pairs, settings, threads
        As for `pairvae.train.pretrain.pretrain`.
    rate, size : bool
        What to look for.
    memory : float, optional
        Memory that a step may use in MiB; None: what the device has available.
    """
    stage, tensors = begin_pretrain(spectra, pairs, settings)
    if size:  # before the other: that one changes the weights
        fit = find_batch_size(stage, tensors["train"], threads, None if memory is None else memory * MEBIBYTE)
        samples = len(tensors["train"][stage.technique]["mask"])
        print(
            f"{stage.name}: batch_size {fit.largest} is the largest power of two that fits: a sample takes "
            f"{fit.of_sample / MEBIBYTE:.3g} MiB, data and network {fit.of_network / MEBIBYTE:.3g} MiB of "
            f"{fit.available / MEBIBYTE:.0f} MiB; there are {samples} training samples"
        )
    if rate:
        tried = find_learning_rate(stage, tensors["train"], threads)
        print(f"{'learning_rate':>13}  loss")
        for step in range(0, len(tried.rates), PRINTED_EVERY):
            print(f"{tried.rates[step]:13.2e}  {tried.losses[step]:.5g}")
        print(f"{stage.name}: learning_rate {tried.suggestion:.2g} is where the loss falls most steeply")


def find_learning_rate(stage: Stage, train: Batches, threads: int) -> RateRange:
    """Raise the learning rate from step to step and see where the loss falls.

    The weights of the stage are those of that trial afterwards.

    Parameters
    ----------
    stage : Stage
        Network and losses, not trained yet.
    train : mapping of dict of Tensor
        All samples by technique.
    threads : int
        Processor cores.

    Raises
    ------
    UserError
        No rate lowers the loss.

    References
    ----------
    Smith, Cyclical learning rates for training neural networks, WACV 2017, section 3.3.
    """
    torch.set_num_threads(threads)
    settings = stage.settings
    batches = TrainBatches(_to_device(stage, train), settings.batch_size, settings.steps, settings.seed)
    stage.total_steps = settings.steps
    torch.manual_seed(settings.seed)
    stage.train()
    optimizer = stage.configure_optimizers()["optimizer"]
    scaler = torch.amp.GradScaler(stage.device.type, enabled=settings.precision == "16-mixed")
    rates = np.geomspace(LOWEST_RATE, HIGHEST_RATE, TRIED)
    smoothed, average = [], 0.0
    for step, (rate, batch) in enumerate(zip(rates, _endless(batches), strict=False), start=1):
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        loss = _loss(stage, batch)
        if not torch.isfinite(loss):
            break
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(stage.parameters(), settings.gradient_clip)
        scaler.step(optimizer)
        scaler.update()
        average = SMOOTHING * average + (1 - SMOOTHING) * float(loss.detach())
        smoothed.append(average / (1 - SMOOTHING**step))
    losses, rates = np.array(smoothed), rates[: len(smoothed)]
    lowest = int(np.argmin(losses)) if len(losses) else 0
    if lowest <= SKIPPED:
        raise UserError(
            f"{stage.name}: no learning rate from {LOWEST_RATE:g} to {HIGHEST_RATE:g} lowered the loss within "
            f"{len(losses)} steps; raise batch_size, or look at the data and the weights of the losses"
        )
    slope = np.gradient(losses)[SKIPPED : lowest + 1]
    return RateRange(rates, losses, float(rates[SKIPPED + int(np.argmin(slope))]))


def find_batch_size(stage: Stage, train: Batches, threads: int, memory: float | None = None) -> BatchSize:
    """The largest power of two of samples that one step of training has the memory for.

    A step's memory grows in proportion to its samples. On a GPU it is what the allocator reports, and the answer is
    tried; on a processor it is 1.4 times what the backward pass needs of the forward pass.

    Parameters
    ----------
    stage : Stage
        Network and losses.
    train : mapping of dict of Tensor
        All samples by technique; they are repeated to fill larger batches.
    threads : int
        Processor cores.
    memory : float, optional
        Bytes to stay below; None: what the device has available.

    Raises
    ------
    UserError
        Not even two samples fit.
    """
    torch.set_num_threads(threads)
    data = _to_device(stage, train)
    stage.total_steps = stage.settings.steps
    stage.train()
    # the first step also takes what the libraries of a GPU keep
    _, few, many = (_memory_of_step(stage, _repeated(data, rows)) for rows in (32, 32, 128))
    of_sample = (many - few) / (128 - 32)
    held = _bytes(data) + COPIES * sum(p.nbytes for p in stage.parameters())
    of_network = held + max(0.0, few - 32 * of_sample)
    available = memory or _available(stage.device)
    room = int((USED * available - of_network) / of_sample)
    if room < 2:
        raise UserError(
            f"{stage.name}: {available / MEBIBYTE:.0f} MiB do not hold two samples: data and network take "
            f"{of_network / MEBIBYTE:.0f} MiB, a sample {of_sample / MEBIBYTE:.2g} MiB; expected more memory, or lower "
            "architecture.channels or hidden"
        )
    largest = 2 ** (room.bit_length() - 1)
    while stage.device.type == "cuda" and largest > 2 and not _fits(stage, _repeated(data, largest)):
        largest //= 2
    return BatchSize(largest, of_sample, of_network, available)


def _to_device(stage: Stage, data: Batches) -> Batches:
    device = find_device(stage.settings.accelerator)
    stage.to(device)
    return to_device(data, device)


def _endless(batches: TrainBatches) -> Iterator[Batches]:
    for epoch in itertools.count():
        batches.epoch = epoch
        yield from batches


def _repeated(data: Batches, rows: int) -> Batches:
    mask = next(iter(data.values()))["mask"]
    return numbered(data, torch.arange(rows, device=mask.device) % len(mask))


def _bytes(data: Batches) -> int:
    return sum(tensor.nbytes for curves in data.values() for tensor in curves.values())


def _loss(stage: Stage, batch: Batches) -> Tensor:
    dtype = AUTOCAST.get(stage.settings.precision)
    with torch.autocast(stage.device.type, dtype, enabled=dtype is not None):
        return stage.loss(stage.train_terms(batch))


def _memory_of_step(stage: Stage, batch: Batches) -> float:
    """Bytes that one forward and backward pass needs besides the weights."""
    if stage.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(stage.device)
        before = torch.cuda.memory_allocated(stage.device)
        _loss(stage, batch).backward()
        peak = torch.cuda.max_memory_allocated(stage.device) - before
        stage.zero_grad()
        return peak
    kept: dict[int, int] = {}
    weights = {parameter.untyped_storage().data_ptr() for parameter in stage.parameters()}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = _loss(stage, batch)
    del loss  # nothing was freed before all was counted
    return BACKWARD * sum(kept.values()) + _bytes(batch)


def _available(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.empty_cache()
        free, _ = torch.cuda.mem_get_info(device)
        return float(free)
    return float(psutil.virtual_memory().available)


def _fits(stage: Stage, batch: Batches) -> bool:
    try:
        _loss(stage, batch).backward()
    except torch.cuda.OutOfMemoryError:
        return False
    finally:
        stage.zero_grad()
        torch.cuda.empty_cache()
    return True
