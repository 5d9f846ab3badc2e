"""How many processor cores this process may use: a container that shows 64 may grant two.

`joblib.cpu_count` reads the limit of the outermost control group alone, and takes a quarter of a second to import.
"""

import math
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MOUNTED = Path("/sys/fs/cgroup")
OWN_GROUPS = Path("/proc/self/cgroup")


def cores() -> int:
    """Processor cores that this process may use: those it is bound to, and no more than its control groups grant."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([bound, *map(math.ceil, granted(OWN_GROUPS, MOUNTED))]))


def granted(own_groups: Path, mounted: Path) -> Iterator[float]:
    """Cores that each control group of a process grants, as 1.5; nothing of groups without a limit.

    Parameters
    ----------
    own_groups : Path
        `/proc/self/cgroup`: the groups of the process, one line per hierarchy (cgroups(7)).
    mounted : Path
        Where the hierarchies are mounted.
    """
    with suppress(OSError, ValueError):
        for line in own_groups.read_text(encoding="utf-8").splitlines():
            _, controllers, path = line.split(":", 2)
            if not controllers:  # version 2: one hierarchy of all controllers
                yield from _limits(mounted, path)
            elif "cpu" in controllers.split(","):
                for hierarchy in {controllers, "cpu"}:
                    yield from _limits(mounted / hierarchy, path)


def _limits(hierarchy: Path, path: str) -> Iterator[float]:
    """Of a group and those around it. In a container the path may be that of the host: then only the outermost."""
    group = Path(path.lstrip("/"))
    for each in (hierarchy / group, *(hierarchy / outer for outer in group.parents)):
        with suppress(OSError, ValueError):
            quota, period = (each / "cpu.max").read_text(encoding="ascii").split()
            if quota != "max":
                yield int(quota) / int(period)
        with suppress(OSError, ValueError):
            quota, period = ((each / f"cpu.cfs_{name}_us").read_text(encoding="ascii") for name in ("quota", "period"))
            if int(quota) > 0:
                yield int(quota) / int(period)
