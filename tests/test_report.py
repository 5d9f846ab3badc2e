import json
import re
from html.parser import HTMLParser

import h5py
import numpy as np
import pytest
from made_up_run import CROSS, HOSTILE, metrics_of, write_run

from pairvae.errors import UserError
from pairvae.report.report import SECTIONS, report
from pairvae.settings import Report

FETCHED = ("src", "href", "srcset", "data", "action", "poster")


class Page(HTMLParser):
    """What a browser would see of a page: its words, tables, ids and what it would fetch."""

    def __init__(self, html):
        super().__init__()
        self.ids, self.fetched, self.tags, self.rows, self.plots = [], [], [], [], {}
        self.metrics = {}  # what is shown, by its place in metrics.json
        self.text, self._inside = "", []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.append(tag)
        self.ids += [found["id"]] if "id" in found else []
        self.fetched += [value for name, value in attributes if name in FETCHED]
        if "data-metric" in found:
            self.metrics.setdefault(found["data-metric"], []).append(json.loads(found["value"]))
        self._inside = [tag, found.get("data-plot") or found.get("id")] if tag in ("script", "style") else []
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th") and self.rows:
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        if tag in ("script", "style"):
            self._inside = []
        if tag == "table":
            self.rows.append([])

    def handle_data(self, data):
        if self._inside:
            if self._inside[1]:
                self.plots[self._inside[1]] = json.loads(data)
            return
        self.text += data
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip()

    def table(self):
        """Cells of the rows by their first one; of rows that begin alike, the first."""
        return {row[0]: row[1:] for row in reversed(self.rows) if row}

    def words(self):
        return " ".join(self.text.split())


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("winning"), metrics_of(0.123, 0.234))


@pytest.fixture(scope="module")
def written(inputs, tmp_path_factory):
    """Folder with the page and the pages of figures."""
    folder = tmp_path_factory.mktemp("report")
    more = {"benchmarks": inputs[0].parent / "benchmarks", "figures": folder / "figures"}
    report(*inputs, Report(), folder / "report.html", **more)
    return folder


@pytest.fixture(scope="module")
def html(written):
    return (written / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def find(numbers, pointer):
    """Value at a JSON pointer (RFC 6901)."""
    for key in pointer.split("/")[1:]:
        key = key.replace("~1", "/").replace("~0", "~")
        numbers = numbers[int(key)] if isinstance(numbers, list) else numbers[key]
    return numbers


def test_every_number_shown_is_that_of_metrics_json(inputs, page):
    numbers = json.loads(inputs[0].read_text())
    assert len(page.metrics) > 100
    for place, shown in page.metrics.items():
        assert set(shown) == {find(numbers, place)}, place


def test_the_numbers_shown_are_those_of_metrics_json(page):
    table = page.table()
    first = ["0.123", "0.086", "0.197", "0.135", "0.095", "0.216"]
    assert table["SANS from SAXS"] == [*first, "1.37", "88.4\u00a0%", "0.217", "40"]
    assert table["SAXS from SANS: nearest neighbours"][0] == "0.234"
    assert table["SAXS from SANS: nearest neighbours"][-1] == "47.4\u00a0%"
    assert table["SANS partner of SAXS, by distance"] == ["62.5\u00a0%", "95.0\u00a0%", "40"]
    assert table["<b>vesicle</b>"][0] == "0.176"
    assert table["train (teaches the networks)"] == ["320"]


def test_the_first_paragraph_turns_the_median_error_into_a_percentage(page):
    percent = 100 * (10 ** (0.7 * 0.123) - 1)  # the median is 0.7 of the RMSE
    assert f"predicted from the SAXS curve within {percent:.0f} % over the whole q range" in page.words()


def test_the_best_baseline_stands_beside_the_cross_errors(page):
    assert page.words().count("best baseline: nearest neighbours, 0.234 decades") == 2
    assert "better than every baseline in both directions" in page.words()
    assert "warning" not in page.ids


def test_the_page_fetches_nothing(html, page):
    assert [address for address in page.fetched if not address.startswith("#")] == []
    assert not {"link", "iframe", "img", "object", "embed", "base"} & set(page.tags)
    style = html[html.index("<style>") : html.index("</style>")]
    assert not re.search(r"@import|url\(", style)
    assert "default-src 'none'" in html


def test_a_hostile_sample_name_is_only_text(html, page):
    assert HOSTILE.partition("(")[0] in page.text  # in model.json
    assert HOSTILE not in html
    assert "img" not in page.tags
    names = page.plots.pop("explore-data")  # texts for the list, which a script sets as texts
    assert HOSTILE in names["samples"]
    drawn = json.dumps(page.plots)
    assert "&lt;script" in drawn
    assert not re.search(r"<(script|img|u>|b>ves)", drawn)


def test_losing_to_a_baseline_is_said(tmp_path):
    report(*write_run(tmp_path, metrics_of(0.3, 0.25)), Report(), tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "warning" in page.ids
    assert "SANS from SAXS: 0.300 decades, no better than nearest neighbours (0.250 decades)." in page.words()
    assert "about a factor 2" in page.words()


def test_losing_to_the_copied_curve_in_shape_alone_is_said(tmp_path, page):
    assert page.table()["SANS from SAXS, shape"] == ["0.101", "0.345", "0.087", "0.298", "30", "5", "4", "39"]
    sentence = "SANS from SAXS: the model is no better than the copied curve after a factor."
    numbers = metrics_of(0.123, 0.234) | {"loses_to_copied_curve": {"sans_from_saxs": sentence}}
    report(*write_run(tmp_path, numbers), Report(), tmp_path / "report.html")
    lost = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "warning" in lost.ids
    assert "verdict" not in lost.ids
    assert sentence in lost.words()


def test_a_run_evaluated_before_the_copied_curve_was_a_baseline_is_still_shown(tmp_path):
    numbers = metrics_of(0.123, 0.234)
    for name in ("beside_copied_curve", "loses_to_copied_curve"):
        del numbers[name]
    for group in (numbers["baselines"], *numbers["gain_over"].values()):
        del group["copied_curve"]
    report(*write_run(tmp_path, numbers), Report(), tmp_path / "report.html")
    old = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "verdict" in old.ids
    assert "SANS from SAXS, shape" not in old.table()


def test_unknown_numbers_are_dashes_and_measured_stands_in_for_truth(tmp_path):
    numbers = metrics_of(0.123, 0.234, truth=False)
    numbers["paths"]["sans_from_sans"].update(coverage=None, reduced_chi2=float("nan"))
    del numbers["novelty"]
    report(*write_run(tmp_path, numbers, samples=2, truth=False), Report(), tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    table = page.table()
    assert table["SANS from SANS"][:4] == ["–", "–", "–", "0.135"]
    assert table["SANS from SANS"][6:8] == ["–", "–"]
    assert table["SAXS partner of SANS, by distance"][1] == "–"
    assert "against the measured curve" in page.words()
    assert "truth" not in {trace.get("name") for trace in page.plots["curves-sans_from_saxs"]["data"]}
    assert "nan" not in page.words().lower().split()


@pytest.mark.parametrize("name", ["metrics.json", "predictions.h5", "model/model.json", "joint_train/history.csv"])
@pytest.mark.parametrize("content", [None, b"", b"\x89HDF\r\n\x1a\n broken {"])
def test_a_missing_or_garbled_input_is_named_and_no_page_written(tmp_path, name, content):
    metrics, predictions, model, history = write_run(tmp_path, metrics_of(0.1, 0.2), samples=3)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=re.escape(str(tmp_path / name))):
        report(metrics, predictions, model, history, Report(), tmp_path / "out" / "report.html")
    assert not (tmp_path / "out").exists()


OTHER = ({"format": 2}, {"paths": {}}, {"pairs": {"train": "many"}})
SAID = ("format: ", "paths names no sans_from_saxs", "pairs.train: .*found 'many'")


@pytest.mark.parametrize(("change", "said"), list(zip(OTHER, SAID, strict=True)))
def test_numbers_of_another_kind_are_refused_by_name(inputs, tmp_path, change, said):
    (tmp_path / "metrics.json").write_text(json.dumps(metrics_of(0.1, 0.2) | change))
    with pytest.raises(UserError, match=said):
        report(tmp_path / "metrics.json", *inputs[1:], Report(), tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_a_dataset_of_the_wrong_shape_is_named(inputs, tmp_path):
    metrics, predictions, model, history = inputs
    broken = tmp_path / "predictions.h5"
    broken.write_bytes(predictions.read_bytes())
    with h5py.File(broken, "a") as file:
        del file["predicted/sans_from_saxs/upper"]
        file["predicted/sans_from_saxs/upper"] = np.zeros((40, 3), np.float32)
    with pytest.raises(UserError, match=r"predicted/sans_from_saxs/upper has shape \(40, 3\), expected \(40, 48\)"):
        report(metrics, broken, model, history, Report(), tmp_path / "report.html")


def test_all_figures_are_there_and_plotly_once(html, page):
    figures = {"map", *(f"explore-{path}" for path in CROSS), *(f"curves-{path}" for path in CROSS)}
    figures |= {f"error-{path}" for path in CROSS} | {f"error-material-{path}" for path in CROSS}
    figures |= {"loss-1", "loss-2", "loss-3", "measured-share", "materials", "coverage-level", "coverage-q"}
    figures |= {"correlation", "consistency", "marginals", "information", "interpolations", "temperatures"}
    assert set(page.plots) - {"explore-data"} == figures
    assert {f"plot-{name}" for name in figures} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert all(plot["data"] for name, plot in page.plots.items() if name not in ("map", "explore-data"))
    assert html.count("* plotly.js v") == 1
    assert len(html) < 7_000_000


def test_every_section_is_also_a_page_of_its_own(written, page):
    shown = {}
    for name in set(SECTIONS) - {"trials"}:
        shown |= Page((written / "figures" / f"{name}.html").read_text(encoding="utf-8")).plots
    assert shown.pop("latent")["data"]
    assert set(shown) == {name for name in page.plots if not name.startswith(("explore", "map"))}
    assert all(shown[name] == page.plots[name] for name in shown)
    assert not (written / "figures" / "trials.html").exists()  # nothing was tried


def test_settings_checksums_and_run_times_are_told(page):
    table = page.table()
    assert table["fit.steps"] == ["6000"]
    assert table["pairs.csv"] == ["ab" * 32]
    assert table["pretrain/saxs"] == ["61.2"]


def test_what_was_masked_and_repaired_is_told(page):
    table = [row[1:] for row in page.rows if row and row[0] == "SAXS"]
    assert ["95.00\u00a0%", "0.50\u00a0%", "0.25\u00a0%", "0.00\u00a0%", "I <= 0: 7"] in table


def test_trials_that_evaluate_made_are_shown(inputs, tmp_path):
    numbers = metrics_of(0.123, 0.234)
    level = {"samples": 10, "sigma_dex": 0.1, "rmse_measured": 0.2, "rmse_denoised": 0.15}
    hidden = {"rmse_truth": 0.1, "rmse_measured": 0.1, "coverage": 0.9, "novelty_above_1": 0.05}
    places = {name: [{"hidden": share, **hidden} for share in (0.0, 0.5)] for name in ("low_end", "middle")}
    numbers |= {
        "denoising": {"saxs": [level, {**level, "sigma_dex": 0.01}]},
        "hidden_ranges": dict.fromkeys(CROSS, places),
        "pair_check": {"alarm": 0.05, "false_alarms": 0.04, "swapped_found": 0.6},
    }
    numbers["novelty"]["saxs"]["found"] = {"background_alone": {"samples": 40, "share_above_1": 0.975}}
    numbers["paths"]["sans_from_saxs"] |= {"coverage_by_third": [0.8, 0.9, None], "coverage_of_curves": 0.3}
    (tmp_path / "metrics.json").write_text(json.dumps(numbers))
    report(tmp_path / "metrics.json", *inputs[1:], Report(), tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert {"denoising", "hidden-sans_from_saxs", "hidden-saxs_from_sans"} <= set(page.plots)
    table = page.table()
    assert table["background alone"] == ["40", "97.5\u00a0%"]
    assert table["5.0\u00a0%"] == ["4.0\u00a0%", "60.0\u00a0%"]
    assert table["all"] == ["80.0\u00a0%", "90.0\u00a0%", "–", "88.4\u00a0%", "30.0\u00a0%"]


def test_the_same_inputs_give_the_same_page(inputs, html, tmp_path):
    report(*inputs, Report(), tmp_path / "again.html", benchmarks=inputs[0].parent / "benchmarks")
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == html


def test_the_files_of_evaluate_and_of_the_trainings_make_a_report(evaluated, tmp_path):
    histories = [evaluated.path(name) for name in ("pretrain/saxs.csv", "pretrain/sans.csv", "joint.csv")]
    for name in ("evaluated", "without_truth"):
        files = [evaluated.path(f"{name}/{file}") for file in ("metrics.json", "predictions.h5")]
        report(*files, evaluated.path("model"), histories, Report(), tmp_path / f"{name}.html")
        page = Page((tmp_path / f"{name}.html").read_text(encoding="utf-8"))
        numbers = json.loads(files[0].read_text(encoding="utf-8"))
        assert all(set(shown) == {find(numbers, place)} for place, shown in page.metrics.items())
        assert "the networks also see D2O fraction, material" in page.words()
        assert set(page.plots["explore-data"]["groups"]) == {"material"}
        assert "d2o_fraction" in page.plots["explore-data"]["numbers"]
