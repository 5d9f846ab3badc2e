"""One measured or simulated scattering curve."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from pairvae.scattering.units import Said
from pairvae.techniques import TECHNIQUES, Technique, other, technique_fault

__all__ = ["COLUMNS", "TECHNIQUES", "Curve", "Said", "Source", "Spectrum", "Technique", "other"]

Curve = npt.NDArray[np.float64]
COLUMNS = ("q", "intensity", "sigma", "dq")


@dataclass(frozen=True)
class Source:
    """Where a curve comes from.

    Parameters
    ----------
    file : str
        Path as the user gave it, or the name of the simulated system.
    entry : str
        Entry within the file, where it holds several.
    sha256 : str
        Checksum of the file, empty for simulated curves.
    setting : int
        Detector setting within the curve of a file, from 1; 0 where it holds one only.
    """

    file: str = ""
    entry: str = ""
    sha256: str = ""
    setting: int = 0


@dataclass(frozen=True)
class Reading:
    """How a file's numbers were understood, and what was done to them.

    Parameters
    ----------
    q_unit, intensity_unit : str
        Units of the file's numbers: "1/nm", "s 1/nm"; "1/cm", "1/m", "counts"; empty where nobody said.
    q_unit_from, intensity_unit_from : {"file", "option", "manifest"}, optional
        Who said so.
    sigma_column, dq_column : str, optional
        What the columns that became sigma and dq are called in the file; None: there is none.
    repairs : dict
        What was dropped, merged or reordered, with counts.
    warnings : tuple of str
        Sentences worth a look.
    rows_found : int, optional
        Rows of its part of a text that begin with a number; None: the file is no text table.
    rows_dropped : dict
        Those that are not in the curve, by reason.
    """

    q_unit: str = ""
    q_unit_from: Said | None = None
    intensity_unit: str = ""
    intensity_unit_from: Said | None = None
    sigma_column: str | None = None
    dq_column: str | None = None
    repairs: dict[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    rows_found: int | None = None
    rows_dropped: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Spectrum:
    """A scattering curve in canonical units.

    Parameters
    ----------
    q : array, shape (points,)
        Momentum transfer in 1/Å: finite, > 0, strictly increasing.
    intensity : array, shape (points,)
        Scattering cross section in 1/cm: finite; may be ≤ 0, as background subtraction makes it.
    sigma : array, shape (points,), optional
        Standard uncertainty of the intensity in 1/cm, > 0.
    dq : array, shape (points,), optional
        Standard deviation of the resolution in 1/Å, ≥ 0.
    technique : {"saxs", "sans"}, optional
        None where neither the file nor the caller said.
    sample : str
        Name of the sample.
    source : Source
        Where the curve comes from.
    notes : tuple of str
        What the reader dropped or repaired, with counts.
    intensity_unit : {"1/cm", "arbitrary"}
        "arbitrary" where the scale is not absolute.
    reading : Reading, optional
        Units, columns, repairs and warnings of the file; None for simulated curves.

    Raises
    ------
    ValueError
        The arrays break one of these rules, are in other units, or are masked: `spectrum_from_arrays` converts them.
    """

    q: Curve
    intensity: Curve
    sigma: Curve | None = None
    dq: Curve | None = None
    technique: Technique | None = None
    sample: str = ""
    source: Source = field(default_factory=Source)
    notes: tuple[str, ...] = ()
    intensity_unit: Literal["1/cm", "arbitrary"] = "1/cm"
    reading: Reading | None = None

    def __post_init__(self) -> None:
        names = [name for name in COLUMNS if getattr(self, name) is not None]
        if fault := self._foreign(names):
            raise ValueError(fault)
        try:
            # one copy of its own: nobody else can change it
            block = np.array([getattr(self, name) for name in names], dtype=np.float64)
        except ValueError:
            block = np.empty(0)
        if block.ndim != 2:
            shapes = ", ".join(f"{name} has shape {np.shape(getattr(self, name))}" for name in names)
            raise ValueError(f"{shapes}; expected one value per q")
        if block.shape[1] == 0:
            raise ValueError("a spectrum needs at least one point")
        block.setflags(write=False)
        for name, values in zip(names, block, strict=True):
            object.__setattr__(self, name, values)
        # counted, since numpy counts faster than it asks for all or any
        if np.count_nonzero(np.isfinite(block)) < block.size:
            name = names[int(np.flatnonzero(~np.isfinite(block).all(axis=1))[0])]
            bad = int((~np.isfinite(getattr(self, name))).sum())
            raise ValueError(f"{name} has {bad} values that are not finite")
        if self.q[0] <= 0 or np.count_nonzero(self.q[1:] <= self.q[:-1]):
            raise ValueError("q must be > 0 and strictly increasing")
        if self.sigma is not None and (bad := int(np.count_nonzero(self.sigma <= 0))):
            raise ValueError(f"sigma must be > 0; {bad} values are not")
        if self.dq is not None and (bad := int(np.count_nonzero(self.dq < 0))):
            raise ValueError(f"dq must be ≥ 0; {bad} values are not")

    def _foreign(self, names: list[str]) -> str:
        """Which fact or array is not as a spectrum holds it, though it would be taken for that."""
        if self.intensity_unit not in ("1/cm", "arbitrary"):
            return (
                f"intensity_unit is {self.intensity_unit!r}; a Spectrum is in '1/cm' or 'arbitrary'; convert with "
                "pairvae.spectrum_from_arrays"
            )
        if self.technique is not None and (fault := technique_fault("technique", self.technique)):
            return fault
        for name in names:
            values = getattr(self, name)
            if type(values) is np.ndarray:
                continue
            if masked := int(np.ma.getmaskarray(values).sum()) if isinstance(values, np.ma.MaskedArray) else 0:
                return (
                    f"{name} has {masked} masked points, which a Spectrum cannot hold; pass the arrays to "
                    "pairvae.spectrum_from_arrays, which leaves them out"
                )
            if (unit := unit_of(values)) is not None:
                return (
                    f"{name} carries the unit {str(unit)!r}; expected plain numbers in 1/Å and 1/cm; pass its numbers "
                    "and the unit to pairvae.spectrum_from_arrays"
                )
        return ""


def unit_of(values: object) -> object:
    """The unit that an array of astropy, pint or scipp carries, which numpy would drop; None where there is none."""
    return getattr(values, "unit", getattr(values, "units", None))
