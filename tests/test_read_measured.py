"""Reading measured files where they lie."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from sasdata.dataloader.readers.cansas_reader import Reader as XmlReader
from sasdata.dataloader.readers.cansas_reader_HDF5 import Reader as Hdf5Reader

from pairvae.errors import ReadError
from pairvae.formats.read import read_spectra, read_spectrum

MEASURED = Path(__file__).parents[2] / "shared" / "data" / "measured"
needs_measured = pytest.mark.skipif(not MEASURED.is_dir(), reason="the measured curves are not beside the repository")
TWO_PI = 2 * np.pi


# file, how to read it, points, first and last q in 1/Å, first intensity in 1/cm, first sigma, first dq
RAD = {"q_unit": "1/A", "columns": "q I dI -"}
PAIRS = [
    (
        "triglyceride_319_saxs.dat",
        {},
        231,
        0.0134034148 * TWO_PI / 10,
        0.564248,
        3.40143083,
        0.0027836942,
        None,
    ),
    (
        "triglyceride_319_sans.dat",
        {},
        202,
        0.0041090741 * TWO_PI / 10,
        0.337219,
        13323.958,
        20.2235484,
        9.582969e-4,
    ),
    (
        "triglyceride_319_03_saxs.dat",
        {},
        232,
        0.0134034148 * TWO_PI / 10,
        0.564248,
        1.156243,
        0.00123411,
        None,
    ),
    (
        "triglyceride_319_03_sans.dat",
        {},
        197,
        0.0041090741 * TWO_PI / 10,
        0.337219,
        5410.44753,
        8.68665474,
        9.582969e-4,
    ),
    (
        "triglyceride_331_saxs.dat",
        {},
        232,
        0.0134034148 * TWO_PI / 10,
        0.564248,
        1.97295820,
        0.0015778838,
        None,
    ),
    (
        "triglyceride_331_sans.dat",
        {},
        205,
        0.0041090741 * TWO_PI / 10,
        0.337219,
        12041.9662,
        19.3311531,
        9.582969e-4,
    ),
    (
        "triglyceride_331_03_saxs.dat",
        {},
        229,
        0.0134034148 * TWO_PI / 10,
        0.564248,
        0.86297281,
        0.00100917,
        None,
    ),
    (
        "triglyceride_331_03_sans.dat",
        {},
        190,
        0.0041090741 * TWO_PI / 10,
        0.337219,
        5082.18284,
        8.29848181,
        9.582969e-4,
    ),
    ("glassy_carbon_C4_saxs.xml", {}, 76, 0.0018044, 1.0002, 41.891, 0.9362, None),
    ("glassy_carbon_C4_sans_nist_6A.xml", {}, 111, 0.04519, 0.5605, 4.586, 0.01668, 0.005936),
    ("glassy_carbon_C4_sans_nist_15A.xml", {}, 111, 0.01807, 0.2242, 6.937, 0.1104, 0.002374),
    ("glassy_carbon_C4_sans_ill_d22.xml", {}, 196, 0.012570, 0.6557, 5.5430, 0.077390, None),
    ("nanodisc_saxs.rad", RAD, 106, 0.00944194011, 0.38200036, 0.0578362867, 6.11835450e-4, None),
    ("nanodisc_sans_d2o100_lowq.rad", RAD, 77, 9.4346693e-3, 7.2138153e-2, 1.951465, 0.2692598, None),
    ("nanodisc_sans_d2o100_highq.rad", RAD, 77, 5.9681918e-2, 0.4284439, 0.4054832, 3.7022766e-2, None),
    ("nanodisc_sans_d2o042_lowq.rad", RAD, 77, 9.4346693e-3, 7.2138153e-2, 0.2019693, 0.2156452, None),
    ("nanodisc_sans_d2o042_highq.rad", RAD, 77, 5.9681918e-2, 0.4284439, 7.3994040e-2, 5.4175824e-2, None),
]


@needs_measured
@pytest.mark.parametrize(("name", "options", "points", "first", "last", "intensity", "sigma", "dq"), PAIRS)
def test_measured_pair_files_read_as_they_are_written(name, options, points, first, last, intensity, sigma, dq):
    curve = read_spectrum(MEASURED / "pairs" / name, **options)
    assert curve.q.size == points
    assert curve.q[[0, -1]] == pytest.approx([first, last], rel=1e-5)
    assert curve.intensity[0] == pytest.approx(intensity, rel=1e-6)
    assert curve.sigma[0] == pytest.approx(sigma, rel=1e-5)
    assert (curve.dq is None) == (dq is None)
    assert dq is None or curve.dq[0] == pytest.approx(dq, rel=1e-5)
    assert curve.intensity_unit == "1/cm"
    if name.endswith("xml"):
        assert curve.technique == ("saxs" if "saxs" in name else "sans")


# file, entries, technique, points of each, sigma present, intensity unit
CURVES = [
    ("1998spheres.h5", "saxs", [1824, 3689], True, "1/cm"),
    ("GLASSYC_C4G8G9_w_TL.h5", "sans", [140, 113] * 3, True, "1/cm"),
    ("W1W2.h5", "sans", [140, 140], True, "1/cm"),
    ("cs_collagen_full.h5", "saxs", [331], True, "arbitrary"),
    ("ill_sasxml_example.h5", "sans", [61], True, "1/cm"),
    ("isis_sasxml_example.h5", "sans", [140], True, "1/cm"),
    ("r586.h5", "sans", [32], True, "1/cm"),
    ("s81-polyurea.h5", "saxs", [113], True, "1/cm"),
    ("xg009036_001.h5", "sans", [63], True, "1/cm"),
    ("gc14-dls-i22.h5", "saxs", [213], False, "arbitrary"),
    ("ExampleHDF5.h5", None, [519, 519], True, "1/cm"),
    ("GFP_5mgml_rear.xml", "sans", [62], True, "1/cm"),
    ("Colloid_dilute.dat", None, [1416], True, "1/cm"),
    ("spheres_0.dat", None, [560], False, "arbitrary"),
    ("peaks_0.dat", None, [560], False, "arbitrary"),
]


@needs_measured
@pytest.mark.parametrize(("name", "technique", "points", "has_sigma", "unit"), CURVES)
def test_curves_of_many_instruments_are_read(name, technique, points, has_sigma, unit):
    curves = read_spectra(MEASURED / "curves" / name)
    assert [curve.q.size for curve in curves] == points
    for curve in curves:
        assert curve.technique == technique
        assert (curve.sigma is not None) == has_sigma
        assert curve.intensity_unit == unit
        assert len(curve.source.sha256) == 64


@needs_measured
@pytest.mark.parametrize("name", ["cs_collagen_full.h5", "s81-polyurea.h5", "isis_sasxml_example.h5", "W1W2.h5"])
def test_nxcansas_numbers_are_those_in_the_file(name):
    for curve in read_spectra(MEASURED / "curves" / name):
        with h5py.File(MEASURED / "curves" / name) as file:
            group = file[curve.source.entry]
            np.testing.assert_allclose(curve.q, group["Q"][:], rtol=1e-12)
            np.testing.assert_allclose(curve.intensity, group["I"][:], rtol=1e-12)
            np.testing.assert_allclose(curve.sigma, group["Idev"][:], rtol=1e-12)


@needs_measured
@pytest.mark.parametrize("name", ["pairs/glassy_carbon_C4_saxs.xml", "curves/1998spheres.h5", "curves/W1W2.h5"])
def test_untroubled_files_read_as_sasdata_reads_them(name):
    reader = XmlReader() if name.endswith("xml") else Hdf5Reader()
    peers = reader.read(str(MEASURED / name))
    for curve, peer in zip(read_spectra(MEASURED / name), peers, strict=True):
        np.testing.assert_allclose(curve.q, peer.x)
        np.testing.assert_allclose(curve.intensity, peer.y)
        np.testing.assert_allclose(curve.sigma, peer.dy)


@needs_measured
def test_glassy_carbon_is_seen_alike_by_both_techniques():
    pairs = MEASURED / "pairs"
    saxs = read_spectrum(pairs / "glassy_carbon_C4_saxs.xml")
    sans = read_spectrum(pairs / "glassy_carbon_C4_sans_nist_6A.xml")
    ratio = np.interp(sans.q, saxs.q, np.log10(saxs.intensity)) - np.log10(sans.intensity)
    assert np.median(ratio[sans.q < 0.2]) == pytest.approx(0.8, abs=0.1)


TEST_DATA = [
    "",
    "_emptyLines",
    "_commaDelim",
    "_decimalComma",
    "_footer",
    "_extraCol",
    "_leadingTrailingSpaces",
]


@needs_measured
@pytest.mark.parametrize("variant", [*TEST_DATA, "_tabDelim"])
def test_the_same_numbers_in_any_dress_are_the_same_curve(variant):
    curve = read_spectrum(MEASURED / "awkward" / f"testData01{variant}.csv", q_unit="1/nm")
    assert curve.q.size == 50
    assert curve.q[[0, -1]] == pytest.approx([0.00566896311939, 0.287612128258], rel=1e-12)
    assert curve.intensity[0] == 25337.260437
    assert curve.sigma[-1] == 0.137368833216


@needs_measured
def test_units_line_below_the_names_is_understood():
    curve = read_spectrum(MEASURED / "awkward" / "testData01_UnicodeTwoLineHeader.csv")
    assert curve.q[0] == pytest.approx(0.00566896311939)
    assert curve.intensity[0] == pytest.approx(253.37260437)  # the file says 1/m


@needs_measured
def test_nan_rows_are_dropped_and_counted():
    curve = read_spectrum(MEASURED / "awkward" / "nans_in_1d_data.dat")
    assert curve.q.size == 2395
    assert "26 points with NaN or infinity dropped" in curve.notes
    assert "9 points with NaN or infinity dropped" in read_spectrum(MEASURED / "awkward" / "sans_iofq.dat").notes


@needs_measured
def test_columns_in_another_order_are_found_by_their_names():
    curve = read_spectrum(MEASURED / "awkward" / "smeared_data.txt", q_unit="1/A")
    assert curve.q[-1] == 1.19997942528146
    assert curve.intensity[-1] == -0.165913547031103


@needs_measured
def test_a_value_out_of_line_is_no_detector_setting():
    with pytest.raises(ReadError, match=r"q goes back 1 times, first from 0.01506 to 0.0141 .* file of its own"):
        read_spectra(MEASURED / "awkward" / "sans_data_q_not_increasing.sub")


@needs_measured
def test_overlapping_detector_settings_in_one_file_are_split():
    low, high = read_spectra(MEASURED / "curves" / "bimodal-test1.xml")
    assert (low.q.size, high.q.size) == (71, 20)
    assert (low.q[-1], high.q[0]) == (0.1717408, 0.1717076)
    assert (low.source.setting, high.source.setting) == (1, 2)
    with pytest.raises(ReadError, match=r"one curve in 2 detector settings, 0.004016 to 0.1717 1/Å \(71 points\)"):
        read_spectrum(MEASURED / "curves" / "bimodal-test1.xml")


@needs_measured
@pytest.mark.parametrize(("name", "points"), [("negative_q_value", 49), ("zero_intensity", 6), ("two_columns", 6)])
def test_awkward_text_files_are_repaired_with_a_note(name, points):
    curve = read_spectrum(MEASURED / "awkward" / f"{name}.dat", q_unit="1/A")
    assert curve.q.size == points
    assert any("with q ≤ 0 dropped" in note for note in curve.notes)
