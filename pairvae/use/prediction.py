"""Predicted curves: what all have in common, and those of the other technique."""

from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Literal

import numpy as np

from pairvae.errors import UserError
from pairvae.scattering.spectrum import Curve, Spectrum, Technique
from pairvae.trust.novelty import UNUSUAL


@dataclass(frozen=True, eq=False, kw_only=True)
class PredictedCurve:
    """A curve with a calibrated band and the novelty of the input.

    Parameters
    ----------
    technique : {"saxs", "sans"}
        What would measure it.
    q : array, shape (points,)
        In 1/Å, the technique's grid.
    intensity, lower, upper : array, shape (points,)
        Median and calibrated band of a measurement, in `intensity_unit`.
    sigma : array, shape (points,)
        One standard deviation of a measurement around the median, for programs that know no band; see `band_sigma`.
    coverage : float
        Share of measured points that the band covers.
    novelty : float
        How unusual the input is: 1 is as unusual as the most unusual 5 % of validation curves. Above 1 the curve is a
        guess; its band has already been widened by this factor.
    sample, source : str
        Sample and file of the input.
    intensity_unit : {"1/cm", "arbitrary"}
        "arbitrary" where the curve is known up to a factor: the model knows no scale, or the input has none.
    """

    technique: Technique
    q: Curve
    intensity: Curve
    lower: Curve
    upper: Curve
    sigma: Curve
    coverage: float
    novelty: float
    sample: str
    source: str
    intensity_unit: Literal["1/cm", "arbitrary"] = "1/cm"

    @property
    def is_unusual(self) -> bool:
        """The input is unlike the training data: do not trust this curve."""
        return self.novelty > UNUSUAL

    @property
    def novelty_note(self) -> str:
        """The line on novelty in a file."""
        return f"novelty {self.novelty:.3f} (above {UNUSUAL:g}: unlike the training data)"

    @property
    def novelty_summary(self) -> str:
        """The words on novelty in a message."""
        return f"novelty {self.novelty:.2f}" + (" (unlike the training data: a guess)" if self.is_unusual else "")

    def spectrum(self, name: str, notes: tuple[str, ...]) -> Spectrum:
        """The curve to be written; `name` stands for the sample where the input has none."""
        return Spectrum(
            q=self.q,
            intensity=self.intensity,
            sigma=self.sigma,
            technique=self.technique,
            sample=self.sample or name,
            intensity_unit=self.intensity_unit,
            notes=notes,
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Prediction(PredictedCurve):
    """A curve of the other technique; see `PredictedCurve`.

    Parameters
    ----------
    joint : bool
        The band is to hold the whole curve: `coverage` is the share of whole measured curves.
    draws : array, shape (draws, points), optional
        Intensities of codes drawn from the posterior: what else the input may mean, without noise.
    shape_lower, shape_upper : array, shape (points,)
        Band of the shape alone: what lower and upper become once the best common factor is known. Narrower than these
        where the model predicts the scale apart from the shape.
    """

    draws: Curve | None = None
    joint: bool = False
    shape_lower: Curve
    shape_upper: Curve

    def on(self, q: Curve) -> "Prediction":
        """The same on other q (1/Å), log I interpolated linearly against log q; q outside of the grid are left out.

        Raises
        ------
        UserError
            No q lies within the grid.
        """
        slack = 1e-9  # rounding of an end that is a grid point
        q = np.asarray(q, np.float64)
        inside = q[(q >= self.q[0] * (1 - slack)) & (q <= self.q[-1] * (1 + slack))]
        if not inside.size:
            raise UserError(
                f"q {q[0]:.4g} to {q[-1]:.4g} 1/Å: the model predicts {self.technique} at {self.q[0]:.4g} to "
                f"{self.q[-1]:.4g} 1/Å; expected an overlap; check the unit of q"
            )

        def moved(values: Curve) -> Curve:
            log_values: Curve = np.interp(np.log(inside), np.log(self.q), np.log10(values))
            return 10**log_values

        draws = None if self.draws is None else np.stack([moved(draw) for draw in self.draws])
        return replace(
            self,
            q=inside,
            draws=draws,
            intensity=moved(self.intensity),
            lower=moved(self.lower),
            upper=moved(self.upper),
            sigma=moved(self.sigma),
            shape_lower=moved(self.shape_lower),
            shape_upper=moved(self.shape_upper),
        )


def band_sigma(intensity: Curve, lower: Curve, upper: Curve, coverage: float) -> Curve:
    """Half the width of a band of points, as one standard deviation.

    A band is symmetric in log I. Were log I of a new measurement normal, with the band as its central interval, its
    standard deviation would be ln(upper/lower) / 2z, where z is the normal quantile of (1 + coverage)/2; times I it is
    that of I, to first order.

    Parameters
    ----------
    intensity, lower, upper : array, shape (points,)
        Median and limits, in one unit.
    coverage : float
        Share of single points that the band covers.

    Returns
    -------
    array, shape (points,)
        In the unit of the intensity.
    """
    return intensity * np.log(upper / lower) / (2 * _normal_quantile(coverage))


def about_sigma(coverage: float, joint: bool = False) -> str:
    """What `band_sigma` gives, in words for the header of a file."""
    band = "a narrower band, not in this file," if joint else "the band"
    return (
        f"one standard deviation of a new measurement: ln(upper/lower) / (2 * {_normal_quantile(coverage):.3f}) times "
        f"the intensity, its logarithm taken as normal, where {band} holds {coverage:.0%} of single points"
    )


def _normal_quantile(coverage: float) -> float:
    return NormalDist().inv_cdf((1 + coverage) / 2)
