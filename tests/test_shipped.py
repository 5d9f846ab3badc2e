"""The models that come with the package: whole, small, and as good as they say."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

from pairvae import load_model, read_spectrum
from pairvae.errors import UserError
from pairvae.evaluation.shape_errors import after_background
from pairvae.use.shipped import HOME, introduction, shipped_models

ROOT = Path(__file__).parents[1]
RAW = ROOT / "data" / "example" / "raw"
MODELS = shipped_models()


@pytest.fixture(scope="module")
def universal():
    return load_model()


def test_the_default_model_is_there():
    assert set(MODELS) == {"universal"}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_small_and_its_files_are_those_that_its_checksums_name(name):
    folder = HOME / name
    assert sum(file.stat().st_size for file in folder.iterdir()) < 15e6
    sums = dict(line.split("  ")[::-1] for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in sums} == sums
    assert json.loads((folder / "model.json").read_text())["weights_sha256"] == sums["weights.safetensors"]


def test_models_are_listed_and_checked(pairvae):
    code, out, _ = pairvae("models")
    assert code == 0
    scores = json.loads((HOME / "universal" / "scores.json").read_text())
    assert f"SANS by {scores['median']['sans']['background']:.2f} decades" in out
    assert "contrast_sans" in out
    assert pairvae("models", "check")[:2] == (0, "universal: whole\n")


def test_an_altered_model_is_noticed(monkeypatch, tmp_path, pairvae):
    copy = tmp_path / "universal"
    copy.mkdir()
    for file in (HOME / "universal").iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / "model.json").write_text((copy / "model.json").read_text() + " ")
    monkeypatch.setattr("pairvae.use.shipped.HOME", tmp_path)
    code, _, err = pairvae("models", "check")
    assert code == 2
    assert "model.json: is not the file that SHA256SUMS was written for" in err


def test_a_name_that_is_no_model_is_refused_with_those_that_are(pairvae, tmp_path):
    curve = RAW / "silica_22_saxs.dat"
    arguments = ("--to", "sans", "--q-unit", "1/nm", "--output", str(tmp_path / "out"), str(curve))
    code, _, err = pairvae("translate", "--model", "universe", *arguments)
    assert code == 2
    assert (
        "universe: is no folder and no model of the package; expected results/<run>/model, or one of universal" in err
    )


def test_the_default_model_introduces_itself_and_predicts(pairvae, tmp_path):
    curve = RAW / "silica_22_saxs.dat"
    code, out, err = pairvae("translate", "--to", "sans", "--q-unit", "1/nm", "--output", str(tmp_path), str(curve))
    assert code == 0
    assert introduction("universal") in err
    assert re.search(r"silica_22_saxs.sans.h5: novelty \d", out)
    assert introduction(tmp_path) == ""


def pairs():
    """Example curves with their partners: both as read, by sample."""
    names = sorted(file.name.removesuffix("_saxs.dat") for file in RAW.glob("*_saxs.dat"))
    partners = {name: next(iter(RAW.glob(f"{name}_sans.*")), None) for name in names}
    return {
        name: (read_spectrum(RAW / f"{name}_saxs.dat", technique="saxs", q_unit="1/nm"), partner)
        for name, partner in partners.items()
        if partner
    }


def example_errors(model):
    """Error of the shape of each example curve, in decades."""
    errors = {}
    for name, (saxs, file) in pairs().items():
        sans = read_spectrum(file, technique="sans", q_unit="1/angstrom")
        (prediction,) = model.translate([saxs], to="sans")
        measured = model.gridded([[sans]], "sans")
        known = measured.mask[0] & (measured.log_sigma[0] < 0.1)
        errors[name] = after_background(np.log10(prediction.intensity[known]), measured.log_intensity[0][known])
    return errors


def test_its_shapes_of_the_example_curves_do_not_change(universal):
    stated = json.loads((HOME / "universal" / "scores.json").read_text())["examples"]
    assert example_errors(universal) == pytest.approx(stated, abs=0.003)


def test_ten_times_the_intensity_gives_ten_times_the_partner(universal):
    saxs = next(iter(pairs().values()))[0]
    brighter = type(saxs)(**{**vars(saxs), "intensity": 10 * saxs.intensity, "sigma": 10 * saxs.sigma})
    once, tenfold = universal.translate([saxs, brighter], to="sans")
    assert once.intensity_unit == "1/cm"
    assert tenfold.intensity == pytest.approx(10 * once.intensity, rel=5e-3)


def test_silica_is_fainter_at_its_match_point_than_in_heavy_water(pairvae, tmp_path):
    arguments = ("translate", "--to", "sans", "--q-unit", "1/nm", str(RAW / "silica_22_saxs.dat"), "--format", "csv")
    solvents = {"matched": ("solvent=water", "d2o_fraction=0.58"), "heavy": ("solvent=D2O",)}
    brightest = {}
    for name, solvent in solvents.items():
        stated = [f"--covariate={each}" for each in ("solute=SiO2@2.2", *solvent)]
        code, out, _ = pairvae(*arguments, "--output", str(tmp_path / name), *stated)
        assert (code, "was not said" in out) == (0, False)
        predicted = read_spectrum(tmp_path / name / "silica_22_saxs.sans.csv", technique="sans")
        brightest[name] = predicted.intensity.max()
    assert brightest["matched"] < 0.5 * brightest["heavy"]


def test_a_model_folder_that_holds_no_model_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"model.json is missing"):
        load_model(tmp_path)


if __name__ == "__main__":  # for a new model: states its errors beside its scores
    scores = HOME / "universal" / "scores.json"
    stated = json.loads(scores.read_text()) | {
        "examples": {name: round(error, 4) for name, error in example_errors(load_model()).items()}
    }
    scores.write_text(json.dumps(stated, indent=2) + "\n")
