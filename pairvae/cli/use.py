"""The commands that put a trained model to use: parse, call. Heavy imports stand inside."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from pairvae.cli.input_options import read_options
from pairvae.cli.options import USE, entry
from pairvae.formats.read_options import NO_OPTIONS, ReadOptions
from pairvae.techniques import Technique
from pairvae.use.shipped_names import DEFAULT

if TYPE_CHECKING:
    from pairvae.use.inputs import Inputs
    from pairvae.use.trained_model import TrainedModel

app = typer.Typer()

Format = Literal["nxcansas", "csv"]  # as in pairvae.formats.write
Files = Annotated[
    list[str], typer.Argument(help="Measured curves: files, patterns or folders; or one samples.csv.", metavar="FILE…")
]
Model = Annotated[str, typer.Option(help="Model folder of a run, results/<run>/model, or a model of `pairvae models`.")]
Device = Annotated[str, typer.Option(help="Where to compute: cpu, cuda, or auto.")]
To = Annotated[Technique, typer.Option(help="Technique to predict.")]
Measured = Annotated[Technique, typer.Option(help="Technique that measured the curves.")]
Folder = Annotated[Path, typer.Option(help="Folder to write to.")]
NewFolder = Annotated[Path, typer.Option(help="Folder to write; must be new or empty.")]
Table = Annotated[Path, typer.Option(help="CSV to write.")]
Written = Annotated[Format, typer.Option(help="Format of the curves.")]
Covariate = Annotated[list[str] | None, typer.Option(help="Known value of a covariate, as NAME=VALUE (repeatable).")]
AllowOutside = Annotated[bool, typer.Option(help="Allow paths that leave the folder of samples.csv.")]
Threads = Annotated[
    int | None, typer.Option(help="Processor cores to use; else one, and more for over 10,000 curves.", min=1)
]
Seed = Annotated[int, typer.Option(help="Random seed.", min=0)]


def _inputs(
    files: list[str],
    covariate: list[str] | None,
    saxs: ReadOptions,
    sans: ReadOptions,
    allow_outside: bool,
    threads: int | None,
) -> "Inputs":
    from pairvae.use.inputs import Inputs

    return Inputs(files, covariate or [], {"saxs": saxs, "sans": sans}, allow_outside, threads)


def _loaded(model: str, device: str) -> "TrainedModel":
    """The model of a folder or of the package; the latter introduces itself."""
    from pairvae.use.shipped import introduction
    from pairvae.use.trained_model import load_model

    loaded = load_model(model, device)
    if sentence := introduction(model):
        print(sentence, file=sys.stderr)
    return loaded


@app.command(**entry(USE, "pairvae models"))
def models(
    action: Annotated[
        Literal["list", "check"], typer.Argument(help="list: what they are; check: verify their checksums.")
    ] = "list",
) -> None:
    """List the trained models that come with the package, or check that they are whole."""
    from pairvae.use.shipped import checked, described

    print(checked() if action == "check" else described())


@app.command(
    **entry(
        USE,
        "pairvae translate --model results/demo/model --to sans --output predictions --q-unit 1/nm "
        "data/example/raw/micelle_03_saxs.dat",
    )
)
@read_options(options="--", of_q_like="--q-like-")
def translate(
    files: Files,
    *,
    model: Model = DEFAULT,
    to: To,
    output: Folder,
    format: Written = "nxcansas",
    q_like: Annotated[
        Path | None, typer.Option(help="Predict at the q values of this file, a curve of the target technique.")
    ] = None,
    of_q_like: ReadOptions = NO_OPTIONS,
    samples: Annotated[
        int, typer.Option(help="Number of curves to draw from the posterior and add to each output file.", min=0)
    ] = 0,
    seed: Seed = 0,
    joint: Annotated[
        bool, typer.Option("--joint", help="Wider bands that contain whole curves, not only single points.")
    ] = False,
    covariate: Covariate = None,
    options: ReadOptions = NO_OPTIONS,
    allow_outside: AllowOutside = False,
    device: Device = "cpu",
    threads: Threads = None,
) -> None:
    """Predict one technique's curve from the other's, with a calibrated band."""
    from pairvae.use.translate import translate_files

    inputs = _inputs(files, covariate, options, options, allow_outside, threads)
    translate_files(inputs, _loaded(model, device), to, output, format, q_like, samples, seed, joint, of_q_like)


@app.command(
    **entry(
        USE,
        "pairvae encode --model results/demo/model --technique saxs --output codes.csv data/example/samples.csv",
    )
)
@read_options(options="--")
def encode(
    files: Files,
    *,
    model: Model = DEFAULT,
    technique: Measured,
    output: Table,
    covariate: Covariate = None,
    options: ReadOptions = NO_OPTIONS,
    allow_outside: AllowOutside = False,
    device: Device = "cpu",
    threads: Threads = None,
) -> None:
    """Write the latent code (mean and log-variance) and the novelty of each curve."""
    from pairvae.use.encode import encode_files

    inputs = _inputs(files, covariate, options, options, allow_outside, threads)
    encode_files(inputs, _loaded(model, device), technique, output)


@app.command(
    **entry(
        USE,
        "pairvae reconstruct --model results/demo/model --technique saxs --output denoised data/example/samples.csv",
    )
)
@read_options(options="--")
def reconstruct(
    files: Files,
    *,
    model: Model = DEFAULT,
    technique: Measured,
    output: Folder,
    format: Written = "nxcansas",
    covariate: Covariate = None,
    options: ReadOptions = NO_OPTIONS,
    allow_outside: AllowOutside = False,
    device: Device = "cpu",
    threads: Threads = None,
) -> None:
    """Denoise curves and fill in the q range that was not measured."""
    from pairvae.use.reconstruct import reconstruct_files

    inputs = _inputs(files, covariate, options, options, allow_outside, threads)
    reconstruct_files(inputs, _loaded(model, device), technique, output, format)


@app.command(
    **entry(
        USE,
        "pairvae match --model results/demo/model --to sans --output matches.csv data/example/samples.csv",
    )
)
@read_options(of_saxs="--saxs-", of_sans="--sans-")
def match(
    files: Files,
    *,
    model: Model = DEFAULT,
    to: Annotated[Technique, typer.Option(help="Technique of the partners to find.")],
    output: Table,
    among: Annotated[
        list[str] | None,
        typer.Option(help="Candidates: file, pattern or folder (repeatable); not needed if samples.csv names both."),
    ] = None,
    k: Annotated[int, typer.Option("--k", "-k", help="Number of partners to list for each curve.", min=1)] = 5,
    covariate: Covariate = None,
    of_saxs: ReadOptions = NO_OPTIONS,
    of_sans: ReadOptions = NO_OPTIONS,
    allow_outside: AllowOutside = False,
    device: Device = "cpu",
    threads: Threads = None,
) -> None:
    """Find the most probable partners of curves among curves of the other technique."""
    from pairvae.use.match import match_files

    inputs = _inputs(files, covariate, of_saxs, of_sans, allow_outside, threads)
    match_files(inputs, among or [], _loaded(model, device), to, k, output)


@app.command(**entry(USE, "pairvae check --model results/demo/model --output checks.csv data/example/samples.csv"))
@read_options(of_saxs="--saxs-", of_sans="--sans-")
def check(
    files: Annotated[list[str], typer.Argument(help="SAXS curves; or one samples.csv with pairs.", metavar="FILE…")],
    *,
    model: Model = DEFAULT,
    sans: Annotated[list[str] | None, typer.Option(help="SANS curve of each SAXS curve, in the same order.")] = None,
    output: Annotated[Path | None, typer.Option(help="CSV to write.")] = None,
    alarm: Annotated[
        float, typer.Option(help="Share of correct pairs that may be flagged as suspect (false alarms).")
    ] = 0.05,
    covariate: Covariate = None,
    of_saxs: ReadOptions = NO_OPTIONS,
    of_sans: ReadOptions = NO_OPTIONS,
    allow_outside: AllowOutside = False,
    device: Device = "cpu",
    threads: Threads = None,
) -> None:
    """Test whether a SAXS and a SANS curve belong to one sample; list suspect pairs."""
    from pairvae.use.check import check_files

    inputs = _inputs(files, covariate, of_saxs, of_sans, allow_outside, threads)
    check_files(inputs, sans or [], _loaded(model, device), output, alarm)


@app.command(
    **entry(
        USE,
        "pairvae plan --model results/contrast/model --covariate d2o_fraction=0,0.5,1 --output plans "
        "--q-unit 1/nm data/example/raw/micelle_03_saxs.dat",
    )
)
@read_options(options="--")
def plan(
    files: Files,
    *,
    model: Model = DEFAULT,
    output: Folder,
    covariate: Annotated[
        list[str], typer.Option(help="Conditions to predict for, as NAME=VALUE,VALUE,… (repeatable).")
    ],
    to: To = "sans",
    options: ReadOptions = NO_OPTIONS,
    allow_outside: AllowOutside = False,
    device: Device = "cpu",
    threads: Threads = None,
) -> None:
    """Predict the partner under several conditions (contrast planning), as a table and a figure."""
    from pairvae.use.plan import plan_files

    inputs = _inputs(files, None, options, options, allow_outside, threads)
    plan_files(inputs, covariate, _loaded(model, device), to, output)


@app.command(**entry(USE, "pairvae generate --model results/demo/model --count 5 --seed 1 --output new_pairs"))
def generate(
    *,
    model: Model = DEFAULT,
    output: NewFolder,
    count: Annotated[int, typer.Option(help="Number of pairs to draw.")] = 10,
    temperature: Annotated[
        float, typer.Option(help="Below 1: closer to typical training samples; above 1: more unusual.")
    ] = 1.0,
    seed: Seed = 0,
    covariate: Covariate = None,
    format: Written = "nxcansas",
    device: Device = "cpu",
    threads: Threads = None,
) -> None:
    """Draw new pairs of curves from the latent space."""
    from pairvae.use.generate import generate_files

    generate_files(_loaded(model, device), output, count, temperature, seed, covariate or [], format, threads)


@app.command(
    **entry(
        USE,
        "pairvae interpolate --model results/demo/model --technique saxs --q-unit 1/nm --output way "
        "data/example/raw/silica_22_saxs.dat data/example/raw/silica_34_saxs.dat",
    )
)
@read_options(options="--")
def interpolate(
    files: Annotated[
        list[str], typer.Argument(help="The two end curves; or a samples.csv that names two.", metavar="A B")
    ],
    *,
    model: Model = DEFAULT,
    technique: Measured,
    output: NewFolder,
    steps: Annotated[int, typer.Option(help="Number of pairs, both ends included.")] = 9,
    format: Written = "nxcansas",
    covariate: Covariate = None,
    options: ReadOptions = NO_OPTIONS,
    allow_outside: AllowOutside = False,
    device: Device = "cpu",
    threads: Threads = None,
) -> None:
    """Interpolate between two samples and write what both techniques would measure at each step."""
    from pairvae.use.generate import interpolate_files

    inputs = _inputs(files, covariate, options, options, allow_outside, threads)
    interpolate_files(inputs, _loaded(model, device), technique, output, steps, format)


@app.command(**entry(USE, "pairvae export --model results/demo/model --output for_colleagues"))
def export(
    *,
    model: Model = DEFAULT,
    output: NewFolder,
    metrics: Annotated[Path | None, typer.Option(help="metrics.json of the run, for the model card.")] = None,
) -> None:
    """Write the model as ONNX files, one for each direction, with a model card."""
    from pairvae.use.trained_model import load_model

    load_model(model).export(output, metrics)
