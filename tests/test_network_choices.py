"""Every published ingredient of the networks learns, and comes back from its file as it was."""

import numpy as np
import pytest
import torch

from pairvae.model_file import load_weights, save_weights
from pairvae.models import losses
from pairvae.models.resvae import ResVAE
from pairvae.prepare.covariates import Covariate
from pairvae.prepare.spectra_file import Spectra
from pairvae.settings import Architecture

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
