"""The training loop that all stages share: Lightning, resumable, one epoch a line."""

import csv
import hashlib
import logging
import math
import sys
import time
import warnings
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch import callbacks
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn

from pairvae.atomic import written_whole
from pairvae.errors import Stopped, UserError
from pairvae.models import losses
from pairvae.settings import Fit
from pairvae.train.batches import Batch, TrainBatches, ValidationBatches
from pairvae.train.device import find_device
from pairvae.train.interruption import StopSignals, resumable
from pairvae.train.schedules import average_decay, cosine_with_warmup


class Stage(lightning.LightningModule, ABC):
    """What is trained and for what; a stage fills in `train_terms`, `loss` and `val_terms`.

    Parameters
    ----------
    network : Module
        What learns.
    settings : Fit
        Steps, rates, seed.
    name : str
        For messages: `pretrain saxs`.
    """

    def __init__(self, network: nn.Module, settings: Fit, name: str) -> None:
        super().__init__()
        self.network, self.settings, self.name = network, settings, name
        self.total_steps = settings.steps  # made exact by `fit`
        self.running: dict[str, tuple[Tensor, int]] = {}  # sums over the steps of the epoch
        self.began = 0.0

    @abstractmethod
    def train_terms(self, batch: Batch) -> dict[str, Tensor]:
        """Loss terms of one batch by name, not weighted."""

    @abstractmethod
    def val_terms(self, batch: Batch) -> dict[str, Tensor]:
        """Measures of one validation batch by name; `loss` decides which epoch was best."""

    @abstractmethod
    def loss(self, terms: dict[str, Tensor]) -> Tensor:
        """What is made small at this step, out of the terms."""

    def kl_weight(self) -> float | None:
        """Weight β of the KL term at this step; None where there is no such term."""
        return None

    def reconstruction(self, prediction: Tensor, target: Tensor, batch: Batch, prefix: str = "") -> Tensor:
        """Mean square error in decades², noisy points weighing less; the target's σ and mask stand in the batch."""
        noise, mask = batch[f"{prefix}log_sigma"], batch[f"{prefix}mask"]
        weight = losses.point_weights(prediction, target, noise, mask, self.settings.error_scale_dex)
        return losses.reconstruction(prediction, target, weight)

    def on_train_epoch_start(self) -> None:
        """Make the epoch's random numbers depend on seed and epoch alone, so that a resumed run repeats them."""
        batches = self.trainer.train_dataloader
        assert isinstance(batches, TrainBatches)
        batches.epoch = self.current_epoch
        torch.manual_seed(self.settings.seed * 1_000_003 + self.current_epoch)
        self.running, self.began = {}, time.perf_counter()

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Loss of one batch; its terms are kept for the history."""
        terms = self.train_terms(batch)
        loss = self.loss(terms)
        if (batch_idx % 20 == 0 or self.device.type == "cpu") and not torch.isfinite(loss):
            bad = ", ".join(name for name, term in terms.items() if not torch.isfinite(term)) or "their sum"
            raise UserError(
                f"{self.name}, epoch {self.current_epoch}, step {self.global_step}: the loss is not finite ({bad}). "
                "Likely causes: a learning_rate too high, 16-mixed precision (use bf16-mixed or 32-true), or "
                "intensities far outside the rest of the data; mend and start again, finished epochs are kept"
            )
        for name, term in {"loss": loss, **terms}.items():
            total, count = self.running.get(name, (torch.zeros_like(term), 0))
            self.running[name] = (total + term.detach(), count + 1)
        return loss

    def validation_step(self, batch: Batch) -> None:
        """Log the measures, averaged over the batches."""
        self.log_dict({f"val/{name}": term for name, term in self.val_terms(batch).items()}, batch_size=1)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """AdamW with warm-up and cosine decay; only matrices are decayed."""
        parameters = [p for p in self.network.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(
            [
                {"params": [p for p in parameters if p.ndim > 1], "weight_decay": self.settings.weight_decay},
                {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
            ],
            lr=self.settings.learning_rate,
            # one pass over the weights; not with 16-mixed, whose scaled gradients must be clipped first
            fused=self.settings.precision != "16-mixed",
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: cosine_with_warmup(step, self.total_steps, self.settings.warmup_fraction)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class Best(callbacks.Callback):
    """Keep the averaged weights of the epoch with the lowest validation loss."""

    def __init__(self, network: nn.Module) -> None:
        self.network, self.loss, self.epoch = network, math.inf, -1
        self.weights: dict[str, Tensor] = {}

    def on_validation_epoch_end(self, trainer: lightning.Trainer, _: lightning.LightningModule) -> None:
        """Called while the averaged weights stand in the network."""
        loss = float(trainer.callback_metrics["val/loss"])
        if loss < self.loss:
            self.loss, self.epoch = loss, trainer.current_epoch
            self.weights = {name: t.detach().cpu().clone() for name, t in self.network.state_dict().items()}

    def state_dict(self) -> dict[str, Any]:
        """For the resume file."""
        return {"loss": self.loss, "epoch": self.epoch, "weights": self.weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """From the resume file."""
        self.loss, self.epoch, self.weights = state["loss"], state["epoch"], state["weights"]


class History(callbacks.Callback):
    """One row per epoch: losses, learning rate, seconds; survives a resume; printed where there is no terminal."""

    def __init__(self, stage: Stage, epochs: int) -> None:
        self.stage, self.epochs = stage, epochs
        self.rows: list[dict[str, float]] = []

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
            print(
                f"{self.stage.name}  epoch {trainer.current_epoch + 1}/{self.epochs}  {terms}  {seconds:.1f} s",
                flush=True,
            )

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
        """Called behind the resume file, before the first epoch."""
        trainer.should_stop = self.wait_count >= self.patience


class Kept(callbacks.Checkpoint):
    """Keep every epoch in a file that is whole or absent: what a killed training goes on from.

    Lightning's own callback with `save_top_k=0, save_last=True` saves when training ends, not before.
    A training that was asked to stop does so between two batches, never inside a write.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.signals = path, StopSignals()

    def on_train_start(self, trainer: lightning.Trainer, stage: Stage) -> None:  # type: ignore[override]
        """Listen from here on: Lightning's own handler would lose the epoch and end with exit code 0."""
        self.signals.listen(already=trainer.received_sigterm)
        self._stop_if_asked(stage, trainer.current_epoch)

    def on_train_batch_end(self, trainer: lightning.Trainer, stage: Stage, *_: Any) -> None:  # type: ignore[override]
        """Stop here if asked to; behind the last batch of an epoch, the epoch is kept first."""
        if not trainer.is_last_batch:
            self._stop_if_asked(stage, trainer.current_epoch)

    def on_train_epoch_end(self, trainer: lightning.Trainer, stage: Stage) -> None:  # type: ignore[override]
        """Called behind all other callbacks."""
        with written_whole(self.path) as temporary:
            trainer.save_checkpoint(temporary)
        self._stop_if_asked(stage, trainer.current_epoch + 1)

    def _stop_if_asked(self, stage: Stage, epochs: int) -> None:
        if asked := self.signals.received:
            raise Stopped(
                f"{stage.name}: stopped by {asked.name} with {epochs} whole epochs kept; start it again to go on there",
                asked,
            )


def fit(stage: Stage, train: Batch, val: Batch, settings: Fit, resume: Path, identity: str, threads: int) -> History:
    """Train until the steps are done or nothing improves; leave the best averaged weights in the network.

    Every epoch is kept in `resume/<key>/last.ckpt`, the key being a hash of `identity` and the settings; a
    killed training goes on behind its last whole epoch.

    Parameters
    ----------
    stage : Stage
        Network and losses.
    train, val : dict of Tensor
        All samples; they move to the device as they are.
    settings : Fit
        How to train.
    resume : Path
        Folder for resume files, outside of the declared outputs.
    identity : str
        Whatever decides the result besides the settings: checksums of the inputs.
    threads : int
        Processor cores.

    Raises
    ------
    UserError
        There is no GPU and the settings want one, or the loss is not finite.
    Stopped
        SIGTERM or SIGUSR1 came: the epochs so far are kept.
    """
    torch.set_num_threads(threads)
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # no advice, no device lists
    device = find_device(settings.accelerator)
    batches = TrainBatches(
        {k: t.to(device) for k, t in train.items()}, settings.batch_size, settings.steps, settings.seed
    )
    stage.total_steps = batches.epochs * len(batches)
    print(
        f"{stage.name}: {batches.samples} samples, {batches.epochs} epochs of {len(batches)} steps "
        f"of {batches.batch_size}, on {device.type}",
        flush=True,
    )
    key = hashlib.sha256(f"{identity} {settings.model_dump_json()}".encode()).hexdigest()[:16]
    last = resume / key / "last.ckpt"
    best, history = Best(stage.network), History(stage, batches.epochs)
    with warnings.catch_warnings():
        # the batches are slices of tensors in memory: there are no workers to add
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        # one process on one device needs no srun of its own, whatever the batch system's variables say
        warnings.filterwarnings("ignore", message=".*`srun` command is available.*")
        warnings.filterwarnings("ignore", message=".*LeafSpec.*")  # Lightning's own, about torch
        trainer = lightning.Trainer(
            accelerator="gpu" if device.type == "cuda" else "cpu",
            devices=1,
            plugins=[LightningEnvironment()],  # one process, whatever a batch system's variables say
            precision=settings.precision,
            max_epochs=batches.epochs,
            gradient_clip_val=settings.gradient_clip,
            num_sanity_val_steps=0,
            logger=False,
            enable_model_summary=False,
            enable_progress_bar=sys.stderr.isatty(),
            default_root_dir=resume,
            callbacks=[
                best,  # before the average: it looks while the averaged weights stand in the network
                Average(settings.average_decay),
                EarlyStopping("val/loss", settings.min_delta, settings.patience),
                history,
                Kept(last),
            ],
        )
        trainer.fit(
            stage,
            batches,
            ValidationBatches({k: t.to(device) for k, t in val.items()}),
            ckpt_path=last if resumable(last) else None,
            weights_only=True,
        )
    stage.network.load_state_dict(best.weights)
    stage.network.eval()
    print(f"{stage.name}: best epoch {best.epoch + 1} with validation loss {best.loss:.5g}")
    return history
