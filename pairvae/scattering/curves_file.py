"""The ragged table of raw curves: one HDF5 file per technique, curves of any length end to end."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, cast

import h5py
import numpy as np

from pairvae.errors import ReadError
from pairvae.files.hdf5 import growing_hdf5, undisturbed
from pairvae.files.unreadable import unreadable
from pairvae.scattering.spectrum import COLUMNS, Curve, Reading, Source, Spectrum, Technique

FORMAT = 1
CHUNK_POINTS = 16384  # 128 kB
BUFFERED = 512  # curves held in memory before they go to disk
BUFFERED_POINTS = 200_000  # or points, whichever is reached first


_AS_JSON = json.JSONEncoder(ensure_ascii=False).encode
_NAN = np.array(np.nan).tobytes()


class PackedCurve(NamedTuple):
    """A curve as the file holds it: bytes and text, quickly handed from process to process.

    Parameters
    ----------
    sample : str
        Name of the sample.
    points : int
        How many.
    columns : tuple of str
        Those it has, of q, intensity, sigma and dq.
    numbers : bytes
        Those columns, one behind the other, as numbers of 8 bytes.
    facts : str
        Source, notes, unit and reading as JSON.
    """

    sample: str
    points: int
    columns: tuple[str, ...]
    numbers: bytes
    facts: str


def pack(curve: Spectrum) -> PackedCurve:
    """Make a curve ready for `CurvesWriter.append`."""
    facts = {"source": vars(curve.source), "notes": curve.notes, "intensity_unit": curve.intensity_unit}
    if curve.reading is not None:
        facts["reading"] = vars(curve.reading)
    columns = {name: values for name in COLUMNS if (values := getattr(curve, name)) is not None}
    numbers = b"".join([values.data for values in columns.values()])
    return PackedCurve(curve.sample, curve.q.size, tuple(columns), numbers, _AS_JSON(facts))


def unpack(packed: PackedCurve, technique: Technique | None) -> Spectrum:
    """The curve that `pack` was given, of this technique."""
    own = json.loads(packed.facts)
    numbers = np.frombuffer(packed.numbers).reshape(len(packed.columns), packed.points)
    return _spectrum(dict(zip(packed.columns, numbers, strict=True)), technique, packed.sample, own)


def _spectrum(
    columns: Mapping[str, Curve | None], technique: Technique | None, sample: str, facts: dict[str, Any]
) -> Spectrum:
    return Spectrum(
        **columns,  # type: ignore[arg-type]  # q and intensity are always among them
        technique=technique,
        sample=sample,
        source=Source(**facts["source"]),
        notes=tuple(facts["notes"]),
        intensity_unit=facts["intensity_unit"],
        reading=_reading(facts.get("reading")),
    )


def _column(curve: PackedCurve, name: str) -> bytes:
    """An absent sigma or dq is NaN for the whole curve."""
    if name not in curve.columns:
        return _NAN * curve.points
    start = 8 * curve.points * curve.columns.index(name)
    return curve.numbers[start : start + 8 * curve.points]


class CurvesWriter:
    """Write curves one by one; the file appears when the block ends well.

    Parameters
    ----------
    path : Path
        File to write.
    technique : {"saxs", "sans"}
        Technique of all its curves.

    Examples
    --------
    >>> with CurvesWriter(path, "saxs") as curves:
    ...     curves.append(spectrum)
    """

    def __init__(self, path: Path, technique: Technique) -> None:
        self._path = path
        self._technique = technique
        self._waiting: list[PackedCurve] = []
        self._points = 0

    def __enter__(self) -> Self:
        with ExitStack() as files:
            self._file = files.enter_context(growing_hdf5(self._path))
            with undisturbed():
                self._lay_out()
            self._files = files.pop_all()
        return self

    def _lay_out(self) -> None:
        self._file.attrs.update({"format": FORMAT, "technique": self._technique, "q_unit": "1/angstrom"})
        for name in COLUMNS:
            self._file.create_dataset(
                name, (0,), np.float64, maxshape=(None,), chunks=(CHUNK_POINTS,), fillvalue=np.nan
            )
        self._file.create_dataset("offset", (1,), np.int64, maxshape=(None,), chunks=(4096,))
        for name in ("sample_id", "facts"):
            self._file.create_dataset(name, (0,), h5py.string_dtype(), maxshape=(None,), chunks=(1024,))

    def append(self, curve: Spectrum | PackedCurve) -> None:
        """Add one curve."""
        packed = curve if isinstance(curve, PackedCurve) else pack(curve)
        self._waiting.append(packed)
        self._points += packed.points
        if len(self._waiting) >= BUFFERED or self._points >= BUFFERED_POINTS:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            with undisturbed():
                self._write()

    def _write(self) -> None:
        for name in COLUMNS:
            if any(name in curve.columns for curve in self._waiting):
                values = b"".join([_column(curve, name) for curve in self._waiting])
                _extend(self._file[name], np.frombuffer(values))
            else:  # takes no room
                self._file[name].resize(self._file[name].shape[0] + self._points, axis=0)
        ends = self._file["offset"][-1] + np.cumsum([curve.points for curve in self._waiting])
        _extend(self._file["offset"], ends)
        _extend(self._file["sample_id"], np.array([curve.sample for curve in self._waiting], dtype=object))
        _extend(self._file["facts"], np.array([curve.facts for curve in self._waiting], dtype=object))
        self._file.flush()  # a full disk is noticed now, not when all is done
        self._waiting.clear()
        self._points = 0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._flush()
        except BaseException:
            self._files.__exit__(*sys.exc_info())  # a file without its last curves does not appear
            raise
        self._files.__exit__(kind, error, trace)


def _extend(dataset: h5py.Dataset, values: Curve) -> None:
    start = dataset.shape[0]
    dataset.resize(start + len(values), axis=0)
    dataset[start:] = values


def _reading(facts: dict[str, Any] | None) -> Reading | None:
    return None if facts is None else Reading(**{**facts, "warnings": tuple(facts["warnings"])})


class CurvesFile:
    """Read curves by row, in slices, without loading the file.

    Parameters
    ----------
    path : Path
        File written by `CurvesWriter`.

    Raises
    ------
    ReadError
        The file is missing, no HDF5 file, or not a curves file of this format.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = h5py.File(path, "r")
        except PermissionError:
            raise unreadable(path) from None
        except OSError as error:
            raise ReadError(f"{path}: cannot be opened as HDF5 ({error}); run the stage that writes it") from None
        if self._file.attrs.get("format") != FORMAT:
            raise ReadError(
                f"{path}: is not a curves file of format {FORMAT} (found {self._file.attrs.get('format')!r}); "
                "write it anew with `pairvae read` or `pairvae simulate`"
            )
        self.technique = cast(Technique, self._file.attrs["technique"])
        self.sample_ids: list[str] = self._file["sample_id"].asstr()[:].tolist()
        self._offset = self._file["offset"][:]

    def __len__(self) -> int:
        return len(self.sample_ids)

    def __iter__(self) -> Iterator[Spectrum]:
        for start in range(0, len(self), BUFFERED):
            yield from self.rows(start, min(start + BUFFERED, len(self)))

    def __getitem__(self, row: int) -> Spectrum:
        return self.rows(row, row + 1)[0]

    def rows(self, start: int, stop: int) -> list[Spectrum]:
        """Curves `start` up to, not including, `stop`."""
        low, high = self._offset[start], self._offset[stop]
        columns = {name: self._file[name][low:high] for name in COLUMNS}
        facts = self._file["facts"].asstr()[start:stop]
        curves = []
        for i in range(start, stop):
            span = slice(self._offset[i] - low, self._offset[i + 1] - low)
            own = {name: values[span] for name, values in columns.items()}
            own |= {name: _or_none(own[name]) for name in ("sigma", "dq")}
            curves.append(_spectrum(own, self.technique, self.sample_ids[i], json.loads(facts[i - start])))
        return curves

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _or_none(values: Curve) -> Curve | None:
    return None if np.isnan(values).any() else values
