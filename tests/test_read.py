"""Reading single files: measured ones where they lie, small ones written here."""

import shutil
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from sasdata.dataloader.readers.cansas_reader import Reader as XmlReader
from sasdata.dataloader.readers.cansas_reader_HDF5 import Reader as Hdf5Reader

from pairvae.errors import ReadError
from pairvae.scattering.read import read_spectra, read_spectrum
from pairvae.scattering.spectrum import Spectrum
from pairvae.scattering.units import parse_intensity_unit, parse_q_unit
from pairvae.scattering.write import write_nxcansas
from pairvae.settings import Read

MEASURED = Path(__file__).parents[2] / "shared" / "data" / "measured"
needs_measured = pytest.mark.skipif(not MEASURED.is_dir(), reason="the measured curves are not beside the repository")
TWO_PI = 2 * np.pi
TABLE = "0.01 10.5 0.5\n0.02 8.25 0.25\n0.03 -1.5 0.125\n0.04 0 0.0625\n"


@pytest.fixture
def text_file(tmp_path):
    def write(content, name="curve.dat"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


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
@pytest.mark.parametrize(("name", "told", "points", "first", "last", "intensity", "sigma", "dq"), PAIRS)
def test_measured_pair_files_read_as_they_are_written(name, told, points, first, last, intensity, sigma, dq):
    curve = read_spectrum(MEASURED / "pairs" / name, **told)
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


@pytest.mark.parametrize(
    "text",
    [
        TABLE,
        TABLE.replace(" ", "\t"),
        TABLE.replace(" ", ","),
        TABLE.replace(" ", " , "),
        TABLE.replace(" ", ";"),
        TABLE.replace(".", ",").replace(" ", ";"),
        TABLE.replace(".", ",").replace(" ", "\t"),
        TABLE.replace("\n", "\r\n"),
        "\ufeff" + TABLE,
        "made 2021-05-03 by hand\nsample: 7\n\n" + TABLE + "\nend of file, 3 lines\n",
        TABLE.replace("0.03", "\n# detector moved\n0.03"),
        "0.01D0 1.05d+01 5.0D-01\n0.02 0.825E1 0.25\n0.03 -1.5 .125\n4e-2 0. 0.0625",
        '"0.01","10.5","0.5"\n"0.02","8.25","0.25"\n"0.03","-1.5","0.125"\n"0.04","0","0.0625"\n',
    ],
)
def test_text_is_read_whatever_its_dress(text_file, text):
    curve = read_spectrum(text_file(text), technique="sans", q_unit="1/A", sample="seven")
    assert curve.q.tolist() == [0.01, 0.02, 0.03, 0.04]
    assert curve.intensity.tolist() == [10.5, 8.25, -1.5, 0]
    assert curve.sigma.tolist() == [0.5, 0.25, 0.125, 0.0625]
    assert (curve.technique, curve.sample) == ("sans", "seven")


def test_latin_1_and_utf_16_text_is_read(text_file):
    for data in ("# Probe Nr. 7 für Å\n" + TABLE).encode("latin-1"), ("# µ\n" + TABLE).encode("utf-16"):
        assert read_spectrum(text_file(data), q_unit="1/A").q.size == 4


@pytest.mark.parametrize(
    ("header", "factor"),
    [
        ("# q (1/Angstrom), Intensity (counts), Error", 1),
        ("# Q [1/A], I, stddev", 1),
        ("q(A-1)   I(q)   Sig(q)", 1),
        ("q/nm^-1\tI/cm^-1\tdI/cm^-1", 0.1),
        ("# s [1/nm]  I [1/cm]  dI [1/cm]", TWO_PI / 10),
        ("Q I Idev\nÅ⁻¹ cm⁻¹ cm⁻¹", 1),
        ("# The 3 columns are | Q (1/A) | I(Q) (1/cm) | std. dev. I(Q) (1/cm)|", 1),
        ("# q[nm-1] of run 7", 0.1),
    ],
)
def test_headers_name_columns_and_unit(text_file, header, factor):
    curve = read_spectrum(text_file(header + "\n" + TABLE))
    assert curve.q == pytest.approx(factor * np.array([0.01, 0.02, 0.03, 0.04]))
    assert curve.sigma is not None


def test_stated_columns_win_and_are_noted(text_file):
    file = text_file("# q [1/nm] I [1/m] dI [1/m] dq\n" + TABLE.replace("\n", " 0.001\n"))
    assert read_spectrum(file).dq == pytest.approx(np.full(4, 1e-4))
    assert read_spectrum(file).intensity[0] == 0.105
    told = read_spectrum(file, columns="s I - dI", q_unit="1/A")
    assert told.q[0] == pytest.approx(TWO_PI * 0.01)
    assert told.dq is None
    assert any("though the header says 1/nm" in note for note in told.notes)
    assert any("though the header reads as 'q I dI dq'" in note for note in told.notes)


def test_stated_units_of_columns_count(text_file):
    file = text_file(TABLE.replace("\n", " 0.001\n"))
    curve = read_spectrum(file, columns="s[1/nm] I[a.u.] dI ds")
    assert curve.q[0] == pytest.approx(TWO_PI * 0.001)
    assert curve.dq[0] == pytest.approx(TWO_PI * 0.0001)
    assert curve.intensity_unit == "arbitrary"
    assert read_spectrum(file, columns="s I dI dq", q_unit="1/nm").dq[0] == pytest.approx(0.0001)
    assert read_spectrum(file, columns="q I dI dq", q_unit="s 1/nm").dq[0] == pytest.approx(TWO_PI * 0.0001)


def test_a_curve_is_repaired_with_a_note_for_each_repair(text_file):
    rows = [
        "0.05 1 0.1",
        "0.04 2 0",
        "0.03 4 1",
        "0.03 1 0.5",
        "0.02 nan 1",
        "0.01 5 1",
        "0.005 6 1",
        "-1 7 1",
    ]
    curve = read_spectrum(text_file("\n".join(rows)), q_unit="1/A")
    assert curve.q.tolist() == [0.005, 0.01, 0.03, 0.05]
    assert curve.intensity[2] == pytest.approx((4 + 4 * 1) / 5)  # weights 1 and 4
    assert curve.sigma[2] == pytest.approx(5**-0.5)
    assert curve.notes == (
        "unit of intensity not stated: taken as 1/cm",
        "1 points with NaN or infinity dropped",
        "1 points with q ≤ 0 dropped",
        "1 points with sigma ≤ 0 or not finite dropped",
        "q descended: order reversed",
        "1 points at the q of another one merged with it",
    )


@pytest.mark.parametrize("sigma", ["0", "-1", "nan", "1e9"])
def test_a_sigma_that_says_nothing_is_taken_as_absent(text_file, sigma):
    rows = "\n".join(f"{0.01 * i:.2f} {20 - i} {sigma}" for i in range(1, 15))
    curve = read_spectrum(text_file(rows), q_unit="1/A")
    assert curve.sigma is None
    assert any("sigma is" in note and "absent" in note for note in curve.notes)


@pytest.mark.parametrize(
    ("text", "factor", "quantity"),
    [
        ("1/A", 1, None),
        ("1/Å", 1, None),
        ("1/angstrom", 1, None),
        ("Å^-1", 1, None),
        ("A^{-1}", 1, None),
        ("1/nm", 0.1, None),
        ("nm⁻¹", 0.1, None),
        ("1/m", 1e-10, None),
        ("1/cm", 1e-8, None),
        ("q 1/nm", 0.1, "q"),
        ("s 1/nm", TWO_PI / 10, "s"),
    ],
)
def test_units_of_q(text, factor, quantity):
    unit = parse_q_unit(text)
    assert unit.inv_angstrom == pytest.approx(factor)
    assert unit.quantity == quantity


@pytest.mark.parametrize("text", ["", "nm", "A", "1/s", "degree", "1/"])
def test_other_units_of_q_are_refused(text):
    with pytest.raises(ValueError, match="known are 1/A, 1/nm"):
        parse_q_unit(text)


def test_units_of_intensity():
    assert parse_intensity_unit("cm^-1 sr^-1")[:2] == (1, "1/cm")
    assert parse_intensity_unit("1/m")[:2] == (0.01, "1/cm")
    assert parse_intensity_unit("a.u.")[:2] == (1, "arbitrary")


@pytest.mark.parametrize(
    ("content", "told", "message"),
    [
        (b"", {}, r"curve.dat: is empty; expected a scattering curve"),
        (b" \n\n", {}, "is empty"),
        (b"\x00\x01\x02binary", {}, "holds binary data of an unknown kind"),
        ("no numbers\nat all\n", {}, "no table found in 3 lines; expected rows of at least two numbers"),
        (
            TABLE,
            {},
            r"in 1/A the curve would run from 0.01 to 0.04 1/Å, in 1/nm from 0.001 to 0.004 1/Å; say which",
        ),
        (TABLE, {"q_unit": "1/s"}, "unknown unit of q '1/s'; known are"),
        (TABLE, {"q_unit": "1/A", "columns": "q I"}, "columns 'q I' name 2, the table has 3"),
        (TABLE, {"q_unit": "1/A", "columns": "q I e"}, "unknown column 'e'"),
        (TABLE, {"q_unit": "1/A", "columns": "q dI -"}, "does not name I"),
        (TABLE, {"q_unit": "1/A", "columns": "I I q"}, "names I twice"),
        (TABLE, {"q_unit": "1/A", "columns": "q s I"}, "names both q and s"),
        (TABLE, {"q_unit": "1/A", "entry": "first"}, "is a text table, which has no entries"),
        (
            TABLE.replace("\n", " 7\n"),
            {"q_unit": "1/A"},
            "the meaning of the table's 4 columns is not clear.* say them",
        ),
        ("A B Q\n" + TABLE, {"q_unit": "1/A"}, "the header puts q into column 3"),
        ("0.01 1 1\n0.02 1 1\n", {"q_unit": "1/A"}, "2 usable points are left; expected at least 3"),
        (
            "0.01 1\n0.03 1\n0.02 1\n0.04 1\n",
            {"q_unit": "1/A"},
            "q goes back 1 times, first from 0.03 to 0.02",
        ),
        (
            "0.1 1\n0.2 1\n" * 3 + "high q\n" + "0.3 1\n0.4 1\n" * 3,
            {"q_unit": "1/A"},
            "line 7: the table of 2 columns br",
        ),
        ("<html></html>", {}, "is XML with root <html>; expected canSAS"),
        ("<SASroot", {}, "is no well-formed XML"),
        ("<SASroot/>", {}, "is canSAS XML of namespace ''; expected"),
        ('<SASroot xmlns="cansas1d/1.0"/>', {}, "holds no SASdata group"),
        (b"\x89HDF\r\n\x1a\n broken", {}, "is a damaged HDF5 file"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_sentence(text_file, content, told, message):
    with pytest.raises(ReadError, match=message) as error:
        read_spectra(text_file(content), **told)
    assert "\n" not in str(error.value)
    assert "curve.dat" in str(error.value)


def test_missing_files_folders_and_giants_are_refused(tmp_path, text_file):
    with pytest.raises(ReadError, match=r"none\.dat: cannot be read"):
        read_spectra(tmp_path / "none.dat")
    with pytest.raises(ReadError, match="is a folder"):
        read_spectra(tmp_path)
    with pytest.raises(ReadError, match="MB are read"):
        read_spectra(text_file(TABLE), settings=Read(max_megabytes=1e-5))


CANSAS = """<SASroot xmlns="urn:cansas1d:1.1" version="1.1"><SASentry name="one">
<Title>powder</Title><Run>1</Run><SASdata>{points}</SASdata><SASsample><ID>silica</ID></SASsample><SASinstrument><name>x</name>
<SASsource><radiation>neutron</radiation></SASsource><SAScollimation/><SASdetector><name>d</name></SASdetector>
</SASinstrument><SASnote/></SASentry></SASroot>"""


def _points(q, unit="1/nm"):
    return "".join(
        f'<Idata><Q unit="{unit}">{x}</Q><I unit="1/m">{200 + i}</I><Idev unit="1/m">{i + 1}</Idev></Idata>'
        for i, x in enumerate(q)
    )


def test_cansas_xml_is_converted_and_its_nan_is_no_zero(text_file):
    points = _points([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]).replace(">203<", ">NaN<")
    curve = read_spectrum(text_file(CANSAS.format(points=points), "one.txt"))
    assert curve.q == pytest.approx([0.01, 0.02, 0.03, 0.05, 0.06])
    assert curve.intensity == pytest.approx([2, 2.01, 2.02, 2.04, 2.05])
    assert curve.sigma == pytest.approx([0.01, 0.02, 0.03, 0.05, 0.06])
    assert (curve.technique, curve.sample, curve.source.entry) == ("sans", "silica", "one")
    assert curve.notes == ("1 points with NaN or infinity dropped",)


def test_cansas_xml_in_an_unknown_unit_asks_for_it(text_file):
    file = text_file(CANSAS.format(points=_points([0.1, 0.2, 0.3, 0.4, 0.5], "furlong")))
    with pytest.raises(ReadError, match="gives q in 'furlong'; expected 1/A"):
        read_spectrum(file)
    assert read_spectrum(file, q_unit="s 1/nm").q[0] == pytest.approx(TWO_PI * 0.01)


def test_xml_of_strangers_reaches_nothing(text_file, tmp_path):
    (tmp_path / "secret").write_text("0.7")
    evil = f'<!DOCTYPE SASroot [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]>' + CANSAS.format(points=_points([1]))
    with pytest.raises(ReadError, match="declares a document type"):
        read_spectra(text_file(evil))


@pytest.fixture
def nxcansas(tmp_path):
    q = np.linspace(0.01, 0.3, 20)
    curve = Spectrum(q=q, intensity=1 / q, sigma=0.01 / q, dq=0.1 * q, technique="sans", sample="silica")
    write_nxcansas(tmp_path / "curve.h5", curve)
    return tmp_path / "curve.h5"


def test_the_content_decides_the_format(nxcansas):
    shutil.copy(nxcansas, nxcansas.with_suffix(".txt"))
    assert read_spectrum(nxcansas.with_suffix(".txt")).sample == "silica"


def test_a_neutron_curve_is_not_read_as_saxs(nxcansas):
    with pytest.raises(ReadError, match="says it is SANS data, but is to be read as SAXS"):
        read_spectrum(nxcansas, technique="saxs")


def test_several_entries_are_listed(nxcansas):
    with h5py.File(nxcansas, "a") as file:
        file.copy("sasentry", "second")
    with pytest.raises(ReadError, match=r"holds 2 curves; .*'sasentry/sasdata' .*, 'second/sasdata'"):
        read_spectrum(nxcansas)
    assert read_spectrum(nxcansas, entry="second").source.entry == "second/sasdata"
    with pytest.raises(ReadError, match="has no entry 'third'; it holds"):
        read_spectrum(nxcansas, entry="third")


def test_nxcansas_in_other_units_is_converted(nxcansas):
    expected = read_spectrum(nxcansas)
    with h5py.File(nxcansas, "a") as file:
        for name, unit in (("Q", "1/nm"), ("Qdev", "1/nm"), ("I", "1/m"), ("Idev", "1/m")):
            file["sasentry/sasdata"][name].attrs["units"] = unit
    curve = read_spectrum(nxcansas)
    assert curve.q == pytest.approx(expected.q / 10)
    assert curve.dq == pytest.approx(expected.dq / 10)
    assert curve.intensity == pytest.approx(expected.intensity / 100)
    assert curve.sigma == pytest.approx(expected.sigma / 100)
    told = read_spectrum(nxcansas, q_unit="1/A")
    assert told.q == pytest.approx(expected.q)
    assert "q read in 1/A as told, though the file says 1/nm" in told.notes


def test_nan_and_falling_q_in_nxcansas_are_noted(nxcansas):
    with h5py.File(nxcansas, "a") as file:
        data = file["sasentry/sasdata"]
        for name in ("Q", "I", "Idev", "Qdev"):
            data[name][:] = data[name][:][::-1]
        data["I"][3] = np.nan
        data["Q"][-1] = 0
    curve = read_spectrum(nxcansas)
    assert curve.q.size == 18
    assert curve.notes == (
        "1 points with NaN or infinity dropped",
        "1 points with q ≤ 0 dropped",
        "q descended: order reversed",
    )


def test_links_to_other_files_are_refused(nxcansas):
    with h5py.File(nxcansas, "a") as file:
        file["sasentry/more"] = h5py.ExternalLink("other.h5", "/x")
    with pytest.raises(ReadError, match="links to another file"):
        read_spectra(nxcansas)


def test_two_dimensional_data_are_refused(nxcansas):
    with h5py.File(nxcansas, "a") as file:
        del file["sasentry/sasdata/I"]
        file["sasentry/sasdata/I"] = np.ones((20, 20))
    with pytest.raises(ReadError, match=r"intensity has numbers of shape \(20, 20\); expected one number per q"):
        read_spectra(nxcansas)


def test_too_few_points_for_sasdata_are_a_sentence(tmp_path):
    curve = Spectrum(q=np.array([0.1, 0.2]), intensity=np.ones(2))
    write_nxcansas(tmp_path / "short.h5", replace(curve, sample="short"))
    with pytest.raises(ReadError, match="2 usable points"):
        read_spectra(tmp_path / "short.h5")
