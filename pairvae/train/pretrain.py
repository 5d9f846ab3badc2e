"""Stage 1: the ResVAE of one technique learns its own curves, paired or not."""

from pathlib import Path

import torch
from torch import Tensor

from pairvae.checksum import sha256
from pairvae.errors import UserError
from pairvae.model_file import load_weights, save_weights
from pairvae.models import losses
from pairvae.models.pairvae import PairVAE
from pairvae.models.resvae import Code, ResVAE
from pairvae.prepare.covariates import fit_covariates
from pairvae.prepare.pair import read_pairs, rows_of
from pairvae.prepare.spectra_file import read_spectra
from pairvae.settings import Pretrain
from pairvae.train.augment import hide_covariates, hide_part, shift
from pairvae.train.batches import Batch, as_tensors
from pairvae.train.fit import fit
from pairvae.train.monitor import Draw, Figures
from pairvae.train.outcome import latent_measures
from pairvae.train.schedules import linear_warmup
from pairvae.train.stage import Stage


class PretrainStage(Stage):
    """Reconstruct a curve from a sample of its code, part of it hidden."""

    network: ResVAE
    settings: Pretrain

    def train_terms(self, batch: Batch) -> dict[str, Tensor]:
        """Weighted squared error, KL, likelihood of the error."""
        target = batch["log_intensity"] + shift(batch["mask"], self.settings.intensity_shift_dex)
        known = hide_covariates(batch["covariates"])
        visible = hide_part(batch["mask"], self.settings.mask_probability)
        code = self.network.encode(target, visible, known)
        curve = self.network.decode(code.sample(), known, from_partner=False)
        curve = self.at_scale(curve, target, batch, self.network.scale_free)
        return {
            "reconstruction": self.reconstruction(curve.log_intensity, target, batch),
            "kl": self.network.kl(code),
            "error": losses.gaussian_nll(*curve, target, batch["mask"]),
            **self.network.auxiliary(),
        }

    def kl_weight(self) -> float:
        """The weight β of the KL term rises over the first steps."""
        rise = linear_warmup(*self.position(self.global_step), self.settings.kl_warmup_fraction)
        return self.settings.kl_weight * rise

    def loss(self, terms: dict[str, Tensor]) -> Tensor:
        """Reconstruction by its likelihood, and what the code may cost."""
        return (
            losses.log_likelihood_loss(terms["reconstruction"])
            + self.kl_weight() * terms["kl"]
            + self.settings.variance_weight * terms["error"]
            + terms.get("commitment", 0.0)
        )

    def codes(self, batch: Batch) -> dict[str, Code]:
        """Of the one technique, which is the last word of the stage's name."""
        code = self.network.encode(batch["log_intensity"], batch["mask"], batch["covariates"])
        return {self.name.split()[-1]: code}

    def val_terms(self, batch: Batch) -> dict[str, Tensor]:
        """Reconstruction from the mean code of the whole curve."""
        codes = self.codes(batch)
        (code,) = codes.values()
        curve = self.network.decode(code.mean, batch["covariates"], from_partner=False)
        curve = self.at_scale(curve, batch["log_intensity"], batch, self.network.scale_free)
        loss = self.reconstruction(curve.log_intensity, batch["log_intensity"], batch)
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
        Too few curves, an unknown covariate, or a loss that is not finite.
    """
    table = read_pairs(pairs)
    technique = read_spectra(spectra, rows_of(table.head(0), "saxs")).technique
    table = table[table[f"row_{technique}"].notna()]
    parts = {split: table[table["split"] == split] for split in ("train", "val")}
    for split, part in parts.items():
        if len(part) < 2 - (split == "val"):
            raise UserError(f"{pairs}: {len(part)} {technique} curves in the {split} split; too few to pretrain")
    loaded = {split: read_spectra(spectra, rows_of(part, technique)) for split, part in parts.items()}

    torch.manual_seed(settings.seed)
    covariates = fit_covariates(parts["train"], settings.covariates)
    network = ResVAE(loaded["train"].q.size, settings.latent_dim, settings.architecture, covariates)
    network.fit_scaler(loaded["train"])
    tensors = {split: as_tensors(loaded[split], part, network) for split, part in parts.items()}
    stage = PretrainStage(network, settings, f"pretrain {technique}", parts["train"]["sample_id"].tolist())
    identity = sha256(spectra) + sha256(pairs)
    twice = PairVAE(network, network)
    figures = Figures(stage.name, twice, {technique: tensors["val"]}, settings.figures_every, draw, resume / "monitor")
    progress = fit(stage, tensors["train"], tensors["val"], settings, resume, identity, threads, figures)
    progress.write(history)
    facts = {"pretrain": settings.model_dump(mode="json"), "training": {f"pretrain/{technique}": progress.outcome}}
    save_weights(weights, network.state_dict(), network.facts() | facts)


def load_resvae(path: Path) -> ResVAE:
    """The network that `pretrain` wrote."""
    tensors, facts = load_weights(path)
    network = ResVAE.from_facts(facts)
    network.load_state_dict(tensors)
    return network.eval()
