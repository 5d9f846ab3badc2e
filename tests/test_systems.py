"""Kinds of particles as files: the ten of the demo as ever, a user's own, and sentences on what is wrong."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from pairvae.errors import UserError
from pairvae.scattering.curves_file import CurvesFile
from pairvae.settings import Simulate
from pairvae.simulation.cross_section import check_model
from pairvae.simulation.simulate import simulate
from pairvae.simulation.system_files import load_system, read_system, shares, shipped_names
from pairvae.simulation.validation import validate

FILES = ("saxs.h5", "sans.h5", "truth_saxs.h5", "truth_sans.h5", "samples.csv")
OWN = {
    "description": "Balls of a substance in a shell of water and another one.",
    "source": "a test",
    "model": "core_shell_sphere",
    "materials": {"core": ["SiO2@2.2", "gold"], "shell": "C2H4O@1.13"},
    "solvent": ["water", "toluene_d8"],
    "parameters": {
        "volume_fraction": {"low": 1e-3, "high": 1e-2, "distribution": "log-uniform"},
        "radius": {"unit": "Å", "low": 20, "high": 200, "distribution": "log-uniform"},
        "thickness": {"unit": "Å", "low": "0.1 * radius", "high": "min(50, radius)"},
        "hydration": {"low": 0.2, "high": 0.9},
        "width": {"low": 0.02, "high": 0.2},
    },
    "polydispersity": {"parameter": "radius", "width": "width"},
    "derived": {
        "core_volume": "mean_ball(radius, width)",
        "dry": "core_volume + (1 - hydration) * (mean_ball(radius, width, thickness) - core_volume)",
    },
    "model_parameters": {
        "scale": "volume_fraction * mean_ball(radius, width, thickness) / dry",
        "radius": "radius",
        "thickness": "thickness",
        "sld_core": "sld(core)",
        "sld_shell": "mixed(sld(shell), sld(solvent), hydration)",
        "sld_solvent": "sld(solvent)",
    },
    "validation": {
        "quantity": "forward",
        "expected": "volume_fraction / dry * 1e-4 * (core_volume * (sld(core) - sld(solvent))"
        " + (dry - core_volume) * (sld(shell) - sld(solvent)))**2",
        "source": "water in the shell adds no contrast",
    },
}


def changed(path, value):
    """A system of a user's with one entry changed, or without it where the value is None."""
    content = yaml.safe_load(yaml.safe_dump(OWN))
    *above, last = path.split(".")
    group = content
    for key in above:
        group = group[key]
    if value is None:
        del group[last]
    else:
        group[last] = value
    return content


def write(folder, content, name="mine.yaml"):
    file = folder / name
    file.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return file


def test_the_ten_of_the_demo_give_the_same_curves_as_before_they_were_files(tmp_path):
    with (Path(__file__).parent / "data" / "ten_systems.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    simulate(Simulate(pairs=14, seed=20, d2o_fraction=(0.0, 1.0)), *(tmp_path / name for name in FILES), threads=1)
    assert {row["sample_id"][:-7] for row in rows} == set(Simulate().systems)
    for technique in ("saxs", "sans"):
        with (
            CurvesFile(tmp_path / f"{technique}.h5") as measured,
            CurvesFile(tmp_path / f"truth_{technique}.h5") as truth,
        ):
            curves = {curve.sample: (curve, expected) for curve, expected in zip(measured, truth, strict=True)}
        for row in (row for row in rows if row["technique"] == technique):
            curve, expected = curves[row["sample_id"]]
            at = int(row["row"])
            assert curve.q.size == int(row["points"])
            found = curve.q[at], expected.intensity[at], curve.intensity[at], curve.sigma[at]
            # every digit on one computer; another C library may round the last one otherwise
            np.testing.assert_allclose(
                found, [float(row[n]) for n in ("q", "expected", "measured", "sigma")], rtol=1e-11
            )


def test_a_system_of_ones_own_is_simulated_and_drawn(tmp_path, pairvae):
    file = write(tmp_path, OWN)
    code, out, err = pairvae("systems", file, "--plot", tmp_path / "page.html", "--samples", "2")
    assert (code, err) == (0, "")
    assert "mine: core_shell_sphere, 5 parameters" in out
    assert out.count("as expected from: water in the shell") == 2
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "SAXS" in page
    assert page.count('hovertemplate":"%{x}') == 4
    simulate(Simulate(pairs=3, systems={str(file): 1}), *(tmp_path / name for name in FILES), threads=1)
    with (tmp_path / "samples.csv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    assert [row["sample_id"] for row in rows] == ["mine_000000", "mine_000001", "mine_000002"]
    assert {json.loads(row["parameters"])["core"] for row in rows} == {"SiO2@2.2", "gold"}


def test_a_folder_of_systems_shares_its_part_of_the_mix(tmp_path):
    for name in ("a.yaml", "b.yaml"):
        write(tmp_path, OWN, name)
    mix = dict(shares({"micelle": 1.0, f"{tmp_path}/": 1.0, "latex": 0.0}))
    assert mix == {"micelle": 1.0, str(tmp_path / "a.yaml"): 0.5, str(tmp_path / "b.yaml"): 0.5}


def test_two_systems_of_one_name_are_refused(tmp_path):
    write(tmp_path, OWN, "micelle.yaml")
    with pytest.raises(UserError, match="have one name, micelle; rename the file"):
        dict(shares({"micelle": 1.0, f"{tmp_path}/": 1.0}))


def test_commands_list_the_kinds_that_there_are(pairvae):
    code, out, _ = pairvae("systems")
    assert code == 0
    assert [line.split(":")[0] for line in out.splitlines()] == shipped_names()


FAULTS = [
    ("modle", "sphere", ["modle is no key of a system", "the nearest name is model"]),
    ("model", "core_shel_sphere", ["model", "nearest name is core_shell_sphere"]),
    ("model", None, ["model is missing", "add it"]),
    ("materials.core", "SiO2", ["materials.core", "'SiO2' is no material", "formula@density"]),
    ("materials.core", "Zz2@2", ["materials.core", "'Zz2@2' is no formula@density"]),
    ("parameters.radius.hihg", 3, ["parameters.radius.hihg is no key", "the nearest name is high"]),
    (
        "parameters.radius.unit",
        "nm",
        ["parameters.radius.unit: found 'nm'", "expected one of Å", "write the limits in it"],
    ),
    ("parameters.width.high", 12, ["parameters.width: high is 12", "expected at most 1", "write 12 % as 0.12"]),
    ("parameters.radius.low", 300, ["parameters.radius: low is 300, above high, 200"]),
    ("parameters.radius.distribution", "normal", ["parameters.radius.distribution", "'log-uniform'", "found 'normal'"]),
    ("parameters.thickness.low", "0.1 * radios", ["parameters.thickness.low", "'radios' is unknown", "is radius"]),
    ("parameters.Radius 2", {"low": 1, "high": 2}, ["'Radius 2' is no name"]),
    ("derived.dry", "core_volume + sld(coer)", ["derived.dry", "'coer' is unknown", "nearest name is core"]),
    ("derived.dry", "core + 1", ["derived.dry", "'core' is a material: write sld(core)"]),
    ("model_parameters.radius", "open('x')", ["model_parameters.radius", "may not stand in an expression"]),
    ("model_parameters.thikness", "thickness", ["model_parameters.thikness", "the nearest name is thickness"]),
    ("model_parameters.sld_shell", None, ["sld_shell of core_shell_sphere is missing", "add it"]),
    ("polydispersity.parameter", "radus", ["polydispersity.parameter", "the nearest name is radius"]),
    ("polydispersity.width", "width - 0.1", ["polydispersity.width", "is -0.1; expected ≥ 0"]),
    ("validation.at", {"raduis": 3}, ["validation.0.at", "the nearest name is radius"]),
    ("validation.expected", "2 * volume_fraction", ["validation: forward", "expected 0.00632", "mend"]),
    ("validation.quantity", "minimum", ["validation.0", "minimum needs 2 values of q"]),
    ("name", "mine", ["name of a system is that of its file"]),
]


@pytest.mark.parametrize(("path", "value", "sentence"), FAULTS)
def test_a_broken_file_is_one_sentence_with_the_key_and_the_remedy(path, value, sentence, tmp_path, pairvae):
    file = write(tmp_path, changed(path, value))
    code, _, err = pairvae("systems", file, "--plot", tmp_path / "page.html")
    assert code == 2
    first = err.splitlines()[0]
    assert "mine.yaml" in first
    for part in sentence:
        assert part in first, first
    assert "Traceback" not in err
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: [1, 2", r"mine\.yaml, line 1: is no plain YAML"),
        ("a: 1\nb: 2\na: 3\n", r"mine\.yaml, line 3: .*a stands there a second time"),
        ("a: &x 1\nb: *x\n", r"mine\.yaml, line 2: .*alias"),
        ("- 1\n", "holds list; expected"),
        ("a: !!python/object/apply:os.system ['touch ran']\n", "is no plain YAML"),
        ("\0", "is no plain YAML"),
        ("[" * 1200, "YAML|nested too deeply"),
        ("# " + "x" * 200_000, "larger than"),
    ],
)
def test_a_file_that_is_no_plain_yaml_is_refused(text, sentence, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=sentence):
        read_system(write(tmp_path, text))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


def test_limits_that_cross_for_some_samples_are_named_with_these(tmp_path):
    file = write(tmp_path, changed("parameters.thickness.low", "60 - radius"))
    settings = Simulate(pairs=400, systems={str(file): 1})
    with pytest.raises(UserError, match=r"mine\.yaml: parameters\.thickness: its limits are .* with .*radius = "):
        simulate(settings, *(tmp_path / name for name in FILES), threads=1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.yaml"]


@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_kind_agrees_with_numbers_from_elsewhere(name):
    system = load_system(name)
    check_model(system)
    for one in validate(system):
        assert one.agrees, (one.technique, one.check.quantity, one.found, one.expected)
    for key, parameter in system.parameters.items():
        assert parameter.unit or key not in ("radius", "length", "thickness")


DOC = (Path(__file__).parents[1] / "docs" / "systems.md").read_text(encoding="utf-8")


def test_the_system_in_the_documentation_is_the_file_that_it_names():
    text = (Path(__file__).parents[1] / "data" / "example" / "dextran_shell.yaml").read_text(encoding="utf-8")
    assert f"```yaml\n{text}```" in DOC


def test_commands_in_the_documentation_run(tmp_path, monkeypatch, pairvae):
    (tmp_path / "data").symlink_to(Path(__file__).parents[1] / "data")
    monkeypatch.chdir(tmp_path)
    lines = [line.split("#")[0].split()[1:] for line in DOC.splitlines() if line.startswith("pairvae ")]
    assert len(lines) == 3
    for arguments in lines:
        code, _, err = pairvae(*arguments)
        assert code == 0, err
    assert (tmp_path / "dextran.html").is_file()


def test_the_table_in_the_documentation_names_every_kind():
    named = [line.split("|")[1].strip() for line in DOC.split("## The kinds")[1].splitlines() if line.startswith("| ")]
    assert sorted(named[2:]) == shipped_names()
