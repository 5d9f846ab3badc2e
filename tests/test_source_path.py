"""Predictions that use the source's curve beside its code, and errors above a background."""

import numpy as np
import pytest
import torch

from pairvae.models.pairvae import PairVAE
from pairvae.models.predict import codes, predict
from pairvae.models.resvae import ResVAE
from pairvae.models.scale_and_background import SMALLEST_SQUARE, error_above_background
from pairvae.models.source_path import SourceCurve, SourcePath, masked_median
from pairvae.settings import Architecture

Q = {"saxs": np.geomspace(0.003, 0.5, 128), "sans": np.geomspace(0.003, 0.4, 96)}


def sphere(q, radius, dq_over_q=0.0):
    """log10 of the form factor of a sphere, smeared by a Gaussian in ln q."""
    fine = np.geomspace(q[0] / 3, q[-1] * 3, 6000)
    x = fine * radius
    intensity = (3 * (np.sin(x) - x * np.cos(x)) / x**3) ** 2
    if not dq_over_q:
        return np.log10(np.interp(q, fine, intensity))
    weight = np.exp(-0.5 * ((np.log(q)[:, None] - np.log(fine)) / dq_over_q) ** 2)
    return np.log10(weight @ intensity / weight.sum(axis=1))


@pytest.fixture
def path():
    """A source path to SANS that copies with one of its three widths alone."""

    def only(width):
        made = SourcePath(8, 96, 128)
        made.fit_grids(torch.from_numpy(Q["sans"]), torch.from_numpy(Q["saxs"]))
        with torch.no_grad():
            made.shares.bias.view(3, 96).fill_(-1e3)
            made.shares.bias.view(3, 96)[width] = 1e3
            made.background.bias.fill_(-12)
        return made

    return only


def test_a_copy_is_the_source_as_the_wider_instrument_sees_it(path):
    source = torch.from_numpy(sphere(Q["saxs"], 60.0)).float()[None]
    curve = SourceCurve(source, torch.ones_like(source))
    decoded = torch.from_numpy(sphere(Q["sans"], 60.0, 0.08)).float()[None] + 3.0
    copied = path(1)(torch.zeros(1, 8), curve, decoded)
    inside = slice(2, -2)
    # the decoded curve gives the scale, the copy the shape
    assert np.abs((copied - decoded).detach().numpy()[0, inside]).max() < 0.06
    narrow = path(0)(torch.zeros(1, 8), curve, decoded)
    assert np.abs((narrow - decoded).detach().numpy()[0, inside]).max() > 0.3


def test_where_the_source_was_not_measured_the_code_speaks_alone(path):
    source = torch.from_numpy(sphere(Q["saxs"], 60.0)).float()[None]
    mask = torch.ones_like(source)
    mask[:, :50] = 0
    decoded = torch.linspace(1, -3, 96)[None]
    copied = path(0)(torch.zeros(1, 8), SourceCurve(source, mask), decoded)
    unseen = Q["sans"] < Q["saxs"][48]
    assert torch.equal(copied[0, unseen], decoded[0, unseen])
    assert not torch.allclose(copied[0, ~unseen], decoded[0, ~unseen], atol=0.1)
    nothing = path(0)(torch.zeros(1, 8), SourceCurve(source, 0 * mask), decoded)
    assert torch.equal(nothing, decoded)


def test_what_is_hidden_of_the_source_changes_nothing(path):
    source = torch.from_numpy(sphere(Q["saxs"], 60.0)).float()[None]
    mask = torch.ones_like(source)
    mask[:, 40:60] = 0
    decoded = torch.zeros(1, 96)
    seen = path(1)(torch.zeros(1, 8), SourceCurve(source, mask), decoded)
    other = torch.where(mask > 0, source, 7.0)
    assert torch.equal(path(1)(torch.zeros(1, 8), SourceCurve(other, mask), decoded), seen)


def test_networks_with_a_source_path_are_built_again_from_their_facts():
    torch.manual_seed(0)
    architecture = Architecture(channels=(4, 8), hidden=16)
    network = PairVAE(*(ResVAE(len(q), 4, architecture) for q in Q.values())).eval()
    for t, q in Q.items():
        network.of(t).q.copy_(torch.from_numpy(q))
    source = torch.from_numpy(sphere(Q["saxs"], 60.0)).float()[None]
    curves = {"log_intensity": source, "mask": torch.ones_like(source), "covariates": torch.zeros(1, 0)}
    code, nothing = codes(network, "saxs", curves), torch.zeros(1, 0)
    before = predict(network, "sans_from_saxs", code, nothing).log_intensity
    network.add_source_paths()
    alone = predict(network, "sans_from_saxs", code, nothing).log_intensity
    assert np.array_equal(alone, before)
    beside = predict(network, "sans_from_saxs", code, nothing, SourceCurve.of(curves)).log_intensity
    assert np.abs(beside - alone).max() > 0.01
    again = PairVAE.from_facts(network.facts()).eval()
    again.load_state_dict(network.state_dict())
    assert np.array_equal(predict(again, "sans_from_saxs", code, nothing, SourceCurve.of(curves)).log_intensity, beside)


def test_an_error_above_background_forgives_factor_and_background_of_either_sign():
    target = torch.from_numpy(sphere(Q["sans"], 60.0, 0.08)).float()[None]
    weight = torch.ones_like(target)
    floor = 0.5 * np.log(SMALLEST_SQUARE)
    lowest = 10 ** target.min()
    for added in (0.0, 3 * float(lowest), -0.5 * float(lowest)):
        predicted = torch.log10(10**target + added) + 1.7
        assert float(error_above_background(predicted, target, weight)) < floor + 0.6, added
    other = torch.from_numpy(sphere(Q["sans"], 90.0, 0.08)).float()[None]
    assert float(error_above_background(other, target, weight)) > floor + 1


def test_points_that_were_not_measured_may_be_fainter_than_the_background_taken_away():
    target = torch.linspace(0, -3, 96)[None]
    weight = torch.ones_like(target)
    weight[:, 60:] = 0
    predicted = torch.log10(10**target - 0.3 * 10 ** target[0, 59]).nan_to_num(nan=-6.0).requires_grad_()
    error = error_above_background(predicted, target, weight)
    error.backward()
    assert torch.isfinite(error)
    assert torch.isfinite(predicted.grad).all()


def test_an_error_above_background_teaches_the_shape_alone():
    target = torch.from_numpy(sphere(Q["sans"], 60.0, 0.08)).float()[None]
    predicted = torch.from_numpy(sphere(Q["sans"], 90.0, 0.08)).float()[None].requires_grad_()
    error_above_background(predicted, target, torch.ones_like(target)).backward()
    assert predicted.grad.abs().max() > 1e-3
    # a common factor changes nothing
    assert abs(float(predicted.grad.sum())) < 1e-3 * float(predicted.grad.abs().sum())


@pytest.mark.parametrize("measured", [0, 1, 2, 7, 8])
def test_a_median_of_measured_points_is_that_of_torch(measured):
    torch.manual_seed(measured)
    values, mask = torch.randn(5, 8), torch.zeros(5, 8)
    for row in mask:
        row[torch.randperm(8)[:measured]] = 1
    expected = torch.where(mask > 0, values, torch.nan).nanmedian(dim=1, keepdim=True).values.nan_to_num()
    assert torch.equal(masked_median(values, mask), expected)
