"""What each ingredient does to the predictions: same data, same time, one change to the default settings at a time.

python benchmarks/methods.py [--methods NAME …] [--seconds 120] [--seeds 3] [--train 4800] [--test 3000] [--folder DIR]

Every method trains for as many steps as fit into the seconds of one core, a tenth of them pretraining; how many fit is
measured before, by processor time. Numbers are RMSE of log10 I against the noise-free truth on unseen samples, in
decades: the mean over the seeds, the lowest and the highest; and how often the partner's code is the nearest of 600.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accuracy import CANDIDATES, Data, predictions, train_ours
from rich.console import Console
from rich.table import Table

from pairvae.errors import UserError
from pairvae.evaluation.retrieval import retrieval
from pairvae.techniques import CROSS_PATHS, TECHNIQUES

TRIAL = 100  # steps that are timed
PRETRAINING = 0.1  # of the time, both techniques together
Changes = dict[str, dict[str, Any]]


def network(**architecture: object) -> Changes:
    """Networks of another kind."""
    return {"pretrain": {"architecture": architecture}}


def both(**settings: object) -> Changes:
    """The same in both stages."""
    return {"pretrain": settings, "joint_train": settings}


ZERO_TO_ONE = {"scaling": "min_max", "output": "sigmoid"}
PUBLISHED = {
    "channels": (8, 16, 32, 64, 128, 256, 512),
    "hidden": 1024,
    "normalization": "none",
    "activation": "gelu",
    "kernel_size": 3,
    "stem_stride": 1,
    "linear_skips": False,
    "linear_blocks": 0,
    "slopes": (),
    "upsampling": "transposed",
    "variance": "fixed",
    "scaling": "min_max",
}
METHODS: dict[str, Changes] = {
    "default": {},
    "VAE": network(network="vae"),
    "published ResVAE": {
        "pretrain": {"architecture": PUBLISHED, "latent_dim": 64, "kl_weight": 1e-7},
        "joint_train": {"kl_weight": 1e-7, "barlow_twins_weight": 1e-5},
    },
    "wider": network(channels=(32, 48, 64), hidden=384),
    "latent 64": {"pretrain": {"latent_dim": 64}},
    "no dropout": network(dropout=0.0),
    "no slopes": network(slopes=()),
    "no linear skips": network(linear_skips=False),
    "no normalisation": network(normalization="none"),
    "batch normalisation": network(normalization="batch"),
    "GELU": network(activation="gelu"),
    "squeeze-and-excitation": network(squeeze_excitation=True),
    "bottleneck, LayerScale": network(block="bottleneck"),
    "attention": network(attention=4),
    "average-pool skip": network(downsampling="average_pool"),
    "transposed convolution": network(upsampling="transposed"),
    "linear interpolation": network(upsampling="linear"),
    "global pooling": network(head="pool"),
    "one variance": network(variance="one"),
    "minimum-maximum scaling": network(scaling="min_max"),
    "vector quantisation": network(quantization="vq"),
    "finite scalar quantisation": network(quantization="fsq"),
    "mean square error": both(loss="mse"),
    "Gaussian likelihood": both(loss="gaussian_nll"),
    "χ²": both(loss="chi2"),
    "binary cross-entropy": {
        "pretrain": {"loss": "binary_cross_entropy", "architecture": ZERO_TO_ONE},
        "joint_train": {"loss": "binary_cross_entropy"},
    },
    "SSIM": both(ssim_weight=0.1),
    "sparse code": both(sparsity_weight=1e-3),
    "perceptual": {"joint_train": {"perceptual_weight": 0.1}},
    "no self-reconstruction": {"joint_train": {"self_weight": 0.0}},
    "no pretraining": {"pretrain": {"steps": 1}},
    "no alignment": {"joint_train": {"barlow_twins_weight": 0.0}},
    "Barlow Twins 0.1": {"joint_train": {"barlow_twins_weight": 0.1}},
    "Barlow Twins on a projection": {"joint_train": {"projection": (128, 128)}},
    "VICReg": {"joint_train": {"barlow_twins_weight": 0.0, "vicreg_weight": 0.01}},
    "InfoNCE": {"joint_train": {"barlow_twins_weight": 0.0, "info_nce_weight": 0.1}},
    "no KL": both(kl_weight=0.0),
    "β rises, cosine": both(kl_schedule="cosine"),
    "β cyclic": both(kl_schedule="cyclic"),
    "free bits": both(free_bits=0.1),
    "mean codes only": both(sampling_noise=0.0),
    "Adam": both(optimizer="adam", weight_decay=0.0),
    "one cycle": both(schedule="one_cycle"),
    "steps of the rate": both(schedule="step"),
    "nothing hidden": {"joint_train": {"mask_probability": 0.0}},
    "hidden in 30 %": {"joint_train": {"mask_probability": 0.3}},
    "no shifts of intensity": {"joint_train": {"intensity_shift_dex": 0.0}},
    "shifts of intensity by 0.2 decades": {"joint_train": {"intensity_shift_dex": 0.2}},
    "no shifts of q": both(q_shift_dex=0.0),
    "re-noising": both(renoise=0.5),
    "encoders thaw": {"joint_train": {"frozen": ("saxs.encoder", "sans.encoder"), "unfreeze_fraction": 0.3}},
}


def with_steps(changes: Changes, pretrain: int, joint: int) -> Changes:
    """The same with numbers of steps."""
    return {
        "pretrain": {"steps": pretrain, **changes.get("pretrain", {})},
        "joint_train": {"steps": joint, **changes.get("joint_train", {})},
    }


def steps_within(data: Data, folder: Path, changes: Changes, seconds: float) -> tuple[int, int]:
    """Steps of each pretraining and of the joint training that fit into the seconds."""

    def taken(pretrain: int, joint: int) -> float:
        begin = time.process_time()
        train_ours(data.files, folder / f"{pretrain} {joint}", 1, 0, **with_steps(changes, pretrain, joint))
        return time.process_time() - begin

    always = taken(1, 1)  # reading the files, and what else does not depend on the steps
    pretraining, joint = ((taken(*steps) - always) / TRIAL for steps in ((1 + TRIAL, 1), (1, 1 + TRIAL)))
    before = changes.get("pretrain", {}).get("steps") or max(1, round(PRETRAINING * seconds / pretraining))
    return before, max(1, round((seconds - before * pretraining) / joint))


def row(data: Data, folder: Path, changes: Changes, seconds: float, seeds: int) -> list[str]:
    """Errors over the seeds, partners found, steps, and number of weights of one method."""
    pretrain, joint = steps_within(data, folder / "trial", changes, seconds)
    errors: dict[str, list[float]] = {path: [] for path in CROSS_PATHS}
    found, weights = [], 0
    for seed in range(1, seeds + 1):
        trained = train_ours(data.files, folder / str(seed), 1, seed, **with_steps(changes, pretrain, joint))
        weights = sum(parameter.numel() for parameter in trained.parameters())
        guesses, code = predictions(trained, data.files)
        for path in CROSS_PATHS:
            errors[path].append(float(np.sqrt(np.mean(data.errors(path, guesses[path]) ** 2))))
        found.append(retrieval(*(code[t][:CANDIDATES] for t in TECHNIQUES))["top1"])
    spread = [f"{np.mean(e):.4f}, {min(e):.4f}, {max(e):.4f}" for e in errors.values()]
    return [*spread, f"{np.mean(found):.0%}", f"{pretrain}, {joint}", f"{weights / 1e6:.1f} M"]


def main() -> None:
    """Make the data, train, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), help="some of them; else all")
    parser.add_argument("--seconds", type=float, default=120, help="of processor time of each training")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each method")
    parser.add_argument("--train", type=int, default=4800, help="training pairs; an eighth more validate")
    parser.add_argument("--test", type=int, default=3000, help="unseen pairs")
    parser.add_argument("--folder", type=Path, help="to keep the data and use them again")
    args = parser.parse_args()
    if unknown := [name for name in args.methods if name not in METHODS]:
        raise UserError(f"--methods {', '.join(unknown)}: is unknown; known are {', '.join(METHODS)}")
    torch.set_num_threads(1)
    errors = (f"{path}: mean, lowest, highest" for path in CROSS_PATHS)
    table = Table("method", *errors, "partner first of 600", "steps before, joint", "weights")
    with tempfile.TemporaryDirectory() as temporary:
        kept = args.folder or Path(temporary)
        kept.mkdir(parents=True, exist_ok=True)
        data = Data(kept, args.train, args.test, 7, d2o=False)
        for name in args.methods:
            table.add_row(name, *row(data, Path(temporary) / name, METHODS[name], args.seconds, args.seeds))
            Console(width=150).print(table)


if __name__ == "__main__":
    main()
