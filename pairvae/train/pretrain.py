"""Stage 1: the ResVAE of one technique learns its own curves, paired or not."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor

from pairvae.errors import UserError
from pairvae.files.checksum import sha256
from pairvae.models import losses
from pairvae.models.pairvae import PairVAE
from pairvae.models.resvae import Code, ResVAE
from pairvae.models.tensors import Batches, as_tensors
from pairvae.models.weights_file import save_weights
from pairvae.prepare.covariates import fit_covariates
from pairvae.prepare.pair import read_pairs, rows_of
from pairvae.prepare.spectra_file import load_spectra
from pairvae.settings import Pretrain
from pairvae.techniques import Split, Technique
from pairvae.train.fit import fit
from pairvae.train.monitor import Draw, Figures
from pairvae.train.stage import Stage, check_loss
from pairvae.train.training_summary import latent_measures


class PretrainStage(Stage):
    """Reconstruct a curve from a sample of its code, part of it hidden."""

    network: ResVAE
    settings: Pretrain

    def __init__(self, network: ResVAE, settings: Pretrain, technique: Technique, samples: Sequence[str]) -> None:
        super().__init__(network, settings, f"pretrain {technique}", samples)
        self.technique = technique
        self.weigh_ranges(network.q, technique)

    def train_terms(self, batch: Batches) -> dict[str, Tensor]:
        """What the reconstruction loss is made of, KL, likelihood of the error."""
        code, curve, curves = self.autoencoded(self.settings, self.technique, self.network, batch[self.technique])
        terms = self.compared("reconstruction", self.technique, self.network, curve, curves)
        terms["kl"] = self.network.kl(code, self.settings.free_bits)
        terms["error"] = losses.variance_nll(*curve, curves["log_intensity"], curves["mask"])
        if self.settings.sparsity_weight > 0:
            terms["sparsity"] = losses.sparsity(code.mean)
        return terms | self.network.auxiliary()

    def loss(self, terms: dict[str, Tensor]) -> Tensor:
        """Reconstruction, and what the code may cost."""
        return self.with_extras(
            self.settings.reconstruction_weight * self.loss_of("reconstruction", terms)
            + (self.kl_weight() or 0.0) * terms["kl"]
            + self.settings.variance_weight * terms["error"],
            terms,
        )

    def codes(self, batch: Batches) -> dict[str, Code]:
        """Of the one technique."""
        curves = batch[self.technique]
        return {self.technique: self.network.encode(curves["log_intensity"], curves["mask"], curves["covariates"])}

    def val_terms(self, batch: Batches) -> dict[str, Tensor]:
        """Reconstruction from the mean code of the whole curve."""
        curves, codes = batch[self.technique], self.codes(batch)
        (code,) = codes.values()
        curve = self.network.decode(code.mean, curves["covariates"], from_partner=False)
        curve = self.at_scale(curve, curves, self.network.scale_free)
        loss = self.reconstruction(self.technique, curve, curves)
        return {"loss": loss, "reconstruction": loss, "kl": self.network.kl(code)} | latent_measures(codes)


def pretrain(
    spectra: Path,
    pairs: Path,
    settings: Pretrain,
    weights: Path,
    history: Path,
    resume: Path,
    threads: int,
    draw: Draw | None = None,
) -> None:
    """Train and write the weights of the best epoch.

    Parameters
    ----------
    spectra, pairs : Path
        Gridded curves of one technique, and the split.
    settings : Pretrain
        Network and training.
    weights, history : Path
        Files to write: safetensors, and one CSV row per epoch.
    resume : Path
        Folder of resume files.
    threads : int
        Processor cores.
    draw : callable, optional
        Draws the network in training, as often as the settings say.

    Raises
    ------
    UserError
        Too few curves, an unknown covariate, a loss that the network cannot learn by, or one that is not finite.
    """
    stage, tensors = begin_pretrain(spectra, pairs, settings)
    identity = sha256(spectra) + sha256(pairs)
    twice = PairVAE(stage.network, stage.network)
    figures = Figures(stage.name, twice, tensors["val"], settings.figures_every, draw, resume / "monitor")
    progress = fit(stage, tensors["train"], tensors["val"], settings, resume, identity, threads, figures)
    progress.write(history)
    facts = {"pretrain": settings.model_dump(mode="json"), "training": {stage.name.replace(" ", "/"): progress.summary}}
    save_weights(weights, stage.network.state_dict(), stage.network.facts() | facts)


def begin_pretrain(spectra: Path, pairs: Path, settings: Pretrain) -> tuple[PretrainStage, dict[Split, Batches]]:
    """Network and losses, not trained yet, and the curves of both splits.

    Parameters
    ----------
    spectra : Path
        Gridded curves of one technique.
    pairs : Path
        pairs.csv.
    settings : Pretrain
        Network, losses, covariates, seed.

    Returns
    -------
    stage : PretrainStage
        What `fit` trains.
    tensors : dict of Batches
        Curves of the splits `train` and `val`.

    Raises
    ------
    UserError
        Too few curves, an unknown covariate, weights of another technique, or a loss that the network cannot learn by.
    """
    table = read_pairs(pairs)
    technique = load_spectra(spectra, rows_of(table.head(0), "saxs")).technique
    if others := set(settings.q_weights) - {technique}:
        raise UserError(
            f"q_weights names {', '.join(others)}, but this network sees {technique} curves only; leave it out"
        )
    table = table[table[f"row_{technique}"].notna()]
    parts: dict[Split, pd.DataFrame] = {split: table[table["split"] == split] for split in ("train", "val")}
    for split, part in parts.items():
        if len(part) < 2 - (split == "val"):
            raise UserError(f"{pairs}: {len(part)} {technique} curves in the {split} split; too few to pretrain")
    loaded = {split: load_spectra(spectra, rows_of(part, technique)) for split, part in parts.items()}

    torch.manual_seed(settings.seed)
    covariates = fit_covariates(parts["train"], settings.covariates)
    network = ResVAE(loaded["train"].q.size, settings.latent_dim, settings.architecture, covariates)
    network.fit_scaler(loaded["train"])
    check_loss(settings, network)
    tensors: dict[Split, Batches] = {
        split: {technique: as_tensors(loaded[split], part, network)} for split, part in parts.items()
    }
    return PretrainStage(network, settings, technique, parts["train"]["sample_id"].tolist()), tensors
