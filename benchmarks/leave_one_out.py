"""How well a trained model predicts measured pairs as it is, and adapted to all pairs but the one predicted.

python benchmarks/leave_one_out.py SAMPLES.csv [--model results/demo/model] [--steps 300] [--allow-outside]

Every pair is left out in turn; of the others a quarter (at least two) validates. Numbers are root mean squares of
log10 I, predicted beside measured, in decades: as it stands, and after one common factor (the median); and the novelty
of the curve that the prediction is made from, to the model as it is. Needs a trained model (`make demo`).
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
import torch
from few_pairs import gridding_of
from rich.console import Console
from rich.table import Table

from pairvae.prepare.normalize import normalize
from pairvae.prepare.pair import pair, read_pairs, rows_of
from pairvae.prepare.spectra_file import load_spectra
from pairvae.samples.read_samples import read_samples
from pairvae.scattering.curves_file import CurvesFile
from pairvae.scattering.spectrum import TECHNIQUES, Spectrum, Technique, other
from pairvae.settings import Calibrate, JointTrain, Pair, Read
from pairvae.train.joint_train import joint_train
from pairvae.trust.calibrate import calibrate
from pairvae.use.trained_model import TrainedModel, load_model


class Project:
    """Measured pairs on a model's grids."""

    def __init__(self, samples: Path, model: Path, folder: Path, allow_outside: bool) -> None:
        self.model, self.folder = model, folder
        curves = {t: folder / f"{t}.h5" for t in TECHNIQUES}
        settings = Read(allow_outside=allow_outside)
        read_samples(samples, settings, curves["saxs"], curves["sans"], folder / "samples.csv", 1)
        self.gridding = gridding_of(model)
        self.curves: dict[Technique, dict[str, list[Spectrum]]] = {"saxs": {}, "sans": {}}
        self.spectra = {t: folder / f"{t}.spectra.h5" for t in TECHNIQUES}
        for t in TECHNIQUES:
            normalize(curves[t], self.gridding[t], self.spectra[t])
            with CurvesFile(curves[t]) as file:
                for curve in file:
                    self.curves[t].setdefault(curve.sample, []).append(curve)
        pair(self.spectra["saxs"], self.spectra["sans"], folder / "samples.csv", Pair(), folder / "pairs.csv")
        self.table = read_pairs(folder / "pairs.csv")
        self.names = [name for name in self.table["sample_id"] if all(name in self.curves[t] for t in TECHNIQUES)]

    def adapted(self, left_out: str, steps: int) -> TrainedModel:
        """The model after a training on the other pairs."""
        table = self.table[self.table["sample_id"].isin(self.names)].copy()
        others = [name for name in self.names if name != left_out]
        val = others[:: max(1, min(4, len(others) // 2))]
        table["split"] = ["test" if n == left_out else "val" if n in val else "train" for n in table["sample_id"]]
        folder = self.folder / left_out
        folder.mkdir()
        table.to_csv(folder / "pairs.csv", index=False)
        files = self.spectra["saxs"], self.spectra["sans"], folder / "pairs.csv"
        settings = JointTrain(start_from=str(self.model), steps=steps)
        weights = folder / "weights.safetensors"
        joint_train(*files, None, None, settings, weights, folder / "history.csv", folder / "resume", 1)
        calibrate(*files, [weights], self.gridding, Calibrate(), folder / "model")
        return load_model(folder / "model")

    def errors(self, model: TrainedModel, name: str, to: Technique) -> tuple[float, float, float]:
        """Distance, distance after one factor, novelty of a predicted curve."""
        row = self.table.index[self.table["sample_id"] == name]
        measured = load_spectra(self.spectra[to], rows_of(self.table.loc[row], to))
        (prediction,) = model.translate([self.curves[other(to)][name]], to=to)
        apart = (np.log10(prediction.intensity) - measured.log_intensity[0])[measured.mask[0]]
        shape = apart - np.median(apart)
        distance, left = (float(np.sqrt(np.mean(d**2))) for d in (apart, shape))
        return distance, left, prediction.novelty


def main() -> None:
    """Read, adapt, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", type=Path, help="samples.csv with measured pairs")
    parser.add_argument("--model", type=Path, default=Path("results/demo/model"), help="model to start from")
    parser.add_argument("--steps", type=int, default=300, help="of each adaptation")
    parser.add_argument("--allow-outside", action="store_true", help="paths may leave the folder of samples.csv")
    args = parser.parse_args()
    torch.set_num_threads(1)
    columns = [name for t in TECHNIQUES for name in (f"{t}: as it is", "adapted", "novelty")]
    table = Table("left out", *columns)
    with tempfile.TemporaryDirectory() as folder:
        project = Project(args.samples, args.model, Path(folder), args.allow_outside)
        start = load_model(args.model)
        for name in project.names:
            adapted = project.adapted(name, args.steps)
            row = []
            for to in TECHNIQUES:
                *before, novelty = project.errors(start, name, to)
                *after, _ = project.errors(adapted, name, to)
                row += [", ".join(f"{d:.2f}" for d in distances) for distances in (before, after)] + [f"{novelty:.1f}"]
            table.add_row(name, *row)
    Console(width=140).print(table)
    print("distance, distance after one common factor; novelty, to the model as it is, of what it is predicted from")


if __name__ == "__main__":
    main()
