"""Headers that programs and people of several languages write, and what they must not be taken for."""

import h5py
import numpy as np
import pytest

from pairvae.errors import ReadError
from pairvae.formats.inspect import inspect_file
from pairvae.formats.read import MissingFact, read_spectrum
from pairvae.formats.read_options import ReadOptions

Q = np.geomspace(0.01, 0.3, 30)
I = 5 / (1 + (Q / 0.05) ** 2)  # noqa: E741
DI = 0.03 * I
COUNT = np.arange(30.0)
PERCENT = np.full(30, 3.0)


@pytest.fixture
def table(tmp_path):
    def write(header, *columns, between=",", footer="", comma=False):
        rows = [between.join(f"{value:.8e}" for value in row) for row in zip(*columns, strict=True)]
        text = "\n".join([*([header] if header else []), *(row.replace(".", ",") if comma else row for row in rows)])
        path = tmp_path / "curve.csv"
        path.write_text(f"{text}\n{footer}", encoding="utf-8")
        return path

    return write


def assert_is_curve(spectrum, sigma=True):
    np.testing.assert_allclose(spectrum.q, Q, rtol=1e-6)
    np.testing.assert_allclose(spectrum.intensity, I, rtol=1e-6)
    if sigma:
        np.testing.assert_allclose(spectrum.sigma, DI, rtol=1e-6)
    else:
        assert spectrum.sigma is None


def asked(path):
    """What is to be typed for the columns of a table that asks for them, and what it then reads."""
    (found,) = inspect_file(path)
    assert found.error is None
    assert "columns" in found.needs
    (mended,) = inspect_file(path, ReadOptions(q_unit="1/A", columns=found.columns_hint))
    assert mended.error is None
    assert not mended.needs
    return found.columns_hint, mended.spectrum


@pytest.mark.parametrize("header", [",q (1/A),I (1/cm)", "#,q (1/A),I (1/cm)", '"","q (1/A)","I (1/cm)"'])
def test_a_first_column_without_a_name_is_not_q(table, header):
    assert_is_curve(read_spectrum(table(header, COUNT, Q, I)), sigma=False)


def test_a_column_named_i_beside_an_intensity_counts_the_rows(table):
    assert_is_curve(read_spectrum(table("# i q(1/A) I(1/cm) err", COUNT, Q, I, DI, between=" ")))


def test_a_first_column_that_counts_rows_is_asked_about_without_a_header(table):
    hint, spectrum = asked(table("", COUNT, Q, I))
    assert hint == "- q I"
    assert_is_curve(spectrum, sigma=False)


@pytest.mark.parametrize(
    "header",
    [
        "Streuvektor [1/nm];Streuintensität [1/m];Standardabweichung [1/m]",
        "Impulsübertrag (1/nm);Zählrate (1/m);Messfehler (1/m)",
        "vecteur d'onde (1/nm);intensité (1/m);écart type (1/m)",
        "散乱ベクトル (1/nm);散乱強度 (1/m);誤差 (1/m)",
    ],
)
def test_columns_named_in_other_languages_are_read_with_their_units(table, header):
    assert_is_curve(read_spectrum(table(header, 10 * Q, 100 * I, 100 * DI, between=";", comma=True)))


def test_an_uncertainty_in_percent_is_understood_in_other_languages(table):
    header = "Vecteur de diffusion q (nm-1)\tIntensité absolue (cm-1)\tIncertitude (%)"
    assert_is_curve(read_spectrum(table(header, 10 * Q, I, PERCENT, between="\t", comma=True)))


@pytest.mark.parametrize("header", ["Winkel;Zählrate;Fehler", "angle de diffusion (degrés);intensité;erreur"])
def test_an_angle_is_refused_in_other_languages(table, header):
    with pytest.raises(ReadError, match="a scattering angle"):
        read_spectrum(table(header, 14 * Q, I, DI, between=";", comma=True))


@pytest.mark.parametrize("header", ["q (1/A),10 mg/ml,5 mg/ml", "q (1/A),25 °C,45 °C"])
def test_columns_named_by_conditions_are_asked_about(table, header):
    with pytest.raises(MissingFact, match="may be anything"):
        read_spectrum(table(header, Q, I, 0.45 * I))


def test_a_band_around_the_intensity_is_no_uncertainty(table):
    assert_is_curve(read_spectrum(table("q[1/A],I[1/cm],I+dI,I-dI", Q, I, I + DI, I - DI)), sigma=False)


@pytest.mark.parametrize("name", ["+/-", "±", "dI is 1 sigma"])
def test_a_sign_or_a_phrase_names_an_uncertainty(table, name):
    assert_is_curve(read_spectrum(table(f"q[1/A],I[1/cm],{name}", Q, I, DI)))


def test_a_name_that_says_two_sigma_is_divided_by_two(table):
    assert_is_curve(read_spectrum(table("q in 1/A,I in 1/cm,dI is 2 sigma", Q, I, 2 * DI)))


@pytest.mark.parametrize("name", ["probable error", "error bar (full length)"])
def test_other_measures_of_uncertainty_are_asked_about(table, name):
    hint, _ = asked(table(f"q[1/A],I[1/cm],{name}", Q, I, DI))
    assert hint == "q I -"


@pytest.mark.parametrize("name", ["RSD", "rel. error"])
def test_a_relative_uncertainty_too_large_for_a_fraction_is_asked_about(table, name):
    hint, spectrum = asked(table(f"q[1/A],I[1/cm],{name}", Q, I, PERCENT))
    assert hint == "q I dI[%]"
    assert_is_curve(spectrum)
    assert_is_curve(read_spectrum(table(f"q[1/A],I[1/cm],{name}", Q, I, PERCENT / 100)))


@pytest.mark.parametrize(
    ("above", "below", "column", "hint"),
    [
        ("# Fehler in Prozent\n", "", PERCENT, "q I dI[%]"),
        ("# Les erreurs sont en pour cent\n", "", PERCENT, "q I dI[%]"),
        ("", "# the errors are given in percent\n", PERCENT, "q I dI[%]"),
        ("# 3rd column is sigma/I\n", "", PERCENT / 100, "q I dI[relative]"),
        ("# third column: relative error\n", "", PERCENT / 100, "q I dI[relative]"),
        ("# Col 3 = variance\n", "", DI**2, "q I dI[variance]"),
    ],
)
def test_a_sentence_about_the_uncertainty_is_asked_about_with_what_to_type(table, above, below, column, hint):
    found, spectrum = asked(table(f"{above}# q[1/A],I[1/cm],err", Q, I, column, footer=below))
    assert found == hint
    assert_is_curve(spectrum)


@pytest.mark.parametrize(
    "line", ["# x-axis: log10(q)", "# x: q [1/nm], y: log I", "# values of q are given as log10(q)"]
)
def test_axes_said_to_be_logarithms_are_asked_about(table, line):
    with pytest.raises(MissingFact, match="is a logarithm"):
        read_spectrum(table(line, Q, I), q_unit="1/A")


@pytest.mark.parametrize(
    ("name", "what"),
    [("10*q (1/A)", "q times a number"), ("q x 100 (1/A)", "q times a number"), ("d=2pi/q (A)", "lattice")],
)
def test_what_is_calculated_from_q_is_refused(table, name, what):
    with pytest.raises(ReadError, match=what):
        read_spectrum(table(f"{name},I,dI", Q, I, DI))


@pytest.mark.parametrize("label", ["Radial Distance (mm)", "2-Theta Angle (Degrees)"])
def test_a_chi_file_of_something_else_than_q_is_refused(table, label):
    header = f"run.tif: integration\n{label}\nIntensity\n      30"
    with pytest.raises(ReadError, match="its first column is a"):
        read_spectrum(table(header, 100 * Q, I, between="  "), q_unit="1/A")


@pytest.mark.parametrize(
    "header",
    [
        "# q I dI\n# units: 1/nm, 1/m, 1/m",
        "q,I,Error\nnm\\+(-1),m\\+(-1),m\\+(-1)",
        "q (nm\\+(-1)),I (m\\+(-1)),dI (m\\+(-1))",
    ],
)
def test_rows_of_units_and_superscripts_of_origin_are_read(table, header):
    assert_is_curve(read_spectrum(table(header, 10 * Q, 100 * I, 100 * DI)))


@pytest.mark.parametrize(
    ("header", "columns", "typed"),
    [
        ("q (1/nm),I raw (1/cm),I (1/m),dI (1/m)", (10 * Q, 3 * I, 100 * I, 100 * DI), "q - I dI"),
        ("q (1/nm),I (1/cm),I raw (1/m),dI raw (1/m)", (10 * Q, 3 * I, 100 * I, 100 * DI), "q - I dI"),
        ("x (1/nm),sample (1/m),buffer (1/m),err", (10 * Q, 100 * I, I, 100 * DI), "q I - dI"),
        ("q (1/A),q (1/nm),I (1/cm),dI (1/cm)", (Q, 10 * Q, I, DI), "- q I dI"),
        ("q,sample,buffer,err\n1/nm,1/m,1/m,%", (10 * Q, 100 * I, I, PERCENT), "q I - dI"),
        ("q,I,dI,T\n1/nm,1/m,%,K", (10 * Q, 100 * I, PERCENT, Q), "q I dI -"),
    ],
)
def test_the_units_of_the_columns_that_are_typed_are_those_of_the_header(table, header, columns, typed):
    spectrum = read_spectrum(table(header, *columns), columns=typed)
    assert_is_curve(spectrum)
    assert spectrum.intensity_unit == "1/cm"


def test_a_typed_column_of_counts_is_not_taken_for_a_cross_section(table):
    path = table("q (1/A),I (1/cm),I_raw (counts)", Q, I / 3, I)
    assert read_spectrum(path, columns="q - I").intensity_unit == "arbitrary"


@pytest.mark.parametrize(("unit", "numbers"), [("1/m", 100 * DI), ("%", PERCENT)])
def test_the_units_of_x_y_and_e_are_read(table, unit, numbers):
    assert_is_curve(read_spectrum(table(f"X (1/nm),Y (1/m),E ({unit})", 10 * Q, 100 * I, numbers)))


@pytest.mark.parametrize("name", ["dI_buffer", "sigma raw", "Fehler Untergrund"])
def test_the_uncertainty_of_another_curve_is_not_used(table, name):
    assert_is_curve(read_spectrum(table(f"q[1/A],I[1/cm],{name}", Q, I, DI)), sigma=False)


def test_a_systematic_error_is_asked_about_and_left_out_beside_a_statistical(table):
    hint, spectrum = asked(table("q[1/A],I[1/cm],sys. error,stat. error", Q, I, DI / 3, DI))
    assert hint == "q I - dI"
    assert_is_curve(spectrum)


@pytest.mark.parametrize(("name", "times"), [("2*dq", 2), ("dq/2", 0.5)])
def test_a_factor_in_the_name_of_the_resolution_is_taken_out(table, name, times):
    spectrum = read_spectrum(table(f"q[1/A],I[1/cm],{name}", Q, I, times * 0.05 * Q))
    np.testing.assert_allclose(spectrum.dq, 0.05 * Q, rtol=1e-6)


@pytest.mark.parametrize(("name", "bad"), [("Maske", 1), ("gültig", 0)])
def test_flags_in_other_languages_drop_rows(table, name, bad):
    flags = np.where(COUNT < 4, bad, 1 - bad)
    assert read_spectrum(table(f"q[1/A];I[1/cm];dI;{name}", Q, I, DI, flags, between=";")).q.size == 26


@pytest.fixture
def nexus(tmp_path):
    def write(sigma="Idev", numbers=DI, **labels):
        path = tmp_path / "curve.h5"
        with h5py.File(path, "w") as file:
            data = file.create_group("entry/data")
            file["entry"].attrs.update(NX_class="NXentry", canSAS_class="SASentry")
            data.attrs.update(NX_class="NXdata", canSAS_class="SASdata", signal="I", I_axes="Q")
            for name, values, unit in (("Q", Q, "1/A"), ("I", I, "1/cm"), (sigma, numbers, "1/cm")):
                data[name] = values
                data[name].attrs["units"] = unit
            data["I"].attrs["uncertainties"] = sigma
            for name, label in labels.items():
                data[name].attrs["long_name"] = label
        return path

    return write


@pytest.mark.parametrize("name", ["variance", "dI_squared", "I_variance"])
def test_a_variance_in_nxcansas_becomes_sigma_with_a_warning(nexus, name):
    (found,) = inspect_file(nexus(name, DI**2))
    assert_is_curve(found.spectrum)
    assert any("given as a variance" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    ("labels", "what"),
    [({"I": "log10(I)"}, "the logarithm of the intensity"), ({"Q": "2theta (deg)"}, "a scattering angle")],
)
def test_a_label_against_the_name_is_refused(nexus, labels, what):
    with pytest.raises(ReadError, match=what):
        read_spectrum(nexus(**labels))


def test_labels_that_say_the_same_are_read(nexus):
    assert_is_curve(read_spectrum(nexus(Q="Q [1/A]", I="Intensity [1/cm]")))
