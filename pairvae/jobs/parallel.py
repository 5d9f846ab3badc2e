"""Many files on all cores, in their order, with a bounded number in memory.

loky, pebble and concurrent.futures do not serve here: they unpickle what workers send, and a worker that parsed a
stranger's file could send anything. Here answers are plain data (msgpack), which cannot run code.
"""

import multiprocessing
import signal
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from itertools import chain, islice
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Thread
from typing import Generic, Self, TypeVar

import msgpack

from pairvae.jobs.terminal import spell_what_is_lacking

Job = TypeVar("Job")
Result = TypeVar("Result")
FEW = 50  # jobs that are done sooner than worker processes have started
CHUNK = 32  # jobs handed out at a time
AHEAD = 3  # chunks per worker that wait or are done before they are asked for: bounds what is in memory
_NAMES = "surrogatepass"  # a file's name may hold bytes that are no text here
_SPAWNED = multiprocessing.get_context("spawn")  # since threads of numpy and HDF5 do not survive a fork


def in_order(
    work: Callable[[Job], Result],
    jobs: Iterable[Job],
    processes: int,
    crashed: Callable[[Job], Result],
    harmless: Callable[[Job], bool],
) -> Iterator[Result]:
    """Do every job, in other processes if there are many, and yield the results in the order of the jobs.

    Parameters
    ----------
    work : callable
        A function of a module, so that worker processes find it. It returns plain data: None, numbers, text, bytes,
        lists and dictionaries of them. Tuples may arrive as lists.
    jobs : iterable
        Taken as they are needed.
    processes : int
        How many work at once, this one included where it does jobs itself.
    crashed : callable
        The result of a job that ended its process: what a damaged file did to a compiled library, or a lack of memory.
    harmless : callable
        Whether a job cannot end its process: this process then takes a share of such jobs.
    """
    waiting = iter(jobs)
    first = list(islice(waiting, FEW + 1))
    if processes == 1 or len(first) <= FEW:
        yield from map(work, chain(first, waiting))
        return
    waiting = chain(first, waiting)
    chunks = iter(lambda: list(islice(waiting, CHUNK)), [])
    yield from _in_processes(work, chunks, processes, crashed, harmless)


def _in_processes(
    work: Callable[[Job], Result],
    chunks: Iterator[list[Job]],
    processes: int,
    crashed: Callable[[Job], Result],
    harmless: Callable[[Job], bool],
) -> Iterator[Result]:
    turns: deque[_Worker[Job, Result] | list[Result]] = deque()  # who has a chunk, or its results, in the chunks' order
    with ExitStack() as stack:
        workers = [stack.enter_context(_Worker(work, crashed)) for _ in range(processes - 1)]
        while True:
            worker = min(workers, key=lambda one: len(one.asked))
            idle = len(worker.asked) < AHEAD
            room = len(turns) < AHEAD * processes
            if room and (idle or not _ready(turns[0])) and (chunk := next(chunks, None)):
                if not idle and all(map(harmless, chunk)):
                    turns.append([work(job) for job in chunk])
                    continue
                if not idle:  # in the place of this process
                    worker = stack.enter_context(_Worker(work, crashed))
                    workers.append(worker)
                worker.ask(chunk)
                turns.append(worker)
            elif turns:
                turn = turns.popleft()
                yield from turn if isinstance(turn, list) else turn.answer()
            else:
                return


def _ready(turn: "_Worker[Job, Result] | list[Result]") -> bool:
    return isinstance(turn, list) or turn.ready()


class _Worker(Generic[Job, Result]):
    """A process that does chunks of jobs in their order.

    Attributes
    ----------
    asked : deque of list
        Chunks whose results have not been fetched.
    """

    # not a ProcessPoolExecutor: its workers share one pipe, and stand still while a long result waits in it

    def __init__(self, work: Callable[[Job], Result], crashed: Callable[[Job], Result]) -> None:
        self._work, self._crashed = work, crashed
        self.asked: deque[list[Job]] = deque()

    def __enter__(self) -> Self:
        self._connection, theirs = _SPAWNED.Pipe()
        self._process = _SPAWNED.Process(target=_serve, args=(self._work, theirs), daemon=True)
        self._process.start()
        theirs.close()
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._process.terminate()
        self._process.join()

    def ask(self, jobs: list[Job]) -> None:
        """Hand out a chunk."""
        self.asked.append(jobs)
        with suppress(OSError):  # it has ended: noticed when it is to answer
            self._connection.send(jobs)

    def ready(self) -> bool:
        """Whether there is no wait for the next answer."""
        return self._connection.poll()

    def answer(self) -> Iterator[Result]:
        """Wait for the results of the chunk that was handed out first.

        Raises
        ------
        RuntimeError
            A job raised what it should not have, with the traceback of the process.
        """
        jobs = self.asked.popleft()
        try:
            answer = self._connection.recv_bytes()
        except (EOFError, OSError):
            yield from self._after_crash(jobs)
            return
        results: list[Result] | str = msgpack.unpackb(answer, strict_map_key=False, unicode_errors=_NAMES)
        if isinstance(results, str):
            raise RuntimeError(f"a worker process failed:\n{results}")
        yield from results

    def _after_crash(self, jobs: list[Job]) -> Iterator[Result]:
        """Go on in a new process, after the jobs of the chunk were tried one by one."""
        self.__exit__()
        rest, self.asked = self.asked, deque()
        self.__enter__()
        if len(jobs) == 1:
            yield self._crashed(jobs[0])
        else:
            for job in jobs:
                self.ask([job])
                yield from self.answer()
        for chunk in rest:
            self.ask(chunk)


def _serve(work: Callable[[Job], Result], connection: Connection) -> None:
    """What a worker does until nobody asks any more."""
    spell_what_is_lacking()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks is interrupted, and ends this process
    answers: SimpleQueue[bytes] = SimpleQueue()
    # sent by a thread: the next chunk is begun before the answer to the last one has been fetched
    Thread(target=_send, args=(answers, connection), daemon=True).start()
    with suppress(EOFError, OSError):
        while True:
            jobs = connection.recv()
            try:
                answer = msgpack.packb([work(job) for job in jobs], unicode_errors=_NAMES)
            except Exception:  # noqa: BLE001 whatever it is, who asked has to know
                answer = msgpack.packb(traceback.format_exc(), unicode_errors=_NAMES)
            answers.put(answer)


def _send(answers: SimpleQueue[bytes], connection: Connection) -> None:
    with suppress(OSError):
        while True:
            connection.send_bytes(answers.get())
