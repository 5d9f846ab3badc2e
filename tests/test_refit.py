"""Parameter recovery: fits of simulated particles to measured and predicted curves."""

import json

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from pairvae.evaluation.refit import fit_particle, summary
from pairvae.settings import SansInstrument, SaxsInstrument, Simulate
from pairvae.simulation.simulate import expected_curves
from pairvae.simulation.system_files import load_system

FEW = Simulate(saxs=SaxsInstrument(points=60, q_max_inv_angstrom=0.3), sans=SansInstrument(points=50))
SPHERE = {"volume_fraction": 0.003, "radius": 75.0, "polydispersity": 0.12}
NAME = "silica_sphere_000001"


def gridded(system, drawn, technique):
    """q and log10 I of a particle as an instrument would see it, without noise."""
    curve = expected_curves(load_system(system), drawn, 1.0, FEW)[technique]
    return curve.q, np.log10(curve.intensity)


def test_fit_of_noisy_spheres_finds_radius_concentration_and_polydispersity():
    q, exact = gridded("silica_sphere", SPHERE, "sans")
    error = np.full(q.size, 0.01)
    noisy = exact + error * np.random.default_rng(0).normal(size=q.size)
    noisy[10:14] = np.nan
    found = fit_particle(load_system("silica_sphere"), 1.0, FEW.sans, q, noisy, error)
    for name, tolerance in (("radius", 0.01), ("volume_fraction", 0.03), ("polydispersity", 0.15)):
        assert found.parameters[name] == pytest.approx(SPHERE[name], rel=tolerance), name
    assert found.chi2 == pytest.approx(1, abs=0.5)


def test_fit_of_core_and_shell_finds_both():
    drawn = {
        "volume_fraction": 0.01,
        "core_radius": 60.0,
        "shell_thickness": 30.0,
        "shell_hydration": 0.5,
        "polydispersity": 0.1,
    }
    q, exact = gridded("micelle", drawn, "sans")
    found = fit_particle(load_system("micelle"), 1.0, FEW.sans, q, exact, np.full(q.size, 0.01))
    assert found.parameters["core_radius"] == pytest.approx(60, rel=0.02)
    assert found.parameters["shell_thickness"] == pytest.approx(30, rel=0.04)


@pytest.fixture
def run(tmp_path):
    """A run with one test sample of spheres, whose predicted curves are those of spheres 10 % larger."""
    samples = ["latex_000000", NAME]
    with h5py.File(tmp_path / "predictions.h5", "w") as file:
        file["sample_id"], file["material"] = np.array(samples, object), np.array(["latex", "silica_sphere"], object)
        file["interpolation/rows"], file["temperature/values"] = np.zeros((0, 2)), np.zeros(0)
        for technique, partner in (("saxs", "sans"), ("sans", "saxs")):
            q, exact = gridded("silica_sphere", SPHERE, technique)
            _, larger = gridded("silica_sphere", SPHERE | {"radius": 82.5}, technique)
            both = (2, q.size)
            file[f"q/{technique}"] = q
            file[f"measured/{technique}/log_intensity"] = np.tile(exact, (2, 1))
            file[f"measured/{technique}/log_sigma"] = np.full(both, 0.01)
            for source in (technique, partner):
                name = f"{technique}_from_{source}"
                file[f"predicted/{name}/log_intensity"] = np.tile(larger, (2, 1))
                file[f"predicted/{name}/lower"] = np.tile(larger - 0.1, (2, 1))
                file[f"predicted/{name}/upper"] = np.tile(larger + 0.1, (2, 1))
                file[f"error/{name}"] = np.zeros(2)
            file[f"latent/{technique}"] = file[f"latent_logvar/{technique}"] = np.zeros((2, 3))
            file[f"novelty/{technique}"] = np.zeros(2)
            for split in ("train", "val", "test"):
                file[f"measured_share/{technique}/{split}"] = np.ones(q.size)
            for name in ("interpolation", "temperature"):
                file[f"{name}/{technique}"] = np.zeros((0, 1, q.size))
    shape = {name: value for name, value in SPHERE.items() if name != "volume_fraction"}
    table = pd.DataFrame({"sample_id": samples, "row_saxs": [0, 1], "row_sans": [0, 1], "split": "test"})
    table["group"], table["material"] = samples, ["latex", "silica_sphere"]
    table["d2o_fraction"], table["volume_fraction"], table["parameters"] = 1.0, 0.003, json.dumps(shape)
    table.to_csv(tmp_path / "pairs.csv", index=False)
    (tmp_path / "simulate.json").write_text(FEW.model_dump_json())
    return tmp_path


def arguments(run, *more):
    files = ("--predictions", run / "predictions.h5", "--pairs", run / "pairs.csv", "--settings", run / "simulate.json")
    return ("refit", *files, "--output", run / "refit.csv", *more)


def test_command_says_what_both_curves_tell_of_the_particles(run, pairvae):
    code, out, err = pairvae(*arguments(run, "--system", "silica_sphere"))
    assert code == 0, err
    table = pd.read_csv(run / "refit.csv")
    assert set(table["sample_id"]) == {NAME}
    radius = table[table["parameter"] == "radius"]
    assert radius["path"].tolist() == ["sans_from_saxs", "saxs_from_sans"]
    np.testing.assert_allclose(radius["true"], 75)
    np.testing.assert_allclose(radius["from_measured"], 75, rtol=0.005)
    np.testing.assert_allclose(radius["from_predicted"], 82.5, rtol=0.005)
    medians = summary(table).set_index(["path", "parameter"])
    assert medians.loc[("sans_from_saxs", "radius"), "between"] == pytest.approx(0.1, abs=0.01)
    assert "refit silica_sphere, sans_from_saxs: radius off by 0.0% from measured and by 10.0% from predicted" in out


def test_band_of_any_coverage_is_taken_for_what_it_covers(run, pairvae):
    sigma = 0.01
    half = sigma * norm.ppf(0.75)  # of a band that holds half of the points
    with h5py.File(run / "predictions.h5", "a") as file:
        file.attrs["coverage"] = 0.5
        for path in file["predicted"].values():
            away = sigma * np.resize([1, -1, -1, 1], path["log_intensity"].shape[1])
            path["log_intensity"][...] += away
            for name, side in (("lower", -half), ("upper", half)):
                path[name][...] = path["log_intensity"][:] + side
    code, _, err = pairvae(*arguments(run, "--system", "silica_sphere"))
    assert code == 0, err
    np.testing.assert_allclose(pd.read_csv(run / "refit.csv")["chi2_predicted"], 1, rtol=0.1)


@pytest.mark.parametrize(
    ("system", "reason"),
    [
        ("lamellar_bilayer", "has a whole number among its parameters"),
        ("sphere", "is no system of this run; expected one of silica_sphere"),
        ("vesicle", "holds no test sample of vesicle; found latex, silica_sphere"),
    ],
)
def test_system_that_cannot_be_fitted_is_refused(run, pairvae, system, reason):
    code, _, err = pairvae(*arguments(run, "--system", system))
    assert code == 2
    assert reason in err
    assert not (run / "refit.csv").exists()


def test_measured_run_is_refused_since_nobody_knows_its_particles(run, pairvae):
    pd.read_csv(run / "pairs.csv").drop(columns="parameters").to_csv(run / "pairs.csv", index=False)
    code, _, err = pairvae(*arguments(run))
    assert code == 2
    assert "has no column parameters; expected the pairs.csv of a simulated run" in err
