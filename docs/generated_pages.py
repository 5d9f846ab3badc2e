"""The pages of docs/reference, written from the commands, the settings and the public names of the package."""

import json
import re
import sys
import typing
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from inspect import isclass, isfunction
from pathlib import Path
from typing import Any

import typer
import yaml
from typer.cli import get_docs_for_click

import pairvae

CONFIGS = Path(__file__).parents[1] / "configs"
MARK = "<!-- generated -->"
LONGEST_DEFAULT = 40  # characters in a table
Group = dict[str, Any]


def fill(_app: object, page: str, content: list[str]) -> None:
    """Put what is generated where a page says so; an event handler of Sphinx, which hands the text over in a list."""
    if page in PAGES:
        content[0] = content[0].replace(MARK, _with_options_as_code(PAGES[page]()))


def commands() -> str:
    """Every command with its options, as Typer documents them."""
    (script,) = entry_points(group="console_scripts", name="pairvae")
    app = sys.modules[script.load().__module__].app
    command = typer.main.get_command(app)
    return get_docs_for_click(obj=command, ctx=typer.Context(command), name="pairvae", indent=1)


def settings() -> str:
    """Every setting of configs/schema.json with its default from configs/default.yaml, a table per stage."""
    schema = json.loads((CONFIGS / "schema.json").read_text(encoding="utf-8"))
    defaults = yaml.safe_load((CONFIGS / "default.yaml").read_text(encoding="utf-8"))
    whole, stages = {}, []
    for name, field in schema["properties"].items():
        group = _resolved(field, schema)
        if "properties" not in group:
            whole[name] = field
            continue
        alike = {field.get("$ref") for field in group["properties"].values()}
        if len(alike) == 1 and None not in alike:  # one table for the same settings of several techniques
            title = ", ".join(f"{name}.{technique}" for technique in group["properties"])
            inner = _resolved(next(iter(group["properties"].values())), schema)
            stages.append(_section(title, inner, defaults[name], schema))
        else:
            stages.append(_section(name, group, {"": defaults[name]}, schema))
    run = _section("The whole run", {"properties": whole}, {"": defaults}, schema)
    return "\n".join([run, *stages])


def python() -> str:
    """Directives for the public functions, and for every class of ours that they return, in one way or another."""
    functions = [name for name in pairvae.__all__ if isfunction(getattr(pairvae, name))]
    classes: dict[type, None] = {getattr(pairvae, name): None for name in pairvae.__all__ if name not in functions}
    ahead = [getattr(pairvae, name) for name in functions]
    while ahead:
        for kind in _returned(ahead.pop(0)):
            if kind not in classes:
                classes[kind] = None
                ahead += [member for name, member in vars(kind).items() if isfunction(member) and name[0] != "_"]
    lines = [f".. autofunction:: pairvae.{name}" for name in functions]
    for kind in classes:
        lines += [f".. autoclass:: {kind.__module__}.{kind.__name__}", "   :members:", "   :inherited-members:"]
    return "\n".join(["```{eval-rst}", *lines, "```"])


PAGES: dict[str, Callable[[], str]] = {
    "docs/reference/commands": commands,
    "docs/reference/settings": settings,
    "docs/reference/python": python,
}


def _with_options_as_code(text: str) -> str:
    """The same Markdown; an --option outside of code becomes code, in which two hyphens are no dash."""
    return re.sub(r"(`+[^`]*`+)|(--[a-z][\w-]*)", lambda match: match[1] or f"`{match[2]}`", text)


def _section(title: str, group: Group, defaults: dict[str, Group], schema: Group) -> str:
    """A heading and a table; `defaults` has one group, or one for each technique that shares these settings."""
    rows = ["| setting | default | allowed | meaning |", "| --- | --- | --- | --- |"]
    for path, field in _fields(group, schema):
        said = {technique: _default(path, field, values) for technique, values in defaults.items()}
        default = said.popitem()[1] if len(set(said.values())) == 1 else ", ".join(f"{t}: {v}" for t, v in said.items())
        cells = (f"`{'.'.join(path)}`", default, _allowed(field, schema), field.get("description", ""))
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join([f"## {title}", "", group.get("description", ""), "", *rows, ""])


def _fields(group: Group, schema: Group, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Group]]:
    for name, field in group["properties"].items():
        inner = _resolved(field, schema)
        if "properties" in inner:
            yield from _fields(inner, schema, (*above, name))
        elif name != "numerics":
            yield (*above, name), field


def _default(path: tuple[str, ...], field: Group, values: Group) -> str:
    if field.get("filled_in"):
        return "the run's"
    value: Any = values
    for name in path:
        value = value[name]
    text = "" if value is None else json.dumps(value, ensure_ascii=False)
    text = text if len(text) <= LONGEST_DEFAULT else f"{text[:LONGEST_DEFAULT]}…"  # default.yaml has all of it
    return f"`{text}`" if text else ""


def _allowed(field: Group, schema: Group) -> str:
    """Values that the schema allows, in words."""
    field = _resolved(field, schema)
    kinds = [kind for kind in field.get("anyOf", [field]) if kind.get("type") != "null"]
    if len(kinds) != 1:
        return ""
    kind = _resolved(kinds[0], schema)
    if "enum" in kind:
        return ", ".join(f"`{value}`" for value in kind["enum"])
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    return ", ".join(f"{sign} {kind[name]:g}" for name, sign in signs.items() if name in kind)


def _returned(function: Callable[..., Any]) -> Iterator[type]:
    """Classes of ours in what a function returns: lists and unions are looked into."""
    modules = [module for name, module in sys.modules.items() if name.split(".")[0] == "pairvae"]
    names = {name: value for module in modules for name, value in vars(module).items() if isclass(value)}
    ahead = [typing.get_type_hints(function, localns=names).get("return")]  # some are imported for type checks alone
    while ahead:
        hint = ahead.pop()
        ahead += typing.get_args(hint)
        if isclass(hint) and hint.__module__.split(".")[0] == "pairvae":
            yield hint


def _resolved(field: Group, schema: Group) -> Group:
    return schema["$defs"][field["$ref"].rpartition("/")[2]] if "$ref" in field else field
