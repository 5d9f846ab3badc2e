"""Reading many curves takes as much memory as reading few."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

POINTS = 500  # with q, I and sigma 12 kB in memory
FEW, MANY = 1000, 3000  # the buffers of the curves files are full with the few
MOST_GROWTH = 6.0  # MB; the curves that were added take 24 MB; the table that names them, 1 MB, is held
MEASURE = """
import re, sys
from pathlib import Path
from pairvae.samples.read_samples import read_samples
from pairvae.settings import Read
folder, name = Path(sys.argv[1]), sys.argv[2]
read_samples(folder / name, Read(), folder / "saxs.h5", folder / "sans.h5", folder / "out.csv", int(sys.argv[3]))
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1000)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Text files of their own, and two tables that name few and many of them."""
    folder = tmp_path_factory.mktemp("many")
    q = np.geomspace(0.003, 0.5, POINTS)
    body = "\n".join(f"{x:.6e} {1 / x:.6e} {0.1 / x:.6e}" for x in q)
    for i in range(MANY):
        (folder / f"{i}.dat").write_text(f"# sample: {i}\n# q [1/A] I [1/cm] dI [1/cm]\n{body}\n")
    for count in (FEW, MANY):
        rows = [f"s{i},{i}.dat,{i + 1}.dat" for i in range(0, count, 2)]
        (folder / f"{count}.csv").write_text("\n".join(["sample_id,saxs,sans", *rows]) + "\n")
    return folder


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="this system does not tell a process's highest memory"
)
def test_memory_of_read_does_not_grow_with_the_number_of_curves(folder, threads):
    highest = []
    for count in (FEW, MANY):
        command = [sys.executable, "-c", MEASURE, folder, f"{count}.csv", str(threads)]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
        assert f"{count // 2} SAXS and {count // 2} SANS curves" in done.stdout
        highest.append(float(json.loads(done.stdout.splitlines()[-1])))
    assert highest[1] - highest[0] < MOST_GROWTH
