"""What a terminal's encoding lacks is spelt: no command ends in an error of encoding."""

import os
import shutil
import subprocess
import sys

import pytest

ENCODINGS = {
    "latin-1": {"PYTHONIOENCODING": "latin-1"},
    "ascii": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}
UNITS = {"latin-1": "1/Å", "ascii": "1/A"}
TABLE = "# q[1/A] I[1/cm] dI\n" + "".join(f"0.0{k} {9 - k} {k % 3}\n" for k in range(1, 9))


def pairvae(encoding, *arguments):
    """Run the command line as in a terminal of another encoding; its exit code and output."""
    call = [sys.executable, "-c", "from pairvae.cli.app import main; main()", *map(str, arguments)]
    done = subprocess.run(call, env=os.environ | ENCODINGS[encoding], capture_output=True, timeout=3600, check=False)
    out, err = (text.decode("latin-1") for text in (done.stdout, done.stderr))
    assert "Traceback" not in err
    return done.returncode, out, err


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_signs_that_are_lacking_are_spelt(encoding, tmp_path):
    (tmp_path / "σ_Öl.dat").write_text(TABLE)
    code, out, _ = pairvae(encoding, "inspect", tmp_path)
    assert code == 0
    assert f"q 0.01 to 0.08 {UNITS[encoding]}" in out
    assert "with sigma <= 0" in out or "sigma_not_positive: 2" in out


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_mistakes_and_help_are_written_too(encoding, tmp_path):
    (tmp_path / "curve.dat").write_text("0.1 3\n0.2 2\n0.3 1\n")
    code, _, err = pairvae(encoding, "translate", "--help")
    assert code == 0, err
    (tmp_path / "other.dat").write_text(TABLE)
    table = tmp_path / "samples.csv"
    table.write_text("sample_id,saxs,sans\na,curve.dat,other.dat\n")
    (tmp_path / "read.json").write_text("{}")
    outputs = [part for name in ("saxs", "sans", "samples") for part in (f"--{name}", tmp_path / "run" / name)]
    code, _, err = pairvae(encoding, "read", "--manifest", table, "--settings", tmp_path / "read.json", *outputs)
    assert code == 2
    assert f"in 1/A the curve would run from 0.1 to 0.3 {UNITS[encoding]}" in err


def test_names_that_are_no_text_come_back_from_other_processes(tmp_path):
    for i in range(120):
        (tmp_path / f"m{i:03d}.dat").write_text(TABLE)
    shutil.copy(tmp_path / "m000.dat", os.fsencode(tmp_path) + b"/m000\xd6.dat")
    code, out, _ = pairvae("latin-1", "inspect", tmp_path)
    assert code == 0
    assert len(out.splitlines()) == 121
    assert "m000?.dat" in out


def test_files_whose_names_the_locale_lacks_are_refused_by_row(tmp_path):
    (tmp_path / "σ.dat").write_text(TABLE)
    (tmp_path / "samples.csv").write_text("sample_id,saxs,sans\na,σ.dat,\n", encoding="utf-8")
    code, out, _ = pairvae("ascii", "inspect", tmp_path / "samples.csv")
    assert code == 2
    assert "row 2 (a): column saxs names 'sigma.dat': the locale's encoding of file names (ascii)" in out
