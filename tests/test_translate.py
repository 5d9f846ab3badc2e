"""A trained model at work, through Python and through the command line."""

import json
import shutil
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

import pairvae
from pairvae import cli
from pairvae.assess.trained_model import TrainedModel
from pairvae.errors import UserError
from pairvae.model_file import load_weights, save_weights
from pairvae.models.pairvae import PairVAE, joined
from pairvae.models.resvae import ResVAE
from pairvae.prepare.covariates import Covariate
from pairvae.prepare.pair import complete_pairs, read_pairs
from pairvae.scattering.read import read_spectrum
from pairvae.scattering.spectrum import Spectrum
from pairvae.scattering.write import write_csv

MEASURED = Path(__file__).parents[2] / "shared" / "data" / "measured" / "pairs"
SOLVENT = {"d2o_fraction": 1.0, "material": "silica"}


@pytest.fixture(scope="module")
def spheres(trained):
    names = complete_pairs(read_pairs(trained.path("pairs.csv")), "test")["sample_id"].tolist()
    return [sample for sample in trained.samples if sample.name in names]


def measured(sample, technique="saxs", **changed):
    q = np.geomspace(0.01, 0.4, 90)
    exact = sample.intensity(technique, q)
    sigma = 0.03 * exact
    intensity = exact + sigma * np.random.default_rng(7).normal(size=q.size)
    facts = {"q": q, "intensity": intensity, "sigma": sigma, "technique": technique, "sample": sample.name}
    return Spectrum(**facts | changed)


def write(path, curve):
    write_csv(path, {"q [1/A]": curve.q, "I [1/cm]": curve.intensity, "dI [1/cm]": curve.sigma}, ["a sphere"])
    return path


@pytest.fixture
def file(spheres, tmp_path):
    return write(tmp_path / "raw" / "sphere.csv", measured(spheres[0]))


@pytest.fixture
def run(monkeypatch, capsys, trained, tmp_path):
    """Call `pairvae translate`; exit code, stdout and stderr."""

    def call(*arguments, model=None, to="sans"):
        options = ["--model", model or trained.path("model"), "--to", to, "--output", tmp_path / "out"]
        monkeypatch.setattr(sys, "argv", ["pairvae", "translate", *map(str, [*arguments, *options])])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, *capsys.readouterr()

    return call


# Python


@pytest.mark.parametrize(("source", "target"), [("saxs", "sans"), ("sans", "saxs")])
def test_prediction_lies_on_the_grid_of_the_target_within_its_band(model, gridded, spheres, source, target):
    for one in model.translate([measured(sample, source) for sample in spheres], to=target):
        with h5py.File(gridded.path(f"spectra/{target}.h5")) as file:
            np.testing.assert_array_equal(one.q, file["q"][:])
        assert one.technique == target
        assert one.coverage == 0.9
        assert (one.lower > 0).all()
        assert (one.lower < one.intensity).all()
        assert (one.intensity < one.upper).all()
        assert one.novelty > 0


def test_prediction_is_near_the_closed_form(model, spheres):
    for source, target in (("saxs", "sans"), ("sans", "saxs")):
        error = []
        for sample in spheres:
            known = {"d2o_fraction": sample.d2o_fraction, "material": sample.material}
            found = model.translate(measured(sample, source), to=target, covariates=known)
            error.append(np.log10(found.intensity / sample.intensity(target, found.q)))
        assert np.median(np.sqrt(np.mean(np.square(error), axis=1))) < 0.25


def test_same_curve_gives_the_same_numbers_as_stage_evaluate_wrote(evaluated, model):
    from pairvae.scattering.curves_file import CurvesFile

    table = complete_pairs(read_pairs(evaluated.path("pairs.csv")), "test").set_index("sample_id")
    with h5py.File(evaluated.path("evaluated/predictions.h5")) as file:
        found = {name: file[f"predicted/sans_from_saxs/{name}"][:] for name in ("log_intensity", "lower", "upper")}
        novelty = file["novelty/saxs"][:]
        names = file["sample_id"].asstr()[:].tolist()
    with CurvesFile(evaluated.path("curves/saxs.h5")) as curves:
        for curve in curves:
            if curve.sample not in names:
                continue
            facts = table.loc[curve.sample]
            known = {"d2o_fraction": facts["d2o_fraction"], "material": facts["material"]}
            one, i = model.translate(curve, to="sans", covariates=known), names.index(curve.sample)
            np.testing.assert_allclose(np.log10(one.intensity), found["log_intensity"][i], atol=1e-4)
            np.testing.assert_allclose(np.log10(one.lower), found["lower"][i], atol=1e-4)
            np.testing.assert_allclose(np.log10(one.upper), found["upper"][i], atol=1e-4)
            assert one.novelty == pytest.approx(novelty[i], rel=1e-3)


def test_one_curve_gives_one_prediction_and_several_give_a_list(model, spheres):
    curves = [measured(sample) for sample in spheres[:3]]
    together = model.translate(curves, to="sans")
    assert [one.sample for one in together] == [curve.sample for curve in curves]
    np.testing.assert_allclose(model.translate(curves[1], to="sans").intensity, together[1].intensity, rtol=1e-5)
    assert model.translate([], to="sans") == []


def test_settings_of_one_sample_are_merged(model, spheres):
    whole = measured(spheres[0])
    parts = [
        Spectrum(whole.q[rows], whole.intensity[rows], whole.sigma[rows], technique="saxs")
        for rows in (slice(0, 45), slice(45, None))
    ]
    (merged,) = model.translate_samples([parts], "sans", [{}])
    np.testing.assert_allclose(merged.intensity, model.translate(whole, to="sans").intensity, rtol=1e-5)


def test_covariates_change_the_prediction_and_may_be_left_out(model, spheres):
    curve = measured(spheres[0])
    water, heavy, unknown = (
        model.translate(curve, to="sans", covariates=known).intensity
        for known in ({"d2o_fraction": 0.0}, {"d2o_fraction": 1.0}, None)
    )
    assert not np.allclose(water, heavy, rtol=0.01)
    assert not np.allclose(water, unknown, rtol=1e-4)


def test_changing_a_prediction_does_not_change_the_model(model, spheres):
    curve = measured(spheres[0])
    model.translate(curve, to="sans").q[:] = 1
    assert (np.diff(model.translate(curve, to="sans").q) > 0).all()


def test_networks_may_have_seen_different_values_of_a_covariate(model, spheres):
    # unpaired samples give each technique a train split of its own
    own = (Covariate(name="buffer", kind="category", values=("pbs", "tris")),)
    other = (Covariate(name="buffer", kind="category", values=("pbs", "hepes", "tris")),)
    members = [
        PairVAE(
            *(
                ResVAE(n.points, one.latent_dim, one.architecture, covariates)
                for n, one, covariates in zip(model.network.children(), pair, (own, other), strict=True)
            )
        )
        for pair in zip(*(n.members for n in model.network.children()), strict=True)
    ]
    network = joined(members)
    for technique in ("saxs", "sans"):
        network.of(technique).q.copy_(model.network.of(technique).q)
    mixed = TrainedModel(network.eval(), model.calibration, model.about)
    curve = measured(spheres[0])
    predictions = [mixed.translate(curve, "sans", {"buffer": name}).intensity for name in ("pbs", "tris")]
    assert not np.array_equal(*predictions)


def test_package_offers_what_a_script_needs(trained, file):
    model = pairvae.load_model(str(trained.path("model")))
    found = model.translate(pairvae.read_spectrum(file, technique="saxs"), to="sans")
    assert found.source == str(file)


# Command line


def test_file_and_spectrum_give_the_same_numbers(run, model, file, tmp_path):
    code, out, err = run(file, "--covariate", "d2o_fraction=1", "--covariate", "material=silica")
    assert code == 0, err
    expected = model.translate(read_spectrum(file, technique="saxs"), to="sans", covariates=SOLVENT)
    written = tmp_path / "out" / "sphere.sans.csv"
    table = pd.read_csv(written, comment="#")
    assert list(table) == ["q", "intensity", "lower", "upper"]
    for column, values in zip(table, (expected.q, expected.intensity, expected.lower, expected.upper), strict=True):
        np.testing.assert_allclose(table[column], values, rtol=1e-12)
    assert f"novelty {expected.novelty:.2f}" in out
    assert str(written) in out


@pytest.mark.parametrize(("format", "ending"), [("csv", "csv"), ("nxcansas", "h5")])
def test_prediction_reads_back_as_a_spectrum(run, model, file, tmp_path, format, ending):
    assert run(file, "--format", format)[0] == 0
    again = read_spectrum(tmp_path / "out" / f"sphere.sans.{ending}", technique="sans")
    expected = model.translate(read_spectrum(file, technique="saxs"), to="sans")
    np.testing.assert_allclose(again.q, expected.q, rtol=1e-12)
    np.testing.assert_allclose(again.intensity, expected.intensity, rtol=1e-12)
    assert again.sigma is None
    assert again.intensity_unit == "1/cm"


def test_nxcansas_holds_the_band_and_where_it_comes_from(run, file, tmp_path):
    run(file, "--format", "nxcansas")
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


def test_samples_csv_is_translated_with_its_covariates_and_compared(run, model, spheres, tmp_path):
    samples = spheres[:2]
    rows = []
    for one in samples:
        for t in ("saxs", "sans"):
            write(tmp_path / "raw" / f"{one.name}.{t}.csv", measured(one, t))
        names = [f"raw/{one.name}.{t}.csv" for t in ("saxs", "sans")]
        rows.append([one.name, *names, one.d2o_fraction, one.material])
    columns = ["sample_id", "saxs", "sans", "d2o_fraction", "material"]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "samples.csv", index=False)
    code, out, err = run("--samples", tmp_path / "samples.csv")
    assert code == 0, err
    for one in samples:
        known = {"d2o_fraction": one.d2o_fraction, "material": one.material}
        found = pd.read_csv(tmp_path / "out" / f"{one.name}.sans.csv", comment="#")
        expected = model.translate(measured(one), to="sans", covariates=known)
        np.testing.assert_allclose(found["intensity"], expected.intensity, rtol=1e-5)
    assert out.count("decades RMS") == 2


def test_samples_that_nobody_measured_by_the_target_technique_are_translated(run, spheres, tmp_path):
    write(tmp_path / "saxs.csv", measured(spheres[0]))
    (tmp_path / "samples.csv").write_text("sample_id,saxs,sans\nlonely,saxs.csv,\n")
    code, out, err = run("--samples", tmp_path / "samples.csv")
    assert code == 0, err
    assert "decades RMS" not in out
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["lonely.sans.csv"]


@pytest.mark.skipif(not MEASURED.is_dir(), reason="the measured curves are not here")
def test_every_measured_pair_is_translated_and_compared(run, tmp_path):
    manifest = Path(__file__).with_name("measured_pairs.csv")
    code, out, err = run("--samples", manifest, "--allow-outside")
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


def test_curve_of_the_target_technique_is_refused(model, spheres):
    with pytest.raises(UserError, match="was measured by sans; expected a saxs curve"):
        model.translate(measured(spheres[0], "sans"), to="sans")


def test_file_of_the_target_technique_is_refused(refused, spheres, tmp_path):
    from pairvae.scattering.write import write_nxcansas

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


def test_neither_files_nor_samples_is_refused(refused):
    assert "expected files or --samples" in refused()


@pytest.mark.parametrize("name", ["../outside", "a/b", "/absolute"])
def test_sample_whose_name_leaves_the_output_folder_is_refused(refused, spheres, tmp_path, name):
    write(tmp_path / "saxs.csv", measured(spheres[0]))
    (tmp_path / "samples.csv").write_text(f"sample_id,saxs,sans\n{name},saxs.csv,\n")
    assert f"sample {name}: cannot be the name of a file" in refused("--samples", tmp_path / "samples.csv")


def test_samples_that_the_source_technique_did_not_measure_are_refused(refused, spheres, tmp_path):
    write(tmp_path / "sans.csv", measured(spheres[0], "sans"))
    (tmp_path / "samples.csv").write_text("sample_id,saxs,sans\nlonely,,sans.csv\n")
    assert "no row names a file in the column saxs" in refused("--samples", tmp_path / "samples.csv")


def test_partner_that_cannot_be_compared_is_said_so_and_predicted_all_the_same(run, spheres, tmp_path):
    one = spheres[0]
    write(tmp_path / "saxs.csv", measured(one))
    curve = measured(one, "sans")
    write_csv(tmp_path / "sans.csv", {"q [1/A]": curve.q, "I [a.u.]": curve.intensity}, [])
    (tmp_path / "samples.csv").write_text(f"sample_id,saxs,sans\n{one.name},saxs.csv,sans.csv\n")
    code, out, err = run("--samples", tmp_path / "samples.csv")
    assert code == 0, err
    assert "not compared: " in out
    assert "arbitrary units" in out
    assert (tmp_path / "out" / f"{one.name}.sans.csv").exists()


# The model folder


@pytest.fixture
def copied(trained, tmp_path):
    return shutil.copytree(trained.path("model"), tmp_path / "model")


def rewrite(folder, **changed):
    about = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    (folder / "model.json").write_text(json.dumps(about | changed), encoding="utf-8")


def test_missing_model_folder_is_refused(refused, file, tmp_path):
    assert "is no model folder" in refused(file, model=tmp_path / "nothing")


def test_missing_weights_are_refused(refused, file, copied):
    (copied / "weights.safetensors").unlink()
    assert "weights.safetensors: is missing" in refused(file, model=copied)


def test_altered_weights_are_refused(refused, file, copied):
    tensors, facts = load_weights(copied / "weights.safetensors")
    tensors["network.saxs.members.0.mean"][0] += 1
    save_weights(copied / "weights.safetensors", tensors, facts)
    assert "not the file that model.json was written for" in refused(file, model=copied)


def test_model_of_a_newer_format_is_refused(refused, file, copied):
    rewrite(copied, format=2)
    assert "is of format 2, this version reads format 1" in refused(file, model=copied)


@pytest.mark.parametrize("text", ["", "no json", "[]", "{}"])
def test_model_json_that_is_none_is_refused(refused, file, copied, text):
    (copied / "model.json").write_text(text)
    assert "model.json" in refused(file, model=copied)


def test_copied_model_folder_is_the_same_model(copied, model, spheres):
    curve = measured(spheres[0])
    one, other = (m.translate(curve, to="sans") for m in (model, pairvae.load_model(copied)))
    np.testing.assert_array_equal(one.intensity, other.intensity)
    assert one.novelty == other.novelty
