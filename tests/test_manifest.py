"""samples.csv: what it may say, and what is said about its mistakes."""

import csv
import io
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from pairvae.errors import UserError
from pairvae.jobs import parallel
from pairvae.samples.read_samples import parse_manifest, read_samples
from pairvae.scattering.curves_file import CurvesFile
from pairvae.settings import Read

HERE = Path(__file__).parent
MEASURED = HERE.parents[1] / "shared" / "data" / "measured"
needs_measured = pytest.mark.skipif(not MEASURED.is_dir(), reason="the measured curves are not beside the repository")


@pytest.fixture
def folder(tmp_path):
    """Twelve curves as text, in 1/nm, the first intensity their number."""
    raw = tmp_path / "data" / "raw"
    raw.mkdir(parents=True)
    for i in range(12):
        rows = "\n".join(f"{0.1 * (k + 1):.1f} {i + k} 0.5" for k in range(6))
        (raw / f"c{i:02d}.dat").write_text(f"# q [1/nm] I [1/cm] dI [1/cm]\n{rows}\n")
    return tmp_path / "data"


def write(folder, text, encoding="utf-8"):
    path = folder / "samples.csv"
    path.write_bytes(text.encode(encoding))
    return path


def read(path, out, threads=1, **settings):
    read_samples(path, Read(**settings), out / "saxs.h5", out / "sans.h5", out / "samples.csv", threads)
    with (out / "samples.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    with CurvesFile(out / "saxs.h5") as saxs, CurvesFile(out / "sans.h5") as sans:
        return table, list(saxs), list(sans)


GOOD = """sample_id,saxs,sans,group,split,material,d2o_fraction,note
a,raw/c00.dat,raw/c01.dat,g,train,silica,1.0,"one, two"
b,raw/c02.dat,raw/c03.dat; raw/c04.dat,,,,0.42,
c,raw/c05.dat,,,,,,
d,,raw/c06.dat,,test,,0,
"""


def test_curves_and_samples_are_written_in_the_order_of_the_manifest(folder, tmp_path, capsys):
    table, saxs, sans = read(write(folder, GOOD), tmp_path / "out")
    assert [(curve.sample, curve.intensity[0]) for curve in saxs] == [("a", 0), ("b", 2), ("c", 5)]
    assert [(curve.sample, curve.intensity[0]) for curve in sans] == [("a", 1), ("b", 3), ("b", 4), ("d", 6)]
    assert {curve.technique for curve in saxs} == {"saxs"}
    assert saxs[0].q[0] == pytest.approx(0.01)
    assert saxs[0].source.file == "raw/c00.dat"
    assert table[0] == {
        "sample_id": "a",
        "group": "g",
        "split": "train",
        "material": "silica",
        "d2o_fraction": "1.0",
        "note": "one, two",
    }
    assert [row["group"] for row in table] == ["g", "b", "c", "d"]
    assert "4 samples, 3 SAXS and 4 SANS curves" in capsys.readouterr().out


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace(",", ";").replace("raw/c03.dat; raw/c04.dat", '"raw/c03.dat;raw/c04.dat"'),
        GOOD.replace(",", "\t"),
        "\ufeff" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", ",,\n"),
        GOOD.replace("\nc,", "\n,,,,,,,\n\nc,"),
        GOOD.replace("raw/c00", "raw\\c00"),
    ],
)
def test_manifests_are_read_as_spreadsheets_save_them(folder, text):
    rows = parse_manifest(write(folder, text))
    assert [row.sample_id for row in rows] == ["a", "b", "c", "d"]
    assert [len(row.files) for row in rows] == [2, 3, 1, 1]
    assert rows[0].covariates["d2o_fraction"] == "1.0"


def test_latin_1_is_read(folder):
    rows = parse_manifest(write(folder, GOOD.replace("silica", "Öl"), "latin-1"))
    assert rows[0].material == "Öl"


def test_units_columns_and_entries_reach_their_files(folder):
    text = (
        "sample_id,saxs,sans,saxs_q_unit,sans_q_unit,sans_columns\n"
        "a,raw/c00.dat,raw/c01.dat;raw/c02.dat,,1/A;1/nm,q I -\n"
    )
    saxs, low, high = (file.options for file in parse_manifest(write(folder, text))[0].files)
    assert (saxs.q_unit, saxs.columns, saxs.entry) == (None, None, None)
    assert (low.q_unit, high.q_unit) == ("1/A", "1/nm")
    assert low.columns == high.columns == "q I -"


HEADER = "sample_id,saxs,sans,split,saxs_q_unit,sans_columns\n"
PAIR = "good,raw/c00.dat,raw/c01.dat,,,\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "samples.csv: holds nothing; expected a header"),
        (HEADER, "holds no rows below its header"),
        ("name,saxs,sans\na,b,c\n", "row 1: has no column sample_id; found name, saxs, sans"),
        ("sample_id,saxs\na,b\n", "has no column sans"),
        ("sample_id,saxs,sans,x,x\na,b,c,1,2\n", "has 2 columns 'x'"),
        ("sample_id,saxs,sans,,x\na,b,c,1,2\n", "has a column without a name"),
        ("sample_id,saxs,sans,row_saxs\na,b,c,1\n", "a name the program needs for itself"),
        ("sample_id,saxs,sans,saxs_qunit\na,b,c,1\n", "unknown column 'saxs_qunit' much like 'saxs_q_unit'"),
        (
            "sample_id,saxs,sans,sans_dq\na,b,c,1\n",
            "known with this beginning are sans_q_unit, sans_intensity_unit, sans_columns",
        ),
        (
            HEADER + PAIR + "a,raw/c0.dat,,,,\n",
            r"row 3 \(a\): column saxs names 'raw/c0.dat', .* found 'raw/c\d\d.dat'",
        ),
        (HEADER + PAIR + "a,raw,,,,\n", "which is a folder"),
        (HEADER + PAIR + "good,raw/c02.dat,,,,\n", r"row 3 \(good\): the same sample_id stands in row 2"),
        (HEADER + PAIR + ",raw/c02.dat,,,,\n", "row 3: sample_id is empty"),
        (HEADER + PAIR + "a,,,,,\n", r"row 3 \(a\): names no file"),
        (HEADER + PAIR + "a,raw/c02.dat,,validation,,\n", "split is 'validation'; expected train, val, test"),
        (HEADER + PAIR + "a,raw/c02.dat,,,1/s,\n", "column saxs_q_unit: unknown unit of q '1/s'"),
        ("sample_id,saxs,sans,saxs_intensity_unit\na,raw/c00.dat,raw/c01.dat,1/s\n", "unit of intensity"),
        (HEADER + PAIR + "a,,raw/c02.dat,,,q J\n", "column sans_columns: unknown column 'J'"),
        (HEADER + PAIR + "a,raw/c02.dat;raw/c03.dat,,,1/A;1/A;1/A,\n", "says 3 things for 2 files"),
        (HEADER + PAIR + "a,raw/c02.dat,,,,,,7\n", "has 8 cells, the header 6"),
        (HEADER + PAIR + "a,../x.dat,,,,\n", "lies outside the folder of the manifest.*allow_outside: true"),
        (HEADER + "a,raw/c00.dat,,,,\nb,,raw/c01.dat,,,\n", "no row names both a saxs and a sans file"),
        (
            HEADER + PAIR + "a,raw/c00.dat,raw/c02.dat,,,\n",
            r"which row 2 \(good\) names too; .* the same group",
        ),
        (
            HEADER + PAIR + "a,raw/c01.dat,raw/c02.dat,,,\n",
            "which row 2 names as sans; expected a file of one tech",
        ),
        (HEADER + PAIR + "a,raw/c02.dat,raw/c02.dat,,,\n", "which row 3 names as saxs"),
        (HEADER + PAIR + "a,raw/c02.dat; raw/./c02.dat,,,,\n", r"row 3 \(a\): column saxs names 'raw/./c02.dat' twice"),
        (HEADER + PAIR + 'a,raw/c02.dat,"raw\nc03.dat",,,\n', "row 3 .a.: column sans names 'raw c03.dat'"),
        (HEADER + PAIR + 'a,"' + "x" * 200_000 + '",,,,\n', "is no table .field larger than field limit"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_row(folder, text, message):
    with pytest.raises(UserError, match=message) as error:
        parse_manifest(write(folder, text))
    assert "\n" not in str(error.value)


COVARIATES = "sample_id,saxs,sans,d2o_fraction,note\n"


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            ["1.0", "0.42", "heavy"],
            r"row 4 \(s2\): column d2o_fraction is 'heavy'; expected a number, as in 2 of the 3 rows",
        ),
        (["1.0", "0,42", "0.1"], r"row 3 \(s1\): column d2o_fraction is '0,42'; expected a number; write 0.42"),
        (["1.0", "0.5", "inf"], r"row 4 \(s2\): column d2o_fraction is 'inf'"),
        (["1.0", "0.5", "1_000"], "is '1_000'"),
        (["1e3", "-.5", "-"], "is '-'; expected a number"),
    ],
)
def test_a_cell_that_is_no_number_among_numbers_is_a_problem(folder, cells, message):
    rows = [f's{i},raw/c{i:02d}.dat,raw/c{i + 6:02d}.dat,"{cell}",x\n' for i, cell in enumerate(cells)]
    with pytest.raises(UserError, match=message) as error:
        parse_manifest(write(folder, COVARIATES + "".join(rows)))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "cells", [["1", "2", "", "n/a"], ["a", "b", "3", "4"], ["1", "x", "", ""], ["NaN", "1", "2", ""]]
)
def test_words_and_empty_cells_are_no_problem(folder, cells):
    rows = [f"s{i},raw/c{i:02d}.dat,raw/c{i + 6:02d}.dat,{cell},x\n" for i, cell in enumerate(cells)]
    assert len(parse_manifest(write(folder, COVARIATES + "".join(rows)))) == 4


def test_a_column_of_decimal_commas_is_not_taken_for_names(folder):
    rows = [f"s{i};raw/c{i:02d}.dat;raw/c{i + 6:02d}.dat;0,{i};x\n" for i in range(3)]
    with pytest.raises(UserError, match="3 problems") as error:
        parse_manifest(write(folder, COVARIATES.replace(",", ";") + "".join(rows)))
    assert "column d2o_fraction is '0,2'; expected a number; write 0.2" in str(error.value)


def test_repeated_sample_says_in_what_the_rows_differ(folder):
    text = COVARIATES + "a,raw/c00.dat,raw/c01.dat,1.0,x\na,raw/c02.dat,,0.42,x\na,raw/c03.dat,,1.0,x\n"
    with pytest.raises(UserError) as error:
        parse_manifest(write(folder, text))
    first, second = str(error.value).splitlines()[1:]
    assert "row 3 (a): the same sample_id stands in row 2, with d2o_fraction '1.0' there and '0.42' here" in first
    assert "row 4 (a): the same sample_id stands in row 2; expected each once; put its files into one row" in second


def test_mixed_units_are_said(folder, tmp_path, capsys):
    (folder / "raw" / "c05.dat").write_text("# q [1/A] I [a.u.] dI [a.u.]\n0.1 1 0.1\n0.2 2 0.1\n0.3 3 0.1\n")
    text = (
        "sample_id,saxs,sans,saxs_q_unit\na,raw/c00.dat,raw/c01.dat,1/nm\nb,raw/c02.dat,,1/A\n"
        "c,raw/c03.dat,,nm^-1\nd,raw/c05.dat,,\n"
    )
    read(write(folder, text), tmp_path / "out")
    said = capsys.readouterr().out
    assert "warning: column saxs_q_unit says 1/nm in 2 rows (2, 4), 1/A in row 3; check that each is meant" in said
    assert "warning: saxs: 3 curves are in 1/cm and 1 in arbitrary units; in arbitrary: d" in said
    read(write(folder, text.replace("1/A", "1/nm").replace("raw/c05.dat", "raw/c04.dat")), tmp_path / "out")
    assert "warning" not in capsys.readouterr().out


def test_warnings_of_the_reader_come_first_and_are_called_so(folder, tmp_path, capsys):
    (folder / "raw" / "c00.dat").write_text(
        "# q[1/nm] I[1/cm]\n" + "0.1 nan\n" + "".join(f"{k} 3\n" for k in range(1, 6))
    )
    read(write(folder, "sample_id,saxs,sans,sans_q_unit\na,raw/c00.dat,raw/c01.dat,1/A\n"), tmp_path / "out")
    said = capsys.readouterr().out.splitlines()
    assert said[1] == "read: warning: 1 curves: q read in 1/A as stated, though the header says 1/nm"
    assert said[-1] == "read: 1 curves: … points with NaN or infinity dropped"


def test_a_copy_under_another_name_is_said(folder, tmp_path, capsys):
    shutil.copy(folder / "raw" / "c00.dat", folder / "raw" / "copy.dat")
    text = "sample_id,saxs,sans,group\na,raw/c00.dat,raw/c01.dat,\nb,raw/copy.dat,raw/c02.dat,\n"
    read(write(folder, text), tmp_path / "out")
    assert "raw/copy.dat in row 3 is the file in row 2; give such samples one group" in capsys.readouterr().out
    read(write(folder, text.replace(".dat,\n", ".dat,g\n")), tmp_path / "out")
    assert "warning" not in capsys.readouterr().out


def test_unicode_text_of_spreadsheets_is_read(folder):
    path = folder / "samples.csv"
    path.write_bytes(GOOD.replace(",", "\t").replace("silica", "Öl").encode("utf-16"))
    assert parse_manifest(path)[0].material == "Öl"


def test_a_shared_curve_is_allowed_within_a_group(folder):
    text = "sample_id,saxs,sans,group\na,raw/c00.dat,raw/c01.dat,g\nb,raw/c00.dat,raw/c02.dat,g\n"
    assert len(parse_manifest(write(folder, text))) == 2


def test_all_problems_are_shown_at_once_and_nothing_is_written(folder, tmp_path):
    (folder / "raw" / "c02.dat").write_text("no table\n")
    (folder / "raw" / "c03.dat").write_text("1 2\n2 3\n3 4\n")
    text = HEADER + PAIR + "a,raw/none.dat,,,,\nb,raw/c04.dat,,sometimes,,\nc,raw/c02.dat,,,,\nd,raw/c03.dat,,,,\n"
    out = tmp_path / "out"
    with pytest.raises(UserError) as error:
        read(write(folder, text), out)
    lines = str(error.value).splitlines()
    assert "4 problems" in lines[0]
    facts = ["names 'raw/none.dat'", "split is 'sometimes'", "no table found", "says the unit of q"]
    for number, name, fact, line in zip((3, 4, 5, 6), "abcd", facts, lines[1:], strict=True):
        assert f"samples.csv, row {number} ({name})" in line
        assert fact in line
    assert not out.exists() or list(out.iterdir()) == []


def test_only_the_first_twenty_problems_are_listed(folder):
    text = HEADER + PAIR + "".join(f"s{i},raw/none{i}.dat,,,,\n" for i in range(30))
    with pytest.raises(UserError) as error:
        parse_manifest(write(folder, text))
    lines = str(error.value).splitlines()
    assert len(lines) == 22
    assert lines[-1].strip() == "… and 10 more"


def test_older_results_stay_when_reading_fails(folder, tmp_path):
    out = tmp_path / "out"
    read(write(folder, GOOD), out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    (folder / "raw" / "c06.dat").write_text("")
    with pytest.raises(UserError, match=r"row 5 \(d\): .*c06.dat: is empty"):
        read(folder / "samples.csv", out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_missing_or_binary_manifest_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"none.csv: cannot be read"):
        parse_manifest(tmp_path / "none.csv")
    (tmp_path / "samples.csv").write_bytes(b"PK\x03\x04\x00\x00")
    with pytest.raises(UserError, match="save the spreadsheet as CSV"):
        parse_manifest(tmp_path / "samples.csv")


def test_a_terminal_sees_a_progress_bar_and_a_log_does_not(folder, tmp_path, capsys, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    read(write(folder, GOOD), tmp_path / "out")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    read(folder / "samples.csv", tmp_path / "out")
    assert "100%" in sys.stderr.getvalue()


def test_worker_processes_give_the_same_tables(folder, tmp_path, monkeypatch):
    alone = read(write(folder, GOOD), tmp_path / "alone")
    monkeypatch.setattr(parallel, "FEW", 2)
    monkeypatch.setattr(parallel, "CHUNK", 2)
    together = read(folder / "samples.csv", tmp_path / "together", threads=2)
    assert alone[0] == together[0]
    for one, other in zip((*alone[1], *alone[2]), (*together[1], *together[2]), strict=True):
        assert (one.sample, one.source, one.notes) == (other.sample, other.source, other.notes)
        assert np.array_equal(one.intensity, other.intensity)


@needs_measured
def test_all_measured_pairs_are_read(tmp_path):
    table, saxs, sans = read(HERE / "measured_pairs.csv", tmp_path, allow_outside=True)
    assert [row["sample_id"] for row in table][4:] == [
        "glassy_carbon_C4_nist_6A",
        "glassy_carbon_C4_nist_15A",
        "glassy_carbon_C4_ill_d22",
        "nanodisc_d2o100",
        "nanodisc_d2o042",
    ]
    assert [row["d2o_fraction"] for row in table] == ["1.0"] * 4 + [""] * 3 + ["1.0", "0.42"]
    assert [curve.q.size for curve in saxs] == [231, 232, 232, 229, 76, 76, 76, 106, 106]
    assert [curve.q.size for curve in sans] == [202, 197, 205, 190, 111, 111, 196, 77, 77, 77, 77]
    assert all(curve.sigma is not None and curve.intensity_unit == "1/cm" for curve in saxs + sans)
    assert [curve.dq is not None for curve in sans] == [True] * 6 + [False] * 5
    assert [curve.sample for curve in sans][-4:] == ["nanodisc_d2o100"] * 2 + ["nanodisc_d2o042"] * 2


@needs_measured
def test_paths_that_leave_the_folder_need_permission():
    with pytest.raises(UserError, match="21 problems"):
        parse_manifest(HERE / "measured_pairs.csv")
    assert len(parse_manifest(HERE / "measured_pairs.csv", allow_outside=True)) == 9


def test_a_symlink_out_of_the_folder_needs_permission(folder, tmp_path):
    shutil.move(folder / "raw" / "c00.dat", tmp_path / "away.dat")
    (folder / "raw" / "c00.dat").symlink_to(tmp_path / "away.dat")
    with pytest.raises(UserError, match="lies outside the folder"):
        parse_manifest(write(folder, GOOD))
    assert parse_manifest(folder / "samples.csv", allow_outside=True)


def test_the_manifest_says_the_unit_of_intensity(folder, tmp_path):
    write(folder, "sample_id,saxs,sans,saxs_intensity_unit\na,raw/c00.dat,raw/c01.dat,counts\n")
    _, (saxs,), (sans,) = read(folder / "samples.csv", tmp_path / "out")
    assert (saxs.intensity_unit, saxs.reading.intensity_unit_from) == ("arbitrary", "manifest")
    assert sans.intensity_unit == "1/cm"
