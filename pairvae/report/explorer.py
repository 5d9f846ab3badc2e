"""What the page needs to show any test sample: its list, its map, its curves."""

from typing import Any

import numpy as np
import numpy.typing as npt

from pairvae.evaluation.predictions_file import Names, Numbers, Predictions
from pairvae.report.figures.curves import curves, examples, packed
from pairvae.report.figures.latent import finite_rows, neighbour_map, principal_axes
from pairvae.report.figures.style import PALETTE, SYMBOLS, blank, common, words
from pairvae.techniques import CROSS_PATHS, TECHNIQUES

COVARIATES_OFFERED = 12


def explorer(predictions: Predictions, rows: npt.NDArray[np.int64]) -> dict[str, Any] | None:
    """Figures to fill and data to fill them with, for `explore.js`; None where no sample can be shown.

    Parameters
    ----------
    rows : array of int
        Samples to offer.

    Returns
    -------
    dict
        `figures`: curves of both directions and the empty map; `data`: names, numbers to sort and colour by, places on
        the maps, packed curves.
    """
    rows = finite_rows(predictions, rows)
    first = {path: examples(predictions, path).get("median") for path in CROSS_PATHS}
    chosen = first[CROSS_PATHS[0]] if first[CROSS_PATHS[0]] is not None else first[CROSS_PATHS[1]]
    if not len(rows) or chosen is None:
        return None
    start = int(np.argmin(np.abs(rows - chosen)))
    places, share = principal_axes(predictions, rows)
    numbers = {f"error, {words(path)} (decades)": predictions[f"error/{path}"][rows] for path in CROSS_PATHS}
    numbers |= {f"novelty, {words(t)}": predictions[f"novelty/{t}"][rows] for t in TECHNIQUES}
    groups = {"material": common(predictions.material[rows])}
    for name, values in list(predictions.covariate.items())[:COVARIATES_OFFERED]:
        if values.dtype.kind == "f":
            if np.isfinite(values[rows]).any():
                numbers[name] = values[rows]
        elif any(values[rows]):
            groups[name] = common(values[rows])
    return {
        "figures": {path: curves(predictions, path, {"": int(rows[start])}) for path in CROSS_PATHS},
        "map": blank(height=520),
        "data": {
            "samples": predictions.sample[rows].tolist(),
            "start": start,
            "numbers": {name: _rounded(values) for name, values in numbers.items()},
            "groups": {name: _indexed(values) for name, values in groups.items()},
            "maps": {
                "principal axes (PCA)": {
                    "axes": [
                        f"{name} principal axis ({100 * part:.0f} % of the variance)"
                        for name, part in zip(("first", "second"), share, strict=True)
                    ],
                    **{t: [_rounded(axis) for axis in places[t].T] for t in TECHNIQUES},
                },
                "neighbours (t-SNE)": {
                    "axes": ["t-SNE of the mean of both codes (arbitrary)", ""],
                    "both": [_rounded(axis) for axis in neighbour_map(predictions, rows).T],
                },
            },
            "palette": PALETTE,
            "symbols": SYMBOLS,
            "curves": packed(predictions, rows),
        },
    }


def _rounded(values: Numbers) -> list[float | None]:
    """Four digits, null where not a number."""
    return [float(f"{value:.4g}") if np.isfinite(value) else None for value in values.tolist()]


def _indexed(values: Names) -> dict[str, Any]:
    names = sorted(set(values))
    place = {name: number for number, name in enumerate(names)}
    return {"names": names, "of": [place[value] for value in values]}
