"""Bands that keep their word, and a measure of how unusual a curve is; both learned on validation samples."""

import importlib.metadata
import json
import platform
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pairvae import __version__
from pairvae.assess.predict import Array, codes, misfit, predict_beside
from pairvae.atomic import written_whole
from pairvae.checksum import sha256
from pairvae.model_file import FORMAT, save_weights
from pairvae.models.pairvae import PATHS, PairVAE, ends, joined
from pairvae.prepare.pair import SPLITS, complete_pairs, read_pairs
from pairvae.scattering.spectrum import TECHNIQUES, Technique
from pairvae.settings import Calibrate, Normalize
from pairvae.train.batches import Batch
from pairvae.train.joint_train import load_pairvae, paired_tensors

ENOUGH = 400  # scores behind each q point's factor; neighbours in q lend theirs where samples are few
FEW = 10  # validation pairs below which the errors along q, which go together, spoil the coverage
UNUSUAL = 0.95  # share of the validation curves that counts as usual


def calibrate(
    saxs: Path,
    sans: Path,
    pairs: Path,
    weights: Sequence[Path],
    gridding: dict[Technique, Normalize],
    settings: Calibrate,
    model: Path,
) -> None:
    """Calibrate a trained PairVAE on the validation split and write the model folder.

    Parameters
    ----------
    saxs, sans, pairs : Path
        Gridded curves and the split.
    weights : sequence of Path
        What `joint_train` wrote, one file per member.
    gridding : dict of Normalize
        How measured curves come onto each technique's grid.
    settings : Calibrate
        Coverage of the bands.
    model : Path
        Folder to write: weights.safetensors and model.json.
    """
    loaded = [load_pairvae(one) for one in weights]
    network = joined([member for member, _ in loaded]).eval()
    val = paired_tensors(saxs, sans, pairs, network, "val")
    train = paired_tensors(saxs, sans, pairs, network, "train")
    if len(val["saxs.mask"]) < FEW:
        print(
            f"calibrate: warning: {len(val['saxs.mask'])} validation pairs; with fewer than {FEW} the bands cover less "
            "than they promise: raise pair.val_fraction or add pairs"
        )
    tensors: dict[str, Tensor] = {f"network.{name}": t for name, t in network.state_dict().items()}
    val_codes = {t: codes(network, t, part(val, t)) for t in TECHNIQUES}
    for path in PATHS:
        target, source = ends(path)
        known = part(val, target)
        predicted = predict_beside(network, path, val_codes[source], known)
        score = np.abs(known["log_intensity"].double().numpy() - predicted.log_intensity) / predicted.std
        score[known["mask"].numpy() == 0] = np.nan
        tensors[f"band.{path}"] = torch.from_numpy(conformal_factor(score, settings.coverage))
    for technique in TECHNIQUES:
        for name, tensor in _usual(network, technique, train, val).items():
            tensors[f"novelty.{technique}.{name}"] = tensor

    table = read_pairs(pairs)
    about = {
        "format": FORMAT,
        "network": network.facts(),
        "settings": {
            "joint_train": [facts["joint_train"] for _, facts in loaded],
            "normalize": {t: one.model_dump(mode="json", exclude={"numerics"}) for t, one in gridding.items()},
            "calibrate": settings.model_dump(mode="json", exclude={"numerics"}),
        },
        "training": {name: outcome for _, facts in loaded for name, outcome in facts["training"].items()},
        "pairs": {split: len(complete_pairs(table, split)) for split in SPLITS},
        "grids": {t: _span(network, t) for t in TECHNIQUES},
        "versions": {
            "pairvae": __version__,
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in ("torch", "lightning", "numpy", "sasmodels")},
        },
        "inputs_sha256": {file.name: sha256(file) for file in (saxs, sans, pairs)},
    }
    with written_whole(model) as folder:
        folder.mkdir()
        save_weights(folder / "weights.safetensors", tensors, network.facts())
        about["weights_sha256"] = sha256(folder / "weights.safetensors")
        (folder / "model.json").write_text(json.dumps(about, indent=2, ensure_ascii=False), encoding="utf-8")


def part(pairs: Batch, technique: str) -> Batch:
    """One technique's tensors out of those of both."""
    return {name.split(".", 1)[1]: t for name, t in pairs.items() if name.startswith(technique)}


def conformal_factor(score: Array, coverage: float) -> Array:
    """Factor of the predicted standard error, per q, that makes bands cover what they promise.

    Split-conformal: the ⌈(n + 1)·coverage⌉-th smallest of n scores |measured − predicted|/standard error.

    Parameters
    ----------
    score : array, shape (samples, q)
        Scores of samples that did not train; NaN where not measured.
    coverage : float
        Share of new measurements that the band shall cover.

    Returns
    -------
    array, shape (q,)

    References
    ----------
    Lei et al., J. Am. Stat. Assoc. 113 (2018) 1094, algorithm 2.
    """
    samples, points = score.shape
    reach = min(points, -(-max(0, ENOUGH - samples) // (2 * max(samples, 1))))
    factor = np.empty(points)
    for i in range(points):
        near = score[:, max(0, i - reach) : i + reach + 1]
        near = np.sort(near[np.isfinite(near)])
        if near.size == 0:  # never measured on validation samples: the pooled scores are the best guess
            near = np.sort(score[np.isfinite(score)])
        factor[i] = near[min(int(np.ceil((near.size + 1) * coverage)), near.size) - 1]
    return factor


def _usual(network: PairVAE, technique: str, train: Batch, val: Batch) -> dict[str, Tensor]:
    """Where codes of training curves lie, and what is usual for validation curves; see `novelty`."""
    code = codes(network, technique, part(train, technique)).double()
    scatter = torch.cov(code.T) + 1e-3 * code.var(dim=0).mean() * torch.eye(code.shape[1], dtype=code.dtype)
    one = torch.ones(1, dtype=code.dtype)
    usual = {"centre": code.mean(dim=0), "precision": torch.linalg.inv(scatter)}
    known = part(val, technique)
    measures = zip(("distance", "misfit"), _strangeness(network, technique, known, usual), strict=True)
    usual |= {name: one * np.quantile(values, UNUSUAL) for name, values in measures} | {"either": one}
    usual["either"] = one * np.quantile(novelty(network, technique, known, usual), UNUSUAL)
    return usual


def novelty(network: PairVAE, technique: str, curves: Batch, usual: dict[str, Tensor]) -> Array:
    """How unusual curves are, shape (samples,): above 1 are 5 % of the validation curves.

    The larger of two measures, each over its 95 % quantile on validation curves, over the 95 % quantile of that:
    the Mahalanobis distance of the code from the training codes, and the misfit of the own reconstruction.

    Parameters
    ----------
    usual : dict of Tensor
        centre, precision, and the quantiles distance, misfit, either.
    """
    distance, error = _strangeness(network, technique, curves, usual)
    larger = np.maximum(distance / usual["distance"].item(), error / usual["misfit"].item())
    return larger / usual["either"].item()


def _strangeness(network: PairVAE, technique: str, curves: Batch, usual: dict[str, Tensor]) -> tuple[Array, Array]:
    code = codes(network, technique, curves)
    away = code.double() - usual["centre"]
    distance = torch.einsum("ij,jk,ik->i", away, usual["precision"], away).clamp(min=0).sqrt().numpy()
    again = predict_beside(network, f"{technique}_from_{technique}", code, curves)
    return distance, misfit(curves, again)


def _span(network: PairVAE, technique: str) -> dict[str, float]:
    q = network.of(technique).q
    return {"q_min": float(q[0]), "q_max": float(q[-1]), "points": len(q)}
