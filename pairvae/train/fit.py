"""The training loop that all stages share: Lightning, resumable, one epoch a line."""

import csv
import hashlib
import logging
import math
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch import callbacks
from torch import Tensor

from pairvae.errors import Stopped, UserError
from pairvae.files.whole import written_whole
from pairvae.models.tensors import Batches, take, to_device
from pairvae.settings import Fit
from pairvae.train.batches import TrainBatches, ValidationBatches
from pairvae.train.device import find_device
from pairvae.train.interruption import StopSignals, resumable
from pairvae.train.monitor import SHOW_ONLY, Tracking
from pairvae.train.schedules import average_decay
from pairvae.train.stage import Stage
from pairvae.train.training_summary import TrainingSummary, summary_of

LATENT_ROWS = 2048  # training curves whose codes are looked at when a training has ended


class Best(callbacks.Callback):
    """Keep the averaged weights of the epoch with the lowest validation loss."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.network, self.loss, self.epoch = stage, stage.network, math.inf, -1
        self.weights: dict[str, Tensor] = {}

    @torch.inference_mode()
    def begin(self, val: Batches) -> None:
        """Take the weights that a training begins with as those of epoch 0, the first to be beaten."""
        self.stage.eval()
        batches = ValidationBatches(val)
        loss = sum(float(self.stage.val_terms(batch)["loss"]) for batch in batches) / len(batches)
        self.stage.train()
        print(f"{self.stage.name}: validation loss {loss:.5g} before the first step", flush=True)
        self._look(loss, -1)

    def on_validation_epoch_end(self, trainer: lightning.Trainer, _: lightning.LightningModule) -> None:
        """Called while the averaged weights stand in the network."""
        self._look(float(trainer.callback_metrics["val/loss"]), trainer.current_epoch)

    def _look(self, loss: float, epoch: int) -> None:
        if not math.isfinite(loss):
            raise UserError(
                f"{self.stage.name}, epoch {epoch}: the loss of the validation samples is not finite; lower "
                "learning_rate, or look for intensities far outside the rest of the data in the validation split"
            )
        if loss < self.loss:
            self.loss, self.epoch = loss, epoch
            self.weights = {name: t.detach().cpu().clone() for name, t in self.network.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        """For the resume file."""
        return {"loss": self.loss, "epoch": self.epoch, "weights": self.weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """From the resume file."""
        self.loss, self.epoch, self.weights = state["loss"], state["epoch"], state["weights"]


class History(callbacks.Callback):
    """One row per epoch: losses, learning rate, seconds; survives a resume; printed where there is no terminal.

    Attributes
    ----------
    summary : dict
        What the training came to, set when it has ended; see `pairvae.train.training_summary`.
    """

    def __init__(self, stage: Stage, epochs: int) -> None:
        self.stage, self.epochs = stage, epochs
        self.rows: list[dict[str, float]] = []
        self.summary: TrainingSummary = {}

    def on_train_epoch_end(self, trainer: lightning.Trainer, _: lightning.LightningModule) -> None:
        """Write down the epoch that has just been trained and validated."""
        train = {f"train/{name}": float(total) / count for name, (total, count) in self.stage.running.items()}
        val = {k: float(v) for k, v in trainer.callback_metrics.items() if k.startswith("val/")}
        seconds = time.perf_counter() - self.stage.began
        rate = trainer.optimizers[0].param_groups[0]["lr"]
        row = {"epoch": trainer.current_epoch, "step": trainer.global_step, "learning_rate": rate}
        weight = self.stage.kl_weight()
        beta = {} if weight is None else {"kl_weight": weight}
        self.rows.append({**row, **beta, "seconds": seconds, **train, **val})
        if not sys.stderr.isatty():
            terms = "  ".join(f"{k} {v:.4g}" for k, v in {**train, **val}.items() if k != "train/loss")
            time_given = self.stage.settings.max_time
            of = (
                f"/{self.epochs}" if time_given is None else f" ({self.stage.elapsed() / 60:.1f} of {time_given:g} min)"
            )
            print(f"{self.stage.name}  epoch {trainer.current_epoch + 1}{of}  {terms}  {seconds:.1f} s", flush=True)

    def state_dict(self) -> dict[str, Any]:
        """For the resume file."""
        return {"rows": self.rows}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """From the resume file."""
        self.rows = state["rows"]

    def write(self, path: Path) -> None:
        """Write the rows as CSV."""
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        with written_whole(path) as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(self.rows)


class Average(callbacks.WeightAveraging):
    """Running average of the weights, used in validation and kept as the result.

    The decay of Lightning's `EMAWeightAveraging` is constant, so that a short training keeps its first weights.

    Polyak and Juditsky, SIAM J. Control Optim. 30 (1992) 838.
    """

    def __init__(self, decay: float) -> None:
        def update(averaged: list[Tensor], current: list[Tensor], count: Tensor | int) -> None:
            torch._foreach_lerp_(averaged, current, 1 - average_decay(int(count), decay))

        # the buffers (grid, scaler) never change: nothing to average
        super().__init__(multi_avg_fn=update, use_buffers=False)


class EarlyStopping(callbacks.EarlyStopping):
    """A training that had stopped stays stopped when it is started again."""

    def on_train_start(self, trainer: lightning.Trainer, _: lightning.LightningModule) -> None:
        """Called after the resume file is read, before the first epoch."""
        trainer.should_stop = self.wait_count >= self.patience


class ResumeFile(callbacks.Checkpoint):
    """Keep every epoch in a file that is whole or absent, from which a killed training resumes.

    Lightning's own callback with `save_top_k=0, save_last=True` saves when training ends, not before.
    A training that was asked to stop does so between two batches, never inside a write.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.signals = path, StopSignals()

    def on_train_start(self, trainer: lightning.Trainer, stage: Stage) -> None:  # type: ignore[override]  # our stages alone
        """Listen from here on: Lightning's own handler would lose the epoch and end with exit code 0."""
        self.signals.listen(already=trainer.received_sigterm)
        self._stop_if_asked(stage, trainer.current_epoch)

    def on_train_batch_end(self, trainer: lightning.Trainer, stage: Stage, *_: Any) -> None:  # type: ignore[override]
        """Stop here if asked to; after the last batch of an epoch, the epoch is kept first."""
        if not trainer.is_last_batch:
            self._stop_if_asked(stage, trainer.current_epoch)

    def on_train_epoch_end(self, trainer: lightning.Trainer, stage: Stage) -> None:  # type: ignore[override]  # our stages alone
        """Called after all other callbacks."""
        with written_whole(self.path) as temporary:
            trainer.save_checkpoint(temporary)
        self._stop_if_asked(stage, trainer.current_epoch + 1)

    def _stop_if_asked(self, stage: Stage, epochs: int) -> None:
        if asked := self.signals.received:
            raise Stopped(
                f"{stage.name}: stopped by {asked.name} with {epochs} whole epochs kept; start it again to go on there",
                asked,
            )


def fit(
    stage: Stage,
    train: Batches,
    val: Batches,
    settings: Fit,
    resume: Path,
    identity: str,
    threads: int,
    figures: callbacks.Callback | None = None,
) -> History:
    """Train until steps or time are over or nothing improves; leave the best averaged weights in the network.

    Every epoch is kept in `resume/<key>/last.ckpt`, the key being a hash of `identity` and the settings; a
    killed training resumes after its last whole epoch.

    Parameters
    ----------
    stage : Stage
        Network and losses.
    train, val : mapping of dict of Tensor
        All samples by technique; they move to the device as they are.
    settings : Fit
        How to train.
    resume : Path
        Folder for resume files, outside of the declared outputs.
    identity : str
        Whatever decides the result besides the settings: checksums of the inputs.
    threads : int
        Processor cores.
    figures : Callback, optional
        Draws while the averaged weights stand in the network.

    Raises
    ------
    UserError
        There is no GPU and the settings want one, a monitor is not installed, or the loss is not finite.
    Stopped
        SIGTERM or SIGUSR1 came: the epochs so far are kept.
    """
    torch.set_num_threads(threads)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # no advice, no device lists
    device = find_device(settings.accelerator)
    batches = TrainBatches(to_device(train, device), settings.batch_size, settings.steps, settings.seed)
    stage.total_steps = batches.epochs * len(batches)
    length = f"{batches.epochs} epochs" if settings.max_time is None else f"{settings.max_time:g} minutes in epochs"
    size = f"{len(batches)} steps of {batches.batch_size}"
    print(f"{stage.name}: {batches.samples} samples, {length} of {size}, on {device.type}", flush=True)
    deciding = settings.model_dump_json(exclude=SHOW_ONLY)
    key = hashlib.sha256(f"{identity} {deciding}".encode()).hexdigest()[:16]
    last = resume / key / "last.ckpt"
    best, history = Best(stage), History(stage, batches.epochs)
    tracking = Tracking(stage.name, settings, lambda: history.rows, resume / "monitor")
    resumes = resumable(last)
    if stage.keep_start and not resumes:
        best.begin(val)
    watching = [
        best,  # before the average: it looks while the averaged weights stand in the network
        *([figures] if figures else []),
        Average(settings.average_decay),
        EarlyStopping("val/loss", settings.min_delta, settings.patience),
        history,
        *([tracking] if settings.monitor else []),
        ResumeFile(last),
    ]
    with _without_advice():
        trainer = _trainer(settings, device, batches.epochs, resume, watching)
        shown = ValidationBatches(to_device(val, device))
        trainer.fit(stage, batches, shown, ckpt_path=last if resumes else None, weights_only=True)
    stage.network.load_state_dict(best.weights)
    stage.network.eval()
    print(f"{stage.name}: best epoch {best.epoch + 1} with validation loss {best.loss:.5g}")
    with torch.inference_mode():
        codes = stage.cpu().codes({t: take(curves, slice(LATENT_ROWS)) for t, curves in train.items()})
    history.summary = summary_of(stage.name, history.rows, best.epoch, best.loss, codes)
    return history


@contextmanager
def _without_advice() -> Iterator[None]:
    """Leave out warnings of Lightning that do not hold here."""
    with warnings.catch_warnings():
        # the batches are slices of tensors in memory: there are no workers to add
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        # one process on one device needs no srun of its own, whatever the batch system's variables say
        warnings.filterwarnings("ignore", message=".*`srun` command is available.*")
        warnings.filterwarnings("ignore", message=".*LeafSpec.*")  # Lightning's own, about torch
        # those that judge curves never train
        warnings.filterwarnings("ignore", message=".*in eval mode at the start of training.*")
        yield


def _trainer(
    settings: Fit, device: torch.device, epochs: int, resume: Path, watching: list[callbacks.Callback]
) -> lightning.Trainer:
    return lightning.Trainer(
        accelerator="gpu" if device.type == "cuda" else "cpu",
        devices=1,
        plugins=[LightningEnvironment()],  # one process, whatever a batch system's variables say
        precision=settings.precision,
        max_epochs=epochs if settings.max_time is None else -1,
        gradient_clip_val=settings.gradient_clip,
        num_sanity_val_steps=0,
        logger=False,
        enable_model_summary=False,
        enable_progress_bar=sys.stderr.isatty(),
        default_root_dir=resume,
        callbacks=watching,
    )
