"""The ragged table of raw curves."""

import h5py
import numpy as np
import pytest

from pairvae.errors import ReadError
from pairvae.scattering import curves_file
from pairvae.scattering.curves_file import CurvesFile, CurvesWriter
from pairvae.scattering.spectrum import Source, Spectrum


def _curve(i):
    q = np.linspace(0.01, 0.2, 5 + i % 7)
    return Spectrum(
        q=q,
        intensity=i - q,
        sigma=q if i % 2 else None,
        dq=q / 10 if i % 3 else None,
        technique="sans",
        sample=f"probe µ {i // 2}",
        source=Source(f"raw/{i}.dat", "entry", "abc"),
        notes=("1 points dropped", "Å") if i % 5 else (),
        intensity_unit="arbitrary" if i % 4 else "1/cm",
    )


@pytest.fixture
def written(tmp_path, monkeypatch):
    monkeypatch.setattr(curves_file, "BUFFERED", 4)  # 11 curves: three flushes, the last not full
    with CurvesWriter(tmp_path / "sans.h5", "sans") as curves:
        for i in range(11):
            curves.append(_curve(i))
    return tmp_path / "sans.h5"


def _assert_same(found, expected):
    for name in ("q", "intensity", "sigma", "dq"):
        a, b = getattr(found, name), getattr(expected, name)
        assert (a is None) == (b is None)
        assert a is None or np.array_equal(a, b)
    for name in ("technique", "sample", "source", "notes", "intensity_unit"):
        assert getattr(found, name) == getattr(expected, name)


def test_curves_of_any_length_come_back_with_their_facts(written):
    with CurvesFile(written) as curves:
        assert len(curves) == 11
        assert curves.technique == "sans"
        for i, found in enumerate(curves):
            _assert_same(found, _curve(i))


def test_rows_are_read_in_slices(written):
    with CurvesFile(written) as curves:
        _assert_same(curves[7], _curve(7))
        assert [curve.sample for curve in curves.rows(3, 6)] == [_curve(i).sample for i in (3, 4, 5)]


def test_an_empty_table_is_a_table(tmp_path):
    with CurvesWriter(tmp_path / "saxs.h5", "saxs"):
        pass
    with CurvesFile(tmp_path / "saxs.h5") as curves:
        assert list(curves) == []


def test_a_failed_writer_leaves_no_file(tmp_path):
    def fail():
        with CurvesWriter(tmp_path / "sans.h5", "sans") as curves:
            curves.append(_curve(1))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_failed_writer_keeps_the_older_file(written):
    before = written.read_bytes()
    with pytest.raises(RuntimeError), CurvesWriter(written, "sans"):
        raise RuntimeError
    assert written.read_bytes() == before


def test_other_files_are_refused_in_a_sentence(tmp_path):
    with pytest.raises(ReadError, match="cannot be opened as HDF5"):
        CurvesFile(tmp_path / "none.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(ReadError, match="is not a curves file of format 1"):
        CurvesFile(tmp_path / "other.h5")
