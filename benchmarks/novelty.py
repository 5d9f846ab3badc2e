"""How many curves of a kind of particles that a model never saw it calls unusual, and how it predicts them.

python benchmarks/novelty.py [--run results/demo] [--materials vesicle latex …] [--steps 1500]

Every material is left out in turn: a model is trained and calibrated without it, then shown its test curves. Needs a
run that has ended (`make demo`), whose samples name their material.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from accuracy import Files, train_ours
from few_pairs import gridding_of
from rich.console import Console
from rich.table import Table

from pairvae.models.tensors import paired_tensors
from pairvae.prepare.pair import read_pairs
from pairvae.settings import Calibrate
from pairvae.techniques import CROSS_PATHS, TECHNIQUES, Technique, ends
from pairvae.trust.calibrate import calibrate
from pairvae.use.trained_model import TrainedModel, load_model


class Run:
    """A run's pairs, of which one material can be left out."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spectra: dict[Technique, Path] = {t: folder / f"spectra/{t}.h5" for t in TECHNIQUES}
        self.table = read_pairs(folder / "pairs.csv")

    def materials(self) -> list[str]:
        """Those that its samples name."""
        return sorted(self.table["material"].dropna().unique())

    def without(self, material: str, folder: Path, steps: int, seed: int) -> TrainedModel:
        """A model that was trained and calibrated without a material."""
        pairs = self._pairs(self.table[self.table["material"] != material], folder / "without.csv")
        train_ours(Files(self.spectra, pairs), folder, 1, seed, joint_train={"steps": steps})
        files = *self.spectra.values(), pairs
        calibrate(*files, [folder / "1.safetensors"], gridding_of(self.folder / "model"), Calibrate(), folder / "model")
        return load_model(folder / "model")

    def judged(self, model: TrainedModel, material: str, folder: Path) -> list[str]:
        """Of the material's test curves and of the others': called unusual; error and coverage of what is predicted."""
        left_out = self.table["material"] == material
        found = [
            self._shown(model, self._pairs(self.table[chosen], folder / "shown.csv"))
            for chosen in (left_out, ~left_out)
        ]
        return [f"{one} ({other})" for one, other in zip(*found, strict=True)]

    def _shown(self, model: TrainedModel, pairs: Path) -> list[str]:
        tensors = paired_tensors(*self.spectra.values(), pairs, model.network, "test")
        row = []
        for path in CROSS_PATHS:
            target, source = ends(path)
            curves, measured = tensors[source], tensors[target]
            read = model.encoded(source, curves)
            band = model.bands(path, read, measured["covariates"])
            mask, truth = measured["mask"].numpy() > 0, measured["log_intensity"].double().numpy()
            error = np.sqrt(np.mean((band.middle - truth)[mask] ** 2))
            held = np.mean(((truth >= band.lower) & (truth <= band.upper))[mask])
            row += [f"{np.mean(read.novelty.score > 1):.1%}", f"{error:.3f}", f"{held:.0%}"]
        return row

    def _pairs(self, table: pd.DataFrame, path: Path) -> Path:
        table.to_csv(path, index=False)
        return path


def main() -> None:
    """Leave out, train, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("results/demo"), help="folder of the run")
    parser.add_argument("--materials", nargs="+", help="to be left out in turn; default: all")
    parser.add_argument("--steps", type=int, default=1500, help="joint steps of each model")
    parser.add_argument("--seed", type=int, default=1, help="of the trainings")
    args = parser.parse_args()
    torch.set_num_threads(1)
    if not (args.run / "model").is_dir():
        sys.exit(f"{args.run}: no model in it; expected a run that has ended; make one with `make demo`")
    run = Run(args.run)
    columns = [name for path in CROSS_PATHS for name in (f"{ends(path)[1]} unusual", f"{path}: error", "in the band")]
    table = Table("left out", *columns)
    for material in args.materials or run.materials():
        with tempfile.TemporaryDirectory() as folder:
            model = run.without(material, Path(folder), args.steps, args.seed)
            table.add_row(material, *run.judged(model, material, Path(folder)))
        Console(width=150).print(table)
    print("In parentheses: test curves of all other materials. Errors: root mean square of log10 I, measured curves.")


if __name__ == "__main__":
    main()
