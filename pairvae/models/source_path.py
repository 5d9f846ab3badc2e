"""A way from the source's curve to the predicted one, past the code.

Where one contrast rules, both techniques see the same shape: the partner's curve is the source's, smeared by the other
instrument, times a factor, plus a background. A code of a few numbers blurs what the source's curve says exactly.
"""

from collections.abc import Mapping
from typing import NamedTuple, Self

import torch
from torch import Tensor, nn

WIDTHS = (0.02, 0.08, 0.2)  # standard deviations in ln q of the smeared copies: of SAXS and of SANS instruments
REACH = 0.35  # share of a smearing kernel that must lie on measured points
SELDOM = -2.0  # logit of each copy when the training begins
NO_BACKGROUND = -4.0  # decades, of the copies' background when the training begins
FAINTEST = -12.0  # decades below the median of a curve
EXCLUDED = -1e4  # logit of a copy where the source was not measured


class SourceCurve(NamedTuple):
    """What was measured by the source's technique, each (batch, q): log10 of intensity, and 1 where measured."""

    log_intensity: Tensor
    mask: Tensor

    @classmethod
    def of(cls, curves: Mapping[str, Tensor]) -> Self:
        """The curves of a batch."""
        return cls(curves["log_intensity"], curves["mask"])


def masked_median(values: Tensor, mask: Tensor) -> Tensor:
    """Median of each row where the mask is 1, the lower of two in the middle, shape (batch, 1); 0 of none.

    As `torch.nanmedian`, which torch.onnx cannot export.
    """
    ordered = torch.where(mask > 0, values, torch.inf).sort(dim=1).values
    count = (mask > 0).sum(dim=1, keepdim=True)
    middle = ordered.gather(1, ((count - 1) // 2).clamp(min=0))
    return torch.where(count > 0, middle, 0)


class SourcePath(nn.Module):
    """Mixes the curve that was decoded from a code with smeared copies of the source's curve, point by point.

    The shares are learnt, from the decoder's features; they sum to 1 at every q. Copies are brought to the scale of the
    decoded curve and have a learnt flat background. Where the source was not measured its copies have no share.

    Parameters
    ----------
    hidden : int
        Width of the decoder's features.
    points, source_points : int
        Grid points of target and source.
    """

    kernels: Tensor

    def __init__(self, hidden: int, points: int, source_points: int) -> None:
        super().__init__()
        self.register_buffer("kernels", torch.zeros(len(WIDTHS), points, source_points))
        self.shares = nn.Linear(hidden, len(WIDTHS) * points)
        self.background = nn.Linear(hidden, 1)
        for layer, start in ((self.shares, SELDOM), (self.background, NO_BACKGROUND)):
            nn.init.zeros_(layer.weight)
            nn.init.constant_(layer.bias, start)

    def fit_grids(self, q: Tensor, source_q: Tensor) -> None:
        """Take the grids of target and source in 1/Å, each evenly spaced in log q."""
        target, source = torch.log(q)[:, None], torch.log(source_q)
        spacing = float(source[1] - source[0])
        # no narrower than the distance of the points, which interpolates between them
        widths = [max(width, 0.5 * spacing) for width in WIDTHS]
        self.kernels.copy_(torch.stack([torch.exp(-0.5 * ((target - source) / width) ** 2) for width in widths]))

    def forward(self, features: Tensor, source: SourceCurve, decoded: Tensor) -> Tensor:
        """The mixed curve, shape (batch, q), in decades.

        Parameters
        ----------
        features : Tensor, shape (batch, hidden)
            Of the decoder.
        source : SourceCurve
            On the source's grid; masked as the encoder saw it.
        decoded : Tensor, shape (batch, q)
            log10 of intensity, decoded from the code.
        """
        copies, known = self._copies(source, self.background(features))
        above = (known * (copies - decoded[:, None])).sum(dim=2, keepdim=True)
        copies = copies - above / known.sum(dim=2, keepdim=True).clamp(min=1)
        logits = self.shares(features).unflatten(1, known.shape[1:])
        logits = torch.where(known > 0, logits, EXCLUDED)
        shares = torch.softmax(nn.functional.pad(logits, (0, 0, 1, 0)), dim=1)
        return shares[:, 0] * decoded + (shares[:, 1:] * copies).sum(dim=1)

    def _copies(self, source: SourceCurve, background: Tensor) -> tuple[Tensor, Tensor]:
        """Smeared copies, and 1 where the source was measured, each (batch, widths, q)."""
        seen = source.mask > 0
        above = source.log_intensity - masked_median(source.log_intensity, source.mask)
        above = above.clamp(FAINTEST, -FAINTEST)
        intensity = torch.einsum("kts,bs->bkt", self.kernels, torch.where(seen, 10**above, 0))
        weight = torch.einsum("kts,bs->bkt", self.kernels, source.mask)
        known = (weight > REACH * self.kernels.sum(dim=2)).to(weight)
        smeared = intensity / weight.clamp(min=1e-6) + 10 ** background[:, :, None]
        return known * torch.log10(smeared.clamp(min=10**FAINTEST)), known
