"""What a network is made of."""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from pairvae.settings.layer_text import parse_layer
from pairvae.settings.stage import StageSettings

# What `network` implies for settings that were left empty.
IMPLIED = {
    "resvae": {
        "normalization": "group",
        "activation": "silu",
        "linear_skips": True,
        "linear_blocks": 2,
        "slopes": (8,),
    },
    "vae": {"normalization": "batch", "activation": "gelu", "linear_skips": False, "linear_blocks": 0, "slopes": ()},
}
# Settings that say something of residual blocks, which a vae has none of.
RESIDUAL = ("block", "squeeze_excitation", "attention", "downsampling", "upsampling", "stem_stride")
# Settings that are said by the lists `encoder` and `decoder` where there are such.
LISTED = ("network", "channels", "attention", "stem_stride", "head")


class Architecture(StageSettings):
    """The residual variational autoencoder of one technique."""

    network: Literal["resvae", "vae"] = Field(
        "resvae", description="resvae: residual blocks; vae: plain strided convolutions."
    )
    channels: tuple[int, ...] = Field(
        (16, 32, 64), min_length=1, description="Channels of the residual blocks; each halves the length."
    )
    hidden: int = Field(256, ge=8, description="Width of the linear layers between the blocks and the code.")
    dropout: float = Field(0.1, ge=0, lt=1, description="Dropout in the residual linear blocks.")
    latent_logvar: tuple[float, float] = Field(
        (-12.0, 4.0), description="Limits of the log-variance of the code's posterior."
    )
    kernel_size: int = Field(5, ge=1, description="Kernel size of the convolutions in the blocks, in points; odd.")
    stem_stride: int = Field(4, ge=1, description="Stride of the first convolution of a resvae.")
    normalization: Literal["none", "batch", "group"] | None = Field(
        None, description="Normalisation in the blocks; empty: group in a resvae, batch in a vae."
    )
    activation: Literal["gelu", "silu"] | None = Field(
        None, description="Activation function; empty: silu in a resvae, gelu in a vae."
    )
    block: Literal["basic", "bottleneck"] = Field(
        "basic", description="basic: two wide convolutions; bottleneck: three narrow ones with LayerScale."
    )
    squeeze_excitation: bool = Field(
        False, description="Add squeeze-and-excitation to the blocks, which weights their channels."
    )
    attention: int = Field(
        0, ge=0, description="Number of self-attention heads where the curve is shortest; 0: no attention."
    )
    downsampling: Literal["strided", "average_pool"] = Field(
        "strided",
        description="How the skip of a block halves the length: strided convolution, or average pooling (ResNet-D).",
    )
    upsampling: Literal["interleave", "transposed", "linear"] = Field(
        "interleave",
        description="How a block doubles the length: pixel shuffle, transposed convolution, or interpolation and "
        "convolution.",
    )
    head: Literal["linear", "pool"] = Field(
        "linear",
        description="What the linear layers receive from the last block: linear: all points; pool: their mean.",
    )
    linear_skips: bool | None = Field(
        None,
        description="Linear layers that bypass the blocks, from the input and to the output; empty: only in a resvae.",
    )
    linear_blocks: int | None = Field(
        None, ge=0, description="Residual linear blocks on each side of the code; empty: 2 in a resvae, 0 in a vae."
    )
    mask_channel: bool = Field(True, description="Add an input channel that marks the measured points.")
    slopes: tuple[Annotated[int, Field(ge=1, le=15)], ...] | None = Field(
        None,
        description="Input channels with the slope d log I / d log q over ± so many grid points; empty: [8] in a "
        "resvae that is made from channels.",
    )
    image: tuple[int, int] | None = Field(
        None, description="Rows and columns of a detector pattern, if the data are patterns; empty: curves."
    )
    encoder: tuple[str, ...] = Field(
        (), description="Layers as text, such as [conv 2 32 7 4, 2*res 32 32, down 32 64]; empty: built from channels."
    )
    decoder: tuple[str, ...] = Field((), description="Layers as text, the mirror of encoder.")
    variance: Literal["per_q", "one", "fixed"] = Field(
        "per_q",
        description="Error of a decoded curve: per_q: learned at each q; one: one learned number; fixed: "
        "fixed_error_dex.",
    )
    fixed_error_dex: float = Field(0.1, gt=0, description="Standard error in decades, if variance is fixed.")
    quantization: Literal["none", "vq", "fsq"] = Field(
        "none", description="Kind of code: none: Gaussian; vq: vectors of a codebook; fsq: numbers with few levels."
    )
    codes: int = Field(512, ge=2, description="Number of vectors in the codebook of vq.")
    code_dim: int = Field(4, ge=1, description="Number of components of the code that form one vector of vq.")
    levels: tuple[int, ...] = Field(
        (8, 5, 5, 5), min_length=1, description="Number of levels of each component of fsq."
    )
    commitment_weight: float = Field(0.25, ge=0, description="Weight of the commitment term of vq.")
    scaling: Literal["standard", "min_max"] = Field(
        "standard",
        description="Scaling of log10 I: standard: mean 0 and standard deviation 1 at each q; min_max: train split "
        "to 0…1.",
    )
    output: Literal["linear", "sigmoid"] = Field(
        "linear", description="Last function of the decoder; sigmoid needs scaling: min_max."
    )

    @field_validator("encoder", "decoder")
    @classmethod
    def _are_layers(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for place, text in enumerate(texts, start=1):
            try:
                parse_layer(text)
            except ValueError as error:
                raise ValueError(f"layer {place} of the list: {error}") from None
        return texts

    @field_validator("levels")
    @classmethod
    def _are_levels(cls, levels: tuple[int, ...]) -> tuple[int, ...]:
        if min(levels) < 2:
            raise ValueError("every component of fsq needs at least 2 levels")
        return levels

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        low, high = self.latent_logvar
        if not low < high:
            raise ValueError(f"latent_logvar is [{low:g}, {high:g}]; expected the lower limit first")
        if self.output == "sigmoid" and self.scaling != "min_max":
            raise ValueError("output: sigmoid gives numbers from 0 to 1; set scaling: min_max")
        if self.kernel_size % 2 == 0:
            raise ValueError(f"kernel_size: {self.kernel_size} has no middle; expected an odd number")
        if self.image and self.slopes:
            raise ValueError("image: a pattern has no slope against q; leave out slopes")
        if bool(self.encoder) != bool(self.decoder):
            raise ValueError("encoder and decoder are given together; found one of them")
        if self.encoder and (said := self._changed(LISTED)):
            raise ValueError(f"encoder and decoder say all layers; leave out {', '.join(said)}")
        if self.network == "vae" and (said := self._changed(RESIDUAL)):
            raise ValueError(
                f"network: vae has no residual blocks; leave out {', '.join(said)}, or set network: resvae"
            )
        if self.attention and self.channels[-1] % self.attention:
            raise ValueError(f"attention: {self.attention} heads do not divide {self.channels[-1]} channels")
        return self

    def _changed(self, names: tuple[str, ...]) -> list[str]:
        return [name for name in names if getattr(self, name) != type(self).model_fields[name].default]

    def filled(self) -> Self:
        """The same with nothing left empty that `network` implies."""
        implied = {name: value for name, value in IMPLIED[self.network].items() if getattr(self, name) is None}
        if "slopes" in implied and (self.encoder or self.image):
            implied["slopes"] = ()
        return self.model_copy(update=implied)
