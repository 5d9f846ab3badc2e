"""A trained model at work, through Python."""

import h5py
import numpy as np
import pytest

from pairvae.errors import UserError
from pairvae.models.pairvae import PairVAE, joined
from pairvae.models.resvae import ResVAE
from pairvae.prepare.covariates import Covariate
from pairvae.prepare.pair import complete_pairs, read_pairs
from pairvae.scattering.spectrum import Spectrum
from pairvae.use.trained_model import TrainedModel


def measured(sample, technique="saxs", **changed):
    return sample.curve(technique, **changed)


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
    (merged,) = model.translate([parts], to="sans")
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


def test_thousands_of_curves_at_once_give_what_each_gives_alone(model, spheres):
    several = [measured(one) for one in spheres[:4]] * 500
    found = model.translate(several, to="sans")
    assert len(found) == 2000
    np.testing.assert_allclose(found[1999].intensity, model.translate(several[3], to="sans").intensity, rtol=1e-4)


def test_each_sample_may_have_covariates_of_its_own(model, spheres):
    curve = measured(spheres[0])
    covariates = [{"d2o_fraction": 0.0}, {"d2o_fraction": 1.0}]
    both = model.translate([curve, curve], to="sans", covariates=covariates)
    for one, known in zip(both, covariates, strict=True):
        np.testing.assert_allclose(one.intensity, model.translate(curve, "sans", known).intensity, rtol=1e-5)
    with pytest.raises(UserError, match="2 sets of covariates for 1 samples"):
        model.translate([curve], to="sans", covariates=covariates)


def test_curve_of_the_target_technique_is_refused(model, spheres):
    with pytest.raises(UserError, match="was measured by sans; expected a saxs curve"):
        model.translate(measured(spheres[0], "sans"), to="sans")
