"""Training that was killed and started again is training that was never killed, bit for bit."""

import io
import os
import pickle
import signal
import subprocess
import sys
import zipfile

import pandas as pd
import pytest
import torch

from pairvae.errors import STOP_SIGNALS
from pairvae.models.weights_file import load_weights
from pairvae.prepare.pair import read_pairs
from pairvae.train.joint_train import joint_train
from pairvae.train.pretrain import begin_pretrain, pretrain

TRAINED = "epoch "  # begins the line of every epoch that was trained


class Training:
    """One stage on the small data set, writing below a folder of its own."""

    def __init__(self, stage, project, folder):
        self.stage, self.folder = stage, folder
        folder.mkdir()
        self.inputs = {"pairs": project.path("pairs.csv")}
        if stage == "pretrain":
            self.inputs["spectra"] = project.path("spectra/saxs.h5")
            self.settings = project.pretrain
        else:
            for t in ("saxs", "sans"):
                self.inputs[t] = project.path(f"spectra/{t}.h5")
                self.inputs[f"pretrained_{t}"] = project.path(f"pretrain/{t}.safetensors")
            self.settings = project.joint_train
        self.settings = self.settings.model_copy(update={"steps": 400})  # four epochs
        self.outputs = {"weights": folder / "w.safetensors", "history": folder / "h.csv", "resume": folder / "resume"}

    def here(self):
        """Train in this process."""
        run = {"pretrain": pretrain, "joint_train": joint_train}[self.stage]
        run(**self.inputs, settings=self.settings, **self.outputs, threads=1)

    def killed_after(self, epoch, number=signal.SIGKILL, code=-signal.SIGKILL):
        """Train by the command line, send a signal once that epoch is reported; the epochs reported."""
        path = self.folder / "settings.json"
        path.write_text(self.settings.model_dump_json())
        files = {**self.inputs, **self.outputs, "settings": path}
        options = [part for name, file in files.items() for part in (f"--{name.replace('_', '-')}", str(file))]
        with subprocess.Popen(
            [sys.executable, "-c", "from pairvae.cli.app import main; main()", self.stage, *options],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        ) as process:
            seen = []
            for line in process.stdout:
                seen += epochs(line)
                if epoch in seen:
                    process.send_signal(number)
        assert process.returncode == code
        return seen

    def tensors(self):
        return load_weights(self.outputs["weights"])[0]

    def history(self):
        return pd.read_csv(self.outputs["history"]).drop(columns="seconds")


def epochs(text):
    """Numbers of the epochs that a log reports."""
    return [int(line.split(TRAINED)[1].split("/")[0]) for line in text.splitlines() if f"  {TRAINED}" in line]


def assert_same(one, other):
    pd.testing.assert_frame_equal(one.history(), other.history(), check_exact=True)
    ours, theirs = one.tensors(), other.tensors()
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []


@pytest.fixture
def training(pretrained, tmp_path):
    return lambda stage, name="run": Training(stage, pretrained, tmp_path / name)


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["pretrain", "joint_train"])
def test_killed_training_that_goes_on_equals_one_never_killed(training, stage, capsys):
    killed, whole = training(stage, "killed"), training(stage, "whole")
    reported = killed.killed_after(2)
    assert not killed.outputs["weights"].exists()

    capsys.readouterr()
    killed.here()
    repeated = epochs(capsys.readouterr().out)
    whole.here()
    # an epoch is reported just before it is kept: only the last one can be lost
    assert repeated == list(range(repeated[0], 5))
    assert repeated[0] >= reported[-1]
    assert_same(killed, whole)
    assert killed.history()["epoch"].tolist() == list(range(4))


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_training_asked_to_stop_says_so_and_goes_on_as_if_never_stopped(training, number, capsys):
    stopped, whole = training("pretrain", "stopped"), training("pretrain", "whole")
    reported = stopped.killed_after(2, number, code=128 + number)
    assert reported[-1] < 4
    assert not stopped.outputs["weights"].exists()
    capsys.readouterr()
    stopped.here()
    # the handler stops behind a batch, never while the epoch that was reported is being kept
    assert epochs(capsys.readouterr().out) == list(range(reported[-1] + 1, 5))
    whole.here()
    assert_same(stopped, whole)


def test_signals_are_handled_as_before_when_training_has_ended(training):
    before = [signal.getsignal(number) for number in STOP_SIGNALS]
    training("pretrain").here()
    assert [signal.getsignal(number) for number in STOP_SIGNALS] == before


def cut(data):
    return data[: len(data) // 2]


def emptied(data):
    return data[:0]


def altered(data):
    largest = max(zipfile.ZipFile(io.BytesIO(data)).infolist(), key=lambda record: record.file_size)
    middle = largest.header_offset + 128 + largest.file_size // 2
    return data[:middle] + bytes(byte ^ 0xFF for byte in data[middle : middle + 8]) + data[middle + 8 :]


def foreign(data):
    file = io.BytesIO()
    torch.save({"weights": torch.zeros(3), "read": len(data)}, file)
    return file.getvalue()


class Harmful:
    def __reduce__(self):
        return os.system, ("touch harm_was_done",)


def harmful(_):
    return pickle.dumps(Harmful())


def test_damaged_resume_file_is_named_and_training_begins_from_the_start(training, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = training("pretrain")
    run.settings = run.settings.model_copy(update={"steps": 200})
    run.here()
    first, history = run.tensors(), run.history()
    (last,) = run.outputs["resume"].rglob("last.ckpt")
    for damage in (cut, emptied, altered, foreign, harmful):
        last.write_bytes(damage(last.read_bytes()))
        capsys.readouterr()
        run.here()
        said = capsys.readouterr().out
        assert f"warning: {last} is damaged (" in said, damage.__name__
        assert epochs(said) == [1, 2]
        assert all(torch.equal(first[name], tensor) for name, tensor in run.tensors().items())
        pd.testing.assert_frame_equal(run.history(), history)
        assert not (tmp_path / "harm_was_done").exists()


def test_finished_training_is_not_repeated(training, capsys):
    run = training("pretrain")
    run.here()
    first, history = run.tensors(), run.history()
    capsys.readouterr()
    run.here()
    assert epochs(capsys.readouterr().out) == []
    assert all(torch.equal(first[name], tensor) for name, tensor in run.tensors().items())
    pd.testing.assert_frame_equal(run.history(), history)


def test_training_that_stopped_early_stays_stopped(training, capsys):
    run = training("pretrain")
    run.settings = run.settings.model_copy(update={"patience": 1, "min_delta": 10.0})
    run.here()
    assert epochs(capsys.readouterr().out) == [1, 2]
    first = run.tensors()
    run.here()
    assert epochs(capsys.readouterr().out) == []
    assert all(torch.equal(first[name], tensor) for name, tensor in run.tensors().items())
    assert len(run.history()) == 2


def test_other_settings_begin_anew(training, capsys):
    run = training("pretrain")
    run.settings = run.settings.model_copy(update={"steps": 120})
    run.here()
    capsys.readouterr()
    run.settings = run.settings.model_copy(update={"learning_rate": 1e-3})
    run.here()
    assert epochs(capsys.readouterr().out) == [1]
    assert len(list(run.outputs["resume"].iterdir())) == 2


def test_other_data_begin_anew(training, capsys, tmp_path):
    run = training("pretrain")
    run.settings = run.settings.model_copy(update={"steps": 120})
    run.here()
    capsys.readouterr()
    table = read_pairs(run.inputs["pairs"])
    run.inputs["pairs"] = tmp_path / "fewer.csv"
    table[table["split"] != "train"].tail(1).pipe(lambda last: table.drop(last.index)).to_csv(
        run.inputs["pairs"], index=False
    )
    run.here()
    assert epochs(capsys.readouterr().out) == [1]


def test_same_seed_gives_the_same_numbers_and_another_seed_others(training):
    first, again, other = (training("pretrain", name) for name in ("first", "again", "other"))
    for run in (first, again, other):
        run.settings = run.settings.model_copy(update={"steps": 100, "seed": 9 if run is other else 3})
        torch.rand(3)  # what was drawn before does not matter
        run.here()
    assert_same(first, again)
    assert any(not torch.equal(first.tensors()[name], tensor) for name, tensor in other.tensors().items())


def test_seed_decides_the_weights_that_a_training_begins_with(training):
    run = training("pretrain")
    settings = {seed: run.settings.model_copy(update={"seed": seed}) for seed in (3, 9)}

    def begun(seed):
        torch.rand(3)  # what was drawn before does not matter
        stage, _ = begin_pretrain(run.inputs["spectra"], run.inputs["pairs"], settings[seed])
        return torch.cat([weight.flatten() for weight in stage.network.parameters()])

    assert torch.equal(begun(3), begun(3))
    assert (begun(3) != begun(9)).float().mean() > 0.5
