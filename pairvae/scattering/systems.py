"""The simulated particles, one table: materials, drawn parameters, and what sasmodels is told of them.

Every scattering length density is computed by periodictable from formula and density; none is typed in.
`volume_fraction` is always that of the dry substance, as one weighs it in: where a shell holds water, `scale`
is raised to the volume of the swollen particles. Multiple scattering, charges and (except in the latex)
interactions between particles are left out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import pi
from typing import Literal

from periodictable import formula, neutron_sld, xray_sld

from pairvae.scattering.spectrum import Technique
from pairvae.settings import SystemName

Values = Mapping[str, float]
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
LIPID_TAIL = (
    "C34H66@0.82"  # both chains of DOPC; volumes of tail and head: Kučerka et al., BBA 1778 (2008) 2513
)
LIPID_HEAD = "C10H18NO8P@1.59"  # glycerol, carbonyls, phosphocholine of DOPC
# mean protein; a fifth of its H exchanges with the water (Jacrot, Rep. Prog. Phys. 39 (1976) 911)
PROTEIN: Material = ("C100H159N26O32S@1.35", "C100H129D30N26O32S@1.35n")


@dataclass(frozen=True)
class Parameter:
    """One drawn number.

    Parameters
    ----------
    name, unit : str
        As in samples.csv; lengths in Å, fractions without unit.
    low, high : float
        Limits, both included.
    distribution : {"uniform", "log-uniform", "integer"}
        How it is drawn between them.
    """

    name: str
    unit: str
    low: float
    high: float
    distribution: Literal["uniform", "log-uniform", "integer"]


@dataclass(frozen=True)
class System:
    """One kind of particle.

    Parameters
    ----------
    name : str
        Name in the settings and in samples.csv.
    model : str
        Name in sasmodels.
    materials : mapping
        Formulas by the name under which `to_model` finds their SLD.
    parameters : tuple of Parameter
        What is drawn. "polydispersity" is the standard deviation over the mean of `polydisperse`.
    polydisperse : str
        sasmodels parameter with a Gaussian distribution; empty: none.
    to_model : function (drawn, sld) -> dict
        Values of the sasmodels parameters from the drawn ones and the SLDs in 1e-6/Å².
    """

    name: SystemName
    model: str
    materials: Mapping[str, Material]
    parameters: tuple[Parameter, ...]
    polydisperse: str
    to_model: Callable[[Values, Values], dict[str, float]]

    def sld(self, technique: Technique, probe: float, d2o_fraction: float) -> dict[str, float]:
        """SLDs of the materials and of the solvent in 1e-6/Å².

        Parameters
        ----------
        technique : {"saxs", "sans"}
            What the sample is seen by.
        probe : float
            X-ray energy in keV or neutron wavelength in Å.
        d2o_fraction : float
            Volume fraction of D2O in the water.
        """
        return {
            name: scattering_length_density(material, technique, probe, d2o_fraction)
            for name, material in {**self.materials, "solvent": WATER}.items()
        }


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
    return (1 - d2o_fraction) * light + d2o_fraction * heavy


@lru_cache
def _pure_sld(material: str, technique: Technique, probe: float) -> float:
    seen = (
        xray_sld(material, energy=probe) if technique == "saxs" else neutron_sld(material, wavelength=probe)
    )
    return float(seen[0])


@lru_cache
def _volume(material: str) -> float:
    """Volume of one formula unit in cm³/mol: only ratios are used."""
    compound = formula(material)
    return float(compound.mass / compound.density)


def _hydrated(dry: float, solvent: float, hydration: float) -> float:
    return (1 - hydration) * dry + hydration * solvent


def _mean_ball(radius: float, polydispersity: float, shell: float = 0.0) -> float:
    """⟨4π/3·(r + shell)³⟩ over a Gaussian distribution of r, by its moments."""
    second, third = radius**2 * (1 + polydispersity**2), radius**3 * (1 + 3 * polydispersity**2)
    return 4 / 3 * pi * (third + 3 * second * shell + 3 * radius * shell**2 + shell**3)


def _head_hydration(drawn: Values) -> float:
    """Share of water in a flat layer of heads: what is left by one head per area of one lipid."""
    ratio = _volume(LIPID_HEAD) / _volume(LIPID_TAIL)
    return 1 - ratio * drawn["tail_length"] / drawn["head_length"]


def _silica_sphere(drawn: Values, sld: Values) -> dict[str, float]:
    return {
        "scale": drawn["volume_fraction"],
        "sld": sld["particle"],
        "sld_solvent": sld["solvent"],
        "radius": drawn["radius"],
    }


def _latex(drawn: Values, sld: Values) -> dict[str, float]:
    return {
        "volfraction": drawn["volume_fraction"],
        "sld": sld["particle"],
        "sld_solvent": sld["solvent"],
        "radius": drawn["radius"],
        "structure_factor_mode": 1,  # decoupled (β approximation): sizes are independent of positions
        "radius_effective_mode": 1,  # the spheres exclude their mean radius
    }


def _micelle(drawn: Values, sld: Values) -> dict[str, float]:
    core = _mean_ball(drawn["core_radius"], drawn["polydispersity"])
    whole = _mean_ball(drawn["core_radius"], drawn["polydispersity"], drawn["shell_thickness"])
    dry = core + (1 - drawn["shell_hydration"]) * (whole - core)
    return {
        "scale": drawn["volume_fraction"] * whole / dry,
        "sld_core": sld["core"],
        "sld_shell": _hydrated(sld["shell"], sld["solvent"], drawn["shell_hydration"]),
        "sld_solvent": sld["solvent"],
        "radius": drawn["core_radius"],
        "thickness": drawn["shell_thickness"],
    }


def _gold_rod(drawn: Values, sld: Values) -> dict[str, float]:
    return {
        "scale": drawn["volume_fraction"],
        "sld": sld["particle"],
        "sld_solvent": sld["solvent"],
        "radius": drawn["radius"],
        "length": 2 * drawn["radius"] * drawn["aspect_ratio"],
    }


def _surfactant_ellipsoid(drawn: Values, sld: Values) -> dict[str, float]:
    r, x, t, p = (drawn[name] for name in ("core_radius", "axial_ratio", "shell_thickness", "polydispersity"))
    core = x * _mean_ball(r, p)
    # ⟨(r + t)²(x·r + t)⟩: a ball of r + t stretched along the core part only
    whole = x * _mean_ball(r, p, t) + (1 - x) * 4 / 3 * pi * t * (r**2 * (1 + p**2) + 2 * r * t + t**2)
    heads = core * _volume(SULFATE) / _volume(DODECYL)  # one head per tail; water fills the rest of the shell
    return {
        "scale": drawn["volume_fraction"] * whole / (core + heads),
        "sld_core": sld["tail"],
        "sld_shell": _hydrated(sld["head"], sld["solvent"], 1 - heads / (whole - core)),
        "sld_solvent": sld["solvent"],
        "radius_equat_core": r,
        "x_core": x,
        "thick_shell": t,
        "x_polar_shell": 1,
    }


def _vesicle(drawn: Values, sld: Values) -> dict[str, float]:
    head, tail = drawn["head_length"], drawn["tail_length"]
    # mean volumes within the faces, from the water inside to the water outside
    faces = (0.0, head, head + 2 * tail, 2 * (head + tail))
    pool, inner, middle, whole = (_mean_ball(drawn["radius"], drawn["polydispersity"], t) for t in faces)
    tails, shells = middle - inner, whole - middle + inner - pool
    heads = tails * _volume(LIPID_HEAD) / _volume(LIPID_TAIL)
    sld_head = _hydrated(sld["head"], sld["solvent"], 1 - heads / shells)
    return {
        "scale": drawn["volume_fraction"] * whole / (tails + heads),
        "sld_core": sld["solvent"],
        "sld_solvent": sld["solvent"],
        "radius": drawn["radius"],
        "n": 3,
        "sld1": sld_head,
        "thickness1": head,
        "sld2": sld["tail"],
        "thickness2": 2 * tail,
        "sld3": sld_head,
        "thickness3": head,
    }


def _pluronic_cylinder(drawn: Values, sld: Values) -> dict[str, float]:
    r, t, length = drawn["core_radius"], drawn["shell_thickness"], drawn["length"]
    second = r**2 * (1 + drawn["polydispersity"] ** 2)
    core = second * length
    whole = (second + 2 * r * t + t**2) * (length + 2 * t)
    dry = core + (1 - drawn["shell_hydration"]) * (whole - core)
    return {
        "scale": drawn["volume_fraction"] * whole / dry,
        "sld_core": sld["core"],
        "sld_shell": _hydrated(sld["shell"], sld["solvent"], drawn["shell_hydration"]),
        "sld_solvent": sld["solvent"],
        "radius": r,
        "thickness": t,
        "length": length,
    }


def _lamellar_bilayer(drawn: Values, sld: Values) -> dict[str, float]:
    head, tail, hydration = drawn["head_length"], drawn["tail_length"], _head_hydration(drawn)
    spacing = 2 * (head + tail) + drawn["water_thickness"]
    return {
        "scale": drawn["volume_fraction"] * spacing / (2 * (tail + (1 - hydration) * head)),
        "length_tail": tail,
        "length_head": head,
        "Nlayers": drawn["layers"],
        "d_spacing": spacing,
        "Caille_parameter": drawn["caille_parameter"],
        "sld": sld["tail"],
        "sld_head": _hydrated(sld["head"], sld["solvent"], hydration),
        "sld_solvent": sld["solvent"],
    }


def _wormlike_micelle(drawn: Values, sld: Values) -> dict[str, float]:
    return {
        "scale": drawn["volume_fraction"],
        "length": drawn["length"],
        "kuhn_length": drawn["kuhn_length"],
        "radius": drawn["radius"],
        "sld": sld["core"],
        "sld_solvent": sld["solvent"],
    }


def _lipid_nanodisc(drawn: Values, sld: Values) -> dict[str, float]:
    r, rim = drawn["radius"], drawn["belt_thickness"]
    head, tail, hydration = drawn["head_length"], drawn["tail_length"], _head_hydration(drawn)
    second = r**2 * (1 + drawn["polydispersity"] ** 2)
    height = 2 * (head + tail)
    belt = (2 * r * rim + rim**2) * height
    lipid = second * 2 * (tail + (1 - hydration) * head)
    return {
        "scale": drawn["volume_fraction"] * (second * height + belt) / (lipid + belt),
        "radius": r,
        "thick_rim": rim,
        "thick_face": head,
        "length": 2 * tail,
        "sld_core": sld["tail"],
        "sld_face": _hydrated(sld["head"], sld["solvent"], hydration),
        "sld_rim": sld["belt"],
        "sld_solvent": sld["solvent"],
    }


def _table(
    *rows: tuple[str, str, float, float, Literal["uniform", "log-uniform", "integer"]],
) -> tuple[Parameter, ...]:
    return tuple(Parameter(*row) for row in rows)


LIPID: dict[str, Material] = {"tail": LIPID_TAIL, "head": LIPID_HEAD}
SYSTEMS: dict[SystemName, System] = {
    system.name: system
    for system in (
        System(
            "silica_sphere",
            "sphere",
            {"particle": SILICA},
            _table(
                ("volume_fraction", "", 5e-4, 1e-2, "log-uniform"),
                ("radius", "Å", 30, 300, "log-uniform"),
                ("polydispersity", "", 0.03, 0.2, "uniform"),
            ),
            "radius",
            _silica_sphere,
        ),
        System(
            "latex",
            "sphere@hardsphere",
            {"particle": POLYSTYRENE},
            _table(
                ("volume_fraction", "", 0.03, 0.35, "log-uniform"),
                ("radius", "Å", 80, 300, "log-uniform"),
                ("polydispersity", "", 0.03, 0.15, "uniform"),
            ),
            "radius",
            _latex,
        ),
        System(
            "micelle",
            "core_shell_sphere",
            {"core": POLYSTYRENE, "shell": PEO},
            _table(
                ("volume_fraction", "", 1e-3, 3e-2, "log-uniform"),
                ("core_radius", "Å", 25, 130, "log-uniform"),
                ("shell_thickness", "Å", 15, 80, "log-uniform"),
                ("shell_hydration", "", 0.3, 0.85, "uniform"),
                ("polydispersity", "", 0.05, 0.2, "uniform"),
            ),
            "radius",
            _micelle,
        ),
        System(
            "gold_rod",  # bare gold is nearly matched by D2O: neutrons need concentrated sols
            "cylinder",
            {"particle": GOLD},
            _table(
                ("volume_fraction", "", 1e-4, 2e-3, "log-uniform"),
                ("radius", "Å", 25, 75, "log-uniform"),
                ("aspect_ratio", "", 2, 5, "uniform"),
                ("polydispersity", "", 0.05, 0.15, "uniform"),
            ),
            "radius",
            _gold_rod,
        ),
        System(
            "surfactant_ellipsoid",
            "core_shell_ellipsoid",
            {"tail": DODECYL, "head": SULFATE},
            _table(
                ("volume_fraction", "", 5e-3, 3e-2, "log-uniform"),
                ("core_radius", "Å", 12, 17, "uniform"),
                ("axial_ratio", "", 1.1, 2.5, "uniform"),
                ("shell_thickness", "Å", 4, 7, "uniform"),
                ("polydispersity", "", 0.05, 0.15, "uniform"),
            ),
            "radius_equat_core",
            _surfactant_ellipsoid,
        ),
        System(
            "vesicle",
            "core_multi_shell",
            LIPID,
            _table(
                ("volume_fraction", "", 2e-3, 2e-2, "log-uniform"),
                ("radius", "Å", 100, 450, "log-uniform"),
                ("tail_length", "Å", 13, 16, "uniform"),
                ("head_length", "Å", 7, 10, "uniform"),
                ("polydispersity", "", 0.1, 0.25, "uniform"),
            ),
            "radius",
            _vesicle,
        ),
        System(
            "pluronic_cylinder",
            "core_shell_cylinder",
            {"core": PPO, "shell": PEO},
            _table(
                ("volume_fraction", "", 2e-3, 3e-2, "log-uniform"),
                ("core_radius", "Å", 25, 55, "uniform"),
                ("shell_thickness", "Å", 15, 40, "uniform"),
                ("shell_hydration", "", 0.3, 0.8, "uniform"),
                ("length", "Å", 150, 700, "log-uniform"),
                ("polydispersity", "", 0.05, 0.15, "uniform"),
            ),
            "radius",
            _pluronic_cylinder,
        ),
        System(
            "lamellar_bilayer",  # stacks of fluctuating bilayers, endless sideways; one thickness
            "lamellar_hg_stack_caille",
            LIPID,
            _table(
                ("volume_fraction", "", 5e-3, 5e-2, "log-uniform"),
                ("tail_length", "Å", 13, 16, "uniform"),
                ("head_length", "Å", 7, 10, "uniform"),
                ("water_thickness", "Å", 12, 60, "log-uniform"),
                ("layers", "", 1, 10, "integer"),
                ("caille_parameter", "", 0.03, 0.3, "log-uniform"),
            ),
            "",
            _lamellar_bilayer,
        ),
        System(
            "wormlike_micelle",  # polybutadiene; its dilute corona of short PEO is left out
            "flexible_cylinder",
            {"core": POLYBUTADIENE},
            _table(
                ("volume_fraction", "", 1e-3, 2e-2, "log-uniform"),
                ("radius", "Å", 20, 70, "log-uniform"),
                ("length", "Å", 1500, 15000, "log-uniform"),
                ("kuhn_length", "Å", 200, 1200, "log-uniform"),
                ("polydispersity", "", 0.05, 0.15, "uniform"),
            ),
            "radius",
            _wormlike_micelle,
        ),
        System(
            "lipid_nanodisc",
            "core_shell_bicelle",
            {**LIPID, "belt": PROTEIN},
            _table(
                ("volume_fraction", "", 2e-3, 2e-2, "log-uniform"),
                ("radius", "Å", 30, 70, "log-uniform"),
                ("tail_length", "Å", 13, 16, "uniform"),
                ("head_length", "Å", 7, 10, "uniform"),
                ("belt_thickness", "Å", 8, 12, "uniform"),
                ("polydispersity", "", 0.05, 0.15, "uniform"),
            ),
            "radius",
            _lipid_nanodisc,
        ),
    )
}
