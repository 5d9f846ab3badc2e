"""What shows a training while it runs, and that it changes none of its numbers."""

import json
import re
import sys

import pandas as pd
import pytest
from safetensors.torch import load_file

from pairvae.errors import Stopped, UserError
from pairvae.report.training_figures import draw_training
from pairvae.train.joint_train import joint_train
from pairvae.train.pretrain import pretrain


@pytest.fixture
def train(gridded, tmp_path, monkeypatch):
    """Pretrain for two epochs into a folder of its own; weights, history and resume folder."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def call(name, draw=draw_training, **changed):
        settings = gridded.pretrain.model_copy(update={"steps": 200} | changed)
        files = [gridded.path("spectra/saxs.h5"), gridded.path("pairs.csv")]
        outputs = [tmp_path / name / file for file in ("weights.safetensors", "history.csv", "resume")]
        pretrain(*files, settings, *outputs, threads=1, draw=draw)
        return outputs

    return call


def mlflow_runs(folder):
    from mlflow.tracking import MlflowClient

    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    (experiment,) = [one for one in client.search_experiments() if one.name == "pairvae"]
    return client, client.search_runs([experiment.experiment_id])


def test_trackers_and_figures_change_no_weight(train):
    plain, _, silent = train("plain")
    watched, _, resume = train("watched", monitor=("tensorboard",), figures_every=1)
    for name, tensor in load_file(plain).items():
        assert tensor.equal(load_file(watched)[name]), name
    assert not (silent / "monitor").exists()
    assert (resume / "monitor").exists()


def test_tensorboard_shows_the_history(train):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    _, history, resume = train("tensorboard", monitor=("tensorboard",))
    events = EventAccumulator(str(resume / "monitor")).Reload()
    table = pd.read_csv(history)
    for column in ("val/loss", "train/kl", "learning_rate", "kl_weight"):
        shown = events.Scalars(column)
        assert [one.step for one in shown] == table["step"].tolist()
        assert [one.value for one in shown] == pytest.approx(table[column].tolist(), rel=1e-5)


def test_mlflow_holds_one_run_per_training_though_it_was_stopped(train):
    def stop(_network, _val, title, _path):
        raise Stopped(title, 15)

    with pytest.raises(Stopped, match="pretrain saxs, epoch 2"):
        train("mlflow", stop, monitor=("mlflow",), figures_every=2, steps=300)
    _, history, resume = train("mlflow", monitor=("mlflow",), steps=300)
    client, runs = mlflow_runs(resume / "monitor")
    (run,) = runs
    table = pd.read_csv(history)
    assert table["step"].tolist() == [100, 200, 300]
    shown = client.get_metric_history(run.info.run_id, "val/loss")
    assert [one.step for one in shown] == [100, 200, 300]
    assert [one.value for one in shown] == pytest.approx(table["val/loss"].tolist())
    assert run.info.status == "FINISHED"
    assert run.info.run_name == "pretrain saxs"
    assert run.data.params["latent_dim"] == "4"


def test_tracker_that_is_not_installed_is_named_with_what_brings_it(train, monkeypatch):
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr("pairvae.train.monitor.find_spec", lambda name: None if name == "alembic" else find(name))
    with pytest.raises(UserError, match=r"has no alembic; install it with `pip install mlflow-skinny") as caught:
        train("missing", monitor=("mlflow",))
    assert sys.executable in str(caught.value)


def plots(page):
    """Figures of a page by name, and whatever it would fetch."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(r'<script type="application/json" data-plot="([a-z]+)">(.*?)</script>', text, re.S)
    fetched = re.findall(r"<(?:script|link|img)[^>]* (?:src|href)=", text.replace("data:", ""))
    return {name: json.loads(figure) for name, figure in found}, fetched


def test_figures_of_a_training_show_its_technique_every_n_epochs(train):
    _, _, resume = train("figures", figures_every=2, steps=400)
    pages = sorted((resume / "monitor").glob("*.html"))
    assert [page.name for page in pages] == ["epoch_0002.html", "epoch_0004.html"]
    figures, fetched = plots(pages[0])
    assert list(figures) == ["reconstructions", "interpolation", "temperatures"]
    assert fetched == []
    drawn = [trace["name"] for trace in figures["reconstructions"]["data"]]
    assert drawn.count("measured") == drawn.count("from SAXS") == 4
    assert len(figures["interpolation"]["data"]) == 9  # steps from one curve to the other
    assert len(figures["temperatures"]["data"]) == 4 * 8  # temperatures and draws
    assert figures["reconstructions"] != plots(pages[1])[0]["reconstructions"]


def test_figures_of_the_joint_training_show_both_techniques(pretrained, tmp_path):
    weights = [pretrained.path(f"pretrain/{t}.safetensors") for t in ("saxs", "sans")]
    files = [pretrained.path(name) for name in ("spectra/saxs.h5", "spectra/sans.h5", "pairs.csv")]
    settings = pretrained.joint_train.model_copy(update={"steps": 100, "figures_every": 1})
    outputs = [tmp_path / name for name in ("joint.safetensors", "history.csv", "resume")]
    joint_train(*files, *weights, settings, *outputs, threads=1, draw=draw_training)
    figures, _ = plots(tmp_path / "resume" / "monitor" / "epoch_0001.html")
    drawn = [trace["name"] for trace in figures["reconstructions"]["data"]]
    assert drawn.count("from SAXS") == drawn.count("from SANS") == 2 * 4
    assert len(figures["interpolation"]["data"]) == 2 * 9
