"""The tiny workflow on a real SLURM, with everything that happens to a run on a cluster.

One run goes from nothing to its report; four go on from a run without a batch system and lack one training each. What
they train must be equal to that run, bit for bit.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from test_workflow import ROOT, SNAKEFILE, TINY, epochs, wait_for

from pairvae.models.weights_file import load_weights

pytestmark = pytest.mark.slow

PROFILE = ROOT / "workflow" / "profiles" / "slurm"
PROCESSOR = ("pretrain:gpu=0", "joint_train:gpu=0", "baselines:gpu=0")
LONG = ("members=1", "joint_train={steps: 400}")  # four epochs: there is time to interfere
TRAINED = "results/tiny/joint_train/1/weights.safetensors"
PRETRAINED = "results/tiny/pretrain/sans/weights.safetensors"
SECONDS = 3600  # guards against hanging, however slow the machine is

# The command `pairvae`, but the first `normalize` of a run fails.
FAILING_ONCE = """\
#!/bin/sh
if [ "$1" = normalize ] && mkdir failed_once 2> /dev/null; then
    echo "failed for the test" >&2
    exit 1
fi
exec {pairvae} "$@"
"""


class Run:
    """One folder in which Snakemake is started, and what it said."""

    def __init__(self, folder):
        self.folder, self.results, self.said = folder, folder / "results" / "tiny", folder / "said.txt"
        self.path = [str(Path(sys.executable).parent), os.environ["PATH"]]

    def start(self, *arguments):
        """Snakemake on this folder, in a process group of its own."""
        with self.said.open("a") as said:
            return subprocess.Popen(
                [sys.executable, "-m", "snakemake", *arguments, "--configfile", TINY, "--snakefile", SNAKEFILE],
                cwd=self.folder,
                env=os.environ | {"PATH": os.pathsep.join(self.path)},
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def submit(self, *arguments, resources=PROCESSOR, config=LONG):
        """The same through the profile; short waits, since one machine is a fast cluster."""
        fast = ("--slurm-init-seconds-before-status-checks", "1", "--latency-wait", "10")
        profile = ("--workflow-profile", PROFILE, "--cores", "2", *fast)
        return self.start(*arguments, *profile, "--config", *config, "--set-resources", *resources)

    def finish(self, process):
        """The exit code; a run that does not end is a failed test, not one that waits for ever."""
        try:
            return process.wait(SECONDS)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)

    def text(self):
        return self.said.read_text(encoding="utf-8")

    def weights(self, stage="joint_train/1"):
        """Every number that a training gave."""
        tensors, _ = load_weights(self.results / stage / "weights.safetensors")
        return {name: tensor.tolist() for name, tensor in tensors.items()}

    def failures(self, rule):
        """How many jobs of a rule SLURM reported as failed."""
        return len(re.findall(rf"^Error in rule {rule}:\n    message: SLURM-job", self.text(), re.MULTILINE))

    def jobs(self):
        """Numbers of the jobs that were submitted, in their order."""
        return re.findall(r"submitted with SLURM jobid (\d+)", self.text())


def squeue(job):
    """State of a job in words, as SLURM has it."""
    return subprocess.run(
        ["squeue", "--noheader", "--states", "all", "--jobs", job, "--format", "%T"], capture_output=True, text=True
    ).stdout.strip()


def without(run, folder, *lost):
    """A copy of a run that lacks some of its results."""
    shutil.copytree(run.folder, folder, symlinks=True)
    copy = Run(folder)
    copy.said.unlink()
    for name in lost:
        shutil.rmtree(copy.results / name)
    return copy


# What happens to the runs


def without_slurm(run):
    """What the others are compared with."""
    return run.finish(run.start("--cores", "2", "--config", *LONG))


def from_nothing(run):
    """A whole run; normalize fails once, calibrate is given too little memory at first."""
    (run.folder / "bin").mkdir()
    wrapper = run.folder / "bin" / "pairvae"
    wrapper.write_text(FAILING_ONCE.format(pairvae=shutil.which("pairvae", path=os.pathsep.join(run.path))))
    wrapper.chmod(0o755)
    run.path.insert(0, str(run.folder / "bin"))
    return run.finish(run.submit(resources=(*PROCESSOR, "calibrate:mem_mb=200 * attempt ** 3")))


def cancelled(run):
    """Joint training is cancelled in the middle; Snakemake submits it again."""
    log = run.results / "logs" / "joint_train" / "1.log"
    log.unlink()
    process = run.submit(TRAINED)
    wait_for(lambda: log.exists() and epochs(log), process, SECONDS)
    subprocess.run(["scancel", run.jobs()[-1]], check=True)
    code = run.finish(process)
    run.after = epochs(log)
    return code


def orphaned(run):
    """Snakemake is killed, started again, and the job of the first one wakes up when the second one's has ended."""
    log = run.results / "logs" / "joint_train" / "1.log"
    log.unlink()
    process = run.submit(TRAINED)
    wait_for(lambda: log.exists() and epochs(log), process, SECONDS)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    orphan = run.jobs()[-1]
    subprocess.run(["scontrol", "suspend", orphan], check=True)
    run.orphan_outlived_snakemake = squeue(orphan) == "SUSPENDED"
    run.locked = run.finish(run.submit(TRAINED)), run.text()
    unlocked = run.finish(run.submit("--unlock"))
    code = run.finish(run.submit(TRAINED))
    run.finished = run.weights()
    subprocess.run(["scontrol", "resume", orphan], check=True)
    end = time.monotonic() + SECONDS
    while squeue(orphan) in ("SUSPENDED", "RUNNING", "COMPLETING") and time.monotonic() < end:
        time.sleep(0.2)
    run.orphan = squeue(orphan)
    return unlocked or code


def without_gpu(run):
    """The profile as it is: it asks for a GPU, and the node's is none."""
    return run.finish(run.submit(PRETRAINED, "--retries", "0", resources=("pretrain:gpu=1",)))


def out_of_time(run):
    """SLURM asks the training to stop before its limit of two minutes (up to one minute earlier than asked)."""
    resources = ("joint_train:gpu=0", "joint_train:runtime=2", "joint_train:slurm_extra='--signal=TERM@50'")
    return run.finish(
        run.submit(TRAINED, "--retries", "0", resources=resources, config=("members=1", "joint_train={steps: 1000000}"))
    )


@pytest.fixture(scope="module")
def runs(slurm, tmp_path_factory):  # noqa: ARG001, it runs meanwhile
    """All of them, as far as possible side by side: name → run and its exit code to come."""
    folder = tmp_path_factory.mktemp("cluster")
    with ThreadPoolExecutor() as pool:

        def begin(story, run):
            return run, pool.submit(story, run)

        for name in ("local", "whole"):
            (folder / name).mkdir()
        found = {"whole": begin(from_nothing, Run(folder / "whole"))}
        local, code = found["local"] = begin(without_slurm, Run(folder / "local"))
        if code.result() == 0:
            for story in (cancelled, orphaned, out_of_time):
                name = story.__name__
                found[name] = begin(story, without(local, folder / name, "joint_train"))
            found["without_gpu"] = begin(without_gpu, without(local, folder / "without_gpu", "pretrain/sans"))
    return found


@pytest.fixture
def run(runs):
    """One of them by name, once it has ended, with its exit code; or what went wrong on the way."""

    def get(name):
        run, code = runs[name]
        return run, code.result()

    return get


@pytest.fixture
def local(run):
    """The run without a batch system."""
    local, code = run("local")
    assert code == 0, local.text()
    return local


# What must be true afterwards


def test_run_on_the_cluster_has_the_numbers_of_one_without(run, local):
    whole, code = run("whole")
    assert code == 0, whole.text()
    assert (whole.results / "report.html").stat().st_size > 10_000
    metrics = [json.loads((each.results / "metrics.json").read_text()) for each in (whole, local)]
    assert metrics[0] == metrics[1]
    for stage in ("pretrain/saxs", "pretrain/sans", "joint_train/1"):
        assert whole.weights(stage) == local.weights(stage)


def test_every_heavy_stage_is_a_job_and_the_light_ones_are_not(run):
    whole, _ = run("whole")
    submitted = set(re.findall(r"slurm_logs/rule_(\w+)/", whole.text()))
    heavy = {"simulate", "normalize", "pretrain", "joint_train", "baselines", "calibrate", "evaluate", "report"}
    assert submitted == heavy


def test_job_that_fails_once_comes_again(run):
    whole, code = run("whole")
    assert code == 0
    assert (whole.folder / "failed_once").exists()
    assert whole.failures("normalize") == 1


def test_job_killed_by_its_memory_limit_comes_again_with_more(run):
    whole, code = run("whole")
    assert code == 0
    assert whole.failures("calibrate") == 1
    killed = [log.read_text() for log in whole.folder.glob(".snakemake/slurm_logs/rule_calibrate/**/*.log")]
    assert any("memory limit" in log for log in killed), killed
    asked = re.findall(r"^rule calibrate:.*?mem_mb=(\d+)", whole.text(), re.MULTILINE | re.DOTALL)
    assert asked == ["200", "1600"]


def test_log_begins_with_host_job_device_versions_and_settings(run):
    whole, _ = run("whole")
    jobs = whole.jobs()
    for stage in ("simulate", "pretrain/saxs", "joint_train/1", "report"):
        head = (whole.results / "logs" / f"{stage}.log").read_text().splitlines()[:4]
        name = stage.removesuffix("/1").replace("/", ".")
        assert re.match(rf"{name}: host \S+, process \d+, job SLURM_JOB_ID=({'|'.join(jobs)})$", head[0])
        assert re.match(rf"{name}: pairvae \S+, Python \S+ in \S+, torch ", head[1])
        assert head[2].startswith(f'{name}: settings {{"')
        assert head[3] == f"{name}: device cpu"


def test_cancelled_training_goes_on_behind_its_last_epoch(run, local):
    cancelled, code = run("cancelled")
    assert code == 0, cancelled.text()
    assert re.search(r"joint_train: stopped by SIGTERM with [1-4] whole epochs kept; start it again", cancelled.text())
    assert cancelled.after[0] >= 2
    assert cancelled.after[-1] == 4
    assert cancelled.weights() == local.weights()


def test_killed_snakemake_says_locked_then_goes_on_and_its_orphan_harms_nothing(run, local):
    orphaned, code = run("orphaned")
    locked, said = orphaned.locked
    assert locked != 0
    assert "--unlock" in said
    assert code == 0, orphaned.text()
    assert orphaned.orphan_outlived_snakemake
    assert orphaned.finished == local.weights()
    assert orphaned.orphan == "COMPLETED"
    assert orphaned.weights() == local.weights()
    assert {path.name for path in orphaned.results.rglob(".*")} <= {".snakemake_timestamp"}


def test_job_with_a_gpu_that_is_none_stops_at_once_with_the_reason(run):
    gpu, code = run("without_gpu")
    assert code != 0
    log = (gpu.results / "logs" / "pretrain" / "sans.log").read_text()
    assert "pairvae: the job asked for 1 GPU but no GPU was found: " in log
    assert re.search("built for the processor only|no NVIDIA driver|CUDA_VISIBLE_DEVICES|cannot use the driver", log)
    assert "epoch" not in log
    assert log.splitlines()[-1] in gpu.text()  # Snakemake shows it, too


def test_training_stops_before_its_time_limit(run):
    late, code = run("out_of_time")
    assert code != 0
    assert "stopped by SIGTERM" in (late.results / "logs" / "joint_train" / "1.log").read_text().splitlines()[-1]
    assert "DUE TO TIME LIMIT" not in late.text()
