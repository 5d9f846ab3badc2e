import subprocess
import sys

import pytest
from made_up_run import metrics_of, write_run
from test_report import Page

from pairvae.errors import UserError
from pairvae.report.report import report_runs


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two runs, the second trained on other settings and tested on fewer samples."""
    folders = [tmp_path_factory.mktemp("results") / name for name in ("first", "second")]
    write_run(folders[0], metrics_of(0.1, 0.2) | {"run": "first"})
    write_run(folders[1], metrics_of(0.15, 0.2) | {"run": "<i>second</i>"}, samples=30)
    card = folders[1] / "model" / "model.json"
    card.write_text(card.read_text().replace("6000", "9000"))
    return folders


def test_runs_stand_side_by_side(folders, tmp_path):
    output = tmp_path / "runs.html"
    command = [sys.executable, "-c", "from pairvae.cli.app import main; main()", "report", "--compare"]
    subprocess.run([*command, *map(str, folders), "--output", str(output)], check=True, capture_output=True)
    page = Page(output.read_text(encoding="utf-8"))
    table = page.table()
    assert table["run"] == ["first", "<i>second</i>"]
    assert table["SANS from SAXS: RMSE"] == ["0.100", "0.150"]
    assert table["SAXS from SANS: best baseline"] == ["0.200 (nearest neighbours)"] * 2
    assert table["settings.fit.steps"] == ["6000", "9000"]
    assert "settings.latent_dim" not in table
    assert "warning" in page.ids  # tested on different samples
    assert [trace["name"] for trace in page.plots["error-sans_from_saxs"]["data"]] == [
        "first",
        "&lt;i&gt;second&lt;/i&gt;",
    ]


def test_runs_of_the_same_name_are_counted(folders, tmp_path):
    report_runs([folders[0], folders[0]], tmp_path / "runs.html")
    page = Page((tmp_path / "runs.html").read_text(encoding="utf-8"))
    assert ["run", "first (1)", "first (2)"] in page.rows
    assert "warning" not in page.ids
    assert "The settings of the models are the same." in page.words()


def test_a_folder_without_a_run_is_named_and_no_page_written(folders, tmp_path):
    with pytest.raises(UserError, match=r"is no folder of a run: it holds no metrics\.json"):
        report_runs([folders[0], tmp_path], tmp_path / "runs.html")
    with pytest.raises(UserError, match="at least two folders of runs to compare, found 1"):
        report_runs(folders[:1], tmp_path / "runs.html")
    assert not (tmp_path / "runs.html").exists()
