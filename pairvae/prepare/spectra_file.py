"""The gridded table of one technique: one HDF5 file, one row per sample."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import h5py
import numpy as np
import numpy.typing as npt

from pairvae.errors import ReadError
from pairvae.files.hdf5 import hdf5_written_whole
from pairvae.files.unreadable import unreadable
from pairvae.scattering.spectrum import Curve, Technique
from pairvae.settings import Normalize

FORMAT = 1
ROWS = 1024  # rows per chunk on disk
SAME = 1e-5  # decades; measured curves differ by far more

Rows = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Spectra:
    """Curves of one technique on one grid.

    Parameters
    ----------
    technique : {"saxs", "sans"}
        What measured them.
    q : array, shape (grid,)
        Momentum transfer in 1/Å, evenly spaced in log q.
    log_intensity : array, shape (samples, grid)
        log10 of the intensity in 1/cm; NaN where not measured.
    log_sigma : array, shape (samples, grid)
        Standard uncertainty of log_intensity in decades; NaN where not measured.
    mask : array of bool, shape (samples, grid)
        False: not measured.
    sample_id : list of str
        Names of the rows.
    scale_free : bool
        The curves were brought to a common scale: intensities are relative.
    noise_floor : float
        Least intensity in units of sigma before the logarithm, where noise is drawn anew.
    log_scale : array, shape (samples,), optional
        Of scale-free curves: log10 of the factor that brings each to 1/cm; NaN where nobody knows it.
    """

    technique: Technique
    q: Curve
    log_intensity: Rows
    log_sigma: Rows
    mask: npt.NDArray[np.bool_]
    sample_id: list[str]
    scale_free: bool = False
    noise_floor: float = Normalize().noise_floor
    log_scale: Rows | None = None

    def is_one_curve(self, gauge: "Spectra") -> bool:
        """Whether every row is the first row of another table, as far as both were measured."""
        both = self.mask & gauge.mask[0]
        off = np.abs(np.where(both, self.log_intensity - gauge.log_intensity[0], 0))
        return bool(both.any(axis=1).all() and (off < SAME).all())


def write_spectra(
    path: Path, technique: Technique, q: Curve, parts: Iterable[Spectra], counts: Mapping[str, int] | None = None
) -> None:
    """Write a table slice by slice; memory does not grow with the number of rows.

    Parameters
    ----------
    path : Path
        HDF5 file to write, whole or not at all.
    technique : {"saxs", "sans"}
        What measured the curves.
    q : array, shape (grid,)
        Grid of all parts in 1/Å.
    parts : iterable of Spectra
        Slices of the table in their order, taken as they are needed.
    counts : dict of int, optional
        What was done to the curves. It is written after the last part, so that the parts can still add to it.
    """
    with hdf5_written_whole(path) as file:
        file.attrs.update({"format": FORMAT, "technique": technique, "q_unit": "1/angstrom"})
        file["q"] = q
        kinds = {"log_intensity": np.float32, "log_sigma": np.float32, "mask": np.bool_}
        for name, kind in kinds.items():
            file.create_dataset(name, (0, q.size), kind, maxshape=(None, q.size), chunks=(ROWS, q.size))
        file.create_dataset("sample_id", (0,), h5py.string_dtype(), maxshape=(None,), chunks=(ROWS,))
        for part in parts:
            start = file["sample_id"].shape[0]
            file.attrs.update({"scale_free": part.scale_free, "noise_floor": part.noise_floor})
            columns = [*kinds, "sample_id"]
            if part.log_scale is not None:
                file.require_dataset("log_scale", (start,), np.float32, maxshape=(None,), chunks=(ROWS,))
                columns.append("log_scale")
            for name in columns:
                file[name].resize(start + len(part.sample_id), axis=0)
                file[name][start:] = getattr(part, name)
            file.flush()  # a full disk is noticed now, not when all is done
        file.attrs["counts"] = json.dumps(dict(counts or {}))


def load_spectra(path: Path, rows: npt.NDArray[np.int64] | None = None) -> Spectra:
    """Read a table, or some of its rows in the order asked for.

    Raises
    ------
    ReadError
        The file is missing, no HDF5 file, or not a spectra file of this format.
    """
    with _opened(path) as file:
        # HDF5 reads increasing rows fastest; numpy puts them into the order asked for
        wanted, back = np.unique(rows, return_inverse=True) if rows is not None else (slice(None), slice(None))
        return Spectra(
            technique=cast(Technique, file.attrs["technique"]),
            q=file["q"][:],
            log_intensity=file["log_intensity"][wanted][back],
            log_sigma=file["log_sigma"][wanted][back],
            mask=file["mask"][wanted][back],
            sample_id=file["sample_id"].asstr()[wanted][back].tolist(),
            scale_free=bool(file.attrs.get("scale_free", False)),
            noise_floor=float(file.attrs.get("noise_floor", Spectra.noise_floor)),
            log_scale=file["log_scale"][wanted][back] if "log_scale" in file else None,
        )


def read_sample_ids(path: Path) -> list[str]:
    """Names of the rows, without the rows."""
    with _opened(path) as file:
        names: list[str] = file["sample_id"].asstr()[:].tolist()
    return names


def read_counts(path: Path) -> dict[str, int]:
    """What `normalize` did to the curves: `GriddedCurve.counts` summed, and `repaired: …` of the reader."""
    with _opened(path) as file:
        counts: dict[str, int] = json.loads(file.attrs.get("counts", "{}"))
    return counts


def measured_share(path: Path, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Share of some rows that were measured at each q, shape (grid,); read in slices."""
    with _opened(path) as file:
        wanted = np.zeros(file["mask"].shape[0], np.bool_)
        wanted[rows] = True
        measured = np.zeros(file["q"].shape[0])
        for start in range(0, wanted.size, ROWS):
            part = slice(start, start + ROWS)
            measured += file["mask"][part][wanted[part]].sum(axis=0)
        return measured / max(rows.size, 1)


def _opened(path: Path) -> h5py.File:
    try:
        file = h5py.File(path, "r")
    except PermissionError:
        raise unreadable(path) from None
    except OSError as error:
        raise ReadError(f"{path}: cannot be opened as HDF5 ({error}); run the stage that writes it") from None
    if file.attrs.get("format") != FORMAT:
        file.close()
        raise ReadError(f"{path}: is not a spectra file of format {FORMAT}; write it anew with `pairvae normalize`")
    return file
