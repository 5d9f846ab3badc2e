"""How good the predictions are: errors, bands, retrieval, beside the baselines, on the test split."""

import json
from collections.abc import Mapping
from functools import partial
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import torch

from pairvae.atomic import written_whole
from pairvae.evaluation.code_measures import mutual_information, normality
from pairvae.evaluation.latent_grids import latent_grids
from pairvae.evaluation.likelihood import likelihood
from pairvae.evaluation.predictions_file import BASELINES
from pairvae.evaluation.scores import Curves, by_material
from pairvae.evaluation.spoilt_curves import hidden_ranges, unknown_covariates, wrong_curves
from pairvae.evaluation.structural_parameters import kept_structure
from pairvae.hdf5_file import hdf5_written_whole
from pairvae.models.pairvae import CROSS_PATHS, PATHS, ends
from pairvae.models.predict import Array, codes, free_scale, predict_beside
from pairvae.models.tensors import paired_tensors
from pairvae.prepare.normalize import grid_curves
from pairvae.prepare.pair import FACTS, SPLITS, complete_pairs, read_pairs, rows_of
from pairvae.prepare.spectra_file import Spectra, measured_share, read_counts, read_spectra
from pairvae.scattering.curves_file import CurvesFile
from pairvae.scattering.spectrum import TECHNIQUES, Technique, other
from pairvae.settings import Normalize
from pairvae.trust.bands import Band
from pairvae.trust.latent_prior import draw_codes
from pairvae.use.calibrated_model import CalibratedModel
from pairvae.use.check import detection
from pairvae.use.match import retrieval_by_likelihood
from pairvae.use.reconstruct import denoising
from pairvae.use.trained_model import load_model

FORMAT = 1


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
    trained = load_model(model)
    table = complete_pairs(read_pairs(pairs), "test")
    files: dict[Technique, Path] = {"saxs": saxs, "sans": sans}
    measured = {t: read_spectra(file, rows_of(table, t)) for t, file in files.items()}
    exact = {t: gridded_truth(truth[t], measured[t], trained.gridding[t]) for t in TECHNIQUES} if truth else {}
    tensors = paired_tensors(saxs, sans, pairs, trained.network, "test")
    read = {t: trained.encoded(t, tensors[t]) for t in TECHNIQUES}
    code = {t: one.code.mean for t, one in read.items()}

    def at_scale(technique: Technique, *curves: Array) -> list[Array]:
        """Predicted curves at the scale of the measured ones, fitted to the first, where the technique has none."""
        shift = free_scale(trained.network, technique, curves[0], tensors[technique])
        return [curve + shift for curve in curves]

    exact = {t: at_scale(t, curves)[0] for t, curves in exact.items()}
    material = table["material"].fillna("").to_numpy(str)

    paths: dict[str, Any] = {}
    found: dict[str, Array] = {}
    for path in PATHS:
        target, source = ends(path)
        shown = (path, read[source], tensors[target]["covariates"])
        middle, lower, upper = at_scale(target, *trained.bands(*shown))
        whole = Band(*at_scale(target, *trained.bands(*shown, joint=True)))
        curves = Curves(measured[target], exact.get(target))
        paths[path] = by_material(curves, material, middle, lower, upper)
        constant = 2 * np.broadcast_to(trained.calibration.bands[path].constant.numpy(), middle.shape)
        paths[path] |= {
            # what a band of one width per q would have to be to cover as much of the validation curves
            "band_width_of_constant_dex": float(constant[curves.mask].mean()),
            "band_width_over_constant": float((upper - lower)[curves.mask].mean() / constant[curves.mask].mean()),
            "joint": {
                "coverage_of_curves": curves.coverage_of_curves(whole.lower, whole.upper),
                "band_width_dex": float((whole.upper - whole.lower)[curves.mask].mean()),
            },
        }
        found |= {
            f"predicted/{path}/log_intensity": middle,
            f"predicted/{path}/lower": lower,
            f"predicted/{path}/upper": upper,
            f"error/{path}": curves.rmse(middle),
        }
    beside: dict[str, dict[str, Any]] = {name: {} for name in BASELINES}
    gain: dict[str, dict[str, float]] = {path: {} for path in CROSS_PATHS}
    with h5py.File(baselines, "r") as file:
        for name in BASELINES:
            for path in CROSS_PATHS:
                target, _ = ends(path)
                (guess,) = at_scale(target, file[f"{name}/{path}"][:].astype(np.float64))
                found[f"baseline/{name}/{path}"] = guess
                beside[name][path] = by_material(Curves(measured[target], exact.get(target)), material, guess)
                key = "rmse_truth" if exact else "rmse_measured"
                gain[path][name] = 1 - paths[path][key] / beside[name][path][key]
    score = {t: one.novelty.score for t, one in read.items()}
    found |= {f"latent_logvar/{t}": one.code.logvar.numpy() for t, one in read.items()}
    known = {t: tensors[t]["covariates"] for t in TECHNIQUES}
    draw = partial(draw_codes, trained.calibration.references, seed=0)
    found |= latent_grids(trained.network, code, known, material, draw)
    every = read_pairs(pairs)
    for t in TECHNIQUES:
        of_split = {split: every[(every["split"] == split) & every[f"row_{t}"].notna()] for split in SPLITS}
        found |= {
            f"measured_share/{t}/{split}": measured_share(files[t], rows_of(rows, t))
            for split, rows in of_split.items()
        }

    result = {
        "format": FORMAT,
        "run": metrics.absolute().parent.name,
        "pairs": trained.about["pairs"],
        "techniques": trained.about["grids"],
        "coverage_nominal": trained.coverage,
        "paths": paths,
        "validation": _validation(trained, files, pairs),
        "baselines": beside,
        "gain_over": gain,
        "retrieval": {
            "sans_of_saxs": retrieval(code["saxs"].numpy(), code["sans"].numpy()),
            "saxs_of_sans": retrieval(code["sans"].numpy(), code["saxs"].numpy()),
        },
        "retrieval_by_likelihood": {
            f"{to}_of_{other(to)}": retrieval_by_likelihood(trained, tensors, to) for to in TECHNIQUES
        },
        "pair_check": detection(trained, tensors, material),
        "denoising": {
            t: denoising(measured[t], found[f"predicted/{t}_from_{t}/log_intensity"], truth_of)
            for t, truth_of in exact.items()
        },
        "novelty": {
            t: {
                "median": float(np.median(n)),
                "share_above_1": float((n > 1).mean()),
                "found": wrong_curves(trained, t, tensors[t]),
            }
            for t, n in score.items()
        },
        "hidden_ranges": {path: hidden_ranges(trained, path, tensors, measured, exact) for path in CROSS_PATHS},
        "unknown_covariates": {
            path: unknown_covariates(trained, path, tensors, measured, exact) for path in CROSS_PATHS
        },
        "likelihood": {
            path: likelihood(trained.network, path, read[ends(path)[1]].code, tensors[ends(path)[0]]) for path in PATHS
        },
        "mutual_information": {t: mutual_information(code[t].numpy(), table) for t in TECHNIQUES},
        "normality": {t: normality(read[t].code) for t in TECHNIQUES},
        "structure": {
            path: kept_structure(measured[t], exact.get(t), found[f"predicted/{path}/log_intensity"])
            for path, t in ((path, ends(path)[0]) for path in CROSS_PATHS)
        },
        "data": {
            t: {
                "simulated": bool(exact),
                "curves": {s: int((every[f"row_{t}"].notna() & (every["split"] == s)).sum()) for s in SPLITS},
                "counts": read_counts(files[t]),
            }
            for t in TECHNIQUES
        },
        "materials": {
            kind: {split: int((every.loc[every["material"] == kind, "split"] == split).sum()) for split in SPLITS}
            for kind in sorted(every["material"].dropna().unique())
        },
        "covariates": sorted({one.name for t in TECHNIQUES for one in trained.network.of(t).covariates}),
        "training": trained.about.get("training", {}),
        "versions": trained.about["versions"],
    }
    facts = {str(name): table[name] for name in table if name not in FACTS and not _is_json(table[name])}
    names = table["sample_id"].tolist()
    rest = (facts, measured, exact, code, score, found)
    _write_predictions(predictions, trained.coverage, names, material, *rest)
    with written_whole(metrics) as temporary:
        temporary.write_text(json.dumps(_plain(result), indent=2) + "\n", encoding="utf-8")
    for path in CROSS_PATHS:
        error = paths[path]["rmse_truth" if exact else "rmse_measured"]
        against = ", ".join(f"{share:+.0%} against {name}" for name, share in gain[path].items())
        print(f"evaluate {path}: RMSE {error:.4f} decades ({against}); coverage {paths[path]['coverage']:.1%}")


def _validation(trained: CalibratedModel, files: Mapping[Technique, Path], pairs: Path) -> dict[str, dict[str, Any]]:
    """Errors of the predictions on the validation split: what runs are chosen by, so that the test stays unseen."""
    table = complete_pairs(read_pairs(pairs), "val")
    measured = {t: read_spectra(file, rows_of(table, t)) for t, file in files.items()}
    tensors = paired_tensors(files["saxs"], files["sans"], pairs, trained.network, "val")
    scores = {}
    for path in CROSS_PATHS:
        target, source = ends(path)
        code = codes(trained.network, source, tensors[source])
        middle = predict_beside(trained.network, path, code, tensors[target]).log_intensity
        scores[path] = Curves(measured[target], None).scores(np.arange(len(table)), middle)
    return scores


def retrieval(asking: Array, answering: Array) -> dict[str, float]:
    """How often the partner is the nearest, or among the five nearest, of all test codes.

    Parameters
    ----------
    asking, answering : array, shape (samples, latent)
        Codes of partners in the same order; distances are Euclidean after each component was divided by
        its standard deviation over both.
    """
    scale = np.concatenate([asking, answering]).std(axis=0)
    asking, answering = (codes / np.where(scale > 0, scale, 1) for codes in (asking, answering))
    rank = []
    for i, one in enumerate(asking):
        distance = ((answering - one) ** 2).sum(axis=1)
        rank.append((distance <= distance[i]).sum() - 1)  # as near is not nearer: codes all alike find nothing
    ranks = np.array(rank)
    return {"top1": float((ranks < 1).mean()), "top5": float((ranks < 5).mean()), "candidates": len(ranks)}


def gridded_truth(path: Path, measured: Spectra, gridding: Normalize) -> Array:
    """Noise-free log10 I of the test samples on the grid of the measured ones."""
    wanted = {sample: row for row, sample in enumerate(measured.sample_id)}
    exact = np.full(measured.log_intensity.shape, np.nan)
    with CurvesFile(path) as table:
        for sample, group in groupby(table, attrgetter("sample")):
            if sample in wanted:
                exact[wanted[sample]] = grid_curves(list(group), measured.q, gridding).log_intensity
    return exact


def _write_predictions(
    path: Path,
    coverage: float,
    sample_id: list[str],
    material: Array,
    facts: Mapping[str, "pd.Series[Any]"],
    measured: Mapping[Technique, Spectra],
    exact: Mapping[Technique, Array],
    code: Mapping[Technique, torch.Tensor],
    novelty: Mapping[Technique, Array],
    found: Mapping[str, Array],
) -> None:
    with hdf5_written_whole(path) as file:
        file.attrs["format"] = FORMAT
        file.attrs["coverage"] = coverage
        file["sample_id"] = np.array(sample_id, dtype=object)
        file["material"] = material.astype(object)
        file.create_group("covariate")
        for number, (name, column) in enumerate(facts.items()):
            # a name may hold anything, a slash too: it is an attribute
            text = not pd.api.types.is_numeric_dtype(column)
            file[f"covariate/{number}"] = column.fillna("").to_numpy(object) if text else column.to_numpy(np.float64)
            file[f"covariate/{number}"].attrs["name"] = name
        for t in TECHNIQUES:
            file[f"q/{t}"] = measured[t].q
            file[f"measured/{t}/log_intensity"] = measured[t].log_intensity
            file[f"measured/{t}/log_sigma"] = measured[t].log_sigma
            if t in exact:
                file[f"truth/{t}/log_intensity"] = exact[t].astype(np.float32)
            file[f"latent/{t}"] = code[t].numpy()
            file[f"novelty/{t}"] = novelty[t]
        for name, values in found.items():
            file[name] = values.astype(np.float32)


def _is_json(column: "pd.Series[Any]") -> bool:
    """Whether a column holds objects, as the parameters of simulated particles: nothing to sort or to colour by."""
    return bool(column.astype(str).str.startswith("{").any())


def _plain(value: Any) -> Any:
    """The same with null instead of numbers that JSON does not know."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
