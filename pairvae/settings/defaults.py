"""The files that are generated from the settings: configs/default.yaml and configs/schema.json."""

import json
from typing import Any

from pydantic import BaseModel

from pairvae.settings import FILLED, Settings

HEADER = """\
# Every setting of a run, with its default. Generated from pairvae/settings/ by `pairvae defaults configs`.
# A configuration of your own needs only the lines that differ:
#   snakemake --cores 8 --configfile mine.yaml
"""


def default_yaml() -> str:
    """All settings with their defaults as commented YAML."""
    return HEADER + "\n".join(_lines(Settings(), depth=0)) + "\n"


def schema_json() -> str:
    """The JSON schema that the workflow checks a configuration with."""
    return json.dumps(Settings.model_json_schema(), indent=2, ensure_ascii=False) + "\n"


def _lines(group: BaseModel, depth: int) -> list[str]:
    indent = "  " * depth
    lines = []
    for name, field in type(group).model_fields.items():
        if field.json_schema_extra == FILLED:
            continue
        value = getattr(group, name)
        if isinstance(value, BaseModel):
            inner = _lines(value, depth + 1)
            head = f"{indent}{name}:" if inner else f"{indent}{name}: {{}}"
            lines += ["", f"{indent}# {type(value).__doc__}", head, *inner]
        else:
            lines.append(f"{indent}{name}: {_scalar(value)}".rstrip() + f"  # {field.description}")
    return lines


def _scalar(value: Any) -> str:
    if isinstance(value, float):
        mantissa, _, exponent = f"{value:g}".partition("e")
        # YAML 1.1 takes 1e-05 for text: it wants a point in the mantissa
        return f"{mantissa}{'' if '.' in mantissa else '.0'}e{int(exponent):+03d}" if exponent else mantissa
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_scalar(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_scalar(item)}" for key, item in value.items()) + "}"
    return "" if value is None else json.dumps(value, ensure_ascii=False)
