"""Likelihood, lower bound and what is decoded from the latent space, on the trained spheres."""

import json
import math

import h5py
import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from pairvae.evaluation.likelihood import importance_weighted, likelihood, log_weights
from pairvae.models.predict import posterior
from pairvae.models.resvae import NO_SPREAD, Code, Decoded
from pairvae.models.tensors import paired_tensors
from pairvae.prepare.spectra_file import load_spectra, measured_share, read_counts
from pairvae.techniques import CROSS_PATHS, PATHS, SELF_PATHS


@pytest.fixture(scope="module")
def unseen(trained, model):
    files = [trained.path(name) for name in ("spectra/saxs.h5", "spectra/sans.h5", "pairs.csv")]
    return paired_tensors(*files, model.network, "test")


def test_likelihood_of_a_prediction_is_that_of_a_normal_distribution(model, unseen):
    saxs, sans = unseen["saxs"], unseen["sans"]
    code = posterior(model.network, "saxs", saxs)
    found = likelihood(model.network, "sans_from_saxs", code, sans)
    with torch.no_grad():
        curve = model.network.sans.decode(code.mean, sans["covariates"], from_partner=True)
        density = Normal(curve.log_intensity, (0.5 * curve.log_variance).exp()).log_prob(sans["log_intensity"])
    total, points = float((density * sans["mask"]).sum()), float(sans["mask"].sum())
    assert found["log_likelihood"] == pytest.approx(total / len(density), rel=1e-4)
    assert found["bits_per_dimension"] == pytest.approx(-total / points / math.log(2), rel=1e-4)
    assert found["elbo"] is None


def test_lower_bound_is_reconstruction_less_kl(model, unseen):
    sans = unseen["sans"]
    code = posterior(model.network, "sans", sans)
    found = likelihood(model.network, "sans_from_sans", code, sans)
    gap = kl_divergence(Normal(code.mean, (0.5 * code.logvar).exp()), Normal(0.0, 1.0)).sum(dim=1).mean()
    assert found["kl"] == pytest.approx(float(gap), rel=1e-4)
    assert found["elbo"] == pytest.approx(found["log_likelihood"] - float(gap), rel=1e-4)


def test_metrics_hold_likelihoods_and_what_was_done_to_the_data(evaluated):
    numbers = json.loads(evaluated.path("evaluated/metrics.json").read_text(encoding="utf-8"))
    assert set(numbers["likelihood"]) == set(PATHS)
    assert all(numbers["likelihood"][path]["bits_per_dimension"] is not None for path in PATHS)
    assert [numbers["likelihood"][path]["kl"] for path in CROSS_PATHS] == [None, None]
    assert set(numbers["materials"]) == {"silica", "latex"}
    for technique, given in numbers["data"].items():
        spectra = load_spectra(evaluated.path(f"spectra/{technique}.h5"))
        assert sum(given["curves"].values()) == len(spectra.sample_id) == given["counts"]["samples"]
        assert given["counts"]["measured"] == spectra.mask.sum()
        assert given["counts"]["points"] == spectra.mask.size
        assert read_counts(evaluated.path(f"spectra/{technique}.h5")) == given["counts"]


def test_share_of_measured_curves_is_the_mean_of_their_masks(evaluated):
    path = evaluated.path("spectra/saxs.h5")
    rows = np.array([5, 2, 60])
    np.testing.assert_allclose(measured_share(path, rows), load_spectra(path, rows).mask.mean(axis=0))


def test_interpolation_leads_from_one_material_to_another(evaluated, model):
    with h5py.File(evaluated.path("evaluated/predictions.h5")) as file:
        first, last = file["interpolation/rows"][0].astype(int)
        assert {file["material"].asstr()[row] for row in (first, last)} == {"silica", "latex"}
        code = (file["latent/saxs"][first] + file["latent/sans"][first]) / 2
        way = file["interpolation/saxs"][0]
    assert way.shape == (9, model.network.saxs.points)
    files = [evaluated.path(name) for name in ("spectra/saxs.h5", "spectra/sans.h5", "pairs.csv")]
    known = paired_tensors(*files, model.network, "test")["saxs"]["covariates"][first][None]
    with torch.no_grad():
        start = model.network.saxs.decode(torch.from_numpy(code)[None], known, from_partner=False).log_intensity
    np.testing.assert_allclose(way[0], start[0].numpy(), atol=1e-4)


def test_drawn_curves_are_those_that_generate_draws(evaluated, model):
    with h5py.File(evaluated.path("evaluated/predictions.h5")) as file:
        temperatures = file["temperature/values"][:]
        draws = {t: file[f"temperature/{t}"][:] for t in ("saxs", "sans")}
    np.testing.assert_array_equal(temperatures, [0.5, 0.75, 1.0, 1.25])
    for place, temperature in enumerate(temperatures):
        pairs = model.generate(draws["saxs"].shape[1], temperature, seed=0)
        for t in draws:
            expected = np.log10([getattr(pair, t).intensity for pair in pairs])
            np.testing.assert_allclose(draws[t][place], expected, atol=1e-4)


class LinearGaussian(torch.nn.Module):
    """x = W·z + b + noise: the model whose likelihood is known, N(x; b, W·Wᵀ + σ²)."""

    def __init__(self, points=6, latent=2, std=0.3, scale_free=False):
        super().__init__()
        self.scale_free = scale_free
        generator = torch.Generator().manual_seed(0)
        self.weight = torch.randn(points, latent, generator=generator)
        self.bias, self.std = torch.randn(points, generator=generator), std

    def decode(self, code, covariates, from_partner, source=None):  # noqa: ARG002, called as those of the networks
        curves = code @ self.weight.T + self.bias
        return Decoded(curves, torch.full_like(curves, 2 * math.log(self.std)))

    def of(self, _technique):
        return self

    def kl(self, code):
        return torch.tensor(math.log(8)) if code.logvar.max() == NO_SPREAD else torch.tensor(1.0)

    def posterior(self, x, widened):
        """The exact one, its deviation widened, without correlations."""
        precision = torch.eye(2) + self.weight.T @ self.weight / self.std**2
        covariance = torch.linalg.inv(precision)
        mean = (x - self.bias) @ self.weight @ covariance / self.std**2
        return Code(mean, torch.log(widened**2 * covariance.diagonal()).expand_as(mean))

    def log_likelihood(self, x):
        covariance = self.weight @ self.weight.T + self.std**2 * torch.eye(len(self.bias))
        return MultivariateNormal(self.bias, covariance).log_prob(x)


def test_importance_weighted_bound_rises_from_the_lower_bound_to_the_exact_likelihood():
    model = LinearGaussian()
    x = model.bias + torch.randn(200, 2, generator=torch.Generator().manual_seed(1)) @ model.weight.T
    x += model.std * torch.randn(x.shape, generator=torch.Generator().manual_seed(2))
    curves = {"log_intensity": x, "mask": torch.ones_like(x), "covariates": torch.zeros(len(x), 0)}
    exact = model.log_likelihood(x).double()
    weights = log_weights(model, model.posterior(x, widened=1.5), curves, draws=2000)
    bounds = [float(importance_weighted(weights[:draws]).mean()) for draws in (1, 5, 50, 2000)]
    assert bounds == sorted(bounds)
    assert bounds[0] < exact.mean() - 0.3
    assert bounds[-1] == pytest.approx(float(exact.mean()), abs=0.01)
    # for every curve: the bound of many draws is the likelihood, and the mean of one draw lies below it
    torch.testing.assert_close(importance_weighted(weights), exact, atol=0.2, rtol=0)
    assert (weights.mean(dim=0) < exact).all()


def test_draws_of_a_quantised_code_are_alike_and_gain_nothing():
    model = LinearGaussian()
    x = torch.randn(20, 6, generator=torch.Generator().manual_seed(1))
    curves = {"log_intensity": x, "mask": torch.ones_like(x), "covariates": torch.zeros(20, 0)}
    point = model.posterior(x, widened=1.0)._replace(logvar=torch.full((20, 2), NO_SPREAD))
    found = likelihood(model, "saxs_from_saxs", point, curves)
    assert found["importance_weighted_bound"] == found["elbo"]
    gaussian = likelihood(model, "saxs_from_saxs", model.posterior(x, widened=1.0), curves)
    assert gaussian["importance_weighted_bound"] > gaussian["elbo"]


def test_likelihood_of_scale_free_curves_does_not_depend_on_their_scale():
    model = LinearGaussian(scale_free=True)
    x = model.bias + torch.randn(20, 2, generator=torch.Generator().manual_seed(1)) @ model.weight.T
    code = model.posterior(x, widened=1.0)
    rest = {"mask": torch.ones_like(x), "log_sigma": torch.zeros_like(x), "covariates": torch.zeros(20, 0)}
    factors = torch.linspace(-1, 1, 20)[:, None]
    for path in ("saxs_from_saxs", "sans_from_saxs"):
        found, scaled = (likelihood(model, path, code, rest | {"log_intensity": y}) for y in (x, x + factors))
        assert scaled["log_likelihood"] == pytest.approx(found["log_likelihood"], rel=1e-5)
        assert scaled["bits_per_dimension"] == pytest.approx(found["bits_per_dimension"], rel=1e-5)


def test_point_that_was_not_measured_says_nothing_about_the_weights():
    model = LinearGaussian()
    x = torch.randn(5, 6, generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(x)
    mask[:, 4:] = 0
    code = model.posterior(x, widened=1.0)
    curves = {"log_intensity": x, "mask": mask, "covariates": torch.zeros(5, 0)}
    other = curves | {"log_intensity": torch.where(mask > 0, x, 99.0)}
    torch.testing.assert_close(log_weights(model, code, curves, 3), log_weights(model, code, other, 3))


def test_importance_weighted_bound_of_a_trained_network_exceeds_its_lower_bound(evaluated):
    found = json.loads(evaluated.path("evaluated/metrics.json").read_text(encoding="utf-8"))["likelihood"]
    for path in SELF_PATHS:
        assert found[path]["importance_weighted_bound"] > found[path]["elbo"]
    assert [found[path]["importance_weighted_bound"] for path in CROSS_PATHS] == [None, None]
