"""Everything a run may be told: one frozen class per stage, unknown keys refused.

`configs/default.yaml` and `configs/schema.json` are generated from this tree (`pairvae defaults configs`).
"""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

SystemName = Literal[
    "silica_sphere",
    "latex",
    "micelle",
    "gold_rod",
    "surfactant_ellipsoid",
    "vesicle",
    "pluronic_cylinder",
    "lamellar_bilayer",
    "wormlike_micelle",
    "lipid_nanodisc",
]


# Values of one setting that a sweep goes through.
Values = Annotated[list[JsonValue], Field(min_length=1)]
# The workflow fills these in: from the run's settings of the same name, else from the default in the schema.
FILLED: dict[str, JsonValue] = {"filled_in": True}
# Raised (a Literal of the next number) when a stage's results change for the same settings: forces a re-run.
NUMERICS_1: Any = Field(1, json_schema_extra=FILLED, description="Version of this stage's numbers.")
NUMERICS_2: Any = Field(2, json_schema_extra=FILLED, description="Version of this stage's numbers.")


# Of the model folder; here, because the schema tells it to the workflow, which imports nothing of this package.
MODEL_FORMAT = 1


class StageSettings(BaseModel):
    """What every group of settings has in common: no unknown keys, no change after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Seeded(StageSettings):
    """A stage that draws random numbers."""

    seed: int = Field(0, ge=0, json_schema_extra=FILLED, description="Seed of this stage; unset: the run's seed.")


class SaxsInstrument(StageSettings):
    """How the simulated X-ray instrument sees a particle."""

    energy_kev: float = Field(8.048, gt=1, lt=100, description="X-ray energy in keV (copper K-alpha).")
    q_min_inv_angstrom: float = Field(0.006, gt=0, description="Lowest q in 1/Å.")
    q_max_inv_angstrom: float = Field(0.55, gt=0, description="Highest q in 1/Å.")
    points: int = Field(200, ge=16, description="Measured q points, evenly spaced in log q.")
    cut_dex: float = Field(0.15, ge=0, lt=1, description="Each end of a curve is cut by up to this many decades of q.")
    dq_over_q: float = Field(0.01, ge=0, lt=1, description="Resolution: standard deviation of q over q.")
    exposure: tuple[float, float] = Field(
        (1e8, 3e9),
        description="Counts per cross section of 1/cm and q area of 1/Å²: low, high (drawn log-uniformly).",
    )
    blank_per_cm: float = Field(
        0.0165, ge=0, description="Solvent and cell in 1/cm, counted apart and subtracted (water: 0.0165)."
    )
    background_per_cm: float = Field(
        3e-4, ge=0, description="Residual flat background after solvent subtraction in 1/cm (median)."
    )
    background_spread_dex: float = Field(0.1, ge=0, description="Spread of the background between samples in decades.")


class SansInstrument(StageSettings):
    """How the simulated neutron instrument sees a particle."""

    wavelength_angstrom: float = Field(6.0, gt=0.5, lt=30, description="Neutron wavelength in Å.")
    q_min_inv_angstrom: float = Field(0.0035, gt=0, description="Lowest q in 1/Å.")
    q_max_inv_angstrom: float = Field(0.4, gt=0, description="Highest q in 1/Å.")
    points: int = Field(150, ge=16, description="Measured q points, evenly spaced in log q.")
    cut_dex: float = Field(0.15, ge=0, lt=1, description="Each end of a curve is cut by up to this many decades of q.")
    wavelength_spread: float = Field(
        0.1, ge=0, lt=1, description="Full width at half maximum over the wavelength (triangular)."
    )
    dq_min_inv_angstrom: float = Field(0.0012, ge=0, description="Resolution from collimation and pixels in 1/Å.")
    exposure: tuple[float, float] = Field(
        (5e6, 2e8),
        description="Counts per cross section of 1/cm and q area of 1/Å²: low, high (drawn log-uniformly).",
    )
    blank_per_cm: float = Field(
        0.03, ge=0, description="Empty cell and stray neutrons in 1/cm, counted apart and subtracted."
    )
    incoherent_h2o_per_cm: float = Field(0.95, ge=0, description="Incoherent background of pure H2O in 1/cm.")
    incoherent_d2o_per_cm: float = Field(0.05, ge=0, description="Incoherent background of pure D2O in 1/cm.")
    background_spread_dex: float = Field(0.05, ge=0, description="Spread of the background between samples in decades.")


class Simulate(Seeded):
    """Draw particles and compute what both techniques measure of them."""

    numerics: Literal[1] = NUMERICS_1
    pairs: int = Field(20000, ge=1, description="Number of samples.")
    systems: dict[SystemName, float] = Field(
        {
            "silica_sphere": 1,
            "latex": 1,
            "micelle": 1,
            "gold_rod": 1,
            "surfactant_ellipsoid": 1,
            "vesicle": 1,
            "pluronic_cylinder": 1,
            "lamellar_bilayer": 1,
            "wormlike_micelle": 1,
            "lipid_nanodisc": 1,
        },
        description="Kinds of particles and their shares in the mix; 0 leaves one out.",
    )
    d2o_fraction: tuple[float, float] = Field(
        (1.0, 1.0),
        description="Volume fraction of D2O in the water: low, high; equal: the same for all samples.",
    )
    saxs: SaxsInstrument = SaxsInstrument()
    sans: SansInstrument = SansInstrument()

    @model_validator(mode="after")
    def _check(self) -> Self:
        low, high = self.d2o_fraction
        if not 0 <= low <= high <= 1:
            raise ValueError(f"d2o_fraction must be two numbers 0 ≤ low ≤ high ≤ 1, found {low}, {high}")
        if any(share < 0 for share in self.systems.values()) or not sum(self.systems.values()) > 0:
            raise ValueError("the shares in systems must be ≥ 0 and not all 0")
        return self


class Trim(StageSettings):
    """Points left out at the ends of every curve, and of every detector setting, of one technique."""

    trim_first_points: int = Field(0, ge=0, description="Points left out at the low-q end (beam stop).")
    trim_last_points: int = Field(0, ge=0, description="Points left out at the high-q end (detector edge).")


class Read(StageSettings):
    """Read measured curves named in samples.csv."""

    numerics: Literal[1] = NUMERICS_1
    allow_outside: bool = Field(False, description="Allow paths that leave the folder of samples.csv.")
    max_megabytes: float = Field(200, gt=0, description="Larger files are refused; a reduced curve is far smaller.")
    saxs: Trim = Trim()
    sans: Trim = Trim()


class Grid(StageSettings):
    """The common q grid of one technique, evenly spaced in log q."""

    q_min_inv_angstrom: float | None = Field(
        None, gt=0, description="Lowest q in 1/Å; empty: what half of the samples reach."
    )
    q_max_inv_angstrom: float | None = Field(
        None, gt=0, description="Highest q in 1/Å; empty: what half of the samples reach."
    )
    points: int = Field(256, ge=32, le=4096, description="Grid points.")


class Normalize(StageSettings):
    """Bring the curves of one technique onto one grid and to log10 of intensity."""

    numerics: Literal[1] = NUMERICS_1
    grid: Grid = Grid()
    max_gap_dex: float = Field(0.15, gt=0, description="Gaps in q wider than this many decades stay empty.")
    floor_in_sigma: float = Field(
        0.3,
        ge=0,
        description="Intensities below this many sigma are raised to it before the logarithm; 0: masked.",
    )
    max_relative_error: float = Field(10.0, gt=0, description="Points with sigma/intensity above this are masked.")
    assumed_relative_error: float = Field(
        0.05, gt=0, description="Relative error given to curves that bring no sigma (they are counted)."
    )
    scale_free: bool = Field(
        False, description="Learn shapes only: curves may be in arbitrary units, the scale is a free factor."
    )
    scale_settings: bool = Field(
        False, description="Scale the settings of one sample to the first by a factor fitted where they overlap."
    )


class Pair(Seeded):
    """Match the curves of one sample and split the samples once for all stages."""

    numerics: Literal[1] = NUMERICS_1
    val_fraction: float = Field(0.1, gt=0, lt=0.5, description="Share of the groups for validation and calibration.")
    test_fraction: float = Field(0.1, gt=0, lt=0.5, description="Share of the groups for the final test.")


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


class Architecture(StageSettings):
    """The residual variational autoencoder of one technique."""

    channels: tuple[int, ...] = Field(
        (16, 32, 64), min_length=1, description="Channels of the residual blocks; each halves the length."
    )
    hidden: int = Field(256, ge=8, description="Width of the linear layers between blocks and code.")
    dropout: float = Field(0.1, ge=0, lt=1, description="Dropout in the residual linear blocks.")


class Pretrain(Fit):
    """Train the ResVAE of one technique on its own spectra."""

    numerics: Literal[2] = NUMERICS_2
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


class Calibrate(StageSettings):
    """Turn the decoder's own error into bands that keep their word, on validation samples."""

    numerics: Literal[2] = NUMERICS_2
    coverage: float = Field(0.9, gt=0, lt=1, description="Share of measured points that a band shall cover.")


class Baselines(Fit):
    """What a PairVAE must beat: mean curve, nearest neighbours, one direct network per direction."""

    numerics: Literal[2] = NUMERICS_2
    neighbours: int = Field(5, ge=1, description="Nearest neighbours that are averaged.")


class Evaluate(StageSettings):
    """Measure the predictions on the test split."""

    numerics: Literal[2] = NUMERICS_2


class Report(StageSettings):
    """Show it."""

    numerics: Literal[1] = NUMERICS_1
    samples: int = Field(2000, ge=10, description="Test samples whose curves and codes can be looked at.")


class NormalizeBoth(StageSettings):
    """One grid per technique."""

    saxs: Normalize = Normalize()
    sans: Normalize = Normalize(grid=Grid(points=192))


class PretrainBoth(StageSettings):
    """One network per technique."""

    saxs: Pretrain = Pretrain()
    sans: Pretrain = Pretrain()


class Settings(StageSettings):
    """One run."""

    run: str = Field("demo", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="Name of the folder below results/.")
    samples: str | None = Field(None, description="Manifest of measured curves (data/README.md); empty: simulate.")
    seed: int = Field(1, ge=0, description="Seed of every random choice.")
    latent_dim: int = Field(32, ge=2, description="Components of the latent code that both techniques share.")
    covariates: tuple[str, ...] = Field(
        (), description="Columns of samples.csv that the networks are told, for example [d2o_fraction]."
    )
    members: int = Field(
        1, ge=1, le=20, description="PairVAEs trained alike with other random numbers; their mean predicts."
    )
    environment: Literal["cpu", "gpu"] = Field(
        "cpu", description="With --use-conda: conda environment of the trainings; gpu brings CUDA."
    )
    parts: int = Field(
        1, ge=1, le=1000, description="Jobs that simulating or reading is split over; the results stay the same."
    )
    sweep: dict[str, Values] = Field(
        {}, description="Settings and lists of values, a run for each combination (configs/sweep.yaml)."
    )
    simulate: Simulate = Simulate()
    read: Read = Read()
    normalize: NormalizeBoth = NormalizeBoth()
    pair: Pair = Pair()
    pretrain: PretrainBoth = PretrainBoth()
    joint_train: JointTrain = JointTrain()
    calibrate: Calibrate = Calibrate()
    baselines: Baselines = Baselines()
    evaluate: Evaluate = Evaluate()
    report: Report = Report()
