"""Whether a SAXS and a SANS curve belong to one sample."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pairvae.errors import UserError
from pairvae.files.whole import written_whole
from pairvae.models.predict import Array, codes, predict
from pairvae.models.source_path import SourceCurve
from pairvae.techniques import CROSS_PATHS, Technique, ends
from pairvae.trust.consistency import MEASURES, p_values, pair_measures
from pairvae.use.arguments import Covariates, Curves
from pairvae.use.calibrated_model import CalibratedModel
from pairvae.use.inputs import Inputs

FALSE_ALARMS = 0.05


@dataclass(frozen=True, eq=False)
class Verdicts:
    """How well pairs go together.

    Parameters
    ----------
    p_value : array, shape (pairs,)
        Share of true pairs that look as strange or stranger: calling pairs with p ≤ α wrong calls at most a
        share α of the right ones wrong.
    measures : array, shape (pairs, 3)
        Misfit of the SANS curve to its prediction, of the SAXS curve to its prediction, distance of the codes: each
        over what 95 % of the training pairs stay below.
    factor : array, shape (pairs, 2)
        Measured over predicted intensity, SANS then SAXS: the geometric mean over q. Far from 1 with a small
        p-value, suspect the concentration or the intensity scale.
    """

    p_value: Array
    measures: Array
    factor: Array


def check(model: CalibratedModel, saxs: Curves, sans: Curves, covariates: Covariates = None) -> Verdicts:
    """Test whether pairs of curves were measured on one sample each.

    Parameters
    ----------
    saxs, sans : Spectrum or sequence
        Curves in the same order.
    covariates : mapping or sequence of mappings, optional
        As in `translate`. More is found where all that the model was trained with is said.

    Raises
    ------
    UserError
        As `translate`; or there are not as many SAXS as SANS curves.

    Examples
    --------
    >>> model.check(saxs, sans).p_value
    """
    given: dict[Technique, Curves] = {"saxs": saxs, "sans": sans}
    pairs = {t: model.tensors(curves, t, covariates)[0] for t, curves in given.items()}
    counts = {t: len(batch["mask"]) for t, batch in pairs.items()}
    if counts["saxs"] != counts["sans"]:
        raise UserError(f"check: {counts['saxs']} SAXS and {counts['sans']} SANS curves; expected as many of both")
    fitted = model.calibration.consistency
    code = {t: codes(model.network, t, batch) for t, batch in pairs.items()}
    measures = pair_measures(model.network, pairs, fitted, code)
    factors = []
    for path in CROSS_PATHS:
        target, source = ends(path)
        mask = pairs[target]["mask"].numpy() > 0
        predicted = predict(
            model.network, path, code[source], pairs[target]["covariates"], SourceCurve.of(pairs[source])
        ).log_intensity
        off = np.where(mask, pairs[target]["log_intensity"].double().numpy() - predicted, 0)
        factors.append(10 ** (off.sum(axis=1) / mask.sum(axis=1)))
    return Verdicts(p_values(model.network, pairs, measures, fitted), measures, np.stack(factors, axis=1))


def check_files(
    inputs: Inputs, sans: Sequence[str], model: CalibratedModel, output: Path | None, alarm: float = FALSE_ALARMS
) -> int:
    """Check pairs of files, or the rows of a samples.csv with both curves, and list suspect ones.

    Parameters
    ----------
    inputs : Inputs
        SAXS files, or a samples.csv.
    sans : sequence of str
        SANS files in the same order; none beside a samples.csv.
    output : Path, optional
        CSV to write: a row per pair, the most suspect first.
    alarm : float
        Pairs with p ≤ alarm are called suspect: the share of right pairs that are, too.

    Returns
    -------
    int
        Number of suspect pairs.

    Raises
    ------
    UserError
        As `Inputs.pairs` and `check`; nothing is written then.
    """
    if not 0 < alarm < 1:
        raise UserError(f"--alarm {alarm:g}: expected a share between 0 and 1, as 0.05")
    samples = inputs.pairs(sans, model)
    if output is not None:
        inputs.spare([output], samples)
    pairs = len(model.calibration.consistency.scores_untold)
    if alarm * (pairs + 1) < 1:
        print(
            f"check: warning: with {pairs} validation pairs the smallest p-value is {1 / (pairs + 1):.2g}: no pair can "
            f"be called suspect at {alarm:g}; raise --alarm, or calibrate on more pairs"
        )
    verdicts = check(
        model,
        [sample.curves["saxs"] for sample in samples],
        [sample.curves["sans"] for sample in samples],
        [sample.covariates for sample in samples],
    )
    table = pd.DataFrame(
        {
            "sample": [sample.name for sample in samples],
            "p_value": verdicts.p_value,
            "suspect": verdicts.p_value <= alarm,
            **{f"strangeness_{name}": verdicts.measures[:, i] for i, name in enumerate(MEASURES)},
            "sans_factor": verdicts.factor[:, 0],
            "saxs_factor": verdicts.factor[:, 1],
        }
    ).sort_values("p_value", kind="stable")
    if output is not None:
        with written_whole(output) as temporary:
            table.to_csv(temporary, index=False, errors="surrogateescape")
    for row in table.to_dict("records"):
        if len(table) == 1 or row["suspect"]:
            word = "suspect" if row["suspect"] else "consistent"
            print(
                f"{row['sample']}: {word}, p = {row['p_value']:.3g}; SANS is {row['sans_factor']:.2f} times its "
                f"prediction, SAXS {row['saxs_factor']:.2f} times"
            )
    suspects = int(table["suspect"].sum())
    print(f"check: {suspects} of {len(table)} pairs suspect; {alarm:.0%} of right pairs would be")
    return suspects
