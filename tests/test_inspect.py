"""pairvae inspect: what the reader makes of files, one line per curve."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from pairvae.cli.app import main
from pairvae.files.named_files import named_files
from pairvae.formats.inspect import Inspected
from pairvae.formats.read_options import ReadOptions
from pairvae.formats.write import write_nxcansas
from pairvae.jobs import parallel
from pairvae.samples import inspect_report
from pairvae.samples.inspect_report import inspect_files, json_line, text_line
from pairvae.scattering.spectrum import Spectrum

KEYS = {
    "file",
    "entry",
    "technique",
    "points",
    "q_min",
    "q_max",
    "q_unit",
    "q_unit_from",
    "intensity_unit",
    "intensity_unit_from",
    "sigma_column",
    "dq_column",
    "repairs",
    "warnings",
    "needs",
    "columns_hint",
    "column_names",
    "error",
    "rows_found",
    "rows_read",
    "rows_dropped",
}
ROWS = "\n".join(f"{0.01 * k:.2f} {100 / k:.4f} {10 / k:.4f}" for k in range(1, 9)) + "\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A good text file, one that needs a unit, an HDF5 file, a broken one and a hidden one."""
    (tmp_path / "raw" / "deep").mkdir(parents=True)
    (tmp_path / "raw" / "good.dat").write_text("# q [1/A] I [1/cm] dI [1/cm]\n" + ROWS)
    (tmp_path / "raw" / "deep" / "broken.dat").write_text("no table here\n")
    (tmp_path / "raw" / "needs.dat").write_text(ROWS)
    (tmp_path / "raw" / ".hidden").write_text(ROWS)
    q = np.geomspace(0.01, 0.1, 20)
    write_nxcansas(tmp_path / "raw" / "xray.h5", Spectrum(q, 1 / q, 0.1 / q, None, "saxs", "s"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def inspect(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["pairvae", "inspect", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    return ended.value.code, said.out.splitlines(), said.err


def as_json(monkeypatch, capsys, *arguments):
    code, lines, _ = inspect(monkeypatch, capsys, *arguments, "--json")
    return code, [json.loads(line) for line in lines]


@pytest.mark.usefixtures("folder")
def test_each_curve_is_one_json_object_with_the_facts(monkeypatch, capsys):
    code, curves = as_json(monkeypatch, capsys, "raw")
    assert code == 2
    assert all(set(curve) == KEYS for curve in curves)
    assert [curve["file"] for curve in curves] == [
        os.path.join("raw", name) for name in ("good.dat", "needs.dat", "xray.h5", os.path.join("deep", "broken.dat"))
    ]
    good, needs, xray, broken = curves
    assert (good["points"], good["q_min"], good["q_max"], good["error"]) == (8, 0.01, 0.08, None)
    assert (good["q_unit"], good["q_unit_from"]) == ("1/A", "file")
    assert (good["sigma_column"], good["dq_column"]) == ("dI", None)
    assert (xray["technique"], xray["points"]) == ("saxs", 20)
    assert xray["q_min"] == pytest.approx(0.01)
    assert (good["rows_found"], good["rows_read"], good["rows_dropped"]) == (8, 8, {})
    assert (xray["rows_found"], xray["rows_read"], xray["rows_dropped"]) == (None, None, {})
    assert needs["error"] is None
    assert broken["points"] == 0
    assert "no table found" in broken["error"]


@pytest.mark.usefixtures("folder")
def test_what_only_the_user_can_say_is_a_need_and_no_error(monkeypatch, capsys):
    code, (curve,) = as_json(monkeypatch, capsys, "raw/needs.dat")
    assert code == 0
    assert curve["needs"] == ["q_unit"]
    assert curve["error"] is None
    assert (curve["points"], curve["q_min"], curve["q_max"]) == (8, 0.01, 0.08)  # as they stand in the file


@pytest.mark.usefixtures("folder")
def test_options_say_what_the_files_do_not(monkeypatch, capsys):
    options = ("--q-unit", "1/nm", "--columns", "q I -", "--technique", "sans")
    code, (curve,) = as_json(monkeypatch, capsys, "raw/needs.dat", *options)
    assert code == 0
    assert curve["needs"] == []
    assert curve["technique"] == "sans"
    assert (curve["q_unit"], curve["q_unit_from"]) == ("1/nm", "option")
    assert curve["q_max"] == pytest.approx(0.008)
    assert curve["sigma_column"] is None


def write_table(folder, rows):
    (folder / "samples.csv").write_text("Sample_ID,SAXS,sans,saxs_q_unit,saxs_columns\n" + rows)
    return folder / "samples.csv"


def test_a_table_of_samples_stands_for_its_files_with_what_it_says_of_them(monkeypatch, capsys, folder):
    table = write_table(folder, "a,raw/needs.dat,raw/good.dat,1/nm,q I -\nb,raw/xray.h5,,,\n")
    code, curves = as_json(monkeypatch, capsys, table)
    assert code == 0
    assert [(curve["file"].rpartition("/")[2], curve["technique"]) for curve in curves] == [
        ("needs.dat", "saxs"),
        ("good.dat", "sans"),
        ("xray.h5", "saxs"),
    ]
    assert (curves[0]["q_unit"], curves[0]["q_unit_from"], curves[0]["sigma_column"]) == ("1/nm", "manifest", None)
    _, lines, _ = inspect(monkeypatch, capsys, table, "--technique", "sans")
    assert [line.split()[0].rpartition("/")[2] for line in lines] == ["good.dat"]


def test_what_is_wrong_with_a_table_or_asked_of_its_rows_is_said_in_its_terms(monkeypatch, capsys, folder):
    (folder / "raw" / "more.dat").write_text(ROWS)
    table = write_table(folder, "a,raw/needs.dat,raw/none.dat,,\nb,raw/more.dat,,,\nc,raw/deep/broken.dat,,,\n")
    code, lines, _ = inspect(monkeypatch, capsys, table)
    assert code == 2
    assert "samples.csv, row 2 (a): column sans names 'raw/none.dat', which does not exist" in lines[0]
    assert "needs saxs_q_unit '1/A' or '1/nm'" in lines[1]
    assert "samples.csv, row 4 (c): " in lines[2]
    code, lines, said = inspect(monkeypatch, capsys, table, "--q-unit", "1/nm")
    assert (code, lines) == (2, [])
    assert "units and columns stand in it, not in options" in said


def test_a_table_among_other_files_is_no_curve(monkeypatch, capsys, folder):
    write_table(folder, "a,raw/good.dat,,,\n").rename(folder / "raw" / "samples.csv")
    for given in (["raw"], ["raw/samples.csv", "raw/good.dat"]):
        _, lines, said = inspect(monkeypatch, capsys, *given, "--json")
        assert lines
        assert all(json.loads(line)["file"] != "raw/samples.csv" for line in lines)
        assert "raw/samples.csv: is a table of samples, not a curve; name it alone" in said


@pytest.mark.usefixtures("folder")
def test_one_bad_file_never_stops_the_others(monkeypatch, capsys):
    code, lines, summary = inspect(monkeypatch, capsys, "raw/deep/broken.dat", "none.dat", "raw/good.dat")
    assert code == 2
    assert len(lines) == 3
    assert "refused" in lines[0]
    assert "none.dat" in lines[1]
    assert "refused" in lines[1]
    assert "8 points" in lines[2]
    assert "1 curves read, 0 need a unit or columns, 2 refused" in summary


@pytest.mark.usefixtures("folder")
def test_all_good_files_end_with_exit_code_0(monkeypatch, capsys):
    assert inspect(monkeypatch, capsys, "raw/good.dat", "raw/xray.h5")[0] == 0


def test_patterns_and_folders_name_files_once_and_in_order(folder):
    (folder / "empty").mkdir()
    (folder / "raw" / "run[1].dat").write_text(ROWS)
    names = [file.name for file in named_files(["raw/*.dat", "raw/good.dat", "raw/deep", "raw/run[1].dat"])]
    assert names == ["raw/good.dat", "raw/needs.dat", "raw/run[1].dat", os.path.join("raw/deep", "broken.dat")]
    deep = [file.name for file in named_files(["raw/**/*.dat"])]
    assert deep == ["raw/deep/broken.dat", "raw/good.dat", "raw/needs.dat", "raw/run[1].dat"]
    problems = [file.problem for file in named_files(["empty", "raw/*.txt", "none.dat"])]
    assert "is a folder without files" in problems[0]
    assert "matches no file" in problems[1]
    assert problems[2] == ""  # the reader says it


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_is_never_waited_for(folder, monkeypatch, capsys):
    os.mkfifo(folder / "raw" / "pipe")
    code, curves = as_json(monkeypatch, capsys, "raw/pipe")
    assert code == 2
    assert "is a pipe or a device" in curves[0]["error"]
    assert [file.name for file in named_files(["raw/deep", "raw"])].count("raw/pipe") == 0


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("option", "value"), [("--q-unit", "1/s"), ("--columns", "q J")])
def test_a_wrong_option_is_one_sentence_and_not_one_per_file(monkeypatch, capsys, option, value):
    code, lines, summary = inspect(monkeypatch, capsys, "raw", option, value)
    assert (code, lines) == (2, [])
    assert summary.startswith(f"pairvae: {option}: unknown")
    assert summary.count("\n") == 1


def test_the_plot_needs_nothing_from_elsewhere_and_holds_every_curve(folder, monkeypatch, capsys):
    code, _, _ = inspect(monkeypatch, capsys, "raw", "--plot", "out/curves.html")
    assert code == 2
    html = (folder / "out" / "curves.html").read_text(encoding="utf-8")
    assert "<script src" not in html
    assert '"type":"log"' in html
    for name in ("good.dat", "needs.dat", "xray.h5"):
        assert name in html
    assert "broken.dat" not in html
    assert "3 curves" in html


def test_names_from_strangers_cannot_command_a_terminal_or_a_page(folder, monkeypatch, capsys):
    name = "a\x1b[31m<script>alert(1)</script>.dat".replace("/", "_")
    (folder / name).write_text("# q [1/A] I dI\n" + ROWS)
    _, lines, _ = inspect(monkeypatch, capsys, name, "--plot", "p.html")
    assert "\x1b" not in "".join(lines)
    assert "<script>alert" not in (folder / "p.html").read_text(encoding="utf-8")
    _, (curve,) = as_json(monkeypatch, capsys, name)
    assert curve["file"] == name


def test_a_curve_named_as_the_plot_is_not_overwritten(folder, monkeypatch, capsys):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    curve = next(iter(before))
    code, _, err = inspect(monkeypatch, capsys, "raw", "--plot", curve)
    assert (code, "is no HTML file" in err) == (2, True)
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_line_in_words_says_needs_repairs_and_warnings():
    curve = Inspected(
        "a.dat",
        points=3,
        q_min=0.1,
        q_max=3.0,
        repairs={"NaN or infinite": 2},
        warnings=("odd",),
        needs=("q_unit",),
        q_unit=None,
        intensity_unit="1/cm",
        intensity_unit_from="file",
    )
    line = text_line(curve, 10)
    assert line.startswith("a.dat       ?")
    assert "q 0.1 to 3 as in the file" in line
    assert "I: 1/cm (file)" in line
    assert line.endswith("| needs --q-unit '1/A' or '1/nm'; NaN or infinite: 2; odd")


def test_json_holds_no_nan_and_no_numpy():
    line = json_line(Inspected("a", q_min=float("nan"), q_max=np.float64(1.5), repairs={"x": np.int64(2)}))
    facts = json.loads(line)
    assert (facts["q_min"], facts["q_max"], facts["repairs"]) == (None, 1.5, {"x": 2})


def test_many_files_are_read_by_workers_in_their_order(folder, monkeypatch):
    for i in range(12):
        (folder / f"c{i:02d}.dat").write_text(
            "# q [1/A] I [1/cm]\n" + "\n".join(f"0.0{k} {i + 1}" for k in range(1, 6))
        )
    (folder / "c05.dat").write_text("")
    alone: list[str] = []
    together: list[str] = []
    inspect_files(["c*.dat"], ReadOptions(), alone.append, as_json=True)
    monkeypatch.setattr(parallel, "FEW", 2)
    monkeypatch.setattr(parallel, "CHUNK", 3)
    monkeypatch.setattr(inspect_report, "cores", lambda: 2)
    counts = inspect_files(["c*.dat"], ReadOptions(), together.append, as_json=True)
    assert together == alone
    assert counts == {"read": 11, "refused": 1}


def _worker(job):
    if job in (5, 30):
        os.abort()
    return job * job


def _crashed(job):
    return -job


def test_a_job_that_ends_its_process_takes_no_other_with_it(monkeypatch):
    monkeypatch.setattr(parallel, "FEW", 0)
    monkeypatch.setattr(parallel, "CHUNK", 3)
    expected = [-job if job in (5, 30) else job * job for job in range(40)]
    assert list(parallel.in_order(_worker, range(40), 2, _crashed, lambda _: False)) == expected
    assert list(parallel.in_order(_worker, range(40), 2, _crashed, lambda job: job not in (5, 30))) == expected


def _raises(job):
    return {"answer": 1}[job]


def test_a_fault_of_the_program_in_another_process_is_shown_with_its_place(monkeypatch):
    monkeypatch.setattr(parallel, "FEW", 0)
    with pytest.raises(RuntimeError, match=r"in _raises[\s\S]*KeyError: 'question'"):
        list(parallel.in_order(_raises, ["answer", "question"], 2, _crashed, lambda _: False))


def test_a_line_is_shown_before_the_next_file_is_read(folder):
    (folder / "last.dat").write_text("")
    lines: list[str] = []

    def show(line):
        lines.append(line)
        (folder / "last.dat").write_text("# q [1/A] I [1/cm] dI [1/cm]\n" + ROWS)

    assert inspect_files(["raw/good.dat", "last.dat"], ReadOptions(), show) == {"read": 2}


def test_a_reader_that_closes_the_pipe_sees_no_traceback(folder):
    for i in range(3):
        (folder / f"{i}.dat").write_text("# q [1/A] I [1/cm] dI [1/cm]\n" + ROWS)
    command = [sys.executable, "-c", "from pairvae.cli.app import main; main()", "inspect", "*.dat", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert json.loads(process.stdout.readline())["file"] == "0.dat"
        process.stdout.close()  # as `| head -1` does
        assert "Traceback" not in process.stderr.read()


def _returns_a_set(job):
    return {job}  # pickle would carry it as it is


def test_answers_of_other_processes_are_plain_data(monkeypatch):
    monkeypatch.setattr(parallel, "FEW", 0)
    with pytest.raises(RuntimeError, match="can not serialize 'set' object"):
        list(parallel.in_order(_returns_a_set, ["a", "b"], 2, _crashed, lambda _: False))
