"""Contrast planning: one curve, many conditions."""

import numpy as np
import pandas as pd


def test_family_holds_the_translation_for_every_value(model, spheres):
    curve = spheres[0].curve("saxs")
    family = model.plan(curve, "sans", {"d2o_fraction": [0, 0.5, 1], "material": ["silica"]})
    assert [covariates["d2o_fraction"] for covariates, _ in family] == [0, 0.5, 1]
    for covariates, one in family:
        expected = model.translate(curve, to="sans", covariates=covariates)
        np.testing.assert_allclose(one.intensity, expected.intensity, rtol=1e-5)


def test_latex_scatters_more_in_heavy_water_than_in_light_water(model, spheres):
    # its SLD is 1.4: (1.4 + 0.56)² of contrast against (1.4 - 6.35)²
    latex = [one for one in spheres if one.material == "latex"]
    brighter = []
    for one in latex:
        family = model.plan(one.curve("saxs"), "sans", {"material": ["latex"], "d2o_fraction": [0, 1]})
        light, heavy = (found.intensity[:10].mean() for _, found in family)
        brighter.append(heavy > light)
    assert np.mean(brighter) > 0.8


def test_table_and_figure_are_written(pairvae, trained, model, raw, spheres):
    one = spheres[0]
    options = ("--model", trained.path("model"), "--output", raw / "out", "--covariate", "d2o_fraction=0,0.5,1")
    code, out, err = pairvae("plan", raw / "samples.csv", *options)
    assert code == 0, err
    assert out.count("3 predictions") == 6
    written = raw / "out" / f"{one.name}.plan.csv"
    said = [line for line in written.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    assert any("q [1/A], intensity, lower and upper [1/cm]" in line for line in said)
    assert any("band that covers 90% of measured points" in line for line in said)
    table = pd.read_csv(written, comment="#")
    family = model.plan(one.curve("saxs"), "sans", {"d2o_fraction": [0, 0.5, 1], "material": [one.material]})
    assert set(table["material"]) == {one.material}
    for covariates, found in family:
        part = table[table["d2o_fraction"] == covariates["d2o_fraction"]]
        for column in ("q", "intensity", "lower", "upper"):
            np.testing.assert_allclose(part[column], getattr(found, column), rtol=1e-5)
    page = (raw / "out" / f"{one.name}.plan.html").read_text(encoding="utf-8")
    for value in ("0", "0.5", "1"):
        assert f'"name":"d2o_fraction = {value}"' in page
    assert 'src="http' not in page
