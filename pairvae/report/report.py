"""One self-contained page: what a run learnt and how far to trust it."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from pairvae.errors import UserError
from pairvae.evaluation.predictions_file import evenly_spaced
from pairvae.files.whole import written_whole
from pairvae.report.explorer import explorer
from pairvae.report.figures import curves, data, errors, generated, latent, training, trials
from pairvae.report.page import Page
from pairvae.report.run_files import Run, flat, read_run, read_run_folder, shortened
from pairvae.report.side_by_side import side_by_side
from pairvae.settings import Report
from pairvae.techniques import CROSS_PATHS

SECTIONS = {
    "data": "Data",
    "training": "Training",
    "curves": "Predicted curves",
    "errors": "Error against q",
    "bands": "Bands",
    "latent": "Latent space",
    "generated": "Generated curves",
    "trials": "Noise, missing ranges and wrong curves",
}


def report(
    metrics: Path,
    predictions: Path,
    model: Path,
    history: list[Path],
    settings: Report,
    output: Path,
    benchmarks: Path | None = None,
    figures: Path | None = None,
) -> None:
    """Write one self-contained report.html: figures, tables and words, no network.

    Parameters
    ----------
    metrics, predictions : Path
        metrics.json and predictions.h5 of evaluate.
    model : Path
        Model folder; its model.json is shown.
    history : list of Path
        history.csv of each training stage, in the order of training.
    settings : Report
        How much to draw.
    output : Path
        The page to write.
    benchmarks : Path, optional
        Folder of Snakemake's benchmark tables: run time per stage.
    figures : Path, optional
        Folder to write, with one page per section, for Snakemake's own report.

    Raises
    ------
    UserError
        An input is missing or is not what its stage writes; the page is not written.
    """
    run = read_run(metrics, predictions, model, history, benchmarks)
    sections = {name: title for name, title in SECTIONS.items() if name != "trials" or _tried(run)}
    rows = evenly_spaced(len(run.predictions.sample), settings.samples)
    facts = facts_of(run) | drawn(run, rows)
    page = Page(run.numbers).render(
        "report.html.j2", sections=sections, explorer=explorer(run.predictions, rows), alone=False, **facts
    )
    parts = {
        name: Page(run.numbers).render("section.html.j2", section=name, title=title, alone=True, **facts)
        for name, title in (sections.items() if figures else ())
    }
    if figures:
        with written_whole(figures) as folder:
            folder.mkdir()
            for name, text in parts.items():
                (folder / f"{name}.html").write_text(text, encoding="utf-8")
    with written_whole(output) as temporary:
        temporary.write_text(page, encoding="utf-8")


def report_runs(runs: list[Path], output: Path) -> None:
    """Write one page with several runs side by side.

    Parameters
    ----------
    runs : list of Path
        Folders of runs, at least two.
    output : Path
        The page to write.

    Raises
    ------
    UserError
        A folder holds no finished run, or there are fewer than two.
    """
    if len(runs) < 2:
        raise UserError(f"report: expected at least two folders of runs to compare, found {len(runs)}")
    page = Page({}).render("side_by_side.html.j2", **side_by_side([read_run_folder(folder) for folder in runs]))
    with written_whole(output) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _tried(run: Run) -> bool:
    numbers = run.metrics
    return bool(numbers.denoising or numbers.hidden_ranges or numbers.pair_check)


def drawn(run: Run, rows: np.ndarray) -> dict[str, Any]:
    """All figures of a run, by the names that the templates use."""
    predictions, nominal = run.predictions, run.metrics.coverage_nominal or 0.9
    return {
        "losses": {stage: training.loss_curves(history) for stage, history in run.history.items()},
        "measured_share": data.measured_share(predictions),
        "materials": data.materials(run.metrics.materials) if run.metrics.materials else None,
        "example_curves": {
            path: curves.curves(predictions, path, shown) if (shown := curves.examples(predictions, path)) else None
            for path in CROSS_PATHS
        },
        "error_against_q": {path: errors.error_against_q(predictions, path) for path in CROSS_PATHS},
        "error_by_material": {path: errors.error_by_material(predictions, path) for path in CROSS_PATHS},
        "coverage_against_level": errors.coverage_against_level(predictions, nominal),
        "coverage_against_q": errors.coverage_against_q(predictions, nominal),
        "denoising": trials.denoising(run.metrics.denoising) if run.metrics.denoising else None,
        "hidden_ranges": {path: trials.hidden_ranges(tried) for path, tried in run.metrics.hidden_ranges.items()},
        "latent_map": latent.latent_map(predictions, rows),
        "correlation": latent.code_correlation(predictions),
        "marginals": latent.marginals(predictions),
        "information": latent.information(predictions),
        "consistency": latent.consistency(predictions),
        "interpolations": generated.interpolations(predictions),
        "temperatures": generated.temperatures(predictions),
    }


def facts_of(run: Run) -> dict[str, Any]:
    """What the templates say in words and tables."""
    settings = run.card.get("settings") if isinstance(run.card, dict) else None
    checksums = dict(run.card.get("inputs_sha256") or {}) if isinstance(run.card, dict) else {}
    if isinstance(run.card, dict) and run.card.get("weights_sha256"):
        checksums["model/weights.safetensors"] = run.card["weights_sha256"]
    return {
        "metrics": run.metrics,
        "cross": CROSS_PATHS,
        "beaten": {path: names for path in CROSS_PATHS if (names := run.metrics.beaten_by(path))},
        "settings": list(flat(settings)),
        "checksums": checksums,
        "card": json.dumps(shortened(run.card), indent=2, ensure_ascii=False),
        "seconds": run.seconds,
    }
