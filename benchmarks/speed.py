"""How fast networks train and predict on each device at hand, and what time and memory each stage of a run took.

python benchmarks/speed.py [--run results/demo] [--threads 1] [--config configs/published.yaml]

Training: pairs per second of the joint training through its whole loop (validation, averaged weights, history, resume
files) beside a bare torch loop of the same network, batches, losses and optimiser, turn by turn; and beside the
networks of another configuration. Needs a run that has ended (`make demo`).
"""

import argparse
import copy
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from statistics import median

import pandas as pd
import torch
import yaml
from rich.console import Console
from rich.table import Table
from torch import nn

from pairvae.errors import UserError
from pairvae.models.pairvae import PairVAE
from pairvae.models.resvae import ResVAE
from pairvae.models.tensors import Batches, paired_tensors, to_device
from pairvae.models.weights_file import load_pairvae
from pairvae.prepare.spectra_file import load_spectra
from pairvae.scattering.curves_file import CurvesFile
from pairvae.settings import JointTrain, Settings
from pairvae.settings.parse import parse
from pairvae.techniques import CROSS_PATHS, TECHNIQUES, ends
from pairvae.train.batches import TrainBatches
from pairvae.train.fit import fit
from pairvae.train.joint_train import JointStage
from pairvae.use.trained_model import load_model

RATIO = 0.9  # of the bare loop's speed, at least
CURVES = 2000  # translated at a time


def bare(network: PairVAE, settings: JointTrain, train: Batches, device: str) -> None:
    """What a training is at the least: batches, losses, gradients, steps."""
    stage = JointStage(network, settings, [])
    batches = TrainBatches(to_device(train, torch.device(device)), settings.batch_size, settings.steps, settings.seed)
    stage.to(device).train()
    optimizer = torch.optim.AdamW(stage.parameters(), settings.learning_rate, fused=True)
    for _ in range(batches.epochs):
        for batch in batches:
            loss = stage.loss(stage.train_terms(batch))
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(stage.parameters(), settings.gradient_clip)
            optimizer.step()
    if device == "cuda":
        torch.cuda.synchronize()


def whole(network: PairVAE, settings: JointTrain, data: dict[str, Batches], folder: Path, threads: int) -> None:
    """The stage's own loop, in a folder where nothing goes on from earlier."""
    with tempfile.TemporaryDirectory(dir=folder) as resume, redirect_stdout(StringIO()):
        stage = JointStage(network, settings, [])
        fit(stage, data["train"], data["val"], settings, Path(resume), "", threads)


def seconds(work: Callable[[], object]) -> float:
    """By the clock."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def untrained(config: Path, network: PairVAE, run: Path) -> PairVAE:
    """The networks of another configuration, on the grids of the run."""
    settings = parse(Settings, yaml.safe_load(config.read_text()), str(config))
    twins = []
    for technique in TECHNIQUES:
        given = getattr(settings.pretrain, technique)
        twin = ResVAE(network.of(technique).points, settings.latent_dim, given.architecture)
        twin.fit_scaler(load_spectra(run / f"spectra/{technique}.h5"))
        twins.append(twin)
    return PairVAE(*twins)


def training(run: Path, config: Path | None, steps: int, rounds: int, threads: int) -> tuple[Table, bool]:
    """Pairs per second, and whether the whole loop is too slow."""
    network = load_pairvae(run / "joint_train/1/weights.safetensors")[0]
    data = {split: paired_tensors(*_files(run), network, split) for split in ("train", "val")}
    table = Table("joint training", "weights", "bare loop, pairs/s", "whole loop, pairs/s", "ratio", "peak GPU memory")
    slow = False
    for device in ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]:
        networks = {"the run's": (network, steps)}
        if config:
            networks[config.stem] = untrained(config, network, run), max(10, steps // 15)
        for name, (chosen, count) in networks.items():
            settings = JointTrain(steps=count, accelerator="gpu" if device == "cuda" else "cpu")
            settings = settings.model_copy(update={"patience": count})
            times: list[tuple[float, float]] = []
            with tempfile.TemporaryDirectory() as folder:
                for turn in range(rounds + 1):
                    loops = (
                        lambda twin: bare(twin, settings, data["train"], device),  # noqa: B023 called at once
                        lambda twin: whole(twin, settings, data, Path(folder), threads),  # noqa: B023
                    )
                    pair = [seconds(lambda: loop(copy.deepcopy(chosen).train())) for loop in loops]  # noqa: B023
                    if turn:  # the first turn warms up
                        times.append((pair[0], pair[1]))
            pairs = count * settings.batch_size
            speeds = [median(pairs / pair[i] for pair in times) for i in (0, 1)]
            ratio = median(one / other for one, other in times)
            slow |= ratio < RATIO and chosen is network
            memory = f"{torch.cuda.max_memory_allocated() / 1e6:.0f} MB" if device == "cuda" else ""
            weights = sum(parameter.numel() for parameter in chosen.parameters())
            shown = [f"{speed:.0f}" for speed in speeds]
            table.add_row(f"{name} networks, {device}", f"{weights / 1e6:.1f} M", *shown, f"{ratio:.2f}", memory)
    return table, slow


def translating(run: Path, rounds: int) -> Table:
    """Curves per second through a trained model, with bands and novelty."""
    table = Table("translate", "curves/s")
    for device in ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]:
        model = load_model(run / "model", device)
        for path in CROSS_PATHS:
            target, source = ends(path)
            with CurvesFile(run / f"curves/{source}.h5") as file:
                curves = file.rows(0, min(CURVES, len(file)))
            model.translate(curves[:10], to=target)
            taken = median(seconds(lambda: model.translate(curves, to=target)) for _ in range(rounds))  # noqa: B023
            table.add_row(f"{target} from {source}, {device}", f"{len(curves) / taken:.0f}")
    return table


def stages(run: Path) -> Table:
    """What Snakemake measured of the run."""
    table = Table("stage", "seconds", "highest memory, MB", "cores in use")
    for path in sorted((run / "benchmarks").rglob("*.tsv"), key=lambda path: path.stat().st_mtime):
        row = pd.read_csv(path, sep="\t").iloc[0]
        name = path.relative_to(run / "benchmarks").with_suffix("").as_posix()
        table.add_row(name, f"{row['s']:.0f}", f"{row['max_rss']:.0f}", f"{row['mean_load'] / 100:.1f}")
    return table


def _files(run: Path) -> tuple[Path, Path, Path]:
    return run / "spectra/saxs.h5", run / "spectra/sans.h5", run / "pairs.csv"


def main() -> int:
    """Measure, print tables, and return 1 where a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, default=Path("results/demo"), help="a run that has ended")
    parser.add_argument("--steps", type=int, default=300, help="of a training; a fifteenth with another configuration")
    parser.add_argument("--rounds", type=int, default=5, help="turns, whose median counts")
    parser.add_argument("--threads", type=int, default=1, help="processor cores of a training")
    parser.add_argument("--config", type=Path, help="whose networks train, too")
    args = parser.parse_args()
    if not (args.run / "metrics.json").exists():
        raise UserError(f"{args.run}: is no run that has ended; expected metrics.json in it; run `make demo` first")
    torch.set_num_threads(args.threads)
    console = Console(width=140)
    table, slow = training(args.run, args.config, args.steps, args.rounds, args.threads)
    console.print(table)
    console.print(translating(args.run, args.rounds))
    console.print(stages(args.run))
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
