"""What a network is made of."""

from pydantic import Field

from pairvae.settings.stage import StageSettings


class Architecture(StageSettings):
    """The residual variational autoencoder of one technique."""

    channels: tuple[int, ...] = Field(
        (16, 32, 64), min_length=1, description="Channels of the residual blocks; each halves the length."
    )
    hidden: int = Field(256, ge=8, description="Width of the linear layers between blocks and code.")
    dropout: float = Field(0.1, ge=0, lt=1, description="Dropout in the residual linear blocks.")
