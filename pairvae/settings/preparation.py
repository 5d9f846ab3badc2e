"""How measured curves are read, gridded and paired."""

from typing import Literal, Self

from pydantic import Field, model_validator

from pairvae.settings.stage import Seeded, StageSettings, numerics_version


class Trim(StageSettings):
    """Points left out at both ends of every curve of one technique, and of every detector setting."""

    trim_first_points: int = Field(0, ge=0, description="Points left out at the low-q end (beam stop).")
    trim_last_points: int = Field(0, ge=0, description="Points left out at the high-q end (detector edge).")


class Read(StageSettings):
    """Read the measured curves that samples.csv names."""

    numerics: Literal[1] = numerics_version(1)
    allow_outside: bool = Field(False, description="Allow paths that leave the folder of samples.csv.")
    max_megabytes: float = Field(
        200, gt=0, description="Largest file size in MB; larger files are refused (a reduced curve is far smaller)."
    )
    saxs: Trim = Trim()
    sans: Trim = Trim()


class Grid(StageSettings):
    """The common q grid of one technique, evenly spaced in log q."""

    q_min_inv_angstrom: float | None = Field(
        None, gt=0, description="Lowest q in 1/Å; empty: the lowest q that half of the samples reach."
    )
    q_max_inv_angstrom: float | None = Field(
        None, gt=0, description="Highest q in 1/Å; empty: the highest q that half of the samples reach."
    )
    points: int = Field(256, ge=32, le=4096, description="Number of grid points.")


class Normalize(StageSettings):
    """Bring the curves of one technique onto one q grid, as log10 of intensity."""

    numerics: Literal[1] = numerics_version(1)
    grid: Grid = Grid()
    max_gap_dex: float = Field(0.15, gt=0, description="Gaps wider than this many decades of q stay empty.")
    floor_in_sigma: float = Field(
        0.3,
        ge=0,
        description="Intensities below this many sigma are raised to that level before the logarithm; 0: they are "
        "masked.",
    )
    max_relative_error: float = Field(10.0, gt=0, description="Points with sigma/intensity above this are masked.")
    assumed_relative_error: float = Field(
        0.05, gt=0, description="Relative error assumed for curves without sigma (the log counts them)."
    )
    scale_free: bool = Field(
        False,
        description="Learn shapes only: the scale of a curve is a free factor, so curves may be in arbitrary units.",
    )
    scale_settings: bool = Field(
        False,
        description="Scale the detector settings of a sample to the first, by a factor fitted where they overlap.",
    )

    @property
    def noise_floor(self) -> float:
        """Least intensity in units of sigma where noise is drawn anew: the default where such points are masked."""
        return self.floor_in_sigma or Normalize().floor_in_sigma


class Pair(Seeded):
    """Match SAXS and SANS curves by sample, and split the samples once for all stages."""

    numerics: Literal[1] = numerics_version(1)
    val_fraction: float = Field(0.1, gt=0, lt=0.5, description="Share of the groups for validation and calibration.")
    test_fraction: float = Field(0.1, gt=0, lt=0.5, description="Share of the groups for the final test.")
    folds: int | None = Field(
        None, ge=2, description="For cross-validation: number of equal parts of the groups, of which one is the test."
    )
    fold: int = Field(
        0, ge=0, description="Number of the part that is the test, counted from 0; sweep over all of them."
    )

    @model_validator(mode="after")
    def _check_fold(self) -> Self:
        if self.fold >= (self.folds or 1):
            raise ValueError(
                f"fold is {self.fold} but folds is {self.folds or 'not set'}; expected 0 … folds − 1, both set"
            )
        if self.folds and self.test_fraction != type(self).model_fields["test_fraction"].default:
            raise ValueError(
                f"test_fraction is {self.test_fraction:g} and folds is {self.folds}, which makes the test a part of so "
                "many; leave one of them out"
            )
        return self
