"""The PairVAE beside the copied curve: whose predictions have the better shape, and whether the model loses."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pairvae.evaluation.predictions_file import evenly_spaced
from pairvae.evaluation.shape_errors import after_background, after_factor
from pairvae.evaluation.split import TestSplit
from pairvae.models.predict import Array
from pairvae.techniques import ends

COPIED = "copied_curve"
LEVEL = 1.1  # two errors are level within 10 %
JUDGED = 1000  # test pairs whose shape errors are computed
NOISIEST = 0.1  # decades; noisier points measure counting statistics
FEWEST = 8  # points that a shape is judged by
WORDS = {"sans_from_saxs": "SANS from SAXS", "saxs_from_sans": "SAXS from SANS"}


def beside_copy(split: TestSplit, path: str) -> dict[str, Any]:
    """Shape errors of the model and of the copied curve, over the q that source and target cover.

    Against the truth where it is known, else against measured points whose noise is below 0.1 decades. Up to 1000 test
    pairs are judged, evenly spaced.

    Parameters
    ----------
    split : TestSplit
        With the predictions of the model and of the baselines.
    path : str
        target_from_source, of two techniques.

    Returns
    -------
    dict
        As `metrics_file.BesideCopy`.
    """
    rows = evenly_spaced(len(split.table), JUDGED)
    found = [_shape_errors(split, path, int(row)) for row in rows]
    known = np.array([errors is not None for errors in found], dtype=bool)
    errors = np.array([one for one in found if one is not None]).reshape(-1, 2, 2)
    material = split.material[rows][known]
    return _summary(errors) | {
        "by_material": {kind: _summary(errors[material == kind]) for kind in sorted(set(material) - {""})}
    }


def _shape_errors(split: TestSplit, path: str, row: int) -> Array | None:
    """Errors (model and copy, after factor and after background) of one pair; None where too little is known."""
    target, source = ends(path)
    there, here = split.measured[target], split.measured[source]
    covered = here.q[here.mask[row]]
    if not covered.size:
        return None
    seen = there.mask[row] & (there.q >= covered[0]) & (there.q <= covered[-1])
    if target in split.truth:
        known = split.truth[target][row]
        seen &= np.isfinite(known)
    else:
        known = there.log_intensity[row].astype(np.float64)
        seen &= np.nan_to_num(there.log_sigma[row]) <= NOISIEST
    if np.count_nonzero(seen) < FEWEST:
        return None
    guesses = split.bands[path].middle[row], split.baselines[COPIED][path][row]
    return np.array(
        [[error(guess[seen], known[seen]) for error in (after_factor, after_background)] for guess in guesses]
    )


def _summary(errors: npt.NDArray[np.float64]) -> dict[str, Any]:
    """Medians, and how often the model is better, level or worse after factor and background."""
    summary: dict[str, Any] = {"samples": len(errors)}
    for at, name in enumerate(("pairvae", COPIED)):
        medians = np.median(errors[:, at], axis=0) if len(errors) else (np.nan, np.nan)
        summary[name] = {
            "median_after_factor": float(medians[0]),
            "median_after_background": float(medians[1]),
        }
    model, copy = errors[:, 0, 1], errors[:, 1, 1]
    better, worse = int((LEVEL * model < copy).sum()), int((model > LEVEL * copy).sum())
    return summary | {"better": better, "level": len(errors) - better - worse, "worse": worse}


def loss_to_copy(path: str, own: float, copied: float, beside: Mapping[str, Any]) -> str | None:
    """One sentence where the model loses to the copied curve, in absolute terms or in shape; None where it wins.

    Parameters
    ----------
    path : str
        target_from_source.
    own, copied : float
        Errors as predicted, in decades.
    beside : mapping
        What `beside_copy` returns.
    """
    shape, shape_of_copy = (beside[name]["median_after_background"] for name in ("pairvae", COPIED))
    faults = []
    if own >= copied:
        faults.append(f"as predicted ({own:.3f} against {copied:.3f} decades)")
    if shape >= shape_of_copy:
        faults.append(f"after the best factor and flat background ({shape:.3f} against {shape_of_copy:.3f} decades)")
    if not faults:
        return None
    return f"{WORDS[path]}: the model is no better than the copied curve {' and '.join(faults)}."
