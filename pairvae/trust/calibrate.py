"""Stage calibrate: bands and novelty, learned on validation samples, and the model folder that holds them."""

import importlib.metadata
import platform
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from pairvae import __version__
from pairvae.files.checksum import sha256
from pairvae.models.model_folder import save_folder
from pairvae.models.pairvae import PairVAE, joined
from pairvae.models.tensors import Batches, paired_tensors
from pairvae.models.weights_file import load_pairvae
from pairvae.prepare.pair import complete_pairs, read_pairs
from pairvae.settings import Calibrate, Normalize
from pairvae.techniques import CROSS_PATHS, SPLITS, TECHNIQUES, Technique, ends
from pairvae.trust.bands import fit_bands, predicted_band
from pairvae.trust.calibration import Calibration
from pairvae.trust.consistency import fit_consistency
from pairvae.trust.missing import Situation, put
from pairvae.trust.novelty import encoded, fit_novelty
from pairvae.trust.references import fit_references
from pairvae.trust.scale import fit_absolute

FEW = 10  # validation pairs below which the errors along q, which go together, spoil the coverage


def calibrate(
    saxs: Path,
    sans: Path,
    pairs: Path,
    weights: Sequence[Path],
    gridding: dict[Technique, Normalize],
    settings: Calibrate,
    model: Path,
    threads: int = 1,
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
        Folder to write; see `pairvae.models.model_folder`.
    threads : int
        Processor cores.
    """
    torch.set_num_threads(threads)
    loaded = [load_pairvae(file) for file in weights]
    network = joined([member for member, _ in loaded]).eval()
    if settings.half_precision:
        network.load_state_dict({name: _stored(t).to(t) for name, t in network.state_dict().items()})
    val = paired_tensors(saxs, sans, pairs, network, "val")
    train = paired_tensors(saxs, sans, pairs, network, "train")
    if (few := len(val["saxs"]["mask"])) < FEW:
        print(
            f"calibrate: warning: {few} validation pairs; with fewer than {FEW} the bands cover less "
            "than they promise: raise pair.val_fraction or add pairs"
        )
    stored = _stored if settings.half_precision else Tensor.clone
    tensors: dict[str, Tensor] = {f"network.{name}": stored(t) for name, t in network.state_dict().items()}
    tensors |= fit_calibration(network, train, val, settings).to_tensors()

    table = read_pairs(pairs)
    about = {
        "calibration": settings.numerics,
        "network": network.facts(),
        "settings": {
            "joint_train": [facts["joint_train"] for _, facts in loaded],
            "normalize": {
                t: normalize.model_dump(mode="json", exclude={"numerics"}) for t, normalize in gridding.items()
            },
            "calibrate": settings.model_dump(mode="json", exclude={"numerics"}),
        },
        "training": {name: outcome for _, facts in loaded for name, outcome in facts["training"].items()},
        "pairs": {split: len(complete_pairs(table, split)) for split in SPLITS},
        "trained_on": _trained_on(complete_pairs(table, "train"), network),
        "grids": {t: _span(network, t) for t in TECHNIQUES},
        "versions": {
            "pairvae": __version__,
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in ("torch", "lightning", "numpy", "sasmodels")},
        },
        "inputs_sha256": {file.name: sha256(file) for file in (saxs, sans, pairs)},
    }
    save_folder(model, tensors, about)


def _stored(tensor: Tensor) -> Tensor:
    """In half precision, what is in single; grids are in double and stay."""
    return tensor.half() if tensor.dtype == torch.float32 else tensor


def fit_calibration(network: PairVAE, train: Batches, val: Batches, settings: Calibrate) -> Calibration:
    """Learn everything that is calibrated.

    Parameters
    ----------
    network : PairVAE
        Trained.
    train, val : mapping of dict of Tensor
        Pairs as `paired_tensors` gives them.
    settings : Calibrate
        Coverage of the bands, and how many curves are kept.
    """
    coverage = settings.coverage
    references = fit_references(network, train, val, settings)
    limits = fit_novelty(network, val, references)
    bands, worse = fit_bands(network, train, val, coverage, references, limits)
    fitted = Calibration(references, limits, bands, worse, fit_consistency(network, train, val))
    if not any(network.of(t).has_scale_ratio for t in TECHNIQUES):
        return fitted
    with_covariates, without = (_absolute(network, val, known, coverage, fitted) for known in (True, False))
    factors = {path: torch.stack([factor, without[path]]) for path, factor in with_covariates.items()}
    return replace(fitted, absolute=factors)


def _absolute(network: PairVAE, val: Batches, known: bool, coverage: float, fitted: Calibration) -> dict[str, Tensor]:
    """Factors of the width of bands in 1/cm by path, with covariates or without."""
    val = {t: put(curves, Situation("low", 0.0, known)) for t, curves in val.items()}
    seen = {t: encoded(network, t, val[t], fitted) for t in TECHNIQUES}
    bands = {
        path: predicted_band(network, fitted, path, seen[ends(path)[1]], val[ends(path)[0]]["covariates"])
        for path in CROSS_PATHS
    }
    return fit_absolute(network, val, coverage, seen, bands)


def _trained_on(table: pd.DataFrame, network: PairVAE) -> dict[str, Any]:
    """Number of training pairs by material, and what was seen of each covariate."""
    seen: dict[str, Any] = {}
    for covariate in network.saxs.covariates:
        column = table[covariate.name].dropna()
        if covariate.kind == "number":
            seen[covariate.name] = {"min": float(column.min()), "max": float(column.max())}
        else:
            seen[covariate.name] = column.astype(str).value_counts().to_dict()
    return {"materials": table["material"].dropna().value_counts().to_dict(), "covariates": seen}


def _span(network: PairVAE, technique: str) -> dict[str, float]:
    q = network.of(technique).q
    return {"q_min": float(q[0]), "q_max": float(q[-1]), "points": len(q)}
