"""Training for a given time: the same configuration uses what it is given."""

import time

import pandas as pd
import pytest

from pairvae.models.weights_file import load_weights
from pairvae.train import fit
from pairvae.train.pretrain import pretrain

PEAK = 4e-3
MINUTES = 0.1


@pytest.fixture
def train(gridded, tmp_path):
    def call():
        settings = gridded.pretrain.model_copy(
            update={"steps": 100, "max_time": MINUTES, "patience": 1000, "learning_rate": PEAK}
        )
        files = [gridded.path("spectra/saxs.h5"), gridded.path("pairs.csv")]
        outputs = [tmp_path / name for name in ("weights.safetensors", "history.csv", "resume")]
        start = time.monotonic()
        pretrain(*files, settings, *outputs, threads=1)
        seconds = time.monotonic() - start
        return pd.read_csv(outputs[1]), load_weights(outputs[0])[1]["training"]["pretrain/saxs"], seconds

    return call


def test_time_decides_how_many_steps_and_the_rate_reaches_its_end(train):
    history, _, _ = train()
    assert history["step"].iloc[-1] > 100
    assert history["learning_rate"].max() > 0.1 * PEAK
    assert history["learning_rate"].iloc[-1] < 1e-3 * PEAK
    assert 0.7 * MINUTES < history["seconds"].sum() / 60 < 2 * MINUTES  # the start is no part of an epoch


def test_training_that_was_killed_has_the_rest_of_its_time(train, monkeypatch):
    keep, kept = fit.ResumeFile.on_train_epoch_end, []

    def keep_and_die(self, *arguments):
        keep(self, *arguments)
        kept.append(time.monotonic())
        if len(kept) == 2:
            raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(fit.ResumeFile, "on_train_epoch_end", keep_and_die)
        with pytest.raises(SystemExit):
            train()
    history, _, _ = train()
    assert history["epoch"].tolist() == list(range(len(history)))
    assert history["learning_rate"].iloc[-1] < 1e-3 * PEAK
    assert 0.7 * MINUTES < history["seconds"].sum() / 60 < 2 * MINUTES  # the start is no part of an epoch


def test_finished_training_has_no_time_left(train):
    first, outcome, seconds = train()
    again, _, repeated = train()
    pd.testing.assert_frame_equal(first, again)
    assert repeated < seconds
    assert outcome["epochs"] == len(first)
