"""Files, patterns, folders or a samples.csv: the same samples."""

import pytest

from pairvae.errors import UserError
from pairvae.formats.read_options import NO_OPTIONS, ReadOptions
from pairvae.samples.measured_samples import (
    is_manifest,
    named_samples,
    output_names,
    paired_samples,
    remarks,
)

NOTHING = {"saxs": ReadOptions(), "sans": ReadOptions()}


def test_files_patterns_folders_and_samples_csv_name_the_same_curves(raw, spheres):
    names = sorted(one.name for one in spheres[:6])
    folder = raw / "raw" / "saxs"
    for given in (sorted(map(str, folder.iterdir())), [f"{folder}/*.csv"], [str(folder)], [str(raw / "samples.csv")]):
        found = named_samples(given, "saxs", ReadOptions())
        assert sorted(one.name for one in found) == names
        assert [set(one.curves) for one in found] == [{"saxs"}] * 6


def test_partners_are_read_where_samples_csv_names_them(raw):
    found = named_samples([str(raw / "samples.csv")], "saxs", ReadOptions(), partners=True)
    assert [set(one.curves) for one in found] == [{"saxs", "sans"}] * 6


@pytest.mark.parametrize(
    "header",
    [
        "sample_id,saxs,sans",
        "sans;saxs;note;sample_id",
        "\ufeffsample_id\tsaxs\tsans",
        "sample_id,saxs,sans\r",
        "Sample_ID,SAXS,SANS",
        "Sample ID;Saxs;Sans",
    ],
)
def test_samples_csv_is_known_by_its_header(tmp_path, header):
    (tmp_path / "any.name").write_text(f"{header}\n", encoding="utf-8")
    assert is_manifest(str(tmp_path / "any.name"))


@pytest.mark.parametrize(
    "content",
    [b"q,I,dI\n1,2,3\n", b"q,I\r1,2\r", b"", b"\x89HDF\r\n\x1a\n", b"\x1f\x8b\0\r\xff", b"sample_id,saxs\na,b\n"],
)
def test_other_files_are_curves(tmp_path, content):
    (tmp_path / "samples.csv").write_bytes(content)
    assert not is_manifest(str(tmp_path / "samples.csv"))


def test_samples_csv_stands_alone(raw):
    files = [str(raw / "samples.csv"), str(raw / "raw")]
    with pytest.raises(UserError, match="stands alone"):
        named_samples(files, "saxs", ReadOptions())
    with pytest.raises(UserError, match="units and columns stand in it"):
        named_samples(files[:1], "saxs", ReadOptions(q_unit="1/nm"))


def test_capitals_and_blanks_in_the_header_change_nothing(raw):
    text = (raw / "samples.csv").read_text()
    shouted = text.replace("sample_id,saxs,sans", "Sample ID,SAXS,Sans", 1).replace("material", "Material", 1)
    assert shouted != text
    (raw / "shouted.csv").write_text(shouted)
    plain, other = (named_samples([str(raw / name)], "saxs", NO_OPTIONS) for name in ("samples.csv", "shouted.csv"))
    assert [(one.name, one.covariates) for one in other] == [(one.name, one.covariates) for one in plain]


def test_a_table_that_lacks_a_column_is_refused_by_its_header(tmp_path):
    (tmp_path / "samples.csv").write_text("sample_id,SAXS,neutrons\na,b.dat,c.dat\n")
    with pytest.raises(UserError, match="has no column sans; found sample_id, saxs, neutrons; expected sample_id"):
        named_samples([str(tmp_path / "samples.csv")], "saxs", NO_OPTIONS)


def test_what_is_no_curve_is_left_out_of_a_folder_and_said(raw, capsys):
    folder = raw / "raw" / "saxs"
    (folder / "notes.txt").write_text("measured on Monday,\nby night\n")
    (folder / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    (folder / "samples.csv").write_text((raw / "samples.csv").read_text())
    assert len(named_samples([str(folder)], "saxs", NO_OPTIONS)) == 6
    said = capsys.readouterr().out.splitlines()
    assert [line.rpartition("/")[2] for line in said] == [
        "notes.txt: no table found in 3 lines: left out",
        "picture.png: is a picture (PNG), no table found in it: left out",
        "samples.csv: is a table of samples, not a curve (name it alone to work on the files that it names): left out",
    ]


@pytest.mark.parametrize("named", ["notes.txt", "*"])
def test_what_is_no_curve_is_refused_where_it_is_named(raw, named):
    (raw / "raw" / "saxs" / "notes.txt").write_text("measured on Monday\n")
    with pytest.raises(UserError, match=r"notes\.txt: no table found"):
        named_samples([str(raw / "raw" / "saxs" / named)], "saxs", NO_OPTIONS)


def test_a_curve_that_cannot_be_read_is_refused_in_a_folder_too(raw):
    (raw / "raw" / "saxs" / "zz.dat").write_text("0.01 3\n0.02 2\n0.03 1\n")
    with pytest.raises(UserError, match=r"zz\.dat: neither the file nor the caller says the unit of q"):
        named_samples([str(raw / "raw" / "saxs")], "saxs", NO_OPTIONS)


def test_a_folder_without_any_curve_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("measured on Monday\n")
    with pytest.raises(UserError, match="no file there holds a curve"):
        named_samples([str(tmp_path)], "saxs", NO_OPTIONS)


def test_the_same_remark_on_many_curves_is_one_line_and_warnings_come_first(tmp_path):
    for i in range(5):
        bad = "0.05 nan 1\n" * (i + 1)
        (tmp_path / f"m{i}.dat").write_text(f"# q[1/A] I dI\n0.01 3 1\n0.02 2 1.5\n0.03 1 1\n{bad}")
    said = list(remarks(named_samples([str(tmp_path)], "saxs", NO_OPTIONS), NOTHING))
    files = f"({', '.join(str(tmp_path / f'm{i}.dat') for i in range(3))} and 2 more)"
    assert said == [
        f"warning: 5 files: unit of intensity not stated: taken as 1/cm {files}",
        f"5 files: … points with NaN or infinity dropped {files}",
    ]


def test_a_row_that_overrules_its_file_is_a_warning(raw):
    text = (raw / "samples.csv").read_text().splitlines()
    (raw / "samples.csv").write_text("\n".join([f"{text[0]},saxs_q_unit", f"{text[1]},1/nm"]) + "\n")
    (said,) = remarks(named_samples([str(raw / "samples.csv")], "saxs", NO_OPTIONS), NOTHING)
    assert said.startswith("warning: ")
    assert said.endswith("q read in 1/nm as stated, though the header says 1/A")


def test_pairs_are_rows_with_both_curves_or_files_in_the_same_order(raw, spheres):
    one, other = (str(raw / "raw" / "saxs" / f"{sphere.name}.csv") for sphere in spheres[:2])
    partner = one.replace("/saxs/", "/sans/")
    (found,) = paired_samples({"saxs": [one], "sans": [partner]}, NOTHING)
    assert set(found.curves) == {"saxs", "sans"}
    assert len(paired_samples({"saxs": [str(raw / "samples.csv")], "sans": []}, NOTHING)) == 6
    with pytest.raises(UserError, match="2 SAXS and 1 SANS files"):
        paired_samples({"saxs": [one, other], "sans": [partner]}, NOTHING)


def test_problems_of_rows_name_the_row(raw, spheres):
    (raw / "raw" / "saxs" / f"{spheres[2].name}.csv").write_text("no numbers\n")
    with pytest.raises(UserError, match=rf"samples\.csv, row 4 \({spheres[2].name}\): "):
        named_samples([str(raw / "samples.csv")], "saxs", ReadOptions())


def test_names_cannot_leave_the_output_folder(tmp_path):
    assert output_names(["a", "b"], tmp_path, "csv") == [tmp_path / "a.csv", tmp_path / "b.csv"]
    for name in ("../a", "a/b", "/a"):
        with pytest.raises(UserError, match="cannot be the name of a file"):
            output_names([name], tmp_path, "csv")
    with pytest.raises(UserError, match="two inputs would be written to it"):
        output_names(["a", "a"], tmp_path, "csv")
