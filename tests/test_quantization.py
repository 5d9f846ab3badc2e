"""Quantised codes: against the formulas of the papers."""

import csv
import math

import numpy as np
import pytest
import torch

from pairvae.models.quantization import FiniteScalarQuantization, VectorQuantization, taken, usage
from pairvae.models.resvae import ResVAE
from pairvae.models.weights_file import load_pairvae, load_resvae
from pairvae.settings import Architecture
from pairvae.train.joint_train import joint_train as train_joint
from pairvae.train.pretrain import pretrain as train_one


def test_vector_quantisation_takes_the_nearest_vector_of_the_codebook():
    layer = VectorQuantization(7, 3).eval()
    torch.nn.init.normal_(layer.codebook)
    x = torch.randn(5, 6, 4)  # two codes of three channels at each of four positions
    found = layer(x)
    for sample in range(5):
        for start in (0, 3):
            for position in range(4):
                z = x[sample, start : start + 3, position]
                nearest = min(layer.codebook.detach(), key=lambda e: float((z - e).square().sum()))
                torch.testing.assert_close(found[sample, start : start + 3, position], nearest)


def test_vector_quantisation_has_the_loss_and_the_gradients_of_the_paper():
    layer = VectorQuantization(5, 3, commitment_weight=0.3)
    torch.nn.init.normal_(layer.codebook)
    layer.filled.fill_(True)
    z = torch.randn(20, 3, requires_grad=True)
    layer(z).sum().backward()
    torch.testing.assert_close(z.grad, torch.ones(20, 3))  # straight through
    assert layer.codebook.grad is None or not layer.codebook.grad.any()

    z.grad = None
    loss = taken(layer)["commitment"]
    points, book = z.detach().double().numpy(), layer.codebook.detach().double().numpy()
    nearest = np.square(points[:, None] - book[None]).sum(2).argmin(1)
    away = points - book[nearest]
    assert loss.item() == pytest.approx(1.3 * np.square(away).sum(1).mean(), rel=1e-5)
    loss.backward()
    np.testing.assert_allclose(z.grad, 0.3 * 2 * away / 20, rtol=1e-3, atol=1e-6)  # β‖z − sg(e)‖² moves z
    expected = np.zeros_like(book)
    np.add.at(expected, nearest, -2 * away / 20)  # ‖sg(z) − e‖² moves the codebook
    np.testing.assert_allclose(layer.codebook.grad, expected, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("levels", [(3,), (5, 4), (8, 5, 5, 5), (2, 7)])
def test_finite_scalar_quantisation_reaches_exactly_its_levels(levels):
    layer = FiniteScalarQuantization(levels).eval()
    z = torch.linspace(-6, 6, 4001)[:, None].expand(-1, len(levels))
    found = layer(z)
    for component, level in enumerate(levels):
        values = np.unique(found[:, component].numpy().round(5))
        # the paper's codes: integers −⌊L/2⌋ … ⌈L/2⌉ − 1, divided by ⌊L/2⌋
        np.testing.assert_allclose(values, np.arange(-(level // 2), math.ceil(level / 2)) / (level // 2), atol=1e-5)
        assert (found[1:, component] >= found[:-1, component]).all()


def test_finite_scalar_quantisation_lets_gradients_through_the_rounding():
    layer = FiniteScalarQuantization((5,))
    z = torch.tensor([[0.4]], requires_grad=True)
    layer(z).sum().backward()
    half = 4 * 1.001 / 2
    assert z.grad.item() == pytest.approx(half * (1 - math.tanh(0.4) ** 2) / 2, rel=1e-4)
    assert taken(layer)["commitment"].item() == 0


def test_perplexity_counts_the_codes_that_are_used_alike():
    one = usage(torch.arange(16).repeat(3), 64, torch.zeros(()))
    assert one.perplexity.item() == pytest.approx(16)
    assert one.used.item() == pytest.approx(16 / 64)
    assert usage(torch.zeros(9, dtype=torch.int64), 64, torch.zeros(())).perplexity.item() == pytest.approx(1)


def test_codes_in_evaluation_leave_nothing_behind():
    layer = FiniteScalarQuantization((5, 5))
    layer.eval()(torch.randn(3, 4))
    layer.train()
    with torch.no_grad():
        layer(torch.randn(3, 4))
    assert taken(layer) == {}


@pytest.mark.parametrize(
    ("settings", "nats"),
    [
        ({"quantization": "vq", "codes": 32, "code_dim": 3}, 2 * math.log(32)),
        ({"quantization": "fsq", "levels": (8, 5)}, 3 * math.log(40)),
    ],
)
def test_quantised_code_costs_the_logarithm_of_its_values_and_has_no_spread(settings, nats):
    network = ResVAE(50, 6, Architecture(channels=(4,), hidden=16, **settings)).eval()
    code = network.encode(torch.randn(5, 50), torch.ones(5, 50), torch.zeros(5, 0))
    assert network.kl(code).item() == pytest.approx(nats, rel=1e-5)
    assert not network.kl(code).requires_grad
    torch.testing.assert_close(code.mean + torch.exp(0.5 * code.logvar) * 3, code.mean)


def history_of(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_training_with_a_codebook_reports_its_use_and_ends_on_its_vectors(gridded, tmp_path):
    architecture = Architecture(channels=(4,), hidden=16, quantization="vq", codes=8, code_dim=2, variance="one")
    settings = gridded.pretrain.model_copy(update={"steps": 40, "architecture": architecture})
    files = {t: tmp_path / f"{t}.safetensors" for t in ("saxs", "sans")}
    for technique, file in files.items():
        train_one(
            gridded.path(f"spectra/{technique}.h5"),
            gridded.path("pairs.csv"),
            settings,
            file,
            tmp_path / f"{technique}.csv",
            tmp_path / "resume" / technique,
            threads=1,
        )
    row = history_of(tmp_path / "saxs.csv")[-1]
    assert 1 <= float(row["train/perplexity"]) <= 8
    assert 0 < float(row["train/codes_used"]) <= 1
    assert float(row["train/commitment"]) > 0
    network = load_resvae(files["saxs"])
    code = network.encode(torch.randn(30, network.points), torch.ones(30, network.points), torch.zeros(30, 4)).mean
    distance = torch.cdist(code.reshape(-1, 2), network.quantization.codebook)
    assert distance.min(dim=1).values.max() < 1e-3

    inputs = [gridded.path(name) for name in ("spectra/saxs.h5", "spectra/sans.h5", "pairs.csv")]
    joint = gridded.joint_train.model_copy(update={"steps": 20})
    weights, history = tmp_path / "joint.safetensors", tmp_path / "joint.csv"
    train_joint(*inputs, *files.values(), joint, weights, history, tmp_path / "resume/joint", threads=1)
    row = history_of(history)[-1]
    assert float(row["train/commitment"]) == pytest.approx(
        float(row["train/commitment_saxs"]) + float(row["train/commitment_sans"]), rel=1e-4
    )
    assert 1 <= float(row["train/perplexity_sans"]) <= 8
    assert float(row["train/kl"]) == pytest.approx(2 * 2 * math.log(8), rel=1e-4)
    assert load_pairvae(weights)[0].sans.quantization.filled
