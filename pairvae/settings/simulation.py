"""What is simulated: particles, and what both instruments measure of them."""

import difflib
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pairvae.settings.stage import Seeded, StageSettings, numerics_version
from pairvae.techniques import Technique

# The kinds that come with the package, a file each; a user's own are named by their paths.
SYSTEMS = Path(__file__).parents[1] / "simulation" / "systems"
SYSTEM_NAMES = tuple(sorted(path.stem for path in SYSTEMS.glob("*.yaml")))
INSTRUMENT_NAMES = tuple(sorted(path.stem for path in (SYSTEMS.parent / "instruments").glob("*.yaml")))
PATH = r"^.*(\.ya?ml|/)$"


def _system(name: str) -> str:
    if name in SYSTEM_NAMES or re.match(PATH, name):
        return name
    near = difflib.get_close_matches(name, SYSTEM_NAMES, n=1, cutoff=0)[0]
    raise ValueError(f"{name} is no system; the nearest name is {near}; files of your own end in .yaml, folders in /")


def _instrument(name: str) -> str:
    if name in INSTRUMENT_NAMES:
        return name
    near = difflib.get_close_matches(name, INSTRUMENT_NAMES, n=1, cutoff=0)[0]
    raise ValueError(f"{name} is no family of instruments; the nearest name is {near}")


def _share(description: str) -> Any:
    return Field(0.0, ge=0, le=1, description=description)


SystemName = Annotated[str, AfterValidator(_system)]
InstrumentName = Annotated[str, AfterValidator(_instrument)]

SIMULATED = ("material", "d2o_fraction", "volume_fraction")  # what is known of a simulated sample: its covariates
VARIED = (  # the same where instruments are drawn
    *("material", "second_material", "solute", "solvent", "d2o_fraction", "d2o_fraction_saxs", "volume_fraction"),
    *("contrast_saxs", "contrast_sans"),
)


class SaxsInstrument(StageSettings):
    """The simulated X-ray instrument."""

    energy_kev: float = Field(8.048, gt=1, lt=100, description="X-ray energy in keV (copper K-alpha).")
    q_min_inv_angstrom: float = Field(0.006, gt=0, description="Lowest q in 1/Å.")
    q_max_inv_angstrom: float = Field(0.55, gt=0, description="Highest q in 1/Å.")
    points: int = Field(200, ge=16, description="Measured q points, evenly spaced in log q.")
    cut_dex: float = Field(
        0.15, ge=0, lt=1, description="Each end of a curve is cut at random by up to this many decades of q."
    )
    dq_over_q: float = Field(0.01, ge=0, lt=1, description="Resolution: standard deviation of q over q.")
    exposure: tuple[float, float] = Field(
        (1e8, 3e9),
        description="Counts per cross section of 1/cm and q area of 1/Å²: lowest and highest (drawn log-uniformly).",
    )
    blank_per_cm: float = Field(
        0.0165,
        ge=0,
        description="Scattering of solvent and cell in 1/cm, measured separately and subtracted (water: 0.0165).",
    )
    background_per_cm: float = Field(
        3e-4, ge=0, description="Residual flat background after solvent subtraction in 1/cm (median)."
    )
    background_spread_dex: float = Field(0.1, ge=0, description="Spread of the background between samples in decades.")

    @property
    def beam(self) -> tuple[Technique, float]:
        """Technique and X-ray energy in keV."""
        return "saxs", self.energy_kev


class SansInstrument(StageSettings):
    """The simulated neutron instrument."""

    wavelength_angstrom: float = Field(6.0, gt=0.5, lt=30, description="Neutron wavelength in Å.")
    q_min_inv_angstrom: float = Field(0.0035, gt=0, description="Lowest q in 1/Å.")
    q_max_inv_angstrom: float = Field(0.4, gt=0, description="Highest q in 1/Å.")
    points: int = Field(150, ge=16, description="Measured q points, evenly spaced in log q.")
    cut_dex: float = Field(
        0.15, ge=0, lt=1, description="Each end of a curve is cut at random by up to this many decades of q."
    )
    wavelength_spread: float = Field(
        0.1, ge=0, lt=1, description="Wavelength spread: full width at half maximum over the wavelength (triangular)."
    )
    dq_min_inv_angstrom: float = Field(0.0012, ge=0, description="Resolution from collimation and pixels in 1/Å.")
    exposure: tuple[float, float] = Field(
        (5e6, 2e8),
        description="Counts per cross section of 1/cm and q area of 1/Å²: lowest and highest (drawn log-uniformly).",
    )
    blank_per_cm: float = Field(
        0.03,
        ge=0,
        description="Scattering of the empty cell and stray neutrons in 1/cm, measured separately and subtracted.",
    )
    incoherent_h2o_per_cm: float = Field(0.95, ge=0, description="Incoherent background of pure H2O in 1/cm.")
    incoherent_d2o_per_cm: float = Field(0.05, ge=0, description="Incoherent background of pure D2O in 1/cm.")
    background_spread_dex: float = Field(0.05, ge=0, description="Spread of the background between samples in decades.")

    @property
    def beam(self) -> tuple[Technique, float]:
        """Technique and neutron wavelength in Å."""
        return "sans", self.wavelength_angstrom


class Variety(StageSettings):
    """Further differences between samples. They require drawn instruments."""

    instruments: dict[InstrumentName, float] = Field(
        {},
        json_schema_extra={"propertyNames": {"enum": list(INSTRUMENT_NAMES)}},
        description="Families of instruments of both techniques and their shares; empty: use saxs and sans below.",
    )
    pure_water: float = _share("Share of samples in nearly pure H2O or D2O; the others follow d2o_fraction.")
    other_water: float = _share(
        "Share of aqueous samples that are measured in H2O for SAXS, whatever the water for SANS."
    )
    mixture: float = _share("Share of samples with a second kind of particles in the same solvent.")
    clusters: float = _share("Share of samples whose particles are clustered.")
    upturn: float = _share("Share of samples with an upturn at low q, as from large impurities.")
    unsubtracted: float = _share(
        "Share of curves without background subtraction; the others keep a small residue of either sign."
    )
    wrong_scale: float = _share("Share of curves in 1/cm with a wrong scale, off by 0.15 decades (standard deviation).")
    arbitrary_scale: float = _share("Share of curves in arbitrary units.")
    no_sigma: float = _share("Share of curves without sigma.")
    wrong_sigma: float = _share("Share of curves whose sigma is too large or too small by a factor of up to 3.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = [name for name, share in self if isinstance(share, float) and share > 0]
        if given and not any(share > 0 for share in self.instruments.values()):
            raise ValueError(f"{given[0]} needs instruments; name some in variety.instruments, or set it to 0")
        if any(share < 0 for share in self.instruments.values()):
            raise ValueError("the shares in instruments must be ≥ 0")
        return self


class Simulate(Seeded):
    """Draw particles and simulate what both techniques measure of them."""

    numerics: Literal[1] = numerics_version(1)
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
        json_schema_extra={"propertyNames": {"anyOf": [{"enum": list(SYSTEM_NAMES)}, {"pattern": PATH}]}},
        description="Kinds of particles, or files (docs/systems.md), and their shares of the samples; 0 leaves a "
        "kind out.",
    )
    d2o_fraction: tuple[float, float] = Field(
        (1.0, 1.0),
        description="Volume fraction of D2O in the water: lowest and highest; equal values: the same for all samples.",
    )
    variety: Variety = Variety()
    saxs: SaxsInstrument = SaxsInstrument()
    sans: SansInstrument = SansInstrument()

    @property
    def instruments(self) -> dict[Technique, SaxsInstrument | SansInstrument]:
        """The instrument of each technique."""
        return {"saxs": self.saxs, "sans": self.sans}

    @model_validator(mode="after")
    def _check(self) -> Self:
        low, high = self.d2o_fraction
        if not 0 <= low <= high <= 1:
            raise ValueError(f"d2o_fraction must be two numbers 0 ≤ low ≤ high ≤ 1, found {low}, {high}")
        if any(share < 0 for share in self.systems.values()) or not sum(self.systems.values()) > 0:
            raise ValueError("the shares in systems must be ≥ 0 and not all 0")
        return self
