"""Files, patterns, folders or a samples.csv: the same samples."""

import pytest

from pairvae.errors import UserError
from pairvae.scattering.measured_samples import is_manifest, named_samples, output_names, paired_samples
from pairvae.scattering.read_options import ReadOptions

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
    ["sample_id,saxs,sans", "sans;saxs;note;sample_id", "\ufeffsample_id\tsaxs\tsans", "sample_id,saxs,sans\r"],
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
