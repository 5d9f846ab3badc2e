"""A trained model as the beginning for samples of another kind."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import draw_spheres, measure, write_curves

from pairvae.errors import UserError
from pairvae.models.pairvae import joined
from pairvae.models.predict import codes, predict
from pairvae.models.tensors import paired_tensors
from pairvae.models.weights_file import load_pairvae, load_weights
from pairvae.prepare.normalize import normalize
from pairvae.prepare.pair import complete_pairs, pair, read_pairs
from pairvae.settings import Grid, JointTrain, Normalize, Pair
from pairvae.train.adapt import start_network
from pairvae.train.joint_train import joint_train
from pairvae.train.pretrain import pretrain

FEW = 16


@pytest.fixture(scope="module")
def project(trained, tmp_path_factory):
    """Few spheres of another project: scaled by 1.6, with a temperature, and of a material nobody saw before."""
    folder = tmp_path_factory.mktemp("few")
    rng = np.random.default_rng(4)
    samples = draw_spheres(seed=9, count=FEW)
    about = json.loads((trained.path("model") / "model.json").read_text(encoding="utf-8"))
    for t, grid in about["grids"].items():
        curves = []
        for one in samples:
            curve = measure(one, t, rng)
            object.__setattr__(curve, "intensity", 1.6 * curve.intensity)
            curves.append(curve)
        write_curves(folder / f"curves_{t}.h5", t, curves)
        settings = Grid(q_min_inv_angstrom=grid["q_min"], q_max_inv_angstrom=grid["q_max"], points=grid["points"])
        normalize(folder / f"curves_{t}.h5", Normalize(grid=settings), folder / f"{t}.h5")
    table = pd.DataFrame([vars(one) for one in samples]).rename(columns={"name": "sample_id"})
    table.loc[table.index % 3 == 0, "material"] = "gold"
    table["temperature"] = rng.uniform(280, 320, FEW)
    table[["sample_id", "material", "d2o_fraction", "temperature"]].to_csv(folder / "samples.csv", index=False)
    files = [folder / name for name in ("saxs.h5", "sans.h5", "samples.csv", "pairs.csv")]
    pair(*files[:3], Pair(val_fraction=0.25, test_fraction=0.1), files[3])
    return folder


@pytest.fixture
def begin(trained, project):
    def call(names=(), model=None, member=1):
        spectra = {t: project / f"{t}.h5" for t in ("saxs", "sans")}
        table = complete_pairs(read_pairs(project / "pairs.csv"), "train")
        return start_network(model or trained.path("model"), spectra, table, names, member)

    return call


@pytest.fixture
def adapt(trained, project, tmp_path):
    def call(**changed):
        settings = {"start_from": str(trained.path("model")), "steps": 100, "batch_size": 12, "accelerator": "cpu"}
        files = [project / name for name in ("saxs.h5", "sans.h5", "pairs.csv")]
        outputs = [tmp_path / name for name in ("weights.safetensors", "history.csv", "resume")]
        joint_train(*files, None, None, JointTrain(**settings | changed), *outputs, threads=1)
        return load_pairvae(outputs[0])

    return call


def predictions(network, project, split="train"):
    files = [project / name for name in ("saxs.h5", "sans.h5", "pairs.csv")]
    seen = paired_tensors(*files, network, split)
    code = codes(network, "saxs", seen["saxs"])
    return predict(network, "sans_from_saxs", code, seen["sans"]["covariates"]).log_intensity


def flat(network):
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


def test_network_told_of_new_covariates_begins_as_the_model(begin, model, project):
    wider = joined([begin(("temperature",), member=number) for number in (1, 2)]).eval()
    assert [c.name for c in wider.saxs.covariates] == ["d2o_fraction", "material", "temperature"]
    assert wider.saxs.covariates[1].values == ("latex", "silica", "gold")  # noqa: PD011, no data frame
    assert wider.saxs.covariates[0] == model.network.saxs.covariates[0]
    found, expected = (predictions(network, project) for network in (wider, model.network))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_new_covariates_are_learnt_from_zero(adapt):
    network, facts = adapt(covariates=("temperature",), steps=60)
    assert facts["training"]["joint_train/1"]["best_epoch"] >= 1
    assert network.saxs.encoder.skip.weight[:, -2:].abs().max() > 0


def test_adapted_model_predicts_a_new_project_better_than_training_from_scratch(trained, project, adapt, tmp_path):
    _, adapted = adapt(steps=100)
    files = [project / name for name in ("saxs.h5", "sans.h5", "pairs.csv")]
    weights = [tmp_path / f"{t}.safetensors" for t in ("saxs", "sans", "joint")]
    for t, file in zip(("saxs", "sans"), weights[:2], strict=True):
        settings = trained.pretrain.model_copy(update={"steps": 60})
        pretrain(project / f"{t}.h5", files[2], settings, file, tmp_path / "h.csv", tmp_path / t, threads=1)
    settings = trained.joint_train.model_copy(update={"steps": 100})
    joint_train(*files, *weights[:2], settings, weights[2], tmp_path / "h.csv", tmp_path / "joint", threads=1)
    scratch = load_weights(weights[2])[1]
    loss = [facts["training"]["joint_train/1"]["validation_loss"] for facts in (adapted, scratch)]
    assert loss[0] < 0.5 * loss[1]


def test_adaptation_that_only_harms_is_not_kept(adapt, begin):
    network, facts = adapt(start_learning_rate=1.0, warmup_fraction=0.0, average_decay=0.0, steps=20)
    assert facts["training"]["joint_train/1"]["best_epoch"] == 0
    start = begin().state_dict()
    assert all(torch.equal(tensor, start[name]) for name, tensor in network.state_dict().items())


def test_heavier_anchor_stays_nearer_to_the_model(adapt, begin):
    start = flat(begin())
    moved = [float((flat(adapt(anchor_weight=weight, steps=50)[0]) - start).norm()) for weight in (0.0, 100.0)]
    assert 0 < moved[1] < 0.5 * moved[0]


# Refused


def test_curves_on_another_grid_are_refused(trained, project):
    normalize(project / "curves_saxs.h5", Normalize(grid=Grid(points=64)), project / "other.h5")
    table = complete_pairs(read_pairs(project / "pairs.csv"), "train")
    with pytest.raises(UserError, match=r"other\.h5: lies on 64 points .* set normalize\.saxs\.grid to the model's"):
        start_network(trained.path("model"), {"saxs": project / "other.h5", "sans": project / "sans.h5"}, table, ())


def test_covariate_that_changed_its_kind_is_refused(trained, project):
    spectra = {t: project / f"{t}.h5" for t in ("saxs", "sans")}
    table = complete_pairs(read_pairs(project / "pairs.csv"), "train").assign(d2o_fraction="heavy")
    with pytest.raises(
        UserError, match=r"covariate 'd2o_fraction': samples\.csv has a category, the model .* a number"
    ):
        start_network(trained.path("model"), spectra, table, ())


def test_missing_altered_or_newer_model_is_refused(trained, begin, tmp_path):
    with pytest.raises(UserError, match="is no model folder"):
        begin(model=tmp_path / "nowhere")
    copied = shutil.copytree(trained.path("model"), tmp_path / "copy")
    with (copied / "weights.safetensors").open("ab") as file:
        file.write(b"0")
    with pytest.raises(UserError, match="not the file that SHA256SUMS was written for"):
        begin(model=copied)
    about = json.loads((copied / "model.json").read_text(encoding="utf-8"))
    (copied / "model.json").write_text(json.dumps(about | {"format": 99}), encoding="utf-8")
    with pytest.raises(UserError, match="is of format 99"):
        begin(model=copied)


def test_neither_pretrained_weights_nor_a_model_is_refused(adapt):
    with pytest.raises(UserError, match=r"expected pretrained weights of both techniques, or joint_train\.start_from"):
        adapt(start_from=None)
