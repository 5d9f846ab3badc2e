"""The numbers of metrics.json, computed again from predictions.h5."""

import inspect
import json
from importlib import import_module

import h5py
import numpy as np
import pytest
import torch

from pairvae.evaluation.retrieval import retrieval
from pairvae.prepare.pair import complete_pairs, read_pairs, rows_of
from pairvae.prepare.spectra_file import load_spectra
from pairvae.techniques import CROSS_PATHS, PATHS, ends


@pytest.fixture(scope="module")
def metrics(evaluated):
    return json.loads(evaluated.path("evaluated/metrics.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def predictions(evaluated):
    """Every array of predictions.h5 by its name."""
    found = {}
    with h5py.File(evaluated.path("evaluated/predictions.h5")) as file:
        file.visititems(lambda name, node: found.update({name: node[()]}) if isinstance(node, h5py.Dataset) else None)
    return found


def rms(values, axis=None):
    return np.sqrt(np.nanmean(np.asarray(values, float) ** 2, axis=axis))


def test_measured_curves_are_those_of_the_test_split(evaluated, predictions):
    table = complete_pairs(read_pairs(evaluated.path("pairs.csv")), "test")
    assert [name.decode() for name in predictions["sample_id"]] == table["sample_id"].tolist()
    for t in ("saxs", "sans"):
        spectra = load_spectra(evaluated.path(f"spectra/{t}.h5"), rows_of(table, t))
        np.testing.assert_array_equal(predictions[f"measured/{t}/log_intensity"], spectra.log_intensity)
        np.testing.assert_array_equal(predictions[f"q/{t}"], spectra.q)


def test_truth_is_the_closed_form_of_the_spheres(evaluated, predictions):
    spheres = {one.name: one for one in evaluated.samples}
    for t in ("saxs", "sans"):
        for name, row in zip(predictions["sample_id"], predictions[f"truth/{t}/log_intensity"], strict=True):
            exact = np.log10(spheres[name.decode()].intensity(t, predictions[f"q/{t}"]))
            assert rms(row - exact) < 0.02  # interpolated between the measured q


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("against", ["truth", "measured"])
def test_errors_of_log_intensity(metrics, predictions, path, against):
    target, _ = ends(path)
    measured = predictions[f"measured/{target}/log_intensity"]
    known = predictions[f"{against}/{target}/log_intensity"]
    difference = np.where(np.isfinite(measured), predictions[f"predicted/{path}/log_intensity"] - known, np.nan)
    per_sample = rms(difference, axis=1)
    found = metrics["paths"][path]
    assert found[f"rmse_{against}"] == pytest.approx(rms(per_sample), rel=1e-5)
    assert found[f"median_{against}"] == pytest.approx(np.median(per_sample), rel=1e-5)
    assert found[f"p90_{against}"] == pytest.approx(np.percentile(per_sample, 90), rel=1e-5)
    if against == "truth":
        np.testing.assert_allclose(predictions[f"error/{path}"], per_sample, rtol=1e-5)


@pytest.mark.parametrize("path", PATHS)
def test_bands_and_chi_square(metrics, predictions, path):
    target, _ = ends(path)
    measured, sigma = (predictions[f"measured/{target}/{name}"] for name in ("log_intensity", "log_sigma"))
    middle, lower, upper = (predictions[f"predicted/{path}/{n}"] for n in ("log_intensity", "lower", "upper"))
    mask = np.isfinite(measured)
    found = metrics["paths"][path]
    inside = (measured >= lower) & (measured <= upper)
    assert found["coverage"] == pytest.approx(inside[mask].mean(), abs=2 / mask.sum())
    assert found["band_width_dex"] == pytest.approx((upper - lower)[mask].mean(), rel=1e-5)
    chi_square = [
        np.mean(((middle[i] - measured[i]) / sigma[i])[mask[i]].astype(float) ** 2) for i in range(len(measured))
    ]
    assert found["reduced_chi2"] == pytest.approx(np.median(chi_square), rel=1e-4)
    assert (lower < middle).all()
    assert (middle < upper).all()


def test_materials_are_scored_apart(metrics, predictions):
    material = np.array([name.decode() for name in predictions["material"]])
    for path in PATHS:
        found = metrics["paths"][path]["by_material"]
        assert set(found) == set(material) == {"silica", "latex"}
        for kind, scores in found.items():
            assert scores["samples"] == (material == kind).sum()
            error = predictions[f"error/{path}"][material == kind]
            assert scores["rmse_truth"] == pytest.approx(rms(error), rel=1e-5)


def test_baselines_are_scored_like_the_model(metrics, predictions):
    for name, paths in metrics["baselines"].items():
        for path, found in paths.items():
            target, _ = ends(path)
            truth = predictions[f"truth/{target}/log_intensity"]
            mask = np.isfinite(predictions[f"measured/{target}/log_intensity"])
            guess = predictions[f"baseline/{name}/{path}"]
            error = rms(np.where(mask, guess - truth, np.nan), axis=1)
            assert found["rmse_truth"] == pytest.approx(rms(error), rel=1e-5)
            gain = 1 - metrics["paths"][path]["rmse_truth"] / rms(error)
            assert metrics["gain_over"][path][name] == pytest.approx(gain, rel=1e-4, abs=1e-5)


def test_retrieval_is_that_of_a_search_by_hand(metrics, predictions):
    codes = {t: predictions[f"latent/{t}"].astype(float) for t in ("saxs", "sans")}
    scale = np.std(np.concatenate([*codes.values()]), axis=0)
    for asking, answering in (("saxs", "sans"), ("sans", "saxs")):
        places = []
        for i, one in enumerate(codes[asking]):
            distance = [np.linalg.norm((one - other) / scale) for other in codes[answering]]
            places.append(sorted(range(len(distance)), key=distance.__getitem__).index(i))
        found = metrics["retrieval"][f"{answering}_of_{asking}"]
        assert found["top1"] == pytest.approx(np.mean(np.array(places) == 0))
        assert found["top5"] == pytest.approx(np.mean(np.array(places) < 5))
        assert found["candidates"] == len(places)


def test_codes_that_are_all_alike_retrieve_nothing():
    same = np.ones((50, 4))
    assert retrieval(same, same)["top1"] == 0
    assert retrieval(same, same)["top5"] == 0


def test_codes_that_agree_retrieve_everything():
    codes = np.random.default_rng(0).normal(size=(50, 4))
    assert retrieval(codes, codes) == {"top1": 1, "top5": 1, "candidates": 50}


def test_novelty_is_counted(metrics, predictions):
    for t in ("saxs", "sans"):
        novelty = predictions[f"novelty/{t}"]
        assert metrics["novelty"][t]["median"] == pytest.approx(np.median(novelty), rel=1e-5)
        assert metrics["novelty"][t]["share_above_1"] == pytest.approx((novelty > 1).mean())


def test_wrong_units_and_background_are_tried_on_the_test_curves(metrics):
    for technique in ("saxs", "sans"):
        found = metrics["novelty"][technique]["found"]
        assert len(found) == 5
        assert all(one["samples"] > 0 for one in found.values())
        # so few training samples do not show every mistake; most of them they do
        assert np.mean([one["share_above_1"] for one in found.values()]) > 0.5


def test_wrong_units_are_what_their_names_say():
    from pairvae.evaluation.spoilt_curves import background, brighter, stretched

    q = np.geomspace(0.01, 1, 101)
    curve = {
        "log_intensity": torch.from_numpy(-4 * np.log10(q)[None]),
        "log_sigma": torch.full((1, 101), 0.01, dtype=torch.float64),
        "mask": torch.ones(1, 101, dtype=torch.float64),
        "covariates": torch.zeros(1, 0),
    }
    far = stretched(curve, q, 10)
    seen = far["mask"][0].numpy() > 0
    assert q[seen][0] == pytest.approx(0.1)
    np.testing.assert_allclose(far["log_intensity"][0].numpy()[seen], -4 * np.log10(q[seen] / 10), atol=1e-6)
    np.testing.assert_allclose(brighter(curve, 100)["log_intensity"], curve["log_intensity"] + 2)
    flat = background(curve, 0.3)["log_intensity"][0].numpy()
    assert flat.std() == pytest.approx(0.01, rel=0.3)
    assert -0.5 < np.log10(np.mean(10**flat)) - curve["log_intensity"][0, -1] < 0.5


@pytest.mark.parametrize("path", CROSS_PATHS)
def test_errors_are_given_as_a_function_of_what_is_hidden(metrics, path):
    whole = metrics["paths"][path]
    for place, rows in metrics["hidden_ranges"][path].items():
        assert [row["hidden"] for row in rows] == [0, 0.1, 0.25, 0.5, 0.75], place
        for name in ("rmse_truth", "coverage", "band_width_dex"):
            assert rows[0][name] == pytest.approx(whole[name])
    hidden = metrics["hidden_ranges"][path]["low"]
    assert hidden[-1]["rmse_truth"] > hidden[0]["rmse_truth"]
    assert metrics["unknown_covariates"][path]["samples"] == whole["samples"]


@pytest.mark.parametrize("path", PATHS)
def test_bands_by_third_for_whole_curves_and_beside_one_width_for_all(metrics, predictions, path):
    target, _ = ends(path)
    measured = predictions[f"measured/{target}/log_intensity"]
    lower, upper = (predictions[f"predicted/{path}/{name}"] for name in ("lower", "upper"))
    mask, inside = np.isfinite(measured), (measured >= lower) & (measured <= upper)
    found = metrics["paths"][path]
    for third, share in zip(np.array_split(np.arange(mask.shape[1]), 3), found["coverage_by_third"], strict=True):
        assert share == pytest.approx(inside[:, third][mask[:, third]].mean(), abs=0.01)
    assert found["coverage_of_curves"] == pytest.approx((inside | ~mask).all(axis=1).mean(), abs=0.1)
    assert found["joint"]["coverage_of_curves"] >= found["coverage_of_curves"]
    assert found["joint"]["band_width_dex"] > found["band_width_dex"]
    ratio = found["band_width_dex"] / found["band_width_of_constant_dex"]
    assert found["band_width_over_constant"] == pytest.approx(ratio)


# Truth


def test_without_truth_its_metrics_are_null_and_the_others_the_same(evaluated, metrics):
    blind = json.loads(evaluated.path("without_truth/metrics.json").read_text(encoding="utf-8"))
    for path in PATHS:
        for name, value in metrics["paths"][path].items():
            if name == "by_material":
                continue
            found = blind["paths"][path][name]
            assert found is None if name.endswith("_truth") else found == value
    for path in CROSS_PATHS:
        mean_curve = blind["baselines"]["mean_curve"][path]["rmse_measured"]
        gain = 1 - blind["paths"][path]["rmse_measured"] / mean_curve
        assert blind["gain_over"][path]["mean_curve"] == pytest.approx(gain)
    with h5py.File(evaluated.path("without_truth/predictions.h5")) as file:
        assert "truth" not in file


@pytest.mark.parametrize(
    "stage",
    [
        "prepare.normalize.normalize",
        "prepare.pair.pair",
        "train.pretrain.pretrain",
        "train.joint_train.joint_train",
        "trust.calibrate.calibrate",
        "evaluation.baselines.baselines",
    ],
)
def test_truth_never_reaches_a_stage_that_learns(stage):
    module, name = stage.rsplit(".", 1)
    function = getattr(import_module(f"pairvae.{module}"), name)
    assert not [argument for argument in inspect.signature(function).parameters if "truth" in argument]


def test_metrics_hold_no_number_that_json_does_not_know(evaluated):
    text = evaluated.path("evaluated/metrics.json").read_text(encoding="utf-8")
    assert not {"NaN", "Infinity"} & set(text.replace(",", " ").split())
