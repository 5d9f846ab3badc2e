"""The commands that put a trained model to use: parse, call. Heavy imports stand inside."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from pairvae.use.inputs import Inputs

app = typer.Typer()

Technique = Literal["saxs", "sans"]  # as in pairvae.scattering, which would load numpy
Format = Literal["nxcansas", "csv"]  # as in pairvae.scattering.write
Files = Annotated[
    list[str], typer.Argument(help="Measured curves: files, patterns, folders; or one samples.csv.", metavar="FILE…")
]
Model = Annotated[Path, typer.Option(help="Model folder of a run: results/<run>/model.")]
Device = Annotated[str, typer.Option(help="Where to compute: cpu, cuda, or auto.")]
To = Annotated[Technique, typer.Option(help="Technique to predict.")]
Measured = Annotated[Technique, typer.Option(help="What measured the curves.")]
Folder = Annotated[Path, typer.Option(help="Folder to write to.")]
NewFolder = Annotated[Path, typer.Option(help="Folder to write; not there yet, or empty.")]
Table = Annotated[Path, typer.Option(help="CSV to write.")]
Written = Annotated[Format, typer.Option(help="Format of the curves.")]
Covariate = Annotated[list[str] | None, typer.Option(help="NAME=VALUE that the model was trained with.")]
QUnit = Annotated[str | None, typer.Option(help="Unit of q where the file does not say: 1/A, 1/nm, …")]
Columns = Annotated[str | None, typer.Option(help="Columns in their order: 'q I dI dq'.")]
IntensityUnit = Annotated[
    str | None,
    typer.Option(help="Unit of the intensity where the file does not say, or says it wrongly: 1/cm, arbitrary."),
]
AllowOutside = Annotated[bool, typer.Option(help="Allow paths that leave the folder of samples.csv.")]
Seed = Annotated[int, typer.Option(help="Seed of the random numbers.", min=0)]
Said = tuple[str | None, str | None, str | None]  # unit of q, columns and unit of the intensity


def _inputs(
    files: list[str],
    covariate: list[str] | None,
    allow_outside: bool,
    saxs: Said = (None, None, None),
    sans: Said = (None, None, None),
) -> "Inputs":
    from pairvae.scattering.read_options import ReadOptions
    from pairvae.use.inputs import Inputs

    both: tuple[tuple[Technique, Said], ...] = (("saxs", saxs), ("sans", sans))
    options = {
        technique: ReadOptions(q_unit=q_unit, columns=columns, intensity_unit=intensity_unit)
        for technique, (q_unit, columns, intensity_unit) in both
    }
    return Inputs(files, covariate or [], options, allow_outside)


@app.command()
def translate(
    files: Files,
    model: Model,
    to: To,
    output: Folder,
    format: Written = "nxcansas",
    q_like: Annotated[
        Path | None, typer.Option(help="File of the target technique, with its unit of q: predict at its q.")
    ] = None,
    samples: Annotated[int, typer.Option(help="Draws from the posterior to add.", min=0)] = 0,
    seed: Seed = 0,
    joint: Annotated[bool, typer.Option("--joint", help="Wider bands, which hold whole curves.")] = False,
    covariate: Covariate = None,
    q_unit: QUnit = None,
    columns: Columns = None,
    intensity_unit: IntensityUnit = None,
    allow_outside: AllowOutside = False,
    device: Device = "cpu",
) -> None:
    """Predict one technique's curve from the other's, with a calibrated band."""
    from pairvae.use.trained_model import load_model
    from pairvae.use.translate import translate_files

    said = {"sans" if to == "saxs" else "saxs": (q_unit, columns, intensity_unit)}
    inputs = _inputs(files, covariate, allow_outside, **said)
    translate_files(inputs, load_model(model, device), to, output, format, q_like, samples, seed, joint)


@app.command()
def encode(
    files: Files,
    model: Model,
    technique: Measured,
    output: Table,
    covariate: Covariate = None,
    q_unit: QUnit = None,
    columns: Columns = None,
    intensity_unit: IntensityUnit = None,
    allow_outside: AllowOutside = False,
    device: Device = "cpu",
) -> None:
    """Write latent mean, log-variance and novelty of curves."""
    from pairvae.use.encode import encode_files
    from pairvae.use.trained_model import load_model

    inputs = _inputs(files, covariate, allow_outside, **{technique: (q_unit, columns, intensity_unit)})
    encode_files(inputs, load_model(model, device), technique, output)


@app.command()
def reconstruct(
    files: Files,
    model: Model,
    technique: Measured,
    output: Folder,
    format: Written = "nxcansas",
    covariate: Covariate = None,
    q_unit: QUnit = None,
    columns: Columns = None,
    intensity_unit: IntensityUnit = None,
    allow_outside: AllowOutside = False,
    device: Device = "cpu",
) -> None:
    """Denoise curves and fill in the q range that was not measured."""
    from pairvae.use.reconstruct import reconstruct_files
    from pairvae.use.trained_model import load_model

    inputs = _inputs(files, covariate, allow_outside, **{technique: (q_unit, columns, intensity_unit)})
    reconstruct_files(inputs, load_model(model, device), technique, output, format)


@app.command()
def match(
    files: Files,
    model: Model,
    to: Annotated[Technique, typer.Option(help="Technique of the partners that are looked for.")],
    output: Table,
    among: Annotated[
        list[str] | None,
        typer.Option(help="Candidates: file, pattern or folder; several. Not needed with a samples.csv of both."),
    ] = None,
    k: Annotated[int, typer.Option("--k", "-k", help="Partners per curve.", min=1)] = 5,
    covariate: Covariate = None,
    saxs_q_unit: QUnit = None,
    sans_q_unit: QUnit = None,
    saxs_columns: Columns = None,
    sans_columns: Columns = None,
    saxs_intensity_unit: IntensityUnit = None,
    sans_intensity_unit: IntensityUnit = None,
    allow_outside: AllowOutside = False,
    device: Device = "cpu",
) -> None:
    """Find the most probable partners of curves among curves of the other technique."""
    from pairvae.use.match import match_files
    from pairvae.use.trained_model import load_model

    told = (saxs_q_unit, saxs_columns, saxs_intensity_unit), (sans_q_unit, sans_columns, sans_intensity_unit)
    match_files(_inputs(files, covariate, allow_outside, *told), among or [], load_model(model, device), to, k, output)


@app.command()
def check(
    files: Annotated[list[str], typer.Argument(help="SAXS curves; or one samples.csv with pairs.", metavar="FILE…")],
    model: Model,
    sans: Annotated[list[str] | None, typer.Option(help="SANS curve of each SAXS curve, in the same order.")] = None,
    output: Annotated[Path | None, typer.Option(help="CSV to write.")] = None,
    alarm: Annotated[float, typer.Option(help="Share of right pairs that may be called suspect.")] = 0.05,
    covariate: Covariate = None,
    saxs_q_unit: QUnit = None,
    sans_q_unit: QUnit = None,
    saxs_columns: Columns = None,
    sans_columns: Columns = None,
    saxs_intensity_unit: IntensityUnit = None,
    sans_intensity_unit: IntensityUnit = None,
    allow_outside: AllowOutside = False,
    device: Device = "cpu",
) -> None:
    """Test whether a SAXS and a SANS curve belong to one sample; list suspect pairs."""
    from pairvae.use.check import check_files
    from pairvae.use.trained_model import load_model

    told = (saxs_q_unit, saxs_columns, saxs_intensity_unit), (sans_q_unit, sans_columns, sans_intensity_unit)
    check_files(_inputs(files, covariate, allow_outside, *told), sans or [], load_model(model, device), output, alarm)


@app.command()
def plan(
    files: Files,
    model: Model,
    output: Folder,
    covariate: Annotated[list[str], typer.Option(help="NAME=VALUE,VALUE…: what to predict for; several.")],
    to: To = "sans",
    q_unit: QUnit = None,
    columns: Columns = None,
    intensity_unit: IntensityUnit = None,
    allow_outside: AllowOutside = False,
    device: Device = "cpu",
) -> None:
    """Predict the partner for a list of conditions: contrast planning, as table and figure."""
    from pairvae.use.plan import plan_files
    from pairvae.use.trained_model import load_model

    said = {"sans" if to == "saxs" else "saxs": (q_unit, columns, intensity_unit)}
    plan_files(_inputs(files, None, allow_outside, **said), covariate, load_model(model, device), to, output)


@app.command()
def generate(
    model: Model,
    output: NewFolder,
    count: Annotated[int, typer.Option(help="Pairs to draw.")] = 10,
    temperature: Annotated[
        float, typer.Option(help="Below 1: nearer to means of training samples; above 1: stranger.")
    ] = 1.0,
    seed: Seed = 0,
    covariate: Covariate = None,
    format: Written = "nxcansas",
    device: Device = "cpu",
) -> None:
    """Draw new pairs of curves from the latent space."""
    from pairvae.use.generate import generate_files
    from pairvae.use.trained_model import load_model

    generate_files(load_model(model, device), output, count, temperature, seed, covariate or [], format)


@app.command()
def interpolate(
    files: Annotated[list[str], typer.Argument(help="Two curves, the ends; or a samples.csv with two.", metavar="A B")],
    model: Model,
    technique: Measured,
    output: NewFolder,
    steps: Annotated[int, typer.Option(help="Pairs, both ends included.")] = 9,
    format: Written = "nxcansas",
    covariate: Covariate = None,
    q_unit: QUnit = None,
    columns: Columns = None,
    intensity_unit: IntensityUnit = None,
    allow_outside: AllowOutside = False,
    device: Device = "cpu",
) -> None:
    """Walk from one sample to another and show what both techniques would see."""
    from pairvae.use.generate import interpolate_files
    from pairvae.use.trained_model import load_model

    inputs = _inputs(files, covariate, allow_outside, **{technique: (q_unit, columns, intensity_unit)})
    interpolate_files(inputs, load_model(model, device), technique, output, steps, format)


@app.command()
def export(
    model: Model,
    output: NewFolder,
    metrics: Annotated[Path | None, typer.Option(help="metrics.json of the run, for the model card.")] = None,
) -> None:
    """Write ONNX files of all paths and a model card."""
    from pairvae.use.trained_model import load_model

    load_model(model).export(output, metrics)
