"""The simulated particles, one table: materials, drawn parameters, and the model of sasmodels.

`volume_fraction` is always that of the dry substance. Multiple scattering, charges and (except in the latex)
interactions between particles are left out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from pairvae.scattering.spectrum import Technique
from pairvae.settings import SystemName
from pairvae.simulation import particles
from pairvae.simulation.materials import (
    DODECYL,
    GOLD,
    LIPID_HEAD,
    LIPID_TAIL,
    PEO,
    POLYBUTADIENE,
    POLYSTYRENE,
    PPO,
    PROTEIN,
    SILICA,
    SULFATE,
    WATER,
    Material,
    scattering_length_density,
)
from pairvae.simulation.particles import Values

Distribution = Literal["uniform", "log-uniform", "integer"]


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
    distribution: Distribution


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


def _table(*rows: tuple[str, str, float, float, Distribution]) -> tuple[Parameter, ...]:
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
            particles.silica_sphere,
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
            particles.latex,
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
            particles.micelle,
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
            particles.gold_rod,
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
            particles.surfactant_ellipsoid,
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
            particles.vesicle,
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
            particles.pluronic_cylinder,
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
            particles.lamellar_bilayer,
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
            particles.wormlike_micelle,
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
            particles.lipid_nanodisc,
        ),
    )
}
