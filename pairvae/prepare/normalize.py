"""Curves of any q to one grid per technique, in log10 of intensity, with a mask of what was measured."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import numpy as np

from pairvae.errors import UserError
from pairvae.prepare.gridded_curve import GriddedCurve
from pairvae.prepare.overlap import Overlap, describe_overlaps, match_settings, sigma_or_assumed
from pairvae.prepare.scale import at_common_scale, check_units, mean_shape
from pairvae.prepare.spectra_file import ROWS, Spectra, write_spectra
from pairvae.scattering.curves_file import CurvesFile
from pairvae.scattering.spectrum import Curve, Spectrum, Technique
from pairvae.settings import Grid, Normalize

LN10 = np.log(10)


def normalize(curves: Path, settings: Normalize, spectra: Path) -> None:
    """Grid every curve of a curves file and write the spectra file.

    Parameters
    ----------
    curves, spectra : Path
        Input and output.
    settings : Normalize
        Grid, gaps, floor.

    Raises
    ------
    UserError
        A curve has no measured point on the grid or is in arbitrary units though `scale_free` is off, or there is no
        curve at all.
    """
    with CurvesFile(curves) as table:
        q = make_grid(table, settings.grid, curves)
        total: Counter[str] = Counter()
        overlaps: list[tuple[str, Overlap]] = []
        write_spectra(spectra, table.technique, q, _parts(table, q, settings, curves, total, overlaps), total)
    share = {name: f"{count / max(total['points'], 1):.2%} {name}" for name, count in total.items()}
    print(
        f"normalize {table.technique}: {total['samples']} samples on {q.size} points, "
        f"{q[0]:.4g} to {q[-1]:.4g} 1/Å; of the grid points "
        + ", ".join(share.get(name, f"0 {name}") for name in ("measured", "raised", "too_noisy", "no_sigma"))
    )
    for line in describe_overlaps(overlaps, settings.scale_settings):
        print(f"normalize {table.technique}: {line}")


def make_grid(table: CurvesFile, grid: Grid, where: Path) -> Curve:
    """Grid in 1/Å, evenly spaced in log q; ends not given are those that half of the samples reach.

    Parameters
    ----------
    table : CurvesFile
        Curves of one technique.
    grid : Grid
        Number of points, and the ends in 1/Å as far as they are given.
    where : Path
        The curves file, for messages.

    Returns
    -------
    array, shape (grid,)

    Raises
    ------
    UserError
        The table holds no curve, or the curves share no q range.
    """
    ends = [
        (min(curve.q[0] for curve in settings), max(curve.q[-1] for curve in settings))
        for settings in (list(group) for _, group in groupby(table, attrgetter("sample")))
    ]
    if not ends:
        raise UserError(f"{where}: holds no curve; at least one is needed to make a grid")
    first, last = np.array(ends).T
    low = grid.q_min_inv_angstrom or float(np.quantile(first, 0.5, method="higher"))
    high = grid.q_max_inv_angstrom or float(np.quantile(last, 0.5, method="lower"))
    if not low < high:
        raise UserError(
            f"{where}: the curves share no q range: half of them begin above {low:.4g} 1/Å, "
            f"half of them end below {high:.4g} 1/Å; set normalize.{table.technique}.grid."
            "q_min_inv_angstrom and q_max_inv_angstrom"
        )
    return np.geomspace(low, high, grid.points)


def _parts(
    table: CurvesFile,
    q: Curve,
    settings: Normalize,
    where: Path,
    total: Counter[str],
    overlaps: list[tuple[str, Overlap]],
) -> Iterator[Spectra]:
    names: list[str] = []
    rows: list[GriddedCurve] = []
    shape: Curve | None = None  # of the first rows: only a gauge, what is usual the networks learn themselves

    def slice_of_table() -> Spectra:
        nonlocal shape
        if not settings.scale_free:
            return stacked(table.technique, q, names, rows, settings)
        shape = mean_shape(rows) if shape is None else shape
        return stacked(table.technique, q, names, [at_common_scale(row, shape) for row in rows], settings)

    for sample, group in groupby(table, attrgetter("sample")):
        curves = list(group)
        check_units(sample, curves, settings)
        if len(curves) > 1:
            _, found = match_settings(curves, settings.assumed_relative_error, settings.scale_settings)
            overlaps += [(sample, overlap) for overlap in found]
        row = grid_curves(curves, q, settings)
        if not row.mask.any():
            raise UserError(
                f"{where}: sample {sample} ({curves[0].source.file}) {why_empty(curves, q, row)}; mend its q unit "
                f"or its file, change normalize.{table.technique}, or remove the sample"
            )
        names.append(sample)
        rows.append(row)
        total.update(row.counts, samples=1, points=q.size, measured=int(row.mask.sum()))
        total.update(no_sigma_curves=int(any(curve.sigma is None for curve in curves)), curves=len(curves))
        for reading in (curve.reading for curve in curves if curve.reading):
            total.update({f"repaired: {what}": count for what, count in reading.repairs.items()})
        if len(rows) == ROWS:
            yield slice_of_table()
            names, rows = [], []
    if rows:
        yield slice_of_table()


def stacked(technique: Technique, q: Curve, names: list[str], rows: list[GriddedCurve], settings: Normalize) -> Spectra:
    """Gridded samples as the rows of one table.

    Parameters
    ----------
    technique : {"saxs", "sans"}
        What measured them.
    q : array, shape (grid,)
        Grid in 1/Å.
    names : list of str
        Samples, in the order of the rows.
    rows : list of GriddedCurve
        Their curves on the grid.
    settings : Normalize
        Whether the curves were brought to a common scale, and the floor.

    Returns
    -------
    Spectra
        One row per sample, as float32.
    """
    return Spectra(
        technique=technique,
        q=q,
        log_intensity=np.stack([row.log_intensity for row in rows]).astype(np.float32),
        log_sigma=np.stack([row.log_sigma for row in rows]).astype(np.float32),
        mask=np.stack([row.mask for row in rows]),
        sample_id=names,
        scale_free=settings.scale_free,
        noise_floor=settings.noise_floor,
        log_scale=np.array([row.log_scale for row in rows], np.float32) if settings.scale_free else None,
    )


def grid_curves(curves: Sequence[Spectrum], q: Curve, settings: Normalize) -> GriddedCurve:
    """One sample's curve, or several settings of one instrument, on the grid.

    Points that fall into one grid cell are averaged with weights 1/σ² (intensity and log q alike); between
    cells the intensity is interpolated linearly in log I against log q, or in I where a neighbour is ≤ 0.
    Nothing is extrapolated.

    Parameters
    ----------
    curves : sequence of Spectrum
        Settings of one instrument for one sample.
    q : array, shape (grid,)
        Grid in 1/Å, evenly spaced in log q.
    settings : Normalize
        Widest gap, floor, largest relative error, and whether to scale settings to the first one.
    """
    counts: Counter[str] = Counter()
    if settings.scale_settings and len(curves) > 1:
        curves, _ = match_settings(curves, settings.assumed_relative_error, scale=True)
    x = np.log(np.concatenate([curve.q for curve in curves]))
    intensity = np.concatenate([curve.intensity for curve in curves])
    sigma = np.concatenate([sigma_or_assumed(curve, settings.assumed_relative_error) for curve in curves])
    bare = np.concatenate([np.full(curve.q.size, curve.sigma is None) for curve in curves])

    grid = np.log(q)
    step = grid[1] - grid[0]
    cell, member = np.unique(np.floor((x - grid[0]) / step + 0.5).astype(np.int64), return_inverse=True)
    weight = sigma**-2.0
    sums = np.bincount(member, weight)
    x = np.bincount(member, weight * x) / sums
    intensity = np.bincount(member, weight * intensity) / sums
    sigma = sums**-0.5
    bare = np.bincount(member, bare) > 0

    if cell.size == 1:  # a single cell: its value stands for the grid point in it
        x, intensity, sigma, bare = (np.repeat(values, 2) for values in (x, intensity, sigma, bare))
        x = x + np.array([-0.5, 0.5]) * step
    right = np.clip(np.searchsorted(x, grid), 1, x.size - 1)
    left = right - 1
    width = x[right] - x[left]
    share = (grid - x[left]) / width
    slack = 1e-9 * step / width  # rounding of a grid end that is a measured point
    mask = (share >= -slack) & (share <= 1 + slack) & (width <= settings.max_gap_dex * LN10)
    share = np.clip(share, 0, 1)

    linear = (1 - share) * intensity[left] + share * intensity[right]
    spread = np.hypot((1 - share) * sigma[left], share * sigma[right])
    positive = (intensity[left] > 0) & (intensity[right] > 0)
    logs = np.log(np.where(intensity > 0, intensity, 1.0))
    value = np.where(positive, np.exp((1 - share) * logs[left] + share * logs[right]), linear)
    spread = np.where(positive, spread * value / np.where(positive, linear, 1.0), spread)

    low = mask & (value < settings.floor_in_sigma * spread)
    value = np.where(low, settings.floor_in_sigma * spread, value)
    noisy = mask & ((value <= 0) | (spread > settings.max_relative_error * value))
    counts["too_noisy"] = int(noisy.sum())
    mask &= ~noisy
    counts["raised"] = int((low & mask).sum())
    counts["no_sigma"] = int((mask & (bare[left] | bare[right])).sum())
    safe = np.where(mask, value, 1.0)
    return GriddedCurve(
        log_intensity=np.where(mask, np.log10(safe), np.nan),
        log_sigma=np.where(mask, spread / (safe * LN10), np.nan),
        mask=mask,
        counts=counts,
        log_scale=float("nan") if any(curve.intensity_unit == "arbitrary" for curve in curves) else 0.0,
    )


def why_empty(curves: Sequence[Spectrum], q: Curve, row: GriddedCurve) -> str:
    """What to say of a sample that has no measured point on the grid.

    Parameters
    ----------
    curves : sequence of Spectrum
        Its detector settings.
    q : array, shape (grid,)
        Grid in 1/Å.
    row : GriddedCurve
        What `grid_curves` made of them.

    Returns
    -------
    str
        The q range of the curves beside that of the grid, and the reason.
    """
    low, high = min(curve.q[0] for curve in curves), max(curve.q[-1] for curve in curves)
    spans = f"covers q {low:.4g} to {high:.4g} 1/Å, the grid {q[0]:.4g} to {q[-1]:.4g} 1/Å"
    if row.counts["too_noisy"]:
        return f"{spans}: all its points there are ≤ 0 or noisier than max_relative_error"
    if low <= q[-1] and high >= q[0]:
        return f"{spans}: its points lie further apart than max_gap_dex"
    return f"{spans}: no overlap"
