"""Every page of the documentation: its commands exist, its code compiles, its links lead somewhere."""

import ast
import re
import shlex
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import typer
import yaml
from pydantic import BaseModel
from snakemake.cli import get_argument_parser

from pairvae import __all__ as public_names
from pairvae.cli.app import app
from pairvae.simulation.system_files import read_system

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    page
    for pattern in ("*.md", "configs/*.md", "data/*.md", "docs/*.md", "docs/reference/*.md", "results/*.md")
    for page in ROOT.glob(pattern)
)
TEXTS = {str(page.relative_to(ROOT)): page.read_text(encoding="utf-8") for page in PAGES}
COMMANDS = typer.main.get_command(app)
CONTEXT = typer.Context(COMMANDS)
# Options that belong to neither PairVAE nor Snakemake.
OF_OTHERS = {"--gpus", "--gres"}


def blocks(language):
    """Code blocks of a language: page and text."""
    fence = re.compile(rf"^```{language}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return [(name, block) for name, text in TEXTS.items() for block in fence.findall(text)]


def inline(pattern):
    """Code within sentences that begins like a command or an option: page and text."""
    prose = {name: re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL) for name, text in TEXTS.items()}
    return [(name, code) for name, text in prose.items() for code in re.findall(rf"(?<!`)`({pattern}[^`]*)`", text)]


@pytest.fixture(scope="module")
def complaint():
    """A function that says what is wrong with a command line, or nothing; with `whole`, nothing may be left out."""
    snakemake = get_argument_parser()
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)

    def refused(message):
        raise ValueError(message)

    snakemake.error = refused

    def of_pairvae(name, *arguments, whole):
        if name in {option for each in COMMANDS.get_params(CONTEXT) for option in each.opts}:  # --help, --version
            return ""
        command = COMMANDS.get_command(CONTEXT, name)
        if command is None:
            return f"no command {name}"
        values, surplus, _ = command.make_parser(typer.Context(command)).parse_args(list(arguments))
        missing = [each.name for each in command.params if each.required and whole and not values.get(each.name)]
        return f"misses {missing}, has {surplus} too many" if missing or surplus else ""

    def of_python(*arguments):
        files = [ROOT / word.partition("::")[0] for word in arguments if "/" in word and word[0] != "-"]
        if missing := [str(file) for file in files if not file.exists()]:
            return f"no file {missing}"
        code = "".join(file.read_text(encoding="utf-8") for file in files if file.is_file())
        unknown = [word for word in arguments if word.startswith("--") and f'"{word}"' not in code]
        return f"no option {unknown}" if unknown else ""

    def check(line, whole=False):
        program, *arguments = [word for word in shlex.split(line, comments=True) if word != "…"]
        try:
            if program == "pairvae" and arguments and not arguments[0].isupper():
                return of_pairvae(*arguments, whole=whole)
            if program == "snakemake":
                snakemake.parse_args(arguments)
            if program in ("python", "pytest") and arguments:
                return of_python(*arguments)
            if program == "make" and (unknown := {word for word in arguments if "=" not in word} - set(targets)):
                return f"no target {unknown}"
            if program == "pip" and (unknown := set(re.findall(r"\[(\w+)\]", line)) - extras.keys()):
                return f"no extra {unknown}"
        except Exception as error:  # noqa: BLE001, whatever a parser has to say
            return str(error)
        return ""

    return check


def test_every_command_in_a_block_exists_with_its_options(complaint):
    lines = [
        (name, line)
        for name, block in blocks("sh")
        for line in block.replace("\\\n", " ").splitlines()
        if line and not line.startswith("#")
    ]
    assert len(lines) > 30
    known = ("pairvae", "snakemake", "make", "pip", "python", "pytest", ".venv/bin/pre-commit", ".", "python3")
    assert {shlex.split(line)[0] for _, line in lines} <= set(known)
    assert [(name, line, wrong) for name, line in lines if (wrong := complaint(line, whole=True))] == []


def test_every_command_in_a_sentence_exists_with_its_options(complaint):
    lines = inline(r"(?:pairvae|snakemake|make|pip|python|pytest) ")
    assert len(lines) > 20
    assert [(name, line, wrong) for name, line in lines if (wrong := complaint(line))] == []


def test_every_command_shows_an_example_that_exists_and_stands_in_a_group(complaint):
    commands = {name: COMMANDS.get_command(CONTEXT, name) for name in COMMANDS.list_commands(CONTEXT)}
    groups = list(dict.fromkeys(command.rich_help_panel for command in commands.values()))
    assert groups == ["Your data", "Use a model", "Training stages", "Housekeeping"]
    examples = {name: command.epilog.removeprefix("Example: ") for name, command in commands.items()}
    assert [name for name, example in examples.items() if shlex.split(example)[:2] != ["pairvae", name]] == []
    assert {name: wrong for name, example in examples.items() if (wrong := complaint(example, whole=True))} == {}


def test_wrong_commands_are_noticed(complaint):
    wrong = [
        "pairvae translat --model m",
        "pairvae translate --modell m",
        "pairvae translate --to sans a.dat",
        "snakemake --dryrunn",
        "make tests",
        "pip install '.[gpu]'",
        "python benchmarks/none.py",
        "python benchmarks/accuracy.py --member 1",
    ]
    assert [line for line in wrong if not complaint(line, whole=True)] == []


def test_every_option_in_a_sentence_belongs_to_some_command():
    commands = [COMMANDS.get_command(CONTEXT, name) for name in COMMANDS.list_commands(CONTEXT)]
    options = {option for command in commands for each in command.params for option in each.opts}
    options |= set(get_argument_parser()._option_string_actions)
    found = inline("--[a-z]")
    assert len(found) > 15
    words = [(name, re.split(r"[ =]", code)[0]) for name, code in found]
    assert [word for word in words if word[1] not in options | OF_OTHERS] == []


def test_python_blocks_compile():
    found = blocks("python")
    assert found
    for name, block in found:
        ast.parse(block, filename=name)


def test_yaml_blocks_are_settings_or_a_kind_of_particle(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(ROOT / "workflow")
    configuration = import_module("configuration")
    schema = yaml.safe_load((ROOT / "configs" / "schema.json").read_text(encoding="utf-8"))
    found = blocks("yaml")
    assert found
    for name, block in found:
        if "model" in yaml.safe_load(block):
            (tmp_path / "system.yaml").write_text(block, encoding="utf-8")
            assert read_system(tmp_path / "system.yaml").parameters
            continue
        meant = configuration.as_meant(yaml.safe_load(block), schema, schema)
        of_a_network = {"pretrain": {"saxs": meant}}  # what stands in docs/toolbox.md without what is above it
        assert [] in (configuration.faults(meant, schema), configuration.faults(of_a_network, schema)), name


def test_links_to_other_sites_are_well_formed():
    found = [(name, link) for name, text in TEXTS.items() for link in re.findall(r"\]\((\w+:[^)]*)\)", text)]
    assert found
    for name, link in found:
        parts = urlsplit(link)
        assert (parts.scheme, "." in parts.netloc, re.search(r"\s", link)) == ("https", True, None), (name, link)


@pytest.fixture
def build(tmp_path):
    """Build a site of one page with the command of `make docs`: exit code, stderr, folder."""
    command = ["make", "-n", "--no-print-directory", "INSTALLED=", "docs"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    _, command, *options = shlex.split(shown.stdout)
    assert (command, options[-4:]) == ("sphinx-build", ["-c", "docs", ".", "docs/site"])

    def run(page):
        (tmp_path / "docs").mkdir()
        (tmp_path / "docs" / "index.md").write_text(page, encoding="utf-8")
        site = tmp_path / "docs" / "site"
        places = ["-c", ROOT / "docs", tmp_path, site]
        done = subprocess.run(
            [sys.executable, "-m", "sphinx", *options[:-4], *places], capture_output=True, text=True, encoding="utf-8"
        )
        return done.returncode, done.stderr, site

    return run


def test_build_fails_and_names_every_link_that_leads_nowhere(build):
    code, said, _ = build("# Page\n\n[a](gone.md) [b](#gone) ![c](gone.png) [d](gone.yaml)\n\n```nonsense\nx\n```\n")
    assert code == 1
    for wrong in ("'gone.md'", "'gone'", "gone.png", "gone.yaml", "nonsense"):
        assert wrong in said


def test_site_opens_without_a_network(build):
    code, said, site = build("# Page\n\n[a](index.md#page) and [b](https://example.org)\n\n```python\nx = 1\n```\n")
    assert (code, said) == (0, "")
    loaded = r"""<(?:link|script|img|iframe)[^>]*(?:href|src)=["'](?:https?:)?//|@import|url\(["']?(?:https?:)?//"""
    pages = [file for file in site.rglob("*") if file.suffix in (".html", ".css")]
    assert {page.name for page in pages} >= {"index.html", "furo.css"}
    assert [page for page in pages if re.search(loaded, page.read_text(encoding="utf-8"))] == []


@pytest.fixture(scope="module")
def generated():
    """What is filled into the pages of docs/reference."""
    sys.path.insert(0, str(ROOT / "docs"))
    pages = import_module("generated_pages")
    sys.path.pop(0)
    assert all(pages.MARK in TEXTS[f"{name}.md"] for name in pages.PAGES)
    return {name.rpartition("/")[2]: write() for name, write in pages.PAGES.items()}


def test_reference_has_every_command(generated):
    names = COMMANDS.list_commands(CONTEXT)
    assert re.findall(r"^### `pairvae (\w+)`$", generated["commands"], re.MULTILINE) == list(names)


def test_reference_has_every_setting_with_its_default(generated):
    rows = generated["settings"].splitlines()
    assert "| `simulate" not in generated["settings"]  # names are relative to their heading
    assert "| `pairs` | `20000` | ≥ 1 | Number of samples. |" in rows
    assert "| `grid.points` | saxs: `256`, sans: `192` | ≥ 32, ≤ 4096 | Number of grid points. |" in rows
    settings = import_module("pairvae.settings")

    def count(group):
        fields = [getattr(group, name) for name in type(group).model_fields if name != "numerics"]
        return sum(count(field) if isinstance(field, BaseModel) else 1 for field in fields)

    whole = settings.Settings()
    twice = count(whole.normalize.saxs) + count(whole.pretrain.saxs)
    assert len([row for row in rows if row.startswith("| `")]) == count(whole) - twice


def test_reference_has_every_public_name_and_what_it_returns(generated):
    for name in (*public_names, "TrainedModel", "Prediction", "Codes"):
        assert re.search(
            rf"^\.\. auto(function|class):: pairvae\.([\w.]+\.)?{name}$", generated["python"], re.MULTILINE
        )
