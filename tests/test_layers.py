"""Layers as text: which there are, what they become, and what is said of those that do not fit."""

import pytest
import torch

from pairvae.errors import UserError
from pairvae.models.layers import build, stride
from pairvae.models.resvae import ResVAE
from pairvae.settings import Architecture, Pretrain
from pairvae.settings.layer_text import LAYERS, parse_layer
from pairvae.settings.parse import parse

# One text per name and the shape (channel, length) behind it, where (8, 12) comes in.
EXAMPLES = {
    "res 8 4": (4, 12),
    "down 8 16 3": (16, 6),
    "up 8 4": (4, 24),
    "bottleneck 8 8": (8, 12),
    "attention 8 2": (8, 12),
    "squeeze_excitation 8 4": (8, 12),
    "vq 16": (8, 12),
    "fsq 8 5 5 5": (8, 12),
    "conv 8 16 5 2": (16, 6),
    "transposed_conv 8 4 4 2": (4, 24),
    "flatten": (96,),
    "interleave 2": (4, 24),
    "upsample 3": (8, 36),
    "linear_upsample 2": (8, 24),
    "max_pool 2": (8, 6),
    "average_pool 3": (8, 4),
    "power_pool 2 2": (8, 6),
    "adaptive_max_pool 5": (8, 5),
    "adaptive_average_pool 1": (8, 1),
    "zero_pad 2": (8, 16),
    "reflection_pad 1": (8, 14),
    "replication_pad 1": (8, 14),
    "circular_pad 1": (8, 14),
    "group_norm 4": (8, 12),
    "local_response_norm 3": (8, 12),
    "dropout 0.1": (8, 12),
    "channel_dropout 0.1": (8, 12),
    "alpha_dropout 0.1": (8, 12),
    "glu": (4, 12),
    "linear 12 7": (8, 7),
    "unflatten 4 2": (4, 2, 12),
}
SAME = sorted(set(LAYERS) - {text.split()[0] for text in EXAMPLES})


def architecture(**changed):
    return Architecture(**changed).filled()


@pytest.mark.parametrize("text", [*EXAMPLES, *SAME])
def test_every_layer_has_the_shape_that_its_numbers_say(text):
    (layer,) = build([text], (8, 12), architecture(), "encoder")
    assert layer.shape == EXAMPLES.get(text, (8, 12))
    assert layer.module(torch.randn(3, 8, 12)).shape == (3, *layer.shape)


@pytest.mark.parametrize("text", sorted(set(EXAMPLES) - {"linear 12 7", "flatten", "interleave 2", "unflatten 4 2"}))
def test_in_two_dimensions_rows_and_columns_fare_alike(text):
    (layer,) = build([text], (8, 12, 12), architecture(image=(12, 12)), "encoder")
    channels, length = EXAMPLES[text]
    assert layer.shape == (channels, length, length)


def test_interleave_in_two_dimensions_takes_channels_for_rows_and_columns():
    (layer,) = build(["interleave 2"], (8, 12, 12), architecture(image=(12, 12)), "decoder")
    assert layer.shape == (2, 24, 24)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"image": (12, 12)},
        {"block": "bottleneck", "squeeze_excitation": True},
        {"upsampling": "transposed"},
        {"normalization": "batch"},
        {"attention": 4},
        {"network": "vae"},
    ],
)
def test_shapes_of_presets_are_known_without_running_a_layer(changed, monkeypatch):
    def run(*_):
        raise AssertionError("a layer was run")

    monkeypatch.setattr(torch.nn.Module, "__call__", run)
    points = 144 if "image" in changed else 50
    network = ResVAE(points, 4, Architecture(channels=(8, 16), hidden=32, **changed))
    monkeypatch.undo()
    layers = [*network.encoder.built, *network.decoder.built]
    lengths = [length + more for length, more in zip(network.shape, network.encoder.padding, strict=True)]
    x = torch.zeros(2, layers[0].module.in_channels, *lengths)
    for layer in layers:
        x = layer.module.eval()(x)
        assert layer.shape == x.shape[1:]


def test_multiplier_repeats_a_layer_with_weights_of_its_own():
    layers = build(["2*res 8 8", "silu"], (8, 12), architecture(), "encoder")
    assert [(layer.place, layer.text) for layer in layers] == [(1, "res 8 8"), (1, "res 8 8"), (2, "silu")]
    weights = [layer.module.branch[2].weight for layer in layers[:2]]
    assert not torch.equal(*weights)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("conf 1 2 3", "'conf' is no layer; the nearest is 'conv'"),
        ("__import__", "is no layer"),
        ("torch.nn.ReLU", "is no layer"),
        ("conv 1 2", "conv takes 3 to 7 numbers; found 2"),
        ("silu 3", "silu takes 0 numbers; found 1"),
        ("fsq", "fsq takes 1 or more numbers; found 0"),
        ("conv 1 two 3", "expected numbers behind conv"),
        ("0*silu", "expected a whole number before"),
        ("x*silu", "expected a whole number before"),
        ("dropout 1e999", "expected finite numbers"),
        ("", "is no layer"),
    ],
)
def test_text_that_is_no_layer_is_refused_by_the_settings_with_its_place(text, said):
    values = {"architecture": {"encoder": ["silu", text], "decoder": ["silu"]}}
    with pytest.raises(UserError, match=r"^mine: architecture\.encoder: .*layer 2 of the list") as caught:
        parse(Pretrain, values, "mine")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("encoder", "said"),
    [
        (["conv 1 8 3"], r"encoder, layer 1 'conv 1 8 3': expects the shape \[1, …\], .* has \[2, 50\]"),
        (
            ["conv 2 8 3", "silu", "res 4 4"],
            r"encoder, layer 3 'res 4 4': expects the shape \[4, …\], .* has \[8, 50\]",
        ),
        (["conv 2 6 3", "group_norm 4"], r"layer 2 'group_norm 4': cannot be made for the shape \[6, 50\]"),
        (["conv 2 6 3", "attention 6 4"], r"layer 2 'attention 6 4': cannot be made for the shape \[6, 50\]"),
        (["conv 2 6 3", "fsq 5 5 5 5"], r"layer 2 'fsq 5 5 5 5': 4 numbers of levels.* \[6, 50\]"),
        (["conv 2 6 3", "flatten", "linear 100 16"], r"layer 3 'linear 100 16': expects the shape \[100\].* \[300\]"),
        (["conv 2 6 3", "reflection_pad 60"], r"layer 2 'reflection_pad 60': cannot take the shape \[6, 50\]"),
        (["conv 2 6 3", "30*down 6 6"], r"encoder: shortens a curve by a factor of 1073741824; .* \[50\]"),
        (["conv 2 6 2.5"], r"layer 1 'conv 2 6 2.5': cannot be made"),
    ],
)
def test_layers_that_do_not_fit_are_named_with_both_shapes_before_training(encoder, said):
    settings = Architecture(encoder=tuple(encoder), decoder=("conv 6 1 3",))
    with pytest.raises(UserError, match=said) as caught:
        ResVAE(50, 4, settings)
    assert "\n" not in str(caught.value)


def test_decoder_that_ends_with_another_shape_is_refused():
    settings = Architecture(encoder=("conv 2 8 3 4",), decoder=("up 8 4", "conv 4 1 3"))
    with pytest.raises(UserError, match=r"layer 2 'conv 4 1 3': ends with the shape \[1, 26\]; expected \[1, 50\]"):
        ResVAE(50, 4, settings)


def test_lists_that_say_what_the_settings_say_are_the_same_network():
    channels = {"hidden": 32, "dropout": 0.0, "slopes": (4,)}
    lists = {
        "encoder": ("conv 3 4 7 4", "down 4 8", "silu"),
        "decoder": ("up 8 4", "silu", "conv 4 4 7", "interleave 4"),
    }
    states = []
    for settings in (Architecture(**channels, channels=(4, 8)), Architecture(**channels, **lists)):
        torch.manual_seed(0)
        states.append(ResVAE(50, 4, settings).state_dict())
    assert list(states[0]) == list(states[1])
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_curve_is_lengthened_to_a_multiple_of_all_strides():
    assert stride(["conv 2 4 7 4", "2*down 4 4", "max_pool 3", "silu"]) == 48
    assert [parse_layer("2*down 4 4").times, parse_layer("down 4 4").times] == [2, 1]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"output": "sigmoid"}, "set scaling: min_max"),
        ({"encoder": ["silu"]}, "given together"),
        ({"encoder": ["silu"], "decoder": ["silu"], "channels": [4]}, "leave out channels"),
        ({"network": "vae", "block": "bottleneck", "attention": 4}, "leave out block, attention"),
        ({"attention": 5}, "5 heads do not divide 64 channels"),
        ({"kernel_size": 4}, "expected an odd number"),
        ({"quantization": "fsq", "levels": [8, 1]}, "at least 2 levels"),
    ],
)
def test_choices_that_exclude_each_other_are_refused(values, said):
    with pytest.raises(UserError) as caught:
        parse(Pretrain, {"architecture": values}, "mine")
    assert said in str(caught.value)


def test_code_must_be_a_whole_number_of_quantised_vectors():
    with pytest.raises(UserError, match="10 components are no whole number of codes of 4"):
        parse(Pretrain, {"latent_dim": 10, "architecture": {"quantization": "vq"}}, "mine")
    parse(Pretrain, {"latent_dim": 10, "architecture": {"quantization": "fsq", "levels": [5, 5]}}, "mine")
