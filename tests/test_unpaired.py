"""Curves without a partner: what a joint training makes of them."""

import numpy as np
import pandas as pd
import pytest

from pairvae.models.predict import codes, predict
from pairvae.models.tensors import paired_tensors
from pairvae.models.weights_file import load_pairvae, load_weights
from pairvae.prepare.pair import complete_pairs, read_pairs
from pairvae.scattering.spectrum import TECHNIQUES
from pairvae.train.joint_train import joint_train

PAIRS = 6  # that keep both curves
STEPS = 500


@pytest.fixture(scope="module")
def few(pretrained, tmp_path_factory):
    """The split with few training pairs; of the other training samples one curve each."""
    table = read_pairs(pretrained.path("pairs.csv"))
    spare = complete_pairs(table, "train")["sample_id"][PAIRS:]
    table.loc[table["sample_id"].isin(spare[::2]), "row_sans"] = pd.NA
    table.loc[table["sample_id"].isin(spare[1::2]), "row_saxs"] = pd.NA
    path = tmp_path_factory.mktemp("few") / "pairs.csv"
    table.to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def train(pretrained, tmp_path_factory):
    """Train on a split; returns the file of the weights, and its history."""

    def run(pairs, **changed):
        folder = tmp_path_factory.mktemp("joint")
        settings = pretrained.joint_train.model_copy(update={"steps": STEPS, **changed})
        spectra = [pretrained.path(f"spectra/{t}.h5") for t in TECHNIQUES]
        begun = [pretrained.path(f"pretrain/{t}.safetensors") for t in TECHNIQUES]
        out = folder / "w.safetensors", folder / "h.csv"
        joint_train(*spectra, pairs, *begun, settings, *out, folder / "resume", threads=1)
        return out

    return run


def self_errors(project, weights):
    """RMSE in decades of reconstructed test curves, by technique."""
    files = [project.path(name) for name in ("spectra/saxs.h5", "spectra/sans.h5", "pairs.csv")]
    network, _ = load_pairvae(weights)
    pairs = paired_tensors(*files, network, "test")
    found = {}
    for t in TECHNIQUES:
        curves = pairs[t]
        again = predict(network, f"{t}_from_{t}", codes(network, t, curves), curves["covariates"]).log_intensity
        off = (again - curves["log_intensity"].double().numpy())[curves["mask"].numpy() > 0]
        found[t] = np.sqrt(np.mean(off**2))
    return found


def test_unpaired_curves_make_reconstructions_of_unseen_curves_better(pretrained, few, train, capsys):
    weights, history = train(few)
    assert "saxs curves without a partner are reconstructed, too" in capsys.readouterr().out
    columns = pd.read_csv(history)
    with_them, without = self_errors(pretrained, weights), self_errors(pretrained, train(few, unpaired_weight=0.0)[0])
    for t in TECHNIQUES:
        assert columns[f"train/{t}_unpaired"].iloc[-1] < columns[f"train/{t}_unpaired"].iloc[0]
        assert with_them[t] < 0.9 * without[t]


def test_their_weight_changes_nothing_where_every_curve_has_a_partner(pretrained, train, tmp_path):
    pairs = tmp_path / "pairs.csv"
    table = read_pairs(pretrained.path("pairs.csv"))
    table[table["row_saxs"].notna() & table["row_sans"].notna()].to_csv(pairs, index=False)
    one, other = (load_weights(train(pairs, unpaired_weight=w, steps=20)[0])[0] for w in (1.0, 0.0))
    assert all((one[name] == other[name]).all() for name in one)


def test_curves_of_one_technique_alone_are_enough(few, train, tmp_path):
    table = read_pairs(few)
    pairs = tmp_path / "pairs.csv"
    table[table["row_saxs"].notna()].to_csv(pairs, index=False)
    _, history = train(pairs, steps=20)
    assert {"train/saxs_unpaired"} == {name for name in pd.read_csv(history) if name.endswith("unpaired")}
