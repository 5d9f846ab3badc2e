"""The commands that look at files, measured ones before a run or those of a run: parse, call. Heavy imports inside."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from pairvae.cli.input_options import read_options
from pairvae.cli.options import YOUR_DATA, entry, html
from pairvae.formats.read_options import NO_OPTIONS, ReadOptions
from pairvae.techniques import Technique

app = typer.Typer()


@app.command(**entry(YOUR_DATA, "pairvae inspect data/example/raw --q-unit 1/nm"))
@read_options(options="--")
def inspect(
    files: Annotated[
        list[str],
        typer.Argument(help="Measured curves: files, patterns or folders; or a samples.csv.", metavar="FILE…"),
    ],
    technique: Annotated[Technique | None, typer.Option(help="Technique of all files.")] = None,
    options: ReadOptions = NO_OPTIONS,
    allow_outside: Annotated[bool, typer.Option(help="Allow paths that leave the folder of samples.csv.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object per line and curve.")] = False,
    plot: Annotated[
        Path | None, typer.Option(help="HTML file to write: all curves on logarithmic axes.", callback=html)
    ] = None,
) -> None:
    """Show how files are read, one line per curve; exit code 2 if a file is refused."""
    from pairvae.samples.inspect_report import inspect_files

    def show(line: str) -> None:
        print(line, flush=True)

    options = replace(options, technique=technique)
    counts = inspect_files(files, options, show, json, plot, allow_outside)
    print(
        f"inspect: {counts['read']} curves read, {counts['asked']} need a unit or columns, {counts['refused']} refused",
        file=sys.stderr,
    )
    raise typer.Exit(2 if counts["refused"] else 0)


@app.command(
    **entry(YOUR_DATA, "pairvae samples data/example/raw --saxs '*_saxs.dat' --sans '*_sans*.txt' --output samples.csv")
)
def samples(
    folder: Annotated[Path, typer.Argument(help="Folder with the files of both techniques.", exists=True)],
    saxs: Annotated[
        str, typer.Option(help="Pattern of the SAXS file names, such as '*_saxs*.dat'; * stands for the sample name.")
    ],
    sans: Annotated[str, typer.Option(help="Pattern of the SANS file names, such as '*_sans*.dat'.")],
    output: Annotated[Path | None, typer.Option(help="Table to write; by default samples.csv in the folder.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing table.")] = False,
) -> None:
    """Draft a samples.csv from file names."""
    from pairvae.samples.draft_samples import draft_samples as run

    run(folder, {"saxs": saxs, "sans": sans}, output or folder / "samples.csv", force)


@app.command(**entry(YOUR_DATA, "pairvae fetch data/measured/sources.csv"))
def fetch(
    sources: Annotated[Path, typer.Argument(help="Table of public files with addresses and checksums.", exists=True)],
) -> None:
    """Download measured curves from public sources into the folder of a table, and check their checksums."""
    from pairvae.samples.fetch_sources import fetch_sources as run

    run(sources)


@app.command(**entry(YOUR_DATA, "pairvae systems vesicle micelle --plot kinds.html"))
def systems(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Kinds of particles: names, files, or folders of such files.", metavar="[SYSTEM]…"),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="HTML file to write: example curves of each kind.", callback=html)
    ] = None,
    samples: Annotated[int, typer.Option(help="Example curves of each kind.", min=1, max=100)] = 6,
    seed: Annotated[int, typer.Option(help="Random seed.", min=0)] = 0,
) -> None:
    """List the kinds of particles that can be simulated; check and draw those that are named."""
    from pairvae.simulation.show_systems import show_systems as run

    run(names or [], print, lambda sentence: print(sentence, file=sys.stderr), plot, samples, seed)
