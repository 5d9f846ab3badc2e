"""Two copies of one job at once, as after a killed controller, leave what a single one would have left."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
import torch
from test_parts import CHEAP, SIMULATED, content

from pairvae.files.whole import written_whole
from pairvae.models.weights_file import load_weights
from pairvae.settings import Simulate
from pairvae.simulation.simulate import simulate
from pairvae.train.pretrain import pretrain


def together(*command):
    """Run a command twice at the same time."""
    code = "import sys; from pairvae.cli.app import main; sys.stdin.readline(); main()"
    copies = [
        subprocess.Popen(
            [sys.executable, "-c", code, *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        for _ in range(2)
    ]
    for copy in copies:
        copy.stdin.write("go\n")
        copy.stdin.flush()
    for copy in copies:
        said, _ = copy.communicate(timeout=3600)
        assert copy.returncode == 0, said


def assert_same(one, other):
    (tensors, facts), (others, other_facts) = one, other
    assert facts == other_facts
    assert tensors.keys() == others.keys()
    assert all(torch.equal(tensors[name], others[name]) for name in others)


def hidden(folder):
    return [path for path in folder.rglob(".*") if path.is_file()]


def test_two_simulations_at_once_write_one_result(tmp_path):
    settings = Simulate(pairs=12, seed=4, systems=CHEAP)
    (tmp_path / "settings.json").write_text(settings.model_dump_json())
    for folder in (tmp_path / "alone", tmp_path / "both"):
        folder.mkdir()
    simulate(settings, *(tmp_path / "alone" / name for name in SIMULATED), threads=1)
    options = [
        part
        for option, name in zip(("saxs", "sans", "truth-saxs", "truth-sans", "samples"), SIMULATED, strict=True)
        for part in (f"--{option}", tmp_path / "both" / name)
    ]
    together("simulate", "--settings", tmp_path / "settings.json", *options)
    for name in SIMULATED:
        assert content(tmp_path / "both" / name) == content(tmp_path / "alone" / name)
    assert hidden(tmp_path / "both") == []


def test_two_trainings_at_once_write_one_result_and_one_resume_file(pretrained, tmp_path):
    settings = pretrained.pretrain.model_copy(update={"steps": 200})  # two epochs
    (tmp_path / "settings.json").write_text(settings.model_dump_json())
    inputs = {"spectra": pretrained.path("spectra/saxs.h5"), "pairs": pretrained.path("pairs.csv")}

    def outputs(folder):
        names = {"weights": "weights.safetensors", "history": "history.csv", "resume": "resume"}
        return {option: tmp_path / folder / name for option, name in names.items()}

    pretrain(*inputs.values(), settings, *outputs("alone").values(), threads=1)
    files = {**inputs, **outputs("both"), "settings": tmp_path / "settings.json"}
    together("pretrain", *[part for option, path in files.items() for part in (f"--{option}", path)])
    alone = load_weights(outputs("alone")["weights"])
    assert_same(load_weights(outputs("both")["weights"]), alone)
    assert hidden(tmp_path / "both") == []
    resumed = outputs("resumed") | {"resume": outputs("both")["resume"]}
    pretrain(*inputs.values(), settings, *resumed.values(), threads=1)
    assert_same(load_weights(resumed["weights"]), alone)


def test_what_a_killed_process_left_behind_is_removed_and_what_a_living_one_writes_is_not(tmp_path):
    code = """
import sys
from pathlib import Path
from pairvae.files.whole import written_whole
with written_whole(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("begun", flush=True)
    sys.stdin.readline()
"""
    command = [sys.executable, "-c", code, tmp_path / "curves.h5"]
    copies = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for copy in copies:
        assert copy.stdout.readline() == "begun\n"
    copies[0].kill()
    copies[0].wait()
    assert len(hidden(tmp_path)) == 2
    with written_whole(tmp_path / "samples.csv") as temporary:
        temporary.write_text("whole")
    assert len(hidden(tmp_path)) == 1
    copies[1].communicate("go on\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curves.h5", "samples.csv"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_reader_never_meets_half_of_what_many_write(tmp_path, kind):
    target = tmp_path / "target"
    ended = threading.Event()

    def write(number):
        for _ in range(40):
            with written_whole(target) as temporary:
                path = temporary
                if kind == "folder":
                    temporary.mkdir()
                    path = temporary / "content"
                path.write_bytes(bytes([number]) * 10_000)

    def read():
        path = target / "content" if kind == "folder" else target
        while not ended.is_set():
            try:
                found = path.read_bytes()
            except FileNotFoundError:  # before the first, and between two folders
                continue
            assert len(found) == 10_000
            assert len(set(found)) == 1

    with ThreadPoolExecutor(5) as pool:
        reader = pool.submit(read)
        writers = [pool.submit(write, number) for number in range(4)]
        wait(writers)
        ended.set()
        for done in (*writers, reader):
            done.result()
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
