"""Reading text tables, and what is refused whatever the format."""

import numpy as np
import pytest

from pairvae.errors import ReadError
from pairvae.formats.read import read_spectra, read_spectrum
from pairvae.formats.read_options import ReadOptions
from pairvae.scattering.units import parse_intensity_unit, parse_q_unit
from pairvae.settings import Read

TWO_PI = 2 * np.pi
TABLE = "0.01 10.5 0.5\n0.02 8.25 0.25\n0.03 -1.5 0.125\n0.04 0 0.0625\n"


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
    stated = read_spectrum(file, columns="s I - dI", q_unit="1/A")
    assert stated.q[0] == pytest.approx(TWO_PI * 0.01)
    assert stated.dq is None
    assert any("though the header says 1/nm" in note for note in stated.notes)
    assert any("though the header reads as 'q I dI dq'" in note for note in stated.notes)


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
    ("content", "options", "message"),
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
def test_a_file_that_cannot_be_read_is_one_sentence(text_file, content, options, message):
    with pytest.raises(ReadError, match=message) as error:
        read_spectra(text_file(content), ReadOptions(**options))
    assert "\n" not in str(error.value)
    assert "curve.dat" in str(error.value)


def test_missing_files_folders_and_giants_are_refused(tmp_path, text_file):
    with pytest.raises(ReadError, match=r"none\.dat: cannot be read"):
        read_spectra(tmp_path / "none.dat")
    with pytest.raises(ReadError, match="is a folder"):
        read_spectra(tmp_path)
    with pytest.raises(ReadError, match="MB are read"):
        read_spectra(text_file(TABLE), settings=Read(max_megabytes=1e-5))
