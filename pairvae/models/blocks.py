"""Blocks that encoder and decoder are made of, for curves (one dimension) and patterns (two)."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

ACTIVATION = {"gelu": nn.GELU, "silu": nn.SiLU}
CONVOLUTION = {1: nn.Conv1d, 2: nn.Conv2d}
TRANSPOSED = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d}
BATCH_NORM = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d}
AVERAGE_POOL = {1: nn.AvgPool1d, 2: nn.AvgPool2d}
LAYER_SCALE = 1e-6  # its first value (Touvron et al., ICCV 2021; Liu et al., ConvNeXt, CVPR 2022)
NARROWING = 4  # of the channels in a bottleneck (He et al., CVPR 2016)
REDUCTION = 16  # of the channels in squeeze and excitation (Hu et al., CVPR 2018)


class Style(NamedTuple):
    """What the blocks of one network have in common; the names are those of `Architecture`."""

    dimensions: int = 1
    normalization: str = "group"
    activation: str = "silu"
    block: str = "basic"
    squeeze_excitation: bool = False
    downsampling: str = "strided"
    upsampling: str = "interleave"
    kernel_size: int = 5


def convolution(style: Style, channels_in: int, channels_out: int, kernel_size: int, stride: int = 1) -> nn.Module:
    """Convolution that keeps the length, divided by the stride and rounded up.

    Parameters
    ----------
    style : Style
        What the blocks of the network have in common.
    channels_in, channels_out : int
        Channels before and after.
    kernel_size : int
        Points of the kernel, an odd number.
    stride : int
        Points from one output to the next.
    """
    return CONVOLUTION[style.dimensions](channels_in, channels_out, kernel_size, stride, padding=kernel_size // 2)


def transposed_convolution(
    style: Style, channels_in: int, channels_out: int, kernel_size: int, stride: int
) -> nn.Module:
    """Transposed convolution that multiplies the length by the stride.

    Parameters
    ----------
    style : Style
        What the blocks of the network have in common.
    channels_in, channels_out : int
        Channels before and after.
    kernel_size : int
        Points of the kernel.
    stride : int
        Factor of the length.
    """
    padding = max(0, (kernel_size - stride + 1) // 2)
    output_padding = stride - kernel_size + 2 * padding
    return TRANSPOSED[style.dimensions](channels_in, channels_out, kernel_size, stride, padding, output_padding)


def normalization(style: Style, channels: int) -> nn.Module:
    """None, of the batch (Ioffe and Szegedy, ICML 2015) or of groups of channels (Wu and He, ECCV 2018)."""
    if style.normalization == "batch":
        return BATCH_NORM[style.dimensions](channels)
    return nn.GroupNorm(math.gcd(8, channels), channels) if style.normalization == "group" else nn.Identity()


def interpolation(style: Style, factor: int) -> nn.Upsample:
    """Linear in every dimension."""
    return nn.Upsample(scale_factor=factor, mode={1: "linear", 2: "bilinear"}[style.dimensions], align_corners=False)


class Residual(nn.Module):
    """skip(x) + branch(x)."""

    def __init__(self, branch: nn.Module, skip: nn.Module) -> None:
        super().__init__()
        self.branch, self.skip = branch, skip

    def forward(self, x: Tensor) -> Tensor:
        """Both must come to the same shape."""
        total: Tensor = self.skip(x) + self.branch(x)
        return total


def residual(style: Style, channels_in: int, channels_out: int, kernel_size: int | None = None) -> Residual:
    """Residual block that keeps the length, with normalisation and activation before each convolution.

    Parameters
    ----------
    style : Style
        What the blocks of the network have in common.
    channels_in, channels_out : int
        Channels before and after.
    kernel_size : int, optional
        Points of the kernels; None: that of the style.

    References
    ----------
    He et al., Deep residual learning for image recognition, CVPR 2016.
    """
    kernel = kernel_size or style.kernel_size
    resized: list[nn.Module] = [convolution(style, *_waist(style, channels_in, channels_out), kernel)]
    branch = _branch(style, channels_in, channels_out, kernel, resized)
    same = channels_in == channels_out
    return Residual(branch, nn.Identity() if same else convolution(style, channels_in, channels_out, 1))


def down(style: Style, channels_in: int, channels_out: int, kernel_size: int | None = None) -> Residual:
    """Residual block that halves the length, ⌈length/2⌉.

    The skip is a strided 1×1 convolution (He et al., CVPR 2016), or the mean of neighbours and a 1×1 convolution, which
    drops no point (ResNet-D; He et al., Bag of tricks for image classification, CVPR 2019, figure 2c).

    Parameters
    ----------
    style : Style
        What the blocks of the network have in common.
    channels_in, channels_out : int
        Channels before and after.
    kernel_size : int, optional
        Points of the kernels; None: that of the style.
    """
    kernel = kernel_size or style.kernel_size
    resized: list[nn.Module] = [convolution(style, *_waist(style, channels_in, channels_out), kernel, stride=2)]
    branch = _branch(style, channels_in, channels_out, kernel, resized)
    if style.downsampling == "strided":
        return Residual(branch, convolution(style, channels_in, channels_out, 1, stride=2))
    pool = AVERAGE_POOL[style.dimensions](2, ceil_mode=True, count_include_pad=False)
    return Residual(branch, nn.Sequential(pool, convolution(style, channels_in, channels_out, 1)))


def up(style: Style, channels_in: int, channels_out: int, kernel_size: int | None = None) -> Residual:
    """Residual block that doubles the length.

    By interleaving channels (pixel shuffle: Shi et al., CVPR 2016), by transposed convolutions, or by linear
    interpolation and a convolution, which leaves no checkerboard (Odena et al., Distill 2016).

    Parameters
    ----------
    style : Style
        What the blocks of the network have in common.
    channels_in, channels_out : int
        Channels before and after.
    kernel_size : int, optional
        Points of the kernels; None: that of the style.
    """
    kernel = kernel_size or style.kernel_size
    resized = _doubled(style, *_waist(style, channels_in, channels_out), kernel)
    branch = _branch(style, channels_in, channels_out, kernel, resized)
    if style.upsampling == "transposed":
        return Residual(branch, transposed_convolution(style, channels_in, channels_out, 2, stride=2))
    return Residual(branch, nn.Sequential(*_doubled(style, channels_in, channels_out, 1)))


def _doubled(style: Style, channels_in: int, channels_out: int, kernel: int) -> list[nn.Module]:
    if style.upsampling == "interleave":
        wide = 2**style.dimensions * channels_out
        return [convolution(style, channels_in, wide, kernel), interleave(style, 2)]
    if style.upsampling == "transposed":
        return [transposed_convolution(style, channels_in, channels_out, kernel, stride=2)]
    return [interpolation(style, 2), convolution(style, channels_in, channels_out, kernel)]


def _waist(style: Style, channels_in: int, channels_out: int) -> tuple[int, int]:
    """Channels into and out of the convolution that changes the length."""
    if style.block == "basic":
        return channels_in, channels_out
    return (narrow := max(1, channels_out // NARROWING)), narrow


def _branch(style: Style, channels_in: int, channels_out: int, kernel: int, resized: list[nn.Module]) -> nn.Sequential:
    """What is added to the skip; it begins as nothing, or with LayerScale as next to nothing."""
    activation = ACTIVATION[style.activation]
    last: list[nn.Module] = [squeeze_excitation(style, channels_out)] if style.squeeze_excitation else []
    if style.block == "basic":
        return nn.Sequential(
            normalization(style, channels_in),
            activation(),
            *resized,
            normalization(style, channels_out),
            activation(),
            _silent(convolution(style, channels_out, channels_out, kernel)),
            *last,
        )
    narrow, _ = _waist(style, channels_in, channels_out)
    return nn.Sequential(
        normalization(style, channels_in),
        activation(),
        convolution(style, channels_in, narrow, 1),
        normalization(style, narrow),
        activation(),
        *resized,
        normalization(style, narrow),
        activation(),
        convolution(style, narrow, channels_out, 1),
        *last,
        LayerScale(style, channels_out),
    )


def _silent(layer: nn.Module) -> nn.Module:
    """The same layer with zero weights: a residual branch that begins as nothing."""
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    return layer


class LayerScale(nn.Module):
    """One learned factor per channel, 1e-6 in the beginning.

    Touvron et al., Going deeper with image transformers, ICCV 2021, eq. 1.
    """

    def __init__(self, style: Style, channels: int) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.full((channels, *[1] * style.dimensions), LAYER_SCALE))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channel, length) to the same."""
        return self.factor * x


class Scaled(nn.Module):
    """x · weights(x)."""

    def __init__(self, weights: nn.Module) -> None:
        super().__init__()
        self.weights = weights

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channel, length) to the same."""
        weights: Tensor = self.weights(x)
        return x * weights


def squeeze_excitation(style: Style, channels: int, reduction: int = REDUCTION) -> Scaled:
    """Weigh channels by σ(W₂ ReLU(W₁ mean(x))).

    Parameters
    ----------
    style : Style
        What the blocks of the network have in common.
    channels : int
        Channels of x.
    reduction : int
        W₁ leads to channels/reduction features, at least 4.

    References
    ----------
    Hu et al., Squeeze-and-excitation networks, CVPR 2018, eq. 2 to 4.
    """
    narrow = max(4, channels // reduction)
    mean = {1: nn.AdaptiveAvgPool1d, 2: nn.AdaptiveAvgPool2d}[style.dimensions](1)
    first, second = convolution(style, channels, narrow, 1), convolution(style, narrow, channels, 1)
    return Scaled(nn.Sequential(mean, first, nn.ReLU(), second, nn.Sigmoid()))


class Attention(nn.Module):
    """x + self-attention of all points, by several heads; it begins as nothing.

    Vaswani et al., Attention is all you need, NeurIPS 2017, section 3.2, normalised before (Xiong et al., ICML 2020).
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.attention = nn.MultiheadAttention(channels, heads, batch_first=True)
        _silent(self.attention.out_proj)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channel, length) to the same."""
        points = self.norm(x.flatten(2).transpose(1, 2))
        attended: Tensor
        attended, _ = self.attention(points, points, points, need_weights=False)
        return x + attended.transpose(1, 2).reshape(x.shape)


class Interleave(nn.Module):
    """Pixel shuffle in one dimension: groups of channels become neighbouring points."""

    def __init__(self, factor: int) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """(batch, factor·channel, length) to (batch, channel, factor·length)."""
        batch, channels, length = x.shape
        x = x.reshape(batch, channels // self.factor, self.factor, length)
        return x.transpose(2, 3).reshape(batch, channels // self.factor, length * self.factor)


def interleave(style: Style, factor: int) -> nn.Module:
    """Pixel shuffle in one or two dimensions."""
    return Interleave(factor) if style.dimensions == 1 else nn.PixelShuffle(factor)


def residual_linear(width: int, dropout: float, activation: str = "silu") -> Residual:
    """Residual block of two linear layers on features (batch, width).

    Parameters
    ----------
    width : int
        Number of features.
    dropout : float
        Share of the features that is dropped between the layers.
    activation : {"silu", "gelu"}
        What stands between the layers.
    """
    branch = nn.Sequential(
        nn.LayerNorm(width),
        nn.Linear(width, width),
        ACTIVATION[activation](),
        nn.Dropout(dropout),
        _silent(nn.Linear(width, width)),
    )
    return Residual(branch, nn.Identity())
