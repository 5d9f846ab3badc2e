"""What calibration learns of a trained network, and the names of its tensors in the model folder."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from torch import Tensor

from pairvae.techniques import PATHS, TECHNIQUES, Technique
from pairvae.trust.missing import Situation, situations

BySituation = Mapping[Situation, Tensor]


@dataclass(frozen=True, eq=False)
class References:
    """Codes of training curves of one technique, which later curves are compared with.

    Parameters
    ----------
    code_scale : Tensor, shape (latent,)
        Standard deviation of the training codes.
    gaps : Tensor, shape (situations, 3)
        Mean `gaps` of the validation curves in each of `situations`, as `nearest_situation` asks for them.
    reference : mapping of Tensor, shape (references, latent), float16
        Codes over `code_scale`.
    """

    code_scale: Tensor
    gaps: Tensor
    reference: BySituation

    def codes(self, situation: Situation) -> Tensor:
        """Codes (references, latent) as the network gives them."""
        return self.reference[situation] * self.code_scale


@dataclass(frozen=True, eq=False)
class NoveltyLimits:
    """What `unlike` needs besides the references, of one technique.

    Parameters
    ----------
    answer : mapping of Tensor, shape (references, latent), float16
        Codes of the partners predicted from the reference codes, over `code_scale`.
    usual : mapping of Tensor, shape (2,)
        Distance and flatness that few validation curves exceed.
    """

    answer: BySituation
    usual: BySituation


@dataclass(frozen=True, eq=False)
class BandFactors:
    """What bands of one path, target_from_source, are computed from.

    Parameters
    ----------
    error : mapping of Tensor, shape (references, bins), float16
        Errors of the training samples over the predicted standard error, binned along q.
    factor : mapping of Tensor, shape (q,)
        From local error times standard error to half the width of a band.
    joint : mapping of Tensor, shape ()
        Further factor for a band that holds the whole curve.
    band, constant : Tensor, shape (q,)
        Of whole curves, without local errors: factor of the standard error, and half the width of a band of one
        width per q, in decades.
    """

    error: BySituation
    factor: BySituation
    joint: BySituation
    band: Tensor
    constant: Tensor


@dataclass(frozen=True, eq=False)
class Consistency:
    """What is usual for the two curves of one sample.

    Parameters
    ----------
    precision : Tensor, shape (latent, latent)
        Inverse covariance of the difference of two partners' codes.
    usual : Tensor, shape (3,)
        95 % quantile of each measure over training pairs.
    scores, scores_untold : Tensor, shape (pairs,)
        Ascending scores of the validation pairs: of those whose covariates are all known, and of all without
        covariates.
    """

    precision: Tensor
    usual: Tensor
    scores: Tensor
    scores_untold: Tensor


Part = TypeVar("Part", References, NoveltyLimits, BandFactors)


@dataclass(frozen=True, eq=False)
class Calibration:
    """Everything that calibration learns.

    Parameters
    ----------
    references, limits : mapping
        By technique of the curve.
    bands : mapping
        By path.
    worse : mapping
        By technique of the curve and situation: error of the predicted partners over that of whole curves, shape ().
    consistency : Consistency
        Of pairs.
    absolute : mapping of Tensor, shape (2, q)
        By path whose target is learnt without its scale: factor of the width of bands in 1/cm, for samples whose
        covariates are all known and for others; empty where no pairs say the scale.
    """

    references: Mapping[Technique, References]
    limits: Mapping[Technique, NoveltyLimits]
    bands: Mapping[str, BandFactors]
    worse: Mapping[Technique, BySituation]
    consistency: Consistency
    absolute: Mapping[str, Tensor] = field(default_factory=dict)

    def to_tensors(self) -> dict[str, Tensor]:
        """Under their names in a model folder: `reference.saxs.low50.untold` is a field, its key and a situation."""
        tensors: dict[str, Tensor] = {}
        for parts in (self.references, self.limits, self.bands):
            for key, part in parts.items():
                for own in fields(part):
                    tensors |= _named(f"{own.name}.{key}", getattr(part, own.name))
        for technique, ratios in self.worse.items():
            tensors |= _named(f"worse.{technique}", ratios)
        tensors |= {f"absolute.{path}": factor for path, factor in self.absolute.items()}
        return tensors | {f"consistency.{f.name}": getattr(self.consistency, f.name) for f in fields(Consistency)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> "Calibration":
        """The calibration of a model folder.

        Raises
        ------
        KeyError
            A tensor is missing.
        """
        return cls(
            references={t: _part(References, t, tensors) for t in TECHNIQUES},
            limits={t: _part(NoveltyLimits, t, tensors) for t in TECHNIQUES},
            bands={path: _part(BandFactors, path, tensors) for path in PATHS},
            worse={t: _by_situation(f"worse.{t}", tensors) for t in TECHNIQUES},
            consistency=Consistency(**{f.name: tensors[f"consistency.{f.name}"] for f in fields(Consistency)}),
            absolute={path: tensors[name] for path in PATHS if (name := f"absolute.{path}") in tensors},
        )


def _named(name: str, value: Tensor | BySituation) -> dict[str, Tensor]:
    if isinstance(value, Tensor):
        return {name: value}
    return {f"{name}.{situation.name}": tensor for situation, tensor in value.items()}


def _part(kind: type[Part], key: str, tensors: Mapping[str, Tensor]) -> Part:
    names = {field.name: f"{field.name}.{key}" for field in fields(kind)}
    values: dict[str, Any] = {f: tensors[n] if n in tensors else _by_situation(n, tensors) for f, n in names.items()}
    return kind(**values)


def _by_situation(name: str, tensors: Mapping[str, Tensor]) -> dict[Situation, Tensor]:
    """The tensors of each situation, with covariates, without, or both, as far as they were calibrated."""
    calibrated = [which for which in (True, False) if f"{name}.{situations(which)[0].name}" in tensors]
    if not calibrated:
        raise KeyError(name)
    return {case: tensors[f"{name}.{case.name}"] for which in calibrated for case in situations(which)}
