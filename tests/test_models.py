"""The networks: shapes, masks, blocks that begin as nothing, weights as files."""

import numpy as np
import pytest
import torch

from pairvae.errors import UserError
from pairvae.models import losses
from pairvae.models.blocks import Interleave, Style, down, residual_linear, up
from pairvae.models.pairvae import PairVAE, joined
from pairvae.models.resvae import ResVAE
from pairvae.models.tensors import as_tensors
from pairvae.models.weights_file import load_pairvae, load_resvae, load_weights, save_weights
from pairvae.prepare.covariates import Covariate
from pairvae.prepare.pair import read_pairs
from pairvae.prepare.spectra_file import load_spectra
from pairvae.settings import Architecture
from pairvae.techniques import PATHS, ends

SMALL = Architecture(channels=(4, 8), hidden=16, dropout=0.1)
D2O = (Covariate(name="d2o_fraction", kind="number", mean=0.5, std=0.5),)


def random_curves(points, batch=5, width=0):
    return torch.randn(batch, points), (torch.rand(batch, points) > 0.3).float(), torch.randn(batch, width)


# Shapes


@pytest.mark.parametrize("points", [32, 41, 50, 97, 192, 255, 256, 257])
@pytest.mark.parametrize("channels", [(4,), (4, 8), (4, 8, 16)])
def test_any_length_comes_back_with_that_length(points, channels):
    network = ResVAE(points, 3, SMALL.model_copy(update={"channels": channels})).eval()
    code = network.encode(*random_curves(points))
    curve = network.decode(code.mean, torch.zeros(5, 0), from_partner=False)
    assert code.mean.shape == code.logvar.shape == (5, 3)
    assert curve.log_intensity.shape == curve.log_variance.shape == (5, points)


@pytest.mark.parametrize("channels", [(1,), (6, 12), (12, 20), (7, 9)])
def test_any_number_of_channels_can_be_normalised(channels):
    network = ResVAE(50, 3, SMALL.model_copy(update={"channels": channels}))
    assert torch.isfinite(network.encode(*random_curves(50)).mean).all()


def test_every_parameter_takes_part_in_a_prediction_from_the_partner():
    torch.manual_seed(0)
    network = PairVAE(ResVAE(50, 3, SMALL, D2O), ResVAE(41, 3, SMALL, D2O))
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)  # branches that begin as nothing hide what lies before them
    total = torch.zeros(())
    for path in PATHS:
        target, source = ends(path)
        code = network.of(source).encode(*random_curves(network.of(source).points, width=2))
        curve = network.of(target).decode(code.mean, torch.randn(5, 2), from_partner=True)
        total = total + sum(part.square().sum() for part in (*curve, code.logvar))
    total.backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in network.parameters())


# Masks


def test_masked_points_never_change_the_code():
    network = ResVAE(50, 3, SMALL).eval()
    log_intensity, mask, known = random_curves(50)
    other = torch.where(mask > 0, log_intensity, 1e4 * torch.randn(5, 50))
    for one, two in zip(network.encode(log_intensity, mask, known), network.encode(other, mask, known), strict=True):
        assert torch.equal(one, two)


def test_an_unmeasured_point_is_not_the_same_as_one_measured_at_the_mean():
    network = ResVAE(50, 3, SMALL).eval()
    log_intensity, _, known = random_curves(50)
    log_intensity[:, 10] = network.mean[10]
    mask = torch.ones(5, 50)
    hidden = mask.clone()
    hidden[:, 10] = 0
    one, two = (network.encode(log_intensity, m, known).mean for m in (mask, hidden))
    assert not torch.allclose(one, two)


def test_a_sample_does_not_change_with_the_others_of_its_batch():
    network = ResVAE(50, 3, SMALL).eval()
    curves = random_curves(50)
    alone = network.encode(*(tensor[2:3] for tensor in curves)).mean
    torch.testing.assert_close(network.encode(*curves).mean[2:3], alone)


# What the decoder says


def test_own_and_partner_have_the_same_curve_and_errors_of_their_own():
    network = ResVAE(50, 3, SMALL).eval()
    code = torch.randn(5, 3)
    own, partner = (network.decode(code, torch.zeros(5, 0), from_partner=flag) for flag in (False, True))
    assert torch.equal(own.log_intensity, partner.log_intensity)
    assert not torch.allclose(own.log_variance, partner.log_variance)


@pytest.mark.parametrize("from_partner", [False, True])
def test_an_error_learns_from_its_own_source_alone(from_partner):
    network = ResVAE(50, 3, SMALL)
    network.decode(torch.randn(5, 3), torch.zeros(5, 0), from_partner).log_variance.sum().backward()
    grad = network.error[-1].weight.grad
    mine, other = (grad[50:], grad[:50]) if from_partner else (grad[:50], grad[50:])
    assert (mine != 0).any()
    assert (other == 0).all()
    assert all(parameter.grad is None for parameter in network.decoder.parameters())


def test_covariates_change_code_and_curve():
    network = ResVAE(50, 3, SMALL, D2O).eval()
    log_intensity, mask, _ = random_curves(50, batch=1)
    unknown, known = torch.zeros(1, 2), torch.ones(1, 2)
    assert not torch.allclose(
        network.encode(log_intensity, mask, unknown).mean, network.encode(log_intensity, mask, known).mean
    )
    code = torch.zeros(1, 3)
    assert not torch.allclose(network.decode(code, unknown, True)[0], network.decode(code, known, True)[0])


@pytest.mark.parametrize("limits", [(-12.0, 4.0), (-3.9, -3.8)])
def test_log_variance_of_the_code_stays_within_its_limits(limits):
    network = ResVAE(50, 3, SMALL.model_copy(update={"latent_logvar": limits})).eval()
    _, mask, known = random_curves(50)
    logvar = network.encode(1e6 * torch.randn(5, 50), mask, known).logvar
    assert logvar.min() >= limits[0] - 1e-6
    assert logvar.max() <= limits[1] + 1e-6


# Blocks


@pytest.mark.parametrize("length", [8, 13])
def test_residual_branches_begin_as_nothing(length):
    x = torch.randn(3, 8, length)
    for block in (down(Style(), 8, 16), up(Style(), 8, 4)):
        assert torch.equal(block(x), block.skip(x))
    flat = torch.randn(3, 12)
    assert torch.equal(residual_linear(12, dropout=0.5)(flat), flat)


def test_down_halves_and_up_doubles_the_length():
    x = torch.randn(2, 8, 13)
    assert down(Style(), 8, 4)(x).shape == (2, 4, 7)
    assert up(Style(), 8, 4)(x).shape == (2, 4, 26)


@pytest.mark.parametrize("factor", [2, 4])
def test_interleave_is_pixel_shuffle_along_one_axis(factor):
    x = torch.randn(3, 5 * factor, 7)
    # in two dimensions a pixel also becomes `factor` rows; x fills the first of them
    square = torch.zeros(3, 5, factor, factor, 1, 7)
    square[:, :, 0] = x.reshape(3, 5, factor, 1, 7)
    shuffled = torch.nn.functional.pixel_shuffle(square.reshape(3, 5 * factor**2, 1, 7), factor)
    assert torch.equal(Interleave(factor)(x), shuffled[:, :, 0])


# Training and files


def test_a_few_dozen_steps_lower_the_loss(gridded):
    torch.manual_seed(1)
    table = read_pairs(gridded.path("pairs.csv"))
    table = table[table["row_saxs"].notna()]
    spectra = load_spectra(gridded.path("spectra/saxs.h5"))
    network = ResVAE(spectra.q.size, 4, SMALL)
    network.fit_scaler(spectra)
    batch = as_tensors(spectra, table, network)
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)

    def loss():
        code = network.encode(batch["log_intensity"], batch["mask"], batch["covariates"])
        curve = network.decode(code.mean, batch["covariates"], from_partner=False)
        return losses.reconstruction(curve.log_intensity, batch["log_intensity"], batch["mask"])

    first = loss().item()
    for _ in range(40):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    assert loss().item() < 0.2 * first


def test_pretrained_weights_come_back_from_their_file(pretrained, tmp_path):
    path = pretrained.path("pretrain/saxs.safetensors")
    network = load_resvae(path)
    assert not network.training
    save_weights(tmp_path / "again.safetensors", network.state_dict(), network.facts())
    again = load_resvae(tmp_path / "again.safetensors")
    assert again.facts() == network.facts()
    curves = random_curves(network.points, width=4)
    code = network.encode(*curves)
    assert torch.equal(again.encode(*curves).mean, code.mean)
    for one, two in zip(*(n.decode(code.mean, curves[2], True) for n in (network, again)), strict=True):
        assert torch.equal(one, two)
    q = load_spectra(pretrained.path("spectra/saxs.h5")).q
    np.testing.assert_array_equal(again.q.numpy(), q)  # float64 as it was: the file does not round


def test_joint_weights_hold_both_networks_and_their_covariates(trained):
    network, facts = load_pairvae(trained.path("joint.safetensors"))
    for technique in ("saxs", "sans"):
        own = load_resvae(trained.path(f"pretrain/{technique}.safetensors"))
        assert network.of(technique).facts() == own.facts()
        assert torch.equal(network.of(technique).mean, own.mean)
    assert facts["joint_train"]["steps"] == trained.joint_train.steps


def test_file_that_holds_no_weights_is_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    with pytest.raises(UserError, match="cannot be read as weights"):
        load_weights(path)
    path.write_bytes(b"\x80\x04not a safetensors file")
    with pytest.raises(UserError, match="cannot be read as weights"):
        load_weights(path)


def test_weights_of_another_format_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("pairvae.models.weights_file.FORMAT", 99)
    save_weights(tmp_path / "w.safetensors", {"a": torch.zeros(1)}, {})
    monkeypatch.undo()
    with pytest.raises(UserError, match="is of format 99, this version reads format 1"):
        load_weights(tmp_path / "w.safetensors")


def test_equal_weights_are_equal_files(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for path in (first, second):
        save_weights(path, {"a": torch.ones(3), "b": torch.zeros(2)}, {"points": 3, "latent_dim": 2})
    assert first.read_bytes() == second.read_bytes()


# Ensembles


def pair_of_networks(seed):
    torch.manual_seed(seed)
    network = PairVAE(ResVAE(50, 3, SMALL, D2O), ResVAE(41, 3, SMALL, D2O)).eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return network


def decoded(network, path, curves, known):
    target, source = ends(path)
    return network.of(target).decode(network.of(source).encode(*curves).mean, known, from_partner=True)


@pytest.mark.parametrize("path", PATHS)
def test_joined_networks_predict_the_mean_and_err_by_the_spread_of_their_members(path):
    members = [pair_of_networks(seed) for seed in range(3)]
    curves, known = random_curves(members[0].of(ends(path)[1]).points, width=2), torch.randn(5, 2)
    parts = [decoded(one, path, curves, known) for one in members]
    whole = decoded(joined(members), path, curves, known)
    log_intensity = np.stack([one.log_intensity.detach().numpy() for one in parts])
    variance = np.stack([np.exp(one.log_variance.detach().numpy()) for one in parts])
    np.testing.assert_allclose(whole.log_intensity.detach(), log_intensity.mean(0), rtol=1e-5, atol=1e-6)
    # variance of a mixture: E[σ² + μ²] − E[μ]²
    mixture = (variance + log_intensity**2).mean(0) - log_intensity.mean(0) ** 2
    np.testing.assert_allclose(whole.log_variance.detach().exp(), mixture, rtol=1e-3)


def test_joined_networks_come_back_from_their_facts():
    network = joined([pair_of_networks(seed) for seed in range(2)])
    again = PairVAE.from_facts(network.facts())
    again.load_state_dict(network.state_dict())
    curves, known = random_curves(50, width=2), torch.randn(5, 2)
    first, second = (decoded(one.eval(), "sans_from_saxs", curves, known) for one in (network, again))
    assert torch.equal(first.log_intensity, second.log_intensity)
    assert network.saxs.latent_dim == network.sans.latent_dim == 6


def test_weights_have_the_names_of_format_1_and_come_back_under_them():
    settings = Architecture(channels=(4, 8), hidden=16, linear_skips=True, linear_blocks=1)
    network = ResVAE(50, 4, settings, (Covariate(name="d2o", kind="number"),))
    tensors = network.state_dict()
    assert {name.partition(".")[0] for name in tensors} == {
        *("q", "mean", "std", "convolutions", "encoder_skip", "encoder"),
        *("decoder", "deconvolutions", "decoder_skip", "error"),
    }
    assert tensors["encoder.2.weight"] is not None
    again = ResVAE.from_facts(network.facts())
    again.load_state_dict(tensors)
    assert torch.equal(again.encoder.layers[-1].weight, network.encoder.layers[-1].weight)
    assert [name for name, _ in again.named_parameters()] == [name for name, _ in network.named_parameters()]


def test_single_network_stays_as_it_is():
    network = pair_of_networks(0)
    assert joined([network]) is network


def test_encoder_is_told_the_local_slope_where_it_is_known():
    q = torch.logspace(-2.5, -0.5, 50, dtype=torch.float64)
    network = ResVAE(50, 4, Architecture(channels=(4, 8), hidden=16, slopes=(3,)))
    network.q.copy_(q)
    seen = []
    network.encoder.convolutions.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    mask = torch.ones(2, 50)
    mask[1, 20] = 0
    # Porod's law, at two intensities
    network.encode((-4 * q.log10() + torch.tensor([[0.0], [3.0]])).float(), mask, torch.zeros(2, 0))
    slope = seen[0][:, 2, :50]
    known = torch.zeros(2, 50, dtype=torch.bool)
    known[:, 3:-3] = True
    known[1, [17, 20, 23]] = False
    torch.testing.assert_close(slope, known.float(), rtol=0, atol=1e-4)
