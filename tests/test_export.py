"""The model in other programs, and for other people."""

import json
import sys

import numpy as np
import pytest

from pairvae.cli.app import main
from pairvae.models.predict import codes, predict
from pairvae.models.tensors import paired_tensors, take
from pairvae.techniques import PATHS, ends
from pairvae.use.model_card import model_card

onnxruntime = pytest.importorskip("onnxruntime", reason="pip install 'pairvae[test]'")


@pytest.fixture(scope="module")
def exported(evaluated):
    """What `pairvae export` wrote."""
    folder = evaluated.path("exported")
    options = ["--model", evaluated.path("model"), "--metrics", evaluated.path("evaluated/metrics.json")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["pairvae", "export", *map(str, options), "--output", str(folder)])
        with pytest.raises(SystemExit) as ended:
            main()
    assert ended.value.code == 0
    assert {path.name for path in folder.iterdir()} == {"model_card.md", *(f"{path}.onnx" for path in PATHS)}
    return folder


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("rows", [1, 7])
def test_onnx_gives_the_numbers_of_the_model(exported, evaluated, model, path, rows):
    target, source = ends(path)
    files = [evaluated.path(name) for name in ("spectra/saxs.h5", "spectra/sans.h5", "pairs.csv")]
    of = {t: take(curves, slice(rows)) for t, curves in paired_tensors(*files, model.network, "test").items()}
    session = onnxruntime.InferenceSession(exported / f"{path}.onnx", providers=["CPUExecutionProvider"])
    given = {
        "log_intensity": of[source]["log_intensity"].numpy(),
        "mask": of[source]["mask"].numpy(),
        "source_covariates": of[source]["covariates"].numpy(),
        "target_covariates": of[target]["covariates"].numpy(),
    }
    found = session.run(["predicted_log_intensity", "lower", "upper"], given)
    middle, std = predict(model.network, path, codes(model.network, source, of[source]), of[target]["covariates"])
    half = model.calibration.bands[path].band.numpy() * std
    expected = (middle, middle - half, middle + half)
    for values, right in zip(found, expected, strict=True):
        np.testing.assert_allclose(values, right, atol=1e-4)


def test_onnx_says_what_its_numbers_mean(exported, model):
    session = onnxruntime.InferenceSession(exported / "sans_from_saxs.onnx", providers=["CPUExecutionProvider"])
    facts = json.loads(session.get_modelmeta().custom_metadata_map["pairvae"])
    np.testing.assert_array_equal(facts["source_q"], model.q("saxs"))
    np.testing.assert_array_equal(facts["target_q"], model.q("sans"))
    assert [one["name"] for one in facts["source_covariates"]] == ["d2o_fraction", "material"]
    assert facts["coverage"] == 0.9


def test_card_says_what_the_model_was_trained_on_and_how_good_it_is(exported, evaluated, model):
    card = (exported / "model_card.md").read_text(encoding="utf-8")
    metrics = json.loads(evaluated.path("evaluated/metrics.json").read_text(encoding="utf-8"))
    assert f"{model.about['pairs']['train']} pairs" in card
    assert "An ensemble of 2 PairVAEs" in card
    assert f"| SANS from SAXS | {metrics['paths']['sans_from_saxs']['rmse_truth']:.3f} | truth |" in card
    assert "| d2o_fraction | 0 to 1 |" in card
    for name in ("silica", "latex", model.about["versions"]["torch"], *model.about["inputs_sha256"].values()):
        assert name in card


def test_card_of_measured_samples_scores_against_what_was_measured(evaluated, model):
    metrics = json.loads(evaluated.path("without_truth/metrics.json").read_text(encoding="utf-8"))
    card = model_card(model.about, metrics)
    assert f"| SAXS from SANS | {metrics['paths']['saxs_from_sans']['rmse_measured']:.3f} | measured |" in card
    assert "No metrics.json was named" in model_card(model.about, None)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"paths": 3}'])
def test_metrics_that_are_none_are_refused(pairvae, evaluated, tmp_path, text):
    (tmp_path / "metrics.json").write_text(text)
    options = ("--model", evaluated.path("model"), "--output", tmp_path / "new", "--metrics", tmp_path / "metrics.json")
    code, _, err = pairvae("export", *options)
    assert code == 2
    assert "metrics.json" in err
    assert not (tmp_path / "new").exists()
