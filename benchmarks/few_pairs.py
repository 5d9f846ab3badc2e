"""What 20, 50 and 200 pairs of a new project are worth, alone and to a model that was trained on simulated pairs.

python benchmarks/few_pairs.py [--model results/demo/model] [--sizes 20 50 200] [--unpaired 800] [--steps 1500]

The project is simulated, too, but differs from the model's training data: other shares of fewer particles, D2O from
0.75 to 1, other energy, wavelength, q ranges, resolutions, exposures and backgrounds. A fifth of the pairs validates.
Numbers are RMSE of log10 I against the noise-free truth on unseen samples, in decades. Needs a trained model
(`make demo`).
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import torch
from accuracy import Files, interval, predictions, train_ours
from rich.console import Console
from rich.table import Table

from pairvae.evaluation.baselines import baselines
from pairvae.evaluation.predictions_file import BASELINES
from pairvae.evaluation.split import gridded_truth
from pairvae.models.pairvae import PairVAE
from pairvae.models.predict import Array
from pairvae.models.weights_file import load_pairvae
from pairvae.prepare.normalize import normalize
from pairvae.prepare.pair import complete_pairs, pair, read_pairs, rows_of
from pairvae.prepare.spectra_file import load_spectra
from pairvae.settings import (
    Baselines,
    Grid,
    JointTrain,
    Normalize,
    Pair,
    Pretrain,
    SansInstrument,
    SaxsInstrument,
    Simulate,
)
from pairvae.simulation.simulate import simulate
from pairvae.techniques import CROSS_PATHS, SELF_PATHS, TECHNIQUES, Technique, ends
from pairvae.train.adapt import start_network
from pairvae.train.joint_train import joint_train

TEST = 600
PROJECT = Simulate(
    systems={
        "silica_sphere": 1,
        "micelle": 3,
        "vesicle": 2,
        "surfactant_ellipsoid": 1,
        "pluronic_cylinder": 2,
        **dict.fromkeys(("latex", "gold_rod", "lamellar_bilayer", "wormlike_micelle", "lipid_nanodisc"), 0.0),
    },
    d2o_fraction=(0.75, 1.0),
    saxs=SaxsInstrument(
        energy_kev=12.0,
        q_min_inv_angstrom=0.008,
        q_max_inv_angstrom=0.45,
        points=160,
        dq_over_q=0.03,
        exposure=(2e7, 5e8),
        background_per_cm=8e-4,
        background_spread_dex=0.25,
    ),
    sans=SansInstrument(
        wavelength_angstrom=5.0,
        q_min_inv_angstrom=0.0045,
        q_max_inv_angstrom=0.3,
        points=100,
        wavelength_spread=0.14,
        exposure=(2e6, 4e7),
        background_spread_dex=0.12,
    ),
)


def gridding_of(model: Path) -> dict[Technique, Normalize]:
    """How curves are brought to the grids of a model folder."""
    grids = json.loads((model / "model.json").read_text())["grids"]
    return {
        t: Normalize(
            grid=Grid(
                q_min_inv_angstrom=grids[t]["q_min"], q_max_inv_angstrom=grids[t]["q_max"], points=grids[t]["points"]
            )
        )
        for t in TECHNIQUES
    }


class Project:
    """Pairs for the training, unpaired curves and unseen samples of one project, on a model's grids.

    Parameters
    ----------
    folder : Path
        Where its files are made.
    model : Path
        Model folder whose grids are taken.
    most, unpaired, seed : int
        Pairs, curves of each technique without a partner, seed of the simulation.
    """

    def __init__(self, folder: Path, model: Path, most: int, unpaired: int, seed: int) -> None:
        self.folder, self.model, self.most = folder, model, most
        settings = PROJECT.model_copy(update={"pairs": TEST + most + 2 * unpaired, "seed": seed})
        self.curves: dict[Technique, Path] = {t: folder / f"{t}.h5" for t in TECHNIQUES}
        truth = {t: folder / f"{t}.truth.h5" for t in TECHNIQUES}
        simulate(settings, *self.curves.values(), truth["saxs"], truth["sans"], folder / "samples.csv", 1)
        self.spectra = {t: folder / f"{t}.spectra.h5" for t in TECHNIQUES}
        for t, gridding in gridding_of(model).items():
            normalize(self.curves[t], gridding, self.spectra[t])
        pair(*self.spectra.values(), folder / "samples.csv", Pair(), folder / "pairs.csv")
        self.table = read_pairs(folder / "pairs.csv")
        self.truth = {}
        for t in TECHNIQUES:
            measured = load_spectra(self.spectra[t], rows_of(self.table[:TEST], t))
            self.truth[t] = np.where(measured.mask, gridded_truth(truth[t], measured, Normalize()), np.nan)

    def pairs(self, size: int, with_unpaired: bool = False) -> Path:
        """Table of the split with so many pairs, a fifth of which validate."""
        table = self.table.copy()
        place = np.arange(len(table))
        pairs = (place >= TEST) & (place < TEST + size)
        alone = place >= TEST + self.most
        table["split"] = np.select([place < TEST, pairs & (place < TEST + size // 5)], ["test", "val"], "train")
        for i, t in enumerate(TECHNIQUES):
            table.loc[alone & (place % 2 == i), f"row_{t}"] = pd.NA
        path = self.folder / f"pairs_{size}_{with_unpaired}.csv"
        table[(place < TEST) | pairs | (alone & with_unpaired)].to_csv(path, index=False)
        return path

    def row(self, guess: Callable[[str], Array], paths: Sequence[str] = CROSS_PATHS) -> list[str]:
        """Errors of predictions: by default of the two from the partner."""
        return [interval(np.sqrt(np.nanmean((guess(path) - self.truth[ends(path)[0]]) ** 2, axis=1))) for path in paths]

    def judged(self, network: PairVAE, pairs: Path) -> list[str]:
        """Errors of a network, of its self-reconstructions, too."""
        guesses, _ = predictions(network.eval(), Files(self.spectra, pairs))
        return self.row(guesses.__getitem__, CROSS_PATHS + SELF_PATHS)

    def from_scratch(self, pairs: Path, steps: int, seed: int) -> list[str]:
        """Pretrained on all curves of the table, trained jointly on its pairs."""
        files = Files(self.spectra, pairs)
        return self.judged(train_ours(files, pairs.with_suffix(""), 1, seed, joint_train={"steps": steps}), pairs)

    def started(self, pairs: Path, steps: int, seed: int) -> list[str]:
        """From the model."""
        folder = pairs.with_suffix("")
        files = folder / "started.safetensors", folder / "started.csv", folder / "resume_started"
        settings = JointTrain(start_from=str(self.model), steps=steps, seed=seed)
        joint_train(*self.spectra.values(), pairs, None, None, settings, *files, 1)
        return self.judged(load_pairvae(files[0])[0], pairs)

    def simpler(self, pairs: Path, steps: int, seed: int) -> dict[str, list[str]]:
        """Copied curve, mean curve, nearest neighbours, direct networks."""
        file = self.folder / "baselines.h5"
        settings = Baselines(steps=steps, seed=seed)
        networks = {t: Pretrain(seed=seed) for t in TECHNIQUES}
        baselines(*self.spectra.values(), pairs, self.curves, networks, settings, file, self.folder / "resume", 1)
        with h5py.File(file) as found:
            return {name: self.row(lambda path: found[name][path][:]) for name in BASELINES}  # noqa: B023

    def as_it_is(self) -> list[str]:
        """The model, never shown a pair."""
        pairs = self.pairs(self.most)
        train = complete_pairs(read_pairs(pairs), "train")
        return self.judged(start_network(self.model, self.spectra, train, ()), pairs)


def main() -> None:
    """Make the project, train, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("results/demo/model"), help="model to start from")
    parser.add_argument("--sizes", type=int, nargs="+", default=[20, 50, 200], help="pairs, validation included")
    parser.add_argument("--unpaired", type=int, default=800, help="curves of each technique without a partner")
    parser.add_argument("--steps", type=int, default=1500, help="joint steps")
    parser.add_argument("--seed", type=int, default=77, help="of simulation and training")
    args = parser.parse_args()
    torch.set_num_threads(1)
    console = Console(width=220)
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder), args.model, max(args.sizes), args.unpaired, args.seed)
        table = Table("pairs", "method", *CROSS_PATHS, *SELF_PATHS)
        table.add_row("0", "the model as it is", *project.as_it_is())
        for size in args.sizes:
            pairs = project.pairs(size)
            for name, found in project.simpler(pairs, args.steps, args.seed).items():
                table.add_row(str(size), name, *found)
            table.add_row(str(size), "PairVAE from scratch", *project.from_scratch(pairs, args.steps, args.seed))
            table.add_row(str(size), "PairVAE from the model", *project.started(pairs, args.steps, args.seed))
            more = project.pairs(size, with_unpaired=True)
            beside = f"… and {args.unpaired} unpaired curves of each"
            table.add_row(str(size), f"scratch {beside}", *project.from_scratch(more, args.steps, args.seed))
            table.add_row(str(size), f"model {beside}", *project.started(more, args.steps, args.seed))
            console.print(table)


if __name__ == "__main__":
    main()
