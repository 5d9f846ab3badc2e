"""What the particles are made of, and the scattering length densities (SLDs) that follow from it.

Every SLD is computed by periodictable from formula and density; none is typed in.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from math import pi
from typing import Any

import yaml

from pairvae.scattering.spectrum import Technique
from pairvae.simulation.expressions import mixed

WATER = "water"
_EXCHANGEABLE = "H[1]"


class MaterialError(ValueError):
    """A material that is neither in the table nor a formula with a density."""


@dataclass(frozen=True)
class Material:
    """A substance, in H2O and in D2O.

    Parameters
    ----------
    h2o, d2o : str
        formula@density in g/cm³ as periodictable reads it; the same where nothing exchanges.
    """

    h2o: str
    d2o: str

    @property
    def exchanges(self) -> bool:
        """Whether the water around it changes it."""
        return self.h2o != self.d2o


@cache
def table() -> Mapping[str, Material]:
    """The substances of materials.yaml by name."""
    text = files("pairvae.simulation").joinpath("materials.yaml").read_text(encoding="utf-8")
    entries: dict[str, Any] = yaml.safe_load(text)
    return {name: Material(**entry) if isinstance(entry, dict) else _parse(entry) for name, entry in entries.items()}


@cache
def material(text: str) -> Material:
    """A substance by its name in materials.yaml, or by formula@density: `SiO2@2.2`, `C6H7H[1]3O5@1.5`.

    Raises
    ------
    MaterialError
        There is no such name, or periodictable does not read the formula.
    """
    if "@" not in text:
        if text not in table():
            raise MaterialError(_unknown(text))
        return table()[text]
    found = _parse(text)
    try:
        for one in (found.h2o, found.d2o):
            _pure_sld(one, "saxs", 8.048)
            _pure_sld(one, "sans", 6.0)
    except Exception as error:  # noqa: BLE001, periodictable raises its parser's own
        raise MaterialError(
            f"{text!r} is no formula@density ({' '.join(str(error).split())[:120]}); "
            "write it as SiO2@2.2, density in g/cm³"
        ) from None
    return found


def scattering_length_density(text: str, technique: Technique, probe: float, d2o_fraction: float = 0.0) -> float:
    """Real part of a material's SLD in 1e-6/Å².

    Parameters
    ----------
    text : str
        Name in materials.yaml, or formula@density in g/cm³.
    technique : {"saxs", "sans"}
        What the sample is seen by.
    probe : float
        X-ray energy in keV or neutron wavelength in Å.
    d2o_fraction : float
        Volume fraction of D2O in the water.
    """
    found = material(text)
    if not found.exchanges:
        return _pure_sld(found.h2o, technique, probe)
    light, heavy = (_pure_sld(one, technique, probe) for one in (found.h2o, found.d2o))
    return mixed(light, heavy, d2o_fraction)


@cache
def properties(text: str) -> dict[str, float]:
    """Facts of a material in H2O: density in g/cm³, mass of a formula unit in g/mol and its volume in cm³/mol."""
    compound = _compound(material(text).h2o)
    mass, density = float(compound.mass), float(compound.density)
    return {"density": density, "molar_mass": mass, "molar_volume": mass / density}


def _parse(text: str) -> Material:
    """The volume stays the same when hydrogen exchanges: n marks the density of the light substance."""
    light = text.replace(_EXCHANGEABLE, "H")
    if _EXCHANGEABLE not in text:
        return Material(light, light)
    return Material(light, text.replace(_EXCHANGEABLE, "D") + ("" if re.search(r"[ni]$", text) else "n"))


def _unknown(text: str) -> str:
    import difflib

    near = difflib.get_close_matches(text, table(), n=1, cutoff=0)[0]
    return (
        f"{text!r} is no material; the nearest name is {near}; write a name of materials.yaml or formula@density, "
        "as SiO2@2.2"
    )


@cache
def incoherent_level(text: str, wavelength: float) -> float:
    """Incoherent scattering of a substance per solid angle in 1/cm, without what changes the neutrons' energy.

    Parameters
    ----------
    text : str
        formula@density in g/cm³.
    wavelength : float
        In Å.
    """
    from periodictable import neutron_scattering

    _, (_, _, incoherent), _ = neutron_scattering(_compound(text), wavelength=wavelength)
    return float(incoherent) / (4 * pi)


@cache
def _compound(text: str) -> Any:
    from periodictable import formula

    return formula(text)


@cache
def _pure_sld(text: str, technique: Technique, probe: float) -> float:
    from periodictable import neutron_sld, xray_sld

    compound = _compound(text)
    seen = xray_sld(compound, energy=probe) if technique == "saxs" else neutron_sld(compound, wavelength=probe)
    return float(seen[0])
