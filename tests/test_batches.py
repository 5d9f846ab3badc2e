"""Batches, augmentation and schedules: what a network is shown, and when."""

import numpy as np
import pytest
import torch

from pairvae.models.resvae import ResVAE
from pairvae.models.tensors import as_tensors
from pairvae.prepare.covariates import Covariate
from pairvae.settings import Architecture, JointTrain, Pretrain
from pairvae.train.augment import HIDDEN_AT_MOST, hide_covariates, hide_part, other_samples, renoised, shift
from pairvae.train.batches import SHORTEST_EPOCH, TrainBatches, ValidationBatches
from pairvae.train.schedules import average_decay, cosine_with_warmup, linear_warmup


@pytest.mark.parametrize("floor", [0.1, 0.3])
def test_noise_drawn_anew_ends_at_the_floor_of_the_normalized_curves(floor):
    torch.manual_seed(0)
    log_sigma = torch.full((50, 40), 0.4)
    curves = {"log_intensity": torch.zeros(50, 40), "log_sigma": log_sigma, "noise_floor": torch.full((50, 1), floor)}
    lowest = renoised(curves, 1.0).min()
    assert float(lowest) == pytest.approx(np.log10(floor * np.log(10) * 0.4))


def rows(samples):
    return {"saxs": {"once": torch.arange(samples)}, "sans": {"twice": 2 * torch.arange(samples)}}


def shown(samples, batch_size, steps=1000, seed=0, epoch=0):
    batches = TrainBatches(rows(samples), batch_size, steps, seed)
    batches.epoch = epoch
    return [batch["saxs"]["row"] for batch in batches]


@pytest.mark.parametrize(("samples", "batch_size"), [(37, 8), (100, 64), (8, 8), (1000, 7)])
def test_every_pass_shows_every_sample_once(samples, batch_size):
    order = torch.cat(shown(samples, batch_size))
    whole = len(order) // samples
    assert whole >= 1 or samples > SHORTEST_EPOCH * batch_size
    for one in order[: whole * samples].reshape(whole, samples):
        assert sorted(one.tolist()) == list(range(samples))
    assert len(order[whole * samples :].unique()) == len(order) - whole * samples


@pytest.mark.parametrize(("samples", "batch_size"), [(37, 8), (100, 64), (5, 64), (2, 2), (1000, 7)])
def test_all_batches_are_full(samples, batch_size):
    batches = shown(samples, batch_size)
    assert {len(batch) for batch in batches} == {min(samples, batch_size)}


def test_fewer_samples_than_a_batch_are_shown_all_at_once():
    assert all(sorted(batch.tolist()) == list(range(5)) for batch in shown(5, 64))


def test_rows_of_all_tensors_belong_together():
    for batch in TrainBatches(rows(50), 8, 100, 0):
        assert torch.equal(batch["saxs"]["once"], batch["saxs"]["row"])
        assert torch.equal(batch["sans"]["twice"], 2 * batch["sans"]["row"])
        assert torch.equal(batch["saxs"]["row"], batch["sans"]["row"])


def test_order_depends_on_seed_and_epoch_only():
    def order(**kwargs):
        return torch.cat(shown(40, 8, **kwargs))

    torch.manual_seed(1)
    first = order(seed=4, epoch=2)
    torch.manual_seed(2)
    np.random.seed(2)  # noqa: NPY002, the global state must not matter
    assert torch.equal(order(seed=4, epoch=2), first)
    assert not torch.equal(order(seed=4, epoch=3), first)
    assert not torch.equal(order(seed=5, epoch=2), first)


@pytest.mark.parametrize(
    ("samples", "steps", "per_epoch", "epochs"),
    [
        (50, 1000, SHORTEST_EPOCH, 10),  # small data: several passes between two validations
        (50, 30, 30, 1),  # fewer steps than an epoch
        (3000, 1200, 300, 4),  # large data: an epoch is one pass
    ],
)
def test_steps_are_cut_into_epochs(samples, steps, per_epoch, epochs):
    batches = TrainBatches(rows(samples), 10, steps, 0)
    assert (len(batches), batches.epochs) == (per_epoch, epochs)
    assert len(list(batches)) == len(batches)


def test_validation_shows_every_sample_once_in_order(monkeypatch):
    monkeypatch.setattr("pairvae.train.batches.LARGEST_VALIDATION_BATCH", 40)
    batches = list(ValidationBatches(rows(100)))
    assert len(batches) == 3
    assert torch.equal(torch.cat([batch["saxs"]["once"] for batch in batches]), torch.arange(100))


def test_unmeasured_points_are_filled_with_the_train_mean(pretrained):
    from pairvae.models.weights_file import load_resvae
    from pairvae.prepare.pair import read_pairs
    from pairvae.prepare.spectra_file import load_spectra

    network = load_resvae(pretrained.path("pretrain/saxs.safetensors"))
    table = read_pairs(pretrained.path("pairs.csv")).dropna(subset="row_saxs")
    spectra = load_spectra(pretrained.path("spectra/saxs.h5"))
    batch = as_tensors(spectra, table, network)
    mean = np.broadcast_to(network.mean.numpy(), spectra.mask.shape)
    assert (~spectra.mask).any()
    np.testing.assert_array_equal(batch["log_intensity"][~spectra.mask], mean[~spectra.mask])
    np.testing.assert_array_equal(batch["log_intensity"][spectra.mask], spectra.log_intensity[spectra.mask])
    assert all(torch.isfinite(tensor).all() for tensor in batch.values())


# Augmentation


def test_hidden_ranges_are_both_ends_or_one_gap_and_invent_nothing():
    torch.manual_seed(0)
    whole = torch.ones(2000, 64)
    hidden = whole - hide_part(whole, 0.5)
    begins = ((hidden[:, 1:] - hidden[:, :-1]) > 0).sum(dim=1) + hidden[:, 0]  # ranges that are hidden, of each row
    lengths = hidden.sum(dim=1)
    at_ends = (hidden[:, 0] + hidden[:, -1]) > 0
    assert begins.max() == 2
    assert (begins[~at_ends] <= 1).all()
    assert lengths.max() <= 2 * HIDDEN_AT_MOST * 64
    assert 0.4 < (lengths > 0).float().mean() < 0.5  # some are too short to hide a point
    assert ((lengths > 0) & ~at_ends).float().mean() > 0.1
    mask = (torch.rand(500, 64) > 0.2).float()
    assert (hide_part(mask, 0.5) <= mask).all()


def test_nothing_is_hidden_at_probability_zero():
    mask = torch.ones(50, 64)
    assert torch.equal(hide_part(mask, 0.0), mask)


def test_covariates_are_hidden_whole_or_not_at_all():
    torch.manual_seed(0)
    known = torch.ones(2000, 3)
    kept = hide_covariates(known, (), JointTrain()).sum(dim=1)
    assert set(kept.tolist()) == {0.0, 3.0}
    assert 0.07 < (kept == 0).float().mean().item() < 0.13


def test_covariates_are_hidden_one_by_one_and_together():
    torch.manual_seed(0)
    described = [Covariate(name=name, kind="number", mean=0.0, std=1.0) for name in ("d2o_fraction", "contrast_sans")]
    settings = JointTrain(hidden_covariates=0.5, hide_each_covariate=True)
    kept = hide_covariates(torch.ones(4000, 4), described, settings)
    assert (kept[:, 0] == kept[:, 1]).all()
    assert (kept[:, 2] == kept[:, 3]).all()
    shares = [((kept[:, 0] == a) & (kept[:, 2] == b)).float().mean().item() for a in (0, 1) for b in (0, 1)]
    # a quarter loses both, of the others each loses what falls below one half
    assert shares == pytest.approx([0.25 + 0.75 * 0.25, 0.75 * 0.25, 0.75 * 0.25, 0.75 * 0.25], abs=0.03)


def test_shift_stays_within_its_limits():
    torch.manual_seed(0)
    moved = shift(torch.ones(2000, 5), 0.2)
    assert moved.shape == (2000, 1)
    assert moved.abs().max() <= 0.2
    assert moved.min() < -0.18
    assert moved.max() > 0.18


def log_spheres(q, radius, level):
    """log10 I of spheres of the radius (Rayleigh, 1911) whose I(0) is 10**level, and a hundredth of it flat."""
    x = q * radius
    return level + np.log10((3 * (np.sin(x) - x * np.cos(x)) / x**3) ** 2 + 0.01)


def spheres(network, radius, level, rng):
    """Curves of spheres as a batch has them, some points of which were not measured and hold nonsense."""
    curves = log_spheres(network.q.numpy(), radius[:, None], level)
    mask = rng.random(curves.shape) > 0.02
    found = {"log_intensity": np.where(mask, curves, 99.0), "log_sigma": np.full_like(curves, 0.01), "mask": mask}
    return {name: torch.from_numpy(values).float() for name, values in found.items()}


def of_grid(q_min, q_max, points, **choices):
    network = ResVAE(points, 4, Architecture(channels=(4, 8), hidden=16, **choices))
    network.q.copy_(torch.logspace(np.log10(q_min), np.log10(q_max), points))
    return network


def test_both_curves_of_a_sample_become_those_of_one_other_size():
    rng = np.random.default_rng(0)
    networks = {"saxs": of_grid(0.006, 0.12, 256), "sans": of_grid(0.004, 0.1, 192)}
    level = {"saxs": 1.0, "sans": 0.0}
    radius = rng.uniform(40, 60, 50)
    batch = {t: spheres(networks[t], radius, level[t], rng) for t in networks}
    torch.manual_seed(0)
    found = other_samples(batch, networks, Pretrain(q_shift_dex=0.1, intensity_shift_dex=0.0))
    seen = {t: found[t]["mask"].numpy() > 0 for t in networks}
    ratios = np.logspace(-0.11, 0.11, 1101)
    chosen = []
    for row in range(len(radius)):
        apart = {}
        for t, network in networks.items():
            known = seen[t][row]
            curve = found[t]["log_intensity"][row].double().numpy()[known]
            others = log_spheres(network.q.numpy()[known], ratios[:, None] * radius[row], level[t])
            apart[t] = np.abs(others - curve).max(axis=1)
        best = int(apart["saxs"].argmin())
        assert apart["saxs"][best] < 0.01
        assert apart["sans"][best] < 0.01
        chosen.append(np.log10(ratios[best]))
    assert -0.1005 < min(chosen) < -0.09
    assert 0.09 < max(chosen) < 0.1005
    assert all(0.8 < one.mean() < 0.98 for one in seen.values())


@pytest.mark.parametrize("left", [1.0, 0.3, 0.0])
def test_sizes_come_back_to_those_of_the_data_as_the_training_ends(left):
    network = of_grid(0.006, 0.12, 256)
    slope = torch.log10(network.q).float().expand(500, -1)  # of which a shift of q is one of intensity
    batch = {"log_intensity": slope, "log_sigma": torch.zeros(500, 256), "mask": torch.ones(500, 256)}
    torch.manual_seed(0)
    settings = Pretrain(q_shift_dex=0.1, intensity_shift_dex=0.0)
    found = other_samples({"saxs": batch}, {"saxs": network}, settings, left)["saxs"]
    moved = (found["log_intensity"] - slope)[found["mask"] > 0]
    assert moved.abs().max().item() == pytest.approx(0.1 * left, rel=0.03, abs=1e-6)


def test_patterns_of_a_detector_keep_their_size():
    network = of_grid(0.006, 0.3, 256, image=(16, 16))
    batch = spheres(network, np.full(5, 50.0), 1.0, np.random.default_rng(0))
    found = other_samples({"saxs": batch}, {"saxs": network}, Pretrain(intensity_shift_dex=0.0))["saxs"]
    assert all(torch.equal(found[name], batch[name]) for name in batch)


# Schedules


def test_learning_rate_rises_linearly_then_falls_as_half_a_cosine():
    steps, warmup = 1000, 100
    rate = [cosine_with_warmup(step, steps, 0.1) for step in range(steps + 1)]
    rising = np.diff(rate[: warmup + 1])
    np.testing.assert_allclose(rising, rising[0], rtol=1e-9)
    assert 0 < rate[0] < 0.02
    assert rate[warmup] == max(rate) == 1
    middle = (warmup + steps) // 2
    assert rate[middle] == pytest.approx(0.5)
    assert rate[steps] == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(
        rate[warmup:], np.cos(np.pi / 2 * (np.arange(steps + 1 - warmup) / (steps - warmup))) ** 2, atol=1e-12
    )


def test_without_warm_up_the_rate_begins_at_its_peak():
    assert cosine_with_warmup(0, 100, 0.0) == 1


def test_linear_warmup_rises_from_zero_to_one_and_stays():
    found = [linear_warmup(step, 100, 0.2) for step in (0, 5, 10, 20, 60, 100)]
    np.testing.assert_allclose(found, [0, 0.25, 0.5, 1, 1, 1])
    assert linear_warmup(0, 100, 0.0) == 1


def test_average_has_a_short_memory_at_first_and_its_own_in_the_end():
    decay = [average_decay(step, 0.99) for step in range(2000)]
    assert decay[0] == pytest.approx(0.1)
    assert decay == sorted(decay)
    assert decay[-1] == 0.99
