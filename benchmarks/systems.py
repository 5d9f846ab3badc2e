"""Table of the kinds of particles: speed, numbers from elsewhere, intensities, and novelty to a trained model.

python benchmarks/systems.py --config configs/universal.yaml --samples 40 [--model results/demo/model]

Speed is in pairs per second of processor time, everything included: draw, cross sections, instruments, noise.
"""

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import yaml

from pairvae.settings import Settings
from pairvae.settings.parse import parse
from pairvae.simulation.system_files import load_system, shares
from pairvae.simulation.validation import validate
from pairvae.simulation.varied_sample import varied_pair

NEAR = 0.01  # 1/Å, where intensities are compared
FEWEST = 8  # points on a model's grid that make a curve


def measured(settings, name, samples):
    """Pairs of one kind, and their number per second."""
    alone = settings.model_copy(
        update={"systems": {name: 1.0}, "variety": settings.variety.model_copy(update={"mixture": 0.0})}
    )
    for number in range(3):  # compiles, and fills what is kept
        varied_pair(alone, samples + number)
    start = time.process_time()
    pairs = [varied_pair(alone, number) for number in range(samples)]
    return pairs, samples / (time.process_time() - start)


def intensities(pairs, technique):
    """5, 50 and 95 % of the intensity at NEAR in 1/cm, without background."""
    values = []
    for row, pair in pairs:
        curve = pair[technique][1]
        if curve.q[0] <= NEAR:
            scale, flat = row[f"{technique}_scale"], row[f"{technique}_background"]
            values.append(np.interp(NEAR, curve.q, curve.intensity) / scale - flat)
    return np.quantile(values, [0.05, 0.5, 0.95]) if values else [np.nan] * 3


def novel(model, pairs):
    """Share of the SAXS curves that are unlike a model's training samples; at their true scale, and on its grid."""
    grid, curves = model.q("saxs"), []
    for row, pair in pairs:
        curve = pair["saxs"][0]
        if np.count_nonzero((curve.q >= grid[0]) & (curve.q <= grid[-1])) >= FEWEST:
            scale = row["saxs_scale"]
            sigma = None if curve.sigma is None else curve.sigma / scale
            curves.append(replace(curve, intensity=curve.intensity / scale, sigma=sigma, intensity_unit="1/cm"))
    return np.mean(model.encode(curves, technique="saxs").novelty > 1) if curves else np.nan


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", default="configs/universal.yaml")
    parser.add_argument("--samples", type=int, default=40)
    parser.add_argument("--model", type=Path)
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    given = yaml.safe_load(Path(args.config).read_text(encoding="utf-8"))
    settings = parse(Settings, given, args.config).simulate
    model = None
    if args.model:
        from pairvae import load_model

        model = load_model(args.model)
    print("| kind | sasmodels | pairs/s | checked (largest difference) | SAXS at 0.01 1/Å in 1/cm | SANS | novel |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    cost = total = 0.0
    for name, share in shares(settings.systems):
        system = load_system(name)
        pairs, speed = measured(settings, name, args.samples)
        cost, total = cost + share / speed, total + share
        checked = list(validate(system))
        largest = max(abs(one.found / one.expected - 1) for one in checked)
        quantities = ", ".join(dict.fromkeys(one.check.quantity.replace("_", " ") for one in checked))
        seen = [
            "{:.2g} ({:.1g} to {:.1g})".format(*np.array(intensities(pairs, t))[[1, 0, 2]]) for t in ("saxs", "sans")
        ]
        new = f"{novel(model, pairs):.0%}" if model else ""
        print(
            f"| {system.name} | `{system.model}` | {speed:.0f} | {quantities} ({largest:.1%}) | "
            f"{seen[0]} | {seen[1]} | {new} |",
            flush=True,
        )
    hours = 1e6 * cost / total / 3600
    print(f"\n{total / cost:.0f} pairs per second and core in the mean of the shares; a million: {hours:.1f} h")


if __name__ == "__main__":
    main()
