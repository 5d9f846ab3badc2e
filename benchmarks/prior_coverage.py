"""How near the closest simulated pair lies to each measured pair.

python benchmarks/prior_coverage.py MANIFEST --config configs/universal.yaml --pairs 50000 --processes 2

Simulated pairs have no noise. Each curve may be multiplied by a factor and raised or lowered by a flat background; what
is left is the root mean square of the difference of log10 I over the grid points that were measured, both techniques
together, weighted alike.
"""

import argparse
import multiprocessing
import os
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from scipy.ndimage import median_filter
from scipy.optimize import minimize

from pairvae.prepare.normalize import normalize
from pairvae.prepare.spectra_file import load_spectra
from pairvae.samples.read_samples import read_samples
from pairvae.scattering.spectrum import TECHNIQUES
from pairvae.settings import Grid, Normalize, Read, Settings
from pairvae.settings.parse import parse
from pairvae.simulation.drawn_scattering import draw_scattering
from pairvae.simulation.instrument_family import PINHOLE, Setup

POINTS = 96
RANGE = {"saxs": (0.003, 0.5), "sans": (0.003, 0.4)}  # 1/Å
RESOLUTION = {"saxs": (0.01, 1e-4), "sans": (0.05, 1e-3)}  # dq/q, and dq in 1/Å
REFINED = 100  # nearest pairs of each measured one, whose factors and backgrounds are fitted to log I


def whole_range(technique: str) -> Setup:
    """An instrument with usual resolution on the whole grid."""
    q = np.geomspace(*RANGE[technique], POINTS)
    relative, least = RESOLUTION[technique]
    nodes = np.maximum(q[:, None] + PINHOLE * np.hypot(relative * q, least)[:, None], 0.1 * q[:, None])
    weights = np.exp(-(PINHOLE**2) / 2)
    probe = 8.048 if technique == "saxs" else 6.0
    return Setup("whole", technique, probe, q, None, nodes, weights / weights.sum(), q, (1, 1), 0, 0)


def simulated(settings, number):
    """Names of the kinds, and both curves, of the sample of this number; None where it is no number."""
    setups = {technique: whole_range(technique) for technique in TECHNIQUES}
    rng = np.random.default_rng([settings.seed, number, 2])
    drawn = draw_scattering(settings, setups, rng)
    names = "+".join(kind.system.name for kind in drawn.kinds)
    if not all(np.isfinite(curve).all() and curve.min() > 0 for curve in drawn.intensity.values()):
        return None
    curves = [setups[t].smeared(drawn.ln_q, np.log(drawn.intensity[t])) for t in TECHNIQUES]
    return names, np.array(curves, dtype=np.float32)


def library(settings, pairs, processes):
    """Simulated curves, shape (pairs, technique, q), and the names of their kinds."""
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        found = [one for one in pool.imap(partial(simulated, settings), range(pairs), chunksize=50) if one]
    return np.array([curves for _, curves in found], dtype=np.float64), np.array([names for names, _ in found])


def measured(manifest):
    """log10 I of the measured pairs on the grid, NaN where not measured, with their names and materials."""
    table = pd.read_csv(manifest)
    with tempfile.TemporaryDirectory() as folder:
        path = {name: Path(folder, f"{name}.h5") for name in (*TECHNIQUES, "grid_saxs", "grid_sans")}
        read_samples(Path(manifest), Read(), path["saxs"], path["sans"], Path(folder, "samples.csv"), 1)
        curves = {}
        for technique in TECHNIQUES:
            low, high = RANGE[technique]
            grid = Grid(q_min_inv_angstrom=low, q_max_inv_angstrom=high, points=POINTS)
            normalize(path[technique], Normalize(grid=grid, scale_free=True), path[f"grid_{technique}"])
            spectra = load_spectra(path[f"grid_{technique}"])
            values = np.where(spectra.mask, spectra.log_intensity, np.nan)
            curves[technique] = dict(zip(spectra.sample_id, values, strict=True))
    names = [name for name in table["sample_id"] if all(name in curves[t] for t in TECHNIQUES)]
    kinds = table.set_index("sample_id")["material"][names].tolist()
    return np.array([[curves[t][name] for t in TECHNIQUES] for name in names]), names, kinds


def distances(target, curves):
    """Rms of log10 I of all simulated curves of one technique after the best factor and background, roughly."""
    known = np.isfinite(target)
    # weights follow the curve, not its outliers
    inverse = 10.0 ** -median_filter(target[known], 7)
    wanted = 10.0 ** target[known] * inverse
    model = curves[:, known] * inverse  # over the measured intensity
    flat = inverse / inverse.max()
    # least squares of factor · model + background · flat = wanted
    a, b, c = (model**2).sum(1), model @ flat, flat @ flat
    d, e = model @ wanted, flat @ wanted
    determinant = np.maximum(a * c - b**2, 1e-12 * a * c)
    factor, background = (d * c - b * e) / determinant, (a * e - b * d) / determinant
    factor, background = np.where(factor > 0, factor, d / a), np.where(factor > 0, background, 0.0)
    fitted = factor[:, None] * model + background[:, None] * flat
    return np.sqrt((np.log10(np.maximum(fitted, 0.03) / wanted) ** 2).mean(1))


def refined(target, curve):
    """Squared differences of log10 I of one curve, with factor and background fitted to them, sorted."""
    known = np.isfinite(target)
    y, model = target[known], np.log10(curve[known])
    level = 10.0 ** np.quantile(y, 0.05)

    def squares(values):
        shifted = 10.0 ** (model + values[0]) + values[1] * level
        return (np.log10(np.maximum(shifted, 0.03 * level)) - y) ** 2

    starts = [(np.mean(y - model), 0.0), (np.median(y - model), 0.3), (np.mean(y - model), -0.3)]
    fits = [minimize(lambda values: squares(values).mean(), start, method="Nelder-Mead") for start in starts]
    return np.sort(squares(min(fits, key=lambda fit: fit.fun).x))


def nearest(target, curves):
    """Number of the simulated pair that lies nearest to a measured one, its distance, and that of 19 of 20 points."""
    rough = np.sqrt(np.mean([distances(target[i], curves[:, i]) ** 2 for i in range(2)], axis=0))
    found = []
    for row in np.argsort(rough)[:REFINED]:
        squares = [refined(target[i], curves[row, i]) for i in range(2)]
        whole = np.sqrt(np.mean([one.mean() for one in squares]))
        most = np.sqrt(np.mean([one[: int(0.95 * one.size)].mean() for one in squares]))
        found.append((float(whole), float(most), int(row)))
    whole, most, row = min(found)
    return row, whole, most


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest")
    parser.add_argument("--config", default="configs/universal.yaml")
    parser.add_argument("--pairs", type=int, default=20000)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    given = yaml.safe_load(Path(args.config).read_text(encoding="utf-8"))
    settings = parse(Settings, given, args.config).simulate.model_copy(update={"seed": args.seed})
    targets, names, kinds = measured(args.manifest)
    curves, drawn = library(settings, args.pairs, args.processes)
    rows = []
    for target, name, kind in zip(targets, names, kinds, strict=True):
        row, whole, most = nearest(target, curves)
        rows.append((kind, whole, most))
        print(f"{kind:38s} {name:28s} {whole:.3f} {most:.3f}  {drawn[row]}", flush=True)
    table = pd.DataFrame(rows, columns=["kind", "all points", "19 of 20"])
    by_kind = table.groupby("kind", sort=False).median()
    print(f"\n{by_kind.round(3).to_string()}\n{len(curves)} simulated pairs; medians of all points, and of 19 of 20:")
    print("over pairs", *table.drop(columns="kind").median().round(3), "over kinds", *by_kind.median().round(3))


if __name__ == "__main__":
    main()
