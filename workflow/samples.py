"""samples.csv as the workflow sees it: what is wrong with it, which curves it names, which covariates it has.

Imports nothing that Snakemake does not bring: the environment that starts a workflow may hold nothing else. Of the
package it takes the checks of the rows, which need no more.
"""

import csv
import difflib
import io
import re
from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path

from configuration import Group, closed, stage_parts

_KNOWN_COLUMNS = ("sample_id", "group", "split", "material", "saxs", "sans")  # of samples.csv


def missing_manifest(config: Group) -> list[str]:
    """A sentence where the manifest that the configuration names does not exist."""
    manifest = config["samples"]
    try:
        if not manifest or Path(manifest).is_file():
            return []
        is_folder = Path(manifest).is_dir()
    except PermissionError as error:
        return [f"configuration: samples: {closed(error)}"]
    if is_folder:
        where = f"configuration: samples: {manifest} is a folder; expected the table that says which files are a sample"
        if found := next((path for path in sorted(Path(manifest).glob("*.[ct]sv")) if _is_manifest(path)), None):
            return [f"{where}; found {found}: name that"]
        return [f"{where}; write a first one: pairvae samples {manifest} --saxs '*_saxs*' --sans '*_sans*'"]
    folder = Path(manifest).parent
    tables = [path.name for path in folder.glob("*.[ct]sv")] if folder.is_dir() else []
    near = difflib.get_close_matches(Path(manifest).name, tables, n=1, cutoff=0)
    found = f"found {folder / near[0]} beside it" if near else f"found no table in {folder.absolute()}"
    return [f"configuration: samples: {manifest} does not exist; {found}; mend the path"]


def files_of_sources(table: str) -> list[str]:
    """Paths of the files that a table of public sources names, relative to the working folder."""
    with open(table, encoding="utf-8-sig", newline="") as file:
        return [str(Path(table).parent / row["file"]) for row in csv.DictReader(file) if row.get("file")]


def row_faults(config: Group) -> list[str]:
    """What is wrong with the rows of the manifest, in the words of `pairvae read`; it opens no curve."""
    manifest = config["samples"]
    return list(_row_faults(manifest, config["read"]["allow_outside"])) if manifest else []


@lru_cache(1)  # every `use rule … with` of another workflow reads the Snakefile again
def _row_faults(manifest: str, allow_outside: bool) -> tuple[str, ...]:
    try:
        from pairvae.errors import UserError
        from pairvae.samples.samples_table import parse_manifest
    except ImportError:  # a module on a host, started by an environment that holds Snakemake alone
        return ()
    try:
        parse_manifest(Path(manifest), allow_outside)
    except UserError as error:
        return (str(error),)
    return ()


def files_named_in(manifest: str) -> list[str]:
    """Curves that a samples.csv names and that exist: a run starts again when one of them changes.

    Whatever is wrong with the manifest is left to `pairvae read`, which says it better.
    """
    _, rows = _table(Path(manifest))
    cells = [row.get(technique) or "" for row in rows for technique in ("saxs", "sans")]
    names = {name.strip() for cell in cells for name in cell.split(";")} - {""}
    # a brace would be a wildcard to Snakemake, and no path has a null byte
    paths = sorted(str(Path(manifest).parent / name) for name in names if not set(name) & set("{}\0"))
    return [path for path in paths if Path(path).is_file()]


def covariate_faults(configs: Iterable[Group], schema: Group) -> list[str]:
    """A sentence for each covariate that the samples do not have: found before anything is read or simulated.

    Parameters
    ----------
    configs : iterable of dict
        The configurations of all runs, which differ in swept settings.
    """
    columns_of = cache(lambda manifest, varied: _covariate_columns(manifest, varied, schema))
    found = []
    for config in configs:
        varied = any(share > 0 for share in config["simulate"]["variety"]["instruments"].values())
        columns = columns_of(config["samples"], varied)
        for stage in ("pretrain.saxs", "pretrain.sans", "joint_train"):
            own, _ = stage_parts(config, schema, stage)
            key = f"{stage}.covariates" if "covariates" in own else "covariates"
            for name in own.get("covariates", config["covariates"]):
                if columns is not None and not columns.get(name):
                    where = config["samples"] or "the simulated samples"
                    found.append(f"configuration: {key}: {_without_covariate(name, where, columns)}")
    return list(dict.fromkeys(found))


def _covariate_columns(manifest: str | None, varied: bool, schema: Group) -> dict[str, bool] | None:
    """By the name of a column that may be a covariate, whether any row says something; None: the table is no table."""
    if not manifest:
        return dict.fromkeys(schema["properties"]["covariates"]["varied" if varied else "simulated"], True)
    header, rows = _table(Path(manifest))
    if not rows:
        return None
    others = {"", "sample_id", "split", "saxs", "sans"}
    return {
        name: any((row.get(name) or "").strip() for row in rows)
        for name in header
        if name not in others and not name.startswith(("saxs_", "sans_"))
    }


def _without_covariate(name: str, where: str, columns: Group) -> str:
    if name in columns:
        return f"{name!r} is empty in every row of {where}; fill it in or leave it out of the covariates"
    near = difflib.get_close_matches(name, columns, n=1)
    meant = f"; the nearest is {near[0]!r}" if near else ""
    there = f"there are {', '.join(columns)}" if columns else "there is none"
    return f"{name!r} is no column of {where}; {there}{meant}; mend the name or add the column"


def _is_manifest(path: Path) -> bool:
    return "sample_id" in _table(path)[0]


def _table(manifest: Path) -> tuple[list[str], list[Group]]:
    """Header and rows of a samples.csv as far as they can be read; the columns that the program knows in lower case."""
    try:
        data = manifest.read_bytes()
        try:
            text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
        first = next((line for line in text.splitlines() if line.strip()), "")
        lines = io.StringIO(text.lstrip("\r\n"), newline="")
        reader = csv.DictReader(lines, restkey="surplus", delimiter=max(",;\t", key=first.count))
        header = [_column_name(name) for name in reader.fieldnames or []]
        rows = [
            {_column_name(str(name)): cell for name, cell in row.items() if isinstance(cell, str)} for row in reader
        ]
    except (OSError, csv.Error):
        return [], []
    return header, rows


def _column_name(cell: str) -> str:
    """As `pairvae.samples.sample_rows.column_name`: a column that the program knows may be spelt "Sample ID"."""
    plain = re.sub(r"[\s-]+", "_", cell.strip()).lower()
    return plain if plain in _KNOWN_COLUMNS or plain.startswith(("saxs_", "sans_")) else cell.strip()
