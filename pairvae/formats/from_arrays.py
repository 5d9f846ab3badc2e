"""From arrays in memory to a spectrum, with the conversions and repairs of the reader."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pairvae.errors import UserError
from pairvae.formats.raw_curve import RawCurve, scaled
from pairvae.formats.read import spectra_of
from pairvae.formats.read_options import ReadOptions
from pairvae.scattering.spectrum import COLUMNS, Curve, Spectrum, Technique, unit_of
from pairvae.scattering.units import (
    intensity_unit_name,
    known_intensity_unit,
    parse_intensity_unit,
    parse_q_unit,
)


def spectrum_from_arrays(
    q: npt.ArrayLike,
    intensity: npt.ArrayLike,
    sigma: npt.ArrayLike | None = None,
    dq: npt.ArrayLike | None = None,
    *,
    q_unit: str,
    intensity_unit: str,
    technique: Technique | None = None,
    sample: str = "",
) -> Spectrum:
    """Make a spectrum of arrays: converted to 1/Å and 1/cm, repaired as the reader repairs files, and noted.

    Parameters
    ----------
    q, intensity : array, shape (points,)
        As measured, in any order; points that are masked, or not finite, are left out.
    sigma : array, shape (points,), optional
        Standard uncertainty of the intensity, in its unit.
    dq : array, shape (points,), optional
        Standard deviation of the resolution, in the unit of q.
    q_unit : str
        "1/A", "1/nm", "1/m", "1/cm", or "s 1/nm" where the array holds s = q/2π.
    intensity_unit : str
        "1/cm", "1/m", "1/mm", "arbitrary" or "counts".
    technique : {"saxs", "sans"}, optional
        What measured it.
    sample : str
        Name of the sample.

    Returns
    -------
    Spectrum
        With notes on what was left out or repaired.

    Raises
    ------
    UserError
        Arrays of other shapes, without numbers or with a unit of their own; an unknown unit; q of several detector
        settings; too few points.

    Examples
    --------
    >>> spectrum_from_arrays(q, counts, np.sqrt(counts), q_unit="1/nm", intensity_unit="counts", technique="saxs")
    """
    where = sample or "arrays"
    given = {
        name: values for name, values in zip(COLUMNS, (q, intensity, sigma, dq), strict=True) if values is not None
    }
    try:
        columns, masked = _unmasked(given)
        unit = parse_q_unit(_text("q_unit", q_unit, "1/nm"))
        said = known_intensity_unit(_text("intensity_unit", intensity_unit, "1/cm"))
    except ValueError as error:
        raise UserError(f"{where}: {error}") from None
    factor, scale, note = parse_intensity_unit(said)
    curve = RawCurve(
        where=where,
        q=scaled(columns["q"], unit.inv_angstrom),
        intensity=scaled(columns["intensity"], factor),
        sigma=scaled(columns["sigma"], factor) if "sigma" in columns else None,
        dq=scaled(columns["dq"], unit.inv_angstrom) if "dq" in columns else None,
        intensity_unit=scale,
        q_unit=str(unit),
        q_unit_from="option",
        intensity_said=intensity_unit_name(said),
        intensity_unit_from="option",
        sigma_column="sigma",
        dq_column="dq",
    )
    if masked:
        curve.mended("masked", masked, f"{masked} masked points left out")
    if note:
        curve.notes.append(note)
    settings = spectra_of(curve, "", ReadOptions(technique, sample=sample))
    if len(settings) > 1:
        ranges = ", ".join(f"{one.q[0]:.4g} to {one.q[-1]:.4g} 1/Å" for one in settings)
        raise UserError(
            f"{where}: q goes back: {len(settings)} detector settings, {ranges}; expected one; make a spectrum of "
            "each, and give a model the list of them as one sample"
        )
    return settings[0]


def _text(name: str, value: object, example: str) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} is {value!r}; expected a text as {example!r}")
    return value


def _unmasked(given: Mapping[str, Any]) -> tuple[dict[str, Curve], int]:
    """The arrays as plain numbers without their masked points, and how many these were.

    Raises
    ------
    ValueError
        An array has a unit of its own, holds no numbers or is not of the shape of q.
    """
    columns: dict[str, Curve] = {}
    kept = np.ones(0, bool)
    for name, values in given.items():
        if (unit := unit_of(values)) is not None:
            raise ValueError(
                f"{name} carries the unit {str(unit)!r}; expected plain numbers; pass its numbers, and the unit as text"
            )
        if np.iscomplexobj(values):
            raise ValueError(f"{name} holds complex numbers; expected real ones")
        try:
            numbers = np.array(np.ma.getdata(values), dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name} holds no numbers ({error}); expected one number per point") from None
        if numbers.ndim != 1:
            raise ValueError(f"{name} has shape {numbers.shape}; expected one dimension, a number per point")
        if name == "q":
            kept = np.ones(numbers.size, bool)
        if numbers.size != kept.size:
            raise ValueError(f"{name} has {numbers.size} points, q {kept.size}; expected one number per point")
        kept &= ~np.ma.getmaskarray(values) if isinstance(values, np.ma.MaskedArray) else True
        columns[name] = numbers
    return {name: numbers[kept] for name, numbers in columns.items()}, int(np.count_nonzero(~kept))
