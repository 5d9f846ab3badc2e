"""`make lint` and the hooks of git are the same checks."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"][0]["hooks"]


def commands(target):
    """What make would run, also where make itself runs the tests."""
    command = ["make", "-n", "--no-print-directory", "INSTALLED=", target]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return shown.stdout.splitlines()


def test_hooks_run_every_command_of_make_lint():
    assert {hook["entry"].partition(" ")[0] for hook in HOOKS} == {"make"}
    hooked = [line for hook in HOOKS for line in commands(hook["entry"].partition(" ")[2])]
    assert hooked == commands("lint")


@pytest.fixture
def clone(tmp_path):
    """A repository with the rules of the workflow alone, and a function that runs one hook in it."""
    for name in ("Makefile", ".pre-commit-config.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "workflow", tmp_path / "workflow")

    def git(*arguments):
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True)

    def hook(name):
        git("add", "--all")
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = os.environ | {"PATH": path, "MAKEFLAGS": "INSTALLED=", "PRE_COMMIT_HOME": str(tmp_path / "cache")}
        command = [sys.executable, "-m", "pre_commit", "run", name, "--color", "never"]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)

    git("init", "--quiet")
    return hook


def test_hook_passes_and_fails_like_its_check(clone, tmp_path):
    passed = clone("rules")
    assert (passed.returncode, "Passed" in passed.stdout) == (0, True), passed.stdout
    snakefile = tmp_path / "workflow" / "Snakefile"
    snakefile.write_text(snakefile.read_text(encoding="utf-8").replace("    input:", "  input :"), encoding="utf-8")
    failed = clone("rules")
    assert (failed.returncode, "Failed" in failed.stdout) == (1, True), failed.stdout
