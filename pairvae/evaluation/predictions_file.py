"""predictions.h5 of evaluate, written, and checked and in memory: what the figures are drawn from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pandas as pd

from pairvae.errors import UserError
from pairvae.files.hdf5 import hdf5_written_whole
from pairvae.files.unreadable import unreadable
from pairvae.prepare.pair import PAIR_COLUMNS
from pairvae.techniques import PATHS, SPLITS, TECHNIQUES, ends

FORMAT = 1
BASELINES = ("mean_curve", "neighbours", "direct", "copied_curve")

Numbers = npt.NDArray[np.floating[Any]]
Names = npt.NDArray[np.object_]


@dataclass(frozen=True, eq=False)
class Predictions:
    """The test split: what was measured, what was predicted. Curves are log10 of intensity in 1/cm.

    Parameters
    ----------
    sample, material : array of str, shape (samples,)
        As in samples.csv, not escaped; material "" where unknown.
    covariate : dict of array, shape (samples,)
        Further columns of samples.csv: numbers, NaN where missing, or texts.
    arrays : dict of array
        All numbers, under their names in the file: `predicted/sans_from_saxs/lower`.
    coverage : float
        Share of the measured points that lower and upper are to hold between them.
    """

    sample: Names
    material: Names
    covariate: dict[str, npt.NDArray[Any]]
    arrays: dict[str, Numbers]
    coverage: float = 0.9

    def __getitem__(self, name: str) -> Numbers:
        return self.arrays[name]

    def __contains__(self, name: str) -> bool:
        return name in self.arrays

    @property
    def rivals(self) -> list[str]:
        """Names of the baselines."""
        return sorted({name.split("/")[1] for name in self.arrays if name.startswith("baseline/")})

    def known(self, technique: str) -> Numbers:
        """The truth where it is known, else what was measured; NaN where nothing was measured."""
        measured = self[f"measured/{technique}/log_intensity"]
        truth = self.arrays.get(f"truth/{technique}/log_intensity", measured)
        return np.where(np.isfinite(measured), truth, np.nan)


def write_predictions(path: Path, coverage: float, table: pd.DataFrame, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write predictions.h5.

    Parameters
    ----------
    path : Path
        To write.
    coverage : float
        Share of the measured points that the bands are to cover.
    table : DataFrame
        The samples with the columns of the pairs file.
    arrays : mapping of array
        Numbers under their names in the file.
    """
    with hdf5_written_whole(path) as file:
        file.attrs["format"] = FORMAT
        file.attrs["coverage"] = coverage
        file["sample_id"] = table["sample_id"].to_numpy(object)
        file["material"] = table["material"].fillna("").to_numpy(object)
        file.create_group("covariate")
        columns = [name for name in table if name not in PAIR_COLUMNS and not _is_json(table[name])]
        for number, name in enumerate(columns):
            # a name may hold anything, a slash too: it is an attribute
            column = table[name]
            text = not pd.api.types.is_numeric_dtype(column)
            file[f"covariate/{number}"] = column.fillna("").to_numpy(object) if text else column.to_numpy(np.float64)
            file[f"covariate/{number}"].attrs["name"] = str(name)
        for name, values in arrays.items():
            file[name] = values


def _is_json(column: "pd.Series[Any]") -> bool:
    """Whether a column holds objects, as the parameters of simulated particles: nothing to sort or to colour by."""
    return bool(column.astype(str).str.startswith("{").any())


def read_predictions(path: Path) -> Predictions:
    """Read predictions.h5.

    Raises
    ------
    UserError
        The file is missing, damaged, or lacks a dataset of the expected shape.
    """
    try:
        file = h5py.File(path, "r")
    except PermissionError:
        raise unreadable(path) from None
    except OSError as fault:
        raise UserError(f"{path}: is not a readable HDF5 file ({fault}); run evaluate again") from None
    with file:
        try:
            for name, sizes in _expected(file):
                shape = _shape(file, name, len(sizes))
                if shape != sizes:
                    raise UserError(f"{path}: {name} has shape {shape}, expected {sizes}; run evaluate again")
            covariate: dict[str, npt.NDArray[Any]] = {}
            for column in file.get("covariate", {}).values():
                covariate[str(column.attrs["name"])] = column[:] if column.dtype.kind == "f" else column.asstr()[:]
            return Predictions(
                sample=file["sample_id"].asstr()[:],
                material=file["material"].asstr()[:],
                covariate=covariate,
                arrays={name: file[name][:] for name in _numbers(file)},
                coverage=float(file.attrs.get("coverage", Predictions.coverage)),
            )
        except (OSError, UnicodeDecodeError, KeyError, TypeError) as fault:
            raise UserError(f"{path}: damaged ({fault}); run evaluate again") from None


def _numbers(file: h5py.File) -> list[str]:
    """Names of all datasets of numbers."""
    names: list[str] = []

    def visit(name: str, node: h5py.HLObject) -> None:
        if isinstance(node, h5py.Dataset) and node.dtype.kind == "f" and not name.startswith("covariate/"):
            names.append(name)

    file.visititems(visit)
    return names


def _expected(file: h5py.File) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Every dataset with its shape, as far as it follows from the others."""
    samples = _shape(file, "sample_id", 1)[0]
    yield "material", (samples,)
    ways = _shape(file, "interpolation/rows", 2)[0]
    temperatures = _shape(file, "temperature/values", 1)[0]
    grid = {}
    for technique in TECHNIQUES:
        grid[technique] = _shape(file, f"q/{technique}", 1)[0]
        curves = (samples, grid[technique])
        for name in ("log_intensity", "log_sigma"):
            yield f"measured/{technique}/{name}", curves
        if f"truth/{technique}" in file:
            yield f"truth/{technique}/log_intensity", curves
        codes = (samples, _shape(file, "latent/saxs", 2)[1])
        yield f"latent/{technique}", codes
        yield f"latent_logvar/{technique}", codes
        yield f"novelty/{technique}", (samples,)
        for split in SPLITS:
            yield f"measured_share/{technique}/{split}", (grid[technique],)
        for name, count in (("interpolation", ways), ("temperature", temperatures)):
            steps = _shape(file, f"{name}/{technique}", 3)[1]
            yield f"{name}/{technique}", (count, steps, grid[technique])
    for path in PATHS:
        curves = (samples, grid[ends(path)[0]])
        for name in ("log_intensity", "lower", "upper"):
            yield f"predicted/{path}/{name}", curves
        yield f"error/{path}", (samples,)
        for name in file.get("baseline", {}):
            if path in file[f"baseline/{name}"]:
                yield f"baseline/{name}/{path}", curves


def _shape(file: h5py.File, name: str, dimensions: int) -> tuple[int, ...]:
    dataset = file.get(name)
    if not isinstance(dataset, h5py.Dataset) or len(dataset.shape) != dimensions:
        raise UserError(f"{file.filename}: found no {dimensions}-dimensional dataset {name}; run evaluate again")
    return tuple(dataset.shape)


def evenly_spaced(available: int, wanted: int) -> npt.NDArray[np.int64]:
    """Up to `wanted` row numbers, evenly spaced, first and last included."""
    return np.unique(np.linspace(0, max(available - 1, 0), min(wanted, available)).round().astype(np.int64))
