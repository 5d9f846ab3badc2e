"""The commands that train networks: parse, call. Heavy imports stand inside."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pairvae.cli.options import (
    STAGES,
    Gpus,
    In,
    InOrNone,
    Out,
    OutOrNone,
    Resume,
    SettingsFile,
    Threads,
    begin,
    entry,
    settings_of,
)
from pairvae.errors import UserError
from pairvae.settings import Baselines, JointTrain, Pretrain
from pairvae.techniques import Technique

if TYPE_CHECKING:
    from pairvae.models.pairvae import PairVAE
    from pairvae.models.tensors import Batches

app = typer.Typer()


def _draw(network: "PairVAE", val: "Batches", title: str, path: Path) -> None:
    """Draw a network in training; what draws is imported with the first page, as most trainings draw none."""
    from pairvae.report.training_figures import draw_training

    draw_training(network, val, title, path)


@app.command(
    **entry(
        STAGES,
        "pairvae pretrain --spectra results/demo/spectra/saxs.h5 --pairs results/demo/pairs.csv "
        "--settings results/demo/settings/pretrain.saxs.json --find-learning-rate",
    )
)
def pretrain(
    spectra: In,
    pairs: In,
    settings: SettingsFile,
    weights: OutOrNone = None,
    history: OutOrNone = None,
    resume: Annotated[
        Path | None, typer.Option(help="Folder of the files from which an interrupted training resumes.")
    ] = None,
    threads: Threads = 1,
    gpus: Gpus = 0,
    find_learning_rate: Annotated[
        bool, typer.Option("--find-learning-rate", help="Suggest a learning rate; train nothing.")
    ] = False,
    find_batch_size: Annotated[
        bool,
        typer.Option("--find-batch-size", help="Find the largest batch size that fits into memory; train nothing."),
    ] = False,
    memory: Annotated[
        float | None,
        typer.Option(help="Memory that a training step may use, in MiB; by default all that is free.", min=1),
    ] = None,
) -> None:
    """Train the ResVAE of one technique on its own spectra."""
    if memory is not None and not find_batch_size:
        raise UserError(
            "pretrain: --memory says what --find-batch-size may use, which was not asked; give both or none"
        )
    if find_learning_rate or find_batch_size:
        from pairvae.train.finders import find

        find(spectra, pairs, begin(Pretrain, settings, gpus), find_learning_rate, find_batch_size, memory, threads)
        return
    from pairvae.train.pretrain import pretrain as run

    if not (weights and history and resume):
        raise UserError(
            "pretrain: expected --weights, --history and --resume; or --find-learning-rate, --find-batch-size"
        )
    run(spectra, pairs, begin(Pretrain, settings, gpus), weights, history, resume, threads, _draw)


@app.command(
    name="joint_train",
    **entry(
        STAGES,
        "pairvae joint_train --saxs results/demo/spectra/saxs.h5 --sans results/demo/spectra/sans.h5 "
        "--pairs results/demo/pairs.csv --pretrained-saxs results/demo/pretrain/saxs/weights.safetensors "
        "--pretrained-sans results/demo/pretrain/sans/weights.safetensors --settings "
        "results/demo/settings/joint_train.json --weights joint.safetensors --history history.csv "
        "--resume resume",
    ),
)
def joint_train(
    saxs: In,
    sans: In,
    pairs: In,
    settings: SettingsFile,
    weights: Out,
    history: Out,
    resume: Resume,
    pretrained_saxs: InOrNone = None,
    pretrained_sans: InOrNone = None,
    member: Annotated[
        int, typer.Option(help="Number of this member of the ensemble; sets its random numbers.", min=1)
    ] = 1,
    threads: Threads = 1,
    gpus: Gpus = 0,
) -> None:
    """Train both ResVAEs together on pairs."""
    from pairvae.train.joint_train import joint_train as run

    stage, pretrained = begin(JointTrain, settings, gpus), (pretrained_saxs, pretrained_sans)
    run(saxs, sans, pairs, *pretrained, stage, weights, history, resume, threads, member, _draw)


@app.command(
    **entry(
        STAGES,
        "pairvae baselines --saxs results/demo/spectra/saxs.h5 --sans results/demo/spectra/sans.h5 "
        "--pairs results/demo/pairs.csv --curves-saxs results/demo/curves/saxs.h5 --curves-sans "
        "results/demo/curves/sans.h5 --pretrain-saxs results/demo/settings/pretrain.saxs.json "
        "--pretrain-sans results/demo/settings/pretrain.sans.json --settings "
        "results/demo/settings/baselines.json --predictions baselines.h5 --resume resume",
    )
)
def baselines(
    saxs: In,
    sans: In,
    pairs: In,
    curves_saxs: In,
    curves_sans: In,
    pretrain_saxs: In,
    pretrain_sans: In,
    settings: SettingsFile,
    predictions: Out,
    resume: Resume,
    threads: Threads = 1,
    gpus: Gpus = 0,
) -> None:
    """Predict the test split with simpler methods: copied curve, mean curve, nearest neighbours, direct networks."""
    from pairvae.evaluation.baselines import baselines as run

    networks: dict[Technique, Pretrain] = {
        "saxs": settings_of(Pretrain, pretrain_saxs),
        "sans": settings_of(Pretrain, pretrain_sans),
    }
    curves: dict[Technique, Path] = {"saxs": curves_saxs, "sans": curves_sans}
    run(saxs, sans, pairs, curves, networks, begin(Baselines, settings, gpus), predictions, resume, threads)
