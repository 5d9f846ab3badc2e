"""Cores that a process may use: those it is bound to, less where a control group grants less."""

import os

import pytest

from pairvae.jobs import cores as module
from pairvae.jobs.cores import cores, granted

TWO_CPUS = {"cpu.max": "200000 100000\n"}
HALF_OF_THREE = {"cpu.cfs_quota_us": "150000\n", "cpu.cfs_period_us": "100000\n"}
UNLIMITED = {"cpu.cfs_quota_us": "-1\n", "cpu.cfs_period_us": "100000\n"}


def mounted(folder, lines, groups):
    """Files as Linux shows them: the groups of a process, and their limits."""
    (folder / "own").write_text("".join(f"{line}\n" for line in lines))
    for group, files in groups.items():
        (folder / "cgroup" / group).mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            (folder / "cgroup" / group / name).write_text(text)
    return folder / "own", folder / "cgroup"


@pytest.mark.parametrize(
    ("lines", "groups", "cpus"),
    [
        (["0::/"], {"": TWO_CPUS}, 2),
        (["0::/"], {"": {"cpu.max": "max 100000\n"}}, None),
        (["0::/user.slice/job"], {"user.slice": TWO_CPUS, "user.slice/job": {"cpu.max": "max 100000\n"}}, 2),
        (["0::/job"], {"": TWO_CPUS, "job": {"cpu.max": "50000 100000\n"}}, 0.5),
        (["4:cpu,cpuacct:/", "3:memory:/"], {"cpu,cpuacct": HALF_OF_THREE}, 1.5),
        (["4:cpuacct,cpu:/docker/0123"], {"cpu": HALF_OF_THREE}, 1.5),  # the path of the host, which is not seen here
        (["1:cpu:/"], {"cpu": UNLIMITED}, None),
        (["3:cpuset:/"], {"cpuset": HALF_OF_THREE}, None),
        (["0::/"], {"": {"cpu.max": "nonsense\n"}}, None),
        (["nonsense"], {"": TWO_CPUS}, None),
    ],
)
def test_the_narrowest_of_the_control_groups_counts(tmp_path, lines, groups, cpus):
    assert min(granted(*mounted(tmp_path, lines, groups)), default=None) == cpus


def test_without_control_groups_there_is_no_limit(tmp_path):
    assert list(granted(tmp_path / "own", tmp_path / "cgroup")) == []


@pytest.mark.parametrize(("quota", "expected"), [("max 100000", 64), ("200000 100000", 2), ("1000 100000", 1)])
def test_container_that_shows_64_cores_gives_those_that_it_grants(tmp_path, monkeypatch, quota, expected):
    own, groups = mounted(tmp_path, ["0::/"], {"": {"cpu.max": quota}})
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    monkeypatch.setattr(module, "OWN_GROUPS", own)
    monkeypatch.setattr(module, "MOUNTED", groups)
    assert cores() == expected
