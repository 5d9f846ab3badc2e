"""A trained model as the beginning of another training: with new covariates, otherwise unchanged."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from pairvae.errors import UserError
from pairvae.models.ensemble import Ensemble
from pairvae.models.model_folder import load_folder
from pairvae.models.pairvae import PairVAE
from pairvae.models.resvae import ResVAE
from pairvae.prepare.covariates import Covariate, fit_covariates
from pairvae.prepare.spectra_file import load_spectra
from pairvae.scattering.spectrum import TECHNIQUES, Technique


def start_network(
    folder: Path, spectra: Mapping[Technique, Path], table: pd.DataFrame, names: tuple[str, ...], member: int = 1
) -> PairVAE:
    """The networks of a model folder, made ready for other samples.

    Grids and scalers stay as they are. Covariates that the model knows keep their scale; what is new (a column, or a
    value of a category) is added with weights of zero, so that the network begins as the one in the folder.

    Parameters
    ----------
    folder : Path
        Model folder that `calibrate` wrote.
    spectra : mapping of Path
        Gridded curves by technique.
    table : DataFrame
        Training samples with their covariates.
    names : tuple of str
        Columns that the networks take as input, besides those that the model knows.
    member : int
        Which member of an ensemble to begin with; counted round where the folder holds fewer.

    Raises
    ------
    UserError
        The folder is missing, altered or of another format, the curves lie on another grid or scale, or a covariate is
        a number for the model and a text in the table.
    """
    tensors, about = load_folder(folder)
    network = PairVAE.from_facts(about["network"])
    network.load_state_dict({n.removeprefix("network."): t for n, t in tensors.items() if n.startswith("network.")})
    begun = {t: _member(network.of(t), member) for t in TECHNIQUES}
    for technique in TECHNIQUES:
        empty = load_spectra(spectra[technique], np.empty(0, np.int64))
        q, grid = empty.q, network.of(technique).q.numpy()
        if empty.scale_free != network.of(technique).scale_free:
            raise UserError(
                f"{spectra[technique]}: has scale_free {empty.scale_free}, the model {folder} the other; set "
                f"normalize.{technique}.scale_free as for the model (the workflow does)"
            )
        if q.shape != grid.shape or not np.allclose(q, grid, rtol=1e-9):
            raise UserError(
                f"{spectra[technique]}: lies on {q.size} points from {q[0]:.6g} to {q[-1]:.6g} 1/Å, the model {folder} "
                f"on {grid.size} from {grid[0]:.6g} to {grid[-1]:.6g} 1/Å; set normalize.{technique}.grid to the "
                "model's (the workflow does)"
            )
    return PairVAE(*(widened(network, known_besides(network.covariates, table, names)) for network in begun.values()))


def _member(network: ResVAE | Ensemble, number: int) -> ResVAE:
    if isinstance(network, ResVAE):
        return network
    return network.members[(number - 1) % len(network.members)]


def known_besides(
    covariates: tuple[Covariate, ...], table: pd.DataFrame, names: tuple[str, ...]
) -> tuple[Covariate, ...]:
    """A model's covariates with new values of its categories, then the new ones, as the train split shows them.

    Parameters
    ----------
    covariates : tuple of Covariate
        Those of the model that the training starts from.
    table : DataFrame
        Samples of the train split with their columns of samples.csv.
    names : tuple of str
        Covariates that the settings name.

    Raises
    ------
    UserError
        A column holds numbers where the model knows categories, or the reverse.
    """
    old = {covariate.name: covariate for covariate in covariates}
    shown = {c.name: c for c in fit_covariates(table, tuple(n for n in old if n in table and table[n].notna().any()))}
    for name, covariate in shown.items():
        if covariate.kind != old[name].kind:
            raise UserError(
                f"covariate {name!r}: samples.csv has a {covariate.kind}, the model that joint_train.start_from names "
                f"was trained with a {old[name].kind}; mend or rename the column"
            )
        added = tuple(value for value in covariate.values if value not in old[name].values)  # noqa: PD011
        old[name] = old[name].model_copy(update={"values": old[name].values + added})  # noqa: PD011
    return (*old.values(), *fit_covariates(table, tuple(name for name in names if name not in old)))


def widened(network: ResVAE, covariates: tuple[Covariate, ...]) -> ResVAE:
    """The same network with more covariates: every layer that reads them gets columns of zeros for the new ones.

    Covariates are the last columns of the layers that read them.
    """
    wide = ResVAE.from_facts(
        network.facts() | {"covariates": [covariate.model_dump(mode="json") for covariate in covariates]}
    )
    before = sum(covariate.width for covariate in network.covariates)
    places: list[int] = []  # of the old columns among the new ones
    start = 0
    widths = {covariate.name: covariate.width for covariate in network.covariates}
    for covariate in covariates:
        places += range(start, start + widths.get(covariate.name, 0))
        start += covariate.width

    def fill(old: Tensor | None, new: Tensor) -> Tensor:
        if old is None:  # a layer that reads covariates alone, of which there were none
            return torch.zeros_like(new)
        if old.shape == new.shape:
            return old
        others = old.shape[-1] - before
        new = torch.zeros_like(new)
        new[..., :others] = old[..., :others]
        new[..., [others + place for place in places]] = old[..., others:]
        return new

    tensors = network.state_dict()
    wide.load_state_dict({name: fill(tensors.get(name), tensor) for name, tensor in wide.state_dict().items()})
    return wide
