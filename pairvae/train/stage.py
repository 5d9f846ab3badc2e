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
from pairvae.models.resvae import Code, Decoded, ResVAE
from pairvae.models.tensors import Batch, Batches
from pairvae.scattering.spectrum import Technique
from pairvae.settings import Fit, Variational
from pairvae.train.augment import hide_covariates, hide_part, other_samples, renoised
from pairvae.train.batches import TrainBatches
from pairvae.train.schedules import kl_factor, learning_rate_factor
from pairvae.train.training_summary import farthest_first

EXTRAS = ("vicreg", "info_nce", "perceptual", "sparsity", "scale")  # terms with a weight of their name


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
    def train_terms(self, batch: Batches) -> dict[str, Tensor]:
        """Loss terms of one batch by name, not weighted."""

    @abstractmethod
    def val_terms(self, batch: Batches) -> dict[str, Tensor]:
        """Measures of one validation batch by name; `loss` decides which epoch was best."""

    def codes(self, batch: Batches) -> dict[str, Code]:  # noqa: ARG002, a stage need not have codes
        """Posteriors of whole curves by technique; none where a stage has no codes to watch."""
        return {}

    @abstractmethod
    def loss(self, terms: dict[str, Tensor]) -> Tensor:
        """What is made small at this step, out of the terms."""

    def kl_weight(self) -> float | None:
        """Weight β of the KL term at this step; None where there is no such term."""
        if not isinstance(self.settings, Variational):
            return None
        return self.settings.kl_weight * kl_factor(self.settings, *self.position(self.global_step))

    def weigh_ranges(self, q: Tensor, technique: Technique) -> None:
        """Take the weights of q ranges of a technique whose curves lie on the grid q.

        Raises
        ------
        UserError
            A range holds no point of the grid, or every point weighs 0.
        """
        if ranges := self.settings.q_weights.get(technique):
            grid = f"the grid of {technique}, {q[0]:.4g} to {q[-1]:.4g} 1/Å"
            for low, high, _ in ranges:
                if not ((q >= low) & (q <= high)).any():
                    raise UserError(
                        f"{self.name}: q_weights: the range from {low:g} to {high:g} holds no point of {grid}; "
                        "expected q in 1/Å within it; mend the range or leave it out"
                    )
            weights = losses.range_weights(q, ranges)
            if not weights.any():
                raise UserError(
                    f"{self.name}: q_weights: every point of {grid}, weighs 0, so nothing would be learnt; raise one"
                )
            self.register_buffer(f"q_weight_{technique}", weights, persistent=False)

    def reconstruction(self, technique: Technique, curve: Decoded, measured: Batch) -> Tensor:
        """Mean square error of a technique's decoded curves in decades², noisy points weighing less.

        Parameters
        ----------
        technique : {"saxs", "sans"}
            Of the curves.
        curve : Decoded
            As `at_scale` gives it.
        measured : dict of Tensor
            What it is compared with.
        """
        target = measured["log_intensity"]
        return losses.reconstruction(curve.log_intensity, target, self._trust(technique, curve, measured))

    def _trust(self, technique: Technique, curve: Decoded, measured: Batch) -> Tensor:
        target, noise, mask = (measured[name] for name in ("log_intensity", "log_sigma", "mask"))
        trust = losses.point_weights(curve.log_intensity, target, noise, mask, self.settings.error_scale_dex)
        return trust * self._q_weight(technique)

    def compared(
        self, name: str, technique: Technique, network: ResVAE, curve: Decoded, measured: Batch
    ) -> dict[str, Tensor]:
        """Terms of a decoded curve: its mean square error under its name, as validation has it, and what is trained.

        Parameters
        ----------
        name : str
            `reconstruction`, or a path.
        technique : {"saxs", "sans"}
            Of the curve.
        network : ResVAE
            That decoded it.
        curve : Decoded
            As `at_scale` gives it.
        measured : dict of Tensor
            What it is compared with.
        """
        settings, target, mask = self.settings, measured["log_intensity"], measured["mask"]
        trust = self._trust(technique, curve, measured)
        terms = {name: losses.reconstruction(curve.log_intensity, target, trust)}
        if (loss := losses.OF_CURVES.get(settings.loss)) is not None:
            noise, weight = measured["log_sigma"], mask * self._q_weight(technique)
            scaled, scaled_target = network.scaled(curve.log_intensity), network.scaled(target)
            compared = losses.Compared(*curve, target, noise, weight, trust, scaled, scaled_target)
            terms[f"{name}_{settings.loss}"] = loss(compared)
        if settings.ssim_weight > 0:
            terms[f"{name}_ssim"] = 1 - losses.ssim(curve.log_intensity, target, mask, self._q_weight(technique))
        return terms

    def loss_of(self, name: str, terms: dict[str, Tensor]) -> Tensor:
        """What `compared` found out about a curve, as it is trained."""
        settings = self.settings
        of_mean_square = losses.OF_MEAN_SQUARE.get(settings.loss)
        loss = of_mean_square(terms[name]) if of_mean_square else terms[f"{name}_{settings.loss}"]
        return loss + settings.ssim_weight * terms[f"{name}_ssim"] if settings.ssim_weight > 0 else loss

    def with_extras(self, loss: Tensor, terms: dict[str, Tensor]) -> Tensor:
        """The loss and those terms that only some settings bring."""
        for name in EXTRAS:
            if name in terms:
                loss = loss + getattr(self.settings, f"{name}_weight") * terms[name]
        return loss + terms.get("commitment", 0.0)  # its weight is the network's

    def _q_weight(self, technique: Technique) -> Tensor | float:
        return getattr(self, f"q_weight_{technique}", 1.0)

    def autoencoded(
        self, settings: Variational, technique: Technique, network: ResVAE, curves: Batch
    ) -> tuple[Code, Decoded, Batch]:
        """Curves as other samples would have given them, decoded from a sample of the code of what is left visible.

        Parameters
        ----------
        settings : Variational
            How samples are changed, what is hidden, and how much the code is spread.
        technique : {"saxs", "sans"}
            Of the curves.
        network : ResVAE
            Of that technique.
        curves : dict of Tensor
            Measured curves, as `as_tensors` gives them.

        Returns
        -------
        code : Code
            Posterior of the code.
        curve : Decoded
            As it is compared with its target.
        curves : dict of Tensor
            The other samples.
        """
        curves = other_samples({technique: curves}, {technique: network}, settings, self.left())[technique]
        covariates = hide_covariates(curves["covariates"], network.covariates, settings)
        visible = hide_part(curves["mask"], settings.mask_probability)
        code = network.encode(renoised(curves, settings.renoise), visible, covariates)
        curve = network.decode(code.sample(settings.sampling_noise), covariates, from_partner=False)
        return code, self.at_scale(curve, curves, network.scale_free), curves

    def at_scale(self, curve: Decoded, measured: Batch, scale_free: bool) -> Decoded:
        """A decoded curve as it is compared with the measured one: at the best scale where it has none of its own.

        Parameters
        ----------
        curve : Decoded
            log10 I and the log-variance of its error, each (batch, q).
        measured : dict of Tensor
            The measured curve, its uncertainty and its mask.
        scale_free : bool
            Whether the network has no scale.
        """
        if not scale_free:
            return curve
        factor = losses.best_log_scale(curve.log_intensity, measured["log_intensity"], self.weights_of(measured))
        return curve._replace(log_intensity=curve.log_intensity + factor)

    def weights_of(self, measured: Batch) -> Tensor:
        """What each point of measured curves weighs by its own uncertainty, shape (batch, q); see `point_weights`."""
        target, noise, mask = (measured[name] for name in ("log_intensity", "log_sigma", "mask"))
        return losses.point_weights(target, target, noise, mask, self.settings.error_scale_dex)

    def elapsed(self) -> float:
        """Seconds of training so far, those before a restart with them."""
        return self.spent + (0.0 if math.isnan(self.started) else time.monotonic() - self.started)

    def position(self, step: int) -> tuple[float, float]:
        """How far the training is and how long it is: in seconds where `max_time` is set, else in steps."""
        if self.settings.max_time is None:
            return step, self.total_steps
        return self.elapsed(), 60 * self.settings.max_time

    def left(self) -> float:
        """Share of the training that is left at this step."""
        step, steps = self.position(self.global_step)
        return max(0.0, 1 - step / steps)

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

    def training_step(self, batch: Batches, batch_idx: int) -> Tensor:
        """Loss of one batch; its terms are kept for the history."""
        terms = self.train_terms(batch)
        loss = self.loss(terms)
        if (batch_idx % 20 == 0 or self.device.type == "cpu") and not torch.isfinite(loss):
            bad = ", ".join(name for name, term in terms.items() if not torch.isfinite(term)) or "their sum"
            raise UserError(
                f"{self.name}, epoch {self.current_epoch}, step {self.global_step}: the loss is not finite ({bad}), "
                f"on {len(next(iter(batch.values()))['row'])} samples, the most unlike ones first: "
                f"{farthest_first(batch, self.samples)}. "
                "Likely causes: a learning_rate too high, 16-mixed precision (use bf16-mixed or 32-true), or "
                "intensities far outside the rest of the data; mend and start again, finished epochs are kept"
            )
        for name, term in {"loss": loss, **terms}.items():
            total, count = self.running.get(name, (torch.zeros_like(term), 0))
            self.running[name] = (total + term.detach(), count + 1)
        return loss

    def validation_step(self, batch: Batches) -> None:
        """Log the measures, averaged over the batches."""
        self.log_dict({f"val/{name}": term for name, term in self.val_terms(batch).items()}, batch_size=1)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """Optimiser and schedule of the settings; only matrices are decayed."""
        parameters = [p for p in self.parameters() if p.requires_grad]
        kind = {"adamw": torch.optim.AdamW, "adam": torch.optim.Adam}[self.settings.optimizer]
        optimizer = kind(
            [
                {"params": [p for p in parameters if p.ndim > 1], "weight_decay": self.weight_decay},
                {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
            ],
            lr=self.learning_rate,
            # one pass over the weights; not with 16-mixed, whose scaled gradients must be clipped first
            fused=self.settings.precision != "16-mixed",
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: learning_rate_factor(self.settings, *self.position(step))
        )
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def check_loss(settings: Fit, network: nn.Module) -> None:
    """Refuse terms that a network cannot learn by.

    Binary cross-entropy compares numbers between 0 and 1; the KL of a quantised code is a constant.

    Raises
    ------
    UserError
        One of the autoencoders decodes other numbers, or has a quantised code and the settings free bits.
    """
    autoencoders = [part for part in network.modules() if isinstance(part, ResVAE)]
    quantized = any(part.quantization is not None for part in autoencoders)
    if quantized and isinstance(settings, Variational) and settings.free_bits > 0:
        raise UserError(
            f"free_bits is {settings.free_bits:g}, but the KL of a quantised code is a constant and has no bits to "
            "free; set free_bits to 0, or pretrain with architecture: {quantization: none}"
        )
    if settings.loss != "binary_cross_entropy":
        return
    for part in autoencoders:
        if part.output != "sigmoid" or part.scale_free:
            raise UserError(
                "loss: binary_cross_entropy needs curves between 0 and 1, but a network is scale-free or has a linear "
                "output; pretrain with architecture: {output: sigmoid, scaling: min_max} and scale_free: false, or "
                "choose another loss"
            )
