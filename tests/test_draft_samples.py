"""pairvae samples: a first manifest from the names of files."""

import csv
import sys

import pytest

from pairvae.cli.app import main
from pairvae.errors import UserError
from pairvae.samples.draft_samples import _Names, draft_samples
from pairvae.samples.read_samples import parse_manifest


def make(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("0.1 1\n0.2 2\n0.3 3\n")


def draft(folder, saxs, sans, output=None, **more):
    output = output or folder / "samples.csv"
    draft_samples(folder, {"saxs": saxs, "sans": sans}, output, **more)
    with output.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_a_manifest_is_written_that_the_program_reads(tmp_path, capsys):
    make(tmp_path, "raw/m2_saxs.dat", "raw/m10_saxs.dat", "raw/m2_sans_low.h5", "raw/m2_sans_high.h5", "raw/m3_sans.h5")
    make(tmp_path, "raw/notes.txt", ".hidden_saxs.dat")
    assert draft(tmp_path, "*_saxs.dat", "*_sans*.h5") == [
        ["sample_id", "saxs", "sans"],
        ["m2", "raw/m2_saxs.dat", "raw/m2_sans_high.h5;raw/m2_sans_low.h5"],
        ["m3", "", "raw/m3_sans.h5"],
        ["m10", "raw/m10_saxs.dat", ""],
    ]
    said = capsys.readouterr().out
    assert "3 samples, 1 of them with files of both techniques" in said
    assert "1 files that could not be matched:\n  raw/notes.txt" in said
    assert "1 samples without a sans file:\n  m10" in said
    assert "1 samples without a saxs file:\n  m3" in said
    assert "1 samples with several sans files, taken as settings of one instrument:\n  m2 (2)" in said
    rows = parse_manifest(tmp_path / "samples.csv")
    assert [len(row.files) for row in rows] == [3, 1, 1]


@pytest.mark.parametrize(
    ("pattern", "name", "sample"),
    [
        ("*_saxs.dat", "m01_saxs.dat", "m01"),
        ("*_saxs*", "m01_saxs_low.dat", "m01"),
        ("*saxs*", "m01_saxs.dat", "m01"),
        ("*saxs*", "saxs_m01.dat", "m01"),
        ("saxs/*", "saxs/m01.dat", "m01"),
        ("saxs/*", "saxs/m01.5.h5", "m01.5"),
        ("saxs/*", "saxs/m_1.5", "m_1.5"),
        ("*/saxs.dat", "m01/saxs.dat", "m01"),
        ("*/*.h5", "m01/run3.h5", "m01"),
        ("**/m*_saxs.dat", "a/b/m01_saxs.dat", "01"),
        ("**/*_saxs.dat", "x_saxs.dat", "x"),
        ("m??_saxs.dat", "m01_saxs.dat", "01"),
        ("m[0-9]*_saxs.dat", "m01_saxs.dat", "01"),
        ("run[!a]_saxs*", "run1_saxs.dat", "1"),
        ("*_{sample}_saxs.dat", "2024-05-01_m01_saxs.dat", "m01"),
        ("{sample}.dat", "deep/m01.dat", "m01"),
        ("*_saxs.dat", "m01_SAXS.dat", ""),
        ("*_saxs.dat", "m01_saxs.data", ""),
        ("raw/*_saxs.dat", "m01_saxs.dat", ""),
        ("*a.b*", "xaxb.dat", ""),
        ("*", ".5", "5"),
        ("_*_", "___", "___"),
    ],
)
def test_the_sample_is_what_the_star_stands_for(pattern, name, sample):
    assert _Names(pattern).sample(name) == sample


def test_a_table_that_is_there_is_never_overwritten_without_force(tmp_path):
    make(tmp_path, "a_saxs.dat", "a_sans.dat")
    (tmp_path / "samples.csv").write_text("precious\n")
    with pytest.raises(UserError, match=r"samples.csv: is there already; .* --force"):
        draft(tmp_path, "*_saxs*", "*_sans*")
    assert (tmp_path / "samples.csv").read_text() == "precious\n"
    assert len(draft(tmp_path, "*_saxs*", "*_sans*", force=True)) == 2


def test_paths_are_relative_to_the_table(tmp_path, capsys):
    make(tmp_path, "data/a_saxs.dat", "data/a_sans.dat")
    (tmp_path / "tables").mkdir()
    rows = draft(tmp_path / "data", "*_saxs*", "*_sans*", tmp_path / "tables" / "s.csv")
    assert rows[1] == ["a", "../data/a_saxs.dat", "../data/a_sans.dat"]
    assert "allow_outside: true" in capsys.readouterr().out
    rows = draft(tmp_path / "data", "*_saxs*", "*_sans*", tmp_path / "s.csv")
    assert rows[1] == ["a", "data/a_saxs.dat", "data/a_sans.dat"]
    assert "allow_outside" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("saxs", "sans", "message"),
    [
        ("*_xray*", "*_sans*", r"--saxs '\*_xray\*': matches no file below .*; found 'a_saxs.dat'; mend the pattern"),
        ("*_s*", "*_sans*", r"a_sans.dat: matches both --saxs .* and --sans"),
        ("a_saxs.dat", "*_sans*", r"pattern 'a_saxs.dat': has no \*"),
        ("{sample}_{sample}", "*_sans*", r"has \{sample\} twice"),
    ],
)
def test_patterns_that_do_not_tell_are_refused_in_one_sentence(tmp_path, saxs, sans, message):
    make(tmp_path, "a_saxs.dat", "a_sans.dat")
    with pytest.raises(UserError, match=message) as error:
        draft(tmp_path, saxs, sans)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "samples.csv").exists()


def test_names_that_no_table_can_hold_are_listed(tmp_path, capsys):
    make(tmp_path, "a_saxs.dat", "a_sans.dat", "b;c_saxs.dat", 'say "d", e_saxs.dat')
    rows = draft(tmp_path, "*_saxs.dat", "*_sans.dat")
    assert rows[1:] == [["a", "a_saxs.dat", "a_sans.dat"], ['say "d", e', 'say "d", e_saxs.dat', ""]]
    assert "b;c_saxs.dat" in capsys.readouterr().out
    assert len(parse_manifest(tmp_path / "samples.csv")) == 2


def test_by_command(tmp_path, monkeypatch, capsys):
    make(tmp_path, "a_saxs.dat", "a_sans.dat")
    command = ["pairvae", "samples", str(tmp_path), "--saxs", "*_saxs.dat", "--sans", "*_sans.dat"]
    for code in (0, 2):
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == code
    assert (tmp_path / "samples.csv").is_file()
    assert "is there already" in capsys.readouterr().err
