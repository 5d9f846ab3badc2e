"""A full disk or a folder that may not be written to: one sentence, nothing half-written, a later run succeeds."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import draw_spheres, measure, write_curves
from test_workflow import TINY, snakemake

from pairvae.errors import UserError
from pairvae.files.whole import written_whole
from pairvae.models.weights_file import save_weights
from pairvae.prepare.spectra_file import Spectra, write_spectra
from pairvae.train.pretrain import pretrain

SMALL = 300  # kB


@dataclass(frozen=True)
class Disk:
    """A small disk, mounted."""

    folder: Path

    def fill(self):
        """Leave no room at all."""
        with (self.folder / "filling").open("wb", buffering=0) as file:
            while True:
                try:
                    file.write(b"0" * 4096)
                except OSError:
                    return

    def empty(self):
        (self.folder / "filling").unlink(missing_ok=True)

    def make_read_only(self):
        subprocess.run(["mount", "-o", "remount,ro", self.folder], check=True)

    def make_writable(self):
        subprocess.run(["mount", "-o", f"remount,rw,size={SMALL}k", self.folder], check=True)

    def grow(self):
        subprocess.run(["mount", "-o", "remount,rw,size=50m", self.folder], check=True)

    def files(self):
        return [path for path in self.folder.rglob("*") if path.is_file() and path.name != "filling"]


@pytest.fixture
def disk(tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SMALL}k", "tmpfs", folder], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip() or 'not root'}")
    yield Disk(folder)
    subprocess.run(["umount", folder], check=True)


def curves_file(folder, size=40):
    rng = np.random.default_rng(0)
    curves = [measure(sphere, "saxs", rng) for sphere in draw_spheres(count=size)] * 5
    write_curves(folder / "curves" / "saxs.h5", "saxs", curves)


def spectra_file(folder):
    zeros = np.zeros((300, 200), np.float32)
    parts = [Spectra("saxs", np.arange(200.0), zeros, zeros, zeros > 0, ["a"] * 300)]
    write_spectra(folder / "spectra" / "saxs.h5", "saxs", np.geomspace(0.01, 0.5, 200), parts)


def weights(folder):
    save_weights(folder / "weights.safetensors", {"weights": torch.zeros(200_000)}, {})


def table(folder):
    with written_whole(folder / "samples.csv") as temporary:
        pd.DataFrame({"sample_id": ["s" * 1000] * 400}).to_csv(temporary)


def model_folder(folder):
    with written_whole(folder / "model") as temporary:
        temporary.mkdir()
        (temporary / "model.json").write_text("1" * 1000 * SMALL * 2)


WRITERS = [curves_file, spectra_file, weights, table, model_folder]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("obstacle", ["too small", "full", "read-only"])
def test_every_kind_of_file_is_written_whole_or_not_at_all(disk, write, obstacle):
    if obstacle == "full":
        disk.fill()
    if obstacle == "read-only":
        disk.make_read_only()
    said = "Read-only file system" if obstacle == "read-only" else "No space left on device"
    with pytest.raises(UserError, match=rf"{disk.folder}\S* cannot be written \({said}\); .*start again"):
        write(disk.folder)
    assert disk.files() == []

    disk.make_writable()
    disk.empty()
    disk.grow()
    write(disk.folder)
    assert len(disk.files()) == 1


def test_a_file_never_takes_the_place_of_a_folder(tmp_path):
    (tmp_path / "samples.csv").mkdir()  # as when --output names a folder where it wants a file
    (tmp_path / "samples.csv" / "precious").write_text("measured")
    with pytest.raises(UserError, match="a folder lies there, which no file replaces"):
        table(tmp_path)
    assert [path.name for path in tmp_path.rglob("*")] == ["samples.csv", "precious"]


def test_a_folder_is_not_made_where_a_file_stands(tmp_path):
    (tmp_path / "model").write_text("measured")
    for write in (model_folder, lambda folder: table(folder / "model")):
        with pytest.raises(UserError, match="a file stands where a folder should be"):
            write(tmp_path)
    assert (tmp_path / "model").read_text() == "measured"


def test_a_folder_gives_way_to_its_next_version_alone(tmp_path):
    for content in ("model.json", "thesis.txt"):
        (tmp_path / "model").mkdir(exist_ok=True)
        (tmp_path / "model" / content).write_text("old")
        if content == "model.json":
            model_folder(tmp_path)
            assert (tmp_path / "model" / "model.json").read_text().startswith("111")
            (tmp_path / "model" / "model.json").unlink()
    with pytest.raises(UserError, match="other files lie in this folder"):
        model_folder(tmp_path)
    assert (tmp_path / "model" / "thesis.txt").read_text() == "old"


def pairvae(*command):
    return subprocess.run(
        [sys.executable, "-c", "from pairvae.cli.app import main; main()", *map(str, command)],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


@pytest.mark.parametrize("obstacle", ["too small", "full", "read-only"])
def test_stage_says_it_in_one_line_and_ends_with_exit_code_2(disk, measured, tmp_path, obstacle):
    if obstacle == "full":
        disk.fill()
    if obstacle == "read-only":
        disk.make_read_only()
    settings = tmp_path / "normalize.json"
    settings.write_text('{"grid": {"points": 2048}}')
    spectra = disk.folder / "spectra" / "saxs.h5"
    files = ["--curves", measured.path("curves/saxs.h5"), "--settings", settings, "--spectra", spectra]
    stopped = pairvae("normalize", *files)
    assert stopped.returncode == 2
    assert stopped.stderr.startswith(f"pairvae: {spectra}: cannot be written")
    assert len(stopped.stderr.splitlines()) == 1
    assert disk.files() == []

    disk.make_writable()
    disk.empty()
    disk.grow()
    assert pairvae("normalize", *files).returncode == 0
    assert disk.files() == [spectra]


def test_training_that_cannot_keep_its_epochs_stops_and_goes_on_when_there_is_room(disk, pretrained, tmp_path):
    settings = pretrained.pretrain.model_copy(update={"steps": 100})
    inputs = [pretrained.path("spectra/saxs.h5"), pretrained.path("pairs.csv")]
    weights, history = tmp_path / "weights.safetensors", tmp_path / "history.csv"
    disk.fill()
    with pytest.raises(UserError, match=r"last\.ckpt: cannot be written \(No space left on device\)"):
        pretrain(*inputs, settings, weights, history, disk.folder / "resume", threads=1)
    assert disk.files() == []
    assert not weights.exists()

    disk.empty()
    disk.grow()
    pretrain(*inputs, settings, weights, history, disk.folder / "resume", threads=1)
    assert weights.exists()


def test_run_into_a_folder_that_may_not_be_written_to_stops_before_the_first_job(disk, tmp_path):
    disk.make_read_only()
    (tmp_path / "results").symlink_to(disk.folder)
    stopped = snakemake(tmp_path, "--configfile", TINY)
    assert stopped.returncode == 2
    assert f"{tmp_path}/results: cannot be written to; make it writable" in stopped.stdout
    assert "Traceback" not in stopped.stdout


def test_job_on_a_full_disk_shows_its_sentence(disk, tmp_path):
    (tmp_path / "results").symlink_to(disk.folder)
    arguments = ("--configfile", TINY, "--config", "simulate={pairs: 60}")
    stopped = snakemake(tmp_path, *arguments, "--", "results/tiny/curves/saxs.h5")
    assert stopped.returncode == 1
    assert "cannot be written (No space left on device); free space on this disk" in stopped.stdout
    assert "Traceback" not in stopped.stdout
    assert [path for path in disk.files() if path.suffix in (".h5", ".csv")] == []
