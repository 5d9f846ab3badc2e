"""How networks are trained."""

from typing import Literal, Self

from pydantic import Field, model_validator

from pairvae.settings.network import Architecture
from pairvae.settings.stage import FILLED, NUMERICS_2, NUMERICS_3, Seeded

# Of the model folder; here, because the schema tells it to the workflow, which imports nothing of this package.
MODEL_FORMAT = 1


class Fit(Seeded):
    """How one network is trained."""

    steps: int = Field(8000, ge=1, description="Optimiser steps, whatever the number of samples.")
    max_time: float | None = Field(
        None,
        gt=0,
        description="Train for this many minutes instead of a number of steps; the numbers then depend on the machine.",
    )
    batch_size: int = Field(64, ge=2, description="Samples per step.")
    learning_rate: float = Field(2e-3, gt=0, description="Peak learning rate of AdamW.")
    warmup_fraction: float = Field(0.1, ge=0, lt=1, description="Share of the steps in which the rate rises.")
    weight_decay: float = Field(0.03, ge=0, description="Weight decay on matrices (not on biases and norms).")
    gradient_clip: float = Field(10.0, gt=0, description="Largest norm of the gradient.")
    average_decay: float = Field(0.999, ge=0, lt=1, description="Decay of the running average of the weights.")
    patience: int = Field(20, ge=1, description="Stop after this many epochs without improvement.")
    min_delta: float = Field(1e-5, ge=0, description="What counts as improvement of the validation loss.")
    mask_probability: float = Field(0.1, ge=0, le=1, description="Share of inputs of which a q range is hidden.")
    error_scale_dex: float = Field(
        0.5, gt=0, description="Points expected to be noisier than so many decades weigh less in reconstruction losses."
    )
    intensity_shift_dex: float = Field(
        0.1,
        ge=0,
        description="Curves (both of a pair alike) are shifted by up to this many decades of intensity.",
    )
    variance_weight: float = Field(
        0.1, ge=0, description="Weight of the likelihood that teaches the decoder its own error."
    )
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = Field(
        "32-true", description="Arithmetic: bf16-mixed or 16-mixed is faster on a GPU."
    )
    accelerator: Literal["auto", "cpu", "gpu"] = Field("auto", description="auto: a GPU when there is one.")


class Pretrain(Fit):
    """Train the ResVAE of one technique on its own spectra."""

    numerics: Literal[3] = NUMERICS_3
    steps: int = Field(800, ge=1, description="Optimiser steps, whatever the number of samples.")
    latent_dim: int = Field(
        32, ge=2, json_schema_extra=FILLED, description="Components of the latent code; unset: the run's."
    )
    covariates: tuple[str, ...] = Field(
        (), json_schema_extra=FILLED, description="What the networks are told; unset: the run's."
    )
    architecture: Architecture = Architecture()
    kl_weight: float = Field(3e-4, ge=0, description="Final weight β of the KL term.")
    kl_warmup_fraction: float = Field(0.2, ge=0, le=1, description="Share of the steps in which β rises from 0.")

    @model_validator(mode="after")
    def _code_is_whole(self) -> Self:
        network = self.architecture
        size = {"none": 1, "vq": network.code_dim, "fsq": len(network.levels)}[network.quantization]
        if self.latent_dim % size:
            raise ValueError(
                f"latent_dim: {self.latent_dim} components are no whole number of codes of {size} "
                f"(architecture.{'code_dim' if network.quantization == 'vq' else 'levels'}); change one of them"
            )
        return self


class JointTrain(Fit):
    """Train both ResVAEs together on pairs."""

    numerics: Literal[2] = NUMERICS_2
    start_from: str | None = Field(
        None,
        json_schema_extra={"model_format": MODEL_FORMAT},
        description="Model folder to start from instead of pretraining; its grids and scalers hold; empty: none.",
    )
    start_learning_rate: float = Field(1e-4, gt=0, description="Peak learning rate where start_from is set.")
    anchor_weight: float = Field(
        0.1, ge=0, description="Pull towards the weights of start_from (L2-SP), instead of weight_decay."
    )
    covariates: tuple[str, ...] = Field(
        (), json_schema_extra=FILLED, description="What the networks are told besides what start_from knows."
    )
    cross_weight: float = Field(1.0, ge=0, description="Weight of saxs_from_sans and sans_from_saxs.")
    self_weight: float = Field(0.5, ge=0, description="Weight of saxs_from_saxs and sans_from_sans.")
    self_every: int = Field(2, ge=1, description="Self-reconstruction enters every this many steps.")
    barlow_twins_weight: float = Field(0.02, ge=0, description="Weight of the Barlow Twins term on the codes.")
    redundancy_weight: float = Field(5e-3, ge=0, description="λ of Barlow Twins: weight of its off-diagonal part.")
    kl_weight: float = Field(3e-4, ge=0, description="Weight β of the KL term.")


class Baselines(Fit):
    """What a PairVAE must beat: mean curve, nearest neighbours, one direct network per direction."""

    numerics: Literal[2] = NUMERICS_2
    neighbours: int = Field(5, ge=1, description="Nearest neighbours that are averaged.")
