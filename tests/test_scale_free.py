"""Curves in arbitrary units: refused where their scale is learnt, and without it where that is asked for."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import draw_spheres, write_curves, write_project

from pairvae.errors import UserError
from pairvae.formats.read import read_spectrum
from pairvae.formats.write import write_text
from pairvae.prepare.normalize import normalize
from pairvae.prepare.pair import pair
from pairvae.prepare.spectra_file import load_spectra
from pairvae.scattering.curves_file import CurvesFile
from pairvae.scattering.spectrum import Reading
from pairvae.settings import Calibrate, Grid, Normalize, Pair
from pairvae.train.joint_train import joint_train
from pairvae.train.pretrain import pretrain
from pairvae.trust.calibrate import calibrate
from pairvae.use.inputs import Inputs
from pairvae.use.trained_model import load_model
from pairvae.use.translate import translate_files

GRID = {"saxs": Grid(points=50), "sans": Grid(points=41)}


def scaled(curve, factor, **changed):
    return replace(curve, intensity=factor * curve.intensity, sigma=factor * curve.sigma, **changed)


def in_arbitrary_units(curves, rng):
    reading = Reading(intensity_unit="counts")
    return [scaled(c, 10 ** rng.uniform(-3, 3), intensity_unit="arbitrary", reading=reading) for c in curves]


def read_curves(path):
    with CurvesFile(path) as file:
        return list(file)


class Run:
    """The whole way to a model folder, on curves of spheres of which some techniques have no scale."""

    def __init__(self, folder, measured, scale_free, without_scale=(), covariates=(), **joint):
        self.folder = folder
        write_project(folder, draw_spheres())
        self.curves = {t: read_curves(folder / f"curves/{t}.h5") for t in ("saxs", "sans")}
        for technique in without_scale:
            unscaled = in_arbitrary_units(self.curves[technique], np.random.default_rng(8))
            write_curves(folder / f"curves/{technique}.h5", technique, unscaled)
        spectra = {t: folder / f"{t}.h5" for t in GRID}
        gridding = {t: Normalize(grid=GRID[t], scale_free=t in scale_free) for t in GRID}
        for t, file in spectra.items():
            normalize(folder / f"curves/{t}.h5", gridding[t], file)
        pairs, weights = folder / "pairs.csv", {t: folder / f"{t}.safetensors" for t in (*GRID, "joint")}
        pair(*spectra.values(), folder / "samples.csv", Pair(val_fraction=0.25, test_fraction=0.2, seed=3), pairs)
        settings = {"steps": 60, "covariates": covariates}
        for t in GRID:
            changed = measured.pretrain.model_copy(update=settings)
            pretrain(spectra[t], pairs, changed, weights[t], folder / "h.csv", folder / t, threads=1)
        settings = measured.joint_train.model_copy(update={"steps": 140, **joint})
        trained = (weights["saxs"], weights["sans"], settings, weights["joint"], folder / "h.csv", folder / "joint")
        joint_train(*spectra.values(), pairs, *trained, threads=1)
        calibrate(*spectra.values(), pairs, [weights["joint"]], gridding, Calibrate(), folder / "model")
        self.model = load_model(folder / "model")
        table = pd.read_csv(pairs)
        names = set(table.loc[table["split"] == "test", "sample_id"])
        self.test = {t: [c for c in curves if c.sample in names] for t, curves in self.curves.items()}


@pytest.fixture(scope="module")
def without_saxs_scale(measured, tmp_path_factory):
    """SAXS scale-free, SANS absolute; once from curves in 1/cm, once from the same times random factors."""
    return [Run(tmp_path_factory.mktemp("run"), measured, {"saxs"}, without_scale) for without_scale in ((), ("saxs",))]


def test_factors_on_the_saxs_curves_change_no_predicted_sans_curve(without_saxs_scale):
    run = without_saxs_scale[0]
    factors = 10 ** np.random.default_rng(1).uniform(-3, 3, len(run.test["saxs"]))
    curves = [scaled(c, f, intensity_unit="arbitrary") for c, f in zip(run.test["saxs"], factors, strict=True)]
    for one, other in zip(
        run.model.translate(run.test["saxs"], "sans"), run.model.translate(curves, "sans"), strict=True
    ):
        np.testing.assert_allclose(other.intensity, one.intensity, rtol=1e-4)
        np.testing.assert_allclose(other.upper, one.upper, rtol=1e-4)
        assert other.novelty == pytest.approx(one.novelty, rel=1e-3)


def test_factors_on_the_training_curves_change_no_prediction_either(without_saxs_scale):
    one, other = ([p.intensity for p in run.model.translate(run.test["saxs"], "sans")] for run in without_saxs_scale)
    np.testing.assert_allclose(np.log10(other), np.log10(one), atol=0.02)


def test_prediction_of_a_technique_that_keeps_its_scale_is_in_inverse_centimetres(without_saxs_scale):
    run = without_saxs_scale[1]
    predictions = run.model.translate(run.test["saxs"], "sans")
    assert {p.intensity_unit for p in predictions} == {"1/cm"}
    truth = {c.sample: c for c in run.test["sans"]}
    error = [
        np.mean(np.log10(np.interp(truth[p.sample].q, p.q, p.intensity) / truth[p.sample].intensity.clip(1e-4)))
        for p in predictions
        if p.sample in truth
    ]
    assert abs(np.median(error)) < 0.3


def test_prediction_of_a_scale_free_technique_says_that_it_is_relative(without_saxs_scale, tmp_path):
    run = without_saxs_scale[1]
    write_text(tmp_path / "a.csv", run.test["sans"][0])
    translate_files(Inputs([str(tmp_path / "a.csv")]), run.model, "saxs", tmp_path / "out", "csv")
    written = tmp_path / "out" / "a.saxs.csv"
    assert read_spectrum(written, technique="saxs").intensity_unit == "arbitrary"
    assert "relative intensities" in written.read_text()


def test_bands_of_a_scale_free_technique_hold_its_measured_curves_at_their_best_scale(without_saxs_scale):
    run = without_saxs_scale[1]
    measured = {c.sample: c for c in run.test["saxs"]}
    inside = []
    for p in run.model.translate(run.test["sans"], "saxs"):
        if p.sample in measured:
            grid = run.model.gridded([[measured[p.sample]]], "saxs")
            known = grid.mask[0]
            relative = grid.log_intensity[0] - np.log10(p.intensity)
            relative -= np.median(relative[known])
            inside += list(np.abs(relative[known]) < np.log10(p.upper / p.intensity)[known])
    assert 0.75 < np.mean(inside) <= 1


def test_normalized_curves_do_not_depend_on_factors(without_saxs_scale):
    one, other = (load_spectra(run.folder / "saxs.h5") for run in without_saxs_scale)
    assert one.scale_free
    np.testing.assert_allclose(other.log_intensity, one.log_intensity, atol=1e-5)
    np.testing.assert_array_equal(other.mask, one.mask)


# Refused


def write_units(folder, measured, change):
    curves = read_curves(measured.path("curves/saxs.h5"))
    return write_curves(folder / "saxs.h5", "saxs", change(curves))


def test_curves_in_counts_are_refused_where_the_scale_is_learnt(measured, tmp_path):
    def counts(curves):
        return [curves[0], *in_arbitrary_units(curves[1:2], np.random.default_rng(0)), *curves[2:]]

    file = write_units(tmp_path, measured, counts)
    said = (
        r"sample sphere_01 \(sphere_01.saxs\): the intensity is in counts, not in 1/cm; set normalize.saxs.scale_free"
    )
    with pytest.raises(UserError, match=said):
        normalize(file, Normalize(), tmp_path / "out.h5")
    assert not (tmp_path / "out.h5").exists()
    normalize(file, Normalize(scale_free=True), tmp_path / "out.h5")


def test_settings_of_one_sample_in_different_units_are_refused(measured, tmp_path):
    def mixed(curves):
        return [curves[0], replace(curves[0], intensity_unit="arbitrary"), *curves[1:]]

    file = write_units(tmp_path, measured, mixed)
    with pytest.raises(
        UserError, match=r"another setting of the same sample is in 1/cm; set normalize\.saxs\.scale_sett"
    ):
        normalize(file, Normalize(scale_free=True), tmp_path / "out.h5")
    normalize(file, Normalize(scale_free=True, scale_settings=True), tmp_path / "out.h5")


@pytest.fixture(scope="module")
def with_scale(measured, tmp_path_factory):
    """Both scale-free, from curves in 1/cm: the scale of the partner is learnt apart from the shape."""
    joint = {"source_path": True, "background_weight": 0.5, "scale_weight": 0.5, "steps": 300}
    covariates = ("material", "d2o_fraction")
    return Run(tmp_path_factory.mktemp("run"), measured, {"saxs", "sans"}, covariates=covariates, **joint)


def off_scale(run, covariates):
    """log10 of predicted over measured SANS of the test samples, and the share of points inside the band."""
    predictions = {p.sample: p for p in run.model.translate(run.test["saxs"], to="sans", covariates=covariates)}
    assert {prediction.intensity_unit for prediction in predictions.values()} == {"1/cm"}
    off, inside = [], []
    for curve in run.test["sans"]:
        if prediction := predictions.get(curve.sample):
            measured = np.interp(prediction.q, curve.q, curve.intensity)
            off.append(np.median(np.log10(prediction.intensity / measured)))
            inside.append(np.mean((prediction.lower < measured) & (measured < prediction.upper)))
    return np.sqrt(np.mean(np.square(off))), np.mean(inside)


def test_a_partner_of_a_curve_in_inverse_cm_is_predicted_in_inverse_cm(with_scale):
    table = pd.read_csv(with_scale.folder / "samples.csv").set_index("sample_id")
    known = [table.loc[curve.sample, ["material", "d2o_fraction"]].to_dict() for curve in with_scale.test["saxs"]]
    with_contrast, inside = off_scale(with_scale, known)
    without, inside_without = off_scale(with_scale, None)
    # of two materials in two waters, shapes alone do not say how much more SANS sees than SAXS
    assert with_contrast < 0.25
    assert with_contrast < 0.6 * without
    assert min(inside, inside_without) > 0.7


def test_ten_times_the_concentration_gives_ten_times_the_partner(with_scale):
    curves = with_scale.test["saxs"][:4]
    once = with_scale.model.translate(curves, to="sans", draws=2)
    tenfold = with_scale.model.translate([scaled(curve, 10.0) for curve in curves], to="sans", draws=2)
    for a, b in zip(once, tenfold, strict=True):
        for name in ("intensity", "lower", "upper", "shape_lower", "shape_upper", "draws"):
            assert getattr(b, name) == pytest.approx(10 * getattr(a, name), rel=2e-3), name


def test_a_partner_of_a_curve_in_arbitrary_units_is_known_up_to_a_factor(with_scale):
    curve = with_scale.test["saxs"][0]
    absolute = with_scale.model.translate(curve, to="sans")
    relative = with_scale.model.translate(scaled(curve, 321.0, intensity_unit="arbitrary"), to="sans")
    assert (absolute.intensity_unit, relative.intensity_unit) == ("1/cm", "arbitrary")
    ratio = relative.intensity / absolute.intensity
    assert ratio == pytest.approx(np.full(ratio.size, ratio[0]), rel=2e-3)
    # what is left of both bands is the shape
    assert relative.upper / relative.lower == pytest.approx(absolute.shape_upper / absolute.shape_lower, rel=2e-3)
    assert (absolute.upper / absolute.lower > 0.99 * relative.upper / relative.lower).all()


def test_a_scale_is_learnt_of_shapes_alone(measured, tmp_path):
    with pytest.raises(UserError, match=r"scale_weight: the SANS network knows the scale of its curves already"):
        Run(tmp_path, measured, {"saxs"}, scale_weight=0.1)


def test_an_exported_path_copies_the_source_as_the_model_does(with_scale, monkeypatch, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    monkeypatch.setattr("pairvae.use.export.PATHS", ("sans_from_saxs",))  # every path takes seconds to export
    with_scale.model.export(tmp_path / "onnx")
    session = onnxruntime.InferenceSession(tmp_path / "onnx" / "sans_from_saxs.onnx")
    curves = with_scale.test["saxs"][:3]
    batch, _ = with_scale.model.tensors(curves, "saxs")
    nothing = batch["covariates"].numpy()
    given = {"log_intensity": batch["log_intensity"].numpy(), "mask": batch["mask"].numpy()}
    middle, *_ = session.run(None, given | {"source_covariates": nothing, "target_covariates": nothing})
    for row, prediction in zip(middle, with_scale.model.translate(curves, to="sans"), strict=True):
        shape = np.log10(prediction.intensity)
        assert row - row.mean() == pytest.approx(shape - shape.mean(), abs=1e-3)
