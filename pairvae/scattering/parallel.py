"""Many files on all cores, in their order, with a bounded number in memory."""

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from typing import TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")
FEW = 50  # jobs that are done sooner than worker processes have started
CHUNK = 32  # jobs handed out at a time
AHEAD = 3  # chunks per worker that wait or are done before they are asked for: bounds what is in memory


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_order(
    work: Callable[[Job], Result], jobs: Iterable[Job], processes: int, crashed: Callable[[Job], Result]
) -> Iterator[Result]:
    """Do every job, in processes of their own where there are many, and yield the results in the jobs' order.

    Parameters
    ----------
    work : callable
        A function of a module, since worker processes have to find it.
    jobs : iterable
        Taken as they are needed.
    processes : int
        How many work at once.
    crashed : callable
        The result of a job that ended its process: what a damaged file did to a compiled library, or a lack of memory.
    """
    waiting = iter(jobs)
    first = list(islice(waiting, FEW + 1))
    if processes == 1 or len(first) <= FEW:
        yield from map(work, chain(first, waiting))
        return
    yield from _in_processes(work, chain(first, waiting), processes, crashed)


def _in_processes(
    work: Callable[[Job], Result], waiting: Iterator[Job], processes: int, crashed: Callable[[Job], Result]
) -> Iterator[Result]:
    pool = _pool(processes)
    handed_out: deque[tuple[list[Job], Future[list[Result]]]] = deque()
    try:
        while True:
            while len(handed_out) < AHEAD * processes and (chunk := list(islice(waiting, CHUNK))):
                handed_out.append((chunk, pool.submit(_chunk, work, chunk)))
            if not handed_out:
                return
            chunk, future = handed_out.popleft()
            try:
                results = future.result()
            except BrokenProcessPool:
                pool.shutdown()
                results = list(_one_by_one(work, chunk, crashed))
                pool = _pool(processes)
                handed_out = deque((other, pool.submit(_chunk, work, other)) for other, _ in handed_out)
            yield from results
    finally:
        pool.shutdown(cancel_futures=True)


def _one_by_one(work: Callable[[Job], Result], jobs: list[Job], crashed: Callable[[Job], Result]) -> Iterator[Result]:
    """So that a job which ends its process takes no other with it."""
    pool = _pool(1)
    try:
        for job in jobs:
            try:
                yield pool.submit(work, job).result()
            except BrokenProcessPool:
                pool.shutdown()
                pool = _pool(1)
                yield crashed(job)
    finally:
        pool.shutdown()


def _chunk(work: Callable[[Job], Result], jobs: list[Job]) -> list[Result]:
    return [work(job) for job in jobs]


def _pool(processes: int) -> ProcessPoolExecutor:
    # spawned, since threads of numpy and HDF5 do not survive a fork
    return ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"))
