"""From arrays to a Spectrum: units converted, masks kept, what cannot be understood refused in one sentence."""

import numpy as np
import pandas as pd
import pytest

from pairvae import Spectrum, read_spectrum, spectrum_from_arrays
from pairvae.errors import UserError

Q = np.linspace(0.1, 5, 50)
I = 100 / Q  # noqa: E741
UNITS = {"q_unit": "1/nm", "intensity_unit": "1/cm"}


class Quantity(np.ndarray):
    """An array with a unit of its own, as astropy and pint have them."""

    unit = "1/nm"


def test_arrays_become_what_the_reader_makes_of_the_same_numbers_in_a_file(tmp_path):
    rows = np.stack([Q, I, 0.1 * I, 0.02 * Q], axis=1)[::-1]
    rows[7, 1] = np.nan
    rows[9, 2] = 0
    np.savetxt(tmp_path / "curve.dat", rows, header="q[1/nm] I[1/m] dI dq", fmt="%.17g")
    read = read_spectrum(tmp_path / "curve.dat", technique="saxs")
    made = spectrum_from_arrays(*rows.T, q_unit="1/nm", intensity_unit="1/m", technique="saxs")
    for name in ("q", "intensity", "sigma", "dq"):
        np.testing.assert_allclose(getattr(made, name), getattr(read, name), rtol=1e-12)
    assert (made.q[0], made.intensity[0]) == (pytest.approx(0.01), pytest.approx(10))
    assert made.reading.repairs == read.reading.repairs
    assert made.reading.repairs["not_finite"] == 1
    assert (made.technique, made.reading.q_unit, made.reading.intensity_unit) == ("saxs", "1/nm", "1/m")


@pytest.mark.parametrize(
    ("q_unit", "intensity_unit", "q_factor", "factor", "unit"),
    [
        ("1/A", "1/cm", 1, 1, "1/cm"),
        ("s 1/nm", "1/mm", 0.2 * np.pi, 10, "1/cm"),
        ("1/nm", "counts", 0.1, 1, "arbitrary"),
        ("1/nm", "arbitrary", 0.1, 1, "arbitrary"),
    ],
)
def test_units_are_converted_with_the_uncertainties(q_unit, intensity_unit, q_factor, factor, unit):
    made = spectrum_from_arrays(Q, I, 0.1 * I, 0.02 * Q, q_unit=q_unit, intensity_unit=intensity_unit)
    np.testing.assert_allclose(made.q, q_factor * Q)
    np.testing.assert_allclose(made.dq, q_factor * 0.02 * Q)
    np.testing.assert_allclose(made.intensity, factor * I)
    np.testing.assert_allclose(made.sigma, factor * 0.1 * I)
    assert made.intensity_unit == unit


def test_masked_points_are_left_out_and_counted():
    q = np.ma.masked_less(Q, 0.35)
    intensity = np.ma.masked_greater(I, 200)
    made = spectrum_from_arrays(q, intensity, np.sqrt(I), **UNITS)
    np.testing.assert_allclose(made.q, 0.1 * Q[I <= 200])
    assert f"{(I > 200).sum()} masked points left out" in made.notes
    assert spectrum_from_arrays(np.ma.array(Q), I, **UNITS).notes == ()


def test_columns_of_a_table_and_lists_are_arrays():
    table = pd.DataFrame({"q": Q, "I": I})
    for q, intensity in ((table["q"], table["I"]), (Q.tolist(), I.tolist()), (Q.astype("f4"), I)):
        np.testing.assert_allclose(spectrum_from_arrays(q, intensity, **UNITS).intensity, I)


@pytest.mark.parametrize(
    ("arrays", "stated", "said"),
    [
        ((Q, I), {"q_unit": "nm"}, "unknown unit of q 'nm'; known are 1/A"),
        ((Q, I), {"q_unit": None}, "q_unit is None; expected a text as '1/nm'"),
        ((Q, I), {"intensity_unit": "1/s"}, "unknown unit of intensity '1/s'; known are 1/cm"),
        ((Q, I), {"technique": "SAXS"}, "technique is 'SAXS'; expected 'saxs' or 'sans'; pass 'saxs'"),
        ((Q, I[:9]), {}, "intensity has 9 points, q 50"),
        ((pd.DataFrame({"q": Q}), I), {}, r"q has shape \(50, 1\); expected one dimension"),
        ((Q, ["a"] * 50), {}, "intensity holds no numbers"),
        ((Q + 1j, I), {}, "q holds complex numbers"),
        ((Q.view(Quantity), I), {}, "q carries the unit '1/nm'; expected plain numbers"),
        ((np.r_[Q[:30], Q[20:]], np.r_[I[:30], I[20:]]), {}, "2 detector settings, .* make a spectrum of each"),
        ((Q[:2], I[:2]), {}, "2 usable points are left"),
    ],
)
def test_arrays_that_are_no_curve_are_refused_in_one_sentence(arrays, stated, said):
    with pytest.raises(UserError, match=said) as error:
        spectrum_from_arrays(*arrays, **UNITS | stated)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (
            {"intensity_unit": "1/m"},
            "intensity_unit is '1/m'; a Spectrum is in '1/cm' or 'arbitrary'; convert with pairvae",
        ),
        ({"intensity": np.ma.masked_greater(I, 200)}, r"intensity has 4 masked points, .*spectrum_from_arrays"),
        ({"sigma": np.ma.masked_greater(I, 200)}, "sigma has 4 masked points"),
        ({"q": Q.view(Quantity)}, "q carries the unit '1/nm'"),
        ({"technique": "SANS"}, "technique is 'SANS'; expected 'saxs' or 'sans'; pass 'sans'"),
        ({"technique": "xrd"}, "technique is 'xrd'; expected 'saxs' or 'sans'$"),
    ],
)
def test_a_spectrum_takes_nothing_in_other_units_for_its_own(facts, said):
    with pytest.raises(ValueError, match=said):
        Spectrum(**{"q": Q, "intensity": I} | facts)


def test_a_masked_array_without_a_masked_point_is_an_array():
    assert Spectrum(np.ma.array(Q), I).q.size == Q.size


@pytest.mark.parametrize("technique", ["SAXS", "x-ray"])
def test_reading_by_an_unknown_technique_says_which_there_are(text_file, technique):
    with pytest.raises(UserError, match=f"technique is '{technique}'; expected 'saxs' or 'sans'"):
        read_spectrum(text_file("# q[1/A] I[1/cm]\n0.1 3\n0.2 2\n0.3 1\n"), technique=technique)
