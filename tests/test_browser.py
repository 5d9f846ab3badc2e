"""The report as a reader meets it: opened from a file in Chromium, with no network.

Pictures of what was seen are left in tests/screenshots.
"""

import base64
import json
import os
import re
import shutil
from pathlib import Path

import pytest
from made_up_run import CROSS, HOSTILE, metrics_of, write_run
from selenium import webdriver
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from pairvae.report.report import report
from pairvae.settings import Report

MISSING = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
NEEDED = os.environ.get("PAIRVAE_NEEDS_BROWSER")  # continuous integration sets it: there nothing is skipped
SCREENSHOTS = Path(__file__).parent / "screenshots"
SAMPLES = 40
A4 = (8.27, 11.69)  # inches
# How many pixels of two PNG pictures of one size differ inside of each box, found out by the browser itself.
DIFFERENT = """
const [pictures, boxes, done] = arguments;
Promise.all(pictures.map(async (data) => {
  const image = new Image();
  image.src = "data:image/png;base64," + data;
  await image.decode();
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.width, image.height];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  return context;
})).then((contexts) => done(boxes.map((box) => {
  const [a, b] = contexts.map((context) => context.getImageData(...box).data);
  let count = 0;
  for (let i = 0; i < a.length; i += 4) count += Math.abs(a[i] - b[i]) + Math.abs(a[i + 1] - b[i + 1]) > 40;
  return count;
})));
"""
BOXES = """
return Array.from(document.querySelectorAll(".js-plotly-plot"), (place) => {
  const { left, top, width, height } = place.getBoundingClientRect();
  return [left + scrollX, top + scrollY, width, height].map(Math.round);
});
"""
HIDE_DATA = """
const style = document.createElement("style");
style.id = "hidden-data";
style.textContent = ".scatterlayer, .boxlayer, .barlayer, .heatmaplayer { display: none !important; }";
document.head.append(style);
"""
# A sample of the map that lies apart from the others, and where on the screen its SAXS code is drawn.
LONELY = """
const map = document.getElementById("plot-map");
map.scrollIntoView({ block: "center", behavior: "instant" });
const { xaxis, yaxis } = map._fullLayout;
const trace = map.data.find((one) => one.customdata);
const points = map.data.filter((one) => one.customdata);
const all = points.flatMap((one) => one.x.map((x, i) => [xaxis.d2p(x), yaxis.d2p(one.y[i])]));
const apart = ([x, y]) => all.map(([a, b]) => Math.hypot(x - a, y - b)).sort((a, b) => a - b)[1];
const best = trace.x.map((_, i) => i).reduce((a, b) => (apart(all[a]) > apart(all[b]) ? a : b));
const box = map.getBoundingClientRect();
return [best, box.left + xaxis._offset + all[best][0], box.top + yaxis._offset + all[best][1]];
"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(
        bool(MISSING) and not NEEDED,
        reason=f"needs {' and '.join(MISSING)}; on Debian: apt-get install chromium chromium-driver",
    ),
]


@pytest.fixture(scope="module")
def browser():
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
    driver.set_script_timeout(120)  # a busy machine draws slowly
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """metrics.json and the report of a run with hostile names."""
    folder = tmp_path_factory.mktemp("run")
    inputs = write_run(folder, metrics_of(0.123, 0.234), SAMPLES)
    report(*inputs, Report(), folder / "report.html", folder / "benchmarks")
    SCREENSHOTS.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def page(browser, written):
    """The page, freshly opened and drawn, 1280 pixels wide, light."""
    look(browser, 1280)
    browser.get((written / "report.html").as_uri())
    wait_until_drawn(browser)
    return browser


def look(browser, width, scheme="light"):
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    feature = {"name": "prefers-color-scheme", "value": scheme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": [feature]})


def wait_until_drawn(browser):
    ready = "return document.documentElement.dataset.ready === 'yes'"
    WebDriverWait(browser, 120).until(lambda driver: driver.execute_script(ready))


def shoot(browser):
    """A picture of the whole page: PNG in base64."""
    height, width = browser.execute_script("const d = document.documentElement; return [d.scrollHeight, d.clientWidth]")
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
    return browser.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})["data"]


def listed(browser):
    return [option.text for option in Select(browser.find_element(By.ID, "samples")).options]


def curve(browser, path, trace=3):
    """The predicted curve (or another trace) that is drawn."""
    code = "return Array.from(document.getElementById(arguments[0]).data[arguments[1]].y)"
    return browser.execute_script(code, f"plot-explore-{path}", trace)


def test_page_opens_from_a_file_without_error_or_request(browser, written):
    for kind in ("browser", "performance"):
        browser.get_log(kind)
    browser.get((written / "report.html").as_uri())
    wait_until_drawn(browser)
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    assert (written / "report.html").as_uri() in asked
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert len([url for url in asked if url.startswith("file:")]) == 1


def test_numbers_in_the_page_are_those_of_metrics_json(page, written):
    numbers = json.loads((written / "metrics.json").read_text())
    shown = page.execute_script(
        "return Array.from(document.querySelectorAll('data'), (e) => [e.dataset.metric, e.value, e.textContent,"
        " e.dataset.style])"
    )
    assert len(shown) > 100
    for place, value, text, style in shown:
        found = numbers
        for key in place.split("/")[1:]:
            found = found[int(key)] if isinstance(found, list) else found[key.replace("~1", "/").replace("~0", "~")]
        assert json.loads(value) == found
        if style in ("decades", "percent"):
            shown = float(re.sub(r"[^0-9.−]", "", text).replace("−", "-"))
            assert shown == pytest.approx(
                found * (100 if style == "percent" else 1), abs=0.0501 if style == "percent" else 5e-4
            )


def test_list_sorts_by_error_material_and_novelty(page):
    sort, order = (Select(page.find_element(By.ID, name)) for name in ("sort", "order"))
    worst_first = listed(page)
    assert len(worst_first) == SAMPLES
    assert "sample_039" in worst_first[0]  # made up with errors that grow
    assert HOSTILE.replace("_", " ") in worst_first[-1].replace("_", " ")
    order.select_by_visible_text("smallest first")
    assert listed(page) == worst_first[::-1]
    sort.select_by_value("material")
    materials = [text.rpartition(" · ")[2] for text in listed(page)]
    assert materials == sorted(materials)
    sort.select_by_visible_text("novelty, SAXS")
    novelty = [float(text.split()[0]) for text in listed(page)]
    assert novelty == sorted(novelty)
    page.find_element(By.ID, "find").send_keys("GOLD")
    assert len(listed(page)) == SAMPLES // 4
    assert page.find_element(By.ID, "count").text == f"{SAMPLES // 4} of {SAMPLES} samples"


def test_choosing_by_keyboard_changes_the_curves(page):
    before = {path: curve(page, path) for path in CROSS}
    samples = page.find_element(By.ID, "samples")
    samples.send_keys(Keys.HOME)
    for path in CROSS:
        assert curve(page, path) != before[path]
    assert page.find_element(By.ID, "chosen").text.startswith("sample_039: material")
    samples.send_keys(Keys.END)
    assert page.find_element(By.ID, "chosen").text.startswith(HOSTILE)
    assert page.execute_script("return document.querySelectorAll('main img, .plot img').length") == 0
    residual = curve(page, "sans_from_saxs", 5)
    assert residual[-1] is None  # not measured
    assert max(abs(value) for value in residual if value is not None) < 10


def test_click_in_the_latent_map_changes_the_curves(page):
    before = curve(page, "sans_from_saxs")
    sample, x, y = page.execute_script(LONELY)
    pointer = ActionBuilder(page)
    pointer.pointer_action.move_to_location(round(x), round(y)).pause(0.5).click()
    pointer.perform()
    WebDriverWait(page, 20).until(lambda driver: curve(driver, "sans_from_saxs") != before)
    assert page.find_element(By.ID, "samples").get_attribute("value") == str(sample)


def test_map_is_coloured_by_material_covariate_and_error(page):
    colour, projection = (Select(page.find_element(By.ID, name)) for name in ("colour", "projection"))
    offered = {option.text for option in colour.options}
    assert offered >= {"material", "D2O fraction", "cell/<u>", "error, SANS from SAXS (decades)", "novelty, SANS"}
    drawn = "return document.getElementById('plot-map').data.map((t) => JSON.stringify(t.marker?.color ?? null))"
    legend = page.find_element(By.ID, "legend")
    assert "<b>vesicle</b>" in legend.text
    seen = [page.execute_script(drawn)]
    for name in ("D2O fraction", "error, SANS from SAXS (decades)"):
        colour.select_by_visible_text(name)
        WebDriverWait(page, 20).until(lambda driver: driver.execute_script(drawn) not in seen)
        seen.append(page.execute_script(drawn))
        assert legend.text == ""
    projection.select_by_visible_text("neighbours (t-SNE)")
    points = "return document.getElementById('plot-map').data[0].x.length"
    WebDriverWait(page, 20).until(lambda driver: driver.execute_script(points) == SAMPLES)
    assert page.get_log("browser") == []


def test_no_figure_is_blank(page):
    names = page.execute_script("return Array.from(document.querySelectorAll('.plot[role=img]'), (p) => p.id)")
    boxes, full = page.execute_script(BOXES), shoot(page)
    assert len(boxes) == len(names) == 22
    page.execute_script(HIDE_DATA)
    changed = page.execute_async_script(DIFFERENT, [full, shoot(page)], boxes)
    assert {name: count for name, count in zip(names, changed, strict=True) if count < 300} == {}


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1280, "dark"), (800, "light")])
def test_page_fits_its_window(page, width, scheme):
    look(page, width, scheme)
    misfit = (
        "return Math.max(...Array.from(document.querySelectorAll('.plot'),"
        " (p) => Math.abs(p.querySelector('.main-svg').clientWidth - p.clientWidth)))"
    )
    WebDriverWait(page, 30).until(lambda driver: driver.execute_script(misfit) <= 1)
    assert page.execute_script("return document.documentElement.scrollWidth") <= width
    ground = page.execute_script("return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    assert (sum(ground) < 200) == (scheme == "dark")
    (SCREENSHOTS / f"report-{width}-{scheme}.png").write_bytes(base64.b64decode(shoot(page)))


def test_print_has_every_figure_and_cuts_none(page):
    labels = page.execute_script("return Array.from(document.querySelectorAll('.plot'), (p) => p.ariaLabel)")
    paper = {"paperWidth": A4[0], "paperHeight": A4[1], "printBackground": True, "generateTaggedPDF": True}
    page.execute_script(
        "addEventListener('beforeprint', () => { window.printed = Array.from(document.querySelectorAll('.plot'),"
        " (p) => p.layout.width); })"
    )
    pdf = base64.b64decode(page.execute_cdp_cmd("Page.printToPDF", paper)["data"])
    (SCREENSHOTS / "report.pdf").write_bytes(pdf)
    shown = [text.decode() for text in re.findall(rb"/Alt \((.*?)\)\s", pdf)]
    assert [label for label in labels if label not in shown] == []
    assert len(page.execute_script("return window.printed")) == len(labels)
    # afterwards the screen is as before
    assert page.execute_script("return document.getElementById('plot-map').layout.width ?? null") is None
    # the same paper on the screen: every figure fits on a page and keeps together
    look(page, 688)  # CSS pixels between the margins of A4
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    page.execute_script("dispatchEvent(new Event('beforeprint'))")
    figures = page.execute_script(
        "return Array.from(document.querySelectorAll('figure'), (f) => [getComputedStyle(f).breakInside,"
        " f.clientWidth, f.clientHeight, f.querySelector('.main-svg').clientWidth])"
    )
    assert len(figures) == len(labels)
    for kept, width, height, drawn in figures:
        assert kept == "avoid"
        assert drawn <= width <= 688
        assert height < (A4[1] - 2 * 14 / 25.4) * 96
    hidden = page.execute_script("return getComputedStyle(document.querySelector('.explorer > .panel')).display")
    assert hidden == "none"
