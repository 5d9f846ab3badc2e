"""Training does not fall over odd data, and says so when its codes say nothing.

`python tests/test_steady.py 3` trains on each kind of odd data with three seeds; the normal tests take one.
"""

import math
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from conftest import draw_spheres, measure, write_curves

from pairvae.errors import UserError
from pairvae.models.weights_file import load_weights
from pairvae.prepare.normalize import normalize
from pairvae.prepare.pair import pair
from pairvae.scattering.spectrum import Spectrum
from pairvae.settings import Architecture, Grid, JointTrain, Normalize, Pair, Pretrain
from pairvae.train.joint_train import joint_train
from pairvae.train.pretrain import pretrain
from pairvae.train.training_summary import active_units, fall_if_doubled

SMALL = {"batch_size": 8, "accelerator": "cpu", "learning_rate": 4e-3}
COUNT = 24


def constant(samples, rng):
    """Curves that are all the same, without noise."""
    return {t: [measure(one, t, rng, noise=1e-9) for one in [samples[0]] * len(samples)] for t in ("saxs", "sans")}


def ordinary(samples, rng):
    return {t: [measure(one, t, rng) for one in samples] for t in ("saxs", "sans")}


def one_material(samples, rng):
    return ordinary(samples[::2] * 2, rng)


def twelve(samples, rng):
    return ordinary(samples[:12], rng)


def outlier(samples, rng):
    """One curve 15 decades above the others."""
    curves = ordinary(samples, rng)
    far = curves["saxs"][3]
    curves["saxs"][3] = Spectrum(far.q, 1e15 * far.intensity, 1e13 * far.sigma, technique="saxs")
    return curves


def nearly_all_masked(samples, rng):
    """One curve of which the grid holds a single point, another one that is all noise."""
    curves = ordinary(samples, rng)
    one, other = curves["sans"][2], curves["saxs"][5]
    curves["sans"][2] = Spectrum(one.q[40:41], one.intensity[40:41], one.sigma[40:41], technique="sans")
    noise = rng.normal(size=other.q.size)
    curves["saxs"][5] = Spectrum(other.q, 1e-6 * noise, np.full(other.q.size, 1.0), technique="saxs")
    return curves


def duplicates(samples, rng):
    return ordinary(samples[:4] * 6, rng)


ODD = [ordinary, constant, one_material, twelve, outlier, nearly_all_masked, duplicates]


def write(folder, curves):
    """Spectra files, samples.csv and pairs.csv of a list of curves per technique, in the order of the samples."""
    count = len(curves["saxs"])
    names = [f"sample_{i:02d}" for i in range(count)]
    for t, listed in curves.items():
        named = [
            Spectrum(c.q, c.intensity, c.sigma, technique=t, sample=name) for name, c in zip(names, listed, strict=True)
        ]
        write_curves(folder / f"curves_{t}.h5", t, named)
        normalize(folder / f"curves_{t}.h5", Normalize(grid=Grid(points=40)), folder / f"{t}.h5")
    pd.DataFrame({"sample_id": names}).to_csv(folder / "samples.csv", index=False)
    files = [folder / name for name in ("saxs.h5", "sans.h5", "samples.csv", "pairs.csv")]
    pair(*files[:3], Pair(val_fraction=0.2, test_fraction=0.1), files[3])


def train(folder, seed=0, **changed):
    """Both stages with few steps; histories and weights."""
    network = {"latent_dim": 4, "architecture": Architecture(channels=(4, 8), hidden=16, dropout=0.1)}
    first = Pretrain(**SMALL, **network, seed=seed, steps=40, **changed)
    for t in ("saxs", "sans"):
        out = [folder / f"{t}{seed}.{ending}" for ending in ("st", "csv", "resume")]
        pretrain(folder / f"{t}.h5", folder / "pairs.csv", first, *out, threads=1)
    files = [folder / name for name in ("saxs.h5", "sans.h5", "pairs.csv", f"saxs{seed}.st", f"sans{seed}.st")]
    out = [folder / f"joint{seed}.{ending}" for ending in ("st", "csv", "resume")]
    joint_train(*files, JointTrain(**SMALL, seed=seed, steps=60, **changed), *out, threads=1)
    histories = [pd.read_csv(folder / f"{name}{seed}.csv") for name in ("saxs", "sans", "joint")]
    return histories, load_weights(folder / f"joint{seed}.st")


def stays_finite(tmp_path, kind, seed):
    write(tmp_path, kind(draw_spheres(seed, COUNT), np.random.default_rng(seed)))
    histories, (tensors, _) = train(tmp_path, seed)
    for history in histories:
        assert np.isfinite(history.to_numpy()).all()
    assert all(tensor.isfinite().all() for tensor in tensors.values())


@pytest.mark.parametrize("kind", ODD)
def test_training_on_odd_data_stays_finite(kind, tmp_path):
    stays_finite(tmp_path, kind, seed=0)


@pytest.fixture(scope="module")
def spheres(tmp_path_factory):
    folder = tmp_path_factory.mktemp("steady")
    write(folder, ordinary(draw_spheres(0, COUNT), np.random.default_rng(0)))
    return folder


def test_provoked_collapse_is_warned_of_and_written_down(spheres, capsys):
    histories, (_, facts) = train(spheres, seed=1, kl_weight=1e4)
    said = capsys.readouterr().out
    assert "joint_train: warning: posterior collapse: 0 of 4 components of the saxs code" in said
    latent = facts["training"]["joint_train/1"]["latent"]
    assert {t: (one["active_units"], one["collapsed"]) for t, one in latent.items()} == {
        "saxs": (0, True),
        "sans": (0, True),
    }
    assert max(latent["saxs"]["kl_per_unit"]) < 0.1
    assert histories[2]["val/active_units_saxs"].iloc[-1] == 0


def test_codes_that_are_used_are_not_called_collapsed(spheres, capsys):
    histories, (_, facts) = train(spheres, seed=2)
    assert "collapse" not in capsys.readouterr().out
    for stage, technique in (("pretrain/saxs", "saxs"), ("pretrain/sans", "sans"), ("joint_train/1", "sans")):
        latent = facts["training"][stage]["latent"][technique]
        assert latent["active_units"] >= 1
        assert len(latent["kl_per_unit"]) == latent["units"] == 4
    assert (histories[2]["val/kl_per_unit_sans"] > 0).all()


def test_loss_that_is_not_finite_names_the_odd_sample_and_its_term(spheres, monkeypatch):
    from pairvae.train import pretrain as stage

    tensors = stage.as_tensors

    def spoilt(spectra, table, network):
        found = tensors(spectra, table, network)
        if spectra.sample_id[4:]:
            found["log_intensity"][4, 7] = math.inf
        return found

    monkeypatch.setattr(stage, "as_tensors", spoilt)
    names = pd.read_csv(spheres / "pairs.csv").query("split == 'train'")["sample_id"].tolist()
    with pytest.raises(UserError, match=r"the loss is not finite \(.*reconstruction") as caught:
        train(spheres, seed=5)
    assert f"the most unlike ones first: {names[4]}" in str(caught.value)


def test_active_units_are_those_whose_means_vary():
    mean = torch.stack([torch.zeros(50), torch.linspace(-1, 1, 50), 0.05 * torch.linspace(-1, 1, 50)], dim=1)
    assert active_units(mean).tolist() == [False, True, False]


@pytest.mark.parametrize(("power", "fall"), [(-0.5, 1 - 2**-0.5), (0.0, 0.0), (0.3, 1 - 2**0.3)])
def test_learning_curve_is_carried_on_to_twice_the_steps(power, fall):
    rows = [{"step": step, "val/loss": 3 * step**power} for step in range(100, 1300, 100)]
    assert fall_if_doubled(rows) == pytest.approx(fall, abs=1e-9)
    assert fall_if_doubled(rows[:4]) is None


if __name__ == "__main__":
    for seed in range(int(sys.argv[1])):
        for kind in ODD:
            with tempfile.TemporaryDirectory() as name:
                stays_finite(Path(name), kind, seed)
