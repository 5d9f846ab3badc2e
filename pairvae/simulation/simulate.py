"""Simulated particles seen by X-rays and by neutrons, with instrument, background and counting noise.

How a curve comes about: the cross section of the particles (sasmodels), smeared by the resolution
(Pinhole1D), plus a flat background, is the expected curve. Counting it and a blank (solvent, cell, stray
radiation) and subtracting the blank gives the measured curve with the sigma that an instrument would report.
"""

import csv
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress

from pairvae.errors import UserError
from pairvae.files.whole import written_whole
from pairvae.jobs.parallel import in_order
from pairvae.jobs.part import WHOLE, Part
from pairvae.scattering.curves_file import CurvesWriter, PackedCurve, pack
from pairvae.scattering.spectrum import TECHNIQUES, Source, Spectrum, Technique
from pairvae.settings import Simulate
from pairvae.settings.simulation import SIMULATED
from pairvae.simulation.cross_section import compile_models, cross_section
from pairvae.simulation.draw import draw_materials, draw_parameters
from pairvae.simulation.instrument import check_cuts, cut_ends, measure, median_background, optics
from pairvae.simulation.system import System
from pairvae.simulation.system_files import load_system, shares
from pairvae.simulation.varied_sample import COLUMNS as VARIED_COLUMNS
from pairvae.simulation.varied_sample import Row, varied_pair

COLUMNS = ("sample_id", *SIMULATED, "parameters")
PackedPair = dict[Technique, tuple[PackedCurve, PackedCurve]]  # measured and expected


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
    chosen : dict
        Materials of which the system's file gives a choice.
    """

    sample_id: str
    system: System
    d2o_fraction: float
    parameters: dict[str, float]
    background: dict[Technique, float]
    chosen: dict[str, str]


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
    mix = dict(shares(settings.systems))
    weights = np.array(list(mix.values())) / sum(mix.values())
    system = load_system(list(mix)[int(rng.choice(len(mix), p=weights))])
    d2o_fraction = float(rng.uniform(*settings.d2o_fraction))
    parameters = draw_parameters(system, rng)
    background: dict[Technique, float] = {}
    for technique in TECHNIQUES:
        instrument = settings.instruments[technique]
        spread = 10 ** float(rng.normal(0, instrument.background_spread_dex))
        background[technique] = median_background(instrument, d2o_fraction) * spread
    width = max(6, len(str(settings.pairs - 1)))
    # random numbers of their own, so that systems without a choice are drawn as ever
    chosen = draw_materials(system, np.random.default_rng([settings.seed, number, 2]))
    return Sample(f"{system.name}_{number:0{width}d}", system, d2o_fraction, parameters, background, chosen)


def expected_curves(
    system: System,
    parameters: Mapping[str, float],
    d2o_fraction: float,
    settings: Simulate,
    background: Mapping[Technique, float] | None = None,
    chosen: Mapping[str, str] | None = None,
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
    chosen : mapping, optional
        Materials by their name in the system's file; the first of each list where it is not given.

    Returns
    -------
    dict
        Spectrum by technique, on the whole q range of the instrument, without sigma.

    Raises
    ------
    UserError
        There is no C compiler.
    """
    curves: dict[Technique, Spectrum] = {}
    for technique in TECHNIQUES:
        instrument = settings.instruments[technique]
        seen = optics(instrument)
        flat = median_background(instrument, d2o_fraction) if background is None else background[technique]
        intensity = seen.smear @ cross_section(system, parameters, d2o_fraction, instrument, chosen) + flat
        source = Source(file=f"simulated:{system.name}")
        curves[technique] = Spectrum(seen.q, intensity, dq=seen.dq, technique=technique, source=source)
    return curves


def simulate(
    settings: Simulate,
    saxs: Path,
    sans: Path,
    truth_saxs: Path,
    truth_sans: Path,
    samples: Path,
    threads: int,
    part: Part = WHOLE,
) -> None:
    """Draw particles and write what both techniques measure of them.

    Sample i depends on the seed and on i only: the files are the same for any number of processes and parts.

    Parameters
    ----------
    settings : Simulate
        Particles, instruments, seed.
    saxs, sans : Path
        Curves files of the measured curves, in the order of the samples.
    truth_saxs, truth_sans : Path
        Curves files of the expected curves at the same q, without sigma.
    samples : Path
        CSV with sample_id, material, d2o_fraction, volume_fraction and the other drawn parameters as JSON; with
        instruments in `variety`, the columns of `varied_sample`.
    threads : int
        Processes to use (a kernel of sasmodels must not be shared between threads).
    part : Part
        Which of the samples to draw; see `pairvae.scattering.merge.merge`.

    Raises
    ------
    UserError
        There is no C compiler, or an instrument's q range is too short for its cuts.
    """
    for technique in TECHNIQUES:
        check_cuts(settings.instruments[technique])
    compile_models({load_system(name).model for name, _ in shares(settings.systems)})
    numbers = part.share(settings.pairs)
    varied = any(share > 0 for share in settings.variety.instruments.values())
    with ExitStack() as files:
        table = files.enter_context(files.enter_context(written_whole(samples)).open("w", encoding="utf-8", newline=""))
        rows = csv.DictWriter(table, VARIED_COLUMNS if varied else COLUMNS, lineterminator="\n")
        rows.writeheader()
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
        task = progress.add_task("simulate", total=len(numbers))
        files.enter_context(_environment(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", MKL_NUM_THREADS="1"))
        # worker processes inherit that: a core each, while this one writes
        for row, curves in in_order(
            partial(_varied if varied else _one, settings), numbers, threads, _ended, lambda _: False
        ):
            rows.writerow(row)
            for technique, (noisy, expected) in curves.items():
                measured[technique].append(PackedCurve(*noisy))
                truth[technique].append(PackedCurve(*expected))
            progress.advance(task)


def _one(settings: Simulate, number: int) -> tuple[Row, PackedPair]:
    rng = np.random.default_rng([settings.seed, number])
    sample = draw_sample(settings, number, rng)
    expected = expected_curves(
        sample.system, sample.parameters, sample.d2o_fraction, settings, sample.background, sample.chosen
    )
    curves: PackedPair = {}
    for technique, whole in expected.items():
        instrument = settings.instruments[technique]
        truth = replace(cut_ends(whole, instrument, rng), sample=sample.sample_id)
        exposure = 10 ** rng.uniform(*np.log10(instrument.exposure))
        curves[technique] = (pack(measure(truth, instrument, exposure, rng)), pack(truth))
    drawn: dict[str, float | str] = {**sample.parameters, **sample.chosen}
    row: Row = {
        "sample_id": sample.sample_id,
        "material": sample.system.name,
        "d2o_fraction": sample.d2o_fraction,
        "volume_fraction": drawn.pop("volume_fraction", ""),
        "parameters": json.dumps(drawn),
    }
    return row, curves


def _varied(settings: Simulate, number: int) -> tuple[Row, PackedPair]:
    row, curves = varied_pair(settings, number)
    return row, {technique: (pack(measured), pack(expected)) for technique, (measured, expected) in curves.items()}


def _ended(number: int) -> tuple[Row, PackedPair]:
    raise UserError(
        f"simulate: sample {number} ended its process, for lack of memory or in a compiled model; found with the seed "
        f"of the settings; expected a curve; use fewer cores, or leave out its system"
    )


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
