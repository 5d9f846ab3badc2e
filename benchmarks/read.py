"""How fast files are read, beside the bare libraries on the same files in the same run, and in how much memory.

python benchmarks/read.py [--files 2000] [--points 200] [--many 2000 10000]
"""

import argparse
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import partial
from itertools import chain, islice, repeat
from pathlib import Path
from statistics import median
from typing import NamedTuple

import h5py
import numpy as np
from rich.console import Console
from rich.table import Table

from pairvae.formats.read import read_spectrum
from pairvae.formats.write import write_nxcansas
from pairvae.jobs.cores import cores
from pairvae.jobs.parallel import AHEAD, CHUNK, FEW
from pairvae.samples.read_samples import Measured, measured_curves
from pairvae.samples.samples_table import MeasuredFile, Row
from pairvae.scattering.curves_file import CurvesWriter
from pairvae.scattering.spectrum import Spectrum
from pairvae.settings import Read

ROUNDS = 15
IDLE = 0.1  # seconds
RATIO_OF_ONE_CORE = 0.5  # of the bare library's speed, at least
POINTS_OF_MANY = 20
# the high-water mark of its own: the one that its parent sees begins with the parent's
READ = """
import re
from pathlib import Path
from pairvae.cli.app import app
app(standalone_mode=False)
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1000)
"""


def curve(rng: np.random.Generator, points: int) -> Spectrum:
    """Something like a measured curve, with all the digits that instruments write."""
    q = np.geomspace(0.003, 0.5, points)
    intensity = 1e-2 + 100 * np.exp(-((q * rng.uniform(20, 200)) ** 2) / 3)
    sigma = 0.01 * np.sqrt(intensity)
    return Spectrum(q, intensity + sigma * rng.normal(size=points), sigma, 0.1 * q, "saxs", "sample")


def write_texts(folder: Path, files: int, points: int, delimiter: str, header: str) -> list[Path]:
    """Text tables of q, I and dI that `numpy.loadtxt` can read."""
    rng = np.random.default_rng(1)
    paths = [folder / f"{number:06d}.dat" for number in range(files)]
    for path in paths:
        one = curve(rng, points)
        table = np.stack([one.q, one.intensity, one.sigma], axis=1)
        np.savetxt(path, table, fmt="%.8e", delimiter=delimiter, header=header)
    return paths


class Cost(NamedTuple):
    """Seconds per file: by the clock, and of all processes on their processors."""

    wall: float
    cpu: float


class Round(NamedTuple):
    """What a part of the files cost each in turn, so that a busy moment hits all."""

    bare: Cost
    ours: Cost
    stream: Cost  # on all cores, into a curves file


def cost(work: Callable[[], int], processes: Iterable[int] = ()) -> Cost:
    """What a piece of work takes, per file, here and in other processes."""
    begin = time.perf_counter(), time.process_time() + sum(map(_seconds, processes))
    files = work()
    end = time.perf_counter(), time.process_time() + sum(map(_seconds, processes))
    return Cost((end[0] - begin[0]) / files, (end[1] - begin[1]) / files)


def _seconds(process: int) -> float:
    """Seconds on a processor so far (Linux)."""
    numbers = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")


def side_by_side(bare: Callable[[Path], object], paths: list[Path]) -> list[Round]:
    """Read bare and by ours on one core, and from a manifest into a curves file on all cores."""

    def one_by_one(work: Callable[[Path], object], part: list[Path]) -> int:
        for path in part:
            work(path)
        return len(part)

    def into_file(writer: CurvesWriter, curves: Iterator[tuple[Row, MeasuredFile, Measured | str]], files: int) -> int:
        for _, _, found in islice(curves, files):
            if isinstance(found, str):
                raise RuntimeError(found)
            for setting in found.settings:
                writer.append(setting)
        return files

    for work in (bare, read_spectrum):  # imports and first calls are no part of it
        work(paths[0])
    folder = str(paths[0].parent)
    table = [
        Row(i, path.name, path.name, "", "", (MeasuredFile(folder, path.name, "saxs"),), {})
        for i, path in enumerate(paths)
    ]
    parts = [paths[start::ROUNDS] for start in range(ROUNDS)]
    curves = measured_curves(chain.from_iterable(repeat(table)), Read(), cores())
    rounds = []
    with closing(curves), CurvesWriter(paths[0].parent / "curves.h5", "saxs") as writer:
        into_file(writer, curves, FEW + 2 * len(paths))  # until all workers have started
        workers = [child.pid for child in multiprocessing.active_children() if child.pid]
        for part in parts:
            time.sleep(IDLE)  # the workers have done what they do ahead, and wait
            own = cost(partial(one_by_one, bare, part)), cost(partial(one_by_one, read_spectrum, part))
            into_file(writer, curves, 2 * AHEAD * CHUNK * cores())  # and now they have work
            rounds.append(Round(*own, cost(partial(into_file, writer, curves, len(paths)), workers)))
    return rounds


def loadtxt_spaces(path: Path) -> object:
    """What bare numpy does with a table between spaces."""
    return np.loadtxt(path)


def loadtxt_commas(path: Path) -> object:
    """What bare numpy does with a table between commas."""
    return np.loadtxt(path, delimiter=",")


def bare_h5py(path: Path) -> object:
    """The numbers and units of one known group, without a question asked."""
    with h5py.File(path) as file:
        group = file["sasentry/sasdata"]
        return [(group[name][()], group[name].attrs["units"]) for name in ("Q", "I", "Idev", "Qdev")]


def memory(folder: Path, files: int, threads: int) -> tuple[float, float]:
    """Highest resident memory in MB of the process that is `pairvae read`, and its seconds with start-up."""
    folder.mkdir()
    write_texts(folder, files, POINTS_OF_MANY, " ", "q [1/A] I [1/cm] dI [1/cm]")
    names = sorted(path.name for path in folder.glob("*.dat"))
    rows = [f"s{i},{saxs},{sans}" for i, (saxs, sans) in enumerate(zip(names[::2], names[1::2], strict=True))]
    (folder / "samples.csv").write_text("\n".join(["sample_id,saxs,sans", *rows]) + "\n")
    (folder / "read.json").write_text("{}")
    command = [sys.executable, "-c", READ, "read", "--threads", str(threads)]
    for option, name in (("manifest", "samples.csv"), ("settings", "read.json")):
        command += [f"--{option}", str(folder / name)]
    for option, name in (("saxs", "saxs.h5"), ("sans", "sans.h5"), ("samples", "out.csv")):
        command += [f"--{option}", str(folder / "out" / name)]
    begin = time.perf_counter()
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.splitlines()[-1]), time.perf_counter() - begin


def main() -> int:
    """Measure, print tables, and return 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=2000, help="text files of each kind; a quarter as many HDF5 files")
    parser.add_argument("--points", type=int, default=200, help="points of each curve")
    parser.add_argument("--many", type=int, nargs="*", default=[2000, 10000], help="files of the memory runs")
    args = parser.parse_args()
    speeds = Table(
        "files", "bare, 1/s", "pairvae, 1/s", "ratio", "by CPU", f"{cores()} cores, 1/s", "ratio", "by CPU", "cores got"
    )
    missed = False
    with tempfile.TemporaryDirectory() as temporary:
        kinds = [("text, spaces", " ", loadtxt_spaces), ("text, commas", ",", loadtxt_commas)]
        for kind, delimiter, bare in kinds:
            folder = Path(temporary) / kind.replace(", ", "_")
            folder.mkdir()
            names = delimiter.join(["q [1/A]", "I [1/cm]", "dI [1/cm]"])
            paths = write_texts(folder, args.files, args.points, delimiter, names)
            rounds = side_by_side(bare, paths)
            one, _, together, _ = _ratios(rounds)
            missed |= one < RATIO_OF_ONE_CORE or (cores() > 1 and together < 1)
            speeds.add_row(f"{kind} (numpy.loadtxt)", *_shown(rounds))
        folder = Path(temporary) / "nxcansas"
        folder.mkdir()
        paths = [folder / f"{number}.h5" for number in range(args.files // 4)]
        rng = np.random.default_rng(2)
        for path in paths:
            write_nxcansas(path, curve(rng, args.points))
        speeds.add_row("NXcanSAS (h5py)", *_shown(side_by_side(bare_h5py, paths)))
        Console().print(speeds)
        if args.many:
            held = Table("text files", f"highest memory, reading in 1 and in {cores()} processes", "files/s")
            for files in args.many:
                one = memory(Path(temporary) / f"one_{files}", files, 1)
                all_cores = memory(Path(temporary) / f"all_{files}", files, cores())
                held.add_row(
                    str(files),
                    f"{one[0]:.1f} MB, {all_cores[0]:.1f} MB",
                    f"{files / one[1]:.0f}, {files / all_cores[1]:.0f}",
                )
            Console().print(held)
    return int(missed)


def _ratios(rounds: Sequence[Round]) -> tuple[float, float, float, float]:
    """How fast beside the bare library on one core: on one core and on all, each by the clock and by CPU seconds.

    By CPU seconds: what as many cores would give if no other process had a share of them.
    """
    return (
        median(one.bare.wall / one.ours.wall for one in rounds),
        median(one.bare.cpu / one.ours.cpu for one in rounds),
        median(one.bare.wall / one.stream.wall for one in rounds),
        cores() * sum(one.bare.cpu for one in rounds) / sum(one.stream.cpu for one in rounds),
    )


def _shown(rounds: Sequence[Round]) -> list[str]:
    wall, cpu, all_wall, all_cpu = _ratios(rounds)
    bare, ours, stream = (median(1 / costs.wall for costs in column) for column in zip(*rounds, strict=True))
    got = median(one.stream.cpu / one.stream.wall for one in rounds)
    ratios = f"{wall:.2f}", f"{cpu:.2f}", f"{stream:.0f}", f"{all_wall:.2f}", f"{all_cpu:.2f}", f"{got:.1f}"
    return [f"{bare:.0f}", f"{ours:.0f}", *ratios]


if __name__ == "__main__":
    sys.exit(main())
