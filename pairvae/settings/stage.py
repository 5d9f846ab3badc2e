"""What the settings of all stages have in common."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue

# The workflow fills these in: from the run's settings of the same name, else from the default in the schema.
FILLED: dict[str, JsonValue] = {"filled_in": True}


def numerics_version(number: int) -> Any:
    """A field of one value, to be raised when a stage's results change for the same settings: that forces a re-run."""
    return Field(number, json_schema_extra=FILLED, description="Version of this stage's numbers.")


class StageSettings(BaseModel):
    """What every group of settings has in common: no unknown keys, no change after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Seeded(StageSettings):
    """A stage that draws random numbers."""

    seed: int = Field(0, ge=0, json_schema_extra=FILLED, description="Seed of this stage; unset: the run's seed.")
