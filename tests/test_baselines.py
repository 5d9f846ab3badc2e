"""What a PairVAE must beat."""

import h5py
import numpy as np
import pytest

from pairvae.evaluation.baselines import baselines, mean_curve, nearest_neighbours
from pairvae.evaluation.predictions_file import BASELINES
from pairvae.prepare.pair import complete_pairs, read_pairs, rows_of
from pairvae.prepare.spectra_file import Spectra, load_spectra
from pairvae.techniques import CROSS_PATHS, ends

RNG = np.random.default_rng(0)


def spectra(values, technique="saxs"):
    values = np.asarray(values, np.float32)
    names = [f"s{i}" for i in range(len(values))]
    q = np.geomspace(0.01, 0.1, values.shape[1])
    return Spectra(technique, q, values, np.full_like(values, 0.01), np.isfinite(values), names)


SAXS, SANS = spectra(RNG.normal(size=(30, 12))), spectra(RNG.normal(size=(30, 9)), "sans")


def with_gaps(one, share=0.2):
    values = one.log_intensity.copy()
    values[RNG.random(values.shape) < share] = np.nan
    return spectra(values, one.technique)


def test_mean_curve_is_the_mean_of_what_was_measured():
    gappy = with_gaps(SANS)
    found = mean_curve(gappy, 4)
    assert found.shape == (4, 9)
    np.testing.assert_allclose(found, np.tile(np.nanmean(gappy.log_intensity, axis=0), (4, 1)), rtol=1e-6)


def test_nearest_neighbour_of_a_training_curve_is_itself():
    found = nearest_neighbours(SAXS, SANS, SAXS, count=1)
    np.testing.assert_allclose(found, SANS.log_intensity, rtol=1e-6)


def test_missing_points_do_not_hide_the_nearest_curve():
    for known, asked in ((SAXS, with_gaps(SAXS)), (with_gaps(SAXS), SAXS), (with_gaps(SAXS), with_gaps(SAXS))):
        near = spectra(asked.log_intensity + 0.01 * RNG.normal(size=asked.log_intensity.shape))
        np.testing.assert_allclose(nearest_neighbours(known, SANS, near, count=1), SANS.log_intensity, rtol=1e-6)


def test_neighbours_are_those_of_a_search_by_hand():
    queries = spectra(RNG.normal(size=(11, 12)))
    std = SAXS.log_intensity.std(axis=0)
    expected = []
    for one in queries.log_intensity:
        distance = (((one - SAXS.log_intensity) / std) ** 2).sum(axis=1)
        expected.append(SANS.log_intensity[np.argsort(distance)[:5]].mean(axis=0))
    np.testing.assert_allclose(nearest_neighbours(SAXS, SANS, queries, count=5), expected, rtol=1e-5)


def test_neighbours_are_at_most_all_curves():
    found = nearest_neighbours(SAXS, SANS, SAXS, count=1000)
    np.testing.assert_allclose(found, np.tile(SANS.log_intensity.mean(axis=0), (30, 1)), rtol=1e-5, atol=1e-6)


def test_point_that_no_neighbour_measured_gets_the_mean_of_all():
    values = SANS.log_intensity.copy()
    values[3, 4] = np.nan
    found = nearest_neighbours(SAXS, spectra(values, "sans"), SAXS, count=1)
    assert found[3, 4] == pytest.approx(np.nanmean(values[:, 4]), rel=1e-6)


def test_grid_point_that_no_curve_has_does_not_matter():
    values = SAXS.log_intensity.copy()
    values[:, 5] = np.nan
    found = nearest_neighbours(spectra(values), SANS, SAXS, count=1)
    np.testing.assert_allclose(found, SANS.log_intensity, rtol=1e-6)


def test_every_baseline_predicts_every_test_sample_both_ways(evaluated):
    table = complete_pairs(read_pairs(evaluated.path("pairs.csv")), "test")
    with h5py.File(evaluated.path("baselines.h5")) as file:
        for name in BASELINES:
            for path in CROSS_PATHS:
                points = {"saxs": 50, "sans": 41}[ends(path)[0]]
                assert file[f"{name}/{path}"].shape == (len(table), points)
                assert np.isfinite(file[f"{name}/{path}"][:]).all()


def test_direct_network_predicts_from_its_covariates_and_from_no_other_column(gridded, tmp_path):
    table = read_pairs(gridded.path("pairs.csv"))
    known, other, *_ = table.index[table["sample_id"].isin(complete_pairs(table, "test")["sample_id"])]
    changed = table.copy()
    changed.loc[known, "d2o_fraction"] = 1 - table.loc[known, "d2o_fraction"]
    changed.loc[other, "material"] = {"silica": "latex", "latex": "silica"}[table.loc[other, "material"]]
    networks = {
        technique: gridded.pretrain.model_copy(update={"covariates": names})
        for technique, names in {"saxs": (), "sans": ("d2o_fraction",)}.items()
    }
    spectra = [gridded.path(f"spectra/{technique}.h5") for technique in networks]
    curves = {technique: gridded.path(f"curves/{technique}.h5") for technique in networks}
    few = gridded.baselines.model_copy(update={"steps": 2})
    found = []
    for name, samples in (("given", table), ("changed", changed)):
        pairs, predictions = tmp_path / f"{name}.csv", tmp_path / f"{name}.h5"
        samples.to_csv(pairs, index=False)
        baselines(*spectra, pairs, curves, networks, few, predictions, tmp_path / "resume", threads=1)
        with h5py.File(predictions) as file:
            found.append({path: file[f"direct/{path}"][:] for path in CROSS_PATHS})
    for path in CROSS_PATHS:
        apart = np.abs(found[1][path] - found[0][path]).max(axis=1)
        assert apart[0] > 1e-3, path
        assert not apart[1:].any(), path


def test_stage_writes_what_the_functions_say_of_the_train_split(evaluated):
    table = read_pairs(evaluated.path("pairs.csv"))
    saxs, sans = (
        {
            s: load_spectra(evaluated.path(f"spectra/{t}.h5"), rows_of(complete_pairs(table, s), t))
            for s in ("train", "test")
        }
        for t in ("saxs", "sans")
    )
    count = evaluated.baselines.neighbours
    with h5py.File(evaluated.path("baselines.h5")) as file:
        np.testing.assert_allclose(
            file["neighbours/sans_from_saxs"],
            nearest_neighbours(saxs["train"], sans["train"], saxs["test"], count),
            rtol=1e-5,
        )
        np.testing.assert_allclose(
            file["mean_curve/saxs_from_sans"], mean_curve(saxs["train"], len(sans["test"].sample_id)), rtol=1e-5
        )
