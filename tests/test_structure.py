"""`pairvae structure`: the networks of a configuration, before anything is trained."""

from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from pairvae.report.structure import layer_rows, networks_of
from pairvae.settings import Settings
from pairvae.settings.parse import parse

CONFIGS = Path(__file__).parents[1] / "configs"

SMALL = """
latent_dim: 6
covariates: [d2o_fraction]
normalize: {saxs: {grid: {points: 64}}, sans: {grid: {points: 50}}}
pretrain:
  saxs: {architecture: {channels: [4, 8], hidden: 16}}
  sans:
    architecture:
      hidden: 16
      encoder: [conv 2 8 3, 2*res 8 8, down 8 16, vq 32]
      decoder: [up 16 8, conv 8 1 3]
"""


@pytest.fixture
def small(tmp_path):
    (tmp_path / "run.yaml").write_text(SMALL)
    return tmp_path / "run.yaml"


def test_table_names_every_layer_with_its_shape_and_all_weights(small, pairvae, tmp_path):
    code, out, err = pairvae("structure", small, "--plot", tmp_path / "drawn.html")
    assert code == 0, err
    networks = networks_of(small)
    for network in networks.values():
        total = sum(parameter.numel() for parameter in network.parameters())
        assert sum(row.parameters for row in layer_rows(network)) == total
        assert f"{total:,} weights" in out
    assert networks["sans"].latent_dim == 6
    assert out.count("res 8 8") == 2
    assert "16 × 25" in out
    html = (tmp_path / "drawn.html").read_text(encoding="utf-8")
    assert "down 8 16" in html
    assert "src=" not in html.split("</script>")[-1]


def test_layers_that_do_not_fit_are_one_sentence_with_file_and_technique(small, pairvae):
    small.write_text(SMALL.replace("down 8 16", "down 4 16"))
    code, _, err = pairvae("structure", small)
    assert code == 2
    assert "run.yaml: pretrain.sans.architecture: encoder, layer 3 'down 4 16': expects the shape [4, …]" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "said"), [("- 1", "expected a run's settings"), ("a: [", "cannot be read as YAML"), ("sed: 1", "seed")]
)
def test_file_that_is_no_configuration_is_refused(tmp_path, pairvae, text, said):
    (tmp_path / "wrong.yaml").write_text(text)
    code, _, err = pairvae("structure", tmp_path / "wrong.yaml")
    assert code == 2
    assert said in err


def test_drawing_is_html_or_nothing(small, pairvae, tmp_path):
    code, _, err = pairvae("structure", small, "--plot", tmp_path / "drawn.pdf")
    assert (code, (tmp_path / "drawn.pdf").exists()) == (2, False)
    assert "is no HTML file" in err


def published_weights(points=1000, latent=64):
    """Numbers of the published ResVAE, layer by layer: convolutions of 3 points, 1 point in the skips."""
    channels = [1, 8, 16, 32, 64, 128, 256, 512]
    length = -(-points // 2 ** (len(channels) - 1))
    features = channels[-1] * length
    down = sum(3 * a * b + b + 3 * b * b + b + a * b + b for a, b in pairwise(channels))
    up = sum(3 * a * b + b + 3 * b * b + b + a * b for a, b in pairwise(reversed(channels)))
    widths = [latent, features // 4, features // 2, features]
    linear = sum(a * b + b for a, b in pairwise(widths)) + sum(a * b + b for a, b in pairwise(widths[:0:-1]))
    return down + up + linear + 2 * (features // 4 * latent + latent)


def test_published_configuration_is_valid_and_has_the_published_number_of_weights():
    file = CONFIGS / "published.yaml"
    settings = parse(Settings, yaml.safe_load(file.read_text()), file.name)
    assert settings.joint_train.kl_weight == settings.pretrain.saxs.kl_weight == 1e-7
    assert settings.joint_train.barlow_twins_weight == 1e-5
    for network in networks_of(file).values():
        assert network.latent_dim == 64
        weights = sum(parameter.numel() for parameter in network.parameters())
        assert weights == pytest.approx(published_weights(), rel=0.01)
        assert network.decoder.skip is None
        assert network.scaling == "min_max"
