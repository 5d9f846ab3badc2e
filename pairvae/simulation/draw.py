"""Random numbers of one sample: the parameters of its system, and the materials it is made of."""

from math import log

import numpy as np

from pairvae.errors import UserError
from pairvae.simulation.expressions import Scope
from pairvae.simulation.system import Distribution, System


def draw_parameters(system: System, rng: np.random.Generator) -> dict[str, float]:
    """Draw each parameter of a system, in the order of its file.

    Raises
    ------
    UserError
        Limits have no value, or cross.
    """
    drawn: dict[str, float] = {}
    for name, parameter in system.parameters.items():
        low, high = (
            system.value(f"parameters.{name}.{end}", getattr(parameter, end), Scope(drawn)) for end in ("low", "high")
        )
        if not low <= high or (parameter.distribution == "log-uniform" and low <= 0):
            values = ", ".join(f"{key} = {value:.4g}" for key, value in drawn.items()) or "nothing drawn yet"
            raise UserError(
                f"{system.name}.yaml: parameters.{name}: its limits are {low:.4g} and {high:.4g} with {values}; "
                "expected low ≤ high, and > 0 for log-uniform; mend them, with min(…) or max(…)"
            )
        drawn[name] = _draw(parameter.distribution, low, high, rng)
    return drawn


def draw_materials(system: System, rng: np.random.Generator) -> dict[str, str]:
    """Draw one of each list of materials of a system, its solvent last.

    Returns
    -------
    dict
        Material by its name in the file; those that have no choice are left out.
    """
    choices = {**system.materials, "solvent": system.solvent}
    return {name: choice[int(rng.integers(len(choice)))] for name, choice in choices.items() if len(choice) > 1}


def _draw(distribution: Distribution, low: float, high: float, rng: np.random.Generator) -> float:
    if distribution == "integer":
        return float(rng.integers(int(low), int(high), endpoint=True))
    if distribution == "log-uniform":
        return float(np.exp(rng.uniform(log(low), log(high))))
    return float(rng.uniform(low, high))
