"""The command line: parse, call, exit. Heavy imports stand inside, so `pairvae --help` is fast."""

import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from pairvae import settings as told
from pairvae.cli import look, training, use
from pairvae.cli.options import In, InOrNone, Out, SettingsFile, Threads, begin, html, settings_of
from pairvae.errors import STOP_SIGNALS, Stopped, UserError
from pairvae.jobs.terminal import spell_what_is_lacking
from pairvae.settings.parse import parse, stage_class
from pairvae.techniques import Technique

app = typer.Typer(
    help="Links small-angle X-ray and neutron scattering curves of the same sample.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Share = Annotated[str, typer.Option("--part", help="Which part of the samples to work on: 2-of-4.")]


@app.command()
def defaults(folder: Annotated[Path, typer.Argument(help="Folder of default.yaml and schema.json.")]) -> None:
    """Write the files that are generated from the settings."""
    from pairvae.files.whole import written_whole
    from pairvae.settings.defaults import default_yaml, schema_json

    for name, text in (("default.yaml", default_yaml()), ("schema.json", schema_json())):
        with written_whole(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


@app.command()
def freeze(
    stage: Annotated[str, typer.Option(help="Stage as in the configuration: simulate, pretrain.saxs, …")],
    values: Annotated[str, typer.Option(help="Its settings as JSON text.")],
    output: Out,
) -> None:
    """Check one stage's settings and write them as a file of their own."""
    from pairvae.files.whole import written_whole

    frozen = parse(stage_class(stage), values, stage)
    with written_whole(output) as temporary:
        temporary.write_text(frozen.model_dump_json(indent=2) + "\n", encoding="utf-8")


@app.command()
def structure(
    file: Annotated[Path, typer.Argument(help="Configuration of a run, as configs/default.yaml.", exists=True)],
    plot: Annotated[
        Path | None, typer.Option(help="HTML file to write, with the networks drawn.", callback=html)
    ] = None,
) -> None:
    """Check and show the layers of a run's networks, with their shapes and numbers of weights."""
    from pairvae.report.structure import show_structure as run

    run(file, plot)


@app.command()
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
    """Draw particles and compute what both techniques measure of them."""
    from pairvae.jobs.part import Part
    from pairvae.simulation.simulate import simulate as run

    stage = begin(told.Simulate, settings)
    run(stage, saxs, sans, truth_saxs, truth_sans, samples, threads, Part.parse(part))


@app.command()
def merge(
    parts: Annotated[list[Path], typer.Argument(help="Files that the parts wrote, in their order.", exists=True)],
    output: Out,
) -> None:
    """Put the curves or the tables of a simulation's parts together."""
    from pairvae.scattering.merge import merge as run

    run(parts, output)


@app.command()
def read(
    manifest: In,
    settings: SettingsFile,
    saxs: Out,
    sans: Out,
    samples: Annotated[Path | None, typer.Option(help="Table to write; a part needs none.")] = None,
    threads: Threads = 1,
    part: Share = "1-of-1",
    saxs_part: Annotated[list[Path] | None, typer.Option(help="SAXS curves of a part, already read; several.")] = None,
    sans_part: Annotated[list[Path] | None, typer.Option(help="SANS curves of a part, already read; several.")] = None,
) -> None:
    """Read the measured curves that a samples.csv names."""
    from pairvae.jobs.part import Part
    from pairvae.samples.read_samples import read_samples as run

    stage = begin(told.Read, settings)
    parts: dict[Technique, list[Path]] | None = None
    if saxs_part or sans_part:
        parts = {"saxs": saxs_part or [], "sans": sans_part or []}
    run(manifest, stage, saxs, sans, samples, threads, Part.parse(part), parts)


@app.command()
def normalize(curves: In, settings: SettingsFile, spectra: Out) -> None:
    """Bring curves onto one grid and to log10 of intensity."""
    from pairvae.prepare.normalize import normalize as run

    run(curves, begin(told.Normalize, settings), spectra)


@app.command()
def pair(saxs: In, sans: In, samples: In, settings: SettingsFile, pairs: Out) -> None:
    """Match the curves of one sample and split the samples once."""
    from pairvae.prepare.pair import pair as run

    run(saxs, sans, samples, begin(told.Pair, settings), pairs)


@app.command()
def calibrate(
    saxs: In,
    sans: In,
    pairs: In,
    weights: Annotated[list[Path], typer.Option(help="Weights of one member; several.", exists=True)],
    normalize_saxs: In,
    normalize_sans: In,
    settings: SettingsFile,
    model: Annotated[Path, typer.Option(help="Model folder to write.")],
) -> None:
    """Fit bands and novelty on the validation samples and write the model folder."""
    from pairvae.trust.calibrate import calibrate as run

    gridding: dict[Technique, told.Normalize] = {
        "saxs": settings_of(told.Normalize, normalize_saxs),
        "sans": settings_of(told.Normalize, normalize_sans),
    }
    run(saxs, sans, pairs, weights, gridding, begin(told.Calibrate, settings), model)


@app.command()
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
    """Measure the predictions on the test split."""
    from pairvae.evaluation.evaluate import evaluate as run

    truth: dict[Technique, Path] | None = None
    if bool(truth_saxs) != bool(truth_sans):
        raise UserError("evaluate: expected both --truth-saxs and --truth-sans, or neither; found one")
    if truth_saxs and truth_sans:
        truth = {"saxs": truth_saxs, "sans": truth_sans}
    begin(told.Evaluate, settings)  # its version alone: there is nothing to set yet
    run(model, saxs, sans, pairs, baselines, truth, metrics, predictions, threads)


@app.command()
def report(
    output: Out,
    runs: Annotated[list[Path] | None, typer.Argument(help="With --compare: folders of runs, results/<run>.")] = None,
    compare: Annotated[bool, typer.Option("--compare", help="Put several runs side by side in one page.")] = False,
    metrics: InOrNone = None,
    predictions: InOrNone = None,
    model: InOrNone = None,
    history: Annotated[
        list[Path] | None, typer.Option(help="history.csv of a training stage; several.", exists=True)
    ] = None,
    settings: Annotated[Path | None, typer.Option(help="Settings of this stage, as JSON.", exists=True)] = None,
    benchmarks: Annotated[Path | None, typer.Option(help="Folder of benchmark tables: run time per stage.")] = None,
    figures: Annotated[Path | None, typer.Option(help="Folder to write, one page of figures per section.")] = None,
) -> None:
    """Write one self-contained report.html of a run, or of several runs side by side."""
    from pairvae.report.report import compare as run_compare
    from pairvae.report.report import report as run

    if bool(runs) != compare:
        raise UserError(
            "report: --compare and folders of runs go together: pairvae report --compare results/a results/b"
        )
    if runs:
        run_compare(runs, output)
        return
    if not (metrics and predictions and model and history and settings):
        raise UserError(
            "report: expected --metrics, --predictions, --model, --history and --settings, "
            "or --compare with folders of runs"
        )
    told_report = begin(told.Report, settings)
    run(metrics, predictions, model, history, told_report, output, benchmarks, figures)


@app.command()
def compare(
    metrics: Annotated[list[Path], typer.Argument(help="metrics.json of every run, in their order.", exists=True)],
    sweep: Annotated[str, typer.Option(help="Settings and their values as JSON text; the last varies fastest.")],
    output: Out,
    table: Out,
) -> None:
    """Compare the runs of a sweep: the best by validation, the spread over seeds."""
    import json

    from pairvae.report.compare import compare as run

    run(json.loads(sweep), metrics, output, table)


app.add_typer(training.app)
app.add_typer(look.app)
app.add_typer(use.app)


def _stop(number: int, _: FrameType | None) -> None:
    # like Ctrl-C: what was half-written is removed on the way out, which a second signal does not disturb; a training
    # notes the signal itself instead
    for each in STOP_SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise Stopped(f"stopped by {signal.Signals(number).name}; what was finished is kept, start it again", number)


def main() -> None:
    """Entry point: a user's mistake is one line and exit code 2; a signal one line and 128 + its number."""
    spell_what_is_lacking()
    for number in STOP_SIGNALS:
        signal.signal(number, _stop)
    try:
        app()
    except UserError as error:
        with suppress(OSError):  # the log may lie on the disk that is full
            print(f"pairvae: {error}", file=sys.stderr)
        sys.exit(2)
    except Stopped as stopped:
        print(f"pairvae: {stopped}", file=sys.stderr)
        sys.exit(128 + stopped.signal)
