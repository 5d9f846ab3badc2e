"""Curves to latent codes."""

from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from pairvae.prepare.pair import complete_pairs, read_pairs
from pairvae.scattering.curves_file import CurvesFile


def test_codes_are_those_of_the_evaluation(evaluated, model):
    table = complete_pairs(read_pairs(evaluated.path("pairs.csv")), "test").set_index("sample_id")
    with h5py.File(evaluated.path("evaluated/predictions.h5")) as file:
        expected, novelty = file["latent/sans"][:], file["novelty/sans"][:]
        names = file["sample_id"].asstr()[:].tolist()
    with CurvesFile(evaluated.path("curves/sans.h5")) as curves:
        measured = {curve.sample: curve for curve in curves if curve.sample in names}
    covariates = table.loc[names, ["d2o_fraction", "material"]].to_dict("records")
    found = model.encode([measured[name] for name in names], "sans", covariates)
    np.testing.assert_allclose(found.mean, expected, atol=1e-4)
    np.testing.assert_allclose(found.novelty, novelty, rtol=1e-3)
    assert found.logvar.shape == found.mean.shape


def test_table_holds_mean_logvar_and_novelty_of_every_sample(pairvae, trained, model, raw, spheres):
    output = raw / "codes.csv"
    options = ("--model", trained.path("model"), "--technique", "saxs", "--output", output)
    code, out, err = pairvae("encode", raw / "samples.csv", *options)
    assert code == 0, err
    assert "6 saxs curves" in out
    table = pd.read_csv(output)
    found = model.encode([one.curve("saxs") for one in spheres[:6]], "saxs", [one.covariates for one in spheres[:6]])
    assert table["sample"].tolist() == [one.name for one in spheres[:6]]
    assert [Path(name) for name in table["file"]] == [raw / f"raw/saxs/{one.name}.csv" for one in spheres[:6]]
    np.testing.assert_allclose(table["novelty"], found.novelty, rtol=1e-5)
    for name, values in (("mean", found.mean), ("logvar", found.logvar)):
        np.testing.assert_allclose(table.filter(regex=rf"^{name}_\d+$"), values, rtol=1e-4, atol=1e-5)


def test_single_curve_is_a_sample(model, spheres):
    curve = spheres[0].curve("saxs")
    np.testing.assert_array_equal(model.encode(curve, "saxs").mean, model.encode([[curve]], "saxs").mean)
    with pytest.raises(Exception, match="expected a sans curve"):
        model.encode(curve, "sans")
