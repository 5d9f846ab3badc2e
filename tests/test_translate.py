"""Files of one technique to files of the other, through the command line."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

import pairvae
import pairvae.use.threads
from pairvae.formats.read import read_spectrum
from pairvae.formats.write import write_csv
from pairvae.scattering.spectrum import Spectrum

MEASURED = Path(__file__).parents[2] / "shared" / "data" / "measured" / "pairs"
SOLVENT = {"d2o_fraction": 1.0, "material": "silica"}


def measured(sample, technique="saxs", **changed):
    return sample.curve(technique, **changed)


def write(path, curve):
    write_csv(path, {"q [1/A]": curve.q, "I [1/cm]": curve.intensity, "dI [1/cm]": curve.sigma}, ["a sphere"])
    return path


@pytest.fixture
def file(spheres, tmp_path):
    return write(tmp_path / "raw" / "sphere.csv", measured(spheres[0]))


@pytest.fixture
def run(pairvae, trained, tmp_path):
    """Call `pairvae translate`; exit code, stdout and stderr."""

    def call(*arguments, model=None, to="sans", format="csv"):
        options = ("--model", model or trained.path("model"), "--to", to, "--output", tmp_path / "out")
        return pairvae("translate", *arguments, *options, "--format", format)

    return call


def test_package_offers_what_a_script_needs(trained, file):
    model = pairvae.load_model(str(trained.path("model")))
    found = model.translate(pairvae.read_spectrum(file, technique="saxs"), to="sans")
    assert found.source == str(file)


def test_file_and_spectrum_give_the_same_numbers(run, model, file, tmp_path):
    code, out, err = run(file, "--covariate", "d2o_fraction=1", "--covariate", "material=silica")
    assert code == 0, err
    expected = model.translate(read_spectrum(file, technique="saxs"), to="sans", covariates=SOLVENT)
    written = tmp_path / "out" / "sphere.sans.csv"
    table = pd.read_csv(written, comment="#")
    assert list(table) == ["q", "intensity", "sigma", "dq", "lower", "upper"]
    for column in ("q", "intensity", "sigma", "lower", "upper"):
        np.testing.assert_allclose(table[column], getattr(expected, column), rtol=1e-12)
    assert f"novelty {expected.novelty:.2f}" in out
    assert str(written) in out


@pytest.mark.parametrize(("format", "ending"), [("csv", "csv"), ("nxcansas", "h5")])
def test_prediction_reads_back_as_a_spectrum(run, model, file, tmp_path, format, ending):
    assert run(file, format=format)[0] == 0
    again = read_spectrum(tmp_path / "out" / f"sphere.sans.{ending}", technique="sans")
    expected = model.translate(read_spectrum(file, technique="saxs"), to="sans")
    np.testing.assert_allclose(again.q, expected.q, rtol=1e-12)
    np.testing.assert_allclose(again.intensity, expected.intensity, rtol=1e-12)
    np.testing.assert_allclose(again.sigma, expected.sigma, rtol=1e-12)
    assert again.dq is None
    assert again.intensity_unit == "1/cm"


def test_nxcansas_holds_the_band_and_where_it_comes_from(run, file, tmp_path):
    run(file, format="nxcansas")
    with h5py.File(tmp_path / "out" / "sphere.sans.h5") as found:
        data = found["sasentry/sasdata"]
        assert (data["I_lower"][:] < data["I"][:]).all()
        assert (data["I"][:] < data["I_upper"][:]).all()
        assert "predicted by PairVAE from" in found["sasentry/sasnote/data"].asstr()[()]


def test_curve_unlike_the_training_is_called_a_guess(run, tmp_path):
    q = np.geomspace(0.01, 0.4, 60)
    flat = Spectrum(q, np.full(60, 30.0), np.full(60, 0.1))
    code, out, _ = run(write(tmp_path / "flat.csv", flat))
    assert code == 0
    assert "unlike the training data: a guess" in out


def test_unit_of_q_can_be_said(run, file, spheres, tmp_path):
    curve = measured(spheres[0])
    np.savetxt(tmp_path / "sphere.dat", np.column_stack([10 * curve.q, curve.intensity, curve.sigma]))
    assert run(tmp_path / "sphere.dat", "--q-unit", "1/nm", "--columns", "q I dI")[0] == 0
    nm = pd.read_csv(tmp_path / "out" / "sphere.sans.csv", comment="#")
    assert run(file)[0] == 0
    np.testing.assert_allclose(nm, pd.read_csv(tmp_path / "out" / "sphere.sans.csv", comment="#"), rtol=1e-4)


def test_samples_csv_is_translated_with_its_covariates_and_compared(run, model, raw, spheres):
    code, out, err = run(raw / "samples.csv")
    assert code == 0, err
    for one in spheres[:6]:
        found = pd.read_csv(raw / "out" / f"{one.name}.sans.csv", comment="#")
        expected = model.translate(measured(one), to="sans", covariates=one.covariates)
        np.testing.assert_allclose(found["intensity"], expected.intensity, rtol=1e-5)
    assert out.count("decades RMS") == 6


def test_folder_and_pattern_are_the_files_in_them(run, raw, spheres):
    for given in (raw / "raw" / "saxs", raw / "raw" / "s*xs" / "*.csv"):
        assert run(given)[0] == 0
        assert {path.name for path in (raw / "out").iterdir()} == {f"{one.name}.sans.csv" for one in spheres[:6]}


def test_nxcansas_is_written_where_nothing_else_is_asked_for(pairvae, trained, file, tmp_path):
    assert pairvae("translate", "--model", trained.path("model"), "--to", "sans", "--output", tmp_path, file)[0] == 0
    assert read_spectrum(tmp_path / "sphere.sans.h5").technique == "sans"


def test_q_of_another_file_are_used_as_far_as_the_model_goes(run, model, file, spheres, tmp_path):
    q = np.geomspace(0.001, 0.2, 50)  # begins below the grid
    like = write(tmp_path / "like.csv", measured(spheres[1], "sans", q=q, intensity=np.ones(50), sigma=np.ones(50)))
    code, _, err = run(file, "--q-like", like)
    assert code == 0, err
    written = tmp_path / "out" / "sphere.sans.csv"
    table = pd.read_csv(written, comment="#")
    whole = model.translate(read_spectrum(file, technique="saxs"), to="sans")
    np.testing.assert_allclose(table["q"], q[q >= whole.q[0]], rtol=1e-12)
    expected = np.interp(np.log(table["q"]), np.log(whole.q), np.log10(whole.intensity))
    np.testing.assert_allclose(np.log10(table["intensity"]), expected, atol=1e-6)
    assert (table["lower"] < table["intensity"]).all()
    assert f"{int((q < whole.q[0]).sum())} of them lie outside" in written.read_text()


@pytest.mark.parametrize("format", ["csv", "nxcansas"])
def test_posterior_draws_are_added_and_come_again_with_the_seed(run, model, file, tmp_path, format):
    def draws(*options):
        assert run(file, "--samples", 20, *options, format=format)[0] == 0
        if format == "csv":
            written = tmp_path / "out" / "sphere.sans.csv"
            assert "draw_20 [1/cm]" in written.read_text()
            table = pd.read_csv(written, comment="#")
            return table[[f"draw_{i}" for i in range(1, 21)]].to_numpy().T
        with h5py.File(tmp_path / "out" / "sphere.sans.h5") as found:
            assert found["sasentry/sasdata/draw"].attrs["units"] == "1/cm"
            return found["sasentry/sasdata/draw"][:]

    first = draws()
    middle = model.translate(read_spectrum(file, technique="saxs"), to="sans").intensity
    off = np.abs(np.log10(np.median(first, axis=0) / middle))
    assert np.median(off) < 3 * np.log10(first).std(axis=0).max()
    assert (np.log10(first).std(axis=0) > 0).all()
    np.testing.assert_array_equal(draws(), first)
    assert not np.array_equal(draws("--seed", 1), first)


def test_samples_that_nobody_measured_by_the_target_technique_are_translated(run, spheres, tmp_path):
    write(tmp_path / "saxs.csv", measured(spheres[0]))
    (tmp_path / "samples.csv").write_text("sample_id,saxs,sans\nlonely,saxs.csv,\n")
    code, out, err = run(tmp_path / "samples.csv")
    assert code == 0, err
    assert "decades RMS" not in out
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["lonely.sans.csv"]


@pytest.mark.skipif(not MEASURED.is_dir(), reason="the measured curves are not here")
def test_every_measured_pair_is_translated_and_compared(run, tmp_path):
    manifest = Path(__file__).with_name("measured_pairs.csv")
    code, out, err = run(manifest, "--allow-outside")
    assert code == 0, err
    samples = pd.read_csv(manifest)["sample_id"]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {f"{name}.sans.csv" for name in samples}
    assert out.count("decades RMS") == len(samples)


# Mistakes: one line, exit code 2, nothing written


@pytest.fixture
def refused(run, tmp_path):
    def call(*arguments, **options):
        code, _, err = run(*arguments, **options)
        assert code == 2
        assert err.startswith("pairvae: ")
        assert err.count("\n") == 1
        assert not list(tmp_path.glob("out/*"))
        return err

    return call


def test_file_of_the_target_technique_is_refused(refused, spheres, tmp_path):
    from pairvae.formats.write import write_nxcansas

    write_nxcansas(tmp_path / "sans.h5", measured(spheres[0], "sans"))
    assert "says it is SANS data" in refused(tmp_path / "sans.h5")


def test_curve_outside_of_the_grid_is_refused(refused, spheres, tmp_path):
    curve = measured(spheres[0])
    far = Spectrum(curve.q * 100, curve.intensity, curve.sigma)
    said = refused(write(tmp_path / "far.csv", far))
    assert "far.csv: covers q 1 to 40 1/Å" in said
    assert "no overlap; check the unit of q" in said


def test_curve_in_arbitrary_units_is_refused(refused, spheres, tmp_path):
    curve = measured(spheres[0])
    write_csv(tmp_path / "counts.csv", {"q [1/A]": curve.q, "I [a.u.]": curve.intensity, "dI [a.u.]": curve.sigma}, [])
    assert "counts.csv: the intensity is in arbitrary units" in refused(tmp_path / "counts.csv")


def test_who_knows_the_unit_of_the_intensity_can_say_it(run, spheres, tmp_path):
    curve = measured(spheres[0])
    columns = {"q [1/A]": curve.q, "I [a.u.]": 100 * curve.intensity, "dI [a.u.]": 100 * curve.sigma}
    write_csv(tmp_path / "per_m.csv", columns, [])
    write(tmp_path / "per_cm.csv", curve)
    for name, said in (("per_m", ["--intensity-unit", "1/m"]), ("per_cm", [])):
        code, _, err = run(tmp_path / f"{name}.csv", *said)
        assert code == 0, err
    per_m, per_cm = (
        np.loadtxt(tmp_path / "out" / f"{name}.sans.csv", delimiter=",", comments=["#", "q"])
        for name in ("per_m", "per_cm")
    )
    np.testing.assert_allclose(per_m, per_cm, rtol=1e-5)


@pytest.mark.parametrize(
    ("covariate", "said"),
    [
        ("ph=7", "covariate 'ph': this model was trained with d2o_fraction, material"),
        ("d2o_fraction=much", "covariate d2o_fraction='much': expected a number"),
        ("material=gold", "covariate material='gold': the model was trained with latex, silica"),
        ("d2o_fraction", "--covariate d2o_fraction: expected NAME=VALUE"),
    ],
)
def test_covariate_that_the_model_does_not_know_is_refused(refused, file, covariate, said):
    assert said in refused(file, "--covariate", covariate)


def test_missing_file_is_refused_before_any_other_is_written(refused, file, tmp_path):
    assert "missing.csv: cannot be read" in refused(file, tmp_path / "missing.csv")


def test_second_curve_that_cannot_be_predicted_leaves_the_first_unwritten(refused, file, tmp_path):
    far = Spectrum(np.linspace(5, 6, 20), np.ones(20), np.ones(20))
    assert "no overlap" in refused(file, write(tmp_path / "far.csv", far))


def test_two_inputs_of_one_stem_are_refused(refused, file, spheres, tmp_path):
    other = write(tmp_path / "other" / "sphere.csv", measured(spheres[1]))
    assert "sphere.sans.csv: two inputs would be written to it" in refused(file, other)


@pytest.mark.parametrize("name", ["../outside", "a/b", "/absolute"])
def test_sample_whose_name_leaves_the_output_folder_is_refused(refused, spheres, tmp_path, name):
    write(tmp_path / "saxs.csv", measured(spheres[0]))
    (tmp_path / "samples.csv").write_text(f"sample_id,saxs,sans\n{name},saxs.csv,\n")
    assert f"sample {name}: cannot be the name of a file" in refused(tmp_path / "samples.csv")


def test_samples_that_the_source_technique_did_not_measure_are_refused(refused, spheres, tmp_path):
    write(tmp_path / "sans.csv", measured(spheres[0], "sans"))
    (tmp_path / "samples.csv").write_text("sample_id,saxs,sans\nlonely,,sans.csv\n")
    assert "no row names a file in the column saxs" in refused(tmp_path / "samples.csv")


def test_partner_that_cannot_be_compared_is_said_so_and_predicted_all_the_same(run, spheres, tmp_path):
    one = spheres[0]
    write(tmp_path / "saxs.csv", measured(one))
    curve = measured(one, "sans")
    write_csv(tmp_path / "sans.csv", {"q [1/A]": curve.q, "I [a.u.]": curve.intensity}, [])
    (tmp_path / "samples.csv").write_text(f"sample_id,saxs,sans\n{one.name},saxs.csv,sans.csv\n")
    code, out, err = run(tmp_path / "samples.csv")
    assert code == 0, err
    assert "not compared: " in out
    assert "arbitrary units" in out
    assert (tmp_path / "out" / f"{one.name}.sans.csv").exists()


def test_translating_imports_neither_trainer_nor_what_only_stages_need(trained, file, tmp_path):
    heavy = ("lightning", "sklearn", "scipy", "sasmodels", "sasdata", "lxml", "plotly", "sympy", "torch._dynamo")
    arguments = ["translate", file, "--model", trained.path("model"), "--to", "sans", "--output", tmp_path / "out"]
    code = (
        f"import sys\nsys.argv = ['pairvae', *{list(map(str, arguments))}]\nfrom pairvae.cli.app import main\n"
        f"try:\n    main()\nfinally:\n    print([name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("asked", "curves", "threads"), [(None, 1, 1), (None, 10_000, 2), (None, 90_000, 3), (4, 1, 4), (1, 90_000, 1)]
)
def test_few_curves_get_one_thread_and_many_the_cores(monkeypatch, asked, curves, threads):
    given = []
    monkeypatch.setattr(torch, "set_num_threads", given.append)
    monkeypatch.setattr(pairvae.use.threads, "cores", lambda: 3)
    monkeypatch.setattr(pairvae.use.threads, "ALLOWED", 8)
    pairvae.use.threads.set_threads(asked, curves)
    assert given == [threads]


def test_threads_that_the_user_wants_are_taken(run, file, monkeypatch):
    given = []
    monkeypatch.setattr(torch, "set_num_threads", given.append)
    assert run(file, "--threads", 2)[0] == 0
    assert run(file)[0] == 0
    assert given == [2, 1]
