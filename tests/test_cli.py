"""The command line: fast to ask, one line for a mistake."""

import signal
import subprocess
import sys
import time

import pytest

from pairvae import __version__
from pairvae.cli.app import main
from pairvae.settings import Simulate


def pairvae(*arguments, then=""):
    """Run the command line in a Python of its own."""
    code = f"import sys; sys.argv = ['pairvae', *{list(map(str, arguments))}]\nfrom pairvae.cli.app import main\n"
    code += f"try:\n    main()\nfinally:\n    {then or 'pass'}\n"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", timeout=3600)


def mistake(capsys, monkeypatch, *arguments):
    """What a call says on stderr, its exit code being 2."""
    monkeypatch.setattr(sys, "argv", ["pairvae", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_help_lists_the_stages_and_loads_nothing_heavy():
    heavy = ("torch", "lightning", "numpy", "pandas", "h5py", "sasmodels", "snakemake", "sklearn")
    done = pairvae("--help", then=f"print('LOADED', [name for name in {heavy} if name in sys.modules])")
    assert done.returncode == 0, done.stderr
    assert "LOADED []" in done.stdout
    for stage in ("simulate", "normalize", "pair", "pretrain", "joint_train", "calibrate", "translate", "report"):
        assert stage in done.stdout


def test_version_is_that_of_the_package():
    assert pairvae("--version").stdout == f"pairvae {__version__}\n"


def test_a_mistake_is_one_line_without_traceback(tmp_path):
    (tmp_path / "settings.json").write_text('{"max_gap": 1}')
    (tmp_path / "curves.h5").write_text("no HDF5")
    files = ("--curves", tmp_path / "curves.h5", "--settings", tmp_path / "settings.json")
    done = pairvae("normalize", *files, "--spectra", tmp_path / "out.h5")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("pairvae: ")
    assert done.stderr.count("\n") == 1
    assert "max_gap is not a setting; the nearest valid name is max_gap_dex" in done.stderr
    assert not (tmp_path / "out.h5").exists()


def test_file_of_another_kind_is_one_line(tmp_path, capsys, monkeypatch):
    (tmp_path / "settings.json").write_text("{}")
    (tmp_path / "curves.h5").write_text("no HDF5")
    files = ("--curves", tmp_path / "curves.h5", "--settings", tmp_path / "settings.json")
    said = mistake(capsys, monkeypatch, "normalize", *files, "--spectra", tmp_path / "out.h5")
    assert said.startswith("pairvae: ")
    assert said.count("\n") == 1
    assert "curves.h5: cannot be opened as HDF5" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("train",), "No such command"),
        (("normalize", "--curve", "a.h5"), "No such option"),
        (("normalize",), "Missing option"),
        (("normalize", "--curves", "missing.h5"), "does not exist"),
    ],
)
def test_wrong_call_says_what_is_wrong(arguments, said, capsys, monkeypatch):
    assert said in mistake(capsys, monkeypatch, *arguments)


def test_frozen_settings_are_whole_and_checked(tmp_path, capsys, monkeypatch):
    out = tmp_path / "pretrain.json"
    said = mistake(
        capsys, monkeypatch, "freeze", "--stage", "pretrain.saxs", "--values", '{"stepz": 3}', "--output", out
    )
    assert "pretrain.saxs: stepz is not a setting; the nearest valid name is steps" in said
    assert not out.exists()


def test_stage_that_does_not_exist_is_named(tmp_path, capsys, monkeypatch):
    said = mistake(
        capsys, monkeypatch, "freeze", "--stage", "pretrian", "--values", "{}", "--output", tmp_path / "a.json"
    )
    assert "there is no stage 'pretrian'" in said


def test_generated_files_are_written_where_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["pairvae", "defaults", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"default.yaml", "schema.json"}


@pytest.mark.slow
def test_stage_asked_to_stop_says_so_and_leaves_nothing_half_written(tmp_path):
    (tmp_path / "simulate.json").write_text(Simulate(pairs=20_000, systems={"silica_sphere": 1}).model_dump_json())
    names = ("saxs", "sans", "truth-saxs", "truth-sans", "samples")
    outputs = [part for name in names for part in (f"--{name}", tmp_path / "out" / name)]
    call = [sys.executable, "-c", "from pairvae.cli.app import main; main()", "simulate", *outputs]
    with subprocess.Popen(
        [*call, "--settings", tmp_path / "simulate.json", "--threads", "2"], stderr=subprocess.PIPE, text=True
    ) as process:
        while not sum(path.stat().st_size for path in tmp_path.glob("out/.*")) > 100_000:  # in the middle of it
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        said = process.stderr.read()
    assert process.returncode == 128 + signal.SIGTERM
    assert said == "pairvae: stopped by SIGTERM; what was finished is kept, start it again\n"
    assert list((tmp_path / "out").iterdir()) == []
