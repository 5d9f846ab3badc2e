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
