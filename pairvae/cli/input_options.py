"""The options that state what measured files do not say, the same for every command that reads curves."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

from pairvae.formats.read_options import ReadOptions

_HELP = {
    "q_unit": "Unit of q, if the file does not state it: 1/A, 1/nm, …",
    "columns": "Columns of a text table, in order: 'q I dI dq'.",
    "intensity_unit": "Unit of the intensity, if the file does not state it or is wrong: 1/cm, 1/m, arbitrary.",
    "entry": "Entry to read from a file that holds several curves.",
}


def read_options(**prefixes: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Put the options of files in the place of a command's arguments that are `ReadOptions`.

    Parameters
    ----------
    **prefixes : str
        By name of an argument, what its options begin with: `read_options(options="--")` gives a command
        --q-unit, --columns, --intensity-unit and --entry, and hands it what was typed as `options`.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        added = {
            argument: {fact: f"{prefix.strip('-')}_{fact}".strip("_").replace("-", "_") for fact in _HELP}
            for argument, prefix in prefixes.items()
        }

        @wraps(command)
        def with_options(**typed: Any) -> None:
            made = {
                argument: ReadOptions(
                    prefix=prefixes[argument], **{fact: typed.pop(name) for fact, name in names.items()}
                )
                for argument, names in added.items()
            }
            command(**typed, **made)

        parameters: list[inspect.Parameter] = []
        for parameter in inspect.signature(command).parameters.values():
            parameters += [
                inspect.Parameter(
                    name,
                    parameter.kind,
                    default=None,
                    annotation=Annotated[str | None, typer.Option(help=_HELP[fact])],
                )
                for fact, name in added.get(parameter.name, {}).items()
            ] or [parameter]
        # Typer reads a command's options from its signature
        with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        return with_options

    return decorate
