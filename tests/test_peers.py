"""What SasView and Mantid find in a prediction."""

import h5py
import numpy as np
import pytest
from sasdata.dataloader.data_info import Data1D
from sasdata.dataloader.loader import Loader

from pairvae.formats.read import read_spectrum
from pairvae.formats.write import write_nxcansas, write_text
from pairvae.scattering.spectrum import Spectrum

NORMAL_90 = 1.6448536  # half the width of the central 90 % of a normal distribution, in standard deviations


@pytest.fixture
def saxs(spheres, tmp_path):
    path = tmp_path / "sphere.csv"
    write_text(path, spheres[0].curve("saxs"))
    return path


@pytest.fixture
def predicted(pairvae, trained, saxs, tmp_path):
    """Predict SANS of a sphere; the file."""

    def call(*options, format="csv"):
        options = (*options, "--to", "sans", "--format", format, "--output", tmp_path / "out")
        code, _, err = pairvae("translate", "--model", trained.path("model"), *options, saxs)
        assert code == 0, err
        return tmp_path / "out" / f"sphere.sans.{'csv' if format == 'csv' else 'h5'}"

    return call


@pytest.fixture
def expected(model, saxs):
    return model.translate(read_spectrum(saxs, technique="saxs"), to="sans")


def sasview(path):
    """The one curve that SasView's loader finds in a file."""
    (found,) = Loader().load(str(path))
    assert isinstance(found, Data1D)
    assert not found.errors
    return found


def assert_refused_by_sasview(path):
    (nothing,) = Loader().load(str(path))
    assert nothing.errors
    assert nothing.x.tolist() is None


# SasView goes by the position of a column, Mantid by the names of groups


@pytest.mark.parametrize("options", [(), ("--joint",), ("--samples", 1)])
@pytest.mark.parametrize("format", ["csv", "nxcansas"])
def test_sasview_finds_q_intensity_and_one_standard_deviation(predicted, expected, format, options):
    found = sasview(predicted(*options, format=format))
    for values, name in ((found.x, "q"), (found.y, "intensity"), (found.dy, "sigma")):
        np.testing.assert_allclose(values, getattr(expected, name), rtol=1e-6)
    assert found.dx is None or not found.dx.any()  # 0 is unknown: nothing is smeared
    assert (found.x_unit, found.y_unit) == ("A^{-1}", "cm^{-1}")


def test_sasview_finds_a_reconstruction(pairvae, trained, model, saxs, tmp_path):
    options = ("--technique", "saxs", "--format", "csv", "--output", tmp_path / "out")
    assert pairvae("reconstruct", "--model", trained.path("model"), *options, saxs)[0] == 0
    found = sasview(tmp_path / "out" / "sphere.saxs.csv")
    (again,) = model.reconstruct(read_spectrum(saxs, technique="saxs"), "saxs")
    np.testing.assert_allclose(found.y, again.intensity, rtol=1e-6)
    np.testing.assert_allclose(found.dy, again.sigma, rtol=1e-6)
    assert not found.dx.any()


def test_sasview_refuses_many_draws_and_takes_none_for_an_uncertainty(predicted):
    assert_refused_by_sasview(predicted("--samples", 20))


def test_sasview_finds_no_curve_in_the_table_of_many_conditions(pairvae, trained, saxs, tmp_path):
    options = ("--to", "sans", "--covariate", "d2o_fraction=0,0.5,1", "--output", tmp_path / "out")
    assert pairvae("plan", "--model", trained.path("model"), *options, saxs)[0] == 0
    assert_refused_by_sasview(tmp_path / "out" / "sphere.plan.csv")


@pytest.mark.parametrize("sigma", [True, False])
@pytest.mark.parametrize("dq", [True, False])
@pytest.mark.parametrize("band", [True, False])
def test_sasview_finds_every_column_of_a_text_where_it_belongs(tmp_path, sigma, dq, band):
    q = np.geomspace(0.01, 0.4, 20)
    curve = Spectrum(q, 1 / q, 0.1 / q if sigma else None, q / 7 if dq else None)
    write_text(tmp_path / "curve.csv", curve, (0.5 / q, 2 / q) if band else None)
    found, again = sasview(tmp_path / "curve.csv"), read_spectrum(tmp_path / "curve.csv")
    np.testing.assert_allclose(found.dy, curve.sigma if sigma else np.zeros(20), rtol=1e-14)
    np.testing.assert_allclose(found.dx, curve.dq if dq else np.zeros(20), rtol=1e-14)
    np.testing.assert_array_equal(again.intensity, curve.intensity)
    assert ((again.sigma is None), (again.dq is None)) == (not sigma, not dq)


def test_standard_deviation_is_that_of_log_intensity_with_the_band_as_its_central_interval(model, spheres, expected):
    width = np.log(expected.upper / expected.lower) / (2 * NORMAL_90)
    np.testing.assert_allclose(expected.sigma, expected.intensity * width, rtol=1e-6)
    curve = spheres[0].curve("saxs")
    points, whole = (model.translate(curve, to="sans", joint=joint) for joint in (False, True))
    assert (whole.upper > points.upper).all()
    np.testing.assert_allclose(whole.sigma, points.sigma, rtol=1e-6)
    part = points.on(points.q[10:20])
    np.testing.assert_allclose(part.sigma, points.sigma[10:20], rtol=1e-6)


def test_files_say_what_their_standard_deviation_is(predicted):
    said = "one standard deviation of a new measurement: ln(upper/lower) / (2 * 1.645)"
    assert said in predicted().read_text(encoding="utf-8")
    with h5py.File(predicted(format="nxcansas")) as file:
        assert file["sasentry/sasdata/Idev"].attrs["description"].startswith(said)


# LoadNXcanSAS.cpp of Mantid 4 to 6 opens these by name, or throws
GROUPS = (
    "sasdata",  # exec
    "sasprocess",  # loadLogs
    "sasinstrument",  # loadInstrument, InstrumentNameInfo
)
TEXTS = (
    "definition",  # findDefinition; with it the generic Load takes the file for NXcanSAS
    "title",  # loadTitle; an empty text of variable length is a null pointer to the HDF5 library for C++
    "run",  # loadLogs
    "sasinstrument/name",  # without it InstrumentFileFinder takes the default instrument of the user
)
NUMBERS = ("Q", "I", "Idev")  # loadData


@pytest.mark.parametrize("sample", ["sphere", ""])
def test_mantid_finds_all_that_it_asks_for(tmp_path, sample):
    q = np.geomspace(0.01, 0.4, 20)
    write_nxcansas(tmp_path / "curve.h5", Spectrum(q, 1 / q, 0.1 / q, q / 7, "sans", sample), (0.5 / q, 2 / q))
    mantid_opens(tmp_path / "curve.h5")
    assert read_spectrum(tmp_path / "curve.h5").sample == sample


@pytest.mark.parametrize("options", [(), ("--joint",), ("--samples", 20)])
def test_mantid_finds_all_that_it_asks_for_in_a_prediction(predicted, expected, options):
    data = mantid_opens(predicted(*options, format="nxcansas"))
    for name, values in (("Q", expected.q), ("I", expected.intensity), ("Idev", expected.sigma)):
        np.testing.assert_allclose(data[name], values, rtol=1e-6)


def mantid_opens(path):
    """The numbers of a file, after the steps of LoadNXcanSAS.cpp."""
    assert path.suffix in (".h5", ".nxs")  # confidence
    with h5py.File(path) as file:
        (entry,) = file.values()  # getNameOfEntry: one object at the root, a group
        assert isinstance(entry, h5py.Group)
        assert entry.attrs["NX_class"] == "NXentry"  # findDefinition
        assert entry["definition"].asstr()[()] == "NXcanSAS"
        assert all(isinstance(entry[name], h5py.Group) for name in GROUPS)
        assert all(entry[name].asstr()[()] for name in TEXTS)
        data = entry["sasdata"]
        assert not {"Pin", "Pout"} & set(data)  # checkPolarization
        for name in NUMBERS:
            assert data[name].dtype == np.float64  # readArray1DCoerce
            assert data[name].shape == data["I"].shape == (data["I"].size,)  # getDataSpaceInfo: one spectrum
        assert data["I"].attrs["units"]  # setYUnit
        return {name: data[name][:] for name in NUMBERS}
