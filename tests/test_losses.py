"""Losses against independent formulas in float64 numpy."""

import numpy as np
import pytest
import torch

from pairvae.models import losses

RNG = np.random.default_rng(0)


def tensors(*arrays):
    return [torch.from_numpy(np.asarray(array)) for array in arrays]


def test_reconstruction_is_the_weighted_mean_square_over_measured_points():
    guess, target = RNG.normal(size=(2, 5, 7))
    weight = RNG.uniform(size=(5, 7)) * (RNG.random((5, 7)) > 0.3)
    expected = np.average((guess - target)[weight > 0] ** 2 * weight[weight > 0])
    assert losses.reconstruction(*tensors(guess, target, weight)).item() == pytest.approx(expected, rel=1e-12)


def test_masked_points_never_enter_the_reconstruction():
    guess, target, weight = RNG.normal(size=(3, 4, 6))
    weight = np.abs(weight)
    weight[:, 2:] = 0
    far = target.copy()
    far[:, 2:] = 1e6
    assert losses.reconstruction(*tensors(guess, target, weight)) == losses.reconstruction(*tensors(guess, far, weight))


def test_log_likelihood_loss_is_the_gaussian_likelihood_at_its_best_variance():
    from scipy.optimize import minimize_scalar
    from scipy.stats import norm

    residuals = RNG.normal(size=500) * 0.3
    best = minimize_scalar(lambda log_std: -norm.logpdf(residuals, 0, np.exp(log_std)).mean())
    constant = 0.5 * np.log(2 * np.pi) + 0.5
    found = losses.log_likelihood_loss(torch.tensor(np.mean(residuals**2)))
    assert found.item() == pytest.approx(best.fun - constant, abs=1e-6)


def test_point_weights_fall_with_the_error_and_vanish_where_masked():
    log_sigma, mask = np.array([[0.0, 0.1, 0.3, 0.1]]), np.array([[1.0, 1.0, 1.0, 0.0]])
    exact = np.zeros((1, 4))
    expected = [[1.0, 0.5, 0.01 / (0.01 + 0.09), 0.0]]
    np.testing.assert_allclose(losses.point_weights(*tensors(exact, exact, log_sigma, mask), 0.1), expected, rtol=1e-12)


def test_faint_intensity_is_learned_where_it_is_and_not_where_luck_put_it():
    truth, sigma, scale = 1e-3, 1.5e-3, 0.5
    intensity = truth + sigma * np.random.default_rng(0).normal(size=(1, 200_000))
    measured = np.log10(np.maximum(intensity, 0.3 * sigma))
    log_sigma = sigma / (10**measured * np.log(10))
    # weights by the measured intensity would pull the mean up: those that came out low have the larger relative error
    by_luck = 1 / (1 + (log_sigma / scale) ** 2)
    assert (by_luck * measured).sum() / by_luck.sum() > np.log10(truth) + 0.2
    learned = measured.mean()
    for _ in range(50):  # the constant with the smallest loss, its weights being those at itself
        guess = np.full_like(measured, learned)
        weight = losses.point_weights(*tensors(guess, measured, log_sigma, np.ones_like(measured)), scale).numpy()
        learned = (weight * measured).sum() / weight.sum()
    assert learned == pytest.approx(np.log10(truth), abs=0.03)


def test_kl_equals_its_integral_by_quadrature():
    mean, logvar = 0.7, -1.3
    x = np.linspace(-12, 12, 200_001)

    def log_normal(mu, var):
        return -0.5 * ((x - mu) ** 2 / var + np.log(2 * np.pi * var))

    posterior = log_normal(mean, np.exp(logvar))
    integral = np.trapezoid(np.exp(posterior) * (posterior - log_normal(0, 1)), x)
    # two components add up, two samples are averaged
    found = losses.kl_divergence(*tensors(np.full((2, 2), mean), np.full((2, 2), logvar)))
    assert found.item() == pytest.approx(2 * integral, rel=1e-9)


def test_free_bits_cost_what_each_component_is_given_and_no_less():
    mean = RNG.normal(size=(30, 4)) * [0.0, 0.1, 1.0, 3.0]
    logvar = np.zeros((30, 4))
    each = 0.5 * (mean**2).mean(axis=0)  # of a unit variance
    found = losses.kl_divergence(*tensors(mean, logvar), 0.3)
    assert found.item() == pytest.approx(np.maximum(each, 0.3).sum(), rel=1e-12)
    free = torch.from_numpy(mean).requires_grad_()
    losses.kl_divergence(free, torch.zeros(30, 4), 0.3).backward()
    assert (free.grad[:, :2] == 0).all()  # below 0.3 nat nothing is gained by less
    assert (free.grad[:, 3] != 0).all()


def test_sparsity_is_the_sum_of_absolute_components():
    codes = RNG.normal(size=(7, 5))
    assert losses.sparsity(*tensors(codes)).item() == pytest.approx(np.linalg.norm(codes, 1, axis=1).mean())


def test_kl_of_the_prior_is_zero():
    assert losses.kl_divergence(*tensors(np.zeros((3, 4)), np.zeros((3, 4)))).item() == 0


def test_gaussian_nll_equals_scipy_up_to_its_constant():
    from scipy.stats import norm

    guess, target = RNG.normal(size=(2, 4, 6))
    log_variance = RNG.normal(size=(4, 6))
    mask = (RNG.random((4, 6)) > 0.4).astype(float)
    density = norm.logpdf(target, guess, np.exp(0.5 * log_variance))[mask > 0]
    expected = -density.mean() - 0.5 * np.log(2 * np.pi)
    found = losses.gaussian_nll(*tensors(guess, log_variance, target, mask))
    assert found.item() == pytest.approx(expected, rel=1e-12)


def test_the_learned_error_does_not_bend_the_curve():
    guess = torch.zeros(2, 3, requires_grad=True)
    log_variance = torch.zeros(2, 3, requires_grad=True)
    losses.variance_nll(guess, log_variance, torch.ones(2, 3) * 2, torch.ones(2, 3)).backward()
    assert guess.grad is None
    assert (log_variance.grad != 0).all()


def test_gaussian_nll_teaches_the_curve_less_where_the_error_is_large():
    guess = torch.zeros(1, 2, requires_grad=True)
    losses.gaussian_nll(guess, torch.tensor([[0.0, np.log(4.0)]]), torch.ones(1, 2), torch.ones(1, 2)).backward()
    assert (guess.grad[0, 0] / guess.grad[0, 1]).item() == pytest.approx(4)


def test_chi_square_of_noise_is_one():
    sigma = np.exp(RNG.normal(size=(50, 400)))
    noisy = sigma * RNG.normal(size=sigma.shape)
    mask = (RNG.random(sigma.shape) > 0.3).astype(float)
    found = losses.chi_square(*tensors(np.zeros_like(noisy), np.where(mask, noisy, 1e9), sigma, mask))
    assert found.item() == pytest.approx(1, abs=5 * np.sqrt(2 / mask.sum()))


def test_binary_cross_entropy_equals_torchs_and_is_least_at_the_target():
    guess, target = RNG.uniform(0.01, 0.99, (2, 4, 6))
    mask = (RNG.random((4, 6)) > 0.4).astype(float)
    expected = torch.nn.functional.binary_cross_entropy(*tensors(guess[mask > 0], target[mask > 0]))
    found = losses.binary_cross_entropy(*tensors(guess, target, mask))
    assert found.item() == pytest.approx(expected.item(), rel=1e-5)
    assert losses.binary_cross_entropy(*tensors(target, target, mask)) < found


def test_weights_of_q_ranges_are_those_of_the_last_range_that_holds_the_point():
    q = torch.tensor([0.01, 0.02, 0.05, 0.1, 0.3])
    found = losses.range_weights(q, [(0.02, 0.1, 3.0), (0.05, 0.06, 0.0)])
    assert found.tolist() == [1, 3, 0, 3, 1]


# Structural similarity


def ssim_of_windows(x, y, mask, q_weight=None):
    """Wang et al., eq. 13, window by window; the windows weigh what their middle weighs."""
    low, high = y[mask > 0].min(), y[mask > 0].max()
    x, y = (x - low) / (high - low), (y - low) / (high - low)
    found = []
    for middle in np.flatnonzero(mask):
        place = np.arange(max(0, middle - 5), min(len(x), middle + 6))
        weight = np.exp(-0.5 * ((place - middle) / 1.5) ** 2) * mask[place]
        a, b = x[place], y[place]
        m, n = np.average(a, weights=weight), np.average(b, weights=weight)
        v, w = np.average((a - m) ** 2, weights=weight), np.average((b - n) ** 2, weights=weight)
        c = np.average((a - m) * (b - n), weights=weight)
        found.append((2 * m * n + 1e-4) * (2 * c + 9e-4) / ((m**2 + n**2 + 1e-4) * (v + w + 9e-4)))
    return np.average(found, weights=None if q_weight is None else q_weight[mask > 0])


def test_ssim_equals_its_formula_window_by_window():
    guess, target = np.cumsum(RNG.normal(size=(2, 40)), axis=1)
    mask = (RNG.random(40) > 0.3).astype(float)
    found = losses.ssim(*tensors(guess[None], target[None], mask[None]))
    assert found.item() == pytest.approx(ssim_of_windows(guess, target, mask), abs=1e-9)
    weight = RNG.uniform(0, 2, 40)
    found = losses.ssim(*tensors(guess[None], target[None], mask[None], weight))
    assert found.item() == pytest.approx(ssim_of_windows(guess, target, mask, weight), abs=1e-9)


def test_ssim_is_one_for_equal_curves_and_less_for_others_whatever_the_unit_of_intensity():
    target = np.cumsum(RNG.normal(size=(3, 50)), axis=1)
    noisy, mask = target + 0.3 * RNG.normal(size=target.shape), np.ones((3, 50))
    assert losses.ssim(*tensors(target, target, mask)).item() == pytest.approx(1, abs=1e-12)
    found = losses.ssim(*tensors(noisy, target, mask)).item()
    assert found < 0.99
    assert losses.ssim(*tensors(noisy + 2, target + 2, mask)).item() == pytest.approx(found, abs=1e-9)


# The code


def test_barlow_twins_equals_the_correlation_matrix_of_numpy():
    saxs, sans = RNG.normal(size=(2, 40, 6))
    full = np.corrcoef(saxs.T, sans.T)[:6, 6:]
    off = full - np.diag(np.diag(full))
    expected = ((np.diag(full) - 1) ** 2).sum() + 0.02 * (off**2).sum()
    assert losses.barlow_twins(*tensors(saxs, sans), 0.02).item() == pytest.approx(expected, rel=1e-4)


def test_barlow_twins_vanishes_for_equal_uncorrelated_codes():
    codes = np.linalg.qr(RNG.normal(size=(64, 8)) - 0)[0]
    codes -= codes.mean(axis=0)
    codes = np.linalg.qr(codes)[0] * 8  # orthogonal, zero mean
    assert losses.barlow_twins(*tensors(codes, codes)).item() < 1e-6


def test_barlow_twins_of_matched_codes_cannot_fall_below_its_rank_bound():
    """With fewer pairs than components the off-diagonal sum is at least latent²/(N−1) − latent."""
    codes = RNG.normal(size=(9, 32))
    z = torch.from_numpy(codes)
    correlation = losses.cross_correlation(z, z)
    off = correlation.square().sum() - correlation.diagonal().square().sum()
    assert off.item() >= 32**2 / 8 - 32 - 1e-3


def test_barlow_twins_does_not_change_with_scale_and_offset_of_a_code():
    saxs, sans = RNG.normal(size=(2, 50, 5))
    moved = losses.barlow_twins(*tensors(100 * saxs + 7, sans)).item()
    assert moved == pytest.approx(losses.barlow_twins(*tensors(saxs, sans)).item(), rel=1e-4)


def test_barlow_twins_refuses_a_single_pair():
    with pytest.raises(ValueError, match="at least 2 pairs"):
        losses.barlow_twins(torch.zeros(1, 4), torch.zeros(1, 4))


def test_vicreg_equals_its_equations_in_numpy():
    both = RNG.normal(size=(2, 40, 6)) * np.linspace(0.2, 2, 6)
    expected = 3 * ((both[0] - both[1]) ** 2).mean()
    for z in both:
        cov = np.cov(z.T)
        off = cov - np.diag(np.diag(cov))
        expected += 5 * np.maximum(0, 1 - np.sqrt(z.var(axis=0, ddof=1) + 1e-4)).mean() + 7 * (off**2).sum() / 6
    assert losses.vicreg(*tensors(*both), (3.0, 5.0, 7.0)).item() == pytest.approx(expected, rel=1e-9)


def test_vicreg_vanishes_for_equal_uncorrelated_codes_that_vary_enough_and_not_for_collapsed_ones():
    codes = np.linalg.qr(RNG.normal(size=(64, 8)))[0]
    codes = np.linalg.qr(codes - codes.mean(axis=0))[0] * 9  # a standard deviation above 1
    assert losses.vicreg(*tensors(codes, codes)).item() < 1e-9
    collapsed = np.zeros((64, 8))
    assert losses.vicreg(*tensors(collapsed, collapsed)).item() > 40


def test_info_nce_equals_the_log_share_of_the_true_partner():
    saxs, sans = RNG.normal(size=(2, 9, 5))
    cosine = saxs @ sans.T / np.outer(np.linalg.norm(saxs, axis=1), np.linalg.norm(sans, axis=1))
    weight = np.exp(cosine / 0.2)
    share = [np.diag(weight) / weight.sum(axis=axis) for axis in (0, 1)]
    assert losses.info_nce(*tensors(saxs, sans), 0.2).item() == pytest.approx(-np.log(share).mean(), rel=1e-9)


def test_info_nce_of_codes_that_say_nothing_is_the_log_of_the_batch():
    assert losses.info_nce(torch.ones(16, 4), torch.ones(16, 4)).item() == pytest.approx(np.log(16), rel=1e-5)


def test_info_nce_of_a_sample_that_stands_in_the_batch_twice_has_no_rival_in_itself():
    codes = torch.eye(4)[[0, 1, 2, 2]]
    row = torch.tensor([5, 6, 7, 7])
    # the first two see three rivals each, the copies two
    expected = np.mean(np.log1p(np.array([3, 3, 2, 2]) * np.exp(-10)))
    found = losses.info_nce(codes, codes, temperature=0.1, row=row)
    assert found.item() == pytest.approx(expected, abs=1e-6)
    assert losses.info_nce(codes, codes, temperature=0.1).item() == pytest.approx(np.log(2) / 2, abs=1e-3)
