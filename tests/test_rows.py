"""Every row of a text that begins with a number is read, or counted with the reason, or the file is refused."""

import re
from pathlib import Path

import numpy as np
import pytest

from pairvae.formats.inspect import inspect_file
from pairvae.formats.read_options import ReadOptions
from pairvae.formats.text_rows import begins_with_number
from tests.test_formats import ABS, DI, DQ, GNOM_HEAD, PDH, PDH_FOOT, I, Q, rows

DATA = Path(__file__).parents[2] / "shared" / "data"
FAULTS = DATA / "faults"
BINARY = (".h5", ".nxs", ".xml")
HEADER = "# q [1/nm]  I [1/cm]  dI [1/cm]\n"
TABLE = """0.1 2100.5 42.01
0.12 1980.2 39.6
0.15 1750.1 35
0.2 1410.7 28.21
0.25 1102.3 22.05
0.3 861.2 17.22
0.4 512.4 10.25
0.5 300.1 6.002
0.7 110.7 2.214
1.0 40.2 0.804
1.4 12.9 0.258
2.0 5.1 0.102
"""
INTENSITY = [float(line.split()[1]) for line in TABLE.splitlines()]


@pytest.fixture
def inspected(tmp_path):
    def write(content, **options):
        path = tmp_path / "curve"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        found = inspect_file(path, ReadOptions(**options))
        text = path.read_bytes().decode().replace("\r", "\n")
        assert sum(one.rows_found for one in found) == sum(map(begins_with_number, text.split("\n")))
        for one in found:
            assert one.rows_read + sum(one.rows_dropped.values()) == one.rows_found
        return found

    return write


@pytest.mark.parametrize(
    "line",
    ["1 2", " +1.5e-3", "-.5", ",5;3", "0,5", '"0.1","2"', "'1", ";;1", "| 0.1 |", "\t7", "3x", "2019-03-21", "1.#INF"],
)
def test_a_row_begins_with_a_number_after_space_quotes_delimiters_and_sign(line):
    assert begins_with_number(line)


@pytest.mark.parametrize(
    "line",
    ["", "# 1 2", "nan 1 2", "1/A 1/cm", "1/nm,1/cm,%", "-- 1", "q 1", "- 1", "(1)", "***** 2", "\N{MINUS SIGN}1"],
)
def test_words_comments_and_marks_are_no_numbers(line):
    assert not begins_with_number(line)


def text_files():
    return [p for p in sorted(DATA.rglob("*")) if p.is_file() and p.suffix not in BINARY] if DATA.is_dir() else []


@pytest.mark.parametrize("path", text_files(), ids=lambda path: f"{path.parent.name}-{path.name}")
def test_the_rows_of_every_shared_text_add_up(path):
    number = re.compile(r"""[\s"'|;,]*[+-]?(\d|[.,]\d)""")
    lines = re.split(r"\r\n|\r|\n", path.read_bytes().decode("utf-8-sig", errors="replace"))
    found = inspect_file(path)
    if not path.stat().st_size:
        assert found[0].rows_found is None
        return
    assert sum(one.rows_found for one in found) == sum(number.match(line) is not None for line in lines)
    for one in found:
        assert one.rows_read + sum(one.rows_dropped.values()) == one.rows_found
        assert one.error is None or one.rows_dropped in ({"refused": one.rows_found}, {})
        if one.error is None and not one.needs:
            assert one.rows_read == one.points


@pytest.mark.skipif(not FAULTS.is_dir(), reason="the shared folder is not beside the repository")
@pytest.mark.parametrize(
    ("name", "points", "dropped"),
    [
        ("01_thousands.csv", 12, {}),
        ("02_masked_first_rows.dat", 7, {"broken_rows": 5}),
        ("02b_masked_last_rows.dat", 9, {"broken_rows": 3}),
        ("micelle_09_mask.dat", 64, {"broken_rows": 32}),
        ("11_header_numbers.dat", 90, {"numbers_in_header": 3}),
    ],
)
def test_inputs_that_lost_rows_in_silence(name, points, dropped):
    (one,) = inspect_file(FAULTS / name)
    assert (one.points, one.rows_dropped, one.error) == (points, dropped, None)
    lines = " ".join(one.warnings)
    assert "broken_rows" not in dropped or f"{dropped['broken_rows']} rows that are no rows of 3 numbers" in lines
    assert "numbers_in_header" not in dropped or "line 3 taken as numbers of the header" in lines


def with_thousands(delimiter, mark, decimal="."):
    def cell(text):
        whole, _, rest = f"{float(text):.3f}".partition(".")
        return re.sub(r"(?<=\d)(?=(\d{3})+$)", mark, whole) + decimal + rest

    table = [delimiter.join(map(cell, line.split())) for line in TABLE.splitlines()]
    return "\n".join([delimiter.join(("q [1/nm]", "I [1/cm]", "dI [1/cm]")), *table])


@pytest.mark.parametrize(
    ("delimiter", "mark", "decimal"),
    [
        *((delimiter, mark, ".") for delimiter in (";", "\t", "|") for mark in (",", " ", "'", "’", "\N{THIN SPACE}")),
        *((delimiter, mark, ",") for delimiter in (";", "\t") for mark in (".", " ", "'", "\N{NO-BREAK SPACE}")),
        (" ", ",", "."),
        (" ", "'", "."),
        (" ", "\N{NARROW NO-BREAK SPACE}", "."),
        (" ", "\N{THIN SPACE}", ","),
        (" ", ".", ","),
        (",", "'", "."),
    ],
)
def test_thousands_separators_that_can_be_nothing_else_are_read(inspected, delimiter, mark, decimal):
    (one,) = inspected(with_thousands(delimiter, mark, decimal))
    assert one.spectrum.intensity.tolist() == INTENSITY
    assert "thousands separators read in 5 rows" in one.spectrum.notes


def test_thousands_separators_in_quotes_are_read(inspected):
    quoted = "\n".join(
        ",".join(f'"{cell}"' for cell in line.split(";")) for line in with_thousands(";", ",").splitlines()
    )
    assert inspected(quoted)[0].spectrum.intensity.tolist() == INTENSITY


@pytest.mark.parametrize(
    "text",
    [
        with_thousands(" ", " "),
        with_thousands(" ", " ", ","),
        with_thousands(",", ","),
        HEADER.replace("  ", ";") + TABLE.replace(" ", ";").replace("2100.5", "2,100"),
        HEADER + TABLE.replace("300.1", "1 300.1"),
        HEADER + "0.05\t2 200.5\n0.1\t2 100.5\n0.2\t1 900.1\n0.3\t1 700.2\n0.4\t1 500.9\n",
    ],
)
def test_thousands_separators_that_may_be_something_else_are_refused_with_their_place(inspected, text):
    (one,) = inspected(text)
    assert one.points == 0
    assert re.search(r"lines? \d.*thousands separator|a space between digits, as in '0.05\\t2 200.5'", one.error)


MARKS = {
    "masked": "{q} masked masked",
    "stars": "{q} *** ***",
    "hashes": "{q} # #",
    "x": "{q} x x",
    "questions": "{q} ? ?",
    "one cell": "{q} ******** {dI}",
    "glued": "{q}************************",
    "alone": "{q}",
    "cut off": "{q} {I}",
    "cut exponent": "{q} {I} 1.2e-",
    "word": "{q} beam was off",
    "q itself": "{q}x {I} {dI}",
}


@pytest.mark.parametrize("mark", MARKS)
@pytest.mark.parametrize("places", [[0], [11], [0, 1, 2], [9, 10, 11], [0, 11]])
def test_unreadable_rows_at_either_end_are_counted_and_warned_of(inspected, mark, places):
    lines = TABLE.splitlines()
    for at in places:
        q, intensity, sigma = lines[at].split()
        lines[at] = MARKS[mark].format(q=q, I=intensity, dI=sigma)
    (one,) = inspected(HEADER + "\n".join(lines) + "\n")
    assert one.points == 12 - len(places)
    assert one.rows_dropped == one.repairs == {"broken_rows": len(places)}
    assert one.spectrum.intensity.tolist() == [value for at, value in enumerate(INTENSITY) if at not in places]
    assert f"{len(places)} rows that are no rows of 3 numbers dropped" in one.warnings[0]
    assert f"{places[-1] + 2}" in one.warnings[0]
    assert (one.q_unit, one.sigma_column) == ("1/nm", "dI")  # the header is found beyond them


@pytest.mark.parametrize("at", [0, 11])
def test_a_row_whose_q_is_a_mark_is_counted(tmp_path, at):
    lines = TABLE.splitlines()
    lines[at] = "******  5.0  0.1"
    (tmp_path / "curve").write_text(HEADER + "\n".join(lines) + "\n")
    (one,) = inspect_file(tmp_path / "curve")
    assert (one.rows_found, one.rows_read, one.rows_dropped) == (12, 11, {"broken_rows": 1})


@pytest.mark.parametrize("count", [4, 6])
def test_masked_rows_within_a_table_do_not_end_it(inspected, count):
    lines = TABLE.splitlines()
    lines[3 : 3 + count] = [f"{line.split()[0]} masked masked" for line in lines[3 : 3 + count]]
    (one,) = inspected(HEADER + "\n".join(lines))
    assert (one.points, one.rows_dropped) == (12 - count, {"broken_rows": count})


def test_rows_with_words_for_no_number_are_counted_as_not_finite(inspected):
    (one,) = inspected(HEADER + TABLE.replace("2100.5 42.01", "-- --").replace("5.1 0.102", "nan nan"))
    assert (one.rows_read, one.rows_dropped) == (10, {"not_finite": 2})
    (one,) = inspected(HEADER + TABLE + "nan 1 2\n")  # begins with no number
    assert (one.rows_found, one.rows_read, one.repairs) == (12, 12, {"not_finite": 1})


@pytest.mark.parametrize("end", ["\x1a", "\n\x1a", "\x1a\x1a\n"])
def test_the_end_of_file_sign_of_dos_costs_no_row(inspected, end):
    assert inspected(HEADER + TABLE.rstrip() + end)[0].points == 12


def test_a_row_above_that_begins_with_a_comment_sign_is_no_row(inspected):
    assert inspected(HEADER + "#0.09 2200 40\n" + TABLE)[0].rows_found == 12


@pytest.mark.parametrize(
    ("header", "numbers"),
    [
        ("", 0),
        ("12\n", 1),
        ("run 7\n201 1 1 1 0 0\n0.2E+03\n", 2),
        ("12 points of 3\n", 1),
        ("2019-03-21 10:20\n\n", 1),
    ],
)
def test_numbers_of_the_header_are_counted_and_no_false_alarm(inspected, header, numbers):
    (one,) = inspected(header + HEADER + TABLE)
    assert (one.points, one.repairs, one.warnings) == (12, {}, ())
    assert one.rows_dropped == ({"numbers_in_header": numbers} if numbers else {})
    assert any("numbers in header not used: line" in note for note in one.spectrum.notes) == bool(numbers)


@pytest.mark.parametrize("heading", ["5.0 12 1.5\n", "5.0 12 1.5\n8 8 9\n9 1 3\n"])
def test_a_header_row_as_wide_as_the_table_is_told_by_its_first_column_and_named(inspected, heading):
    (one,) = inspected("title\n12 7\n" + heading + TABLE, q_unit="1/nm")
    assert one.points == 12
    assert one.rows_dropped == {"numbers_in_header": 1 + heading.count("\n")}
    assert "line" in one.warnings[0]
    assert "taken as numbers of the header" in one.warnings[0]


@pytest.mark.parametrize(("text", "line"), [("title\n5.0 12 1.5\n" + TABLE, 2), (TABLE + "0.05 3 1\n", 13)])
def test_a_row_out_of_line_that_may_be_data_is_named_with_its_line(inspected, text, line):
    (one,) = inspected(text, q_unit="1/nm")
    assert f"line {line} is out of line with all others" in one.error


def test_a_first_row_that_is_written_unlike_the_others_below_numbers_is_warned_of(inspected):
    (one,) = inspected("title\n 12\n   0.005 12 1.5\n" + rows(Q, I, DI), q_unit="1/A")
    assert one.points == 31
    assert any("line 3 is written unlike the rows below it" in text for text in one.warnings)


def test_rows_beyond_a_line_of_text_are_warned_of_or_the_break_is_named(inspected):
    lines = TABLE.splitlines()
    (one,) = inspected(HEADER + "\n".join([*lines[:3], "beam lost", *lines[3:]]))
    assert (one.points, one.rows_dropped) == (9, {"rows_outside": 3})
    assert "3 rows of numbers outside the table not used: lines 2 to 4" in one.warnings
    for at in (4, 6):
        (one,) = inspected(HEADER + "\n".join([*lines[:at], "beam lost", *lines[at:]]))
        assert f"line {at + 2}: the table of 3 columns breaks off and goes on at line {at + 3}" in one.error


RKH = """ LOQ Tue 20-FEB-2001 13:46 SAMPLE: 83404     EMPTY CAN: 83387
 Wav  2.20 >  10.00
   30    0    0    0    1   30    0
         0         0         0         0
 3 (F12.5,2E16.6)
"""
LAYOUTS = {
    "ABS": (ABS, "1/A", 2),
    "ABS without names": (ABS.split("The 6")[0] + rows(Q, I, DI, DQ, Q, np.ones(30)), "1/A", 2),
    "PDH": (PDH, "1/nm", 3),
    "PDH with footer": (PDH + PDH_FOOT.format(x="n_m^-1", y="c_m^-1"), "1/nm", 3),
    "RKH": (RKH + rows(Q, I, DI), "1/A", 3),
    "RKH with dq": (RKH + rows(Q, I, DI, DQ), "1/A", 3),
    "CHI": (f"run7.tif: caked\nq (A^-1)\nIntensity\n         30\n{rows(Q, I)}", "1/A", 1),
    "GNOM": (GNOM_HEAD + rows(Q, I, DI, I, I), None, 0),
}


@pytest.mark.parametrize("copies", [2, 3])
@pytest.mark.parametrize("name", LAYOUTS)
def test_files_of_one_layout_put_into_one_are_as_many_curves(inspected, name, copies):
    text, unit, header = LAYOUTS[name]
    found = inspected(text * copies)
    assert [one.points for one in found] == [30] * copies
    for number, one in enumerate(found, start=1):
        assert (one.entry, one.q_unit, one.rows_found) == (f"block {number}", unit, 30 + header)
        assert (one.rows_dropped, one.warnings) == ({"numbers_in_header": header} if header else {}, found[0].warnings)
        np.testing.assert_allclose(one.spectrum.intensity, found[0].spectrum.intensity)


def test_each_part_of_a_file_has_the_unit_of_its_own_header(inspected):
    chi = LAYOUTS["CHI"][0]
    assert [one.q_unit for one in inspected(chi + chi.replace("A^-1", "nm^-1"))] == ["1/A", "1/nm"]
    in_angstrom = PDH.replace("1.542000E-01", "1.542000E+00")
    assert [one.q_unit for one in inspected(PDH + in_angstrom)] == ["1/nm", "1/A"]
    first, second = (PDH + PDH_FOOT.format(x="n_m^-1", y=unit) for unit in ("c_m^-1", "u_m^-2"))
    assert [one.intensity_unit for one in inspected(first + second)] == ["1/cm", "u_m^-2"]


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_whose_table_breaks_off_is_refused_with_the_line(inspected, name):
    lines = LAYOUTS[name][0].splitlines()
    table = [at for at, line in enumerate(lines) if re.match(r"\d\.\d+e[+-]\d\d  ", line)]
    at = table[15]
    (one,) = inspected("\n".join([*lines[:at], "next page", *lines[at:]]))
    assert f"line {at + 1}: the table of" in one.error
    assert f"breaks off and goes on at line {at + 2}" in one.error


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("where", [slice(0, 3), slice(10, 16), slice(27, 30)])
def test_masked_rows_of_a_layout_are_counted(inspected, name, where):
    lines = LAYOUTS[name][0].splitlines()
    table = [at for at, line in enumerate(lines) if re.match(r"\d\.\d+e[+-]\d\d  ", line)]
    for at in table[where]:
        first, *others = lines[at].split()
        lines[at] = "  ".join([first, *("********" for _ in others)])
    (one,) = inspected("\n".join(lines))
    lost = len(table[where])
    assert (one.points, one.rows_dropped["broken_rows"]) == (30 - lost, lost)
    assert any(text.startswith(f"{lost} rows that are no rows of") for text in one.warnings)


def test_rows_of_blocks_add_up_over_the_file_even_where_one_is_refused(inspected):
    block = "# q [1/A]  I  dI\n"
    good, bad = rows(Q, I, DI), rows(np.r_[Q[:20], Q[:10]], I, DI)
    first, second = inspected(f"2 runs\n{block}{good}end of run 1\n{block}{bad}12 lines\n7\n")
    assert (first.rows_found, first.rows_dropped) == (31, {"numbers_in_header": 1})
    assert (second.rows_found, second.rows_read, second.rows_dropped) == (32, 0, {"refused": 32})
    assert "q goes back" in second.error


def test_rows_of_detector_settings_add_up(inspected):
    low, high = rows(Q[:18], I[:18], DI[:18]), rows(Q[12:], I[12:], DI[12:])
    found = inspected("36\n" + low.replace(f"{Q[3]:.6e}", "nan") + high + "\n", q_unit="1/A")
    assert [(one.points, one.rows_found, one.rows_dropped) for one in found] == [
        (17, 18, {"numbers_in_header": 1}),
        (18, 18, {}),
    ]


def test_points_without_a_sigma_are_dropped_with_a_warning_that_says_what_it_does(inspected):
    table = TABLE.replace("40.2 0.804", "-40.2 nan").replace("12.9 0.258", "12.9 0").replace("5.1 0.102", "5.1 -1")
    (one,) = inspected(HEADER + table)
    assert (one.points, one.rows_dropped) == (9, {"sigma_not_positive": 3})
    (warning,) = one.warnings
    assert warning == (
        "3 points with sigma ≤ 0 or not finite dropped, 1 of them with intensity ≤ 0, which biases the curve upwards; "
        "call the column of sigma - to keep them, without sigma"
    )
    (one,) = inspected(HEADER + table, columns="q I -")
    assert (one.points, one.rows_dropped) == (12, {})
    assert one.spectrum.intensity[-3] == -40.2


def test_a_row_that_stands_twice_is_one_measurement_and_other_values_at_its_q_are_merged(inspected):
    (one,) = inspected(HEADER + TABLE.replace("0.3 861.2 17.22\n", "0.3 861.2 17.22\n" * 3))
    assert (one.points, one.rows_read, one.rows_dropped) == (12, 12, {"repeated": 2})
    assert (one.spectrum.intensity[5], one.spectrum.sigma[5]) == (861.2, 17.22)
    (one,) = inspected(HEADER + TABLE.replace("0.3 861.2 17.22\n", "0.3 861.2 17.22\n" * 2 + "0.3 800 17.22\n"))
    assert (one.points, one.rows_read, one.rows_dropped) == (12, 13, {"repeated": 1})
    assert one.spectrum.intensity[5] == pytest.approx((861.2 + 800) / 2)
    assert one.spectrum.sigma[5] == pytest.approx(17.22 / np.sqrt(2))


def test_a_map_below_the_header_of_a_layout_is_refused_as_a_map(inspected):
    x, y = (axis.ravel() for axis in np.meshgrid(np.linspace(-0.1, 0.1, 12), np.linspace(-0.1, 0.1, 12)))
    header = ABS.split("BCENT")[0].replace("   C     1", "")
    names = "Data columns are Qx - Qy - I(Qx,Qy) - Qz - SigmaQx - SigmaQy - fSubS(beam stop shadow)\n\n"
    (one,) = inspected(header + names + rows(x, y, 1 + x**2, x + 1, x + 1, x + 1, x + 1))
    assert "is a map over two dimensions (Qx and Qy, or pixels)" in one.error


def test_one_usable_point_is_one_point(inspected):
    (one,) = inspected("0.1 5 1\n0 4 1\n-1 3 1\n-2 2 1\n", q_unit="1/A")
    assert "1 usable point is left (3 points with q ≤ 0 dropped); expected at least 3" in one.error
