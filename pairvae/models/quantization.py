"""Codes of few values: vector quantisation and finite scalar quantisation, with gradients straight through.

Both put every position of (batch, channel, …) on the nearest of a fixed number of values; the channels of a position
are groups of `size`, and each group is one code. `passes` holds what each pass in training came to, until it is taken.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn


class Usage(NamedTuple):
    """What one pass came to, scalars: loss term, perplexity of the codes, share of them that occurred."""

    commitment: Tensor
    perplexity: Tensor
    used: Tensor


def usage(index: Tensor, count: int, commitment: Tensor) -> Usage:
    """Sum up the codes of a batch: perplexity exp(−Σ p log p) and the share of the `count` codes that occur.

    Parameters
    ----------
    index : Tensor of int, shape (n,)
        Which code each position got.
    """
    share = torch.bincount(index, minlength=count) / len(index)
    perplexity = torch.exp(-torch.special.xlogy(share, share).sum())
    return Usage(commitment, perplexity, (share > 0).float().mean())


def _by_code(x: Tensor, size: int, quantize: Callable[[Tensor], Tensor]) -> Tensor:
    """Apply `quantize` to the codes (n, size) of (batch, channel, …)."""
    last = x.movedim(1, -1)
    return quantize(last.reshape(-1, size)).reshape(last.shape).movedim(-1, 1)


class VectorQuantization(nn.Module):
    """Each code is the nearest vector e of a learned codebook: loss ‖sg(z) − e‖² + β‖z − sg(e)‖².

    sg stops gradients; behind the code the gradient goes straight to z. The first batch fills the codebook, so that no
    vector begins far from all codes (as in Łańcucki et al., IJCNN 2020).

    Parameters
    ----------
    count, size : int
        Vectors of the codebook, and components of each.
    commitment_weight : float
        β.

    References
    ----------
    van den Oord et al., Neural discrete representation learning, NeurIPS 2017, eq. 1 to 3.
    """

    filled: Tensor

    def __init__(self, count: int, size: int, commitment_weight: float = 0.25) -> None:
        super().__init__()
        self.count, self.size, self.commitment_weight = count, size, commitment_weight
        self.codebook = nn.Parameter(torch.empty(count, size).uniform_(-1 / count, 1 / count))
        self.register_buffer("filled", torch.tensor(False))
        self.passes: list[Usage] = []

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channel, …) to the same."""
        return _by_code(x, self.size, self._quantized)

    def _quantized(self, z: Tensor) -> Tensor:
        training = self.training and torch.is_grad_enabled()
        if training and not self.filled:
            self._fill(z.detach())
        # ‖z − e‖² without ‖z‖², which is the same for all
        distance = self.codebook.square().sum(dim=1) - 2 * z @ self.codebook.T
        index = distance.argmin(dim=1)
        nearest = self.codebook[index]
        if training:
            apart = (nearest - z.detach()).square().sum(dim=1).mean()
            committed = (z - nearest.detach()).square().sum(dim=1).mean()
            self.passes.append(usage(index, self.count, apart + self.commitment_weight * committed))
        return z + (nearest - z).detach()

    @torch.no_grad()
    def _fill(self, z: Tensor) -> None:
        drawn = z[torch.randint(len(z), (self.count,), device=z.device)]
        spread = 0.1 * z.std(dim=0, correction=0)  # more vectors than codes would else be one and the same
        self.codebook.copy_(drawn + spread * torch.randn_like(drawn))
        self.filled.fill_(True)


class FiniteScalarQuantization(nn.Module):
    """Each component is one of a few levels from −1 to 1: round(f(z)) / ⌊L/2⌋, f(z) = (L − 1)/2 · tanh(z + s) − o.

    o = ½ and tanh(s) = 2 o / (L − 1) for an even number of levels L, else both are 0. Every combination of levels is a
    code; nothing is learned, so no code dies and no term is needed.

    Parameters
    ----------
    levels : tuple of int
        L of each component.

    References
    ----------
    Mentzer et al., Finite scalar quantization: VQ-VAE made simple, ICLR 2024, section 3 and appendix A.1.
    """

    def __init__(self, levels: tuple[int, ...]) -> None:
        super().__init__()
        self.levels, self.size, self.count = levels, len(levels), math.prod(levels)
        self.passes: list[Usage] = []

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channel, …) to the same."""
        return _by_code(x, self.size, self._quantized)

    def _quantized(self, z: Tensor) -> Tensor:
        level = torch.tensor(self.levels, device=z.device)
        half = (level - 1) * (1 + 1e-3) / 2  # a little more, so that the outermost levels are reached
        offset = torch.where(level % 2 == 0, 0.5, 0.0)
        bounded = half * torch.tanh(z + torch.atanh(offset / half)) - offset
        rounded = bounded.round()
        if self.training and torch.is_grad_enabled():
            digit = (rounded.detach() + level // 2).long()
            place = torch.tensor([math.prod(self.levels[:i]) for i in range(self.size)], device=z.device)
            self.passes.append(usage((digit * place).sum(dim=1), self.count, z.new_zeros(())))
        return (bounded + (rounded - bounded).detach()) / (level // 2)


def taken(network: nn.Module) -> dict[str, Tensor]:
    """Sum up and forget the passes through all quantisations of a network; empty where there were none.

    Returns
    -------
    dict
        commitment: summed, a term of the loss; perplexity and codes_used: their means, for the history.
    """
    passes: list[Usage] = []
    for module in network.modules():
        if isinstance(module, VectorQuantization | FiniteScalarQuantization):
            passes += module.passes
            module.passes.clear()
    if not passes:
        return {}
    commitment, perplexity, used = (torch.stack(column) for column in zip(*passes, strict=True))
    return {"commitment": commitment.sum(), "perplexity": perplexity.mean(), "codes_used": used.mean()}
