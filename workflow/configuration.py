"""The configuration of a run against its schema, and what each stage gets of it.

Imports nothing that Snakemake does not bring: the environment that starts a workflow may hold nothing else.
"""

import difflib
import hashlib
import json
import os
from collections.abc import Iterator
from math import isclose
from pathlib import Path
from tarfile import is_tarfile
from typing import Any
from zipfile import is_zipfile

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

Group = dict[str, Any]

_MODEL_FILES = {"start_model": "model.json", "start_weights": "weights.safetensors"}


def as_meant(values: Any, field: Group, schema: Group) -> Any:
    """Read values the way the schema means them.

    A group of which every line is commented out is null in YAML: it is empty. YAML 1.1 takes 1e-5 for text,
    and `snakemake --config` every number below the first level: where a number belongs, it is one.
    """
    field = _resolved(field, schema)
    if "properties" in field and values is None:
        return {}
    if isinstance(values, dict):
        fields, others = field.get("properties", {}), field.get("additionalProperties") or {}
        return {name: as_meant(value, fields.get(name, others), schema) for name, value in values.items()}
    if isinstance(values, list):
        items: Group = field.get("items") or next(iter(field.get("prefixItems", [])), {})
        return [as_meant(value, items, schema) for value in values]
    kinds = {kind.get("type") for kind in field.get("anyOf", [field])}
    if isinstance(values, str) and "string" not in kinds:
        return _plain(values)
    return values


def faults(config: Group, schema: Group) -> list[str]:
    """Unknown keys and wrong values, one sentence each; the words are those of `pairvae.settings.parse.parse`."""
    errors = Draft202012Validator(schema).iter_errors(config)
    return [sentence for error in errors for sentence in _sentences(error, schema)]


def start_faults(config: Group, schema: Group) -> list[str]:
    """What is wrong with the model folder that `joint_train.start_from` names, one sentence each."""
    folder = config["joint_train"].get("start_from")
    if "joint_train.start_from" in config["sweep"]:
        return ["configuration: sweep.joint_train.start_from: all runs of a sweep stand on one grid; leave it out"]
    if not folder:
        return []
    where = f"configuration: joint_train.start_from: {folder}"
    if Path(folder).absolute() == Path("results", config["run"], "model").absolute():
        return [f"{where} is the model that this run writes; give this run another name with `run`"]
    try:
        about = json.loads((Path(folder) / "model.json").read_text(encoding="utf-8"))
        found, wanted = about["format"], about["weights_sha256"]
        weights = Path(folder) / "weights.safetensors"
        is_whole = weights.is_file() and _sha256(weights) == wanted
    except PermissionError as error:
        return [f"{where}: {closed(error)}"]
    except (OSError, ValueError, TypeError, KeyError):
        mend = "no model.json can be read there; name one as results/demo/model"
        if (Path(folder) / "model" / "model.json").is_file():
            mend = f"name the one in it, {Path(folder) / 'model'}"
        elif Path(folder).is_file() and (is_zipfile(folder) or is_tarfile(folder)):
            mend = "it is an archive; unpack it and name the folder in it that holds model.json"
        return [f"{where} is no model folder: {mend}"]
    known = schema["$defs"]["JointTrain"]["properties"]["start_from"]["model_format"]
    if found != known:
        return [f"{where} is of format {found}, this version reads format {known}; train that model again"]
    if not is_whole:
        return [f"{where}: weights.safetensors is missing or not the file that model.json was written for; restore it"]
    return [
        f"configuration: normalize.{technique}.scale_free is true, but the model that joint_train.start_from names was "
        f"trained on 1/cm; train that one with normalize.{technique}.scale_free: true"
        for technique, settings in config["normalize"].items()
        if settings.get("scale_free") and not about["settings"]["normalize"][technique].get("scale_free")
    ] + [
        f"configuration: normalize.{technique}.grid.{name} is {given}, but joint_train.start_from brings a grid from "
        f"{grid['q_min']:.6g} to {grid['q_max']:.6g} 1/Å; leave {name} out"
        for technique, grid in about["grids"].items()
        for name, end in (("q_min_inv_angstrom", grid["q_min"]), ("q_max_inv_angstrom", grid["q_max"]))
        if (given := config["normalize"][technique]["grid"].get(name)) and not isclose(given, end, rel_tol=1e-6)
    ]


def closed(error: PermissionError) -> str:
    """What to do where a file or folder may not be read."""
    return f"{error.filename} may not be read by you; ask its owner to open it and its folders (chmod a+rX)"


def start_files(config: Group) -> dict[str, str]:
    """Files of the model that a run starts from, model.json first; none where it starts from scratch."""
    folder = config["joint_train"].get("start_from")
    return {name: str(Path(folder) / file) for name, file in _MODEL_FILES.items()} if folder else {}


def start_checksum(config: Group) -> str:
    """What identifies the model that a run starts from; model.json holds the checksum of its weights."""
    files = start_files(config)
    return _sha256(Path(files["start_model"])) if files else ""


def with_scales_of_start(config: Group) -> Group:
    """The same configuration, on grids and scales of the model that it starts from: its networks know no others."""
    files = start_files(config)
    if not files:
        return config
    about = json.loads(Path(files["start_model"]).read_text(encoding="utf-8"))
    taken = {
        technique: {
            "grid": {
                "q_min_inv_angstrom": grid["q_min"],
                "q_max_inv_angstrom": grid["q_max"],
                "points": grid["points"],
            },
            "scale_free": about["settings"]["normalize"][technique].get("scale_free", False),
        }
        for technique, grid in about["grids"].items()
    }
    return config | {"normalize": {t: own | taken[t] for t, own in config["normalize"].items()}}


def unwritable(folder: str) -> list[str]:
    """A sentence where nothing can be written into a folder, or the one that it would be made in."""
    there = Path(folder).absolute()
    while not there.exists():
        there = there.parent
    if os.access(there, os.W_OK):
        return []
    return [f"{there}: cannot be written to; make it writable, or start in another folder (snakemake --directory)"]


def stage_settings(config: Group, schema: Group, stage: str) -> str:
    """One stage's part of the configuration as JSON, with what the run sets for all stages filled in.

    Parameters
    ----------
    stage : str
        Name as in the configuration: `pretrain.saxs`.

    Returns
    -------
    str
        JSON with sorted keys: the order of the lines in a configuration changes nothing.
    """
    values, group = stage_parts(config, schema, stage)
    filled = {
        name: config.get(name, field["default"])
        for name, field in group["properties"].items()
        if field.get("filled_in")
    }
    return json.dumps(filled | values, sort_keys=True, ensure_ascii=False)


def stage_parts(config: Group, schema: Group, stage: str) -> tuple[Group, Group]:
    """One stage's own part of the configuration, and of the schema."""
    values, group = config, schema
    for part in stage.split("."):
        values, group = values.get(part, {}), _resolved(group["properties"][part], schema)
    return values, group


def system_files(config: Group) -> list[str]:
    """Files of a user's own systems: a simulation starts again when one of them changes.

    Whatever is wrong with them is left to `pairvae simulate`, which says it better.
    """
    named = [Path(name) for name, share in config["simulate"]["systems"].items() if share > 0]
    files = [path for path in named if path.suffix in (".yaml", ".yml")]
    files += [file for folder in named if folder.is_dir() for file in folder.glob("*.yaml")]
    return sorted(str(path) for path in files if path.is_file() and not set(str(path)) & set("{}\0"))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def gpus(wildcards: Any, resources: Any) -> int:  # noqa: ARG001, Snakemake hands both over by name
    """How many GPUs a training's job was given: asked for as `gpu`, or as `gres` where a site wants that."""
    return int(resources.get("gpu") or bool(resources.get("gres")))


def _resolved(field: Group, schema: Group) -> Group:
    return schema["$defs"][field["$ref"].rpartition("/")[2]] if "$ref" in field else field


def _sentences(error: ValidationError, schema: Group) -> Iterator[str]:
    path = [str(part) for part in error.absolute_path]
    name = ".".join(path)
    if error.validator == "additionalProperties":
        for key in error.instance.keys() - error.schema["properties"].keys():
            yield _unknown([*path, str(key)], list(_paths(schema, schema)))
    elif "propertyNames" in error.schema_path:
        names = error.schema["enum"] if "enum" in error.schema else error.schema["anyOf"][0]["enum"]  # or a path
        yield _unknown([*path, error.instance], [(*path, known) for known in names])
    elif error.context:  # either a value or empty: what is wrong with the value
        yield from _sentences(error.context[0], schema)
    else:
        yield f"configuration: {name}: {error.message}"


def _unknown(path: list[str], known: list[tuple[str, ...]]) -> str:
    near = max(known, key=lambda candidate: _likeness(candidate, path))
    return f"configuration: {'.'.join(path)} is not a setting; the nearest valid name is {'.'.join(near)}"


def _paths(group: Group, schema: Group, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, field in group["properties"].items():
        yield (*above, name)
        below = _resolved(field, schema)
        if "properties" in below:
            yield from _paths(below, schema, (*above, name))


def _likeness(known: tuple[str, ...], path: list[str]) -> tuple[float, int]:
    """How well a valid path fits a misspelt one: by its last name, then by the groups they share."""
    shared = sum(1 for a, b in zip(known[:-1], path[:-1], strict=False) if a == b)
    return round(difflib.SequenceMatcher(None, known[-1], path[-1]).ratio(), 1), shared


def _plain(text: str) -> Any:
    """Turn a text that spells a number, true, false or null into it."""
    for spelt in (json.loads, float):
        try:
            return spelt(text)
        except ValueError:
            pass
    return text
