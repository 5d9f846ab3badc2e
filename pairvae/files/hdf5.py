"""HDF5 files that are whole or absent, and that fail without taking the process with them."""

import io
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py

from pairvae.errors import STOP_SIGNALS
from pairvae.files.whole import written_whole


class _Sink(io.FileIO):
    """What HDF5 writes to: remembers a refusal of the operating system instead of passing it on.

    HDF5 cannot forget data that it failed to write: on a full disk it tries again whenever an object is closed,
    prints each failure, and crashes when the process ends.
    """

    refused: OSError | None = None

    def write(self, data: Any) -> int:
        """Write all of it, or remember why not."""
        rest = memoryview(data).cast("B")
        length = len(rest)
        try:
            while rest:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self.refused = self.refused or error
        return length


class _Hdf5File(h5py.File):  # type: ignore[misc]  # h5py has no types
    """A new file, of which every flush says whether all of it has been written so far."""

    def __init__(self, sink: _Sink) -> None:
        super().__init__(sink, "w")
        self._sink = sink

    def flush(self) -> None:
        """Write what is still in memory.

        Raises
        ------
        OSError
            The disk is full, now or earlier.
        """
        super().flush()
        if self._sink.refused is not None:
            raise self._sink.refused


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let signals wait until the block ends: HDF5 crashes when its file's own methods raise."""
    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's
        yield
        return
    came: list[int] = []
    numbers = (*STOP_SIGNALS, signal.SIGINT)
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if came:
            signal.raise_signal(came[0])


@contextmanager
def hdf5_written_whole(path: Path) -> Iterator[h5py.File]:
    """Lend a new HDF5 file; flushed and closed, it takes the place of `path` when the block ends well.

    Signals wait until then.

    Raises
    ------
    UserError
        The disk is full, or the folder may not be written to; `path` stays as it was.
    """
    with undisturbed(), growing_hdf5(path) as file:
        yield file


@contextmanager
def growing_hdf5(path: Path) -> Iterator[h5py.File]:
    """Like `hdf5_written_whole`, for a block that lasts: it writes `undisturbed` itself."""
    with written_whole(path) as temporary, _Sink(temporary, "w+") as sink:
        with undisturbed():
            file = _Hdf5File(sink)
        try:
            yield file
            with undisturbed():
                file.flush()
        finally:
            with undisturbed():
                file.close()
        if sink.refused is not None:  # by what is written when it is closed
            raise sink.refused
