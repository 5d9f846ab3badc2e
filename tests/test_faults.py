"""A run that is killed again and again ends as one that was left alone, and repeats nothing that was done.

The one that is left alone is part of a sweep, which must change nothing either.

`python tests/test_faults.py 25` kills 25 times; the normal tests kill three times.
"""

import base64
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import unquote

import pytest
from test_workflow import TINY, snakemake, started

SEED = 5
FEWER = """\
members: 1
simulate: {pairs: 100}
pretrain: {saxs: {steps: 40}, sans: {steps: 40}}
joint_train: {steps: 60}
baselines: {steps: 30}
"""
SWEEP = "sweep={calibrate.coverage: [0.9, 0.8]}"


class Run:
    """A small run in a folder of its own."""

    def __init__(self, folder, name="tiny"):
        self.folder, self.results = folder, folder / "results" / name
        folder.mkdir()
        (folder / "fewer.yaml").write_text(FEWER)
        self.arguments = ("--configfile", TINY, folder / "fewer.yaml")
        self.done = {}  # finished files: their inode and time

    def live(self, seconds):
        """Start Snakemake and kill it, with all its jobs, after so many seconds; whether it had ended before."""
        with started(self.folder, *self.arguments) as process:
            try:
                assert process.wait(seconds) == 0
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                return False
        return True

    def finish(self):
        """Unlock and start it once more, and leave it alone."""
        assert snakemake(self.folder, "--unlock", *self.arguments).returncode == 0
        last = snakemake(self.folder, *self.arguments)
        assert last.returncode == 0, last.stdout
        self.check_nothing_repeated()
        begun = [path.name for path in self.results.rglob(".*") if path.name != ".snakemake_timestamp"]
        assert begun == []

    def check_nothing_repeated(self):
        """What was finished at some time is the same file still; remembers what else is finished by now."""
        now = dict(self._finished())
        assert {path: now.get(path) for path in self.done} == self.done
        self.done = now

    def _finished(self):
        marks = (self.folder / ".snakemake" / "incomplete").rglob("*")
        incomplete = [self.folder / base64.b64decode(mark.name).decode() for mark in marks if mark.is_file()]
        for path in self.results.rglob("*"):
            inside = path.relative_to(self.results).parts
            kept_apart = {"logs", "benchmarks", "resume"} & set(inside) or inside[-1].startswith(".")
            begun = any(path == one or one in path.parents for one in incomplete)
            if path.is_file() and not kept_apart and not begun:
                yield path, (path.stat().st_ino, path.stat().st_mtime_ns)

    def metrics(self, combination="."):
        numbers = json.loads((self.results / combination / "metrics.json").read_text())
        return {name: value for name, value in numbers.items() if name != "run"}


def left_alone(folder):
    """A sweep that nobody disturbs, and how many seconds it takes."""
    alone = Run(folder / "alone", "sweep/tiny")
    alone.arguments += ("--config", SWEEP)
    began = time.monotonic()
    alone.finish()
    took = time.monotonic() - began
    print(f"left alone: {took:.0f} s", flush=True)
    return alone, took


def kill_again_and_again(folder, kills, metrics, took, seed=SEED):
    """Run, kill and start again until there were so many kills; every run must end with these metrics."""
    rng = random.Random(seed)
    killed = runs = 0
    while killed < kills:
        runs += 1
        run = Run(folder / f"run_{runs}")
        while killed < kills:
            after = rng.uniform(0, took / 2)
            if run.live(after):
                break
            killed += 1
            run.check_nothing_repeated()
            print(f"run {runs}: kill {killed} after {after:.1f} s, {len(run.done)} files finished", flush=True)
            assert snakemake(run.folder, "--unlock", *run.arguments).returncode == 0
        run.finish()
        assert run.metrics() == metrics
        print(f"run {runs}: finished, with the numbers of the run that was left alone", flush=True)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return left_alone(tmp_path_factory.mktemp("undisturbed"))


@pytest.mark.slow
def test_sweep_makes_once_what_its_runs_share(undisturbed):
    results = undisturbed[0].results
    runs = ["calibrate.coverage=0.8", "calibrate.coverage=0.9"]
    own = {path.parent.parent.name for path in results.rglob("model/model.json")}
    shared = {path.relative_to(results).parts[0] for path in results.rglob("history.csv")}
    assert sorted(own) == runs
    assert shared == {"shared"}
    assert (results / "comparison.csv").read_text().count("\n") == 3
    links = re.findall(r'href="(.+)/report.html"', (results / "report.html").read_text())
    assert sorted(map(unquote, links)) == runs
    assert all((results / run / "report.html").exists() for run in runs)


@pytest.mark.slow
def test_run_killed_at_random_moments_ends_with_the_same_numbers_and_repeats_nothing(undisturbed, tmp_path):
    alone, took = undisturbed
    kill_again_and_again(tmp_path, 2, alone.metrics("calibrate.coverage=0.9"), took)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        left, seconds = left_alone(Path(name))
        kill_again_and_again(Path(name), int(sys.argv[1]), left.metrics("calibrate.coverage=0.9"), seconds)
