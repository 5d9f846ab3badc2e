"""Detector patterns: the same blocks in two dimensions, beside a curve."""

import numpy as np
import pytest
import torch

from pairvae.errors import UserError
from pairvae.models import losses
from pairvae.models.pairvae import PairVAE
from pairvae.models.resvae import ResVAE
from pairvae.prepare.spectra_file import Spectra
from pairvae.settings import Architecture

PIXELS, POINTS = 16, 24
PATTERN = {"image": (PIXELS, PIXELS), "hidden": 32, "dropout": 0.0}


def oriented_particles(count, seed):
    """Guinier patterns of ellipsoids that lie in the detector's plane, and the curves of the same in all directions.

    log10 I of exp(−(q∥² a² + q⊥² b²)/5) with half axes a, b, and of exp(−q² (a² + 2 b²)/15): Guinier, 1939.
    """
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(60, 160, (2, count, 1, 1))
    angle, level = rng.uniform(0, np.pi, (count, 1, 1)), rng.uniform(0, 1, (count, 1, 1))
    x, y = np.meshgrid(*[np.linspace(-0.02, 0.02, PIXELS)] * 2)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    pattern = level - ((along * a) ** 2 + (across * b) ** 2) / 5 / np.log(10)
    q = np.geomspace(0.002, 0.02, POINTS)
    curve = level[:, 0] - q**2 * (a**2 + 2 * b**2)[:, 0] / 15 / np.log(10)
    return (
        table("saxs", np.hypot(x, y).ravel(), pattern.reshape(count, -1)),
        table("sans", q, curve),
    )


def table(technique, q, log_intensity):
    values = log_intensity.astype(np.float32)
    names = [str(i) for i in range(len(values))]
    return Spectra(technique, q, values, np.full_like(values, 0.01), np.ones(values.shape, bool), names)


def encoded(network, spectra):
    values = torch.from_numpy(spectra.log_intensity)
    return network.encode(values, torch.ones_like(values), torch.zeros(len(values), 0)).mean


@pytest.mark.parametrize(
    "choices",
    [
        {"channels": (4, 8), "stem_stride": 2},
        {"channels": (4, 8), "network": "vae"},
        {
            "channels": (4, 8),
            "stem_stride": 2,
            "block": "bottleneck",
            "squeeze_excitation": True,
            "attention": 2,
            "downsampling": "average_pool",
            "upsampling": "linear",
            "normalization": "batch",
        },
    ],
    ids=["resvae", "vae", "everything"],
)
def test_curve_is_predicted_from_an_oriented_pattern_better_than_by_the_mean(choices):
    torch.manual_seed(0)
    pattern, curve = oriented_particles(96, seed=1)
    small = Architecture(channels=(4, 8), hidden=32, dropout=0.0)
    network = PairVAE(
        ResVAE(PIXELS**2, 4, Architecture(**PATTERN | choices)),
        ResVAE(POINTS, 4, small),
    )
    network.saxs.fit_scaler(pattern)
    network.sans.fit_scaler(curve)
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3)
    target, image = (torch.from_numpy(one.log_intensity) for one in (curve, pattern))
    nothing = torch.zeros(96, 0)
    for _ in range(60):
        codes = {t: encoded(network.of(t), one) for t, one in (("saxs", pattern), ("sans", curve))}
        loss = 0.01 * losses.barlow_twins(codes["saxs"], codes["sans"])
        for technique, wanted in (("saxs", image), ("sans", target)):
            for code in codes.values():
                found = network.of(technique).decode(code, nothing, from_partner=True).log_intensity
                loss = loss + losses.log_likelihood_loss((found - wanted).square().mean())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()
    unseen, truth = oriented_particles(64, seed=2)
    with torch.no_grad():
        found = network.sans.decode(encoded(network.saxs, unseen), nothing[:64], from_partner=True).log_intensity
        back = network.saxs.decode(encoded(network.sans, truth), nothing[:64], from_partner=True).log_intensity
    error = np.sqrt(np.square(found.numpy() - truth.log_intensity).mean())
    of_mean = np.sqrt(np.square(curve.log_intensity.mean(0) - truth.log_intensity).mean())
    assert error < 0.5 * of_mean
    assert back.shape == (64, PIXELS**2)


@pytest.mark.parametrize("image", [(12, 20), (7, 9)])
def test_pattern_of_any_size_comes_back_with_that_size(image):
    points = image[0] * image[1]
    network = ResVAE(points, 3, Architecture(channels=(4, 8), hidden=16, image=image)).eval()
    code = network.encode(torch.randn(2, points), torch.ones(2, points), torch.zeros(2, 0))
    assert network.decode(code.mean, torch.zeros(2, 0), from_partner=False).log_intensity.shape == (2, points)


def test_pattern_of_other_size_than_the_data_is_refused():
    with pytest.raises(UserError, match=r"\[16, 16\] pixels are not the 255 points"):
        ResVAE(255, 3, Architecture(image=(16, 16)))
