"""A run that nobody trained: files as the stages write them, with numbers made up."""

import json

import h5py
import numpy as np

CROSS = ("sans_from_saxs", "saxs_from_sans")
PATHS = ("saxs_from_saxs", "sans_from_sans", *CROSS)
HOSTILE = '<script>alert("x")</script><img src=http://evil.example/a.png>'
MATERIALS = ("silica_sphere", "micelle", "gold_rod", "<b>vesicle</b>")
PIXELS = {"saxs": (0.006, 0.55, 64), "sans": (0.0035, 0.4, 48)}
LATENT = 8


def score(rmse, truth=True, **more):
    numbers = {"rmse": rmse, "median": 0.7 * rmse, "p90": 1.6 * rmse}
    return {
        **{f"{name}_truth": value if truth else None for name, value in numbers.items()},
        **{f"{name}_measured": 1.1 * value for name, value in numbers.items()},
        **more,
    }


def metrics_of(rmse, neighbours, truth=True):
    bands = {"reduced_chi2": 1.37, "coverage": 0.884, "band_width_dex": 0.217, "samples": 40}
    material = {name: score(rmse * (1 + i / 7), truth, **bands) for i, name in enumerate(MATERIALS)}
    rivals = {"mean_curve": 0.912, "neighbours": neighbours, "direct": 0.456, "copied_curve": 0.789}
    shapes = {
        "samples": 39,
        "pairvae": {"median_after_factor": 0.101, "median_after_background": 0.087},
        "copied_curve": {"median_after_factor": 0.345, "median_after_background": 0.298},
        "better": 30,
        "level": 5,
        "worse": 4,
    }
    return {
        "format": 1,
        "run": "demo",
        "pairs": {"train": 320, "val": 40, "test": 40},
        "techniques": {
            name: {"q_min": low, "q_max": high, "points": points} for name, (low, high, points) in PIXELS.items()
        },
        "paths": {path: score(rmse, truth, **bands, by_material=material) for path in PATHS},
        "baselines": {
            name: {path: score(error, truth, by_material={}) for path in CROSS} for name, error in rivals.items()
        },
        "gain_over": {path: {name: 1 - rmse / error for name, error in rivals.items()} for path in CROSS},
        "beside_copied_curve": {path: shapes | {"by_material": {MATERIALS[0]: shapes}} for path in CROSS},
        "loses_to_copied_curve": {},
        "retrieval": {
            "sans_of_saxs": {"top1": 0.625, "top5": 0.95, "candidates": 40},
            "saxs_of_sans": {"top1": 0.575, "top5": None, "candidates": 40},
        },
        "coverage_nominal": 0.9,
        "novelty": {name: {"median": 0.43, "share_above_1": 0.05} for name in PIXELS},
        "likelihood": {
            path: {
                "log_likelihood": 123.4,
                "kl": None if path in CROSS else 23.4,
                "elbo": None if path in CROSS else 100.0,
                "importance_weighted_bound": None if path in CROSS else 104.5,
                "bits_per_dimension": -1.25,
            }
            for path in PATHS
        },
        "mutual_information": {
            name: {
                "material": {"samples": 40, "best": 0.71, "component": 3, "sum": 2.13, "entropy": 1.386},
                HOSTILE: {"samples": 38, "best": 0.05, "component": 0, "sum": 0.25},
            }
            for name in PIXELS
        },
        "normality": {
            name: {
                measure: {"median": 0.11, "worst": -0.47, "per_unit": [0.11] * LATENT}
                for measure in ("mean", "std", "kolmogorov_smirnov")
            }
            for name in PIXELS
        },
        "structure": {
            path: {
                name: {
                    "samples": 31,
                    "median_relative_error": 0.043,
                    "p90_relative_error": None,
                    "median_relative_error_of_measured": 0.012 if truth else None,
                }
                for name in ("guinier_radius", "porod_exponent", "invariant")
            }
            for path in CROSS
        },
        "data": {
            name: {
                "simulated": truth,
                "curves": {"train": 325, "val": 41, "test": 40},
                "counts": {"points": 20000, "measured": 19000, "raised": 100, "too_noisy": 50, "repaired: I <= 0": 7},
            }
            for name in PIXELS
        },
        "materials": {name: {"train": 80, "val": 10, "test": 10} for name in MATERIALS},
        "covariates": ["d2o_fraction"],
        "versions": {"pairvae": "0.1.0", "torch": "2.13.0"},
    }


def write_predictions(path, samples, truth=True):
    random = np.random.default_rng(7)
    radius, level = random.uniform(40, 160, (samples, 1)), random.uniform(1, 3, (samples, 1))
    codes = random.normal(size=(samples, LATENT)) * np.linspace(2, 0.3, LATENT)
    with h5py.File(path, "w") as file:
        file["sample_id"] = [HOSTILE, *(f"sample_{i:03d}" for i in range(1, samples))]
        file["covariate/0"] = np.where(np.arange(samples) == 1, np.nan, np.linspace(0, 1, samples))
        file["covariate/1"] = np.array(["cell A", "<i>cell B</i>"], dtype=object)[np.arange(samples) % 2]
        for number, name in enumerate(("d2o_fraction", "cell/<u>")):
            file[f"covariate/{number}"].attrs["name"] = name
        file["interpolation/rows"] = np.array([[0, samples - 1]], np.float32)
        file["temperature/values"] = np.array([0.5, 1.0], np.float32)
        file["material"] = [MATERIALS[i % len(MATERIALS)] for i in range(samples)]
        for technique, (low, high, points) in PIXELS.items():
            q = np.geomspace(low, high, points)
            x = q * radius
            sphere = 10**level * (3 * (np.sin(x) - x * np.cos(x)) / x**3) ** 2
            smooth = np.log10(sphere + 1e-3 * 10**level / (1 + x**4) + (0.05 if technique == "sans" else 3e-4))
            sigma = np.clip(0.02 + 0.1 * (q / high) ** 2, 0, 0.3) + 0 * smooth
            measured = smooth + sigma * random.normal(size=smooth.shape)
            measured[:, -3:] = sigma[:, -3:] = np.nan
            file[f"q/{technique}"] = q
            file[f"measured/{technique}/log_intensity"] = measured.astype(np.float32)
            file[f"measured/{technique}/log_sigma"] = sigma.astype(np.float32)
            if truth:
                file[f"truth/{technique}/log_intensity"] = smooth.astype(np.float32)
            noise = 0.05 if technique == "saxs" else 0.1
            file[f"latent/{technique}"] = (codes + noise * random.normal(size=codes.shape)).astype(np.float32)
            file[f"latent_logvar/{technique}"] = np.full((samples, LATENT), -4, np.float32)
            for split in ("train", "val", "test"):
                file[f"measured_share/{technique}/{split}"] = np.linspace(0.5, 1, points, dtype=np.float32)
            file[f"interpolation/{technique}"] = np.linspace(smooth[0], smooth[-1], 9, dtype=np.float32)[None]
            file[f"temperature/{technique}"] = smooth[np.arange(6) % samples].reshape(2, 3, -1).astype(np.float32)
            file[f"novelty/{technique}"] = np.linspace(0, 1.2, samples).astype(np.float32)
            partner = "sans" if technique == "saxs" else "saxs"
            for source in (technique, partner):
                name = f"{technique}_from_{source}"
                off = np.linspace(0.01, 0.25, samples)[:, None] * np.sin(5 * np.log(q))[None]
                file[f"predicted/{name}/log_intensity"] = (smooth + off).astype(np.float32)
                file[f"predicted/{name}/lower"] = (smooth + off - 0.1 - sigma[:, :1]).astype(np.float32)
                file[f"predicted/{name}/upper"] = (smooth + off + 0.1 + sigma[:, :1]).astype(np.float32)
                file[f"error/{name}"] = np.sqrt((off**2).mean(1)).astype(np.float32)
            for name, error in (("mean_curve", 0.9), ("neighbours", 0.25), ("direct", 0.4), ("copied_curve", 0.8)):
                away = error * random.normal(size=smooth.shape)
                file[f"baseline/{name}/{technique}_from_{partner}"] = (smooth + away).astype(np.float32)


def write_history(path, columns, epochs=25):
    path.parent.mkdir(parents=True)
    lines = [",".join(["epoch", "step", "learning_rate", "kl_weight", *columns])]
    for epoch in range(epochs):
        floor = [-0.35 if "variance" in name else 0.05 for name in columns]
        losses = [f"{(1 + i) * 0.8**epoch + low:.6g}" for i, low in enumerate(floor)]
        lines.append(",".join([str(epoch), str(32 * (epoch + 1)), "0.001", str(min(1, epoch / 5) * 3e-4), *losses]))
    path.write_text("\n".join(lines) + "\n")


def write_run(folder, numbers, samples=40, truth=True):
    """The files that a report is made of: metrics, predictions, model, histories."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.json").write_text(json.dumps(numbers))
    write_predictions(folder / "predictions.h5", samples, truth)
    (folder / "model").mkdir()
    card = {"settings": {"latent_dim": LATENT, "fit": {"steps": 6000}}, "q": list(range(99)), "note": HOSTILE}
    card |= {"inputs_sha256": {"pairs.csv": "ab" * 32}, "weights_sha256": "cd" * 32}
    (folder / "model" / "model.json").write_text(json.dumps(card))
    own = [f"{split}/{term}" for split in ("train", "val") for term in ("reconstruction", "kl")]
    terms = (*PATHS, "barlow_twins", "kl", "variance")
    joint = [f"{split}/{term}" for split in ("train", "val") for term in terms]
    history = [folder / stage / "history.csv" for stage in ("pretrain/saxs", "pretrain/sans", "joint_train")]
    for path, columns in zip(history, (own, own, joint), strict=True):
        write_history(path, columns)
    (folder / "benchmarks" / "pretrain").mkdir(parents=True)
    for stage, seconds in (("simulate", 12.5), ("pretrain/saxs", 61.25)):
        (folder / "benchmarks" / f"{stage}.tsv").write_text(f"s\th:m:s\n{seconds}\t0:00:00\n")
    return folder / "metrics.json", folder / "predictions.h5", folder / "model", history
