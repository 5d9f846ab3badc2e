"""What the particles are made of, and the scattering length densities (SLDs) that follow from it.

Every SLD is computed by periodictable from formula and density; none is typed in.
"""

from functools import lru_cache

from periodictable import formula, neutron_sld, xray_sld

from pairvae.scattering.spectrum import Technique

Material = str | tuple[str, str]

# formula@density in g/cm³ (n: density before H was exchanged by D). A pair: in pure H2O, in pure D2O.
WATER: Material = ("H2O@0.997", "D2O@1.105")  # 25 °C
SILICA = "SiO2@2.2"  # amorphous
POLYSTYRENE = "C8H8@1.05"
POLYBUTADIENE = "C4H6@0.90"
PEO = "C2H4O@1.13"  # poly(ethylene oxide)
PPO = "C3H6O@1.00"  # poly(propylene oxide)
GOLD = "Au@19.3"
DODECYL = "C12H25@0.803"  # 350.2 Å³: Tanford, J. Phys. Chem. 76 (1972) 3020
SULFATE = "NaSO4@3.16"  # rest of sodium dodecyl sulfate at 0.862 cm³/g, counterion bound
# volumes of DOPC's tails and head: Kučerka et al., BBA 1778 (2008) 2513
LIPID_TAIL = "C34H66@0.82"  # both chains
LIPID_HEAD = "C10H18NO8P@1.59"  # glycerol, carbonyls, phosphocholine
# mean protein; a fifth of its H exchanges with the water (Jacrot, Rep. Prog. Phys. 39 (1976) 911)
PROTEIN: Material = ("C100H159N26O32S@1.35", "C100H129D30N26O32S@1.35n")


def scattering_length_density(
    material: Material, technique: Technique, probe: float, d2o_fraction: float = 0.0
) -> float:
    """Real part of a material's SLD in 1e-6/Å².

    Parameters
    ----------
    material : str or pair of str
        formula@density in g/cm³ as periodictable reads it. A pair holds the material in H2O and in D2O; what
        lies between them is mixed by volume.
    technique : {"saxs", "sans"}
        What the sample is seen by.
    probe : float
        X-ray energy in keV or neutron wavelength in Å.
    d2o_fraction : float
        Volume fraction of D2O in the water.
    """
    if isinstance(material, str):
        return _pure_sld(material, technique, probe)
    light, heavy = (_pure_sld(one, technique, probe) for one in material)
    return mixed(light, heavy, d2o_fraction)


def mixed(first: float, second: float, share: float) -> float:
    """SLD of a mix by volume, where `share` of it is the second substance: water in a shell, D2O in water."""
    return (1 - share) * first + share * second


@lru_cache
def molar_volume(material: str) -> float:
    """Volume of one formula unit in cm³/mol: only ratios are used."""
    compound = formula(material)
    return float(compound.mass / compound.density)


@lru_cache
def _pure_sld(material: str, technique: Technique, probe: float) -> float:
    seen = xray_sld(material, energy=probe) if technique == "saxs" else neutron_sld(material, wavelength=probe)
    return float(seen[0])
