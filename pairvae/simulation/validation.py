"""The numbers from elsewhere that the file of a system names, computed anew from its model."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from pairvae.errors import UserError
from pairvae.scattering.spectrum import TECHNIQUES, Curve, Technique
from pairvae.simulation.cross_section import bare_intensity
from pairvae.simulation.expressions import Scope
from pairvae.simulation.system import Check, Parameter, System, Values

PROBES: Mapping[Technique, float] = {"saxs": 8.048, "sans": 6.0}  # keV, Å
NEAR_ZERO = 2e-5  # 1/Å: q → 0 for the sizes in checks, and not so small that kernels lose their digits
POINTS = 400  # between both q of a check


class Checked(NamedTuple):
    """One number of one technique: from the model, and from elsewhere."""

    check: Check
    technique: Technique
    found: float
    expected: float

    @property
    def agrees(self) -> bool:
        """Whether both differ by less than the tolerance."""
        return bool(abs(self.found - self.expected) <= self.check.tolerance * abs(self.expected))


def validate(system: System) -> Iterator[Checked]:
    """Compute each number that a system's file names.

    Parameters
    ----------
    system : System
        Kind of particle; its model is compiled where it was not yet.

    Raises
    ------
    UserError
        There is no C compiler, an expression has no value, or there is no minimum where one is expected.
    """
    for number, check in enumerate(system.validation):
        drawn = typical(system) | check.at
        for technique in TECHNIQUES if check.technique is None else (check.technique,):
            sld = system.sld(technique, PROBES[technique], check.d2o_fraction, check.materials)
            scope = system.scope(drawn, sld, check.materials)
            where = f"validation.{number}"
            q = np.array([system.value(f"{where}.q", one, scope) for one in check.q])
            expected = system.value(f"{where}.expected", check.expected, scope)
            values = system.to_model(drawn, sld, check.materials)
            yield Checked(check, technique, _measure(system, values, check, q, expected, where), expected)


def typical(system: System) -> dict[str, float]:
    """Parameters in the middle of their limits, and sizes without spread."""
    widths = {name for spread in system.polydispersity for name in spread.width.names}
    drawn: dict[str, float] = {}
    for name, parameter in system.parameters.items():
        drawn[name] = 0.0 if name in widths else _middle(system, name, parameter, drawn)
    return drawn


def _middle(system: System, name: str, parameter: Parameter, above: Values) -> float:
    scope = Scope(above)
    low = system.value(f"parameters.{name}.low", parameter.low, scope)
    high = system.value(f"parameters.{name}.high", parameter.high, scope)
    if parameter.distribution == "log-uniform":
        return float(np.sqrt(low * high))
    middle = (low + high) / 2
    return float(round(middle)) if parameter.distribution == "integer" else middle


def _measure(system: System, values: Values, check: Check, q: Curve, expected: float, where: str) -> float:
    def intensity(at: Curve) -> Curve:
        return bare_intensity(system, values, at)

    match check.quantity:
        case "forward":
            return float(intensity(np.array([NEAR_ZERO]))[0])
        case "intensity":
            return float(intensity(q)[0])
        case "guinier_radius":
            near = np.array([0.05, 0.1]) / expected
            first, second = np.log(intensity(near))
            return float(np.sqrt(max(0.0, 3 * (first - second) / (near[1] ** 2 - near[0] ** 2))))
        case "slope":
            span = np.geomspace(q[0], q[1], POINTS)
            return float(np.polyfit(np.log(span), np.log(intensity(span)), 1)[0])
    span = np.linspace(q[0], q[1], POINTS)
    curve = intensity(span) * (1 if check.quantity == "maximum" else -1)
    inner = np.flatnonzero((curve[1:-1] > curve[:-2]) & (curve[1:-1] >= curve[2:]))
    if not inner.size:
        raise UserError(
            f"{system.name}.yaml: {where}: there is no {check.quantity} between q = {q[0]:.4g} and {q[1]:.4g} 1/Å; "
            "mend `q`, or `at`"
        )
    return float(span[inner[0] + 1])
