"""How good the predictions are: errors, bands, retrieval, beside the baselines, on the test split."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from pairvae.evaluation.beside_copy import COPIED, beside_copy, loss_to_copy
from pairvae.evaluation.code_measures import mutual_information, normality
from pairvae.evaluation.latent_grids import latent_grids
from pairvae.evaluation.likelihood import likelihood
from pairvae.evaluation.metrics_file import write_metrics
from pairvae.evaluation.predictions_file import write_predictions
from pairvae.evaluation.retrieval import detection, retrieval, retrieval_by_likelihood
from pairvae.evaluation.scores import ScoredCurves, by_material, denoising
from pairvae.evaluation.split import TestSplit, load_test_split
from pairvae.evaluation.spoilt_curves import hidden_ranges, unknown_covariates, wrong_curves
from pairvae.evaluation.structural_parameters import kept_structure
from pairvae.models.predict import codes, predict_beside
from pairvae.models.source_path import SourceCurve
from pairvae.models.tensors import paired_tensors
from pairvae.prepare.pair import complete_pairs, rows_of
from pairvae.prepare.spectra_file import load_spectra, measured_share, read_counts
from pairvae.techniques import CROSS_PATHS, PATHS, SPLITS, TECHNIQUES, Technique, ends, other
from pairvae.trust.latent_prior import draw_codes
from pairvae.use.trained_model import load_model


def evaluate(
    model: Path,
    saxs: Path,
    sans: Path,
    pairs: Path,
    baselines: Path,
    truth: Mapping[Technique, Path] | None,
    metrics: Path,
    predictions: Path,
    threads: int,
) -> None:
    """Predict the test split along all four paths and write metrics and predictions.

    Parameters
    ----------
    model : Path
        Model folder.
    saxs, sans, pairs : Path
        Gridded curves and the split.
    baselines : Path
        Predictions of the baselines.
    truth : dict of Path, optional
        Noise-free curves files of simulated samples.
    metrics, predictions : Path
        JSON and HDF5 file to write.
    threads : int
        Processor cores.
    """
    torch.set_num_threads(threads)
    split = load_test_split(load_model(model), {"saxs": saxs, "sans": sans}, pairs, baselines, truth)
    scores = _metrics(split)
    write_predictions(predictions, split.model.coverage, split.table, _arrays(split))
    write_metrics(metrics, {"run": metrics.absolute().parent.name, **scores})
    for path in CROSS_PATHS:
        own = scores["paths"][path]
        against = ", ".join(f"{share:+.0%} against {name}" for name, share in scores["gain_over"][path].items())
        print(
            f"evaluate {path}: RMSE {own[f'rmse_{split.reference}']:.4f} decades ({against}); "
            f"coverage {own['coverage']:.1%}"
        )
    for sentence in scores["loses_to_copied_curve"].values():
        print(f"evaluate: {sentence}")


def _metrics(split: TestSplit) -> dict[str, Any]:
    """Contents of metrics.json."""
    about, network = split.model.about, split.model.network
    paths, baselines = _paths(split), _baselines(split)
    error = f"rmse_{split.reference}"
    beside = {path: beside_copy(split, path) for path in CROSS_PATHS}
    losses = {
        path: loss_to_copy(path, paths[path][error], baselines[COPIED][path][error], beside[path])
        for path in CROSS_PATHS
    }
    return {
        "pairs": about["pairs"],
        "techniques": about["grids"],
        "coverage_nominal": split.model.coverage,
        "paths": paths,
        "validation": _validation(split),
        "baselines": baselines,
        "gain_over": _gain_over(paths, baselines, error),
        "beside_copied_curve": beside,
        "loses_to_copied_curve": {path: sentence for path, sentence in losses.items() if sentence},
        "retrieval": _retrieval(split),
        "retrieval_by_likelihood": {
            f"{to}_of_{other(to)}": retrieval_by_likelihood(split.model, split.tensors, to) for to in TECHNIQUES
        },
        "pair_check": detection(split.model, split.tensors, split.material),
        "denoising": {
            t: denoising(split.measured[t], split.bands[f"{t}_from_{t}"].middle, truth)
            for t, truth in split.truth.items()
        },
        "novelty": {t: _novelty(split, t) for t in TECHNIQUES},
        "hidden_ranges": {path: hidden_ranges(split, path) for path in CROSS_PATHS},
        "unknown_covariates": {path: unknown_covariates(split, path) for path in CROSS_PATHS},
        "likelihood": {path: _likelihood(split, path) for path in PATHS},
        "mutual_information": {
            t: mutual_information(split.encoded[t].code.mean.numpy(), split.table) for t in TECHNIQUES
        },
        "normality": {t: normality(split.encoded[t].code) for t in TECHNIQUES},
        "structure": {path: _structure(split, path) for path in CROSS_PATHS},
        "data": {t: _data(split, t) for t in TECHNIQUES},
        "materials": _materials(split),
        "covariates": sorted({covariate.name for t in TECHNIQUES for covariate in network.of(t).covariates}),
        "training": about.get("training", {}),
        "versions": about["versions"],
    }


def _paths(split: TestSplit) -> dict[str, Any]:
    """Errors and bands of all four paths."""
    scores: dict[str, Any] = {}
    for path in PATHS:
        curves, band, joint = split.curves(ends(path)[0]), split.bands[path], split.joint_bands[path]
        width = band.upper - band.lower
        factors = split.model.calibration.bands[path]
        constant = 2 * np.broadcast_to(factors.constant.numpy(), width.shape)
        scores[path] = by_material(curves, split.material, *band) | {
            # what a band of one width per q would have to be to cover as much of the validation curves
            "band_width_of_constant_dex": float(constant[curves.mask].mean()),
            "band_width_over_constant": float(width[curves.mask].mean() / constant[curves.mask].mean()),
            "joint": {
                "coverage_of_curves": curves.coverage_of_curves(joint.lower, joint.upper),
                "band_width_dex": float((joint.upper - joint.lower)[curves.mask].mean()),
            },
        }
    return scores


def _validation(split: TestSplit) -> dict[str, dict[str, Any]]:
    """Errors of the predictions on the validation split: what runs are chosen by, so that the test stays unseen."""
    network, files = split.model.network, split.files
    table = complete_pairs(split.samples, "val")
    tensors = paired_tensors(files["saxs"], files["sans"], split.pairs, network, "val")
    scores = {}
    for path in CROSS_PATHS:
        target, source = ends(path)
        code = codes(network, source, tensors[source])
        middle = predict_beside(network, path, code, tensors[target], SourceCurve.of(tensors[source])).log_intensity
        measured = load_spectra(files[target], rows_of(table, target))
        scores[path] = ScoredCurves(measured, None).scores(np.arange(len(table)), middle)
    return scores


def _baselines(split: TestSplit) -> dict[str, dict[str, Any]]:
    """Errors of the baselines, along the paths that cross."""
    return {
        name: {path: by_material(split.curves(ends(path)[0]), split.material, guess) for path, guess in guesses.items()}
        for name, guesses in split.baselines.items()
    }


def _gain_over(
    paths: Mapping[str, Any], baselines: Mapping[str, Mapping[str, Any]], error: str
) -> dict[str, dict[str, float]]:
    """By how much of a baseline's error that of the model is smaller."""
    return {
        path: {name: 1 - paths[path][error] / scores[path][error] for name, scores in baselines.items()}
        for path in CROSS_PATHS
    }


def _retrieval(split: TestSplit) -> dict[str, dict[str, float]]:
    code = {t: split.encoded[t].code.mean.numpy() for t in TECHNIQUES}
    return {f"{other(t)}_of_{t}": retrieval(code[t], code[other(t)]) for t in TECHNIQUES}


def _novelty(split: TestSplit, technique: Technique) -> dict[str, Any]:
    novelty = split.encoded[technique].novelty
    return {
        "median": float(np.median(novelty.score)),
        "share_above_1": float(novelty.is_unusual.mean()),
        "found": wrong_curves(split, technique),
    }


def _likelihood(split: TestSplit, path: str) -> dict[str, float | None]:
    target, source = ends(path)
    encoded = split.encoded[source]
    return likelihood(split.model.network, path, encoded.code, split.tensors[target], encoded.curve)


def _structure(split: TestSplit, path: str) -> dict[str, dict[str, Any]]:
    target, _ = ends(path)
    return kept_structure(split.measured[target], split.truth.get(target), split.bands[path].middle)


def _data(split: TestSplit, technique: Technique) -> dict[str, Any]:
    measured = split.samples[f"row_{technique}"].notna()
    return {
        "simulated": bool(split.truth),
        "curves": {name: int((measured & (split.samples["split"] == name)).sum()) for name in SPLITS},
        "counts": read_counts(split.files[technique]),
    }


def _materials(split: TestSplit) -> dict[str, dict[str, int]]:
    """Samples of each material in each split."""
    samples = split.samples
    return {
        kind: {name: int((samples.loc[samples["material"] == kind, "split"] == name).sum()) for name in SPLITS}
        for kind in sorted(samples["material"].dropna().unique())
    }


def _arrays(split: TestSplit) -> dict[str, npt.NDArray[Any]]:
    """Numbers of predictions.h5, under their names; what is computed here as float32."""
    computed: dict[str, npt.NDArray[Any]] = {}
    for path, band in split.bands.items():
        computed |= {
            f"predicted/{path}/log_intensity": band.middle,
            f"predicted/{path}/lower": band.lower,
            f"predicted/{path}/upper": band.upper,
            f"error/{path}": split.curves(ends(path)[0]).rmse(band.middle),
        }
    for name, guesses in split.baselines.items():
        computed |= {f"baseline/{name}/{path}": guess for path, guess in guesses.items()}
    code = {t: encoded.code.mean for t, encoded in split.encoded.items()}
    covariates = {t: split.tensors[t]["covariates"] for t in TECHNIQUES}
    draw = partial(draw_codes, split.model.calibration.references, seed=0)
    computed |= latent_grids(split.model.network, code, covariates, split.material, draw)
    as_they_are: dict[str, npt.NDArray[Any]] = {}
    for t in TECHNIQUES:
        computed[f"latent_logvar/{t}"] = split.encoded[t].code.logvar.numpy()
        if t in split.truth:
            computed[f"truth/{t}/log_intensity"] = split.truth[t]
        with_curve = split.samples[split.samples[f"row_{t}"].notna()]
        for name in SPLITS:
            rows = rows_of(with_curve[with_curve["split"] == name], t)
            computed[f"measured_share/{t}/{name}"] = measured_share(split.files[t], rows)
        as_they_are |= {
            f"q/{t}": split.measured[t].q,
            f"measured/{t}/log_intensity": split.measured[t].log_intensity,
            f"measured/{t}/log_sigma": split.measured[t].log_sigma,
            f"latent/{t}": code[t].numpy(),
            f"novelty/{t}": split.encoded[t].novelty.score,
        }
    return as_they_are | {name: values.astype(np.float32) for name, values in computed.items()}
