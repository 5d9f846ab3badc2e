"""Sentences above a table that say its columns are something else than their names do."""

import time

import numpy as np
import pytest

from pairvae.formats.inspect import inspect_file
from pairvae.formats.read import MissingFact, read_spectrum

Q = np.geomspace(0.01, 0.3, 30)
I = 5 / (1 + (Q / 0.05) ** 2)  # noqa: E741
NAMES = "# q[1/A] I[1/cm] dI[1/cm] dq[1/A]"


@pytest.fixture
def table(tmp_path):
    def write(*header):
        path = tmp_path / "curve.dat"
        np.savetxt(path, np.column_stack([Q, I, 0.03 * I, 0.05 * Q]), header="\n".join(header), comments="")
        return path

    return write


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("# errors are given in percent", "q I dI[%] dq"),
        ("# uncertainties in %", "q I dI[%] dq"),
        ("# dI is in permille of I", "q I dI[‰] dq"),
        ("# The error bars are relative", "q I dI[relative] dq"),
        ("# error bars are 2 sigma", "q I dI[2 sigma] dq"),
        ("# errors are 95% confidence intervals", "q I dI[95% CI] dq"),
        ("# the errors are variances", "q I dI[variance] dq"),
        ("# dq is FWHM", "q I dI dq[FWHM]"),
        ("# log10 of the intensity against q", "q I dI dq"),
        ("# y: ln(I)", "q I dI dq"),
        ("# Intensity is given as log10(I)", "q I dI dq"),
        ("# Kratky: q^2*I(q) against q", "q I dI dq"),
        ("# Porod plot", "q I dI dq"),
        ("# intensity on a log10 scale", "q I dI dq"),
        ("# S(q) of hard spheres", "q I dI dq"),
        ("# q⁴ I vs q", "q I dI dq"),
        ("# intensity in arbitrary units multiplied by q^4", "q I dI dq"),
    ],
)
def test_a_sentence_against_the_names_is_asked_about_with_what_to_type(table, line, hint):
    path = table(line, NAMES)
    with pytest.raises(MissingFact) as asked:
        read_spectrum(path)
    assert f"{line!r} above the table says that " in str(asked.value)
    assert f"--columns '{hint}'" in str(asked.value)
    read_spectrum(path, columns=hint)


@pytest.mark.parametrize(
    ("hint", "sigma"),
    [
        ("q I dI[%] dq", 0.01 * 0.03 * I * I),
        ("q I dI[‰] dq", 0.001 * 0.03 * I * I),
        ("q I dI[2 sigma] dq", 0.015 * I),
        ("q I dI[95% CI] dq", 0.03 * I / 1.96),
        ("q I dI[variance] dq", np.sqrt(0.03 * I)),
        ("q I dI dq", 0.03 * I),
    ],
)
def test_the_answer_decides(table, hint, sigma):
    found = read_spectrum(table("# errors are given in percent", NAMES), columns=hint)
    np.testing.assert_allclose(found.sigma, sigma)


@pytest.mark.parametrize("line", ["# scan of 2theta in degrees, Cu Ka", "# I vs 2theta", '*SCAN_AXIS_X "2-Theta"'])
def test_an_angle_in_a_sentence_counts_where_no_name_says_q(table, line):
    (found,) = inspect_file(table(line, "# col1 col2 col3 col4"))
    assert "columns" in found.needs
    assert read_spectrum(table(line, NAMES)).q[0] == pytest.approx(0.01)


@pytest.mark.parametrize(
    "line",
    [
        "# q [1/A] I (sorted by q)",
        "# errors are not in percent",
        "# error bars are 1 sigma",
        "# AutoRg: Quality: 83.8%",
        "# Structure factor, S(q), used in: I(q) = P(q)*S(q)",
        "# Intensity scaled by concentration",
        "# log-rebinned",
        "# intensity in log spaced bins",
        "DSM_ExtrapFunction=Porod",
        "# Porod law: I ~ q^-4",
        "# Guinier: Rg = 3.4 nm",
        "# Invariant: integral of q^2 I(q) is 3e-3",
        "# Kratky camera, 10 % SDS",
        "# Theta_zmax 0.0168",
    ],
)
def test_prose_that_only_mentions_such_words_is_no_statement(table, line):
    np.testing.assert_allclose(read_spectrum(table(line, NAMES)).sigma, 0.03 * I)


def test_names_of_further_columns_are_no_statement(table):
    found = read_spectrum(table("# q[1/A]  I[1/cm]  dI[1/cm]  q^2*I"))
    np.testing.assert_allclose(found.intensity, I)


def test_a_sentence_about_a_factor_is_warned_of(table):
    found = read_spectrum(table("# intensities multiplied by 1000", NAMES))
    np.testing.assert_allclose(found.intensity, I)
    assert any("multiplied by a number: read as it is" in warning for warning in found.reading.warnings)


@pytest.mark.parametrize("line", ["# I in units of 10^-3 cm^-1", "# intensity unit: 1e-3 1/cm"])
def test_a_unit_with_a_factor_in_a_sentence_is_converted(table, line):
    found = read_spectrum(table(line, "# q[1/A] I dI dq[1/A]"))
    np.testing.assert_allclose(found.intensity, I / 1000)
    np.testing.assert_allclose(found.sigma, 0.03 * I / 1000)


@pytest.mark.parametrize("words", [": ", " : in", "is are ", "q^2 ", "log I ", "times q^2 "])
def test_a_line_of_many_such_words_takes_no_time(table, words):
    start = time.perf_counter()
    inspect_file(table("# sigma " + 400 * words, NAMES))
    assert time.perf_counter() - start < 1
