"""What the figures of the report show, on numbers whose answer is known."""

import base64
import gzip
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_up_run import CROSS, HOSTILE, write_predictions
from scipy.stats import norm

from pairvae.evaluation.predictions_file import read_predictions
from pairvae.report.figures.curves import curves, examples, packed
from pairvae.report.figures.errors import coverage_against_level, error_against_q
from pairvae.report.figures.latent import code_correlation, information, latent_map, marginals
from pairvae.report.figures.training import loss_curves


@pytest.fixture(scope="module")
def predictions(tmp_path_factory):
    path = tmp_path_factory.mktemp("predictions") / "predictions.h5"
    write_predictions(path, 40)
    return read_predictions(path)


def changed(predictions, **arrays):
    """The same with other arrays; a double underscore stands for the slash of a name."""
    named = {name.replace("__", "/"): values for name, values in arrays.items()}
    return replace(predictions, arrays=predictions.arrays | named)


def test_examples_are_the_best_the_median_and_the_worst_sample(predictions):
    found = examples(predictions, "sans_from_saxs")
    error = predictions["error/sans_from_saxs"]
    assert list(found) == ["best", "median", "worst"]
    np.testing.assert_allclose([error[row] for row in found.values()], np.sort(error)[[0, 19, 39]])
    assert predictions.sample[found["best"]] == HOSTILE


def test_residuals_are_in_units_of_sigma(predictions):
    figure = curves(predictions, "saxs_from_sans", {"": 7})
    away = (predictions["measured/saxs/log_intensity"] - predictions["predicted/saxs_from_sans/log_intensity"])[7]
    np.testing.assert_allclose(figure.data[5].y, away / predictions["measured/saxs/log_sigma"][7], rtol=1e-4)


def test_error_against_q_is_the_root_mean_square_over_measured_points(predictions):
    figure = error_against_q(predictions, "saxs_from_sans")
    away = predictions["predicted/saxs_from_sans/log_intensity"] - predictions["truth/saxs/log_intensity"]
    expected = np.sqrt((away.astype(float) ** 2).mean(0))
    expected[-3:] = np.nan  # never measured
    names = ["PairVAE", "copied curve", "direct network", "mean curve", "nearest neighbours"]
    assert [trace.name for trace in figure.data] == names
    np.testing.assert_allclose(figure.data[0].y, expected, rtol=1e-4)


def test_normal_errors_are_covered_at_every_level_as_promised(predictions):
    random, shape = np.random.default_rng(3), predictions["predicted/sans_from_saxs/lower"].shape
    middle, half = np.zeros(shape), np.full(shape, norm.ppf(0.95) * 0.1)
    known = changed(
        predictions,
        measured__sans__log_intensity=0.1 * random.standard_normal(shape),
        **{"predicted__sans_from_saxs__log_intensity": middle},
        predicted__sans_from_saxs__lower=middle - half,
        predicted__sans_from_saxs__upper=middle + half,
    )
    trace = next(t for t in coverage_against_level(known, 0.9).data if t.name == "SANS from SAXS")
    np.testing.assert_allclose(trace.y, trace.x, atol=0.04)


def test_partners_with_equal_codes_correlate_fully_and_lie_together(predictions):
    equal = changed(predictions, latent__sans=predictions["latent/saxs"])
    correlation, places = code_correlation(equal).data[0].z, latent_map(equal, np.arange(10)).data
    np.testing.assert_allclose(np.diag(correlation), 1, atol=1e-3)
    lines = np.asarray(places[0].x).reshape(-1, 3)
    assert len(lines) == 10
    np.testing.assert_array_equal(lines[:, 0], lines[:, 1])


def test_codes_of_the_prior_have_the_quartiles_of_the_unit_normal(predictions):
    shape = predictions["latent/saxs"].shape
    unit = {"latent__saxs": np.zeros(shape, np.float32), "latent_logvar__saxs": np.zeros(shape, np.float32)}
    box = marginals(changed(predictions, **unit)).data[0]
    for found, share in ((box.q1, 0.25), (box.median, 0.5), (box.q3, 0.75), (box.upperfence, 0.95)):
        np.testing.assert_allclose(found, norm.ppf(share), atol=0.25)


def test_components_are_ranked_by_what_they_say(predictions):
    mean = np.zeros_like(predictions["latent/saxs"])
    mean[:, 3], mean[::2, 5] = 2, 2
    known = {"latent__saxs": mean, "latent_logvar__saxs": np.zeros_like(mean)}
    ranked = information(changed(predictions, **known)).data[0]
    assert ranked.text[:2] == ("component 3", "component 5")
    np.testing.assert_allclose(ranked.y, [2, 1] + [0] * (mean.shape[1] - 2))  # KL of N(μ, 1) from N(0, 1) is μ²/2


def test_many_materials_stay_a_short_legend(predictions):
    many = replace(predictions, material=np.array([f"m{i}" for i in range(40)], dtype=object))
    legend = [trace.name for trace in latent_map(many, np.arange(40)).data if trace.showlegend]
    assert len(legend) == 12
    assert "other" in legend


def test_loss_terms_that_turn_negative_get_a_linear_axis():
    history = pd.DataFrame(
        {"epoch": [0, 1], "train/kl": [2.0, 1.0], "train/error": [0.5, -1.0], "kl_weight": [0, 1e-3]}
    )
    figure = loss_curves(history)
    assert figure.layout.yaxis.type == "log"
    assert figure.layout.yaxis2.type != "log"
    rows = {trace.name: trace.yaxis for trace in figure.data}
    assert rows == {"KL divergence": "y", "likelihood of the error": "y2", "KL weight β": "y3"}
    assert list(figure.data[0].x) == [1, 2]


def test_packed_curves_come_back_within_their_step(predictions):
    rows = np.array([3, 0, 39])
    content = packed(predictions, rows)
    steps = np.frombuffer(gzip.decompress(base64.b64decode(content["data"])), "<i2")
    start = 0
    for part in content["parts"]:
        size = len(rows) * part["points"]
        levels = np.cumsum(steps[start : start + size].reshape(len(rows), -1), axis=1, dtype=np.int16)
        values = np.where(levels == -32768, np.nan, levels * part["step"])
        start += size
        kind, name = part["name"].split("/")
        if kind in ("measured", "predicted", "truth"):
            np.testing.assert_allclose(
                values, predictions[f"{kind}/{name}/log_intensity"][rows], atol=0.51 * part["step"]
            )
    assert start == steps.size
    assert {part["name"].split("/")[1] for part in content["parts"]} == {"saxs", "sans", *CROSS}
