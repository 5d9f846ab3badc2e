"""What the log of every stage begins with: where it runs, with what, and its settings.

`torch.utils.collect_env` does not replace this: it lists no job, no h5py and no sasmodels, and takes 3 s.
"""

import os
import platform
import socket
import sys
from importlib.metadata import PackageNotFoundError, version

from pydantic import BaseModel

from pairvae import __version__

JOB_IDS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID")  # the variables of SLURM, PBS and LSF
LIBRARIES = ("torch", "lightning", "numpy", "scipy", "pandas", "h5py", "sasmodels", "sasdata")


def log_head(stage: str, settings: BaseModel) -> str:
    """Host, job, versions and settings of a stage, one line each, all beginning with its name: `pretrain.saxs`."""
    jobs = [f"{name}={os.environ[name]}" for name in JOB_IDS if name in os.environ]
    libraries = ", ".join(f"{name} {_version(name)}" for name in LIBRARIES)
    lines = (
        f"host {socket.gethostname()}, process {os.getpid()}, job {' '.join(jobs) or 'none'}",
        f"pairvae {__version__}, Python {platform.python_version()} in {sys.prefix}, {libraries}",
        f"settings {settings.model_dump_json()}",
    )
    return "\n".join(f"{stage}: {line}" for line in lines)


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return "missing"
