"""Parameter recovery: what a fit says of a simulated particle, from its measured and from its predicted curve.

The particle's own model of sasmodels is fitted with all that was drawn left free, and a flat background; materials and
solvent, and so the contrasts, are known. Fits are those of bumps, as in SasView: Levenberg and Marquardt within limits.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
from scipy.stats import norm, qmc

from pairvae.errors import UserError
from pairvae.evaluation.predictions_file import Predictions, read_predictions
from pairvae.files.whole import written_whole
from pairvae.prepare.pair import read_pairs
from pairvae.scattering.model_free import Array
from pairvae.settings import Simulate
from pairvae.simulation.cross_section import compile_models, cross_section
from pairvae.simulation.instrument import Instrument, median_background, optics
from pairvae.simulation.system import System
from pairvae.simulation.system_files import load_system, shares
from pairvae.techniques import CROSS_PATHS, ends

SHOWN: tuple[str, ...] = ("silica_sphere", "micelle", "gold_rod")  # where nothing else is asked for
WIDER = 2.0  # limits of the fit, as factors below and above those that samples were drawn from
LARGEST_SHARE = 0.95  # of volume fractions, hydrations, polydispersities
BACKGROUNDS = 10.0  # limits of the background, as factors of the instrument's median
LEAST_ERROR = 0.005  # decades: points do not tell more than the gridding kept
TRIALS = 32  # parameters drawn to begin with; a power of 2, as Sobol's numbers want it
STARTS = 2  # best of them that are fitted
STEPS = 40  # of a fit, at most
TOLERANCE = 1e-5  # relative, of χ² and of the parameters' logarithms
COLUMNS = ["sample_id", "system", "path", "parameter", "unit", "true", "from_measured", "from_predicted"]


class Fitted(NamedTuple):
    """Drawn parameters that fit best, and χ² per point."""

    parameters: dict[str, float]
    chi2: float


def refit(
    predictions: Path,
    pairs: Path,
    settings: Simulate,
    systems: Iterable[str],
    count: int,
    output: Path,
    seed: int = 0,
) -> None:
    """Fit test samples of some systems twice, write what both fits found beside the truth, and print the medians.

    Parameters
    ----------
    predictions, pairs : Path
        predictions.h5 of evaluate and pairs.csv of the same run.
    settings : Simulate
        What the run was simulated with: its instruments.
    systems : iterable of str
        Kinds of particles.
    count : int
        Test samples of each, the first ones.
    output : Path
        CSV to write, one row per sample, path and parameter.
    seed : int
        Of the first guesses.

    Raises
    ------
    UserError
        The run was not simulated, a system has no test sample or whole numbers among its parameters, or there is
        no C compiler.
    """
    drawn = {system.name: system for system in (load_system(key) for key, _ in shares(settings.systems))}
    fitted = [_system(name, drawn) for name in systems]
    curves = read_predictions(predictions)
    truth = _true_parameters(pairs, curves)
    compile_models({system.model for system in fitted})
    rows = []
    for system in fitted:
        name = system.name
        chosen = np.flatnonzero(curves.material == name)[:count]
        if not len(chosen):
            kinds = ", ".join(sorted(set(curves.material) - {""})) or "none"
            raise UserError(f"{predictions}: holds no test sample of {name}; found {kinds}; name one with --system")
        for number, row in enumerate(chosen, start=1):
            rows += _both_fits(curves, int(row), system, truth[curves.sample[row]], settings, seed)
            print(f"refit: {name} {number} of {len(chosen)}", flush=True)
    table = pd.DataFrame(rows, columns=[*COLUMNS, "chi2_measured", "chi2_predicted"])
    with written_whole(output) as temporary:
        table.to_csv(temporary, index=False)
    for line in summary(table).itertuples():
        print(
            f"refit {line.system}, {line.path}: {line.parameter} off by {line.from_measured:.1%} from measured and by "
            f"{line.from_predicted:.1%} from predicted curves (medians of {line.samples}); {line.between:.1%} apart"
        )


def summary(table: pd.DataFrame) -> pd.DataFrame:
    """Medians of the relative errors of `refit`'s table by system, path and parameter.

    Returns
    -------
    DataFrame
        `from_measured` and `from_predicted`, against the truth, and `between`, the second fit against the first.
    """
    errors = table[["system", "path", "parameter"]].assign(
        from_measured=(table["from_measured"] / table["true"] - 1).abs(),
        from_predicted=(table["from_predicted"] / table["true"] - 1).abs(),
        between=(table["from_predicted"] / table["from_measured"] - 1).abs(),
    )
    groups = errors.groupby(["system", "path", "parameter"], sort=False)
    return groups.median().assign(samples=groups.size()).reset_index()


def fit_particle(
    system: System,
    d2o_fraction: float,
    instrument: Instrument,
    q: Array,
    log_intensity: Array,
    error: Array,
    seed: int = 0,
) -> Fitted:
    """Fit a system to one curve, with all of its drawn parameters and a background free.

    The best of some parameters drawn at random, at the scale that suits the curve, are where the fits begin.
    Parameters are fitted as logarithms: none of them is negative.

    Parameters
    ----------
    system : System
        Kind of particle, without whole numbers among its parameters.
    d2o_fraction : float
        Volume fraction of D2O in the water.
    instrument : SaxsInstrument or SansInstrument
        Beam and resolution.
    q, log_intensity, error : array, shape (q,)
        Curve in 1/Å and log10 of 1/cm, with its standard error in decades; NaN where not measured.
    seed : int
        Of the first guesses.

    References
    ----------
    Kienzle et al., bumps: data fitting with Bayesian uncertainty analysis, https://bumps.readthedocs.io.
    """
    from bumps.curve import Curve
    from bumps.fitproblem import FitProblem
    from bumps.fitters import FitDriver, MPFit
    from bumps.parameter import Parameter

    measured = np.isfinite(log_intensity) & np.isfinite(error)
    x, y, dy = np.log(q[measured]), log_intensity[measured], np.maximum(error[measured], LEAST_ERROR)
    seen, names = optics(instrument), list(system.parameters)

    def particles(logarithms: Mapping[str, float]) -> Array:
        drawn = {name: float(np.exp(value)) for name, value in logarithms.items()}
        smeared: Array = seen.smear @ cross_section(system, drawn, d2o_fraction, instrument)
        return smeared

    def gridded(intensity: Array) -> Array:
        return np.interp(x, np.log(seen.q), np.log10(intensity))

    def model(_: Array, background: float, **logarithms: float) -> Array:
        return gridded(particles(logarithms) + np.exp(background))

    flat = float(np.log(median_background(instrument, d2o_fraction)))
    drawn_between = _limits(system)
    limits = {name: (np.log(least / WIDER), np.log(_highest(most))) for name, (least, most) in drawn_between.items()}
    limits["background"] = flat - np.log(BACKGROUNDS), flat + np.log(BACKGROUNDS)
    low, high = np.log(list(drawn_between.values())).T
    upper = y > np.median(y)  # where the background hardly matters
    guesses = []
    for point in qmc.scale(qmc.Sobol(len(names), seed=seed).random(TRIALS), low, high):
        guess = dict(zip(names, point, strict=True))
        curve = particles(guess)
        factor = 10 ** np.median((y - gridded(curve))[upper])
        guess["volume_fraction"] = float(np.clip(guess["volume_fraction"] + np.log(factor), *limits["volume_fraction"]))
        misfit = (y - gridded(factor * curve + np.exp(flat))) / dy
        guesses.append((float((misfit**2).mean()), guess | {"background": flat}))
    fits = []
    for _, guess in sorted(guesses, key=lambda pair: pair[0])[:STARTS]:
        free = {name: Parameter(value, name=name, bounds=limits[name]) for name, value in guess.items()}
        problem = FitProblem(Curve(model, x, y, dy, pars=free, state={}))
        best, _ = FitDriver(MPFit, problem, monitors=[], steps=STEPS, ftol=TOLERANCE, xtol=TOLERANCE).fit()
        problem.setp(best)
        drawn = {name: float(np.exp(free[name].value)) for name in names}
        fits.append(Fitted(drawn, float(np.mean(problem.residuals() ** 2))))
    return min(fits, key=lambda fitted: fitted.chi2)


def _limits(system: System) -> dict[str, tuple[float, float]]:
    """Limits of the drawn parameters, where these are numbers."""
    limits = {name: parameter.limits for name, parameter in system.parameters.items()}
    return {name: both for name, both in limits.items() if both is not None}


def _obstacle(system: System) -> str:
    """Why a system cannot be fitted; empty where it can."""
    if any(parameter.distribution == "integer" for parameter in system.parameters.values()):
        return "has a whole number among its parameters, which no slope leads to"
    if len(_limits(system)) < len(system.parameters) or min(_limits(system).values())[0] <= 0:
        return "has parameters whose limits depend on others or reach 0"
    if any(len(choice) > 1 for choice in (*system.materials.values(), system.solvent)):
        return "may be of several materials"
    return "" if "volume_fraction" in system.parameters else "has no volume_fraction"


def _system(name: str, kinds: Mapping[str, System]) -> System:
    why = _obstacle(kinds[name]) if name in kinds else "is no system of this run"
    if why:
        fitted = [name for name, kind in kinds.items() if not _obstacle(kind)]
        raise UserError(f"refit: {name} {why}; expected one of {', '.join(fitted)}; mend --system")
    return kinds[name]


def _highest(drawn: float) -> float:
    """Upper limit of a parameter; what was drawn below 1 is a share."""
    return min(drawn * WIDER, LARGEST_SHARE) if drawn < 1 else drawn * WIDER


def _both_fits(
    curves: Predictions, row: int, system: System, truth: Mapping[str, float], settings: Simulate, seed: int
) -> list[dict[str, Any]]:
    rows = []
    drawn = {name: truth[name] for name in system.parameters}
    for path in CROSS_PATHS:
        target, _ = ends(path)
        instrument = settings.instruments[target]
        names = [f"measured/{target}/{name}" for name in ("log_intensity", "log_sigma")]
        names += [f"predicted/{path}/{name}" for name in ("log_intensity", "lower", "upper")]
        q = curves[f"q/{target}"].astype(np.float64)
        measured, sigma, predicted, lower, upper = (curves[name][row].astype(np.float64) for name in names)
        band = 2 * norm.ppf((1 + curves.coverage) / 2)  # in standard deviations
        shown = np.where(np.isfinite(measured), predicted, np.nan)
        fits = [
            fit_particle(system, truth["d2o_fraction"], instrument, q, curve, error, seed)
            for curve, error in ((measured, sigma), (shown, (upper - lower) / band))
        ]
        sizes = [_sizes(values) for values in (drawn, fits[0].parameters, fits[1].parameters)]
        units = {name: parameter.unit for name, parameter in system.parameters.items()}
        rows += [
            {
                "sample_id": curves.sample[row],
                "system": system.name,
                "path": path,
                "parameter": name,
                "unit": units.get(name, "Å"),
                "true": sizes[0][name],
                "from_measured": sizes[1][name],
                "from_predicted": sizes[2][name],
                "chi2_measured": fits[0].chi2,
                "chi2_predicted": fits[1].chi2,
            }
            for name in sizes[0]
        ]
    return rows


def _sizes(drawn: Mapping[str, float]) -> dict[str, float]:
    """Drawn parameters, and the length of a rod of which the aspect ratio is drawn."""
    sizes = dict(drawn)
    if "aspect_ratio" in drawn:
        sizes["length"] = 2 * drawn["radius"] * drawn["aspect_ratio"]
    return sizes


def _true_parameters(pairs: Path, curves: Predictions) -> dict[str, dict[str, float]]:
    table = read_pairs(pairs)
    if missing := [name for name in ("parameters", "volume_fraction", "d2o_fraction") if name not in table]:
        raise UserError(
            f"{pairs}: has no column {missing[0]}; expected the pairs.csv of a simulated run, whose particles are "
            "known; name one with --pairs"
        )
    table = table[table["sample_id"].isin(set(curves.sample))]
    columns = zip(table["sample_id"], table["parameters"], table["volume_fraction"], table["d2o_fraction"], strict=True)
    parameters = {
        str(name): {**json.loads(text), "volume_fraction": float(volume), "d2o_fraction": float(d2o)}
        for name, text, volume, d2o in columns
    }
    if lost := [name for name in curves.sample if name not in parameters]:
        raise UserError(
            f"{pairs}: does not know sample {lost[0]} of the predictions; name the pairs.csv of the same run"
        )
    return cast(dict[str, dict[str, float]], parameters)
