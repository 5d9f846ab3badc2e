"""What a training says when it cannot go on, and what it writes down when it can."""

import pandas as pd
import pytest
import torch

from pairvae.errors import UserError
from pairvae.train.pretrain import pretrain


@pytest.fixture
def train(gridded, tmp_path):
    def call(**changed):
        settings = gridded.pretrain.model_copy(update={"steps": 200} | changed)
        files = [gridded.path("spectra/saxs.h5"), gridded.path("pairs.csv")]
        outputs = [tmp_path / name for name in ("weights.safetensors", "history.csv", "resume")]
        pretrain(*files, settings, *outputs, threads=1)
        return pd.read_csv(outputs[1])

    return call


def test_diverged_training_names_stage_epoch_and_likely_causes(train, tmp_path):
    with pytest.raises(UserError, match=r"pretrain saxs, epoch \d+, step \d+: the loss is not finite") as caught:
        train(learning_rate=1e12)
    assert "learning_rate" in str(caught.value)
    assert not (tmp_path / "weights.safetensors").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_gpu_that_is_not_there_is_said_before_any_step(train):
    with pytest.raises(UserError, match="accelerator is gpu but no GPU was found"):
        train(accelerator="gpu")


def test_every_epoch_is_one_line_where_there_is_no_terminal(train, capsys):
    history = train()
    lines = [line for line in capsys.readouterr().out.splitlines() if "  epoch " in line]
    assert len(lines) == len(history) == 2
    assert "val/reconstruction" in lines[0]


def test_history_holds_rate_steps_and_both_losses(train):
    history = train()
    assert history["step"].tolist() == [100, 200]
    assert {"learning_rate", "train/reconstruction", "train/kl", "val/reconstruction"} <= set(history)
    assert history["val/reconstruction"].iloc[-1] < history["train/reconstruction"].iloc[0]


def test_training_stops_when_nothing_improves(train):
    assert len(train(steps=600, patience=1, min_delta=1e6)) == 2
