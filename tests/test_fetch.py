"""Public measurements are fetched by a table, and only what has the right checksum stays."""

import csv
import hashlib
import threading
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from urllib.parse import urlsplit

import pytest
from test_workflow import ROOT, snakemake

from pairvae.samples.fetch_sources import COLUMNS, read_sources
from pairvae.samples.samples_table import parse_manifest

CURVE = "# q [1/A] I [1/cm] dI\n" + "".join(f"{0.01 * i:.2f} {10 / i:.4f} {0.1 / i:.4f}\n" for i in range(1, 40))
MEASURED = ROOT / "data" / "measured"


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def published(tmp_path):
    """Write a curve where others publish theirs, and a table that names it; the table."""

    def publish(**changed):
        source = tmp_path / "published" / "curve one.dat"
        source.parent.mkdir(exist_ok=True)
        source.write_text(CURVE, encoding="utf-8")
        row = {
            "file": "files/one_saxs.dat",
            "sample": "one",
            "technique": "saxs",
            "url": source.as_uri(),
            "sha256": digest(CURVE),
            "licence": "CC0",
            "citation": "made up for this test",
        } | changed
        table = tmp_path / "mine" / "sources.csv"
        table.parent.mkdir(exist_ok=True)
        with table.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerow(row)
        return table

    return publish


@pytest.fixture
def server(tmp_path):
    """Address of a web server on this computer that gives what was published."""
    (tmp_path / "published").mkdir(exist_ok=True)
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path / "published")
    with HTTPServer(("127.0.0.1", 0), handler) as one:
        threading.Thread(target=one.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{one.server_port}"
        one.shutdown()


def test_a_published_curve_is_fetched_once(published, server, pairvae):
    table = published(url=f"{server}/curve%20one.dat")
    code, out, err = pairvae("fetch", table)
    assert code == 0, err
    assert "fetched from http" in out
    assert (table.parent / "files" / "one_saxs.dat").read_text(encoding="utf-8") == CURVE
    (table.parents[1] / "published" / "curve one.dat").unlink()
    code, out, _ = pairvae("fetch", table)
    assert (code, "is there" in out) == (0, True)


def test_a_file_of_another_checksum_is_refused_and_leaves_nothing(published, pairvae):
    table = published(sha256=digest("something else"))
    code, _, err = pairvae("fetch", table)
    assert code == 2
    assert "row 2 (files/one_saxs.dat)" in err
    assert digest(CURVE) in err
    assert digest("something else") in err
    assert "was changed at its source" in err
    assert not list((table.parent / "files").iterdir())


def test_a_file_that_the_user_changed_is_not_overwritten(published, pairvae):
    table = published()
    mine = table.parent / "files" / "one_saxs.dat"
    mine.parent.mkdir()
    mine.write_text("my own", encoding="utf-8")
    code, _, err = pairvae("fetch", table)
    assert (code, "is there with another content" in err) == (2, True)
    assert mine.read_text(encoding="utf-8") == "my own"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/none.dat", "file:///no/such/file.dat"])
def test_what_cannot_be_reached_is_one_sentence(published, pairvae, url):
    code, _, err = pairvae("fetch", published(url=url))
    assert code == 2
    assert err.count("\n") == 1
    assert f"{url} cannot be fetched" in err
    assert "check the network" in err


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"file": "../outside.dat"}, "expected a path below the folder of the table"),
        ({"file": "/etc/outside.dat"}, "expected a path below the folder of the table"),
        ({"url": "ftp://somewhere/one.dat"}, "expected an address that begins with https://"),
        ({"sha256": "abc"}, "expected 64 hexadecimal digits"),
        ({"licence": ""}, "licence is empty"),
    ],
)
def test_a_wrong_row_is_named_before_anything_is_fetched(published, pairvae, changed, words):
    table = published(**changed)
    code, _, err = pairvae("fetch", table)
    assert code == 2
    assert "row 2" in err
    assert words in err
    assert [path.name for path in table.parent.iterdir()] == ["sources.csv"]


def test_the_workflow_fetches_what_the_table_names(published, tmp_path):
    table = published()
    (tmp_path / "data" / "measured").mkdir(parents=True)
    table.rename(tmp_path / "data" / "measured" / "sources.csv")
    run = snakemake(tmp_path, "fetch_measured")
    assert run.returncode == 0, run.stdout
    assert (tmp_path / "data" / "measured" / "files" / "one_saxs.dat").read_text(encoding="utf-8") == CURVE
    again = snakemake(tmp_path, "fetch_measured")
    assert "Nothing to be done" in again.stdout


def test_the_shipped_table_names_every_curve_of_the_shipped_pairs(tmp_path):
    sources = {source.file: source for source in read_sources(MEASURED / "sources.csv")}
    for name, source in sources.items():
        commit = urlsplit(source.url).path.split("/")[3]
        assert len(commit) == 40, f"{name}: a branch may move; expected a commit in {source.url}"
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "samples.csv").write_bytes((MEASURED / "samples.csv").read_bytes())
    rows = parse_manifest(tmp_path / "samples.csv")
    assert len(rows) == 13
    table = (MEASURED / "samples.csv").read_text(encoding="utf-8")
    assert {name for name in sources if name not in table} == set()
    assert {path.name for path in MEASURED.iterdir() if path.is_file()} == {"sources.csv", "samples.csv"}
