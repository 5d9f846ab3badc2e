"""How networks are trained."""

from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from pairvae.settings.network import Architecture
from pairvae.settings.stage import FILLED, Seeded, numerics_version
from pairvae.techniques import CROSS_PATHS, PathName, Technique

# Of the model folder; here, because the schema tells it to the workflow, which imports nothing of this package.
MODEL_FORMAT = 1
Monitor = Literal["tensorboard", "mlflow"]
NetworkPart = Literal["saxs.encoder", "saxs.decoder", "sans.encoder", "sans.decoder"]
Loss = Literal["log_likelihood", "mse", "gaussian_nll", "chi2", "binary_cross_entropy"]
KlSchedule = Literal["constant", "linear", "cosine", "cyclic"]


class Fit(Seeded):
    """How one network is trained."""

    steps: int = Field(8000, ge=1, description="Number of optimiser steps, independent of the number of samples.")
    max_time: float | None = Field(
        None,
        gt=0,
        description="Train for this many minutes instead of a number of steps; results then depend on the machine.",
    )
    batch_size: int = Field(64, ge=2, description="Samples per step.")
    optimizer: Literal["adamw", "adam"] = Field(
        "adamw", description="adamw: weight decay separate from the gradient; adam: weight decay as part of it (L2)."
    )
    learning_rate: float = Field(2e-3, gt=0, description="Peak learning rate.")
    schedule: Literal["cosine", "one_cycle", "step"] = Field(
        "cosine", description="Course of the learning rate: a linear rise, then cosine or step; or one cycle."
    )
    warmup_fraction: float = Field(0.1, ge=0, lt=1, description="Share of the steps in which the learning rate rises.")
    step_every_fraction: float = Field(
        0.3, gt=0, le=1, description="For schedule step: share of the steps between two falls."
    )
    step_factor: float = Field(
        0.1, gt=0, lt=1, description="For schedule step: factor on the learning rate at each fall."
    )
    weight_decay: float = Field(
        0.03, ge=0, description="Weight decay of weight matrices (not of biases and normalisation layers)."
    )
    gradient_clip: float = Field(10.0, gt=0, description="Largest norm of the gradient.")
    average_decay: float = Field(0.999, ge=0, lt=1, description="Decay of the running average of the weights.")
    patience: int = Field(20, ge=1, description="Stop after this many epochs without improvement.")
    min_delta: float = Field(
        1e-5, ge=0, description="Smallest decrease of the validation loss that counts as an improvement."
    )
    mask_probability: float = Field(
        0.1, ge=0, le=1, description="Share of the training inputs in which a q range is hidden."
    )
    hidden_covariates: float = Field(
        0.1, ge=0, le=1, description="Share of the samples whose covariates are hidden from the networks."
    )
    hide_each_covariate: bool = Field(
        False, description="Hide each covariate by itself, of half of these samples, and all of the other half."
    )
    renoise: float = Field(0.0, ge=0, description="Noise added to the training inputs, in units of their sigma.")
    loss: Loss = Field(
        "log_likelihood",
        description="Reconstruction loss; gaussian_nll trains curve and error together (docs/toolbox.md).",
    )
    error_scale_dex: float = Field(
        0.5,
        gt=0,
        description="Points with a larger expected error than this, in decades, weigh less in the reconstruction "
        "losses.",
    )
    q_weights: dict[Technique, tuple[tuple[float, float, float], ...]] = Field(
        {},
        description="Weights of q ranges by technique: {saxs: [[q_min, q_max, weight], …]}, q in 1/Å; elsewhere 1.",
    )
    ssim_weight: float = Field(0.0, ge=0, description="Weight of 1 - SSIM, the structural similarity of curves.")
    intensity_shift_dex: float = Field(
        0.1,
        ge=0,
        description="Training curves are shifted by up to this many decades of intensity, both of a pair alike.",
    )
    q_shift_dex: float = Field(
        0.1,
        ge=0,
        description="Training curves are shifted by up to this many decades of q, both of a pair alike, as from other "
        "particle sizes; falls to 0 over the steps.",
    )
    variance_weight: float = Field(0.1, ge=0, description="Weight of the likelihood that trains the predicted error.")
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = Field(
        "32-true", description="Numerical precision: bf16-mixed or 16-mixed is faster on a GPU."
    )
    monitor: tuple[Monitor, ...] = Field(
        (), json_schema_extra=FILLED, description="Trackers beside history.csv; unset: the run's."
    )
    accelerator: Literal["auto", "cpu", "gpu"] = Field("auto", description="auto: use a GPU if there is one.")

    @model_validator(mode="after")
    def _check_q_weights(self) -> Self:
        for technique, ranges in self.q_weights.items():
            for low, high, weight in ranges:
                if not 0 <= low < high or weight < 0:
                    raise ValueError(
                        f"q_weights of {technique}: found [{low:g}, {high:g}, {weight:g}]; expected "
                        "[q_min, q_max, weight] with 0 ≤ q_min < q_max in 1/Å and weight ≥ 0"
                    )
        return self


class Variational(Fit):
    """Training of a network whose code is a distribution."""

    kl_weight: float = Field(3e-4, ge=0, description="Weight β of the KL term; if β changes, its largest value.")
    kl_schedule: KlSchedule = Field("constant", description="How β changes over the steps; cyclic: β rises repeatedly.")
    kl_warmup_fraction: float = Field(
        0.2,
        ge=0,
        le=1,
        description="Share of the steps in which β rises from 0 (for kl_schedule cyclic: of each cycle).",
    )
    kl_cycles: int = Field(4, ge=1, description="For For kl_schedule cyclic: how often β rises.")
    free_bits: float = Field(
        0.0, ge=0, description="KL in nats below which a component of the code costs nothing (free bits)."
    )
    sampling_noise: float = Field(
        1.0,
        ge=0,
        description="Noise of the drawn codes, in units of the posterior's standard deviation; 0: the mean code.",
    )
    sparsity_weight: float = Field(0.0, ge=0, description="Weight of the L1 norm of the mean code.")

    @model_validator(mode="after")
    def _check_free_bits(self) -> Self:
        if self.free_bits > 0 and self.kl_weight == 0:
            raise ValueError(
                f"free_bits is {self.free_bits:g} but kl_weight is 0, so there is no KL term to spare; "
                "set kl_weight, or free_bits to 0"
            )
        return self


class Pretrain(Variational):
    """Train the ResVAE of one technique on its own spectra."""

    numerics: Literal[3] = numerics_version(3)
    steps: int = Field(800, ge=1, description="Number of optimiser steps, independent of the number of samples.")
    latent_dim: int = Field(
        32, ge=2, json_schema_extra=FILLED, description="Components of the latent code; unset: the run's."
    )
    covariates: tuple[str, ...] = Field(
        (), json_schema_extra=FILLED, description="Covariates of the networks; unset: those of the run."
    )
    architecture: Architecture = Architecture()
    figures_every: int = Field(
        0, ge=0, json_schema_extra=FILLED, description="Draw the network every this many epochs; unset: the run's."
    )
    reconstruction_weight: float = Field(1.0, gt=0, description="Weight α of the reconstruction loss.")
    kl_schedule: KlSchedule = Field("linear", description="How β changes over the steps; cyclic: β rises repeatedly.")

    @model_validator(mode="after")
    def _check_output(self) -> Self:
        if self.loss == "binary_cross_entropy" and self.architecture.output != "sigmoid":
            raise ValueError(
                "loss is binary_cross_entropy but architecture.output is linear; expected curves between 0 and 1: set "
                "architecture: {output: sigmoid, scaling: min_max}, or another loss"
            )
        return self

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


class JointTrain(Variational):
    """Train both networks together on pairs."""

    numerics: Literal[2] = numerics_version(2)
    start_from: str | None = Field(
        None,
        json_schema_extra={"model_format": MODEL_FORMAT},
        description="Model folder to start from instead of pretraining; its grids and scaling are kept; empty: none.",
    )
    start_learning_rate: float = Field(1e-4, gt=0, description="Peak learning rate if start_from is set.")
    anchor_weight: float = Field(
        0.1, ge=0, description="Pull towards the weights of start_from (L2-SP), instead of weight_decay."
    )
    covariates: tuple[str, ...] = Field(
        (), json_schema_extra=FILLED, description="Covariates of the networks in addition to those of start_from."
    )
    cross_weight: float = Field(1.0, ge=0, description="Weight of saxs_from_sans and sans_from_saxs.")
    self_weight: float = Field(0.5, ge=0, description="Weight of saxs_from_saxs and sans_from_sans.")
    path_weights: dict[PathName, float] = Field(
        {}, description="Weights of single paths, which override the two above: {sans_from_saxs: 2}."
    )
    source_path: bool = Field(
        False, description="Predictions mix what the code says with smeared copies of the source's curve, at every q."
    )
    background_weight: float = Field(
        0.0,
        ge=0,
        description="Weight of the error of cross-predictions after the best factor and flat background.",
    )
    scale_weight: float = Field(
        0.0,
        ge=0,
        description="Weight of the scale of the partner's curve, learnt where both are scale_free and in 1/cm.",
    )
    self_every: int = Field(2, ge=1, description="Self-reconstruction enters the loss every this many steps.")
    unpaired_weight: float = Field(
        1.0,
        ge=0,
        description="Weight of the self-reconstruction of unpaired curves relative to pairs; lower if they are few.",
    )
    barlow_twins_weight: float = Field(0.02, ge=0, description="Weight of the Barlow Twins term on the codes.")
    redundancy_weight: float = Field(5e-3, ge=0, description="λ of Barlow Twins: weight of its off-diagonal part.")
    figures_every: int = Field(
        0, ge=0, json_schema_extra=FILLED, description="Draw the network every this many epochs; unset: the run's."
    )
    vicreg_weight: float = Field(0.0, ge=0, description="Weight of the VICReg term on the codes.")
    vicreg_parts: tuple[float, float, float] = Field(
        (25.0, 25.0, 1.0), description="λ, μ, ν of VICReg: weights of invariance, variance, covariance."
    )
    info_nce_weight: float = Field(0.0, ge=0, description="Weight of the contrastive term (InfoNCE) on the codes.")
    temperature: float = Field(0.07, gt=0, description="τ of InfoNCE.")
    projection: tuple[int, ...] = Field(
        (),
        description="Layer widths of a projection head whose outputs these three terms align; empty: they align the "
        "codes.",
    )
    perceptual_weight: float = Field(
        0.0, ge=0, description="Weight of the distance between decoded and measured curve after the pretrained encoder."
    )
    frozen: tuple[NetworkPart, ...] = Field(
        (), description="Parts of the networks that are not trained: [saxs.encoder, sans.decoder, …]."
    )
    unfreeze_fraction: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Share of the steps over which frozen parts thaw, layers next to the code first; empty: never.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.frozen)) == len(get_args(NetworkPart)):
            raise ValueError("frozen names both encoders and both decoders, so nothing would learn; leave one out")
        if self.unfreeze_fraction is not None and not self.frozen:
            raise ValueError(
                f"unfreeze_fraction is {self.unfreeze_fraction:g} but frozen is empty; name the parts in frozen"
            )
        fixed = {"saxs.encoder", "sans.encoder"} <= set(self.frozen) and self.unfreeze_fraction is None
        on_codes = ("vicreg_weight", "info_nce_weight", "sparsity_weight", "free_bits", "projection")
        if fixed and (idle := [name for name in on_codes if getattr(self, name)]):
            raise ValueError(
                f"frozen names both encoders, so no code changes, but {', '.join(idle)} ask for other codes; leave "
                "these out, free an encoder, or set unfreeze_fraction"
            )
        if self.projection and not (self.barlow_twins_weight or self.vicreg_weight or self.info_nce_weight):
            raise ValueError(
                f"projection is {list(self.projection)} but no term uses it; set barlow_twins_weight, vicreg_weight "
                "or info_nce_weight, or leave projection empty"
            )
        if any(width < 2 for width in self.projection):
            raise ValueError(f"projection is {list(self.projection)}; expected widths of at least 2")
        if any(weight < 0 for weight in (*self.path_weights.values(), *self.vicreg_parts)):
            raise ValueError("path_weights and vicreg_parts must not be negative")
        if not any(self.weight_of_path(path) for path in CROSS_PATHS):
            raise ValueError(
                "both cross-predictions have a weight of 0, so none would be learnt; raise cross_weight or path_weights"
            )
        return self

    def weight_of_path(self, path: str) -> float:
        """Weight of a reconstruction: its own in `path_weights`, else that of its kind."""
        target, source = path.split("_from_")
        kind = self.self_weight if target == source else self.cross_weight
        return next((weight for name, weight in self.path_weights.items() if name == path), kind)


class Baselines(Fit):
    """Simpler methods for comparison: copied curve, mean curve, nearest neighbours, direct networks."""

    numerics: Literal[3] = numerics_version(3)
    neighbours: int = Field(5, ge=1, description="Number of nearest neighbours that are averaged.")
