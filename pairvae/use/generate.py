"""New pairs of curves: drawn from the latent space, or on the way from one sample to another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from pairvae.errors import UserError
from pairvae.files.whole import written_whole
from pairvae.formats.write import ENDINGS, Format, write_curve
from pairvae.jobs.progress import tracked
from pairvae.models.predict import codes, predict
from pairvae.prepare.covariates import check_covariates
from pairvae.scattering.spectrum import TECHNIQUES, Curve, Source, Spectrum, Technique
from pairvae.trust.latent_prior import draw_codes
from pairvae.use.arguments import curves_by_sample, whole_number
from pairvae.use.calibrated_model import CalibratedModel
from pairvae.use.inputs import Inputs, parsed_covariates
from pairvae.use.threads import set_threads


@dataclass(frozen=True, eq=False)
class GeneratedPair:
    """What both techniques would measure of one code, without noise.

    Parameters
    ----------
    saxs, sans : Spectrum
        On the grids of the model.
    code : array, shape (latent,)
        The code.
    """

    saxs: Spectrum
    sans: Spectrum
    code: Curve


def generate(
    model: CalibratedModel,
    count: int,
    temperature: float = 1.0,
    seed: int = 0,
    covariates: Mapping[str, Any] | None = None,
) -> list[GeneratedPair]:
    """Draw codes and decode each to both techniques.

    Each code is drawn around the code of a training sample, as its neighbours lie; see `pairvae.trust.latent_prior`.

    Parameters
    ----------
    count : int
        Pairs to draw.
    temperature : float
        Factor of the standard deviations: below 1 nearer to means of training samples, above 1 stranger.
    seed : int
        Of the random numbers; the first pairs are the same for any count.
    covariates : mapping, optional
        As in `translate`, of all pairs.

    Raises
    ------
    UserError
        A count below 1, a temperature that is negative or not finite, or an unknown covariate.

    Examples
    --------
    >>> first, *others = model.generate(10, temperature=0.7, seed=1)
    >>> first.saxs.q, first.saxs.intensity, first.sans.intensity
    """
    count, seed = whole_number("generate: count", count, 1), whole_number("generate: seed", seed, 0)
    if not isinstance(temperature, Real) or not 0 <= temperature < float("inf"):
        raise UserError(f"generate: the temperature is {temperature}; expected a number ≥ 0, as 1")
    code = draw_codes(model.calibration.references, count, temperature, seed)
    return _decoded(model, code, covariates or {}, "generated")


def interpolate(
    model: CalibratedModel,
    first: Spectrum | Sequence[Spectrum],
    last: Spectrum | Sequence[Spectrum],
    technique: Technique,
    steps: int = 9,
    covariates: Mapping[str, Any] | None = None,
) -> list[GeneratedPair]:
    """Walk in a straight line from the code of one curve to that of another and decode each step to both techniques.

    Parameters
    ----------
    first, last : Spectrum or sequence of Spectrum
        Two measured curves, or their detector settings.
    technique : {"saxs", "sans"}
        What measured both.
    steps : int
        Pairs, those of both ends included.
    covariates : mapping, optional
        As in `translate`, of all steps.

    Raises
    ------
    UserError
        As `translate`; or fewer than two steps.

    Examples
    --------
    >>> way = model.interpolate(small_spheres, large_spheres, technique="saxs", steps=9)
    >>> way[4].sans.intensity
    """
    steps, both = whole_number("interpolate: steps", steps, 2), curves_by_sample([first, last])
    curves, _ = model.tensors(both, technique, covariates)
    start, end = codes(model.network, technique, curves)
    code = torch.lerp(start[None], end[None], torch.linspace(0, 1, steps)[:, None])
    return _decoded(model, code, covariates or {}, "step")


def _decoded(model: CalibratedModel, code: Tensor, covariates: Mapping[str, Any], title: str) -> list[GeneratedPair]:
    of: dict[Technique, list[Spectrum]] = {}
    width = len(str(len(code)))
    for technique in TECHNIQUES:
        row = check_covariates(model.network.of(technique).covariates, covariates)
        side_inputs = model.covariates(technique, row).expand(len(code), -1)
        logs = predict(model.network, f"{technique}_from_{technique}", code, side_inputs).log_intensity
        if not (np.abs(logs) < np.log10(np.finfo(np.float64).max)).all():
            raise UserError(f"generate: such codes decode to no finite {technique} intensity; lower the temperature")
        of[technique] = [
            Spectrum(
                model.q(technique),
                10**log,
                technique=technique,
                sample=f"{title}_{i:0{width}d}",
                source=Source("generated by PairVAE"),
                intensity_unit=model.intensity_unit(technique),
            )
            for i, log in enumerate(logs, start=1)
        ]
    latent = code.double().numpy()
    return [GeneratedPair(*pair) for pair in zip(of["saxs"], of["sans"], latent, strict=True)]


def generate_files(
    model: CalibratedModel,
    output: Path,
    count: int,
    temperature: float,
    seed: int,
    covariates: Sequence[str],
    format: Format = "nxcansas",
    threads: int | None = None,
) -> None:
    """Generate pairs into a new folder: two files per pair, and a samples.csv that names them.

    Parameters
    ----------
    output : Path
        Folder to write, whole; one that is there must be empty.
    covariates : sequence of str
        NAME=VALUE, of all pairs.
    threads : int, optional
        To compute with; None: as many as pay for so many pairs.

    Raises
    ------
    UserError
        As `generate`, or the folder is not empty.
    """
    given = parsed_covariates(covariates)
    set_threads(threads, count)
    pairs = generate(model, count, temperature, seed, given)
    note = f"generated by PairVAE at temperature {temperature:g} with seed {seed}"
    _write_pairs(output, pairs, format, note, [given] * len(pairs))
    print(f"{output}: {len(pairs)} pairs at temperature {temperature:g}, listed in samples.csv")


def interpolate_files(
    inputs: Inputs, model: CalibratedModel, technique: Technique, output: Path, steps: int, format: Format = "nxcansas"
) -> None:
    """Interpolate between two curves into a new folder: two files per step, and a samples.csv that names them.

    Parameters
    ----------
    inputs : Inputs
        Two files, or a samples.csv with two rows that the technique measured.
    output : Path
        Folder to write, whole; one that is there must be empty.

    Raises
    ------
    UserError
        As `Inputs.samples` and `interpolate`; not two curves, or their covariates differ.
    """
    samples = inputs.samples(technique, model)
    if len(samples) != 2:
        raise UserError(f"interpolate: {len(samples)} {technique} curves are named; expected two: the ends")
    first, last = samples
    if first.covariates != last.covariates:
        raise UserError(
            f"interpolate: the covariates of {first.name} and {last.name} differ "
            f"({first.covariates} and {last.covariates}); expected the same conditions at both ends"
        )
    pairs = interpolate(model, first.curves[technique], last.curves[technique], technique, steps, first.covariates)
    note = f"decoded by PairVAE on the way from {first.name} to {last.name}"
    share = np.linspace(0, 1, steps).round(6)
    _write_pairs(output, pairs, format, note, [{**first.covariates, "share_of_last": part} for part in share])
    print(f"{output}: {steps} pairs from {first.name} to {last.name}, listed in samples.csv")


def _write_pairs(
    output: Path, pairs: Sequence[GeneratedPair], format: Format, note: str, covariates: Sequence[Mapping[str, Any]]
) -> None:
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UserError(f"{output}: is there and not empty; expected a new folder; name another one")
    rows = []
    with written_whole(output) as folder:
        for pair, facts in zip(tracked(pairs, "write", len(pairs)), covariates, strict=True):
            names: dict[str, str] = {}
            for technique, curve in zip(TECHNIQUES, (pair.saxs, pair.sans), strict=True):
                names[technique] = f"{curve.sample}.{technique}.{ENDINGS[format]}"
                noted = replace(curve, notes=(note,))
                write_curve(folder / names[technique], noted, format)
            rows.append({"sample_id": pair.saxs.sample, **names, **facts})
        pd.DataFrame(rows).to_csv(folder / "samples.csv", index=False)
