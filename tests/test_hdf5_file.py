"""Files that are whole or absent, whatever comes between."""

import signal

import h5py
import pytest

from pairvae.files.hdf5 import hdf5_written_whole, undisturbed


class Ended(Exception):
    """What the handler of a signal raises."""


@pytest.fixture
def handled():
    """SIGTERM raises, as at the command line."""

    def end(*_):
        raise Ended

    before = signal.signal(signal.SIGTERM, end)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("handled")
def test_signal_waits_until_what_hdf5_writes_is_written():
    done = []

    def write():
        with undisturbed():
            with undisturbed():
                signal.raise_signal(signal.SIGTERM)
                done.append("inside")
            done.append("outside")

    with pytest.raises(Ended):
        write()
    assert done == ["inside", "outside"]


@pytest.mark.usefixtures("handled")
def test_file_that_a_signal_meets_is_whole(tmp_path):
    def write():
        with hdf5_written_whole(tmp_path / "file.h5") as file:
            signal.raise_signal(signal.SIGTERM)
            file["numbers"] = range(1000)

    with pytest.raises(Ended):
        write()
    with h5py.File(tmp_path / "file.h5") as file:
        assert file["numbers"][-1] == 999
    assert [path.name for path in tmp_path.iterdir()] == ["file.h5"]
