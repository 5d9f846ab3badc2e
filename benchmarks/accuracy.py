"""How well the partner's curve is predicted, beside what else could predict it: same data, same processor time.

python benchmarks/accuracy.py [--train 4800] [--test 3000] [--seed 7] [--d2o] [--members 2] [--steps 6000]

Ours stand beside the mean curve, the copied curve, nearest neighbours, ridge regression, partial least squares, a
direct perceptron and a direct residual network, one per direction.
Numbers are RMSE of log10 I against the noise-free truth on unseen samples, in decades.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from rich.console import Console
from rich.table import Table
from sklearn.cross_decomposition import PLSRegression
from sklearn.linear_model import RidgeCV
from torch import Tensor, nn

from pairvae.evaluation.baselines import DirectStage, mean_curve, nearest_neighbours
from pairvae.evaluation.copied_curve import copied_curve
from pairvae.evaluation.retrieval import retrieval
from pairvae.evaluation.split import gridded_truth
from pairvae.models.blocks import residual_linear
from pairvae.models.pairvae import PairVAE, joined
from pairvae.models.predict import Array, codes, predict
from pairvae.models.resvae import Code, Decoded, ResVAE
from pairvae.models.tensors import paired_tensors
from pairvae.models.weights_file import load_pairvae
from pairvae.prepare.covariates import encode_covariates, fit_covariates
from pairvae.prepare.normalize import normalize
from pairvae.prepare.pair import complete_pairs, pair, read_pairs, rows_of
from pairvae.prepare.spectra_file import Spectra, load_spectra
from pairvae.settings import Baselines, JointTrain, NormalizeBoth, Pair, Pretrain, Simulate
from pairvae.simulation.simulate import simulate
from pairvae.techniques import CROSS_PATHS, PATHS, TECHNIQUES, Technique, ends
from pairvae.train.fit import fit
from pairvae.train.joint_train import joint_train
from pairvae.train.pretrain import pretrain

CANDIDATES = 600  # among which the partner is looked for
RESAMPLES = 1000  # of the bootstrap over test samples


class Files(NamedTuple):
    """What a training reads: spectra by technique, the table of pairs, and the names of covariates it tells."""

    spectra: dict[Technique, Path]
    pairs: Path
    covariates: tuple[str, ...] = ()


class Data:
    """Simulated pairs on their grids, with the truth of the test samples.

    Parameters
    ----------
    folder : Path
        Where the files are made, or lie from an earlier call with the same numbers.
    train, test, seed : int
        Pairs to train with (an eighth more validate), pairs to test, seed of the simulation.
    d2o : bool
        The D2O fraction varies between 0 and 1 and is a covariate of the networks; otherwise it is 1.
    """

    def __init__(self, folder: Path, train: int, test: int, seed: int, d2o: bool) -> None:
        self.folder = folder
        spectra = {t: folder / f"{t}.spectra.h5" for t in TECHNIQUES}
        self.raw: dict[Technique, Path] = {t: folder / f"{t}.h5" for t in TECHNIQUES}
        self.files = Files(spectra, folder / "pairs.csv", ("d2o_fraction",) if d2o else ())
        if not self.files.pairs.exists():
            val = train // 8
            settings = Simulate(pairs=train + val + test, seed=seed, d2o_fraction=(0.0 if d2o else 1.0, 1.0))
            truth = [self._truth_file(t) for t in TECHNIQUES]
            simulate(settings, *self.raw.values(), *truth, folder / "samples.csv", 2)
            table = pd.read_csv(folder / "samples.csv")
            table["split"] = ["train"] * train + ["val"] * val + ["test"] * test
            table.to_csv(folder / "samples.csv", index=False)
            for t in TECHNIQUES:
                normalize(self.raw[t], getattr(NormalizeBoth(), t), spectra[t])
            pair(*spectra.values(), folder / "samples.csv", Pair(), self.files.pairs)
        self.tables = {split: complete_pairs(read_pairs(self.files.pairs), split) for split in ("train", "val", "test")}
        self.curves = {
            (t, split): load_spectra(spectra[t], rows_of(table, t))
            for t in TECHNIQUES
            for split, table in self.tables.items()
        }
        self.truth = {t: self._truth(t) for t in TECHNIQUES}

    def _truth_file(self, technique: str) -> Path:
        return self.folder / f"{technique}.truth.h5"

    def _truth(self, technique: str) -> Array:
        measured = self.curves[technique, "test"]
        exact = gridded_truth(self._truth_file(technique), measured, getattr(NormalizeBoth(), technique))
        return np.where(measured.mask, exact, np.nan)

    def errors(self, path: str, guess: Array) -> Array:
        """RMSE of each test sample, shape (samples,)."""
        return np.sqrt(np.nanmean((guess - self.truth[ends(path)[0]]) ** 2, axis=1))


def train_ours(files: Files, folder: Path, members: int, seed: int, **changes: Mapping[str, Any]) -> PairVAE:
    """Pretrain both networks and train the members, one after the other on one core."""
    first = changes.get("pretrain", {})
    given: dict[str, Any] = {"seed": seed, "covariates": files.covariates, **first}
    weights = {t: folder / f"{t}.safetensors" for t in TECHNIQUES}
    for t in TECHNIQUES:
        settings = Pretrain.model_validate(given)
        pretrain(files.spectra[t], files.pairs, settings, weights[t], folder / f"{t}.csv", folder / f"resume_{t}", 1)
    networks = []
    for member in range(1, members + 1):
        joint = folder / f"{member}.safetensors"
        settings = JointTrain.model_validate({"seed": seed, **changes.get("joint_train", {})})
        rest = (settings, joint, folder / f"{member}.csv", folder / f"resume_{member}", 1, member)
        joint_train(*files.spectra.values(), files.pairs, *weights.values(), *rest)
        networks.append(load_pairvae(joint)[0])
    return joined(networks).eval()


def predictions(network: PairVAE, files: Files) -> tuple[dict[str, Array], dict[str, Array]]:
    """All four paths for the test samples, and the codes of both techniques."""
    tensors = paired_tensors(*files.spectra.values(), files.pairs, network, "test")
    code = {t: codes(network, t, tensors[t]) for t in TECHNIQUES}
    guesses = {}
    for path in PATHS:
        target, source = ends(path)
        guesses[path] = predict(network, path, code[source], tensors[target]["covariates"]).log_intensity
    return guesses, {t: one.numpy() for t, one in code.items()}


class Perceptron(nn.Module):
    """A multilayer perceptron that stands where a direct network's encoder or decoder stands."""

    scale_free = False

    def __init__(self, twin: ResVAE, width: int = 512) -> None:
        super().__init__()
        self.architecture, self.covariates = twin.architecture, twin.covariates
        self.points, self.latent_dim = twin.points, twin.latent_dim
        for name in ("q", "mean", "std"):
            self.register_buffer(name, getattr(twin, name).clone())
        known = sum(covariate.width for covariate in twin.covariates)
        self.encoder = nn.Sequential(nn.Linear(2 * twin.points + known, width), *_wide(width))
        self.decoder = nn.Sequential(nn.Linear(width + known, width), *_wide(width), nn.Linear(width, twin.points))

    def encode(self, log_intensity: Tensor, mask: Tensor, covariates: Tensor) -> Code:
        """Features (batch, width)."""
        features = self.encoder(torch.cat([(log_intensity - self.mean) / self.std * mask, mask, covariates], dim=1))
        return Code(features, torch.zeros_like(features))

    def decode(self, code: Tensor, covariates: Tensor, from_partner: bool) -> Decoded:  # noqa: ARG002
        """Curves (batch, q); no error is learned, from wherever the code comes."""
        curve = self.mean + self.std * self.decoder(torch.cat([code, covariates], dim=1))
        return Decoded(curve, torch.zeros_like(curve))

    def auxiliary(self) -> dict[str, Tensor]:
        """Nothing is quantised."""
        return {}


def _wide(width: int) -> tuple[nn.Module, ...]:
    return residual_linear(width, 0.1), residual_linear(width, 0.1)


def direct(data: Data, path: str, folder: Path, seconds: float, seed: int, perceptron: bool) -> Array:
    """A network for this one prediction alone, trained for about so many seconds of processor time."""
    table = data.tables["train"]
    torch.manual_seed(seed)
    given = Pretrain(seed=seed)
    networks: list[Any] = []
    for t in TECHNIQUES:
        curves = data.curves[t, "train"]
        covariates = fit_covariates(table, data.files.covariates)
        network = ResVAE(curves.q.size, given.latent_dim, given.architecture, covariates)
        network.fit_scaler(curves)
        networks.append(Perceptron(network) if perceptron else network)
    network = PairVAE(*networks)
    tensors = {s: paired_tensors(*data.files.spectra.values(), data.files.pairs, network, s) for s in data.tables}
    steps, begin = 100, time.process_time()
    fit(
        _stage(network, steps, seed, path),
        tensors["train"],
        tensors["val"],
        _told(steps, seed),
        folder / "trial",
        "",
        1,
    )
    steps = max(100, round(seconds / (time.process_time() - begin) * steps))
    stage = _stage(network, steps, seed, path)
    fit(stage, tensors["train"], tensors["val"], _told(steps, seed), folder / "direct", "", 1)
    target, source = ends(path)
    with torch.inference_mode():
        test = [tensors["test"][source][name] for name in ("log_intensity", "mask", "covariates")]
        code = network.of(source).encode(*test).mean
        known = tensors["test"][target]["covariates"]
        return network.of(target).decode(code, known, from_partner=True).log_intensity.double().numpy()


def _told(steps: int, seed: int) -> Baselines:
    return Baselines(steps=steps, seed=seed)


def _stage(network: PairVAE, steps: int, seed: int, path: str) -> DirectStage:
    return DirectStage(network, _told(steps, seed), path)


def linear(data: Data, path: str, model: str) -> Array:
    """Ridge regression or partial least squares on standardised curves; their strength by cross-validation or val."""
    target, source = ends(path)
    mean, std = _statistics(data.curves[source, "train"])
    covariates = fit_covariates(data.tables["train"], data.files.covariates)
    x = {}
    for split, table in data.tables.items():
        curves = data.curves[source, split]
        seen = np.where(curves.mask, (curves.log_intensity - mean) / std, 0)
        x[split] = np.hstack([seen, curves.mask, encode_covariates(covariates, table)])
    centre, _ = _statistics(data.curves[target, "train"])
    y = {s: np.where((c := data.curves[target, s]).mask, c.log_intensity - centre, 0) for s in ("train", "val")}
    if model == "ridge":
        return RidgeCV(np.geomspace(1e-1, 1e5, 13)).fit(x["train"], y["train"]).predict(x["test"]) + centre
    fits = [PLSRegression(count, scale=False).fit(x["train"], y["train"]) for count in (16, 32, 64)]
    best = min(fits, key=lambda one: float(((one.predict(x["val"]) - y["val"]) ** 2).mean()))
    return best.predict(x["test"]) + centre


def _statistics(spectra: Spectra) -> tuple[Array, Array]:
    values = np.where(spectra.mask, spectra.log_intensity, np.nan).astype(np.float64)
    return np.nanmean(values, axis=0), np.maximum(np.nanstd(values, axis=0), 0.05)


def neighbours(data: Data, path: str) -> Array:
    """Nearest neighbours, as many as do best on the validation samples."""
    target, source = ends(path)
    known = data.curves[source, "train"], data.curves[target, "train"]
    val = data.curves[target, "val"]

    def loss(count: int) -> float:
        guess = nearest_neighbours(*known, data.curves[source, "val"], count)
        return float((((guess - val.log_intensity) ** 2)[val.mask]).mean())

    return nearest_neighbours(*known, data.curves[source, "test"], min((1, 2, 3, 5, 8), key=loss))


def copied(data: Data, path: str) -> Array:
    """The partner's curve, smeared, with one factor and background for all."""
    target, source = ends(path)
    train = data.curves[source, "train"], data.curves[target, "train"]
    return copied_curve(*train, data.curves[source, "test"], data.raw)


def interval(error: Array) -> str:
    """RMSE over the samples, its bootstrap interval (95 %), and the median."""
    rng = np.random.default_rng(0)
    drawn = [np.sqrt(np.mean(rng.choice(error, error.size) ** 2)) for _ in range(RESAMPLES)]
    low, high = np.quantile(drawn, (0.025, 0.975))
    return f"{np.sqrt(np.mean(error**2)):.4f} ({low:.4f} to {high:.4f}), median {np.median(error):.4f}"


def beside(data: Data, folder: Path, args: argparse.Namespace) -> None:
    """Train ours, then everything else with as much processor time, and print the table."""
    begin = time.process_time()
    network = train_ours(data.files, folder, args.members, args.seed, joint_train={"steps": args.steps})
    seconds = time.process_time() - begin
    ours, code = predictions(network, data.files)
    judged: dict[str, Callable[[str], Array]] = {
        f"PairVAE, {args.members} members": ours.__getitem__,
        "mean curve": lambda p: mean_curve(data.curves[ends(p)[0], "train"], len(data.tables["test"])),
        "copied curve": lambda p: copied(data, p),
        "nearest neighbours": lambda p: neighbours(data, p),
        "ridge regression": lambda p: linear(data, p, "ridge"),
        "partial least squares": lambda p: linear(data, p, "pls"),
        "direct perceptron": lambda p: direct(data, p, folder / f"mlp_{p}", seconds / 2, args.seed, True),
        "direct residual network": lambda p: direct(data, p, folder / f"res_{p}", seconds / 2, args.seed, False),
    }
    table = Table("", *CROSS_PATHS, "processor seconds")
    guesses = {}
    for name, method in judged.items():
        begin = time.process_time()
        guesses[name] = {path: method(path) for path in CROSS_PATHS}
        spent = seconds if name.startswith("PairVAE") else time.process_time() - begin
        table.add_row(name, *(interval(data.errors(p, guesses[name][p])) for p in CROSS_PATHS), f"{spent:.0f}")
    console = Console(width=150)
    console.print(table)
    few = np.arange(min(CANDIDATES, len(data.tables["test"])))
    near = guesses["nearest neighbours"]
    for asked, answer in (("saxs", "sans"), ("sans", "saxs")):
        found = retrieval(code[asked][few], code[answer][few])
        guess = np.nan_to_num(near[f"{answer}_from_{asked}"][few] - _statistics(data.curves[answer, "train"])[0])
        there = data.curves[answer, "test"]
        known = np.where(there.mask, there.log_intensity - _statistics(data.curves[answer, "train"])[0], 0)[few]
        other = retrieval(guess, known)
        console.print(
            f"{answer} of {asked} among {found['candidates']}: top-1 {found['top1']:.1%}, top-5 {found['top5']:.1%}; "
            f"by curves of nearest neighbours {other['top1']:.1%}, {other['top5']:.1%}"
        )


def main() -> None:
    """Make the data, train, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", type=int, default=4800, help="training pairs; an eighth more validate")
    parser.add_argument("--test", type=int, default=3000, help="unseen pairs")
    parser.add_argument("--seed", type=int, default=7, help="of simulation and training")
    parser.add_argument("--steps", type=int, default=JointTrain().steps, help="joint steps of each member")
    parser.add_argument("--members", type=int, default=2, help="of the ensemble")
    parser.add_argument("--d2o", action="store_true", help="vary the D2O fraction and tell it")
    parser.add_argument("--folder", type=Path, help="to keep the data and use them again")
    args = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        given = args.folder or Path(temporary)
        given.mkdir(parents=True, exist_ok=True)
        data = Data(given, args.train, args.test, args.seed, args.d2o)
        beside(data, Path(temporary) / "trained", args)


if __name__ == "__main__":
    main()
