"""Every ingredient of the training trains: to a loss below its start, into a file that predicts the same."""

import math

import pandas as pd
import pytest
import torch

from pairvae.errors import UserError
from pairvae.models import losses
from pairvae.models.resvae import ResVAE
from pairvae.models.tensors import paired_tensors
from pairvae.models.weights_file import load_pairvae, load_resvae, load_weights
from pairvae.settings import Architecture, JointTrain, Pair, Pretrain
from pairvae.settings.parse import parse
from pairvae.train import batches, fit
from pairvae.train.freezing import freeze, layers_from_code
from pairvae.train.joint_train import JointStage, joint_train
from pairvae.train.pretrain import PretrainStage, begin_pretrain, pretrain
from pairvae.train.stage import check_loss

STEPS = 40
UNIT = Architecture(channels=(4, 8), hidden=16, dropout=0.0, output="sigmoid", scaling="min_max")
NARROW = Architecture(channels=(4, 8), hidden=16, dropout=0.0, latent_logvar=(-5.0, -4.0))


@pytest.fixture(autouse=True)
def short_epochs(monkeypatch):
    """Four epochs in 40 steps."""
    monkeypatch.setattr(batches, "SHORTEST_EPOCH", STEPS // 4)


def with_changes(settings, **changed):
    return type(settings).model_validate({**settings.model_dump(), "steps": STEPS, **changed})


def spelt(value):
    """Name of a parameter of a test."""
    if isinstance(value, str):
        return value
    return " ".join(f"{name}={one}" if isinstance(one, str | float) else name for name, one in value.items())


# One technique


def pretrained_by(gridded, folder, **changed):
    """Train; the loss before, the settings, and the history."""
    settings = with_changes(gridded.pretrain, **changed)
    files = [gridded.path("spectra/saxs.h5"), gridded.path("pairs.csv")]
    stage, tensors = begin_pretrain(*files, settings)
    start = stage.eval().val_terms(tensors["val"])["loss"].item()
    pretrain(*files, settings, folder / "w.safetensors", folder / "h.csv", folder / "resume", threads=1)
    loaded = PretrainStage(load_resvae(folder / "w.safetensors"), settings, "saxs", []).eval()
    return start, loaded.val_terms(tensors["val"])["loss"].item(), pd.read_csv(folder / "h.csv")


@pytest.mark.parametrize(
    ("changed", "falls"),
    [
        ({"loss": "mse"}, "reconstruction"),
        ({"loss": "gaussian_nll"}, "reconstruction_gaussian_nll"),
        ({"loss": "chi2"}, "reconstruction_chi2"),
        ({"loss": "binary_cross_entropy", "architecture": UNIT}, "reconstruction_binary_cross_entropy"),
        ({"ssim_weight": 1.0}, "reconstruction_ssim"),
        ({"sparsity_weight": 0.1}, "reconstruction"),
        ({"q_weights": {"saxs": [(0.01, 0.05, 3.0), (0.05, 0.1, 0.0)]}}, "reconstruction"),
        ({"kl_schedule": "cyclic", "kl_cycles": 2}, "reconstruction"),
        ({"kl_schedule": "cosine", "free_bits": 0.1, "sampling_noise": 0.5}, "reconstruction"),
        ({"architecture": NARROW}, "reconstruction"),
        ({"optimizer": "adam", "schedule": "one_cycle"}, "reconstruction"),
        ({"schedule": "step", "renoise": 1.0}, "reconstruction"),
    ],
    ids=spelt,
)
def test_pretraining_learns_and_its_file_predicts_the_same(gridded, tmp_path, changed, falls):
    start, loaded, history = pretrained_by(gridded, tmp_path, **changed)
    assert loaded < start
    assert loaded == pytest.approx(history["val/loss"].min(), rel=1e-5)
    assert history[f"train/{falls}"].iloc[-1] < history[f"train/{falls}"].iloc[0]


def test_sampling_without_noise_decodes_the_mean_code():
    from pairvae.models.resvae import Code

    code = Code(torch.randn(5, 3), torch.zeros(5, 3))
    assert torch.equal(code.sample(0.0), code.mean)
    torch.manual_seed(0)
    twice = code.sample(2.0) - code.mean
    torch.manual_seed(0)
    torch.testing.assert_close(twice, 2 * (code.sample() - code.mean))


# Both techniques


class Joint:
    """Joint training of the small networks."""

    def __init__(self, project, folder, **changed):
        folder.mkdir(exist_ok=True)
        self.settings, self.weights, self.table = (
            with_changes(project.joint_train, **changed),
            folder / "w.safetensors",
            folder / "h.csv",
        )
        self.files = [project.path(name) for name in ("spectra/saxs.h5", "spectra/sans.h5", "pairs.csv")]
        self.begun = [project.path(f"pretrain/{t}.safetensors") for t in ("saxs", "sans")]
        self.resume = folder / "resume"

    def train(self):
        joint_train(*self.files, *self.begun, self.settings, self.weights, self.table, self.resume, threads=1)
        return pd.read_csv(self.table)

    def loss(self, network):
        """Validation loss of a network."""
        torch.manual_seed(0)
        stage = JointStage(network, self.settings, []).eval()
        return stage.val_terms(paired_tensors(*self.files, network, "val"))["loss"].item()

    def start(self):
        from pairvae.train.joint_train import _pretrained_network

        return self.loss(_pretrained_network(*self.begun))


@pytest.mark.parametrize(
    ("changed", "falls"),
    [
        ({"loss": "gaussian_nll", "path_weights": {"sans_from_saxs": 2.0}}, "sans_from_saxs_gaussian_nll"),
        ({"loss": "chi2", "q_weights": {"sans": [(0.01, 0.1, 2.0)]}}, "sans_from_saxs_chi2"),
        ({"ssim_weight": 1.0, "sparsity_weight": 1e-3}, "sans_from_saxs_ssim"),
        ({"projection": [16, 8]}, "barlow_twins"),
        ({"vicreg_weight": 0.01, "barlow_twins_weight": 0.0}, "vicreg"),
        ({"info_nce_weight": 0.3, "projection": [8]}, "info_nce"),
        ({"perceptual_weight": 1.0}, "perceptual"),
        ({"frozen": ["saxs.encoder", "sans.encoder"]}, "sans_from_saxs"),
        ({"frozen": ["saxs.decoder"], "unfreeze_fraction": 0.8}, "sans_from_saxs"),
        ({"kl_schedule": "cyclic", "free_bits": 0.1, "renoise": 0.5, "sampling_noise": 0.5}, "sans_from_saxs"),
    ],
    ids=spelt,
)
def test_joint_training_learns_and_its_file_predicts_the_same(pretrained, tmp_path, changed, falls):
    joint = Joint(pretrained, tmp_path, **changed)
    history = joint.train()
    loaded = joint.loss(load_pairvae(joint.weights)[0])
    assert loaded < joint.start()
    assert loaded == pytest.approx(history["val/loss"].min(), rel=1e-5)
    assert history[f"train/{falls}"].iloc[-1] < history[f"train/{falls}"].iloc[0]


def is_encoder(name):
    return name.split(".")[1] in ("convolutions", "encoder_skip", "encoder", "quantization")


def test_frozen_parts_keep_their_weights_and_the_others_learn(pretrained, tmp_path):
    joint = Joint(pretrained, tmp_path, frozen=["saxs.encoder", "sans.decoder"])
    joint.train()
    after, before = (
        load_weights(joint.weights)[0],
        {
            f"{technique}.{name}": tensor
            for technique, file in zip(("saxs", "sans"), joint.begun, strict=True)
            for name, tensor in load_weights(file)[0].items()
        },
    )
    kept = {name for name in before if torch.equal(before[name], after[name])}
    frozen = {name for name in before if (name[:4] == "saxs") == is_encoder(name)}
    scaler = {name for name in before if name.endswith((".q", ".mean", ".std"))}
    assert kept == frozen | scaler


def test_every_weight_is_of_one_part_and_parts_thaw_from_the_code_outwards(pretrained):
    network = load_resvae(pretrained.path("pretrain/saxs.safetensors"))
    layers = {part: layers_from_code(network, part) for part in ("encoder", "decoder")}
    held = [id(p) for part in layers.values() for layer in part for p in layer.parameters(recurse=False)]
    assert sorted(held) == sorted(id(p) for p in network.parameters())
    assert layers["encoder"][0] is network.encoder.layers[-1]
    assert layers["decoder"][0] is network.decoder.layers[0]

    from pairvae.models.pairvae import PairVAE

    pair = PairVAE(network, load_resvae(pretrained.path("pretrain/sans.safetensors")))
    settings = JointTrain(frozen=("saxs.encoder",), unfreeze_fraction=0.5)
    counts = []
    for share in (0.0, 0.25, 0.5, 1.0):
        freeze(pair, settings, share)
        learns = [next(layer.parameters()).requires_grad for layer in layers["encoder"]]
        assert learns == sorted(learns, reverse=True)
        counts.append(sum(learns))
    assert counts == [0, len(learns) // 2, len(learns), len(learns)]
    assert all(p.requires_grad for p in pair.sans.parameters())


def test_batch_normalisation_holds_its_statistics_while_frozen_and_follows_the_batches_when_thawed():
    from pairvae.models.pairvae import PairVAE

    plain = Architecture(network="vae", channels=(4, 8), hidden=16)
    pair = PairVAE(*(ResVAE(64, 4, plain) for _ in range(2)))
    settings = JointTrain(frozen=("saxs.encoder",), unfreeze_fraction=0.5)
    norms = [m for m in layers_from_code(pair.saxs, "encoder") if isinstance(m, torch.nn.BatchNorm1d)]
    for share, learns in ((0.0, False), (0.5, True)):
        freeze(pair, settings, share)
        assert [norm.training for norm in norms] == [learns] * len(plain.channels)


def test_encoder_that_judges_curves_sees_no_difference_between_equal_ones():
    from pairvae.models.pairvae import PairVAE

    pair = PairVAE(*(ResVAE(64, 4, Architecture(channels=(4, 8), hidden=16, dropout=0.5)) for _ in range(2)))
    for parameter in pair.parameters():
        parameter.data += 0.05
    judge = JointStage(pair.train(), JointTrain(perceptual_weight=1.0), []).judge.saxs
    curves, covariates = torch.randn(8, 64), torch.zeros(8, 0)
    assert losses.perceptual(judge, torch.ones(8, 64), covariates, curves, curves) == 0


@pytest.mark.parametrize(
    ("ranges", "said"),
    [
        (
            [(0.01, 0.1, 2.0), (3.0, 4.0, 2.0)],
            "the range from 3 to 4 holds no point of the grid of saxs, 0.01 to 0.5 1/Å",
        ),
        ([(0.0, 1.0, 0.0)], "weighs 0, so nothing would be learnt"),
    ],
)
def test_q_weights_that_weigh_nothing_are_refused(ranges, said):
    network = ResVAE(64, 4, UNIT)
    network.q.copy_(torch.logspace(-2, math.log10(0.5), 64))
    with pytest.raises(UserError, match=said):
        PretrainStage(network, Pretrain(q_weights={"saxs": ranges}), "saxs", [])


def test_free_bits_of_a_quantised_code_are_refused():
    network = ResVAE(64, 4, Architecture(channels=(4, 8), hidden=16, quantization="vq"))
    check_loss(Pretrain(), network)
    with pytest.raises(UserError, match=r"free_bits is 0\.5, but the KL of a quantised code is a constant"):
        check_loss(Pretrain(free_bits=0.5), network)


def test_training_with_schedules_heads_and_thawing_parts_goes_on_bit_for_bit(pretrained, tmp_path, monkeypatch):
    everything = {
        "optimizer": "adam",
        "schedule": "one_cycle",
        "kl_schedule": "cyclic",
        "frozen": ["saxs.encoder", "sans.decoder"],
        "unfreeze_fraction": 0.7,
        "projection": [8, 8],
        "vicreg_weight": 0.01,
        "perceptual_weight": 0.1,
        "renoise": 0.5,
    }
    killed, whole = (Joint(pretrained, tmp_path / name, **everything) for name in ("killed", "whole"))
    expected = whole.train()
    keep, kept = fit.ResumeFile.on_train_epoch_end, []

    def keep_and_die(self, *arguments):
        keep(self, *arguments)
        kept.append(self)
        if len(kept) == 2:
            raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(fit.ResumeFile, "on_train_epoch_end", keep_and_die)
        with pytest.raises(SystemExit):
            killed.train()
    torch.rand(7)
    found = killed.train()
    pd.testing.assert_frame_equal(found.drop(columns="seconds"), expected.drop(columns="seconds"), check_exact=True)
    ours, theirs = load_weights(killed.weights)[0], load_weights(whole.weights)[0]
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []


# What does not go together


@pytest.mark.parametrize(
    ("kind", "values", "said"),
    [
        (Pretrain, {"loss": "binary_cross_entropy"}, "but architecture.output is linear"),
        (Pretrain, {"kl_weight": 0, "free_bits": 0.5}, "free_bits is 0.5 but kl_weight is 0"),
        (Pretrain, {"q_weights": {"saxs": [[0.1, 0.01, 2]]}}, r"found \[0.1, 0.01, 2\]; expected \[q_min, q_max"),
        (Pretrain, {"architecture": {"latent_logvar": [4, -12]}}, r"latent_logvar is \[4, -12\]; expected the lower"),
        (JointTrain, {"unfreeze_fraction": 0.5}, "but frozen is empty"),
        (JointTrain, {"projection": [8], "barlow_twins_weight": 0}, "but no term uses it"),
        (
            JointTrain,
            {"frozen": ["saxs.encoder", "sans.encoder"], "vicreg_weight": 1},
            "but vicreg_weight ask for other",
        ),
        (Pair, {"folds": 5, "test_fraction": 0.2}, "test_fraction is 0.2 and folds is 5"),
        (JointTrain, {"projection": [8, 1]}, "expected widths of at least 2"),
        (JointTrain, {"cross_weight": 0}, "both cross-predictions have a weight of 0"),
        (JointTrain, {"path_weights": {"saxs_from_saxs": -1}}, "must not be negative"),
        (
            JointTrain,
            {"frozen": ["saxs.encoder", "saxs.decoder", "sans.encoder", "sans.decoder"]},
            "so nothing would learn",
        ),
    ],
)
def test_settings_that_exclude_each_other_are_refused_with_a_sentence(kind, values, said):
    with pytest.raises(UserError, match=said) as caught:
        parse(kind, values, "my.yaml")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("my.yaml: ")


def test_joint_training_by_cross_entropy_refuses_networks_that_decode_other_numbers(pretrained, tmp_path):
    joint = Joint(pretrained, tmp_path, loss="binary_cross_entropy")
    with pytest.raises(
        UserError, match="needs curves between 0 and 1, but a network is scale-free or has a linear output"
    ):
        joint.train()
    assert not joint.weights.exists()
    network = load_resvae(joint.begun[0])
    network.output = "sigmoid"
    check_loss(joint.settings, network)
    network.scale_free = True
    with pytest.raises(UserError, match="is scale-free"):
        check_loss(joint.settings, network)


def test_weights_of_the_other_techniques_q_ranges_are_refused(gridded, tmp_path):
    with pytest.raises(UserError, match="q_weights names sans, but this network sees saxs curves only"):
        pretrained_by(gridded, tmp_path, q_weights={"sans": [(0.01, 0.1, 2.0)]})
