"""Reading and simulating in parts gives what one job would have given, bit for bit."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from conftest import draw_spheres, measure, write_curves
from test_workflow import TINY, snakemake

from pairvae.errors import UserError
from pairvae.jobs.part import WHOLE, Part
from pairvae.samples.read_samples import read_samples
from pairvae.scattering.merge import merge
from pairvae.settings import Read, Simulate
from pairvae.simulation.simulate import simulate

EXAMPLE = Path(__file__).parents[1] / "data" / "example" / "samples.csv"
SIMULATED = ("saxs.h5", "sans.h5", "truth_saxs.h5", "truth_sans.h5", "samples.csv")
CHEAP = {"silica_sphere": 1.0, "micelle": 1.0}
MOST_GROWTH = 6.0  # MB; the curves that are added take 20 MB
MEASURE = """
import re, sys
from pathlib import Path
from pairvae.scattering.merge import merge
merge([Path(sys.argv[1])] * int(sys.argv[2]), Path(sys.argv[3]))
print(float(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) / 1000)
"""


def content(path):
    """Every dataset and attribute of an HDF5 file as bytes, or the bytes of another file."""
    if path.suffix != ".h5":
        return path.read_bytes()
    with h5py.File(path) as file:
        strings = {name for name in file if h5py.check_string_dtype(file[name].dtype)}
        return dict(file.attrs), {
            name: file[name][:].tolist() if name in strings else (file[name].dtype, file[name][:].tobytes())
            for name in file
        }


@pytest.fixture(scope="module")
def settings():
    return Simulate(pairs=10, seed=3, systems=CHEAP)


@pytest.fixture(scope="module")
def whole(settings, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    simulate(settings, *(folder / name for name in SIMULATED), threads=1)
    return folder


@pytest.mark.parametrize("count", [3, 12])
def test_simulation_in_parts_is_the_simulation(settings, whole, tmp_path, count):
    folders = [tmp_path / f"{number}" for number in range(1, count + 1)]
    for number, folder in enumerate(folders, start=1):
        simulate(settings, *(folder / name for name in SIMULATED), threads=1, part=Part(number, count))
    for name in SIMULATED:
        merge([folder / name for folder in folders], tmp_path / name)
        assert content(tmp_path / name) == content(whole / name)


def read(folder, part=WHOLE, parts=None, manifest=EXAMPLE):
    samples = folder / "samples.csv" if part == WHOLE else None
    read_samples(manifest, Read(), folder / "saxs.h5", folder / "sans.h5", samples, 1, part, parts)
    return folder


@pytest.mark.parametrize("count", [2, 50])
def test_reading_in_parts_is_reading_with_the_same_remarks(tmp_path, capsys, count):
    shutil.copytree(EXAMPLE.parent, tmp_path / "example")
    manifest = tmp_path / "example" / "samples.csv"
    shutil.copy(manifest.parent / "raw" / "micelle_01_saxs.dat", manifest.parent / "raw" / "twin.dat")
    manifest.write_text(manifest.read_text().rstrip() + "\ntwin,raw/twin.dat,,1/nm,micelle,1.0\n")

    whole = read(tmp_path / "whole", manifest=manifest)
    said = capsys.readouterr().out
    assert "same content stands under two names" in said
    folders = [read(tmp_path / f"{n}", Part(n, count), manifest=manifest) for n in range(1, count + 1)]
    capsys.readouterr()
    parts = {technique: [folder / f"{technique}.h5" for folder in folders] for technique in ("saxs", "sans")}
    merged = read(tmp_path / "merged", parts=parts, manifest=manifest)
    assert capsys.readouterr().out == said
    for name in ("saxs.h5", "sans.h5", "samples.csv"):
        assert content(merged / name) == content(whole / name)


def test_parts_of_another_manifest_are_refused(tmp_path):
    parts = [read(tmp_path / f"{n}", Part(n, 2)) for n in (1, 2)]
    reversed_parts = {t: [part / f"{t}.h5" for part in reversed(parts)] for t in ("saxs", "sans")}
    with pytest.raises(UserError, match="read the parts again"):
        read(tmp_path / "merged", parts=reversed_parts)
    assert not (tmp_path / "merged" / "saxs.h5").exists()


@pytest.mark.parametrize("text", ["2", "3-of-2", "0-of-2", "a-of-b", "2-of-4 "])
def test_part_that_is_none_is_refused(text):
    with pytest.raises(UserError, match="2-of-4"):
        Part.parse(text)


@pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="this system does not tell a process's highest memory"
)
def test_memory_of_merge_does_not_grow_with_the_number_of_curves(tmp_path):
    rng = np.random.default_rng(0)
    one = [measure(sphere, "saxs", rng) for sphere in draw_spheres(count=50)] * 30
    part = write_curves(tmp_path / "part.h5", "saxs", one)
    highest = []
    for count in (2, 6):
        command = [sys.executable, "-c", MEASURE, part, str(count), tmp_path / f"{count}.h5"]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
        highest.append(json.loads(done.stdout))
    assert highest[1] - highest[0] < MOST_GROWTH


def jobs(folder, *arguments):
    dry = snakemake(folder, "--dry-run", "--quiet", "rules", *arguments)
    assert dry.returncode == 0, dry.stdout
    return dict(re.findall(r"^(\w+)\s+(\d+)$", dry.stdout, re.MULTILINE))


def test_one_setting_splits_a_simulation_over_jobs(tmp_path):
    planned = jobs(tmp_path, "--configfile", TINY, "--config", "parts=3")
    assert planned["simulate_part"] == "3"
    assert "simulate" not in planned


def test_one_setting_splits_reading_over_jobs(tmp_path):
    planned = jobs(tmp_path, "--config", "parts=4", f"samples={EXAMPLE}")
    assert (planned["read_part"], planned["read"]) == ("4", "1")


@pytest.mark.slow
def test_workflow_puts_the_parts_together(tmp_path):
    tables = [f"results/tiny/{name}" for name in ("curves/saxs.h5", "truth/sans.h5", "samples.csv")]
    done = snakemake(tmp_path, "--configfile", TINY, "--config", "simulate={pairs: 4}", "parts=2", "--", *tables)
    assert done.returncode == 0, done.stdout
    settings = Simulate.model_validate_json((tmp_path / "results/tiny/settings/simulate.json").read_text())
    simulate(settings, *(tmp_path / "whole" / name for name in SIMULATED), threads=1)
    for table, name in zip(tables, ("saxs.h5", "truth_sans.h5", "samples.csv"), strict=True):
        assert content(tmp_path / table) == content(tmp_path / "whole" / name)
    assert [path.name for path in (tmp_path / "results" / "tiny").glob("parts/*/*.csv")] == []  # they were in the way
