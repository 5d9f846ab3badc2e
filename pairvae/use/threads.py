"""How many threads torch computes with in a command: few curves are done sooner by one."""

import torch

from pairvae.jobs.cores import cores

# Threads of torch wait for each other busily: on a machine with other work they hinder themselves more than they help.
CURVES_PER_THREAD = 10_000  # one thread predicts so many in 6 s
ALLOWED = torch.get_num_threads()  # OMP_NUM_THREADS, which Snakemake sets for its jobs; else all cores


def set_threads(asked: int | None, curves: int) -> None:
    """Set the threads of this process.

    Parameters
    ----------
    asked : int, optional
        Threads; None: as many as pay, of the cores that the process may use.
    curves : int
        That will be computed.
    """
    torch.set_num_threads(asked or min(cores(), ALLOWED, 1 + curves // CURVES_PER_THREAD))
