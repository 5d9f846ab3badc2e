"""Every published ingredient of the networks learns, and comes back from its file as it was."""

import numpy as np
import pytest
import torch

from pairvae import load_model
from pairvae.models import blocks, losses
from pairvae.models.blocks import Style
from pairvae.models.pairvae import PairVAE
from pairvae.models.resvae import ResVAE
from pairvae.models.weights_file import load_weights, save_weights
from pairvae.prepare.covariates import Covariate
from pairvae.prepare.spectra_file import Spectra, load_spectra
from pairvae.settings import Architecture, Calibrate
from pairvae.train.adapt import widened
from pairvae.trust.calibrate import calibrate
from pairvae.use.export import OnePath

POINTS = 45
TINY = {"hidden": 16, "dropout": 0.0}
D2O = (Covariate(name="d2o_fraction", kind="number"),)
CHOICES = {
    "resvae": {},
    "vae": {"network": "vae"},
    "vae with groups": {"network": "vae", "normalization": "group", "activation": "silu", "kernel_size": 7},
    "no normalisation": {"normalization": "none"},
    "batch normalisation and GELU": {"normalization": "batch", "activation": "gelu"},
    "squeeze and excitation": {"squeeze_excitation": True},
    "bottleneck": {"block": "bottleneck"},
    "attention": {"attention": 2},
    "average pool": {"downsampling": "average_pool"},
    "transposed": {"upsampling": "transposed"},
    "linear interpolation": {"upsampling": "linear"},
    "global pooling": {"head": "pool"},
    "no linear skips": {"linear_skips": False},
    "no linear blocks": {"linear_blocks": 0},
    "no mask channel": {"mask_channel": False},
    "everything": {
        "block": "bottleneck",
        "squeeze_excitation": True,
        "attention": 4,
        "downsampling": "average_pool",
        "upsampling": "linear",
        "normalization": "batch",
        "activation": "gelu",
        "stem_stride": 2,
        "kernel_size": 3,
    },
    "one variance": {"variance": "one"},
    "fixed variance": {"variance": "fixed"},
    "min-max and sigmoid": {"scaling": "min_max", "output": "sigmoid"},
    "min-max without mask channel": {"scaling": "min_max", "mask_channel": False},
    "vq": {"quantization": "vq", "codes": 16, "code_dim": 2},
    "fsq": {"quantization": "fsq", "levels": (5, 5)},
    "layers as text": {
        "encoder": ("conv 2 8 3", "2*res 8 8", "down 8 16", "attention 16", "group_norm 8", "silu"),
        "decoder": ("vq 32", "up 16 8", "bottleneck 8 8", "squeeze_excitation 8", "batch_norm", "conv 8 1 3"),
    },
    "layers without shapes": {
        "encoder": ("conv 2 4 5 4", "relu", "flatten", "linear 48 16", "fsq 5 5"),
        "decoder": ("linear 16 48", "unflatten 4 12", "transposed_conv 4 1 6 4"),
    },
}


def guinier_curves(samples=24, seed=0):
    """log10 I of Guinier's law, I₀ exp(−(q Rg)²/3), with some points not measured."""
    rng = np.random.default_rng(seed)
    q = np.geomspace(0.005, 0.1, POINTS)
    radius, level = rng.uniform(10, 40, (samples, 1)), rng.uniform(0, 2, (samples, 1))
    log_intensity = (level - (q * radius) ** 2 / 3 / np.log(10)).astype(np.float32)
    mask = rng.random((samples, POINTS)) > 0.1
    log_intensity[~mask] = np.nan
    sigma = np.where(mask, np.float32(0.01), np.nan).astype(np.float32)
    return Spectra("saxs", q, log_intensity, sigma, mask, [f"sample_{i}" for i in range(samples)])


def made(choices, scale_free=False, covariates=D2O, latent_dim=4):
    torch.manual_seed(0)
    blocks = {} if "encoder" in choices else {"channels": (4, 8)}
    network = ResVAE(POINTS, latent_dim, Architecture(**TINY | blocks | choices), covariates, scale_free)
    curves = guinier_curves()
    network.fit_scaler(curves)
    network.scale_free = scale_free
    mask = torch.from_numpy(curves.mask)
    log_intensity = torch.where(mask, torch.from_numpy(curves.log_intensity), network.mean)
    return network, (log_intensity, mask.float(), torch.ones(len(mask), sum(c.width for c in covariates)))


def misfit(network, curves):
    log_intensity, mask, known = curves
    code = network.encode(log_intensity, mask, known)
    curve = network.decode(code.sample(), known, from_partner=False)
    return losses.reconstruction(curve.log_intensity, log_intensity, mask), code, curve


@pytest.mark.parametrize("choices", CHOICES.values(), ids=CHOICES)
def test_network_learns_and_comes_back_from_its_file(choices, tmp_path):
    network, curves = made(choices)
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3)
    values = []
    for _ in range(40):
        square, code, curve = misfit(network, curves)
        loss = losses.log_likelihood_loss(square) + 1e-4 * network.kl(code)
        loss = loss + 0.1 * losses.gaussian_nll(*curve, curves[0], curves[1])
        loss = loss + network.auxiliary().get("commitment", 0.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        values.append(square.item())
    assert np.mean(values[-3:]) < 0.7 * values[0]

    save_weights(tmp_path / "w.safetensors", network.state_dict(), network.facts())
    tensors, facts = load_weights(tmp_path / "w.safetensors")
    again = ResVAE.from_facts(facts)
    again.load_state_dict(tensors)
    network.eval()
    again.eval()
    assert torch.equal(network.encode(*curves).mean, again.encode(*curves).mean)
    for from_partner in (False, True):
        first, second = (n.decode(n.encode(*curves).mean, curves[2], from_partner) for n in (network, again))
        assert torch.equal(first.log_intensity, second.log_intensity)
        assert torch.equal(first.log_variance, second.log_variance)
        assert first.log_intensity.shape == first.log_variance.shape == curves[0].shape


@pytest.mark.parametrize("choices", CHOICES.values(), ids=CHOICES)
def test_every_parameter_takes_part(choices):
    network, curves = made(choices)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)  # branches that begin as nothing hide what lies before them
    code = network.encode(*curves)
    total = network.auxiliary().get("commitment", torch.zeros(()))
    for from_partner in (False, True):
        curve = network.decode(code.sample(), curves[2], from_partner)
        total = total + sum(part.square().mean() for part in (*curve, code.logvar))
    total = total + network.auxiliary().get("commitment", torch.zeros(()))
    total.backward()
    assert [name for name, one in network.named_parameters() if one.grad is None or not one.grad.any()] == []


@pytest.mark.parametrize("points", [32, 41, 97])
@pytest.mark.parametrize("choice", [{"network": "vae"}, {"upsampling": "transposed"}, {"upsampling": "linear"}])
def test_any_length_comes_back_with_that_length(choice, points):
    one = ResVAE(points, 3, Architecture(**TINY, channels=(4, 8, 8), **choice)).eval()
    code = one.encode(torch.randn(2, points), torch.ones(2, points), torch.zeros(2, 0))
    assert one.decode(code.mean, torch.zeros(2, 0), from_partner=False).log_intensity.shape == (2, points)


def test_network_without_skips_begins_as_it_was_when_told_new_covariates():
    network, (log_intensity, mask, nothing) = made({"linear_skips": False}, covariates=())
    wide = widened(network.eval(), D2O).eval()
    covariates = torch.randn(len(mask), 2)
    code = network.encode(log_intensity, mask, nothing).mean
    assert torch.equal(wide.encode(log_intensity, mask, covariates).mean, code)
    before, after = network.decode(code, nothing, True), wide.decode(code, covariates, True)
    torch.testing.assert_close(after.log_intensity, before.log_intensity)


# Variances, scalings


def test_fixed_variance_is_the_one_that_was_said_and_one_variance_is_the_same_at_every_q():
    network, curves = made({"variance": "fixed", "fixed_error_dex": 0.2})
    curve = network.decode(network.encode(*curves).mean, curves[2], from_partner=True)
    torch.testing.assert_close(torch.exp(0.5 * curve.log_variance), torch.full_like(curve.log_variance, 0.2))
    network, curves = made({"variance": "one"})
    own, partner = (network.decode(torch.zeros(1, 4), curves[2][:1], flag).log_variance for flag in (False, True))
    (own.sum() + 2 * partner.sum()).backward()
    assert network.log_variance.grad.tolist() == [POINTS, 2 * POINTS]
    assert own.unique().numel() == 1


def test_min_max_scaling_brings_the_train_split_to_zero_and_one_and_sigmoid_stays_there():
    network, curves = made({"scaling": "min_max", "output": "sigmoid"})
    measured = network.scaled(curves[0])[curves[1] > 0]
    assert measured.min().item() == pytest.approx(0, abs=1e-5)
    assert measured.max().item() == pytest.approx(1, abs=1e-5)
    known = torch.ones(50, 2)
    wild = network.decode(1e3 * torch.randn(50, 4), known, from_partner=False).log_intensity
    scaled = network.scaled(wild)
    assert scaled.min() > -1e-4
    assert scaled.max() < 1 + 1e-4


def test_standard_scaling_has_mean_zero_and_deviation_one_at_every_q():
    network, curves = made({})
    scaled = torch.where(curves[1] > 0, network.scaled(curves[0]), torch.nan).detach().numpy()
    np.testing.assert_allclose(np.nanmean(scaled, 0), 0, atol=1e-4)
    np.testing.assert_allclose(np.nanstd(scaled, 0), 1, rtol=1e-3)


@pytest.mark.parametrize("choices", [{}, {"scaling": "min_max"}, {"scaling": "min_max", "mask_channel": False}])
def test_neither_hidden_points_nor_a_free_scale_reach_the_code(choices):
    network, (log_intensity, mask, known) = made(choices, scale_free=True)
    network.eval()
    code = network.encode(log_intensity, mask, known).mean
    wild = torch.where(mask > 0, log_intensity + 0.7, 1e3)
    torch.testing.assert_close(network.encode(wild, mask, known).mean, code, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "choices",
    [{"variance": "one"}, {"variance": "fixed"}, {"quantization": "vq", "codes": 8}, {"scaling": "min_max"}],
    ids=["one variance", "fixed variance", "vq", "min-max"],
)
def test_bands_are_calibrated_around_every_kind_of_network(choices, gridded, tmp_path):
    torch.manual_seed(0)
    networks = []
    for technique, points in (("saxs", 50), ("sans", 41)):
        networks.append(ResVAE(points, 4, Architecture(**TINY, channels=(4,), **choices)))
        networks[-1].fit_scaler(load_spectra(gridded.path(f"spectra/{technique}.h5")))
    network = PairVAE(*networks)
    files = [gridded.path(name) for name in ("spectra/saxs.h5", "spectra/sans.h5", "pairs.csv")]
    facts = {"joint_train": {}, "training": {}}
    save_weights(tmp_path / "joint.safetensors", network.state_dict(), network.facts() | facts)
    calibrate(*files, [tmp_path / "joint.safetensors"], gridded.gridding, Calibrate(), tmp_path / "model")
    model = load_model(tmp_path / "model")
    found = model.translate([sample.curve("saxs") for sample in gridded.samples[:30]], to="sans")
    truth = [sample.intensity("sans", one.q) for sample, one in zip(gridded.samples, found, strict=False)]
    inside = [(one.lower < exact) & (exact < one.upper) for one, exact in zip(found, truth, strict=True)]
    assert 0.75 < np.mean(inside) <= 1  # of bands for 90 %, on 30 curves


@pytest.mark.parametrize("name", ["one variance", "min-max and sigmoid", "layers as text", "layers without shapes"])
def test_exported_network_takes_any_number_of_curves(name):
    network, curves = made(CHOICES[name] | ({"variance": "fixed"} if "layers" in name else {}))
    one = OnePath(network, network, True, torch.ones(POINTS)).eval()
    batch = torch.export.Dim("batch", min=1)
    given = (*curves, curves[2])
    program = torch.export.export(one, tuple(t[:2] for t in given), dynamic_shapes=tuple({0: batch} for _ in given))
    for found, expected in zip(program.module()(*given), one(*given), strict=True):
        torch.testing.assert_close(found, expected)


# Blocks


def test_squeeze_and_excitation_is_the_formula_of_the_paper():
    layer = blocks.squeeze_excitation(Style(), 8, reduction=2)
    x = torch.randn(3, 8, 10)
    _, first, _, second, _ = layer.weights
    inner = torch.relu(x.mean(2) @ first.weight[:, :, 0].T + first.bias)
    weights = torch.sigmoid(inner @ second.weight[:, :, 0].T + second.bias)
    torch.testing.assert_close(layer(x), x * weights[:, :, None])


def test_bottleneck_begins_as_its_skip_with_a_learnable_factor_of_a_millionth():
    style = Style(block="bottleneck")
    x = torch.randn(3, 8, 10)
    for block in (blocks.residual(style, 8, 8), blocks.down(style, 8, 16), blocks.up(style, 8, 4)):
        branch = block.branch(x)
        assert 0 < branch.abs().max() < 1e-4
        torch.testing.assert_close(block(x), block.skip(x) + branch)
        assert block.branch[-1].factor.unique().item() == pytest.approx(1e-6)
        assert block.branch[-1].factor.requires_grad


def test_attention_is_softmax_of_products_over_points_and_begins_as_nothing():
    layer = blocks.Attention(6, heads=1)
    x = torch.randn(2, 6, 9)
    assert torch.equal(layer(x), x)
    torch.nn.init.normal_(layer.attention.out_proj.weight)
    points = torch.nn.functional.layer_norm(x.transpose(1, 2), (6,))
    query, key, value = (points @ layer.attention.in_proj_weight.T).chunk(3, dim=2)
    attended = torch.softmax(query @ key.transpose(1, 2) / 6**0.5, dim=2) @ value
    expected = x + (attended @ layer.attention.out_proj.weight.T).transpose(1, 2)
    torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-5)


def test_average_pool_skip_drops_no_point():
    x = torch.zeros(1, 1, 9, requires_grad=True)
    for downsampling, seen in (("strided", 5), ("average_pool", 9)):
        block = blocks.down(Style(downsampling=downsampling), 1, 1)
        (grad,) = torch.autograd.grad(block.skip(x).sum(), x)
        assert int((grad != 0).sum()) == seen


@pytest.mark.parametrize("upsampling", ["interleave", "transposed", "linear"])
@pytest.mark.parametrize("kernel", [3, 5, 7])
def test_blocks_halve_and_double_any_length(upsampling, kernel):
    style = Style(upsampling=upsampling, kernel_size=kernel)
    assert blocks.up(style, 8, 4)(torch.randn(2, 8, 13)).shape == (2, 4, 26)
    assert blocks.down(style, 8, 4)(torch.randn(2, 8, 13)).shape == (2, 4, 7)
    flat = Style(2, upsampling=upsampling, kernel_size=kernel)
    assert blocks.up(flat, 8, 4)(torch.randn(2, 8, 5, 6)).shape == (2, 4, 10, 12)
    assert blocks.down(flat, 8, 4)(torch.randn(2, 8, 5, 6)).shape == (2, 4, 3, 3)
