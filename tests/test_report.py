import json
import re
from html.parser import HTMLParser

import h5py
import numpy as np
import pytest

from pairvae.assess.figures import code_correlation, error_against_q, examples, latent_map
from pairvae.assess.report import report
from pairvae.errors import UserError
from pairvae.settings import Report

CROSS = ("sans_from_saxs", "saxs_from_sans")
PATHS = ("saxs_from_saxs", "sans_from_sans", *CROSS)
HOSTILE = '<script>alert("x")</script><img src=http://evil.example/a.png>'
FETCHED = ("src", "href", "srcset", "data", "action", "poster")
MATERIALS = ("silica_sphere", "micelle", "gold_rod", "vesicle")
PIXELS = {"saxs": (0.006, 0.55, 64), "sans": (0.0035, 0.4, 48)}


def score(rmse, truth=True, **more):
    numbers = {"rmse": rmse, "median": 0.7 * rmse, "p90": 1.6 * rmse}
    return {
        **{f"{name}_truth": value if truth else None for name, value in numbers.items()},
        **{f"{name}_measured": 1.1 * value for name, value in numbers.items()},
        **more,
    }


def metrics_of(rmse, neighbours, truth=True):
    bands = {"reduced_chi2": 1.37, "coverage": 0.884, "band_width_dex": 0.217, "samples": 40}
    material = {name: score(rmse * (1 + i / 7), truth, **bands) for i, name in enumerate(MATERIALS)}
    rivals = {"mean_curve": 0.912, "neighbours": neighbours, "direct": 0.456}
    return {
        "format": 1,
        "run": "demo",
        "pairs": {"train": 320, "val": 40, "test": 40},
        "techniques": {
            name: {"q_min": low, "q_max": high, "points": points} for name, (low, high, points) in PIXELS.items()
        },
        "paths": {path: score(rmse, truth, **bands, by_material=material) for path in PATHS},
        "baselines": {
            name: {path: score(error, truth, by_material={}) for path in CROSS} for name, error in rivals.items()
        },
        "gain_over": {path: {name: 1 - rmse / error for name, error in rivals.items()} for path in CROSS},
        "retrieval": {
            "sans_of_saxs": {"top1": 0.625, "top5": 0.95, "candidates": 40},
            "saxs_of_sans": {"top1": 0.575, "top5": None, "candidates": 40},
        },
        "coverage_nominal": 0.9,
        "novelty": {name: {"median": 0.43, "share_above_1": 0.05} for name in PIXELS},
        "versions": {"pairvae": "0.1.0", "torch": "2.13.0"},
    }


def write_predictions(path, samples, truth=True):
    random = np.random.default_rng(7)
    radius, level = random.uniform(40, 160, (samples, 1)), random.uniform(1, 3, (samples, 1))
    codes = random.normal(size=(samples, 8)) * np.linspace(2, 0.3, 8)
    with h5py.File(path, "w") as file:
        file["sample_id"] = [HOSTILE, *(f"sample_{i:03d}" for i in range(1, samples))]
        file["material"] = [MATERIALS[i % len(MATERIALS)] for i in range(samples)]
        for technique, (low, high, points) in PIXELS.items():
            q = np.geomspace(low, high, points)
            x = q * radius
            sphere = 10**level * (3 * (np.sin(x) - x * np.cos(x)) / x**3) ** 2
            smooth = np.log10(sphere + 1e-3 * 10**level / (1 + x**4) + (0.05 if technique == "sans" else 3e-4))
            sigma = np.clip(0.02 + 0.1 * (q / high) ** 2, 0, 0.3) + 0 * smooth
            measured = smooth + sigma * random.normal(size=smooth.shape)
            measured[:, -3:] = sigma[:, -3:] = np.nan
            file[f"q/{technique}"] = q
            file[f"measured/{technique}/log_intensity"] = measured.astype(np.float32)
            file[f"measured/{technique}/log_sigma"] = sigma.astype(np.float32)
            if truth:
                file[f"truth/{technique}/log_intensity"] = smooth.astype(np.float32)
            noise = 0.05 if technique == "saxs" else 0.1
            file[f"latent/{technique}"] = (codes + noise * random.normal(size=codes.shape)).astype(np.float32)
            file[f"novelty/{technique}"] = np.linspace(0, 1.2, samples).astype(np.float32)
            partner = "sans" if technique == "saxs" else "saxs"
            for source in (technique, partner):
                name = f"{technique}_from_{source}"
                off = np.linspace(0.01, 0.25, samples)[:, None] * np.sin(5 * np.log(q))[None]
                file[f"predicted/{name}/log_intensity"] = (smooth + off).astype(np.float32)
                file[f"predicted/{name}/lower"] = (smooth + off - 0.1 - sigma[:, :1]).astype(np.float32)
                file[f"predicted/{name}/upper"] = (smooth + off + 0.1 + sigma[:, :1]).astype(np.float32)
                file[f"error/{name}"] = np.sqrt((off**2).mean(1)).astype(np.float32)
            for name, error in (("mean_curve", 0.9), ("neighbours", 0.25), ("direct", 0.4)):
                away = error * random.normal(size=smooth.shape)
                file[f"baseline/{name}/{technique}_from_{partner}"] = (smooth + away).astype(np.float32)


def write_history(path, columns, epochs=25):
    path.parent.mkdir(parents=True)
    lines = [",".join(["epoch", "step", "learning_rate", *columns])]
    for epoch in range(epochs):
        floor = [-0.35 if "variance" in name else 0.05 for name in columns]
        losses = [f"{(1 + i) * 0.8**epoch + low:.6g}" for i, low in enumerate(floor)]
        lines.append(",".join([str(epoch), str(32 * (epoch + 1)), "0.001", *losses]))
    path.write_text("\n".join(lines) + "\n")


def write_inputs(folder, numbers, samples=40, truth=True):
    (folder / "metrics.json").write_text(json.dumps(numbers))
    write_predictions(folder / "predictions.h5", samples, truth)
    (folder / "model").mkdir()
    card = {"settings": {"latent_dim": 8, "fit": {"steps": 6000}}, "q": list(range(99)), "note": HOSTILE}
    (folder / "model" / "model.json").write_text(json.dumps(card))
    own = [f"{split}/{term}" for split in ("train", "val") for term in ("reconstruction", "kl")]
    terms = (*PATHS, "barlow_twins", "kl", "variance")
    joint = [f"{split}/{term}" for split in ("train", "val") for term in terms]
    history = [folder / stage / "history.csv" for stage in ("pretrain/saxs", "pretrain/sans", "joint_train")]
    for path, columns in zip(history, (own, own, joint), strict=True):
        write_history(path, columns)
    return folder / "metrics.json", folder / "predictions.h5", folder / "model", history


class Page(HTMLParser):
    """What a browser would see of a page: its words, tables, ids and what it would fetch."""

    def __init__(self, html):
        super().__init__()
        self.ids, self.fetched, self.tags, self.rows, self.plots = [], [], [], [], {}
        self.text, self._inside = "", []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        told = dict(attributes)
        self.tags.append(tag)
        self.ids += [told["id"]] if "id" in told else []
        self.fetched += [value for name, value in attributes if name in FETCHED]
        self._inside = [tag, told.get("data-plot")] if tag in ("script", "style") else []
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

    def words(self):
        return " ".join(self.text.split())


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    return write_inputs(tmp_path_factory.mktemp("winning"), metrics_of(0.123, 0.234))


@pytest.fixture(scope="module")
def html(inputs, tmp_path_factory):
    output = tmp_path_factory.mktemp("report") / "report.html"
    report(*inputs, Report(), output)
    return output.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(html):
    return Page(html)


def test_the_numbers_shown_are_those_of_metrics_json(page):
    table = {row[0]: row[1:] for row in page.rows if row}
    first = ["0.123", "0.086", "0.197", "0.135", "0.095", "0.216"]
    assert table["SANS from SAXS"] == [*first, "1.37", "88.4\u00a0%", "0.217", "40"]
    assert table["SAXS from SANS: nearest neighbours"][0] == "0.234"
    assert table["SAXS from SANS: nearest neighbours"][-1] == "47.4\u00a0%"
    assert table["SANS partner of SAXS"] == ["62.5\u00a0%", "95.0\u00a0%", "40"]
    assert table["vesicle"][0] == "0.176"
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


def test_all_figures_are_there_and_plotly_once(html, page):
    curves = {f"curve-{path}-{rank}" for path in CROSS for rank in ("best", "median", "worst")}
    others = {"loss-1", "loss-2", "loss-3", *(f"error-{path}" for path in CROSS), "latent", "correlation"}
    assert set(page.plots) == curves | others
    assert {f"plot-{name}" for name in page.plots} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))
    assert all(plot["data"] for plot in page.plots.values())
    assert html.count("* plotly.js v") == 1
    assert len(html) < 7_000_000


def test_a_hostile_sample_name_is_only_text(html, page):
    assert HOSTILE in page.text
    assert HOSTILE not in html
    assert "img" not in page.tags
    drawn = json.dumps(page.plots)
    assert "&lt;script" in drawn
    assert "<script" not in drawn
    assert "<img" not in drawn


def test_loss_terms_that_turn_negative_get_a_linear_axis(page):
    layout = page.plots["loss-3"]["layout"]
    assert layout["yaxis"]["type"] == "log"
    assert layout["yaxis2"].get("type") != "log"
    on_linear = [trace["name"] for trace in page.plots["loss-3"]["data"] if trace["yaxis"] == "y2"]
    assert on_linear == ["variance", "variance"]


def test_the_same_inputs_give_the_same_page(inputs, html, tmp_path):
    report(*inputs, Report(), tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == html


def test_losing_to_a_baseline_is_said(tmp_path):
    report(*write_inputs(tmp_path, metrics_of(0.3, 0.25)), Report(), tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    assert "warning" in page.ids
    assert "SANS from SAXS: 0.300 decades, no better than nearest neighbours (0.250 decades)." in page.words()
    assert "about a factor 2" in page.words()


def test_unknown_numbers_are_dashes_and_measured_stands_in_for_truth(tmp_path):
    numbers = metrics_of(0.123, 0.234, truth=False)
    numbers["paths"]["sans_from_sans"].update(coverage=None, reduced_chi2=float("nan"))
    del numbers["novelty"]
    report(*write_inputs(tmp_path, numbers, samples=2, truth=False), Report(), tmp_path / "report.html")
    page = Page((tmp_path / "report.html").read_text(encoding="utf-8"))
    table = {row[0]: row[1:] for row in page.rows if row}
    assert table["SANS from SANS"][:4] == ["–", "–", "–", "0.135"]
    assert table["SANS from SANS"][6:8] == ["–", "–"]
    assert table["SAXS partner of SANS"][1] == "–"
    assert "against the measured curve" in page.words()
    assert "truth" not in {trace["name"] for trace in page.plots["curve-sans_from_saxs-best"]["data"][2:]}
    assert "nan" not in page.words().lower().split()


@pytest.mark.parametrize("name", ["metrics.json", "predictions.h5", "model/model.json", "joint_train/history.csv"])
@pytest.mark.parametrize("content", [None, b"", b"\x89HDF\r\n\x1a\n broken {"])
def test_a_missing_or_garbled_input_is_named_and_no_page_written(tmp_path, name, content):
    metrics, predictions, model, history = write_inputs(tmp_path, metrics_of(0.1, 0.2), samples=3)
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


def test_examples_are_the_best_the_median_and_the_worst_sample(inputs):
    with h5py.File(inputs[1]) as file:
        found = examples(file, "sans_from_saxs")
        error = np.sort(file["error/sans_from_saxs"][:])
    assert [example.rank for example in found] == ["best", "median", "worst"]
    np.testing.assert_allclose([example.error for example in found], error[[0, 19, 39]])
    assert found[0].sample == HOSTILE


def test_error_against_q_is_the_root_mean_square_over_measured_points(inputs):
    with h5py.File(inputs[1]) as file:
        figure = error_against_q(file, "saxs_from_sans")
        away = file["predicted/saxs_from_sans/log_intensity"][:] - file["truth/saxs/log_intensity"][:]
    expected = np.sqrt((away.astype(float) ** 2).mean(0))
    expected[-3:] = np.nan  # never measured
    assert [trace.name for trace in figure.data] == [
        "PairVAE",
        "direct network",
        "mean curve",
        "nearest neighbours",
    ]
    np.testing.assert_allclose(figure.data[0].y, expected, rtol=1e-4)


def test_partners_with_equal_codes_correlate_fully_and_lie_together(inputs, tmp_path):
    with h5py.File(tmp_path / "equal.h5", "w") as file, h5py.File(inputs[1]) as source:
        for name in ("sample_id", "material"):
            source.copy(name, file)
        for technique in ("saxs", "sans"):
            file[f"latent/{technique}"] = source["latent/saxs"][:]
        correlation, places = code_correlation(file).data[0].z, latent_map(file, points=10).data
    np.testing.assert_allclose(np.diag(correlation), 1, atol=1e-3)
    lines = np.asarray(places[0].x).reshape(-1, 3)
    assert len(lines) == 10
    np.testing.assert_array_equal(lines[:, 0], lines[:, 1])


def test_many_materials_stay_a_short_legend(tmp_path):
    with h5py.File(tmp_path / "many.h5", "w") as file:
        file["sample_id"] = file["material"] = [f"m{i}" for i in range(60)]
        for technique in ("saxs", "sans"):
            file[f"latent/{technique}"] = np.random.default_rng(1).normal(size=(60, 4))
        legend = [trace.name for trace in latent_map(file, points=60).data if trace.showlegend]
    assert len(legend) == 12
    assert "other" in legend
