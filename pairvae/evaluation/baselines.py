"""What a PairVAE must beat: the copied and the mean curve, nearest neighbours, one direct network per direction."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from sklearn.metrics.pairwise import nan_euclidean_distances
from torch import Tensor, nn

from pairvae.evaluation.copied_curve import copied_curve
from pairvae.files.checksum import sha256
from pairvae.files.hdf5 import hdf5_written_whole
from pairvae.models.pairvae import PairVAE
from pairvae.models.predict import Array
from pairvae.models.resvae import Decoded, ResVAE
from pairvae.models.tensors import Batches, paired_tensors
from pairvae.prepare.covariates import fit_covariates
from pairvae.prepare.pair import complete_pairs, read_pairs, rows_of
from pairvae.prepare.spectra_file import Spectra, load_spectra
from pairvae.settings import Baselines, Fit, Pretrain
from pairvae.techniques import CROSS_PATHS, SPLITS, TECHNIQUES, Technique, ends
from pairvae.train.augment import hide_covariates, hide_part, other_samples, renoised
from pairvae.train.fit import fit
from pairvae.train.stage import Stage, check_loss

ROWS = 256  # test curves whose distances are held at once


class DirectStage(Stage):
    """Encoder of one technique and decoder of the other, trained for this one prediction alone."""

    network: PairVAE

    def __init__(self, network: nn.Module, settings: Fit, path: str, samples: Sequence[str] = ()) -> None:
        super().__init__(network, settings, f"baselines direct {path}", samples)
        self.target, self.source = ends(path)
        self.weigh_ranges(self.network.of(self.target).q, self.target)

    def predict(self, batch: Batches) -> Decoded:
        """Curves of the target from whole curves of the source."""
        source, target = batch[self.source], batch[self.target]
        return self._curve(source["log_intensity"], source["mask"], source["covariates"], target["covariates"])

    def _curve(self, log_intensity: Tensor, mask: Tensor, source_known: Tensor, target_known: Tensor) -> Decoded:
        code = self.network.of(self.source).encode(log_intensity, mask, source_known).mean
        return self.network.of(self.target).decode(code, target_known, from_partner=True)

    def train_terms(self, batch: Batches) -> dict[str, Tensor]:
        """Weighted squared error, with the same augmentation as the PairVAE."""
        networks = {t: cast(ResVAE, self.network.of(t)) for t in TECHNIQUES}
        batch = other_samples(batch, networks, self.settings, self.left())
        source, target = batch[self.source], batch[self.target]
        visible = hide_part(source["mask"], self.settings.mask_probability)
        known = [source["covariates"], target["covariates"]]
        described = [*networks[self.source].covariates, *networks[self.target].covariates]
        both = hide_covariates(torch.cat(known, dim=1), described, self.settings)
        known = list(both.split([one.shape[1] for one in known], dim=1))
        noisy = renoised(source, self.settings.renoise)
        network = networks[self.target]
        curve = self.at_scale(self._curve(noisy, visible, *known), target, network.scale_free)
        return self.compared("reconstruction", self.target, network, curve, target) | self.network.auxiliary()

    def loss(self, terms: dict[str, Tensor]) -> Tensor:
        """The one term, as in joint training."""
        return self.with_extras(self.loss_of("reconstruction", terms), terms)

    def val_terms(self, batch: Batches) -> dict[str, Tensor]:
        """The same error on whole curves."""
        target = batch[self.target]
        curve = self.at_scale(self.predict(batch), target, self.network.of(self.target).scale_free)
        return {"loss": self.reconstruction(self.target, curve, target)}


def mean_curve(target: Spectra, queries: int) -> Array:
    """The mean log10 I of the training curves, for every query, shape (queries, q)."""
    return np.tile(_nanmean(target.log_intensity.astype(np.float64)), (queries, 1))


def nearest_neighbours(source: Spectra, target: Spectra, queries: Spectra, count: int) -> Array:
    """Mean log10 I of the partners of the nearest training curves, shape (queries, q).

    Distances are Euclidean between curves standardised per q, over the points that both have measured
    (scaled up for those that are missing: scikit-learn's `nan_euclidean_distances`).

    Parameters
    ----------
    source, target : Spectra
        Training curves of the one technique and their partners, row by row.
    queries : Spectra
        Curves of the technique of `source`.
    count : int
        Neighbours to average.
    """
    mean = _nanmean(source.log_intensity)
    std = np.sqrt(_nanmean((source.log_intensity - mean) ** 2))
    known, asked = (
        (np.where(spectra.mask, spectra.log_intensity, np.nan) - mean) / np.maximum(std, 1e-3)
        for spectra in (source, queries)
    )
    count = min(count, len(known))
    predictions = []
    for start in range(0, len(asked), ROWS):
        distance = np.nan_to_num(nan_euclidean_distances(asked[start : start + ROWS], known), nan=np.inf)
        nearest = np.argpartition(distance, count - 1, axis=1)[:, :count]
        predictions += [_nanmean(target.log_intensity[rows].astype(np.float64)) for rows in nearest]
    found = np.array(predictions)
    return np.where(np.isfinite(found), found, _nanmean(target.log_intensity))


def _nanmean(values: npt.NDArray[np.floating]) -> Array:
    """Mean over rows, NaN where no row has a value, without numpy's warning."""
    known = np.isfinite(values)
    total: Array = np.where(known, values, 0).sum(axis=0)
    return total / np.where(known.any(axis=0), known.sum(axis=0), np.nan)


def baselines(
    saxs: Path,
    sans: Path,
    pairs: Path,
    curves: Mapping[Technique, Path],
    networks: Mapping[Technique, Pretrain],
    settings: Baselines,
    predictions: Path,
    resume: Path,
    threads: int,
) -> None:
    """Predict the partners of the test curves by every baseline, both ways.

    Parameters
    ----------
    saxs, sans, pairs : Path
        Gridded curves and the split.
    curves : mapping of Path
        Curves files by technique: they state the resolutions with which the copied curve is smeared.
    networks : dict of Pretrain
        The PairVAE's own sizes: the direct networks get the same.
    settings : Baselines
        Neighbours; training of the direct networks.
    predictions : Path
        HDF5 file to write: `<baseline>/<path>`, log10 I of (test samples, q).
    resume : Path
        Folder of resume files.
    threads : int
        Processor cores.
    """
    table = read_pairs(pairs)
    files: dict[Technique, Path] = {"saxs": saxs, "sans": sans}
    gridded = {
        (t, split): load_spectra(files[t], rows_of(complete_pairs(table, split), t))
        for t in TECHNIQUES
        for split in ("train", "test")
    }
    train = complete_pairs(table, "train")
    identity = "".join(sha256(file) for file in (saxs, sans, pairs)) + "".join(
        one.model_dump_json() for one in networks.values()
    )
    found: dict[str, Array] = {}
    for path in CROSS_PATHS:
        target, source = ends(path)
        queries, known = gridded[source, "test"], (gridded[source, "train"], gridded[target, "train"])
        found[f"mean_curve/{path}"] = mean_curve(gridded[target, "train"], len(queries.sample_id))
        found[f"neighbours/{path}"] = nearest_neighbours(*known, queries, settings.neighbours)
        found[f"copied_curve/{path}"] = copied_curve(*known, queries, curves)
        torch.manual_seed(settings.seed)
        network = PairVAE(*(_untrained(networks[t], gridded[t, "train"], train) for t in TECHNIQUES))
        check_loss(settings, network)
        tensors = {s: paired_tensors(saxs, sans, pairs, network, s) for s in SPLITS}
        stage = DirectStage(network, settings, path, train["sample_id"].tolist())
        fit(stage, tensors["train"], tensors["val"], settings, resume / path, identity, threads)
        with torch.inference_mode():
            found[f"direct/{path}"] = stage.cpu().predict(tensors["test"]).log_intensity.double().numpy()
    with hdf5_written_whole(predictions) as file:
        for name, values in found.items():
            file[name] = values.astype(np.float32)


def _untrained(settings: Pretrain, spectra: Spectra, table: pd.DataFrame) -> ResVAE:
    covariates = fit_covariates(table, settings.covariates)
    network = ResVAE(spectra.q.size, settings.latent_dim, settings.architecture, covariates)
    network.fit_scaler(spectra)
    return network
