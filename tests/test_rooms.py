"""The order of the folders: imports run one way, and no two files import each other."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "pairvae"
# Folders on one line stand side by side: they do not import each other.
ORDER = (
    ("errors", "techniques"),
    ("files", "jobs"),
    ("settings",),
    ("scattering",),
    ("formats", "simulation", "prepare"),
    ("samples", "models"),
    ("train", "trust"),
    ("use",),
    ("evaluation",),
    ("report",),
    ("cli",),
)
FLOOR = {room: floor for floor, rooms in enumerate(ORDER) for room in rooms}


def module(path):
    """Dotted name of a file: pairvae.models.vae."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def imported(path):
    """The files of the package that a file imports anywhere, functions and type checking included."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; expected the whole name"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
    known = {name for name in names if name in MODULES}
    # `from pairvae.models.vae import Vae` names the file; its folder's __init__ is not meant
    return {name for name in known if not any(other.startswith(f"{name}.") for other in known)} - {module(path)}


IMPORTS = {name: imported(path) for name, path in MODULES.items()}


def room(name):
    return name.split(".")[1] if "." in name else ""


def test_the_root_holds_errors_techniques_and_folders():
    assert {path.name for path in PACKAGE.glob("*.py")} == {"__init__.py", "errors.py", "techniques.py"}
    assert {room(name) for name in MODULES} - {""} == set(FLOOR)


@pytest.mark.parametrize("name", [name for name in MODULES if "." in name])
def test_a_file_imports_only_from_the_floors_below(name):
    own = FLOOR[room(name)]
    upwards = sorted(
        other
        for other in IMPORTS[name]
        if room(other) not in ("", room(name)) and FLOOR[room(other)] >= own  # the root itself: its version
    )
    assert upwards == []


def test_no_files_import_each_other_in_a_circle():
    circles = []
    finished = set()

    def follow(name, way):
        if name in way:
            circles.append(" → ".join([*way[way.index(name) :], name]))
        elif name not in finished:
            for other in sorted(IMPORTS[name]):
                follow(other, [*way, name])
            finished.add(name)

    for name in MODULES:
        if name != "pairvae":  # loads its public names when they are first asked for
            follow(name, [])
    assert circles == []


def longest_functions():
    for path in MODULES.values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                documented = isinstance(node.body[0], ast.Expr) and isinstance(node.body[0].value, ast.Constant)
                first = node.body[0].end_lineno + 1 if documented else node.lineno
                yield node.end_lineno - first + 1, f"{path.relative_to(PACKAGE)}: {node.name}"


def test_no_file_has_more_than_350_lines_and_no_function_more_than_60():
    lines = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: count for name, count in lines.items() if count > 350} == {}
    assert [(count, name) for count, name in longest_functions() if count > 60] == []


def undocumented():
    """Public functions of three or more arguments that no Parameters section describes."""
    for path in MODULES.values():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name[0] != "_"]
        for node in tree.body + [method for owner in classes for method in owner.body]:
            if not isinstance(node, ast.FunctionDef) or node.name[0] == "_":
                continue
            decorators = " ".join(map(ast.unparse, node.decorator_list))
            arguments = [argument.arg for argument in node.args.posonlyargs + node.args.args + node.args.kwonlyargs]
            # the options of a command document themselves; Lightning documents its hooks
            exempt = "app.command" in decorators or "overload" in decorators or node.name.startswith("on_")
            described = "\nParameters\n---" in (ast.get_docstring(node) or "")
            if len(set(arguments) - {"self", "cls"}) >= 3 and not exempt and not described:
                yield f"{path.relative_to(PACKAGE)}: {node.name}"


def test_a_public_function_of_three_arguments_describes_them():
    assert list(undocumented()) == []
