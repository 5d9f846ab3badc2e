"""Random changes of curves in training: of samples into others that might have been measured, and of what is seen."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from pairvae.models.resvae import ResVAE
from pairvae.models.source_path import SourceCurve
from pairvae.models.tensors import Batch, Batches
from pairvae.prepare.covariates import Covariate
from pairvae.scattering.spectrum import Technique
from pairvae.settings import Fit

HIDDEN_AT_MOST = 0.4  # of the grid, at each end or in one gap
HIDDEN_SOURCES = 0.1  # share of the samples whose source path is closed


def hide_part(mask: Tensor, probability: float) -> Tensor:
    """Hide a random q range of some rows: at both ends, as a shorter measurement would, or in one gap between.

    Parameters
    ----------
    mask : Tensor, shape (batch, q)
        1 where measured.
    probability : float
        Share of the rows that lose something.
    """
    batch, points = mask.shape
    low, high, chosen, begin, length, kind = torch.rand(6, batch, 1, device=mask.device)
    place = torch.linspace(0, 1, points, device=mask.device)
    ends = (place < low * HIDDEN_AT_MOST) | (place > 1 - high * HIDDEN_AT_MOST)
    gap = (place - begin).abs() < length * HIDDEN_AT_MOST / 2
    hidden: Tensor = (chosen < probability) & torch.where(kind < 0.5, ends, gap)
    return mask * ~hidden


def hide_covariates(covariates: Tensor, described: Sequence[Covariate], settings: Fit) -> Tensor:
    """Make the covariates of some samples unknown: all zeros.

    Parameters
    ----------
    covariates : Tensor, shape (batch, width)
        From `encode_covariates`.
    described : sequence of Covariate
        What the columns mean.
    settings : Fit
        Of which share, and whether each covariate is hidden by itself.
    """
    drawn = torch.rand(len(covariates), 1, device=covariates.device)
    if settings.hide_each_covariate and described:
        widths = torch.tensor([covariate.width for covariate in described], device=covariates.device)
        apart = torch.rand(len(covariates), len(described), device=covariates.device)
        drawn = torch.minimum(2 * drawn, apart).repeat_interleave(widths, dim=1)
    return covariates * (drawn >= settings.hidden_covariates)


def hide_curves(curves: SourceCurve) -> SourceCurve:
    """Hide the source curve of some rows from the source path: the code must go on saying all by itself."""
    mask = curves.mask
    return curves._replace(mask=mask * (torch.rand(len(mask), 1, device=mask.device) >= HIDDEN_SOURCES))


def renoised(curves: Batch, factor: float) -> Tensor:
    """log10 I of curves measured once more: I + factor · σ · ε with ε of variance 1, floored as `normalize` does.

    Denoising autoencoder: Vincent et al., ICML 2008.

    Parameters
    ----------
    curves : dict of Tensor
        As `as_tensors` gives them.
    factor : float
        0 leaves the curves as they are and draws no random numbers.
    """
    if not factor:
        return curves["log_intensity"]
    relative = math.log(10) * curves["log_sigma"]
    noisy = 1 + factor * relative * torch.randn_like(relative)
    lowest = (curves["noise_floor"] * relative).clamp(1e-6, 1)
    return curves["log_intensity"] + torch.log10(torch.maximum(noisy, lowest))


def other_samples(batch: Batches, networks: Mapping[Technique, ResVAE], settings: Fit, left: float = 1.0) -> Batches:
    """Curves of other samples of the kind: of another concentration, of larger or smaller particles.

    Both curves of a pair change alike, by up to `intensity_shift_dex` and `q_shift_dex`; as the training goes on, the
    sizes come back to those of the data.

    Parameters
    ----------
    batch : mapping of dict of Tensor
        Measured curves by technique, as `as_tensors` gives them.
    networks : mapping
        What sees the curves: the networks of the same techniques.
    settings : Fit
        How much at most.
    left : float
        Share of the training that is left.
    """
    both = list(networks.values())
    like = batch[next(iter(networks))]["mask"]
    # where one curve does not tell its scale, the other's cannot be moved along
    known_scale = len(both) == 1 or not any(network.scale_free for network in both)
    moved = shift(like, settings.intensity_shift_dex if known_scale else 0.0)
    batch = {t: batch[t] | {"log_intensity": batch[t]["log_intensity"] + moved} for t in networks}
    patterns = any(network.architecture.image for network in both)  # whose pixels lie on no grid of log q
    if patterns or not settings.q_shift_dex:
        return batch
    decades = shift(like, left * settings.q_shift_dex)
    return {t: _dilated(batch[t], network.q, decades) for t, network in networks.items()}


def _dilated(curves: Batch, q: Tensor, decades: Tensor) -> Batch:
    """Curves of particles 10**decades times as large in all directions: I at q is what was measured at q · 10**decades.

    Particles scatter by the products of q and their lengths, and in proportion to volume and volume fraction: these are
    particles of the larger volume at a volume fraction smaller by the same factor, before the same background.
    Between points of the grid, which lie evenly in log q, log10 I and its uncertainty are interpolated; masked is
    what lies beyond the grid or beside a point that was not measured.
    """
    last = len(q) - 1
    places = torch.arange(len(q), device=decades.device) + decades * (last / torch.log10(q[-1] / q[0])).float()
    within = places.clamp(0, last)
    below = within.floor().clamp(max=last - 1).long()

    def read(values: Tensor) -> Tensor:
        return torch.lerp(values.gather(1, below), values.gather(1, below + 1), within - below)

    log_intensity, log_sigma, mask = (read(curves[name]) for name in ("log_intensity", "log_sigma", "mask"))
    seen = (places == within) & (mask > 0.999)
    return curves | {"log_intensity": log_intensity, "log_sigma": log_sigma, "mask": seen.float()}


def shift(like: Tensor, dex: float) -> Tensor:
    """A random number of decades per row, shape (batch, 1), between -dex and dex."""
    return (2 * torch.rand(len(like), 1, device=like.device) - 1) * dex
