"""What the header of a text table, or the caller, says of its columns: names, units, and what is no curve."""

import re
from pathlib import Path

import numpy as np
import pytest

from pairvae.errors import ReadError
from pairvae.formats.inspect import inspect_file
from pairvae.formats.read import MissingFact, read_settings
from pairvae.formats.read_options import ReadOptions
from pairvae.samples.inspect_report import text_line

Q = np.geomspace(0.01, 0.3, 30)
I = 5 / (1 + (Q / 0.05) ** 2)  # noqa: E741
DI = 0.03 * I
DQ = 0.05 * Q
MODEL = 1.02 * I
OF_FWHM = 1 / np.sqrt(8 * np.log(2))


@pytest.fixture
def table(tmp_path):
    """Write a header and columns; return the file."""

    def write(header, *columns, between="  "):
        rows = "\n".join(between.join(f"{value:.8e}" for value in row) for row in zip(*columns, strict=True))
        path = tmp_path / "curve.dat"
        path.write_text(f"{header}\n{rows}\n", encoding="utf-8")
        return path

    return write


def read(path, **options):
    (found,) = read_settings(path, ReadOptions(**{"q_unit": "1/A", **options}))
    return found


def asked(path, **options):
    with pytest.raises(MissingFact) as missing:
        read(path, **options)
    assert "columns" in missing.value.needs
    return missing.value


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("# q exp_intensity model_intensity", (Q, I, MODEL)),
        ("#  q       exp_intensity   model_intensity", (Q, I, MODEL)),
        ("q[1/A] I_exp I_fit", (Q, I, MODEL)),
        ("q  Iexp  Icalc", (Q, I, MODEL)),
        ("sExp iExp iFit", (Q, I, MODEL)),
        ("q (1/A)\tI(q)\tmodel", (Q, I, MODEL)),
        ("q | data | fit", (Q, I, MODEL)),
        ("q I I_smooth", (Q, I, MODEL)),
        ("fit data q", (MODEL, I, Q)),
    ],
)
def test_a_model_beside_the_measured_intensity_is_left_out_and_noted(table, header, columns):
    found = read(table(header, *columns))
    np.testing.assert_allclose(found.intensity, I)
    assert found.sigma is None
    assert any(note.startswith("columns not used: ") for note in found.notes)


@pytest.mark.parametrize(
    ("header", "columns", "sigma", "dq"),
    [
        ("Mod_Q   \tI       \tErr_I   \tSigma_Q", (Q, I, DI, DQ), "Err_I", "Sigma_Q"),  # GRASP
        ("   sExp  |  iExp |  Err | iFit(+Const) | Chi^2=   0.207", (Q, I, DI, MODEL), "Err", None),  # ATSAS
        (" sExp iExp Err iFit // Chi^2 =   7.46", (Q, I, DI, MODEL), "Err", None),
        (" sExp iExp Err iExp* iFit // Chi^2 =   2.81  1.07", (Q, I, DI, MODEL, MODEL), "Err", None),
        (" OLIGOMER fit: s, Iexp, sigma, Ifit. Chi^2 =  594.97", (Q, I, DI, MODEL), "sigma", None),
        ("#  q  exp_intensity   error model_intensity", (Q, I, DI, MODEL), "error", None),  # FoXS, both orders
        ("#  q  exp_intensity   model_intensity error", (Q, I, MODEL, DI), "error", None),
        ("q(1/A)          Column          Error", (Q, I, DI), "Error", None),  # DAWN
        ("REMARK 265    COLUMNS : q, I(q), error", (Q, I, DI), "error", None),  # Scatter
        ("#q/nm-1\t#I/cm-1\t#Ierr_stdv/cm-1", (Q, I, DI), "Ierr_stdv", None),
        ("q Å-1\t\tI(q) cm-1\tSig cm-1", (Q, I, DI), "Sig", None),
        ("Q [1/A]  dΣ/dΩ [1/cm]  σ [1/cm]", (Q, I, DI), "σ", None),
        ("q I dI fit residual", (Q, I, DI, MODEL, I - MODEL), "dI", None),
        ("x y sigma", (Q, I, DI), "sigma", None),
        ("# Columns are q, I(q), sigma, dq", (Q, I, DI, DQ), "sigma", "dq"),
    ],
)
def test_headers_of_other_programs_are_known(table, header, columns, sigma, dq):
    (found,) = inspect_file(table(header, *columns), ReadOptions(q_unit="1/A"))
    assert (found.error, found.needs) == (None, ())
    assert (found.sigma_column, found.dq_column) == (sigma, dq)
    np.testing.assert_allclose(found.spectrum.q, Q)
    np.testing.assert_allclose(found.spectrum.intensity, I)
    np.testing.assert_allclose(found.spectrum.sigma, DI)
    if dq:
        np.testing.assert_allclose(found.spectrum.dq, DQ)


@pytest.mark.parametrize(
    ("header", "columns", "names", "hint"),
    [
        ("q,sample,buffer", (Q, I, 0.3 * I), "q, sample, buffer", "q I -"),
        ("q,I_raw,I_bgsub", (Q, I, 0.9 * I), "q, I_raw, I_bgsub", "q I -"),
        ("q I I_bgsub", (Q, I, 0.9 * I), "q, I, I_bgsub", "q I -"),
        ("# q [1/A]\tI(q) sample\tI(q) buffer", (Q, I, 0.3 * I), "q, I(q) sample, I(q) buffer", "q I -"),
        ("q\tmicelles", (Q, I), "q, micelles", "q I"),
        ("q I1 I2 I3", (Q, I, I, I), "q, I1, I2, I3", "q I - -"),
        ("Q  R  dR", (Q, I, DI), "Q, R, dR", "q I -"),
        ("A B q", (I, DI, Q), "A, B, q", "I - q"),
        ("h I err", (Q, I, DI), "h, I, err", "q I dI"),
    ],
)
def test_columns_that_may_be_anything_are_asked_for_by_name_with_what_to_type(table, header, columns, names, hint):
    path = table(header, *columns, between="," if header.startswith("q,") else "  ")
    missing = asked(path)
    assert f"its columns are called {names}, " in str(missing)
    assert f"--columns '{hint}'" in str(missing)
    (found,) = inspect_file(path)
    assert (found.columns_hint, ", ".join(found.column_names)) == (hint, names)
    assert f"needs --columns '{hint}' (the header names {names})" in text_line(found)
    np.testing.assert_allclose(read(path, columns=hint).q, Q)


@pytest.mark.parametrize(("width", "hint"), [(4, "q I dI -"), (5, "q I dI - -"), (6, "q I dI - - -")])
def test_the_hint_names_every_column_of_a_wide_table(table, width, hint):
    path = table("", Q, I, DI, *[MODEL + k for k in range(width - 3)])
    assert f"--columns '{hint}'" in str(asked(path))
    np.testing.assert_allclose(read(path, columns=hint).sigma, DI)
    with pytest.raises(ReadError, match=f"name 2, the table has {width}; say them as --columns '{hint}'"):
        read(path, columns="q I")


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("q [1/nm]\tlog10(I)", "its column 2 is the logarithm of the intensity (log10(I)); expected I"),
        ("q [1/nm]  ln I", "column 2 is the logarithm of the intensity (ln I)"),
        ("q [1/nm]  I [log10]", "column 2 is the logarithm of the intensity (I [log10])"),
        ("q  I·q²", "column 2 is the intensity times a power of q (I·q²)"),
        ("q  I*q^4", "column 2 is the intensity times a power of q (I*q^4)"),
        ("q  q²·I", "column 2 is the intensity times a power of q (q²·I)"),
        ("q Iq4", "column 2 is the intensity times a power of q (Iq4)"),
        ("q  S(q)", "column 2 is a structure or form factor (S(q))"),
        ("q^2  ln(I)", "its first column is a power of q (q^2); expected q; export q itself"),
        ("log10(q)  I", "first column is the logarithm of q (log10(q))"),
        ("ln(q/A^-1)  I", "first column is the logarithm of q (ln(q/A^-1)); expected q; export q itself"),
        ("q  lg(I)", "the logarithm of the intensity (lg(I)); expected I; export I(q), not its logarithm"),
        ("# Angle [deg]\tIntensity", "first column is a scattering angle (Angle)"),
        ("# x [deg]\tIntensity", "first column is a scattering angle (x)"),
        ("TTH,I", "first column is a scattering angle (TTH)"),
        ("2θ (°)  I", "first column is a scattering angle (2θ)"),
        ("d I", "first column is a lattice spacing (d)"),
        ("d-spacing (nm)  Intensity", "first column is a lattice spacing (d-spacing)"),
        ("pixel I", "first column is a pixel or a running number (pixel)"),
        ("channel counts", "first column is a pixel or a running number (channel)"),
        ("x (mm)  I", "first column is a length (x)"),
        ("Channel No.  Counts", "first column is a pixel or a running number (Channel No.)"),
        ("time [s]  I", "first column is a time (time [s])"),
        ("Lag time (s)         g2-1", "first column is a time (Lag time (s))"),
        ("qy [1/A]  I", "first column is one component of q (qy)"),
        ("r [nm]  p(r)", "first column is a length (r)"),
        ("t_run7 r_run7 s_run7", "first column is a scattering angle (2theta)"),  # Nika's waves
    ],
)
def test_what_is_neither_q_nor_the_intensity_is_refused_by_name(table, header, said):
    columns = (Q, I, DI) if header.startswith("t_") else (Q, I)
    with pytest.raises(ReadError) as refused:
        read(table(header, *columns, between="," if header == "TTH,I" else "  "))
    assert said in str(refused.value)
    assert not isinstance(refused.value, MissingFact)


def test_beside_q_and_the_intensity_they_are_left_out(table):
    found = read(table("2theta  q  d  I  log10(I)  dI", 7 * Q, Q, 6 / Q, I, np.log10(I), DI))
    np.testing.assert_allclose(found.q, Q)
    np.testing.assert_allclose(found.sigma, DI)
    assert "columns not used: 2theta, d, log10(I)" in found.notes


@pytest.mark.parametrize(
    "prose",
    [
        "# I vs q",
        "# Intensity versus q",
        "# silica in water",
        "# Exposure time (s): 10",
        "# d spacing 5",
        "# Time data collected",
        "# Wavelength (nm)  Thickness (mm)  Distance (m)",
        "# wavelength 0.6 nm, thickness 1 mm, q-range 0.01 to 0.3",
        "Sample: lysozyme  c= 4.20 mg/ml  Code: lyso",
        "# averaged over Qx and Qy",
        "# Pixel size large",
        "# q range used",
        "Q_micelle_7\tR_micelle_7\tS_micelle_7",  # Irena's waves
    ],
)
def test_prose_above_a_table_is_no_header(table, prose):
    found = read(table(prose, Q, I, DI))
    np.testing.assert_allclose(found.intensity, I)
    np.testing.assert_allclose(found.sigma, DI)


@pytest.mark.parametrize("third", [MODEL, 0.7 * I, 3 * I])
def test_a_third_column_without_a_name_as_large_as_the_intensity_is_asked_for(table, third):
    missing = asked(table("run 7, T= 0.3", Q, I, third))
    assert "no header says what the third column is, and it is as large as the intensity" in str(missing)
    assert "--columns 'q I -'" in str(missing)


def test_the_sigma_of_a_faint_or_noisy_curve_needs_no_name(table):
    q = np.geomspace(0.01, 0.3, 200)
    smooth = 5 / (1 + (q / 0.05) ** 4)
    tail = table("", q, smooth, 0.02 + 0.01 * smooth)  # far above the intensity at high q
    assert read(tail).sigma is not None
    noise = np.random.default_rng(0).normal(0, 1, 200)
    assert read(table("", q, 0.3 + noise, np.ones(200) + 0.01 * q)).sigma is not None


@pytest.mark.parametrize("name", ["q*Angstrom", "Q·Å", "q×nm", "q * nm"])
def test_a_quantity_times_a_unit_is_a_number(table, name):
    found = read(table(f"{name}\tI*cm\tdI*cm", Q, I, DI), q_unit=None)
    np.testing.assert_allclose(found.q, Q / (10 if "nm" in name else 1))
    assert (found.intensity_unit, found.reading.intensity_unit) == ("1/cm", "1/cm")


@pytest.mark.parametrize(
    ("header", "intensity", "sigma", "remark"),
    [
        ("# q [1/A]\tI [1/cm]\tdI [%]", I, 0.01 * DI * I, "sigma in % of the intensity: converted"),
        ("# q [1/A]\tI [1/cm]\tsigma (%)", I, 0.01 * DI * I, "sigma in % of the intensity: converted"),
        ("# q [1/A]\tI [1/cm]\terr/%", I, 0.01 * DI * I, "sigma in % of the intensity: converted"),
        ("# q [1/A]\tI [1/cm]\trel. error [%]", I, 0.01 * DI * I, "sigma in % of the intensity: converted"),
        ("# q [1/A]\tI [1/cm]\tdI/I", I, DI * I, "sigma as a fraction of the intensity: converted"),
        ("q I dI\n1/A 1/cm %", I, 0.01 * DI * I, "sigma in % of the intensity: converted"),
        ("# q [1/A]\tI [1/m]\tdI [1/cm]", I / 100, DI, "sigma in 1/cm: converted to the unit of the intensity"),
        ("# q [1/A]\tI [1/cm]\tdI [1/m]", I, DI / 100, "sigma in 1/m: converted to the unit of the intensity"),
        ("q,I,dI\n1/A,m^-1,cm^-1", I / 100, DI, "sigma in 1/cm: converted to the unit of the intensity"),
        ("# q [1/A]\tI [1/cm]\tdI [2 sigma]", I, DI / 2, "sigma divided by 2: given as 2 sigma"),
        (
            "# q [1/A]\tI\tdI [1/m]",
            I / 100,
            DI / 100,
            "unit of intensity not stated: taken as 1/m, that of its uncertainty",
        ),
    ],
)
def test_the_uncertainty_of_the_intensity_has_its_own_unit(table, header, intensity, sigma, remark):
    found = read(table(header, Q, I, DI, between="," if header.startswith("q,") else "  "), q_unit=None)
    np.testing.assert_allclose(found.intensity, intensity)
    np.testing.assert_allclose(found.sigma, sigma)
    assert remark in found.reading.warnings


SHARE = 0.03 + 0.1 * Q


@pytest.mark.parametrize("between", ["  ", ","])
@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("2*sigma", 2 * DI),
        ("2sigma", 2 * DI),
        ("3sigma(1/cm)", 3 * DI),
        ("3 x err", 3 * DI),
        ("CI95(1/cm)", 1.96 * DI),
        ("dI (95% CI)", 1.96 * DI),
        ("2 x standard error", 2 * DI),
        ("variance", DI**2),
        ("Var", DI**2),
        ("var(I)", DI**2),
        ("sigma^2", DI**2),
        ("σ²", DI**2),
        ("variance (1/cm^2)", DI**2),
        ("variance [cm^-2]", DI**2),
        ("1/sigma^2", 1 / DI**2),
        ("weight (1/sigma^2)", 1 / DI**2),
        ("I/sigma", I / DI),
        ("S/N", I / DI),
        ("signal-to-noise", I / DI),
        ("err(permille)", 1000 * SHARE),
        ("sigma(‰)", 1000 * SHARE),
        ("err[‰]", 1000 * SHARE),
        ("rel. sigma (%)", 100 * SHARE),
        ("relative error", SHARE),
        ("relative_error", SHARE),
        ("err_pct", 100 * SHARE),
        ("dI_percent", 100 * SHARE),
        ("error [pct]", 100 * SHARE),
        ("100*dI/I", 100 * SHARE),
        ("$\\sigma_I/I$", SHARE),
    ],
)
def test_other_statistics_of_the_uncertainty_are_converted_with_a_word(table, between, name, numbers):
    header = between.join(("q(1/A)", "I(1/cm)", name)) if between == "," else f"# q(1/A) I(1/cm) {name}"
    found = read(table(header, Q, I, numbers, between=between), q_unit=None)
    share = not np.allclose(numbers / DI, (numbers / DI)[0]) and numbers[0] / SHARE[0] in (1, 100, 1000)
    np.testing.assert_allclose(found.sigma, SHARE * I if share else DI)
    assert any(warning.startswith("sigma ") for warning in found.reading.warnings)


@pytest.mark.parametrize("name", ["err(permille)", "rel. sigma (%)"])
def test_a_share_that_is_the_same_at_every_point_is_no_placeholder(table, name):
    found = read(table(f"# q(1/A) I(1/cm) {name}", Q, I, np.full(30, 20.0)))
    np.testing.assert_allclose(found.sigma, I * (0.02 if "perm" in name else 0.2))


@pytest.mark.parametrize("name", ["dI [95 %]", "variance (1/cm)", "sigma (90% CI)", "expanded uncertainty"])
def test_an_uncertainty_of_unclear_statistic_is_asked_about(table, name):
    assert "is no unit of an uncertainty that is known" in str(asked(table(f"# q(1/A)\tI(1/cm)\t{name}", Q, I, DI)))


def test_of_several_uncertainties_the_plain_one_counts(table):
    for other in ("variance", "dI/I [%]", "S/N"):
        found = read(table(f"# q(1/A)\tI(1/cm)\t{other}\tdI(1/cm)", Q, I, 7 * DI, DI))
        np.testing.assert_allclose(found.sigma, DI)


@pytest.mark.parametrize(
    ("intensity", "sigma", "factor"),
    [
        ("I*1000", "dI*1000", 1e-3),
        ("I*1000 (1/cm)", "dI*1000 (1/cm)", 1e-3),
        ("I(1/cm)*1e3", "dI(1/cm)*1e3", 1e-3),
        ("I x 10^3 (1/cm)", "dI x 10^3 (1/cm)", 1e-3),
        ("I x1e3", "dI x1e3", 1e-3),
        ("10³·I", "10³·dI", 1e-3),
        ("Ix1000(1/cm)", "dIx1000(1/cm)", 1e-3),
        ("I/1000", "dI/1000", 1e3),
        ("I (10^3 1/cm)", "dI (10^3 1/cm)", 1e3),
        ("I (1e-3 1/cm)", "dI (1e-3 1/cm)", 1e-3),
        ("I [10⁻³ cm⁻¹]", "dI [cm⁻¹]", (1e-3, 1)),
        ("I*1000 (1/cm)", "dI [%]", (1e-3, 1e-5 * I)),
    ],
)
def test_a_factor_in_the_name_or_the_unit_of_the_intensity_is_taken_out(table, intensity, sigma, factor):
    found = read(table(f"# q(1/A)\t{intensity}\t{sigma}", Q, I, DI), q_unit=None)
    of_intensity, of_sigma = factor if isinstance(factor, tuple) else (factor, factor)
    np.testing.assert_allclose(found.intensity, of_intensity * I)
    np.testing.assert_allclose(found.sigma, of_sigma * DI)
    assert found.intensity_unit == "1/cm"


def test_a_factor_that_the_uncertainty_may_share_is_asked_about(table):
    path = table("# q(1/A)\tI*1000\tdI", Q, I, DI)
    assert "I*1000 is multiplied by 1000, and the header does not say whether dI is as well" in str(asked(path))
    np.testing.assert_allclose(read(path, columns="q I -").intensity, I / 1000)


@pytest.mark.parametrize(
    "name", ["I/I0", "I(q)/I(0)", "I_norm", "normalised intensity", "I/c", "I/I_max", "I (kcounts)"]
)
def test_an_intensity_that_is_a_ratio_is_not_in_1_per_cm(table, name):
    assert read(table(f"# q(1/A)\t{name}\tdI", Q, I, DI)).intensity_unit == "arbitrary"


@pytest.mark.parametrize("between", [" ", "  ", "\t"])
@pytest.mark.parametrize("name", ["I q^2", "I q^4", "q^2 I", "log I", "10log10 I", "I (dB)"])
def test_no_intensity_is_refused_however_its_name_is_spaced(table, between, name):
    with pytest.raises(
        ReadError, match=r"its column 2 is the (logarithm of the intensity|intensity times a power of q)"
    ):
        read(table(between.join(("# q(1/A)", name, "dI")), Q, I, DI))


@pytest.mark.parametrize("header", ["q_1/A,I_1/cm,dI_1/cm", "q_nm^-1,I_cm^-1,dI_cm^-1", "q_invA,I_cm-1,dI_cm-1"])
def test_a_unit_may_follow_an_underscore(table, header):
    found = read(table(header, Q, I, DI, between=","), q_unit=None)
    np.testing.assert_allclose(found.q, Q / (10 if "nm" in header else 1))
    assert (found.reading.intensity_unit, found.reading.sigma_column) == ("1/cm", "dI")


@pytest.mark.parametrize("header", ["q I dI\n[1/nm] [1/cm] [%]", "q,I,dI\n1/nm,1/cm,%", "q\tI\tyEr±\n1/nm\t1/cm\t%"])
def test_a_line_of_units_is_no_row_of_numbers(table, header):
    between = "," if "," in header else "\t" if "\t" in header else " "
    (found,) = inspect_file(table(header, Q, I, 100 * SHARE, between=between))
    np.testing.assert_allclose(found.spectrum.sigma, SHARE * I)
    assert (found.q_unit, found.rows_found, found.rows_dropped) == ("1/nm", 30, {})


def test_a_unit_of_sigma_that_a_line_of_units_leaves_out_is_that_of_the_intensity(table):
    for none in ("-", ""):
        np.testing.assert_allclose(read(table(f"q,I,dI\n1/nm,1/m,{none}", Q, I, DI, between=",")).sigma, DI / 100)


def test_a_name_that_says_its_unit_is_a_resolution_is_one(table):
    for name in ("Sigma [1/A]", "sigma(Q)[A^-1]"):
        found = read(table(f"Q[1/A]\tI[1/cm]\tdI[1/cm]\t{name}", Q, I, DI, DQ))
        np.testing.assert_allclose(found.dq, DQ)


def test_the_limits_of_bins_beside_q_are_left_out(table):
    found = read(table("q_low (1/A)\tq_high (1/A)\tq (1/A)\tI (1/cm)", 0.9 * Q, 1.1 * Q, Q, I))
    np.testing.assert_allclose(found.q, Q)


@pytest.mark.parametrize("lines", ["# Column {}: {}", "# {}: {}", "col {} = {}", "# {}. {}"])
def test_columns_may_be_listed_line_by_line(table, lines):
    def listed(*names):
        return "\n".join(lines.format(at, name) for at, name in enumerate(names, 1))

    found = read(table(listed("q (1/nm)", "I (1/cm)", "error (%)"), Q, I, 100 * SHARE), q_unit=None)
    np.testing.assert_allclose(found.q, Q / 10)
    np.testing.assert_allclose(found.sigma, SHARE * I)
    with pytest.raises(ReadError, match="column 2 is the logarithm of the intensity"):
        read(table(listed("q [1/nm]", "log10(I)"), Q, I))


@pytest.mark.parametrize("texts", ["micelle", "micelle,Jane", "ok then"])
def test_names_count_beside_columns_of_text(tmp_path, texts):
    path = tmp_path / "curve.csv"
    names = ",".join(["sample", "operator"][: len(texts.split(","))])
    rows = [f"{q},{i},{100 * share},{texts}" for q, i, share in zip(Q, I, SHARE, strict=True)]
    path.write_text("\n".join([f"q (1/A),I (1/cm),dI (%),{names}", *rows]))
    np.testing.assert_allclose(read(path).sigma, SHARE * I)
    path.write_text("\n".join([f"q (1/A),log10(I),dI (%),{names}", *rows]))
    with pytest.raises(ReadError, match="column 2 is the logarithm of the intensity"):
        read(path)
    rows = [f"{q},{i},micelle,{100 * share}" for q, i, share in zip(Q, I, SHARE, strict=True)]
    path.write_text("\n".join(["q (1/A),I (1/cm),sample,dI (%)", *rows]))
    assert "its column dI stands behind a column of text" in str(asked(path))


@pytest.mark.parametrize(
    ("header", "what"),
    [
        ("qRg\tI", "q times a length (qRg)"),
        ("q*Rg\tI", "q times a length (q*Rg)"),
        ("sin(theta)/lambda (1/A)\tI", "sin(θ)/λ"),
        ('*SCAN_AXIS_X "2-Theta"\n# 2theta\tI', "a scattering angle"),
    ],
)
def test_products_and_ratios_are_no_q(table, header, what):
    with pytest.raises(ReadError, match=re.escape(f"its first column is {what}")):
        read(table(header, Q, I))


def test_q_defined_by_its_formula_is_q(table):
    found = read(table("# q = 4pi sin(theta)/lambda (1/nm), I (1/cm), dI (1/cm)", Q, I, DI), q_unit=None)
    np.testing.assert_allclose(found.q, Q / 10)


@pytest.mark.parametrize(
    "line", ["# intensity normalised to 1 at q=0", "# Intensity divided by concentration (g/l)", "# arbitrary units"]
)
def test_a_scale_in_free_text_that_is_not_absolute_is_arbitrary(table, line):
    assert read(table(f"{line}\nq(1/A) I err", Q, I, DI)).intensity_unit == "arbitrary"
    assert read(table(f"{line}\nq(1/A) I(1/cm) err", Q, I, DI)).intensity_unit == "1/cm"


@pytest.mark.parametrize("name", ["q/2pi (1/A)", "q/(2π) [1/A]", "s(1/A)=2sin(theta)/lambda"])
def test_q_over_2_pi_is_s(table, name):
    np.testing.assert_allclose(read(table(f"# {name}\tI\tdI", Q, I, DI), q_unit=None).q, 2 * np.pi * Q)


def test_a_unit_of_q_that_is_not_known_and_overruled_is_warned_of(table):
    found = read(table("# q (1e-3 1/A)\tI\tdI", Q, I, DI), q_unit="1/A")
    assert "q read in 1/A as stated, though the header says 1e-3 1/A" in found.reading.warnings


@pytest.mark.parametrize("units", [("1/cm", "counts"), ("a.u.", "1/cm"), ("cps", "1/m")])
def test_a_sigma_that_cannot_be_brought_to_the_unit_of_the_intensity_is_absent(table, units):
    found = read(table("# q [1/A]\tI [{}]\tdI [{}]".format(*units), Q, I, DI))
    assert found.sigma is None
    assert any("cannot be converted to" in warning and "absent" in warning for warning in found.reading.warnings)


@pytest.mark.parametrize("name", ["dlogI", "sigma(log10 I)", "dI [dex]"])
def test_an_uncertainty_of_a_logarithm_is_refused(table, name):
    path = table(f"# q [1/A]\tI [1/cm]\t{name}", Q, I, DI)
    with pytest.raises(ReadError, match=r"column 3 is an uncertainty of a logarithm .* --columns 'q I -'"):
        read(path)
    assert read(path, columns="q I -").sigma is None


@pytest.mark.parametrize(
    ("column", "dq"),
    [
        ("dQ (FWHM)", DQ * OF_FWHM),
        ("FWHM_Q", DQ * OF_FWHM),
        ("delta_q fwhm", DQ * OF_FWHM),
        ("resolution (full width at half maximum)", DQ * OF_FWHM),
        ("dQ [1/A] (FWHM)", DQ * OF_FWHM),
        ("dQ [1/nm, FWHM]", DQ * OF_FWHM / 10),
        ("HWHM [1/A]", DQ * 2 * OF_FWHM),
        ("dq [1/nm]", DQ / 10),
        ("sigma_q/nm^-1", DQ / 10),
        ("dq [%]", 0.01 * DQ * Q),
        ("dQ/Q", DQ * Q),
    ],
)
def test_the_resolution_has_its_own_unit_and_may_be_a_full_width(table, column, dq):
    found = read(table(f"# q [1/A]\tI [1/cm]\tdI [1/cm]\t{column}", Q, I, DI, DQ), q_unit=None)
    np.testing.assert_allclose(found.dq, dq, rtol=1e-6)
    said = (
        "divided by" if "FWHM" in column or "HWHM" in column or "width" in column or "fwhm" in column else "converted"
    )
    assert any(warning.startswith("dq ") and said in warning for warning in found.reading.warnings)


@pytest.mark.parametrize("column", ["dq [deg]", "dq [mrad]", "dq (slit)", "dq [nm]"])
def test_a_resolution_in_no_unit_of_q_is_asked_for(table, column):
    missing = asked(table(f"# q [1/A]\tI [1/cm]\tdI [1/cm]\t{column}", Q, I, DI, DQ))
    assert "is no unit of an uncertainty that is known" in str(missing)
    assert "--columns 'q I dI -'" in str(missing)


@pytest.mark.parametrize(
    ("columns", "sigma", "dq"),
    [
        ("q[1/nm] I[1/cm] dI[%] dq[1/A]", 0.01 * DI * I, DQ),
        ("q[1/nm] I[1/cm] dI[1/m] dq[FWHM]", DI / 100, DQ * OF_FWHM / 10),
        ("q[1/nm] I[1/cm] dI dq[FWHM 1/A]", DI, DQ * OF_FWHM),
        ("q[1/nm] I[1/cm] dI dq[%]", DI, 0.001 * DQ * Q),
    ],
)
def test_the_caller_says_the_units_of_uncertainties(table, columns, sigma, dq):
    found = read(table("", Q, I, DI, DQ), q_unit=None, columns=columns)
    np.testing.assert_allclose(found.sigma, sigma)
    np.testing.assert_allclose(found.dq, dq)


@pytest.mark.parametrize("columns", ["q I dI[foo]", "q I dI[1/A]", "q I[foo] dI", "q[foo] I dI"])
def test_a_unit_that_is_none_is_refused_with_what_is_known(table, columns):
    with pytest.raises(ReadError, match=r"unknown unit .*'(foo|1/A)'"):
        read(table("", Q, I, DI), columns=columns)


def test_what_the_header_says_of_an_uncertainty_holds_where_the_caller_says_nothing(table):
    path = table("# q [1/A]\tI [1/cm]\tdI [%]", Q, I, DI)
    np.testing.assert_allclose(read(path, columns="q I dI").sigma, 0.01 * DI * I)
    np.testing.assert_allclose(read(path, columns="q I dI[1/cm]").sigma, DI)


def test_units_that_samples_csv_overrules_are_warned_of(table):
    path = table("# q [1/nm]\tI [1/m]\tdI [1/m]\tdq [1/nm]", Q, I, DI, DQ)
    found = read(path, intensity_unit="1/cm", said_in="manifest")
    assert found.reading.warnings == (
        "q read in 1/A as stated, though the header says 1/nm",
        "intensity read in 1/cm as stated, though the file says 1/m",
    )
    np.testing.assert_allclose(found.sigma, DI)  # with their quantities
    np.testing.assert_allclose(found.dq, DQ)


@pytest.mark.parametrize(
    ("header", "columns", "warning"),
    [
        ("# q log10(I)", "q I", "columns read as 'q I' against the header: log10(I) is read as I"),
        ("# q I_exp I_fit", "q I dI", "columns read as 'q I dI' against the header: I_fit is read as dI"),
    ],
)
def test_columns_against_the_header_are_warned_of(table, header, columns, warning):
    found = read(table(header, *(Q, I, MODEL)[: len(columns.split())]), columns=columns)
    assert warning in found.reading.warnings


@pytest.mark.parametrize("remark", ["sorted by q", "background subtracted", "averaged over 20 frames"])
def test_a_remark_in_brackets_is_no_unit_of_the_intensity(table, remark):
    found = read(table(f"# q [1/A] I ({remark})", Q, I))
    assert (found.intensity_unit, found.reading.intensity_unit_from) == ("1/cm", None)
    assert "unit of intensity not stated: taken as 1/cm" in found.reading.warnings


def test_the_range_that_is_shown_for_s_has_its_factor_of_2_pi(table):
    with pytest.raises(MissingFact, match=r"says the unit of s; in 1/A .* from 0\.0628 to 1\.88 1/Å, in 1/nm from"):
        read(table("# s I dI", Q, I, DI), q_unit=None)
    np.testing.assert_allclose(read(table("# s I dI", Q, I, DI)).q, 2 * np.pi * Q)


AXIS = np.linspace(-0.1, 0.1, 12)
QX, QY = (grid.ravel() for grid in np.meshgrid(AXIS, AXIS))
MAP = 5 / (1 + (QX**2 + QY**2) / 0.05**2)
COUNTS = np.random.default_rng(0).poisson(5, (150, 150))


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("# Qx Qy I", (QX, QY, MAP)),
        ("Qx (1/A),Qy (1/A),I(Qx,Qy),err(I)", (QX, QY, MAP, 0.1 * MAP)),
        ("Data columns Qx - Qy - I(Qx,Qy) - err(I)\nASCII data", (QX, QY, MAP, 0.1 * MAP)),
        ("ASCII data", (QX, QY, MAP)),
        ("", (QX + 0.2, QY + 0.2, MAP)),
        ("x_pixel y_pixel I", (QX + 0.2, QY + 0.2, MAP)),
        ("", COUNTS[:40, :20].T),
        ("", COUNTS[:, :90].T),
    ],
)
def test_a_map_over_two_dimensions_is_refused_and_not_asked_for(table, header, columns):
    (found,) = inspect_file(table(header, *columns, between="," if "," in header.split("\n")[-1] else " "))
    assert found.needs == ()
    assert "over two dimensions" in found.error or "a pixel or a running number" in found.error
    assert "export I(q)" in found.error


def test_rows_of_more_numbers_than_a_table_has_are_an_image(table):
    (found,) = inspect_file(table("", *COUNTS))
    assert "has rows of 150 numbers, as a detector image or many curves side by side" in found.error


FAULTS = Path(__file__).parents[2] / "shared" / "data" / "faults"


@pytest.mark.skipif(not FAULTS.is_dir(), reason="the faulty inputs are not beside the repository")
@pytest.mark.parametrize(
    ("name", "sigma", "dq"),
    [
        ("03_sigma_percent.dat", 0.02 * 2100.5, None),
        ("03b_sigma_other_unit.dat", 42.01, None),
        ("03d_dq_fwhm.dat", 42.01, 0.005 * OF_FWHM),
        ("04_log10I.dat", "the logarithm of the intensity (log10(I))", None),
        ("04c_angle.dat", "a scattering angle (Angle)", None),
    ],
)
def test_the_faulty_inputs_with_other_units_and_other_columns(name, sigma, dq):
    (found,) = inspect_file(FAULTS / name)
    if isinstance(sigma, str):
        assert sigma in found.error
    else:
        assert found.spectrum.intensity[0] == pytest.approx(2100.5)
        assert found.spectrum.sigma[0] == pytest.approx(sigma)
        assert (found.spectrum.dq is None) if dq is None else found.spectrum.dq[0] == pytest.approx(dq)
