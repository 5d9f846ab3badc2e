"""Facts of a sample that the networks take as input: numbers and categories, missing ones allowed."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict

from pairvae.errors import UserError
from pairvae.prepare.spectra_file import Rows

FARTHEST = 10  # standard deviations from the training samples' mean: beyond, a number was meant in another unit


class Covariate(BaseModel):
    """One column, as the train split showed it.

    Parameters
    ----------
    name : str
        Column of samples.csv.
    kind : {"number", "category"}
        Numbers are standardised, categories become one component per value.
    mean, std : float
        Of a number, over the train split.
    values : tuple of str
        Of a category, those seen in the train split.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    kind: Literal["number", "category"]
    mean: float = 0.0
    std: float = 1.0
    values: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """Components in the encoded row."""
        return 2 if self.kind == "number" else len(self.values)


def fit_covariates(table: pd.DataFrame, names: tuple[str, ...]) -> tuple[Covariate, ...]:
    """Learn scale and values of the named columns from the train split.

    Raises
    ------
    UserError
        A column is missing or empty.
    """
    found = []
    for name in names:
        if name not in table:
            raise UserError(
                f"covariate {name!r} is not a column of samples.csv; its columns are {', '.join(map(str, table))}; "
                "mend `covariates` in the configuration or add the column"
            )
        column = table[name].dropna()
        if column.empty:
            raise UserError(f"covariate {name!r} is empty for every training sample; fill it or leave it out")
        if pd.api.types.is_numeric_dtype(column):
            mean, spread = float(column.mean()), float(column.std(ddof=0))
            found.append(Covariate(name=name, kind="number", mean=mean, std=spread or 1.0))
        else:
            found.append(Covariate(name=name, kind="category", values=tuple(sorted(set(map(str, column))))))
    return tuple(found)


def encode_covariates(covariates: tuple[Covariate, ...], table: pd.DataFrame) -> Rows:
    """Rows that the networks see, shape (samples, width); all zeros mean unknown."""
    parts = [np.zeros((len(table), 0), np.float32)]
    for covariate in covariates:
        column = table[covariate.name] if covariate.name in table else pd.Series(np.nan, index=table.index)
        if covariate.kind == "number":
            value = pd.to_numeric(column, errors="coerce").to_numpy(float)
            known = np.isfinite(value)
            scaled = np.where(known, (np.where(known, value, 0) - covariate.mean) / covariate.std, 0)
            parts.append(np.stack([scaled, known], axis=1).astype(np.float32))
        else:
            text = column.astype(str).to_numpy()
            parts.append((text[:, None] == np.array(covariate.values, dtype=object)[None, :]).astype(np.float32))
    return np.concatenate(parts, axis=1)


def check_covariates(covariates: tuple[Covariate, ...], given: Mapping[str, Any]) -> pd.DataFrame:
    """One row of covariates as a user typed them.

    Raises
    ------
    UserError
        A name the model does not know, a number that is none or far from all of the training, or a category that it
        never saw.
    """
    known = {covariate.name: covariate for covariate in covariates}
    row: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            names = ", ".join(known) or "none"
            raise UserError(f"covariate {name!r}: this model was trained with {names}; leave it out or train with it")
        covariate = known[name]
        if covariate.kind == "number":
            try:
                row[name] = float(value)
            except (TypeError, ValueError):
                raise UserError(f"covariate {name}={value!r}: expected a number, for example {name}=0.42") from None
            if abs(row[name] - covariate.mean) > FARTHEST * covariate.std:  # never so of nan: unknown
                raise UserError(
                    f"covariate {name}={value}: the model was trained with {covariate.mean:.3g} ± {covariate.std:.2g} "
                    "(mean, standard deviation); expected a number near these, in their unit"
                )
        elif str(value) not in covariate.values:  # noqa: PD011, no data frame
            raise UserError(f"covariate {name}={value!r}: the model was trained with {', '.join(covariate.values)}")
        else:
            row[name] = str(value)
    return pd.DataFrame([row], index=[0])
