"""What a caller in Python hands to a verb: curves, covariates, techniques, counts; anything else is one sentence."""

import os
from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral
from typing import Any

from pairvae.errors import UserError
from pairvae.scattering.spectrum import Spectrum
from pairvae.techniques import technique_fault

# One sample after the other; a sample is a curve, or the settings of one instrument that measured it.
Curves = Spectrum | Sequence[Spectrum | Sequence[Spectrum]]
# Of all samples alike, or of each sample; what is not said is unknown.
Covariates = Mapping[str, Any] | Sequence[Mapping[str, Any]] | None


def curves_by_sample(spectra: Curves) -> list[Sequence[Spectrum]]:
    """The curves of each sample.

    Raises
    ------
    UserError
        Something else than spectra was given: a path, an array, a table, a generator.
    """
    several = [spectra] if isinstance(spectra, Spectrum) else spectra
    if not isinstance(several, Sequence):
        raise UserError(_no_curves(several))
    samples = [[sample] if isinstance(sample, Spectrum) else sample for sample in several]
    for settings in samples:
        if isinstance(settings, str) or not isinstance(settings, Sequence):
            raise UserError(_no_curves(several if isinstance(several, str) else settings))
        if not settings or not all(isinstance(curve, Spectrum) for curve in settings):
            raise UserError(
                _no_curves(next((curve for curve in settings if not isinstance(curve, Spectrum)), settings))
            )
    return samples


def _no_curves(given: object) -> str:
    mend = "pass what read_spectrum or spectrum_from_arrays gives"
    if isinstance(given, str | os.PathLike):
        mend = f"read it first: pairvae.read_spectrum({str(given)!r}, technique=…)"
    elif isinstance(given, Iterator):
        mend = "put what it yields into a list: list(…)"
    elif hasattr(given, "__array__"):
        mend = "make spectra of it: pairvae.spectrum_from_arrays(q, intensity, q_unit=…, intensity_unit=…, technique=…)"
    return f"the curves are given as {type(given).__name__}; expected a Spectrum or a list of them; {mend}"


def check_technique(name: str, value: object) -> None:
    """Refuse what is no technique.

    Parameters
    ----------
    name : str
        The argument, for the sentence.

    Raises
    ------
    UserError
        It is neither "saxs" nor "sans".
    """
    if fault := technique_fault(name, value):
        raise UserError(fault)


def whole_number(name: str, value: object, least: int) -> int:
    """A count as an int.

    Parameters
    ----------
    name : str
        Name of the argument in the message.
    value : object
        What the caller gave.
    least : int
        Smallest number that is accepted.

    Raises
    ------
    UserError
        It is no whole number, or less than `least`.
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise UserError(f"{name} is {value!r}; expected a whole number, at least {least}")
    return int(value)


def covariates_of(covariates: Covariates, samples: int) -> list[Mapping[str, Any]]:
    """The covariates of each sample.

    Raises
    ------
    UserError
        There are not as many as samples, or they are no mappings.
    """
    if covariates is None or isinstance(covariates, Mapping):
        return [covariates or {}] * samples
    if not isinstance(covariates, Sequence) or not all(isinstance(values, Mapping) for values in covariates):
        mend = "; pass table.to_dict('records')" if hasattr(covariates, "to_dict") else ""
        raise UserError(
            f"the covariates are given as {type(covariates).__name__}; expected a mapping as {{'d2o_fraction': 0.42}}, "
            f"or a list of one for each sample{mend}"
        )
    if len(covariates) != samples:
        raise UserError(f"{len(covariates)} sets of covariates for {samples} samples; expected one, or one per sample")
    return list(covariates)
