"""Every setting of a run: one frozen class per stage, unknown keys refused.

`configs/default.yaml` and `configs/schema.json` are generated from this tree (`pairvae defaults configs`).
"""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from pairvae.settings.network import Architecture
from pairvae.settings.preparation import Grid, Normalize, Pair, Read, Trim
from pairvae.settings.simulation import SIMULATED, VARIED, SansInstrument, SaxsInstrument, Simulate, Variety
from pairvae.settings.stage import FILLED, Seeded, StageSettings, numerics_version
from pairvae.settings.training import MODEL_FORMAT, Baselines, Fit, JointTrain, Monitor, Pretrain, Variational

__all__ = [
    "FILLED",
    "MODEL_FORMAT",
    "Architecture",
    "Baselines",
    "Calibrate",
    "Evaluate",
    "Fit",
    "Grid",
    "JointTrain",
    "Monitor",
    "Normalize",
    "NormalizeBoth",
    "Pair",
    "Pretrain",
    "PretrainBoth",
    "Read",
    "Report",
    "SansInstrument",
    "SaxsInstrument",
    "Seeded",
    "Settings",
    "Simulate",
    "StageSettings",
    "Trim",
    "Variational",
    "Variety",
]

# Values of one setting that a sweep goes through.
Values = Annotated[list[JsonValue], Field(min_length=1)]


class Calibrate(StageSettings):
    """Calibrate error bands and novelty on the validation samples."""

    numerics: Literal[4] = numerics_version(4)
    coverage: float = Field(0.9, gt=0, lt=1, description="Share of measured points that a band is to contain.")
    references: int = Field(
        10_000, ge=100, description="Training curves that the model keeps, to compare later curves with."
    )
    references_of_parts: int = Field(
        2000, ge=100, description="The same for each hidden q range: fewer, since there are many of these."
    )
    half_precision: bool = Field(
        False, description="Round the weights to half precision before they are calibrated: half the size on disk."
    )


class Evaluate(StageSettings):
    """Score the predictions on the test split."""

    numerics: Literal[5] = numerics_version(5)


class Report(StageSettings):
    """Write the HTML report."""

    numerics: Literal[1] = numerics_version(1)
    samples: int = Field(2000, ge=10, description="Largest number of test samples shown with curves and codes.")


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
    samples: str | None = Field(
        None, description="Path of samples.csv, which names the measured curves (data/README.md); empty: simulate."
    )
    seed: int = Field(1, ge=0, description="Seed of every random choice.")
    latent_dim: int = Field(
        32, ge=2, description="Number of components of the latent code, which both techniques share."
    )
    covariates: tuple[str, ...] = Field(
        (),
        json_schema_extra={"simulated": list(SIMULATED), "varied": list(VARIED)},
        description="Columns of samples.csv that the networks see as covariates, for example [d2o_fraction].",
    )
    members: int = Field(
        1,
        ge=1,
        le=20,
        description="Number of PairVAEs trained with different random numbers, whose predictions are averaged.",
    )
    environment: Literal["cpu", "gpu"] = Field(
        "cpu", description="With --use-conda: conda environment of the trainings; gpu includes CUDA."
    )
    parts: int = Field(
        1,
        ge=1,
        le=1000,
        description="Number of jobs that share the simulation or the reading; the results do not change.",
    )
    monitor: tuple[Monitor, ...] = Field(
        (), description="Experiment trackers to use in addition to history.csv: tensorboard, mlflow (docs/toolbox.md)."
    )
    figures_every: int = Field(
        0, ge=0, description="Write a page of figures every this many epochs of a training; 0: never."
    )
    sweep: dict[str, Values] = Field(
        {}, description="Settings with lists of values; each combination becomes a run (configs/sweep.yaml)."
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
