"""Suggestions of a learning rate and a batch size, without training."""

import re

import numpy as np
import pytest

from pairvae.errors import UserError
from pairvae.train.finders import _memory_of_step, _repeated, find_batch_size, find_learning_rate
from pairvae.train.pretrain import begin_pretrain

MEBIBYTE = 2**20


@pytest.fixture
def begun(gridded):
    stage, tensors = begin_pretrain(gridded.path("spectra/saxs.h5"), gridded.path("pairs.csv"), gridded.pretrain)
    return stage, tensors["train"]


def test_loss_falls_at_the_suggested_rate_and_no_longer_at_the_highest(begun):
    found = find_learning_rate(*begun, threads=1)
    place = int(np.searchsorted(found.rates, found.suggestion))
    lowest = int(np.argmin(found.losses))
    assert place < lowest < len(found.rates) - 1
    assert found.losses[place - 3] > found.losses[place + 3] > found.losses[lowest]
    slopes = np.diff(found.losses[10 : lowest + 1])
    assert found.losses[place + 1] - found.losses[place - 1] <= 2 * np.quantile(slopes, 0.1)


def test_same_seed_gives_the_same_suggestion(gridded):
    files = gridded.path("spectra/saxs.h5"), gridded.path("pairs.csv")
    one, two = (
        find_learning_rate(begin_pretrain(*files, gridded.pretrain)[0], tensors, 1)
        for tensors in 2 * [begin_pretrain(*files, gridded.pretrain)[1]["train"]]
    )
    assert one.suggestion == two.suggestion
    np.testing.assert_array_equal(one.losses, two.losses)


def test_memory_of_a_larger_batch_is_what_the_estimate_says(begun):
    stage, train = begun
    found = find_batch_size(stage, train, threads=1)
    few, many = (_memory_of_step(stage, _repeated(train, rows)) for rows in (64, 1024))
    assert many - few == pytest.approx(960 * found.of_sample, rel=0.02)
    # the curve, its noise and its mask, in float32, are the least that a sample needs
    assert found.of_sample > 3 * 4 * stage.network.points


def test_twice_the_memory_holds_twice_the_batch(begun):
    one, two = (find_batch_size(*begun, threads=1, memory=memory * MEBIBYTE) for memory in (64, 128))
    assert two.largest == 2 * one.largest
    assert 0.25 < one.largest * one.of_sample / one.available < 0.8


def test_too_little_memory_is_one_sentence(begun):
    with pytest.raises(UserError, match="do not hold two samples") as caught:
        find_batch_size(*begun, threads=1, memory=1e4)
    assert "\n" not in str(caught.value)


@pytest.fixture
def inputs(gridded, tmp_path):
    """What the command reads, as options; the settings alone lie in the test's folder."""
    settings = tmp_path / "pretrain.json"
    settings.write_text(gridded.pretrain.model_dump_json())
    return [
        "--spectra",
        gridded.path("spectra/saxs.h5"),
        "--pairs",
        gridded.path("pairs.csv"),
        "--settings",
        settings,
    ]


def test_command_prints_both_and_writes_nothing(inputs, pairvae, tmp_path):
    code, said, _ = pairvae("pretrain", *inputs, "--find-learning-rate", "--find-batch-size", "--memory", "500")
    assert code == 0
    rate = re.search(r"learning_rate (\S+) is where the loss falls most steeply", said)
    assert 1e-6 < float(rate[1]) < 1
    assert len(re.findall(r"^ +\d\.\d\de-\d\d  ", said, re.M)) > 10
    size = re.search(r"batch_size (\d+) is the largest power of two that fits: a sample takes \S+ MiB", said)
    assert int(size[1]) >= 64
    assert [path.name for path in tmp_path.iterdir()] == ["pretrain.json"]


def test_training_without_its_outputs_is_refused(inputs, pairvae, tmp_path):
    for options, said in (
        (("--weights", tmp_path / "w.safetensors"), "expected --weights, --history and --resume"),
        (("--find-learning-rate", "--memory", "100"), "--memory says what --find-batch-size may use"),
    ):
        code, _, err = pairvae("pretrain", *inputs, *options)
        assert code == 2
        assert said in err
