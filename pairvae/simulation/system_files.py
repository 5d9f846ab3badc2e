"""The files of the kinds of particles: those of the package, in `systems/`, and a user's own; found, read, checked."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from pairvae.errors import UserError
from pairvae.simulation.system import Check, Parameter, Spread, System, unknown_name

SHIPPED = Path(__file__).parent / "systems"
LARGEST = 100_000  # bytes of a file


def shipped_names() -> list[str]:
    """Names of the kinds that come with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def system_files(name: str) -> list[Path]:
    """Files that a name of the settings stands for: of the package, a file of the user's, or all of a folder.

    Raises
    ------
    UserError
        There is no such kind, file or folder.
    """
    path = Path(name)
    if path.suffix in (".yaml", ".yml"):
        if not path.is_file():
            raise UserError(f"{name}: there is no such file in {path.parent.absolute()}; mend the path")
        return [path]
    if name.endswith("/") or "/" in name:
        found = sorted(path.glob("*.yaml"))
        if not found:
            raise UserError(f"{name}: is no folder with files of systems; expected *.yaml in it; mend the path")
        return found
    if not (SHIPPED / f"{name}.yaml").is_file():
        raise UserError(
            f"simulate.systems: {unknown_name(name, shipped_names())}; or write the path of a file, my/{name}.yaml"
        )
    return [SHIPPED / f"{name}.yaml"]


@cache
def load_system(name: str) -> System:
    """A kind of particle by its name, or by the path of its file.

    Raises
    ------
    UserError
        There is no such kind or file, or the file is wrong: one sentence with its key and the remedy.
    """
    (path,) = system_files(name)
    return read_system(path)


def read_system(path: Path) -> System:
    """Read and check the file of a system.

    Raises
    ------
    UserError
        It cannot be read, or is wrong: one sentence with the key and the remedy.
    """
    try:
        text = path.read_bytes()[: LARGEST + 1].decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); expected a text file in UTF-8; mend the path") from None
    if len(text) > LARGEST:
        raise UserError(f"{path}: is larger than {LARGEST} bytes; expected one system; split it")
    content = _mapping(path, text)
    if "name" in content:
        raise UserError(f"{path}: name: the name of a system is that of its file, {path.stem}; remove the key")
    try:
        return System.model_validate({**content, "name": path.stem})
    except ValidationError as error:
        raise UserError(_sentence(path, error.errors()[0])) from None


class _Plain(yaml.SafeLoader):  # type: ignore[misc]  # yaml has no types
    """YAML without aliases and repeated keys: neither is meant in such a file, and both hide what is read."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.MarkedYAMLError(problem="an alias (*) stands there", problem_mark=event.start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[Any] = set()
        for key, _ in node.value:
            name = self.construct_object(key, deep=True)
            if isinstance(name, list | dict) or name in seen:
                raise yaml.MarkedYAMLError(problem=f"{name} stands there a second time", problem_mark=key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


def _mapping(path: Path, text: str) -> dict[str, Any]:
    try:
        content = yaml.load(text, _Plain)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = " ".join(str(getattr(error, "problem", None) or error).split())
        raise UserError(f"{path}{line}: is no plain YAML: {problem}; expected `key: value` lines; mend it") from None
    except RecursionError:
        raise UserError(f"{path}: is nested too deeply; expected `key: value` lines; mend it") from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds {type(content).__name__}; expected `key: value` lines; see docs/systems.md")
    return content


def _sentence(path: Path, fault: Any) -> str:
    """One fault of pydantic as a sentence with the key, what was found and the remedy."""
    steps = [str(step) for step in fault["loc"]]
    name = ".".join(steps)
    if fault["type"] == "extra_forbidden":
        return f"{path}: {name} is no key of a system; {unknown_name(steps[-1], _keys(steps[:-1]))}"
    if fault["type"] == "missing":
        return f"{path}: {name} is missing; add it (docs/systems.md says what it holds)"
    if fault["type"] == "value_error":
        error = fault["ctx"]["error"]
        return f"{path}: {name}: {error}" if name else f"{path}: {error}"
    found = repr(fault["input"])
    return f"{path}: {name}: {fault['msg']}; found {found[:80]}; mend it"


def _keys(steps: list[str]) -> list[str]:
    kinds: dict[str, type[BaseModel]] = {"parameters": Parameter, "polydispersity": Spread, "validation": Check}
    kind = kinds.get(steps[0], System) if steps else System
    return [name for name in kind.model_fields if (kind, name) != (System, "name")]


def shares(systems: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    """Kinds with their shares in the mix, those of 0 left out; a folder's share is divided among its files.

    Raises
    ------
    UserError
        There is no such kind, file or folder, or two have one name.
    """
    seen: dict[str, str] = {}
    for name, share in systems.items():
        if share <= 0:
            continue
        found = system_files(name)
        for path in found:
            key = name if path.parent == SHIPPED else str(path)
            if path.stem in seen:
                raise UserError(
                    f"simulate.systems: {key} and {seen[path.stem]} have one name, {path.stem}; rename the file"
                )
            seen[path.stem] = key
            yield key, share / len(found)
