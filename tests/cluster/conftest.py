"""A real SLURM on this machine: Debian's packages, one node, started once and stopped at the end."""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

CONFIGURATION = Path("/etc/slurm/slurm.conf")  # job steps look nowhere else
MARK = "# Written by the tests of PairVAE, which remove it again. State: "
# config_overrides: the node has what is written here, whatever the machine has. GPUs are a device that is none:
# jobs that ask for one are scheduled, and find no GPU.
SLURM_CONF = """\
ClusterName=sandbox
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
SlurmdParameters=config_overrides
AuthType=auth/munge
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={state}/state
SlurmdSpoolDir={state}/spool
SlurmctldPidFile={state}/slurmctld.pid
SlurmdPidFile={state}/slurmd.pid
SlurmctldLogFile={state}/slurmctld.log
SlurmdLogFile={state}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
EnforcePartLimits=ALL
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
MinJobAge=3600
KillWait=10
GresTypes=gpu
NodeName=localhost NodeAddr=127.0.0.1 CPUs=4 RealMemory=32000 Gres=gpu:1 State=UNKNOWN
PartitionName=main Nodes=localhost Default=YES MaxTime=1-0 DefaultTime=10 State=UP
"""


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    """SLURM's state folder, while its daemons run."""
    if os.geteuid() != 0:
        pytest.skip("a SLURM can be started by root only")
    if not Path("/etc/debian_version").exists():
        pytest.skip("SLURM is installed from the packages of Debian or Ubuntu, and this is neither")
    install()
    with alone():
        clear_up()
        if CONFIGURATION.exists():
            pytest.skip(f"this machine has a SLURM of its own: {CONFIGURATION} is there")
        state = tmp_path_factory.mktemp("slurm")
        try:
            start(state)
            yield state
        finally:
            clear_up()


def install():
    """Get what is missing from the distribution's packages."""
    commands = ("sbatch", "slurmctld", "slurmd", "munged")
    if all(map(shutil.which, commands)):
        return
    get = ["apt-get", "-qq", "-y", "--no-install-recommends", "install", "slurm-wlm", "munge"]
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    if subprocess.run(get, env=env, capture_output=True).returncode != 0:
        subprocess.run(["apt-get", "-qq", "update"], env=env, capture_output=True)
        if (done := subprocess.run(get, env=env, capture_output=True, text=True)).returncode != 0:
            pytest.skip(f"slurm-wlm and munge cannot be installed: {done.stderr.strip()[-200:]}")


@contextmanager
def alone():
    """One SLURM per machine: another session of tests waits here until this one has ended, however it ends."""
    with open("/run/lock/pairvae-tests-slurm", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def start(state):
    """Start the daemons; return when the node takes jobs."""
    for name in ("state", "spool"):
        (state / name).mkdir()
    device = state / "gpu0"
    os.mknod(device, 0o666 | 0o020000, os.makedev(1, 3))  # another /dev/null
    CONFIGURATION.parent.mkdir(exist_ok=True)
    CONFIGURATION.write_text(f"{MARK}{state}\n{SLURM_CONF.format(state=state)}")
    CONFIGURATION.with_name("gres.conf").write_text(f"NodeName=localhost Name=gpu File={device}\n")
    subprocess.run("install -d -o munge -g munge -m755 /run/munge", shell=True, check=True)
    if not alive(Path("/run/munge/munged.pid")):
        subprocess.run(["runuser", "-u", "munge", "--", "/usr/sbin/munged", "--force"], check=True)
        (state / "munge").write_text("started here")
    subprocess.run(["slurmctld"], check=True)
    subprocess.run(["slurmd", "-N", "localhost"], check=True)
    end = time.monotonic() + 60
    while "idle" not in (seen := subprocess.run(["sinfo", "-h", "-o", "%T"], capture_output=True, text=True)).stdout:
        assert time.monotonic() < end, f"{seen.stdout}{seen.stderr}{(state / 'slurmctld.log').read_text()[-3000:]}"
        time.sleep(0.2)


def clear_up():
    """Cancel what runs, stop the daemons and remove the configuration: of this session or of one that was killed."""
    if not CONFIGURATION.exists() or not (mark := re.match(f"{re.escape(MARK)}(.+)", CONFIGURATION.read_text())):
        return
    state = Path(mark.group(1))
    if alive(state / "slurmctld.pid"):
        subprocess.run(["scancel", "--full", "--user", "root"], capture_output=True, timeout=30)
        end = time.monotonic() + 20
        while time.monotonic() < end and subprocess.run(["squeue", "-h"], capture_output=True, timeout=30).stdout:
            time.sleep(0.2)
    ours = [state / "slurmd.pid", state / "slurmctld.pid"]
    if (state / "munge").exists():
        ours.append(Path("/run/munge/munged.pid"))
    for file in ours:
        if process := alive(file):
            os.kill(process, signal.SIGTERM)
            end = time.monotonic() + 20
            while alive(file) and time.monotonic() < end:
                time.sleep(0.1)
    for name in ("slurm.conf", "gres.conf"):
        CONFIGURATION.with_name(name).unlink(missing_ok=True)


def alive(file):
    """Process number in a pid file, or 0 where that process has ended."""
    with suppress(OSError, ValueError):
        process = int(file.read_text())
        os.kill(process, 0)
        return process
    return 0
