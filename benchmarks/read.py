"""How fast files are read, beside the bare libraries on the same files in the same run, and in how much memory.

python benchmarks/read.py [--files 2000] [--points 200] [--many 2000 10000]
"""

import argparse
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import chain, islice, repeat
from pathlib import Path
from statistics import median

import h5py
import numpy as np
from rich.console import Console
from rich.table import Table

from pairvae.scattering.parallel import cores, in_order
from pairvae.scattering.read import read_spectrum
from pairvae.scattering.spectrum import Spectrum
from pairvae.scattering.write import write_nxcansas

TURNS = 15  # the same files again and again for the workers
ROUNDS = 5  # each library reads a part of the files in turn, so that a busy moment hits both
RATIO_OF_ONE_CORE = 0.5  # of the bare library's speed, at least
POINTS_OF_MANY = 20
# the high-water mark of its own: the one that its parent is told begins with the parent's
READ = """
import re
from pathlib import Path
from pairvae.cli import app
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


def speed(work: Callable[[Path], object], paths: Sequence[Path]) -> float:
    """Files per second."""
    begin = time.perf_counter()
    for path in paths:
        work(path)
    return len(paths) / (time.perf_counter() - begin)


def side_by_side(bare: Callable[[Path], object], ours: Callable[[Path], object], paths: list[Path]) -> list[float]:
    """Median files per second of both on one core, and of ours on all cores once the workers have started."""
    for work in (bare, ours):  # imports and first calls are no part of it
        work(paths[0])
    parts = [paths[start::ROUNDS] for start in range(ROUNDS)]
    rates = [(speed(bare, part), speed(ours, part)) for part in parts]
    results = in_order(ours, chain.from_iterable(repeat(paths, TURNS)), cores(), _crashed)
    deque(islice(results, len(paths) * TURNS // 3), maxlen=0)  # until all workers have started
    begin = time.perf_counter()
    together = sum(1 for _ in results) / (time.perf_counter() - begin)
    return [median(rate[0] for rate in rates), median(rate[1] for rate in rates), together]


def _crashed(path: Path) -> object:
    raise RuntimeError(f"{path}: ended its process")


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
    told = parser.parse_args()
    speeds = Table("files", "bare, 1/s", "pairvae, 1/s", "ratio", f"on {cores()} cores, 1/s", "ratio")
    missed = False
    with tempfile.TemporaryDirectory() as temporary:
        kinds = [("text, spaces", " ", loadtxt_spaces), ("text, commas", ",", loadtxt_commas)]
        for kind, delimiter, bare in kinds:
            folder = Path(temporary) / kind.replace(", ", "_")
            folder.mkdir()
            names = delimiter.join(["q [1/A]", "I [1/cm]", "dI [1/cm]"])
            paths = write_texts(folder, told.files, told.points, delimiter, names)
            rates = side_by_side(bare, read_spectrum, paths)
            missed |= rates[1] < RATIO_OF_ONE_CORE * rates[0] or (cores() > 1 and rates[2] < rates[0])
            speeds.add_row(f"{kind} (numpy.loadtxt)", *_rates(rates))
        paths = [Path(temporary) / f"{number}.h5" for number in range(told.files // 4)]
        rng = np.random.default_rng(2)
        for path in paths:
            write_nxcansas(path, curve(rng, told.points))
        speeds.add_row("NXcanSAS (h5py)", *_rates(side_by_side(bare_h5py, read_spectrum, paths)))
        Console().print(speeds)
        if told.many:
            held = Table("text files", f"highest memory, reading in 1 and in {cores()} processes", "files/s")
            for files in told.many:
                one = memory(Path(temporary) / f"one_{files}", files, 1)
                all_cores = memory(Path(temporary) / f"all_{files}", files, cores())
                held.add_row(
                    str(files),
                    f"{one[0]:.1f} MB, {all_cores[0]:.1f} MB",
                    f"{files / one[1]:.0f}, {files / all_cores[1]:.0f}",
                )
            Console().print(held)
    return int(missed)


def _rates(rates: Sequence[float]) -> list[str]:
    bare, ours, together = rates
    return [f"{bare:.0f}", f"{ours:.0f}", f"{ours / bare:.2f}", f"{together:.0f}", f"{together / bare:.2f}"]


if __name__ == "__main__":
    sys.exit(main())
