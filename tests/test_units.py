"""What units are understood as."""

import pytest

from pairvae.scattering.units import LONGEST_UNIT, find_q_unit, intensity_unit_name, parse_intensity_unit


def test_a_text_too_long_for_a_unit_is_cut_and_unknown():
    long = "1/cm" + "x" * 10 * LONGEST_UNIT
    assert len(intensity_unit_name(long)) == LONGEST_UNIT + 1
    factor, unit, note = parse_intensity_unit(long)
    assert (factor, unit) == (1.0, "arbitrary")
    assert len(note) < 2 * LONGEST_UNIT
    assert find_q_unit("1/A" + " " * 2 * LONGEST_UNIT + "x" * LONGEST_UNIT) is None


def test_blanks_around_a_unit_do_not_make_it_too_long():
    assert str(find_q_unit("1/nm" + " " * 2 * LONGEST_UNIT)) == "1/nm"


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("rad/nm", "1/nm"),
        ("rad/Å", "1/A"),
        ("1/nm (rad)", "1/nm"),
        ("rad nm^-1", "1/nm"),
        ("s rad/nm", "s 1/nm"),
        ("rad", None),
        ("mrad", None),
    ],
)
def test_an_angle_in_a_unit_of_q_has_no_dimension(text, unit):
    found = find_q_unit(text)
    assert (str(found) if found else None) == unit


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        ("1/cm", 1),
        ("cm^(-1)", 1),
        ("cm**-1", 1),
        ("(cm)^-1", 1),
        ("cm⁻¹", 1),
        ("$cm^{-1}$", 1),
        ("1/centimeter", 1),
        ("centimetre^-1", 1),
        ("1/cm/sr", 1),
        ("(cm sr)^-1", 1),
        ("1/cm-1", 1),  # no length is an intensity
        ("1/(m sr)", 0.01),
        ("1/millimeter", 10),
        ("Cross Section (1/cm)", 1),
        ("Intensity (cm^-1)", 1),
        ("I(q) [1/(m sr)]", 0.01),
        ("1/cm (absolute)", 1),
        ("log10 I (1/cm)", None),
        ("I*q^4 (1/cm)", None),
        ("Counts (1/cm)", None),
        ("1/cm^4", None),
        ("cm", None),
    ],
)
def test_spellings_of_a_unit_of_intensity(text, factor):
    assert parse_intensity_unit(text)[:2] == ((factor, "1/cm") if factor else (1.0, "arbitrary"))


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("Å⁻¹", "1/A"),
        ("1/angstrom", "1/A"),
        ("angstrom^-1", "1/A"),
        ("Å^(-1)", "1/A"),
        ("(nm)^-1", "1/nm"),
        ("q_nm^-1", "1/nm"),
        ("Scattering vector (1/nm)", "1/nm"),
        ("Q [A^-1]", "1/A"),
        ("2theta (1/nm)", None),
        ("2th_deg", None),
        ("d*2_nm^-2", None),
    ],
)
def test_spellings_of_a_unit_of_q(text, unit):
    found = find_q_unit(text)
    assert (found.text if found else None) == unit
