"""Contrasts from what a sample is made of: formula and density say what X-rays and neutrons see."""

from collections.abc import Collection, Mapping
from typing import Any

from pairvae.errors import UserError
from pairvae.simulation.materials import WATER, MaterialError, scattering_length_density
from pairvae.techniques import Technique

SUBSTANCES = ("solute", "solvent")
CONTRASTS: dict[str, tuple[Technique, float]] = {"contrast_saxs": ("saxs", 8.048), "contrast_sans": ("sans", 6.0)}
PURE_WATER = {"h2o": 0.0, "d2o": 1.0}  # D2O fraction of a solvent of that name


def with_contrasts(given: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    """Covariates with `solute` and `solvent` replaced by the contrasts that follow from them.

    A contrast is the SLD of the solute less that of the solvent in 1e-6/Å², by periodictable, for Cu Kα radiation and
    neutrons of 6 Å. What is given itself is left as it is.

    Parameters
    ----------
    given : mapping
        Covariates by name. `solute` and `solvent` are formula@density in g/cm³ or names of `materials.yaml`; a solvent
        may be H2O, D2O, or water with `d2o_fraction`.
    known : collection of str
        Covariates of the model.

    Returns
    -------
    dict
        Covariates by name.

    Raises
    ------
    UserError
        One of the two substances is missing or is not understood, the D2O fraction of water is missing, or the model
        knows no contrasts.
    """
    if not any(name in given and name not in known for name in SUBSTANCES):
        return dict(given)
    rest = {name: value for name, value in given.items() if name not in SUBSTANCES}
    wanted = [name for name in CONTRASTS if name in known]
    if not wanted:
        raise UserError(
            "covariates solute and solvent: they say the contrasts, and this model was trained without contrast_saxs "
            f"and contrast_sans; it knows {', '.join(known) or 'no covariates'}; leave them out"
        )
    if missing := [name for name in SUBSTANCES if name not in given]:
        raise UserError(f"covariate {missing[0]}: is missing; solute and solvent together say the contrasts: name both")
    solute, solvent = (str(given[name]).strip() for name in SUBSTANCES)
    d2o_fraction = rest.get("d2o_fraction")
    if solvent.lower() in PURE_WATER:
        d2o_fraction, solvent = PURE_WATER[solvent.lower()], WATER
    if d2o_fraction is None and WATER in (solute, solvent):
        raise UserError(
            "covariate d2o_fraction: is missing, and a contrast in water depends on it; "
            "say it as d2o_fraction=0.42, or the solvent as H2O or D2O"
        )
    if d2o_fraction is not None and "d2o_fraction" in known:
        rest.setdefault("d2o_fraction", d2o_fraction)
    for name in wanted:
        rest.setdefault(name, _contrast(solute, solvent, *CONTRASTS[name], _share(d2o_fraction)))
    return rest


def _share(d2o_fraction: Any) -> float:
    try:
        share = float(d2o_fraction or 0)
    except (TypeError, ValueError):
        share = float("nan")
    if not 0 <= share <= 1:
        raise UserError(f"covariate d2o_fraction={d2o_fraction!r}: expected a number from 0 to 1")
    return share


def _contrast(solute: str, solvent: str, technique: Technique, probe: float, d2o_fraction: float) -> float:
    levels = {}
    for name, text in zip(SUBSTANCES, (solute, solvent), strict=True):
        try:
            levels[name] = scattering_length_density(text, technique, probe, d2o_fraction)
        except MaterialError as error:
            raise UserError(f"covariate {name}={text}: {error}") from None
    return levels["solute"] - levels["solvent"]
