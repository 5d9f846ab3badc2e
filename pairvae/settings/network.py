"""What a network is made of."""

from typing import Self

from pydantic import Field, model_validator

from pairvae.settings.stage import StageSettings


class Architecture(StageSettings):
    """The residual variational autoencoder of one technique."""

    channels: tuple[int, ...] = Field(
        (16, 32, 64), min_length=1, description="Channels of the residual blocks; each halves the length."
    )
    hidden: int = Field(256, ge=8, description="Width of the linear layers between blocks and code.")
    dropout: float = Field(0.1, ge=0, lt=1, description="Dropout in the residual linear blocks.")
    latent_logvar: tuple[float, float] = Field(
        (-12.0, 4.0), description="Limits of the log-variance of the code's posterior."
    )

    @model_validator(mode="after")
    def _check_latent_logvar(self) -> Self:
        low, high = self.latent_logvar
        if not low < high:
            raise ValueError(f"latent_logvar is [{low:g}, {high:g}]; expected the lower limit first")
        return self
