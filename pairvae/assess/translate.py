"""Files of one technique to predicted files of the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from pairvae.assess.trained_model import Prediction, TrainedModel, load_model
from pairvae.errors import UserError
from pairvae.scattering.read import read_settings
from pairvae.scattering.samples_table import MeasuredFile, Row, parse_manifest
from pairvae.scattering.spectrum import Spectrum, Technique
from pairvae.scattering.write import write_nxcansas, write_text

Format = Literal["csv", "nxcansas"]
ENDINGS = {"csv": "csv", "nxcansas": "h5"}


@dataclass(frozen=True)
class Task:
    """One prediction to make.

    Parameters
    ----------
    name : str
        Stem of the file to write.
    settings : sequence of Spectrum
        The measured curve, or the settings of one instrument.
    covariates : mapping
        Facts of the sample.
    partner : sequence of Spectrum
        The measured curve that is predicted, where there is one: to compare with.
    """

    name: str
    settings: Sequence[Spectrum]
    covariates: Mapping[str, Any]
    partner: Sequence[Spectrum] = ()


def translate_files(
    files: Sequence[Path],
    model: Path,
    to: Technique,
    output: Path,
    format: Format = "csv",
    covariates: Sequence[str] = (),
    q_unit: str | None = None,
    columns: str | None = None,
    joint: bool = False,
) -> None:
    """Predict the partner of every file; one file `<stem>.<to>.csv` (or .h5) per input.

    Every input is read and predicted before the first file is written.

    Parameters
    ----------
    files : sequence of Path
        Measured curves.
    model, output : Path
        Model folder; folder of the predictions.
    to : {"saxs", "sans"}
        Technique to predict.
    format : {"csv", "nxcansas"}
        Format of the predictions.
    covariates : sequence of str
        NAME=VALUE, for all files.
    q_unit, columns : str, optional
        What the files do not say.
    joint : bool
        Bands that hold whole curves.

    Raises
    ------
    UserError
        A file cannot be read, two inputs would write the same file, or a covariate is not NAME=VALUE.
    """
    given = {}
    for text in covariates:
        name, equals, value = text.partition("=")
        if not equals:
            raise UserError(f"--covariate {text}: expected NAME=VALUE, for example d2o_fraction=0.42")
        given[name.strip()] = value.strip()
    trained = load_model(model)
    source = _other(to)
    tasks = [
        Task(file.stem, read_settings(file, technique=source, q_unit=q_unit, columns=columns), given) for file in files
    ]
    _translate(tasks, trained, model, to, output, format, joint)


def translate_manifest(
    manifest: Path,
    model: Path,
    to: Technique,
    output: Path,
    format: Format = "csv",
    allow_outside: bool = False,
    joint: bool = False,
) -> None:
    """Predict for every sample of a samples.csv that the source technique measured: `<sample_id>.<to>.csv`.

    Units, columns, entries, settings to merge and covariates come from the manifest. Where it also names the
    target's curve, the distance of prediction and measurement is said.

    Parameters
    ----------
    manifest : Path
        As in data/README.md.
    model, output, to, format
        As in `translate_files`.
    allow_outside : bool
        Accept paths that leave the manifest's folder.
    joint : bool
        Bands that hold whole curves.

    Raises
    ------
    UserError
        The manifest or a file is wrong, or no sample was measured by the source technique.
    """
    trained = load_model(model)
    source = _other(to)
    tasks = [
        Task(row.sample_id, curves, _told(row, trained, source), _curves(row, to))
        for row in parse_manifest(manifest, allow_outside, pairs_needed=False)
        if (curves := _curves(row, source))
    ]
    if not tasks:
        raise UserError(f"{manifest}: no row names a file in the column {source}; there is nothing to predict from")
    _translate(tasks, trained, model, to, output, format, joint)


def _translate(
    tasks: Sequence[Task], trained: TrainedModel, model: Path, to: Technique, output: Path, format: Format, joint: bool
) -> None:
    paths = [output / f"{task.name}.{to}.{ENDINGS[format]}" for task in tasks]
    for task, path in zip(tasks, paths, strict=True):
        if path.parent != output:
            raise UserError(f"sample {task.name}: cannot be the name of a file below {output}; rename the sample")
        if paths.count(path) > 1:
            raise UserError(f"{path}: two inputs would be written to it; rename one, or use two output folders")
    predictions = trained.translate_samples(
        [task.settings for task in tasks], to, [task.covariates for task in tasks], joint
    )
    distances = [_distance(prediction, task, trained) for task, prediction in zip(tasks, predictions, strict=True)]
    write = {"csv": _write_csv, "nxcansas": _write_nxcansas}[format]
    for task, path, prediction, distance in zip(tasks, paths, predictions, distances, strict=True):
        write(prediction, path, model)
        said = f"{path}: novelty {prediction.novelty:.2f}"
        if prediction.novelty > 1:
            said += " (unlike the training data: a guess)"
        print(said + distance)
        for curve in task.settings:
            for note in curve.notes:
                print(f"  {curve.source.file}: {note}")


def _distance(prediction: Prediction, task: Task, trained: TrainedModel) -> str:
    """How far a prediction and the measured partner lie apart, in words; nothing where there is no partner."""
    if not task.partner:
        return ""
    try:
        measured = trained.gridded([task.partner], prediction.technique)
    except UserError as error:
        return f"; not compared: {error}"
    mask = measured.mask[0]
    difference = np.log10(prediction.intensity[mask]) - measured.log_intensity[0][mask]
    value = 10.0 ** measured.log_intensity[0][mask]
    inside = (value >= prediction.lower[mask]) & (value <= prediction.upper[mask])
    return (
        f"; off the measured curve by {np.sqrt(np.mean(difference**2)):.2f} decades RMS, "
        f"by {np.std(difference):.2f} after the best common factor of {10 ** np.mean(difference):.3g}; "
        f"{inside.mean():.0%} of {mask.sum()} points inside the band"
    )


def _told(row: Row, trained: TrainedModel, source: Technique) -> dict[str, str]:
    """What the manifest says of a sample and the model understands; a category it never saw is left unknown."""
    cells = {"material": row.material, **row.covariates}
    told = {}
    for covariate in trained.network.of(source).covariates:
        cell = cells.get(covariate.name, "")
        if covariate.kind == "category" and cell and cell not in covariate.values:
            print(f"{row.sample_id}: {covariate.name} {cell!r} was not in the training: taken as unknown")
        elif cell:
            told[covariate.name] = cell
    return told


def _curves(row: Row, technique: Technique) -> list[Spectrum]:
    mine = [file for file in row.files if file.technique == technique]
    return [setting for file in mine for setting in _read(file, row.sample_id)]


def _read(file: MeasuredFile, sample: str) -> list[Spectrum]:
    return read_settings(
        file.path,
        file.technique,
        file.q_unit,
        file.columns,
        file.entry,
        sample,
        said_in="manifest",
        intensity_unit=file.intensity_unit,
    )


def _other(technique: Technique) -> Technique:
    return "sans" if technique == "saxs" else "saxs"


def _promise(prediction: Prediction) -> str:
    return f"band that covers {prediction.coverage:.0%} of " + (
        "whole measured curves" if prediction.joint else "measured points"
    )


def _write_csv(prediction: Prediction, path: Path, model: Path) -> None:
    header = [
        f"{prediction.technique} predicted by PairVAE from {prediction.source}",
        f"model {model}",
        f"lower and upper: {_promise(prediction)}",
        f"novelty {prediction.novelty:.3f} (above 1: unlike the training data)",
    ]
    write_text(path, _spectrum(prediction), (prediction.lower, prediction.upper), header)


def _write_nxcansas(prediction: Prediction, path: Path, model: Path) -> None:
    notes = (
        f"predicted by PairVAE from {prediction.source} with model {model}",
        _promise(prediction),
        f"novelty {prediction.novelty:.3f}",
    )
    write_nxcansas(path, replace(_spectrum(prediction), notes=notes), band=(prediction.lower, prediction.upper))


def _spectrum(prediction: Prediction) -> Spectrum:
    return Spectrum(
        q=prediction.q,
        intensity=prediction.intensity,
        technique=prediction.technique,
        sample=prediction.sample or Path(prediction.source).stem,
    )
