"""The stages of a run that train nothing, and what surrounds them: parse, call. Heavy imports stand inside."""

from pathlib import Path
from typing import Annotated

import typer

from pairvae.cli.options import (
    HOUSEKEEPING,
    STAGES,
    In,
    InOrNone,
    Out,
    SettingsFile,
    Threads,
    begin,
    entry,
    html,
    settings_of,
)
from pairvae.errors import UserError
from pairvae.settings import Calibrate, Evaluate, Normalize, Pair, Read, Report, Simulate
from pairvae.settings.parse import parse, stage_class
from pairvae.techniques import Technique

app = typer.Typer()

Share = Annotated[str, typer.Option("--part", help="Part of the samples to work on, such as 2-of-4.")]


@app.command(**entry(HOUSEKEEPING, "pairvae defaults configs"))
def defaults(folder: Annotated[Path, typer.Argument(help="Folder for default.yaml and schema.json.")]) -> None:
    """Write the files that are generated from the settings."""
    from pairvae.files.whole import written_whole
    from pairvae.settings.defaults import default_yaml, schema_json

    for name, text in (("default.yaml", default_yaml()), ("schema.json", schema_json())):
        with written_whole(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


@app.command(
    **entry(HOUSEKEEPING, "pairvae freeze --stage pair --values '{\"test_fraction\": 0.2}' --output pair.json")
)
def freeze(
    stage: Annotated[str, typer.Option(help="Stage, named as in the configuration: simulate, pretrain.saxs, …")],
    values: Annotated[str, typer.Option(help="Settings of the stage, as JSON text.")],
    output: Out,
) -> None:
    """Check the settings of one stage and write them to a file."""
    from pairvae.files.whole import written_whole

    frozen = parse(stage_class(stage), values, stage)
    with written_whole(output) as temporary:
        temporary.write_text(frozen.model_dump_json(indent=2) + "\n", encoding="utf-8")


@app.command(**entry(HOUSEKEEPING, "pairvae structure configs/default.yaml --plot networks.html"))
def structure(
    file: Annotated[Path, typer.Argument(help="Configuration of a run, such as configs/default.yaml.", exists=True)],
    plot: Annotated[
        Path | None, typer.Option(help="HTML file to write: drawings of the networks.", callback=html)
    ] = None,
) -> None:
    """Check the networks of a configuration and list their layers, with shapes and numbers of weights."""
    from pairvae.report.structure import show_structure as run

    run(file, plot)


@app.command(
    **entry(
        STAGES,
        "pairvae simulate --settings results/demo/settings/simulate.json --saxs saxs.h5 --sans sans.h5 "
        "--truth-saxs truth_saxs.h5 --truth-sans truth_sans.h5 --samples samples.csv",
    )
)
def simulate(
    settings: SettingsFile,
    saxs: Out,
    sans: Out,
    truth_saxs: Out,
    truth_sans: Out,
    samples: Out,
    threads: Threads = 1,
    part: Share = "1-of-1",
) -> None:
    """Draw particles and simulate what both techniques measure of them."""
    from pairvae.jobs.part import Part
    from pairvae.simulation.simulate import simulate as run

    stage = begin(Simulate, settings)
    run(stage, saxs, sans, truth_saxs, truth_sans, samples, threads, Part.parse(part))


@app.command(**entry(HOUSEKEEPING, "pairvae merge part_1.h5 part_2.h5 --output saxs.h5"))
def merge(
    parts: Annotated[list[Path], typer.Argument(help="Files written by the parts, in order.", exists=True)],
    output: Out,
) -> None:
    """Join the curves or the tables that the parts of a simulation wrote."""
    from pairvae.scattering.merge import merge as run

    run(parts, output)


@app.command(
    **entry(
        STAGES,
        "pairvae read --manifest data/example/samples.csv --settings results/mine/settings/read.json "
        "--saxs saxs.h5 --sans sans.h5 --samples samples.csv",
    )
)
def read(
    manifest: In,
    settings: SettingsFile,
    saxs: Out,
    sans: Out,
    samples: Annotated[Path | None, typer.Option(help="Table to write; not needed for a part.")] = None,
    threads: Threads = 1,
    part: Share = "1-of-1",
    saxs_part: Annotated[
        list[Path] | None, typer.Option(help="SAXS curves of a part that was read before (repeatable).")
    ] = None,
    sans_part: Annotated[
        list[Path] | None, typer.Option(help="SANS curves of a part that was read before (repeatable).")
    ] = None,
) -> None:
    """Read the measured curves that a samples.csv names."""
    from pairvae.jobs.part import Part
    from pairvae.samples.read_samples import read_samples as run

    stage = begin(Read, settings)
    parts: dict[Technique, list[Path]] | None = None
    if saxs_part or sans_part:
        parts = {"saxs": saxs_part or [], "sans": sans_part or []}
    run(manifest, stage, saxs, sans, samples, threads, Part.parse(part), parts)


@app.command(
    **entry(
        STAGES,
        "pairvae normalize --curves results/demo/curves/saxs.h5 --settings "
        "results/demo/settings/normalize.saxs.json --spectra saxs.h5",
    )
)
def normalize(curves: In, settings: SettingsFile, spectra: Out) -> None:
    """Bring the curves of one technique onto one q grid, as log10 of intensity."""
    from pairvae.prepare.normalize import normalize as run

    run(curves, begin(Normalize, settings), spectra)


@app.command(
    **entry(
        STAGES,
        "pairvae pair --saxs results/demo/spectra/saxs.h5 --sans results/demo/spectra/sans.h5 --samples "
        "results/demo/samples.csv --settings results/demo/settings/pair.json --pairs pairs.csv",
    )
)
def pair(saxs: In, sans: In, samples: In, settings: SettingsFile, pairs: Out) -> None:
    """Match SAXS and SANS curves by sample, and split the samples into train, validation and test."""
    from pairvae.prepare.pair import pair as run

    run(saxs, sans, samples, begin(Pair, settings), pairs)


@app.command(
    **entry(
        STAGES,
        "pairvae calibrate --saxs results/demo/spectra/saxs.h5 --sans results/demo/spectra/sans.h5 "
        "--pairs results/demo/pairs.csv --weights results/demo/joint_train/1/weights.safetensors "
        "--normalize-saxs results/demo/settings/normalize.saxs.json --normalize-sans "
        "results/demo/settings/normalize.sans.json --settings results/demo/settings/calibrate.json "
        "--model model",
    )
)
def calibrate(
    saxs: In,
    sans: In,
    pairs: In,
    weights: Annotated[
        list[Path], typer.Option(help="Weights of one member of the ensemble (repeatable).", exists=True)
    ],
    normalize_saxs: In,
    normalize_sans: In,
    settings: SettingsFile,
    model: Annotated[Path, typer.Option(help="Model folder to write.")],
    threads: Threads = 1,
) -> None:
    """Fit bands and novelty on the validation samples and write the model folder."""
    from pairvae.trust.calibrate import calibrate as run

    gridding: dict[Technique, Normalize] = {
        "saxs": settings_of(Normalize, normalize_saxs),
        "sans": settings_of(Normalize, normalize_sans),
    }
    run(saxs, sans, pairs, weights, gridding, begin(Calibrate, settings), model, threads)


@app.command(
    **entry(
        STAGES,
        "pairvae evaluate --model results/demo/model --saxs results/demo/spectra/saxs.h5 --sans "
        "results/demo/spectra/sans.h5 --pairs results/demo/pairs.csv --baselines "
        "results/demo/baselines/predictions.h5 --settings results/demo/settings/evaluate.json --metrics "
        "metrics.json --predictions predictions.h5",
    )
)
def evaluate(
    model: In,
    saxs: In,
    sans: In,
    pairs: In,
    baselines: In,
    settings: SettingsFile,
    metrics: Out,
    predictions: Out,
    truth_saxs: InOrNone = None,
    truth_sans: InOrNone = None,
    threads: Threads = 1,
) -> None:
    """Score the predictions on the test split."""
    from pairvae.evaluation.evaluate import evaluate as run

    truth: dict[Technique, Path] | None = None
    if bool(truth_saxs) != bool(truth_sans):
        raise UserError("evaluate: expected both --truth-saxs and --truth-sans, or neither; found one")
    if truth_saxs and truth_sans:
        truth = {"saxs": truth_saxs, "sans": truth_sans}
    begin(Evaluate, settings)  # its version alone: there is nothing to set yet
    run(model, saxs, sans, pairs, baselines, truth, metrics, predictions, threads)


@app.command(**entry(STAGES, "pairvae report --compare results/demo results/mine --output both.html"))
def report(
    output: Out,
    runs: Annotated[list[Path] | None, typer.Argument(help="With --compare: folders of runs, results/<run>.")] = None,
    compare: Annotated[bool, typer.Option("--compare", help="Show several runs side by side on one page.")] = False,
    metrics: InOrNone = None,
    predictions: InOrNone = None,
    model: InOrNone = None,
    history: Annotated[
        list[Path] | None, typer.Option(help="history.csv of a training stage (repeatable).", exists=True)
    ] = None,
    settings: Annotated[Path | None, typer.Option(help="Settings of this stage, as JSON.", exists=True)] = None,
    benchmarks: Annotated[
        Path | None, typer.Option(help="Folder of Snakemake's benchmark tables, which hold the run time of each stage.")
    ] = None,
    figures: Annotated[Path | None, typer.Option(help="Folder to write: one page of figures per section.")] = None,
) -> None:
    """Write one self-contained report.html of a run, or of several runs side by side."""
    from pairvae.report.report import report as run
    from pairvae.report.report import report_runs

    if bool(runs) != compare:
        raise UserError(
            "report: --compare and folders of runs go together: pairvae report --compare results/a results/b"
        )
    if runs:
        report_runs(runs, output)
        return
    if not (metrics and predictions and model and history and settings):
        raise UserError(
            "report: expected --metrics, --predictions, --model, --history and --settings, "
            "or --compare with folders of runs"
        )
    page = begin(Report, settings)
    run(metrics, predictions, model, history, page, output, benchmarks, figures)


@app.command(
    **entry(
        HOUSEKEEPING,
        "pairvae compare a/metrics.json b/metrics.json --sweep '{\"seed\": [0, 1]}' --output report.html "
        "--table comparison.csv",
    )
)
def compare(
    metrics: Annotated[
        list[Path], typer.Argument(help="metrics.json of every run, in the order of the sweep.", exists=True)
    ],
    sweep: Annotated[
        str, typer.Option(help="Swept settings with their values, as JSON text; the last setting varies fastest.")
    ],
    output: Out,
    table: Out,
) -> None:
    """Rank the settings of a sweep by validation error, with the spread over seeds."""
    import json

    from pairvae.report.compare import compare as run

    run(json.loads(sweep), metrics, output, table)


@app.command(
    **entry(
        HOUSEKEEPING,
        "pairvae refit --predictions results/demo/predictions.h5 --pairs results/demo/pairs.csv "
        "--settings results/demo/settings/simulate.json --output refit.csv",
    )
)
def refit(
    predictions: Annotated[Path, typer.Option(help="predictions.h5 of a simulated run.", exists=True)],
    pairs: Annotated[Path, typer.Option(help="pairs.csv of the same run.", exists=True)],
    settings: Annotated[Path, typer.Option(help="settings/simulate.json of the same run.", exists=True)],
    output: Annotated[Path, typer.Option(help="CSV to write.")],
    system: Annotated[list[str] | None, typer.Option(help="Kind of particle (repeatable); by default all.")] = None,
    count: Annotated[int, typer.Option(help="Number of test samples of each kind.", min=1)] = 10,
    seed: Annotated[int, typer.Option(help="Random seed of the starting values.", min=0)] = 0,
) -> None:
    """Fit particle models to measured and predicted curves, to see how well predictions keep the parameters."""
    from pairvae.evaluation.refit import SHOWN
    from pairvae.evaluation.refit import refit as run

    run(predictions, pairs, settings_of(Simulate, settings), system or SHOWN, count, output, seed)
