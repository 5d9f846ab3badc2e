"""Small files of each format, built from the formats' published descriptions."""

import numpy as np
import pytest

from pairvae.errors import ReadError
from pairvae.formats.inspect import inspect_file
from pairvae.formats.read import read_settings, read_spectrum
from pairvae.formats.read_options import ReadOptions

Q = np.linspace(0.01, 0.3, 30)
I = 5 / (1 + (Q / 0.05) ** 2)  # noqa: E741
DI = 0.03 * I
DQ = 0.05 * Q + 0.001


def rows(*columns, form="{:.6e}", between="  "):
    return "\n".join(between.join(form.format(value) for value in row) for row in zip(*columns, strict=True)) + "\n"


@pytest.fixture
def inspected(tmp_path):
    def write(content, **options):
        path = tmp_path / "curve"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return inspect_file(path, ReadOptions(**options))

    return write


def one(found):
    assert len(found) == 1, found
    assert found[0].error is None, found[0].error
    return found[0]


ABS = f"""FILE: SILIC010.SA3_SRK_S110  CREATED: 21-MAR-2019 15:10:02
LABEL: silica 1% in D2O
MON CNT   LAMBDA   DET ANG   DET DIST   TRANS   THICK   AVE   STEP
   1e+08     6       0     4     0.72     0.2   C     1
BCENT(X,Y)   A1(mm)   A2(mm)   A1A2DIST(m)   DL/L   BSTOP(mm)   DET_TYP
  112.3  105.2  50  12.7  8.7  0.138  50.8  ORNL
SAM: SILIC010.SA3
ABS Parameters (3-6):
The 6 columns are | Q (1/A) | I(Q) (1/cm) | std. dev. I(Q) (1/cm) | sigmaQ | meanQ | ShadowFactor|
{rows(Q, I, DI, DQ, Q * 1.001, np.ones(30))}"""


@pytest.mark.parametrize("text", [ABS, ABS.replace("The 6 columns", "six columns").replace("|", " ")])
def test_nist_abs(inspected, text):
    curve = one(inspected(text))
    assert (curve.points, curve.q_unit, curve.q_unit_from, curve.intensity_unit) == (30, "1/A", "file", "1/cm")
    assert (curve.sigma_column, curve.dq_column) == ("std. dev. I(Q)", "sigmaQ")
    np.testing.assert_allclose(curve.spectrum.dq, DQ, rtol=1e-6)


def test_nist_usans_with_a_slit_has_no_resolution_and_says_so(inspected):
    curve = one(inspected(ABS.split("The 6")[0] + rows(Q, I, DI, np.full(30, -0.117), Q, np.ones(30))))
    assert curve.dq_column is None
    assert curve.warnings == (
        "dq is -0.117 at every point, the sign of slit smearing: taken as absent, slit not corrected",
    )


PDH_FOOT = """<?xml version="1.0" encoding="utf-8"?>
<fileinfo version="3.50">
  <column key="X">
    <value key="unit">{x}</value>
    <value key="quantity">SCATTERING_VECTOR</value>
  </column>
  <column key="Y">
    <value key="unit">{y}</value>
    <value key="quantity">COUNTS_PER_AREA</value>
  </column>
</fileinfo>
"""
PDH = f"""silica in water
SAXS BOX
       30         0         0         0         0         0         0         0
  0.000000E+00   2.612000E+02   0.000000E+00   1.000000E+00   1.542000E-01
  0.000000E+00   0.000000E+00   0.000000E+00   0.000000E+00   0.000000E+00
{rows(10 * Q, I, DI)}"""


@pytest.mark.parametrize(
    ("text", "intensity_unit", "unit_from"),
    [
        (PDH, "1/cm", None),
        (PDH + PDH_FOOT.format(x="n_m^-1", y="u_m^-2"), "u_m^-2", "file"),
        (PDH + PDH_FOOT.format(x="n_m^-1", y="c_m^-1"), "1/cm", "file"),
    ],
)
def test_pdh_says_its_units_in_the_footer_or_by_its_wavelength(inspected, text, intensity_unit, unit_from):
    curve = one(inspected(text))
    assert (curve.points, curve.q_unit, curve.sigma_column) == (30, "1/nm", "column 3")
    assert (curve.intensity_unit, curve.intensity_unit_from) == (intensity_unit, unit_from)
    np.testing.assert_allclose(curve.spectrum.q, Q, rtol=1e-6)
    in_angstrom = PDH.replace("1.542000E-01", "1.542000E+00")
    assert one(inspected(in_angstrom)).q_unit == "1/A"


@pytest.mark.parametrize("dq", [False, True])
def test_rkh(inspected, dq):
    head = """ LOQ Tue 20-FEB-2001 13:46 SAMPLE: 83404     EMPTY CAN: 83387
 Wav  2.20 >  10.00
   30    0    0    0    1   30    0
         0         0         0         0
 3 (F12.5,2E16.6)
"""
    curve = one(inspected(head + rows(*[Q, I, DI, DQ][: 4 if dq else 3])))
    assert (curve.points, curve.q_unit, curve.q_unit_from, curve.repairs) == (30, "1/A", "file", {})
    assert curve.dq_column == ("column 4" if dq else None)


GNOM_HEAD = """
           ####    G N O M   ---   Version 4.6                       ####

                                                     Tue Feb 11 12:00:00 2014
           ===    Run No   1   ===
   Run title:  lysozyme
  Input file(s) : lyso.dat
   Angular   range    :     from    0.0100   to    0.3000
   Real space range   :     from      0.00   to     45.00

      S          J EXP       ERROR       J REG       I REG

"""


@pytest.mark.parametrize("version", ["4", "5"])
def test_gnom_output_gives_its_experimental_data(inspected, version):
    head = GNOM_HEAD
    if version == "5":
        head = head.replace("G N O M   ---   Version 4.6", "G N O M     Version 5.0 (r10552)").replace(
            "      S ", "           ####            Experimental Data and Fit                         ####\n\n      S "
        )
    extrapolated = "".join(
        f"  {x:.4E}                                       {y:.4E}\n" for x, y in [(0, 5.1), (5e-3, 5.05)]
    )
    distances = np.linspace(0, 45, 60)
    text = (
        head
        + extrapolated
        + rows(Q, I, DI, I * 1.01, I * 1.02, form="{:.4E}")
        + "\n           Distance distribution  function of particle  \n\n       R          P(R)      ERROR\n\n"
        + rows(distances, np.sin(distances / 45 * np.pi), np.full(60, 0.01), form="{:.4E}")
    )
    curve = one(inspected(text))
    assert (curve.points, curve.needs) == (30, ("q_unit",))
    assert curve.sigma_column == "ERROR"
    read = one(inspected(text, q_unit="1/A")).spectrum
    np.testing.assert_allclose(read.q, Q, rtol=1e-4)
    np.testing.assert_allclose(read.intensity, I, rtol=1e-4)


def test_atsas_dat_with_header_and_footer(inspected):
    text = f"Sample: lysozyme  c= 4.20 mg/ml  Code: lyso\n{rows(Q, I, DI)}\ncreator: RADAVER\nparent: a.dat b.dat\n"
    curve = one(inspected(text))
    assert (curve.points, curve.needs, curve.sigma_column) == (30, ("q_unit",), "column 3")


def test_bioxtas_header_in_comments(inspected):
    head = '### HEADER:\n#\n# {"raw_version": "2.1"}\n### DATA:\n#\n# 30\n#      Q             I(Q)           Error\n'
    text = head + rows(Q, I, DI)
    curve = one(inspected(text))
    assert (curve.points, curve.sigma_column, curve.needs) == (30, "Error", ("q_unit",))


@pytest.mark.parametrize(
    ("label", "unit", "factor"),
    [("Q  (Inverse Nanometres)", "1/nm", 0.1), ("q (A^-1)", "1/A", 1), ("Q Space (nm^-1)", "1/nm", 0.1)],
)
def test_fit2d_chi(inspected, label, unit, factor):
    curve = one(inspected(f"run7.tif: caked\n{label}\nIntensity\n         30\n{rows(Q, I)}"))
    assert (curve.points, curve.q_unit, curve.sigma_column) == (30, unit, None)
    np.testing.assert_allclose(curve.spectrum.q, factor * Q, rtol=1e-6)


def test_a_pyfai_header_names_unit_and_columns(inspected):
    head = "# == pyFAI calibration ==\n# Wavelength: 1.0e-10 m\n#       q_nm^-1             I         sigma\n"
    curve = one(inspected(head + rows(Q, I, DI)))
    assert (curve.q_unit, curve.sigma_column) == ("1/nm", "sigma")


@pytest.mark.parametrize("name", ["2th_deg", "2theta", "2-Theta"])
def test_a_scattering_angle_is_no_q(inspected, name):
    (found,) = inspected(f"# {name}  I\n{rows(np.linspace(1, 60, 30), I)}")
    assert f"its first column is a scattering angle ({name}); expected q; convert it with the wavelength" in found.error


def test_ill_text_whose_fourth_column_is_one_number(inspected):
    head = " sample: d11_31859_0.txt      background: d11_31861_2.txt\n  Multiplied by    1.000000\n          30\n"
    curve = one(inspected(head + rows(Q, I, DI, np.full(30, 1e-4))))
    assert (curve.needs, curve.sigma_column, curve.dq_column) == (("q_unit",), "column 3", None)
    assert "columns not used: column 4, 0.0001 in every row" in curve.warnings


def test_sasview_text(inspected):
    curve = one(inspected(f"<X>\t<Y>\t<dY>\t<dX>\n{rows(Q, I, DI, DQ)}", q_unit="1/A"))
    assert (curve.sigma_column, curve.dq_column, curve.q_unit_from) == ("<dY>", "<dX>", "option")
    np.testing.assert_allclose(curve.spectrum.dq, DQ, rtol=1e-6)


@pytest.mark.parametrize("unit", ["1/A", "1/nm", "1/m", "1/cm"])
@pytest.mark.parametrize("quantity", ["q", "s"])
def test_each_unit_of_q_and_of_s(inspected, unit, quantity):
    length = {"1/A": 1, "1/nm": 10, "1/m": 1e10, "1/cm": 1e8}[unit]
    scale = length / (2 * np.pi if quantity == "s" else 1)
    said = one(inspected(f"# {quantity} [{unit}]  I [1/m]  dI [1/m]\n{rows(Q * scale, I * 100, DI * 100)}"))
    stated = one(inspected(rows(Q * scale, I, DI), q_unit=f"{quantity} {unit}"))
    for found in (said, stated):
        np.testing.assert_allclose(found.spectrum.q, Q, rtol=1e-6)
        np.testing.assert_allclose(found.spectrum.sigma, DI, rtol=1e-6)
    assert (said.intensity_unit, said.q_unit_from, stated.q_unit_from) == ("1/m", "file", "option")


def test_a_unit_that_puts_q_out_of_range_warns(inspected):
    found = one(inspected(rows(Q, I), q_unit="1/m"))
    assert any("outside 1e-05 to 10 1/Å: check its unit" in text for text in found.warnings)
    assert not any("outside" in text for text in one(inspected(rows(Q, I), q_unit="1/A")).warnings)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_encodings(inspected, encoding):
    text = f"# Prüfling 7, q in 1/Å, größte Mühe\n{rows(Q, I, DI)}"
    assert one(inspected(text.encode(encoding))).q_unit == "1/A"


@pytest.mark.parametrize("form", ["{:.6f}", "{:.5E}"])
@pytest.mark.parametrize("between", [" ", "\t", ";", " ; "])
def test_decimal_comma(inspected, form, between):
    text = rows(Q, I, DI, form=form, between=between).replace(".", ",")
    np.testing.assert_allclose(one(inspected(text, q_unit="1/A")).spectrum.q, Q, rtol=1e-4)


def test_numbers_that_fortran_wrote(inspected):
    text = rows(Q, I, DI).replace("e-02", "D-02").replace("e-01", "d-01").replace("e+00", "")
    np.testing.assert_allclose(one(inspected(text, q_unit="1/A")).spectrum.intensity, I, rtol=1e-5)
    text = "0.100-101 5.0\n0.01 4.0\n0.02 3.0\n0.03 2.0\n"  # an exponent of three digits pushes out the E
    assert one(inspected(text, q_unit="1/A")).q_min == pytest.approx(1e-102)


def test_text_behind_the_numbers_is_left_out_and_counted(inspected):
    text = "".join(f"{q:.4f}  {i:.5f}  {d:.6f}  ok  run{n}\n" for n, (q, i, d) in enumerate(zip(Q, I, DI, strict=True)))
    curve = one(inspected(text, q_unit="1/A"))
    assert (curve.points, curve.sigma_column) == (30, "column 3")
    assert curve.repairs == {"text_behind_rows": 30}


@pytest.mark.parametrize("broken", ["0.0400  ERROR  0.0300", "0.0400  2.1", "0.04x  2.1  0.03", "0.0400 2.1 oops 0.03"])
def test_a_few_broken_rows_are_dropped_and_counted(inspected, broken):
    lines = rows(Q, I, DI).splitlines()
    lines[3] = lines[20] = broken
    curve = one(inspected("\n".join(lines), q_unit="1/A"))
    assert (curve.points, curve.repairs) == (28, {"broken_rows": 2})


def test_many_broken_rows_are_no_table(inspected):
    lines = [line if n % 2 else line.split()[0] + " ERROR 0.1" for n, line in enumerate(rows(Q, I, DI).splitlines())]
    (found,) = inspected("\n".join(lines), q_unit="1/A")
    assert "15 of 30 rows are no rows of 3 numbers" in found.error or "14 of 29 rows are" in found.error


def test_words_for_no_number(inspected):
    lines = rows(Q, I, DI).splitlines()
    for at, word in enumerate(("nan", "NaN", "-1.#IND", "1.#QNAN", "n/a", "--", "inf", "-Infinity", "1.#INF")):
        lines[at + 2] = f"{Q[at + 2]:.4f}  {word}  0.1"
    curve = one(inspected("\n".join(lines), q_unit="1/A"))
    assert (curve.points, curve.repairs) == (21, {"not_finite": 9})


@pytest.mark.parametrize("values", [np.ones(30), I, 1e6 * I * Q, np.full(30, 1e-30) * Q])
def test_a_column_that_is_no_sigma_is_a_dummy(inspected, values):
    curve = one(inspected(rows(Q, I, values), q_unit="1/A"))
    assert (curve.sigma_column, curve.spectrum.sigma) == (None, None)
    assert curve.repairs == {"sigma_dummy": 30}
    assert any("taken as absent" in text for text in curve.warnings)


def test_blocks_with_headers_of_their_own_are_entries(inspected, tmp_path):
    block = "# q [1/A]  I  dI\n"
    text = f"first\n{block}{rows(Q, I, DI)}\nsecond\n{block}{rows(Q, 2 * I, DI)}"
    found = inspected(text)
    assert [(curve.entry, curve.points) for curve in found] == [("block 1", 30), ("block 2", 30)]
    assert read_spectrum(tmp_path / "curve", entry="block 2").intensity[0] == pytest.approx(2 * I[0], rel=1e-6)
    with pytest.raises(ReadError, match="holds 2 curves; expected one; say which as --entry 'block 1'"):
        read_spectrum(tmp_path / "curve")
    with pytest.raises(ReadError, match="has no entry 'block 3'; it holds block 1, block 2"):
        read_spectrum(tmp_path / "curve", entry="block 3")


@pytest.mark.parametrize("order", [1, -1])
def test_overlapping_detector_settings_are_split(inspected, tmp_path, order):
    low, high = slice(0, 18), slice(12, 30)
    parts = [rows(Q[part], I[part], DI[part]) for part in (low, high)][::order]
    found = inspected("".join(parts), q_unit="1/A")
    assert [curve.entry for curve in found] == ["setting 1", "setting 2"]
    assert [curve.points for curve in found] == [18, 18]
    assert {len(read_settings(tmp_path / "curve", ReadOptions(q_unit="1/A")))} == {2}
    with pytest.raises(ReadError, match="holds one curve in 2 detector settings"):
        read_spectrum(tmp_path / "curve", q_unit="1/A")


@pytest.mark.parametrize(
    ("q", "message"),
    [
        (np.r_[Q, Q], "expected detector settings that each cover a q range of their own"),
        (np.r_[Q, Q[5:20]], "expected detector settings that each cover a q range of their own"),
        (np.r_[Q[:10], Q[7:9], Q[2:]], "the shortest run has 2"),
        (np.r_[Q[:12], 0.05, Q[13:]], "0.05 alone is out of line"),
        (np.tile([0.1, 0.2], 15), "q goes back 14 times"),
    ],
)
def test_a_q_that_goes_back_otherwise_is_refused(inspected, q, message):
    (found,) = inspected(rows(q, 1 / q), q_unit="1/A")
    assert message in found.error


def test_both_needs_are_listed_and_numbers_stand_as_in_the_file(inspected):
    curve = one(inspected(rows(Q, I, DI, DQ)))
    assert (curve.needs, curve.points) == (("q_unit", "columns"), 30)
    assert (curve.q_min, curve.q_max) == pytest.approx((0.01, 0.3))
    assert one(inspected(rows(Q, I, DI, DQ), q_unit="1/nm")).needs == ("columns",)
    done = one(inspected(rows(Q, I, DI, DQ), q_unit="1/nm", columns="q I dI dq"))
    assert (done.needs, done.dq_column, done.q_max) == ((), "column 4", pytest.approx(0.03))


@pytest.mark.parametrize(
    ("header", "q_unit", "intensity_unit"),
    [
        ("# Units: q in inverse nanometers, I in cm^-1", "1/nm", "1/cm"),
        ("q-unit = 1/nm\nintensity unit: m^-1", "1/nm", "1/m"),
        ("# Q (1/A), Intensity (counts)\n# made by hand", "1/A", "counts"),
        ("Q, A^-1   I, cm^-1   dI, cm^-1", "1/A", "1/cm"),
        ("# wavelength 0.6 nm, thickness 1 mm, q-range 0.01 to 0.3", None, "1/cm"),
        ("# X , Y , E\n1", None, "1/cm"),
    ],
)
def test_units_in_free_text(inspected, header, q_unit, intensity_unit):
    curve = one(inspected(f"{header}\n{rows(Q, I, DI)}"))
    assert (curve.q_unit, curve.intensity_unit, curve.sigma_column is None) == (q_unit, intensity_unit, False)


def test_a_unit_below_the_table_counts(inspected):
    assert one(inspected(f"{rows(Q, I, DI)}\n# q unit: 1/nm\n")).q_unit == "1/nm"
