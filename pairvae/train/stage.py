"""What a training stage is made of: terms, loss, optimiser, and a clock."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import lightning
import torch
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn

from pairvae.errors import UserError
from pairvae.models import losses
from pairvae.models.resvae import Code, Decoded
from pairvae.settings import Fit
from pairvae.train.batches import Batch, TrainBatches
from pairvae.train.outcome import farthest_first
from pairvae.train.schedules import cosine_with_warmup


class Stage(lightning.LightningModule, ABC):
    """What is trained and for what; a stage fills in `train_terms`, `loss`, `codes` and `val_terms`.

    Parameters
    ----------
    network : Module
        What learns.
    settings : Fit
        Steps, rates, seed.
    name : str
        For messages: `pretrain saxs`.
    samples : sequence of str
        Names of the training samples, in the order of their rows: for messages; empty: their numbers.
    """

    keep_start = False  # whether the weights it begins with are the first to be beaten

    def __init__(self, network: nn.Module, settings: Fit, name: str, samples: Sequence[str] = ()) -> None:
        super().__init__()
        self.network, self.settings, self.name, self.samples = network, settings, name, samples
        self.learning_rate, self.weight_decay = settings.learning_rate, settings.weight_decay
        self.total_steps = settings.steps  # made exact by `fit`
        self.spent, self.started = 0.0, math.nan  # seconds before this process; when this one started
        self.running: dict[str, tuple[Tensor, int]] = {}  # sums over the steps of the epoch
        self.began = 0.0

    @abstractmethod
    def train_terms(self, batch: Batch) -> dict[str, Tensor]:
        """Loss terms of one batch by name, not weighted."""

    @abstractmethod
    def val_terms(self, batch: Batch) -> dict[str, Tensor]:
        """Measures of one validation batch by name; `loss` decides which epoch was best."""

    def codes(self, batch: Batch) -> dict[str, Code]:  # noqa: ARG002, a stage need not have codes
        """Posteriors of whole curves by technique; none where a stage has no codes to watch."""
        return {}

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

    def at_scale(self, curve: Decoded, target: Tensor, batch: Batch, scale_free: bool, prefix: str = "") -> Decoded:
        """A decoded curve as it is compared with its target: at the best scale where it has none of its own."""
        if not scale_free:
            return curve
        noise, mask = batch[f"{prefix}log_sigma"], batch[f"{prefix}mask"]
        weight = losses.point_weights(target, target, noise, mask, self.settings.error_scale_dex)
        factor = losses.best_log_scale(curve.log_intensity, target, weight)
        return curve._replace(log_intensity=curve.log_intensity + factor)

    def elapsed(self) -> float:
        """Seconds of training so far, those before a restart with them."""
        return self.spent + (0.0 if math.isnan(self.started) else time.monotonic() - self.started)

    def position(self, step: int) -> tuple[float, float]:
        """How far the training is and how long it is: in seconds where `max_time` is set, else in steps."""
        if self.settings.max_time is None:
            return step, self.total_steps
        return self.elapsed(), 60 * self.settings.max_time

    def on_train_start(self) -> None:
        """Start the clock; a training whose time was over when it was killed stays over."""
        self.started = time.monotonic()
        self._stop_in_time()

    def on_train_batch_end(self, *_: object) -> None:
        """Stop when the time is over, and validate once more."""
        self._stop_in_time()

    def _stop_in_time(self) -> None:
        if self.settings.max_time is not None and self.elapsed() >= 60 * self.settings.max_time:
            self.trainer.should_stop = True

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """The schedule goes on from the time that was spent."""
        checkpoint["seconds"] = self.elapsed()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """From the resume file."""
        self.spent = checkpoint["seconds"]

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
                f"{self.name}, epoch {self.current_epoch}, step {self.global_step}: the loss is not finite ({bad}), "
                f"on {len(batch['row'])} samples, the most unlike ones first: "
                f"{farthest_first(batch, self.samples)}. "
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
                {"params": [p for p in parameters if p.ndim > 1], "weight_decay": self.weight_decay},
                {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
            ],
            lr=self.learning_rate,
            # one pass over the weights; not with 16-mixed, whose scaled gradients must be clipped first
            fused=self.settings.precision != "16-mixed",
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: cosine_with_warmup(*self.position(step), self.settings.warmup_fraction)
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
