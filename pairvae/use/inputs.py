"""What a command is given to work on: named files, and what is said of them."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from pairvae.errors import UserError
from pairvae.formats.read_options import NO_OPTIONS, ReadOptions
from pairvae.samples.measured_samples import MeasuredSample, is_manifest, named_samples, paired_samples, remarks
from pairvae.scattering.units import Said
from pairvae.techniques import TECHNIQUES, Technique
from pairvae.use.calibrated_model import CalibratedModel
from pairvae.use.substances import CONTRASTS, SUBSTANCES, with_contrasts
from pairvae.use.threads import set_threads


@dataclass(frozen=True)
class Inputs:
    """What a command is given.

    Parameters
    ----------
    files : sequence of str
        Files, patterns, folders; or one samples.csv.
    covariates : sequence of str
        NAME=VALUE, of all files; a samples.csv has its own columns.
    options : mapping
        Units, columns and entries that files do not say, by technique.
    allow_outside : bool
        Accept paths that leave the folder of samples.csv.
    threads : int, optional
        To compute with; None: as many as pay for the curves that are read.
    """

    files: Sequence[str]
    covariates: Sequence[str] = ()
    options: Mapping[Technique, ReadOptions] = field(default_factory=lambda: dict.fromkeys(TECHNIQUES, NO_OPTIONS))
    allow_outside: bool = False
    threads: int | None = None

    def samples(self, technique: Technique, model: CalibratedModel, partners: bool = False) -> list[MeasuredSample]:
        """Read what one technique measured, with the covariates that the model knows; see `named_samples`.

        What the reader had to say is printed, and torch is given the threads for so many curves.

        Parameters
        ----------
        technique : {"saxs", "sans"}
            Technique of the curves to read.
        model : CalibratedModel
            Model whose covariates are looked up.
        partners : bool
            Read the other technique's curves, too, where samples.csv names them.
        """
        given = self._given()
        samples = named_samples(self.files, technique, self.options[technique], self.allow_outside, partners)
        return self._understood(samples, (technique,), given, model)

    def pairs(self, sans: Sequence[str], model: CalibratedModel) -> list[MeasuredSample]:
        """Read samples with both curves; `files` are those of SAXS; see `paired_samples`."""
        given = self._given()
        samples = paired_samples({"saxs": self.files, "sans": sans}, self.options, self.allow_outside)
        return self._understood(samples, TECHNIQUES, given, model)

    def spare(self, outputs: Iterable[Path], samples: Iterable[MeasuredSample]) -> None:
        """Refuse outputs that would take the place of what was read: a measured curve, or the samples.csv.

        Raises
        ------
        UserError
            One of `outputs` is one of the files.
        """
        curves = (curve.source.file for sample in samples for settings in sample.curves.values() for curve in settings)
        sources = {os.path.realpath(name) for name in (*self.files, *curves)}
        for path in outputs:
            if os.path.realpath(path) in sources:
                raise UserError(f"{path}: was read, and would be overwritten; name another output")

    def _understood(
        self,
        samples: Sequence[MeasuredSample],
        techniques: Sequence[Technique],
        given: Mapping[str, str],
        model: CalibratedModel,
    ) -> list[MeasuredSample]:
        said_in: Said = "manifest" if any(is_manifest(name) for name in self.files) else "option"
        options = {t: replace(self.options[t], technique=t, said_in=said_in) for t in TECHNIQUES}
        for remark in remarks(samples, options):
            print(remark)
        for technique in techniques:
            for curve in (curve for sample in samples for curve in sample.curves[technique]):
                if sentence := model.unknown_scale(curve, technique):
                    raise UserError(options[technique].addressed(sentence))
        set_threads(self.threads, len(samples))
        return [_known(sample, given, model) for sample in samples]

    def _given(self) -> dict[str, str]:
        given = parsed_covariates(self.covariates)
        if given and any(is_manifest(name) for name in self.files):
            raise UserError(f"--covariate {self.covariates[0]}: the covariates of a samples.csv stand in its columns")
        return given


def parsed_covariates(texts: Sequence[str]) -> dict[str, str]:
    """NAME=VALUE as a mapping.

    Raises
    ------
    UserError
        There is no "=", or a name stands twice.
    """
    given: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or not name or not value.strip():
            raise UserError(f"--covariate {text}: expected NAME=VALUE, for example d2o_fraction=0.42")
        if name in given:
            raise UserError(f"--covariate {text}: {name} was said before; say it once")
        given[name] = value.strip()
    return given


def _known(sample: MeasuredSample, given: Mapping[str, str], model: CalibratedModel) -> MeasuredSample:
    """With the covariates of the model alone; a category of samples.csv that it never saw is left unknown."""
    covariates = dict(given)
    names = [covariate.name for covariate in model.network.of(next(iter(sample.curves))).covariates]
    if any(name in names for name in CONTRASTS):
        covariates |= {name: cell for name in SUBSTANCES if (cell := sample.covariates.get(name, ""))}
    for covariate in model.network.of(next(iter(sample.curves))).covariates:
        cell = sample.covariates.get(covariate.name, "")
        if covariate.kind == "category" and cell and cell not in covariate.values:
            print(f"{sample.name}: {covariate.name} {cell!r} was not in the training: taken as unknown")
        elif cell:
            covariates[covariate.name] = cell
    stated = {name: str(value) for name, value in with_contrasts(covariates, names).items()}
    return replace(sample, covariates=stated)
