"""Stage 2: both ResVAEs learn to read and to write each other's codes, on pairs."""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

from pairvae.errors import UserError
from pairvae.files.checksum import sha256
from pairvae.models import losses
from pairvae.models.pairvae import PairVAE
from pairvae.models.projection import projection_head
from pairvae.models.resvae import Code, Decoded, ResVAE
from pairvae.models.scale_and_background import error_above_background, scale_nll
from pairvae.models.source_path import SourceCurve
from pairvae.models.tensors import Batch, Batches, paired_tensors, take, to_device, unpaired_tensors
from pairvae.models.weights_file import load_resvae, load_weights, save_weights
from pairvae.prepare.pair import complete_pairs, read_pairs
from pairvae.settings import JointTrain
from pairvae.techniques import CROSS_PATHS, PATHS, TECHNIQUES, Technique, ends
from pairvae.train.adapt import start_network
from pairvae.train.augment import hide_covariates, hide_curves, hide_part, other_samples, renoised
from pairvae.train.fit import fit
from pairvae.train.freezing import freeze
from pairvae.train.monitor import Draw, Figures
from pairvae.train.stage import Stage, check_loss
from pairvae.train.training_summary import latent_measures

MEMBER_SEED = 10_007  # between the seeds of members; far from the seeds that people count up


class JointStage(Stage):
    """Self- and cross-reconstruction, alignment of the mean codes, KL.

    Parameters
    ----------
    network : PairVAE
        What learns.
    settings : JointTrain
        Terms and training.
    samples : list of str
        Names of the training pairs.
    unpaired : mapping, optional
        Training curves that have no partner, by technique.
    """

    network: PairVAE
    settings: JointTrain
    start: Tensor

    def __init__(
        self,
        network: PairVAE,
        settings: JointTrain,
        samples: list[str],
        unpaired: Batches | None = None,
    ) -> None:
        super().__init__(network, settings, "joint_train", samples)
        self.unpaired: Batches = unpaired or {}
        for technique in TECHNIQUES:
            self.weigh_ranges(network.of(technique).q, technique)
        self.heads = nn.ModuleDict()
        if settings.projection:
            torch.manual_seed(settings.seed)
            for technique in TECHNIQUES:
                self.heads[technique] = projection_head(network.of(technique).latent_dim, settings.projection)
        self.judge = None
        if settings.perceptual_weight > 0:
            self.judge = copy.deepcopy(network).requires_grad_(False).eval()  # a fit calls no train()
        self.keep_start = settings.start_from is not None
        if self.keep_start:
            self.learning_rate, self.weight_decay = settings.start_learning_rate, 0.0
            self.register_buffer("start", parameters_to_vector(network.parameters()).detach(), persistent=False)

    def train_terms(self, batch: Batches) -> dict[str, Tensor]:
        """One term per path, named target_from_source, and the terms on the codes."""
        settings = self.settings
        networks = {t: cast(ResVAE, self.network.of(t)) for t in TECHNIQUES}
        batch = other_samples(batch, networks, settings, self.left())
        known = {t: hide_covariates(batch[t]["covariates"], networks[t].covariates, settings) for t in TECHNIQUES}
        curves: dict[str, SourceCurve] = {}
        codes: dict[str, Code] = {}
        for t in TECHNIQUES:
            noisy = renoised(batch[t], settings.renoise)
            curves[t] = SourceCurve(noisy, hide_part(batch[t]["mask"], settings.mask_probability))
            codes[t] = networks[t].encode(*curves[t], known[t])
        levels: dict[str, Tensor] = {}
        if settings.scale_weight > 0:
            levels = {t: networks[t].level(*curves[t]) + batch[t]["log_scale"] for t in TECHNIQUES}
        if settings.source_path:
            curves = {t: hide_curves(curve) for t, curve in curves.items()}
        nothing = torch.zeros((), device=self.device)
        terms = self.alignment(codes, batch["saxs"].get("row"))
        terms["kl"] = sum((networks[t].kl(codes[t], settings.free_bits) for t in TECHNIQUES), nothing)
        if settings.sparsity_weight > 0:
            terms["sparsity"] = sum((losses.sparsity(code.mean) for code in codes.values()), nothing)
        paths = PATHS if self.global_step % settings.self_every == 0 else CROSS_PATHS
        errors, seen, scales = [], [], []
        for path in paths:
            to, source = ends(path)
            code = codes[source]
            # predictions for the partner are made from the mean code, so that is what learns to make them
            z = code.mean if path in CROSS_PATHS else code.sample(settings.sampling_noise)
            free = networks[to].decode(z, known[to], path in CROSS_PATHS, curves[source])
            curve = self.at_scale(free, batch[to], networks[to].scale_free)
            terms |= self.compared(path, to, networks[to], curve, batch[to])
            if settings.background_weight > 0 and path in CROSS_PATHS:
                terms[f"{path}_above_background"] = self._above_background(curve, batch[to])
            if levels and path in CROSS_PATHS:
                factor = (curve.log_intensity - free.log_intensity).detach()[:, :1]
                wanted = factor + batch[to]["log_scale"] - levels[source]
                scales.append(scale_nll(networks[to].scale_above(z, known[to]), wanted))
            target, mask = batch[to]["log_intensity"], batch[to]["mask"]
            errors.append(losses.variance_nll(*curve, target, mask))
            if self.judge is not None:
                seen.append(losses.perceptual(self.judge.of(to), mask, known[to], curve.log_intensity, target))
        terms["error"] = torch.stack(errors).mean()
        if scales:
            terms["scale"] = torch.stack(scales).mean()
        if paths == PATHS:
            for t in self.unpaired:
                terms |= self._unpaired_terms(t)
        if seen:
            terms["perceptual"] = torch.stack(seen).mean()
        if self.keep_start:
            # L2-SP: Li et al., Explicit inductive bias for transfer learning with convolutional networks, ICML 2018
            terms["anchor"] = 0.5 * (parameters_to_vector(self.network.parameters()) - self.start).square().sum()
        return terms | self.network.auxiliary()

    def _above_background(self, curve: Decoded, measured: Batch) -> Tensor:
        """Half the log of each curve's mean square error after the best factor and flat background, their mean."""
        return error_above_background(curve.log_intensity, measured["log_intensity"], self.weights_of(measured))

    def _unpaired_terms(self, technique: Technique) -> dict[str, Tensor]:
        """Self-reconstruction of some curves that have no partner, as that of the pairs."""
        network, curves = cast(ResVAE, self.network.of(technique)), self.unpaired[technique]
        count = len(curves["mask"])
        size = min(self.settings.batch_size, max(count, 2))  # a batch of one has no variance to normalise by
        some = take(curves, torch.randint(count, (size,), device=self.device))
        _, curve, some = self.autoencoded(self.settings, technique, network, some)
        return self.compared(f"{technique}_unpaired", technique, network, curve, some)

    def alignment(self, codes: Mapping[str, Code], row: Tensor | None = None) -> dict[str, Tensor]:
        """Terms that make the codes of one sample agree, on the mean codes or behind the projection head.

        `row` says which sample is which, where one may stand in a batch twice.
        """
        settings = self.settings
        saxs, sans = (self.heads[t](codes[t].mean) if self.heads else codes[t].mean for t in TECHNIQUES)
        terms = {"barlow_twins": losses.barlow_twins(saxs, sans, settings.redundancy_weight)}
        if settings.vicreg_weight > 0:
            terms["vicreg"] = losses.vicreg(saxs, sans, settings.vicreg_parts)
        if settings.info_nce_weight > 0:
            terms["info_nce"] = losses.info_nce(saxs, sans, settings.temperature, row)
        return terms

    def loss(self, terms: dict[str, Tensor]) -> Tensor:
        """Weights as the settings say; each path by a loss of its own, so that the worse one does not rule."""
        settings = self.settings
        weights = {path: settings.weight_of_path(path) for path in PATHS}
        for t, curves in self.unpaired.items():
            # a few curves shall not weigh as much as all pairs
            share = min(1.0, len(curves["mask"]) / max(1, len(self.samples)))
            weights[f"{t}_unpaired"] = share * settings.unpaired_weight * weights[f"{t}_from_{t}"]
        weighted = [weight * self.loss_of(name, terms) for name, weight in weights.items() if name in terms]
        weighted += [
            settings.background_weight * weights[path] * terms[name]
            for path in CROSS_PATHS
            if (name := f"{path}_above_background") in terms
        ]
        return self.with_extras(
            torch.stack(weighted).sum()
            + settings.barlow_twins_weight * terms["barlow_twins"]
            + (self.kl_weight() or 0.0) * terms["kl"]
            + settings.variance_weight * terms["error"]
            + settings.anchor_weight * terms.get("anchor", torch.zeros((), device=self.device)),
            terms,
        )

    def on_train_start(self) -> None:
        """All unpaired curves go where the network is."""
        super().on_train_start()
        self.unpaired = to_device(self.unpaired, self.device)

    def on_train_batch_start(self, batch: Batches, batch_idx: int) -> None:  # noqa: ARG002, Lightning's names
        """Parts that are frozen thaw when their time has come."""
        step, steps = self.position(self.global_step)
        freeze(self.network, self.settings, step / steps)

    def train(self, mode: bool = True) -> "JointStage":
        """As of any module, but the pretrained encoders that judge curves are never trained."""
        super().train(mode)
        if self.judge is not None:
            self.judge.eval()
        return self

    def codes(self, batch: Batches) -> dict[str, Code]:
        """Of both techniques."""
        return {
            t: self.network.of(t).encode(batch[t]["log_intensity"], batch[t]["mask"], batch[t]["covariates"])
            for t in TECHNIQUES
        }

    def val_terms(self, batch: Batches) -> dict[str, Tensor]:
        """All four paths from mean codes; the two cross predictions decide which epoch was best.

        Where the loss above background is trained, it decides: unknown backgrounds rule the square errors.
        """
        codes = self.codes(batch)
        terms, deciding = latent_measures(codes), []
        for path in PATHS:
            to, source = ends(path)
            network, measured = self.network.of(to), batch[to]
            seen = SourceCurve.of(batch[source])
            free = network.decode(codes[source].mean, measured["covariates"], path in CROSS_PATHS, seen)
            curve = self.at_scale(free, measured, network.scale_free)
            terms[path] = self.reconstruction(to, curve, measured)
            if path in CROSS_PATHS and self.settings.background_weight > 0:
                terms[f"{path}_above_background"] = self._above_background(curve, measured)
                deciding.append(torch.exp(2 * terms[f"{path}_above_background"]))  # of a typical curve, in decades²
            elif path in CROSS_PATHS:
                deciding.append(terms[path])
        terms["loss"] = torch.stack(deciding).mean()
        return terms | self.alignment(codes) if len(codes["saxs"].mean) > 1 else terms


def joint_train(
    saxs: Path,
    sans: Path,
    pairs: Path,
    pretrained_saxs: Path | None,
    pretrained_sans: Path | None,
    settings: JointTrain,
    weights: Path,
    history: Path,
    resume: Path,
    threads: int,
    member: int = 1,
    draw: Draw | None = None,
) -> None:
    """Train and write the weights of the best epoch.

    Parameters
    ----------
    saxs, sans, pairs : Path
        Gridded curves and the split.
    pretrained_saxs, pretrained_sans : Path, optional
        Weights that `pretrain` wrote; None where `settings.start_from` names a trained model instead.
    settings : JointTrain
        Terms and training.
    weights, history : Path
        Files to write: safetensors, and one CSV row per epoch.
    resume : Path
        Folder of resume files.
    threads : int
        Processor cores.
    member : int
        Members of one model are trained alike, but for the random numbers.
    draw : callable, optional
        Draws the networks in training, as often as the settings say.

    Raises
    ------
    UserError
        The codes differ in length, the curves lie on another grid than those of the model to start from, that model
        is missing or altered, or a loss is not finite.
    """
    settings = settings.model_copy(update={"seed": settings.seed + MEMBER_SEED * (member - 1)})
    table = complete_pairs(read_pairs(pairs), "train")
    training: dict[str, Any] = {}
    if settings.start_from is not None:
        folder = Path(settings.start_from)
        network = start_network(folder, {"saxs": saxs, "sans": sans}, table, settings.covariates, member)
        begun = [folder / "model.json"]  # it names the checksum of the weights
    elif pretrained_saxs is not None and pretrained_sans is not None:
        begun = [pretrained_saxs, pretrained_sans]
        network = _pretrained_network(pretrained_saxs, pretrained_sans)
        for file in begun:
            training |= load_weights(file)[1]["training"]
    else:
        raise UserError("joint_train: expected pretrained weights of both techniques, or joint_train.start_from")
    if settings.source_path:
        network.add_source_paths()
    if settings.scale_weight > 0:
        network.add_scale_ratios()
    network.train()
    check_loss(settings, network)
    latent = settings.projection[-1] if settings.projection else network.saxs.latent_dim
    tensors = {split: paired_tensors(saxs, sans, pairs, network, split) for split in ("train", "val")}
    batch = min(settings.batch_size, len(tensors["train"]["saxs"]["mask"]))
    if settings.barlow_twins_weight > 0 and batch <= latent:
        print(
            f"joint_train: warning: Barlow Twins over {batch} pairs cannot decorrelate {latent} components; "
            "the term keeps a floor. Raise batch_size, lower latent_dim (or the last width of projection), or set "
            "barlow_twins_weight to 0"
        )
    unpaired = unpaired_tensors(saxs, sans, pairs, network, "train") if settings.unpaired_weight else {}
    for t, curves in unpaired.items():
        print(f"joint_train: {len(curves['mask'])} {t} curves without a partner are reconstructed, too")
    stage = JointStage(network, settings, table["sample_id"].tolist(), unpaired)
    identity = "".join(sha256(file) for file in (saxs, sans, pairs, *begun))
    figures = Figures(stage.name, network, tensors["val"], settings.figures_every, draw, resume / "monitor")
    progress = fit(stage, tensors["train"], tensors["val"], settings, resume, identity, threads, figures)
    progress.write(history)
    training[f"joint_train/{member}"] = progress.summary
    facts = {"joint_train": settings.model_dump(mode="json"), "training": training}
    save_weights(weights, network.state_dict(), network.facts() | facts)


def _pretrained_network(saxs: Path, sans: Path) -> PairVAE:
    network = PairVAE(load_resvae(saxs), load_resvae(sans))
    lengths = network.saxs.latent_dim, network.sans.latent_dim
    if lengths[0] != lengths[1]:
        raise UserError(
            f"latent_dim is {lengths[0]} in {saxs} and {lengths[1]} in {sans}; "
            "both techniques share one latent space: set latent_dim for the run, not for a stage"
        )
    return network
