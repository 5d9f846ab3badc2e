"""How well a trained model predicts measured pairs, beside the trick that a scientist does by hand.

python benchmarks/measured_pairs.py SAMPLES.csv MODEL [--output table.csv] [--summary scores.json] [--allow-outside]

The copied curve: the source curve is smeared with the resolution of the target, then multiplied by a factor and shifted
by a flat background. Errors are root mean squares of log10 I over the q that both curves cover, on the model's grid, in
decades: as predicted, after the best factor, and after the best factor and background, fitted to the measured partner
for the model and for the copy alike. Points noisier than 0.1 decades are left out, since they measure counting
statistics. Intervals are 95 % bootstrap intervals of the median over pairs, resampling groups of samples.

The model is used as it is. Where it knows absolute scales only, curves in arbitrary units are taken as 1/cm, and their
error as predicted is not counted.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from rich.console import Console
from rich.table import Table

from pairvae.evaluation.copied_curve import smeared, stated_resolution
from pairvae.evaluation.shape_errors import after_background, after_factor
from pairvae.formats.read_options import ReadOptions
from pairvae.prepare.normalize import grid_curves
from pairvae.samples.measured_samples import MeasuredSample, paired_samples
from pairvae.scattering.spectrum import Curve, Spectrum
from pairvae.settings import Simulate
from pairvae.simulation.instrument import resolution
from pairvae.techniques import TECHNIQUES, Technique, other
from pairvae.use.substances import CONTRASTS, SUBSTANCES
from pairvae.use.trained_model import TrainedModel, load_model

NOISIEST = 0.1  # decades
FEWEST = 8  # grid points that both curves cover
SUMMED = ("raw", "factor", "background", "copy", "inside", "inside_after_factor", "width", "width_after_factor")
LEVEL = 1.1  # the model is level with the copy within 10 %
DRAWS = 4000  # of the bootstrap


def smeared_copy(source: Sequence[Spectrum], q: Curve, dq: Curve) -> Curve:
    """log10 of the source curve as the target's instrument would blur it; NaN where the source has no points.

    Parameters
    ----------
    source : sequence of Spectrum
        The settings of one instrument.
    q, dq : array, shape (points,)
        Where to give it, and the target's resolution there, in 1/Å.
    """
    points = np.concatenate([setting.q for setting in source])
    order = np.argsort(points, kind="stable")
    points, at = np.unique(points[order], return_index=True)
    own = stated_resolution(source, q)
    width = dq if own is None else np.sqrt(np.maximum(dq**2 - own**2, 0))
    return smeared(points, np.concatenate([setting.intensity for setting in source])[order][at], q, width)


def target_resolution(target: Sequence[Spectrum], technique: Technique, q: Curve) -> Curve:
    """Standard deviation of q of the target's instrument in 1/Å; that of the demo's where its file states none."""
    stated = stated_resolution(target, q)
    return resolution(getattr(Simulate(), technique), q) if stated is None else stated


@dataclass(frozen=True)
class Comparison:
    """One pair in one direction, errors in decades.

    Parameters
    ----------
    raw : float
        As predicted; NaN where the scale of the measured curves is not known.
    factor, background : float
        After the best factor; after factor and background.
    copy : float
        Of the copied curve, after factor and background.
    inside, width : float
        Share of the points inside the band as predicted, and the band's mean width.
    inside_after_factor, width_after_factor : float
        The same of the band of the shape, after the best factor.
    novelty : float
        Of the source curve.
    points : int
        Grid points compared.
    """

    raw: float
    factor: float
    background: float
    copy: float
    inside: float
    width: float
    inside_after_factor: float
    width_after_factor: float
    novelty: float
    points: int


def compare(model: TrainedModel, sample: MeasuredSample, to: Technique) -> Comparison | str:
    """Predict one technique's curve of a sample, and compare; a sentence where that is not possible."""
    source, target = sample.curves[other(to)], sample.curves[to]
    absolute = all(curve.intensity_unit == "1/cm" for curve in (*source, *target))
    gridding = model.gridding[to]
    if not gridding.scale_free:
        target = [replace(curve, intensity_unit="1/cm") for curve in target]
    if not model.gridding[other(to)].scale_free:
        source = [replace(curve, intensity_unit="1/cm") for curve in source]
    covariates = {
        covariate.name: value
        for covariate in model.network.of(to).covariates
        if (value := sample.covariates.get(covariate.name))
        and (covariate.kind != "category" or value in covariate.values)  # noqa: PD011 of a covariate, not of a table
    }
    if any(name in CONTRASTS for name in (covariate.name for covariate in model.network.of(to).covariates)):
        covariates |= {name: value for name in SUBSTANCES if (value := sample.covariates.get(name))}
    (prediction,) = model.translate([source], to=to, covariates=[covariates])
    measured = grid_curves(list(target), prediction.q, gridding)
    copy = smeared_copy(source, prediction.q, target_resolution(target, to, prediction.q))
    common = measured.mask & (np.nan_to_num(measured.log_sigma, nan=0.0) <= NOISIEST) & np.isfinite(copy)
    if np.count_nonzero(common) < FEWEST:
        return f"{np.count_nonzero(common)} grid points in common; expected at least {FEWEST}"
    seen = measured.log_intensity[common]
    middle, lower, upper, shape_lower, shape_upper = (
        np.log10(getattr(prediction, name)[common])
        for name in ("intensity", "lower", "upper", "shape_lower", "shape_upper")
    )
    absolute = absolute and prediction.intensity_unit == "1/cm"
    shift = float(np.mean(seen - middle))
    return Comparison(
        raw=float(np.sqrt(np.mean((middle - seen) ** 2))) if absolute else np.nan,
        factor=after_factor(middle, seen),
        background=after_background(middle, seen),
        copy=after_background(copy[common], seen),
        inside=float(np.mean((lower <= seen) & (seen <= upper))) if absolute else np.nan,
        width=float(np.mean(upper - lower)),
        inside_after_factor=float(np.mean((shape_lower + shift <= seen) & (seen <= shape_upper + shift))),
        width_after_factor=float(np.mean(shape_upper - shape_lower)),
        novelty=prediction.novelty,
        points=int(np.count_nonzero(common)),
    )


def interval(values: pd.Series, groups: pd.Series) -> tuple[float, float]:
    """95 % bootstrap interval of the median over pairs, drawing whole groups of samples."""
    random = np.random.default_rng(0)
    of_group = [values[groups == group].dropna().to_numpy() for group in groups.unique()]
    of_group = [one for one in of_group if one.size]
    if not of_group:
        return np.nan, np.nan
    medians = [
        np.median(np.concatenate([of_group[i] for i in random.integers(0, len(of_group), len(of_group))]))
        for _ in range(DRAWS)
    ]
    low, high = np.quantile(medians, [0.025, 0.975])
    return float(low), float(high)


def compared(samples: Sequence[MeasuredSample], model: TrainedModel, to: Technique) -> tuple[pd.DataFrame, list[str]]:
    """All pairs in one direction, one row each, and sentences about those left out."""
    rows, left_out = [], []
    for sample in samples:
        comparison = compare(model, sample, to)
        if isinstance(comparison, str):
            left_out.append(f"{sample.name}: {comparison}")
        else:
            group = sample.covariates.get("group") or sample.name
            kind = sample.covariates.get("material") or "unknown"
            rows.append({"sample": sample.name, "kind": kind, "group": group, "to": to, **vars(comparison)})
    return pd.DataFrame(rows), left_out


def show(table: pd.DataFrame, to: Technique, console: Console) -> None:
    """One table of the pairs of a direction, and its summary."""
    measures = ["raw", "factor", "background", "copy", "inside", "width", "inside_after_factor", "novelty"]
    words = ["raw", "factor", "and background", "copy", "inside", "width", "after factor", "novelty"]
    shown = Table("kind", "sample", *words, title=f"{to} from {other(to)}")
    for _, row in table.sort_values(["kind", "sample"]).iterrows():
        shown.add_row(row["kind"], row["sample"], *(f"{row[name]:.3g}" for name in measures))
    shown.add_section()
    of_kind = table.groupby("kind")[measures].median()
    shown.add_row("median over pairs", "", *(f"{table[name].median():.3g}" for name in measures))
    shown.add_row("median over kinds", "", *(f"{of_kind[name].median():.3g}" for name in measures))
    console.print(shown)
    for name in ("raw", "factor", "background", "copy"):
        low, high = interval(table[name], table["group"])
        print(f"{to}: {name}: median {table[name].median():.3f}, 95 % interval over groups {low:.3f} to {high:.3f}")
    ratio = table["background"] / table["copy"]
    better, worse = int((ratio < 1 / LEVEL).sum()), int((ratio > LEVEL).sum())
    print(
        f"{to}: better than the copied curve / level within 10 % / worse: {better} / {len(table) - better - worse} / "
        f"{worse}; novelty above 1: {int((table['novelty'] > 1).sum())} of {len(table)}; Spearman of novelty with the "
        f"error {table['novelty'].corr(table['background'], method='spearman'):.2f}"
    )


def main() -> None:
    """Read, predict, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", help="samples.csv with measured pairs")
    parser.add_argument("model", type=Path, help="folder of a trained model")
    parser.add_argument("--output", type=Path, help="CSV file to write, one row per pair and direction")
    parser.add_argument("--summary", type=Path, help="JSON file to write, with the medians of both directions")
    parser.add_argument("--allow-outside", action="store_true", help="paths may leave the folder of samples.csv")
    args = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(args.model)
    samples = paired_samples(
        {"saxs": [args.samples], "sans": []}, dict.fromkeys(TECHNIQUES, ReadOptions()), args.allow_outside
    )
    console = Console(width=150)
    tables = []
    for to in ("sans", "saxs"):
        table, left_out = compared(samples, model, to)
        show(table, to, console)
        for sentence in left_out:
            print(f"{to}: left out: {sentence}")
        tables.append(table)
    if args.output:
        pd.concat(tables).to_csv(args.output, index=False)
    if args.summary:
        medians = {str(table["to"].iloc[0]): table[list(SUMMED)].median().round(4).to_dict() for table in tables}
        args.summary.write_text(json.dumps({"pairs": len(tables[0]), "median": medians}, indent=2) + "\n")


if __name__ == "__main__":
    main()
