"""From what a user wrote to settings, or one sentence that says what is wrong with it."""

import difflib
from collections.abc import Iterator
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from pairvae.errors import UserError
from pairvae.settings import Settings, StageSettings

T = TypeVar("T", bound=BaseModel)


def stage_class(name: str) -> type[StageSettings]:
    """Class of one stage's settings, named as in the YAML file: `pretrain.saxs`.

    Raises
    ------
    UserError
        There is no such stage.
    """
    found: type[StageSettings] = Settings
    for part in name.split("."):
        field = found.model_fields.get(part)
        kind = field.annotation if field else None
        if not (isinstance(kind, type) and issubclass(kind, StageSettings)):
            raise UserError(f"there is no stage {name!r}; found no group {part!r} in the settings")
        found = kind
    return found


def parse(kind: type[T], values: Any, where: str) -> T:
    """Check values against a class of settings.

    Parameters
    ----------
    kind : class
        Which settings these are.
    values : dict or str
        The values, or JSON text of them.
    where : str
        Name of the file, for the message.

    Raises
    ------
    UserError
        A key is unknown (with its full path and the nearest valid name) or a value is out of its limits.
    """
    try:
        if isinstance(values, str | bytes):
            return kind.model_validate_json(values)
        return kind.model_validate(values)
    except ValidationError as error:
        raise UserError("; ".join(_sentence(kind, where, fault) for fault in error.errors())) from None


def _sentence(kind: type[BaseModel], where: str, fault: Any) -> str:
    path = [str(part) for part in fault["loc"] if part != "[key]"]
    name = ".".join(path) or "settings"
    if fault["type"] == "value_error":  # settings that do not go together: the sentence says what was found
        return f"{where}: {name}: {fault['ctx']['error']}"
    if fault["type"] != "extra_forbidden":
        return f"{where}: {name}: {fault['msg']}; found {fault['input']!r}"
    near = max(_paths(kind), key=lambda known: _likeness(known, path))
    return f"{where}: {name} is not a setting; the nearest valid name is {'.'.join(near)}"


def _paths(kind: type[BaseModel], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, field in kind.model_fields.items():
        yield (*above, name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _paths(field.annotation, (*above, name))


def _likeness(known: tuple[str, ...], path: list[str]) -> tuple[float, int]:
    """How well a valid path fits a misspelt one: by its last name, then by the groups they share."""
    shared = sum(1 for a, b in zip(known[:-1], path[:-1], strict=False) if a == b)
    return round(difflib.SequenceMatcher(None, known[-1], path[-1]).ratio(), 1), shared
