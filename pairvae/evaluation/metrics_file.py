"""metrics.json of evaluate, written, and checked: the numbers of the report."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from pairvae.errors import UserError
from pairvae.files.unreadable import unreadable
from pairvae.files.whole import written_whole
from pairvae.techniques import CROSS_PATHS

FORMAT = 1


class Score(BaseModel):
    """How close the predictions of one path or baseline come; errors in decades of intensity."""

    rmse_truth: float | None = None
    median_truth: float | None = None
    p90_truth: float | None = None
    rmse_measured: float | None = None
    median_measured: float | None = None
    p90_measured: float | None = None
    reduced_chi2: float | None = None
    coverage: float | None = None
    coverage_by_third: list[float | None] = []
    coverage_of_curves: float | None = None
    band_width_dex: float | None = None
    samples: int | None = None
    by_material: dict[str, "Score"] = {}

    def error(self, statistic: str, reference: str) -> float | None:
        """Return `rmse`, `median` or `p90` against `truth` or `measured`; None where it is not a number."""
        value: float | None = getattr(self, f"{statistic}_{reference}")
        return value if value is not None and math.isfinite(value) else None


class Shape(BaseModel):
    """Median errors of predicted curves in decades, once scale and background are fitted to each of them."""

    median_after_factor: float | None = None
    median_after_background: float | None = None


class BesideCopy(BaseModel):
    """Shapes that the PairVAE predicts beside those of the copied curve; better and worse mean by more than 10 %."""

    samples: int = 0
    pairvae: Shape = Shape()
    copied_curve: Shape = Shape()
    better: int = 0
    level: int = 0
    worse: int = 0
    by_material: dict[str, "BesideCopy"] = {}


class Range(BaseModel):
    """Grid of one technique."""

    q_min: float | None = None
    q_max: float | None = None
    points: int | None = None


class Hits(BaseModel):
    """How often the partner is the nearest code, or among the nearest five."""

    top1: float | None = None
    top5: float | None = None
    candidates: int | None = None


class NoveltyScores(BaseModel):
    """How far the test curves lie outside the training data."""

    median: float | None = None
    share_above_1: float | None = None
    found: dict[str, dict[str, float | None]] = {}


class Denoising(BaseModel):
    """Distance from the truth before and after a technique's own network, for samples of like noise."""

    samples: int
    sigma_dex: float | None = None
    rmse_measured: float | None = None
    rmse_denoised: float | None = None


class Hidden(BaseModel):
    """Predictions from curves of which a share of the points was hidden."""

    hidden: float = 0.0
    rmse_truth: float | None = None
    rmse_measured: float | None = None
    coverage: float | None = None
    novelty_above_1: float | None = None


class Likelihood(BaseModel):
    """How probable the decoder holds the measured points; nats per curve."""

    log_likelihood: float | None = None
    kl: float | None = None
    elbo: float | None = None
    importance_weighted_bound: float | None = None
    bits_per_dimension: float | None = None


class Information(BaseModel):
    """What the components of the code tell about a column of samples.csv, in nats."""

    samples: int = 0
    best: float | None = None
    component: int | None = None
    sum: float | None = None
    entropy: float | None = None


class Marginals(BaseModel):
    """One measure of the units' distance from the prior N(0, 1)."""

    median: float | None = None
    worst: float | None = None
    per_unit: list[float | None] = []


class ParameterErrors(BaseModel):
    """How well predicted curves keep a structural parameter; relative errors."""

    samples: int = 0
    median_relative_error: float | None = None
    p90_relative_error: float | None = None
    median_relative_error_of_measured: float | None = None


class Data(BaseModel):
    """Where the curves of one technique came from and what was done to them."""

    simulated: bool = False
    curves: dict[str, int] = {}
    counts: dict[str, int] = {}

    def share(self, name: str) -> float | None:
        """A count as a share of the grid points of all curves."""
        points = self.counts.get("points")
        return self.counts.get(name, 0) / points if points else None

    @property
    def repairs(self) -> dict[str, int]:
        """What the reader dropped or repaired, with counts."""
        return {
            name.removeprefix("repaired: "): count
            for name, count in self.counts.items()
            if name.startswith("repaired: ")
        }


class Metrics(BaseModel):
    """The numbers of evaluate, as metrics.json holds them."""

    format: Literal[1]
    run: str
    pairs: dict[str, int]
    techniques: dict[str, Range]
    paths: dict[str, Score]
    baselines: dict[str, dict[str, Score]] = {}
    gain_over: dict[str, dict[str, float | None]] = {}
    beside_copied_curve: dict[str, BesideCopy] = {}
    loses_to_copied_curve: dict[str, str] = {}
    retrieval: dict[str, Hits] = {}
    coverage_nominal: float | None = None
    novelty: dict[str, NoveltyScores] = {}
    likelihood: dict[str, Likelihood] = {}
    mutual_information: dict[str, dict[str, Information]] = {}
    normality: dict[str, dict[str, Marginals]] = {}
    structure: dict[str, dict[str, ParameterErrors]] = {}
    denoising: dict[str, list[Denoising]] = {}
    hidden_ranges: dict[str, dict[str, list[Hidden]]] = {}
    unknown_covariates: dict[str, Hidden | None] = {}
    retrieval_by_likelihood: dict[str, Hits] = {}
    pair_check: dict[str, float | None] = {}
    data: dict[str, Data] = {}
    materials: dict[str, dict[str, int]] = {}
    covariates: list[str] = []
    versions: dict[str, Any] = {}

    @property
    def reference(self) -> str:
        """What the page counts against: `truth` where both directions know it, else `measured`."""
        known = all(self.paths[path].error("rmse", "truth") is not None for path in CROSS_PATHS)
        return "truth" if known else "measured"

    def rivals(self, path: str) -> dict[str, float]:
        """RMSE of every baseline of one direction, the best first."""
        errors = {
            name: scores[path].error("rmse", self.reference)
            for name, scores in self.baselines.items()
            if path in scores
        }
        return dict(sorted(((k, v) for k, v in errors.items() if v is not None), key=lambda item: item[1]))

    def beaten_by(self, path: str) -> list[str]:
        """Baselines that are as good as the PairVAE in one direction, or better."""
        own, gains = self.paths[path].error("rmse", self.reference), self.gain_over.get(path, {})
        rivals = self.rivals(path)
        better = {name for name, gain in gains.items() if gain is not None and gain <= 0}
        better |= {name for name in rivals if gains.get(name) is None and own is not None and rivals[name] <= own}
        return sorted(better, key=lambda name: rivals.get(name, math.inf))


def write_metrics(path: Path, metrics: Mapping[str, Any]) -> None:
    """Write metrics.json; its keys are those of `Metrics`, and more."""
    with written_whole(path) as temporary:
        text = json.dumps(_plain({"format": FORMAT, **metrics}), indent=2)
        temporary.write_text(text + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    """The same with null instead of numbers that JSON does not know."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_metrics(path: Path) -> Metrics:
    """Read metrics.json.

    Raises
    ------
    UserError
        The file is missing, or is not what evaluate writes.
    """
    try:
        metrics = Metrics.model_validate(read_json(path))
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(part) for part in fault["loc"]) or "top level"
        raise UserError(
            f"{path}: {where}: {fault['msg']}; found {str(fault['input'])[:60]!r}; run evaluate again"
        ) from None
    if missing := [path_name for path_name in CROSS_PATHS if path_name not in metrics.paths]:
        raise UserError(f"{path}: paths names no {missing[0]}; run evaluate again")
    return metrics


def read_json(path: Path) -> Any:
    """Read a JSON file that a stage wrote.

    Raises
    ------
    UserError
        It cannot be read, or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except PermissionError:
        raise unreadable(path) from None
    except OSError as fault:
        raise UserError(f"{path}: cannot be read ({fault.strerror}); run the stage that writes it") from None
    except ValueError as fault:
        raise UserError(f"{path}: is not JSON ({fault}); run the stage that writes it again") from None
