"""Which partner: for each curve of one technique the most probable of many curves of the other."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from pairvae.errors import UserError
from pairvae.files.whole import written_whole
from pairvae.jobs.progress import tracked
from pairvae.models.predict import ROWS, Array, codes
from pairvae.models.tensors import Batch, Batches, take
from pairvae.samples.measured_samples import is_manifest
from pairvae.scattering.spectrum import TECHNIQUES, Technique, other
from pairvae.trust.consistency import likeness, p_values, pair_measures, whitened
from pairvae.use.arguments import Covariates, Curves, check_technique, whole_number
from pairvae.use.calibrated_model import CalibratedModel
from pairvae.use.inputs import Inputs
from pairvae.use.threads import set_threads

SHORT_LIST = 50  # candidates with the nearest codes, of which the likelihood is computed


@dataclass(frozen=True, eq=False)
class Matches:
    """The most probable partners of curves.

    Parameters
    ----------
    candidate : array of int, shape (samples, k)
        Positions among the candidates, the most probable first.
    likeness : array, shape (samples, k)
        Log-likelihood up to a factor; see `pairvae.trust.consistency.likeness`.
    p_value : array, shape (samples, k)
        Share of true pairs that look as strange or stranger: small for all of them, the partner is not there.
    """

    candidate: npt.NDArray[np.int64]
    likeness: Array
    p_value: Array


def match(
    model: CalibratedModel,
    spectra: Curves,
    among: Curves,
    to: Technique,
    k: int = 5,
    covariates: Covariates = None,
    candidate_covariates: Covariates = None,
) -> Matches:
    """Find the k most probable partners of each curve.

    Parameters
    ----------
    spectra : Spectrum or sequence
        Curves whose partner is looked for, measured by the other technique than `to`.
    among : Spectrum or sequence
        Candidates, measured by `to`.
    to : {"saxs", "sans"}
        Technique of the partners.
    k : int
        Partners per curve; as many as there are candidates at most.
    covariates, candidate_covariates : mapping or sequence of mappings, optional
        As in `translate`, of the curves and of the candidates.

    Raises
    ------
    UserError
        As `translate`; or there is no candidate.

    Examples
    --------
    >>> matches = model.match(saxs_curves, among=sans_curves, to="sans", k=5)
    >>> [sans_curves[i].sample for i in matches.candidate[0]]
    """
    check_technique("match: to", to)
    k, source = whole_number("match: k", k, 1), other(to)
    asking, _ = model.tensors(spectra, source, covariates)
    answering, _ = model.tensors(among, to, candidate_covariates)
    return match_tensors(model, asking, answering, to, k)


def match_tensors(model: CalibratedModel, asking: Batch, answering: Batch, to: Technique, k: int) -> Matches:
    """`match` of curves as the networks see them.

    Parameters
    ----------
    model : CalibratedModel
        Trained networks with their calibration.
    asking, answering : Batch
        Curves whose partners are wanted, and candidates.
    to : {"saxs", "sans"}
        Technique of the candidates.
    k : int
        Partners per curve; as many as there are candidates at most.
    """
    source, fitted = other(to), model.calibration.consistency
    of: Batches = {source: asking, to: answering}
    code = {t: codes(model.network, t, of[t]) for t in TECHNIQUES}
    place = {t: whitened(code[t], fitted) for t in TECHNIQUES}
    k, short = (min(wanted, len(code[to])) for wanted in (k, max(k, SHORT_LIST)))
    batches: list[Matches] = []
    step = max(1, ROWS // short)  # curves whose short lists make one batch
    starts = range(0, len(code[source]), step)
    for start in tracked(starts, "match", len(starts)):
        away = torch.cdist(place[source][start : start + step], place[to])
        near = away.argsort(dim=1, stable=True)[:, :short]
        pick = {source: torch.arange(start, start + len(near)).repeat_interleave(short), to: near.flatten()}
        pairs = {t: take(of[t], pick[t]) for t in TECHNIQUES}
        measures = pair_measures(model.network, pairs, fitted, {t: code[t][pick[t]] for t in TECHNIQUES})
        alike = likeness(measures).reshape(-1, short)
        probable = p_values(model.network, pairs, measures, fitted).reshape(-1, short)
        best = np.argsort(-alike, axis=1, kind="stable")[:, :k]
        columns = (near.numpy(), alike, probable)
        batches.append(Matches(*(np.take_along_axis(values, best, axis=1) for values in columns)))
    return Matches(
        candidate=np.concatenate([part.candidate for part in batches]),
        likeness=np.concatenate([part.likeness for part in batches]),
        p_value=np.concatenate([part.p_value for part in batches]),
    )


def match_files(
    inputs: Inputs, among: Sequence[str], model: CalibratedModel, to: Technique, k: int, output: Path
) -> None:
    """Find the most probable partners of files among other files and write one CSV.

    Parameters
    ----------
    inputs : Inputs
        Files or samples.csv; a samples.csv may hold the candidates, too: those of its rows that `to` measured.
    among : sequence of str
        Files, patterns, folders, or a samples.csv with the candidates; empty: those of `inputs`.
    k : int
        Partners per curve.
    output : Path
        CSV to write: sample, rank, partner, likeness, p_value.

    Raises
    ------
    UserError
        As `Inputs.samples` and `match`; nothing is written then.
    """
    source = other(to)
    if not among and not any(is_manifest(name) for name in inputs.files):
        raise UserError(f"match: expected the {to} curves to choose from as --among, or a samples.csv with both")
    candidates = replace(inputs, files=among, covariates=inputs.covariates) if among else replace(inputs, covariates=())
    answering = candidates.samples(to, model)
    asking = inputs.samples(source, model)
    for reader, samples in ((inputs, asking), (candidates, answering)):
        reader.spare([output], samples)
    set_threads(inputs.threads, len(asking) + len(answering))
    matches = match(
        model,
        [sample.curves[source] for sample in asking],
        [sample.curves[to] for sample in answering],
        to,
        k,
        [sample.covariates for sample in asking],
        [sample.covariates for sample in answering],
    )
    names = np.array([sample.name for sample in answering], dtype=object)
    ranks = matches.candidate.shape[1]
    table = pd.DataFrame(
        {
            "sample": np.repeat([sample.name for sample in asking], ranks),
            "rank": np.tile(np.arange(1, ranks + 1), len(asking)),
            "partner": names[matches.candidate].ravel(),
            "likeness": matches.likeness.ravel(),
            "p_value": matches.p_value.ravel(),
        }
    )
    with written_whole(output) as temporary:
        table.to_csv(temporary, index=False, errors="surrogateescape")
    for sample, best, p in zip(asking, names[matches.candidate[:, 0]], matches.p_value[:, 0], strict=True):
        doubt = "; does not fit either: the partner may be missing" if p <= 0.05 else ""
        print(f"{sample.name}: {best} (p = {p:.3f}{doubt})")
    print(f"{output}: {len(asking)} {source} curves, {len(answering)} {to} candidates")
