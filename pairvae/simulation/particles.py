"""What sasmodels is told of each particle: its parameters from the drawn ones and the SLDs in 1e-6/Å².

The volume fraction is that of the dry substance, as one weighs it in: where a shell holds water, `scale` is
raised to the volume of the swollen particles. Lengths are in Å.
"""

from collections.abc import Mapping
from math import pi

from pairvae.simulation.materials import DODECYL, LIPID_HEAD, LIPID_TAIL, SULFATE, mixed, molar_volume

Values = Mapping[str, float]


def silica_sphere(drawn: Values, sld: Values) -> dict[str, float]:
    """A solid ball."""
    return {
        "scale": drawn["volume_fraction"],
        "sld": sld["particle"],
        "sld_solvent": sld["solvent"],
        "radius": drawn["radius"],
    }


def latex(drawn: Values, sld: Values) -> dict[str, float]:
    """Solid balls so crowded that they see each other."""
    return {
        "volfraction": drawn["volume_fraction"],
        "sld": sld["particle"],
        "sld_solvent": sld["solvent"],
        "radius": drawn["radius"],
        "structure_factor_mode": 1,  # decoupled (β approximation): sizes are independent of positions
        "radius_effective_mode": 1,  # the spheres exclude their mean radius
    }


def micelle(drawn: Values, sld: Values) -> dict[str, float]:
    """A ball of one block in a shell of the other and water."""
    core = _mean_ball(drawn["core_radius"], drawn["polydispersity"])
    whole = _mean_ball(drawn["core_radius"], drawn["polydispersity"], drawn["shell_thickness"])
    dry = core + (1 - drawn["shell_hydration"]) * (whole - core)
    return {
        "scale": drawn["volume_fraction"] * whole / dry,
        "sld_core": sld["core"],
        "sld_shell": mixed(sld["shell"], sld["solvent"], drawn["shell_hydration"]),
        "sld_solvent": sld["solvent"],
        "radius": drawn["core_radius"],
        "thickness": drawn["shell_thickness"],
    }


def gold_rod(drawn: Values, sld: Values) -> dict[str, float]:
    """A solid cylinder."""
    return {
        "scale": drawn["volume_fraction"],
        "sld": sld["particle"],
        "sld_solvent": sld["solvent"],
        "radius": drawn["radius"],
        "length": 2 * drawn["radius"] * drawn["aspect_ratio"],
    }


def surfactant_ellipsoid(drawn: Values, sld: Values) -> dict[str, float]:
    """Tails in a shell of heads and water, even in thickness."""
    r, x, t, p = (drawn[name] for name in ("core_radius", "axial_ratio", "shell_thickness", "polydispersity"))
    core = x * _mean_ball(r, p)
    # ⟨(r + t)²(x·r + t)⟩: a ball of r + t stretched along the core part only
    whole = x * _mean_ball(r, p, t) + (1 - x) * 4 / 3 * pi * t * (r**2 * (1 + p**2) + 2 * r * t + t**2)
    # one head per tail; water fills the rest of the shell
    heads = core * molar_volume(SULFATE) / molar_volume(DODECYL)
    return {
        "scale": drawn["volume_fraction"] * whole / (core + heads),
        "sld_core": sld["tail"],
        "sld_shell": mixed(sld["head"], sld["solvent"], 1 - heads / (whole - core)),
        "sld_solvent": sld["solvent"],
        "radius_equat_core": r,
        "x_core": x,
        "thick_shell": t,
        "x_polar_shell": 1,
    }


def vesicle(drawn: Values, sld: Values) -> dict[str, float]:
    """A bilayer closed to a ball, water inside; heads and tails keep their ratio of volumes."""
    head, tail = drawn["head_length"], drawn["tail_length"]
    # mean volumes within the faces, from the water inside to the water outside
    faces = (0.0, head, head + 2 * tail, 2 * (head + tail))
    pool, inner, middle, whole = (_mean_ball(drawn["radius"], drawn["polydispersity"], t) for t in faces)
    tails, shells = middle - inner, whole - middle + inner - pool
    heads = tails * molar_volume(LIPID_HEAD) / molar_volume(LIPID_TAIL)
    sld_head = mixed(sld["head"], sld["solvent"], 1 - heads / shells)
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


def pluronic_cylinder(drawn: Values, sld: Values) -> dict[str, float]:
    """A cylinder of one block in a shell of the other and water, also over its ends."""
    r, t, length = drawn["core_radius"], drawn["shell_thickness"], drawn["length"]
    second = r**2 * (1 + drawn["polydispersity"] ** 2)
    core = second * length
    whole = (second + 2 * r * t + t**2) * (length + 2 * t)
    dry = core + (1 - drawn["shell_hydration"]) * (whole - core)
    return {
        "scale": drawn["volume_fraction"] * whole / dry,
        "sld_core": sld["core"],
        "sld_shell": mixed(sld["shell"], sld["solvent"], drawn["shell_hydration"]),
        "sld_solvent": sld["solvent"],
        "radius": r,
        "thickness": t,
        "length": length,
    }


def lamellar_bilayer(drawn: Values, sld: Values) -> dict[str, float]:
    """A stack of bilayers, endless sideways."""
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
        "sld_head": mixed(sld["head"], sld["solvent"], hydration),
        "sld_solvent": sld["solvent"],
    }


def wormlike_micelle(drawn: Values, sld: Values) -> dict[str, float]:
    """A flexible cylinder of chains of stiff steps."""
    return {
        "scale": drawn["volume_fraction"],
        "length": drawn["length"],
        "kuhn_length": drawn["kuhn_length"],
        "radius": drawn["radius"],
        "sld": sld["core"],
        "sld_solvent": sld["solvent"],
    }


def lipid_nanodisc(drawn: Values, sld: Values) -> dict[str, float]:
    """A round piece of bilayer in a belt of protein."""
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
        "sld_face": mixed(sld["head"], sld["solvent"], hydration),
        "sld_rim": sld["belt"],
        "sld_solvent": sld["solvent"],
    }


def _mean_ball(radius: float, polydispersity: float, shell: float = 0.0) -> float:
    """⟨4π/3·(r + shell)³⟩ over a Gaussian distribution of r, by its moments."""
    second, third = radius**2 * (1 + polydispersity**2), radius**3 * (1 + 3 * polydispersity**2)
    return 4 / 3 * pi * (third + 3 * second * shell + 3 * radius * shell**2 + shell**3)


def _head_hydration(drawn: Values) -> float:
    """Share of water in a flat layer of heads: what is left by one head per area of one lipid."""
    ratio = molar_volume(LIPID_HEAD) / molar_volume(LIPID_TAIL)
    return 1 - ratio * drawn["tail_length"] / drawn["head_length"]
