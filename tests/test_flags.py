"""Rows that a text table marks as bad are dropped and counted, or the column that marks them is asked about."""

import numpy as np
import pytest

from pairvae.formats.inspect import inspect_file
from pairvae.formats.read import MissingFact, read_spectrum
from pairvae.formats.read_options import ReadOptions

Q = np.geomspace(0.01, 0.3, 30)
I = 5 / (1 + (Q / 0.05) ** 2)  # noqa: E741
DI = 0.03 * I
BAD = [0, 1, 29]
GOOD = [at for at in range(30) if at not in BAD]
NAMES = ("q (1/A)", "I (1/cm)", "dI (1/cm)")


@pytest.fixture
def inspected(tmp_path):
    def write(header, *columns, between=",", **options):
        rows = [between.join(str(cell) for cell in row) for row in zip(*columns, strict=True)]
        path = tmp_path / "curve.csv"
        path.write_text("\n".join([*([header] if header else []), *rows]) + "\n", encoding="utf-8")
        (found,) = inspect_file(path, ReadOptions(**options))
        assert found.rows_read + sum(found.rows_dropped.values()) == found.rows_found == 30
        return found

    return write


def marks(bad, good):
    return [bad if at in BAD else good for at in range(30)]


@pytest.mark.parametrize(
    ("name", "bad", "good"),
    [
        ("Mask", 1, 0),
        ("masked", 1, 0),
        ("is_masked", "True", "False"),
        ("mask", "TRUE", "FALSE"),
        ("valid", "False", "True"),
        ("valid", 0, 1),
        ("good", "no", "yes"),
        ("use", 0, 1),
        ("bad", "yes", "no"),
        ("flag", "bad", "ok"),
        ("quality", "bad", "good"),
        ("mask", "masked", "ok"),
        ("status", '"bad"', '"ok"'),
        ("beamstop", 1, 0),
        ("saturated", 1, 0),
    ],
)
@pytest.mark.parametrize("between", [",", ";", "\t", "  "])
def test_rows_flagged_as_bad_are_dropped_and_counted(inspected, name, bad, good, between):
    found = inspected(between.join((*NAMES, name)), Q, I, DI, marks(bad, good), between=between)
    assert (found.points, found.rows_dropped, found.needs) == (27, {"masked": 3}, ())
    np.testing.assert_allclose(found.spectrum.intensity, I[GOOD])
    np.testing.assert_allclose(found.spectrum.sigma, DI[GOOD])
    assert f"3 points dropped that column {name} marks as bad" in found.warnings
    assert not any(name in note for note in found.spectrum.notes if note.startswith("columns not used"))


def test_flags_may_stand_between_the_numbers(inspected):
    found = inspected("# q[1/A]  quality  I[1/cm]  dI[1/cm]", Q, marks("bad", "good"), I, DI, between="  ")
    np.testing.assert_allclose(found.spectrum.sigma, DI[GOOD])


def test_words_for_bad_and_good_need_no_name(inspected):
    found = inspected("", Q, I, DI, marks("bad", "ok"), between="  ", q_unit="1/A")
    assert (found.points, found.rows_dropped) == (27, {"broken_rows": 3})
    np.testing.assert_allclose(found.spectrum.sigma, DI[GOOD])


def test_a_mask_that_marks_nothing_costs_nothing(inspected):
    found = inspected(",".join((*NAMES, "mask")), Q, I, DI, np.zeros(30, int))
    assert (found.points, found.rows_dropped, found.warnings) == (30, {}, ())


@pytest.mark.parametrize(
    ("name", "bad", "good", "why"),
    [
        ("flag", 1, 0, "does not say whether 0 or 1 is bad"),
        ("quality", "True", "False", "does not say whether 0 or 1 is bad"),
        ("mask", 0, 1, "marks 27 of 30 rows as bad"),
        ("mask", 0, 64, "holds something else than 0 and 1"),
    ],
)
def test_flags_of_unclear_meaning_are_asked_about_by_name(inspected, tmp_path, name, bad, good, why):
    columns = (Q, I, DI, marks(bad, good))
    found = inspected(",".join((*NAMES, name)), *columns)
    assert (found.needs, found.columns_hint) == (("columns",), "q I dI -")
    with pytest.raises(MissingFact, match=rf"its column {name}, which marks rows, {why}"):
        read_spectrum(tmp_path / "curve.csv")
    assert inspected(",".join((*NAMES, name)), *columns, columns="q I dI -").points == 30


def test_marks_that_are_not_known_are_asked_about_by_name(inspected, tmp_path):
    found = inspected(",".join((*NAMES, "mask")), Q, I, DI, marks("M", "."))
    assert (found.needs, found.columns_hint) == (("columns",), "q I dI")
    with pytest.raises(MissingFact, match="its column mask marks rows with words that are not known"):
        read_spectrum(tmp_path / "curve.csv")


@pytest.mark.parametrize(
    ("header", "mark"),
    [
        ("# q(1/A) I(1/cm)   masked = -1", -1),
        ("# -999 = no data\n# q(1/A) I(1/cm)", -999),
        ("# missing values are -9999\n# q(1/A) I(1/cm)", -9999),
        ("# no data: 1e30\n# q(1/A) I(1/cm)", 1e30),
        ("# masked points are set to -1\n# q(1/A) I(1/cm)", -1),
        ("# masked points: I = 0\n# q(1/A) I(1/cm)", 0),
        ("# 0 = masked\n# q(1/A) I(1/cm)", 0),
        ("# zeros mean no data\n# q(1/A) I(1/cm)", 0),
    ],
)
def test_a_number_that_the_header_calls_no_measurement_is_dropped_and_counted(inspected, header, mark):
    found = inspected(header, Q, np.where(np.isin(np.arange(30), BAD), mark, I), between=" ")
    assert (found.points, found.rows_dropped) == (27, {"masked": 3})
    np.testing.assert_allclose(found.spectrum.intensity, I[GOOD])


@pytest.mark.parametrize("mark", [-1, -999, 1e30])
def test_a_number_that_looks_like_a_mark_is_kept_with_a_warning(inspected, mark):
    found = inspected("# q(1/A) I(1/cm)", Q, np.where(np.isin(np.arange(30), BAD), mark, I), between=" ")
    assert found.points == 30
    assert any(f"intensity is {mark:g} at several points" in warning for warning in found.warnings)


@pytest.mark.parametrize(
    "remark", ["# masked pixels: 12", "# masked pixels: 0", "# bad points 3 removed", "# Mask applied: user provided"]
)
def test_a_count_of_masked_points_is_no_mark(inspected, remark):
    intensity = np.round(100 * I)
    intensity[3] = intensity[4] = 12
    intensity[5] = intensity[6] = 0
    assert inspected(f"{remark}\n# q(1/A) I(1/cm)", Q, intensity, between=" ").rows_dropped == {}
