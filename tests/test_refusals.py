"""What the commands refuse: one clear sentence, exit code 2, nothing written."""

import hashlib
import json
import os
import shutil

import numpy as np
import pytest

from pairvae.formats.write import write_nxcansas, write_text
from pairvae.models.weights_file import load_weights, save_weights
from pairvae.scattering.spectrum import Spectrum

READING = ("translate", "encode", "reconstruct", "match", "check", "plan", "interpolate")
COMMANDS = (*READING, "generate", "export")


@pytest.fixture
def arguments(raw, spheres):
    """A right call of each command but for --model and its files; SAXS is what it works on."""
    sans = raw / "raw" / "sans"
    return {
        "translate": ("--to", "sans", "--output", raw / "out"),
        "encode": ("--technique", "saxs", "--output", raw / "out" / "codes.csv"),
        "reconstruct": ("--technique", "saxs", "--output", raw / "out"),
        "match": ("--to", "sans", "--output", raw / "out" / "matches.csv", "--among", sans),
        "check": ("--output", raw / "out" / "checks.csv", "--sans", sans / f"{spheres[0].name}.csv"),
        "plan": ("--to", "sans", "--output", raw / "out", "--covariate", "d2o_fraction=0,1"),
        "interpolate": ("--technique", "saxs", "--output", raw / "out"),
        "generate": ("--count", "2", "--output", raw / "out"),
        "export": ("--output", raw / "out"),
    }


@pytest.fixture
def refused(pairvae, trained, arguments, raw, spheres):
    """Call a command; what it says when it refuses."""

    def call(command, *files, model=None):
        if command not in READING:
            files = ()
        elif not files:
            curves = [raw / "raw" / "saxs" / f"{one.name}.csv" for one in spheres]
            files = curves[:2] if command == "interpolate" else curves[:1]
        code, _, err = pairvae(command, *files, *arguments[command], "--model", model or trained.path("model"))
        assert code == 2
        assert err.startswith("pairvae: ")
        assert err.count("\n") == 1
        assert not (raw / "out").exists()
        return err

    return call


@pytest.mark.parametrize("command", READING)
def test_warnings_of_the_reader_appear_in_every_command(pairvae, trained, arguments, raw, spheres, command):
    folder = raw / "raw" / "saxs"
    files = [folder / f"{one.name}.csv" for one in spheres[: 2 if command == "interpolate" else 1]]
    options = arguments[command]
    unit = "--saxs-q-unit" if command in ("match", "check") else "--q-unit"
    code, out, err = pairvae(command, *files, *options, unit, "1/nm", "--model", trained.path("model"))
    assert code == 0, err
    where = f"warning: {files[0]}: " if len(files) == 1 else "warning: 2 files: "
    assert f"{where}q read in 1/nm as stated, though the header says 1/A" in out


# The model folder


@pytest.fixture
def copied(trained, tmp_path):
    return shutil.copytree(trained.path("model"), tmp_path / "model")


def rewrite(folder, **changed):
    about = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    (folder / "model.json").write_text(json.dumps(about | changed), encoding="utf-8")


def sign(folder):
    """Checksums as if PairVAE had written what is there now."""
    names = ("weights.safetensors", "model.json")
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / "SHA256SUMS").write_text("".join(lines))


def alter_weights(folder):
    tensors, facts = load_weights(folder / "weights.safetensors")
    tensors["network.saxs.members.0.mean"][0] += 1
    save_weights(folder / "weights.safetensors", tensors, facts)


def link_outside(folder):
    shutil.move(folder / "weights.safetensors", folder.parent / "elsewhere.safetensors")
    (folder / "weights.safetensors").symlink_to(folder.parent / "elsewhere.safetensors")


FAULTS = {
    "no folder": (shutil.rmtree, "is no model folder: it does not exist"),
    "no weights": (lambda f: (f / "weights.safetensors").unlink(), "weights.safetensors is missing"),
    "no json": (lambda f: (f / "model.json").unlink(), "model.json is missing"),
    "no sums": (lambda f: (f / "SHA256SUMS").unlink(), "SHA256SUMS is missing"),
    "altered weights": (alter_weights, "weights.safetensors: is not the file that SHA256SUMS was written for"),
    "altered json": (lambda f: rewrite(f, pairs={}), "model.json: is not the file that SHA256SUMS was written for"),
    "newer format": (lambda f: rewrite(f, format=99), "is of format 99, this version reads format"),
    "older calibration": (lambda f: (rewrite(f, calibration=1), sign(f)), "is of calibration 1, this version reads"),
    "link to the outside": (link_outside, "weights.safetensors: is a link out of the model folder"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("command", COMMANDS)
def test_model_folder_that_is_not_as_it_was_written_is_refused(refused, copied, command, fault):
    spoil, said = FAULTS[fault]
    spoil(copied)
    assert said in refused(command, model=copied)


def test_what_holds_a_model_folder_is_told_from_one(refused, copied, tmp_path):
    archive = shutil.make_archive(str(tmp_path / "zipped"), "zip", copied)
    assert "is no model folder: it is an archive; unpack it" in refused("encode", model=archive)
    assert f"model.json is missing; it is in {copied}: name that" in refused("encode", model=copied.parent)
    said = refused("encode", model=copied / "model.json")
    assert f"is no model folder: it is a file of one; name the folder, {copied}" in said


@pytest.mark.parametrize("text", ["", "no json", "[]", "{}", "[" * 100_000, "\ud800"])
def test_model_json_that_is_none_is_refused(refused, copied, text):
    (copied / "model.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    assert "model.json" in refused("translate", model=copied)


@pytest.mark.parametrize("name", ["../weights.safetensors", "/etc/passwd", "a/../../b"])
def test_names_in_a_model_folder_lead_nowhere(refused, copied, name):
    # checksums of other files prove nothing about those that are read, and the others are not opened
    (copied / "SHA256SUMS").write_text(f"{'0' * 64}  {name}\n")
    assert "is not the file that SHA256SUMS was written for" in refused("translate", model=copied)


def test_pickled_weights_are_refused_without_running(refused, copied, tmp_path):
    import pickle

    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "exploded"),)

    (copied / "weights.safetensors").write_bytes(pickle.dumps(Bomb()))
    sign(copied)
    assert "cannot be read as weights" in refused("translate", model=copied)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"network": {}},
        {"network": "__import__('os').mkdir('exploded')"},
        {"settings": {"calibrate": {"coverage": 0.9}, "normalize": {"saxs": {"max_gap": 1}}}},
    ],
)
def test_model_json_that_does_not_fit_the_weights_is_refused(refused, copied, change):
    rewrite(copied, **change)
    sign(copied)
    assert refused("translate", model=copied)


def test_network_of_absurd_size_takes_no_memory_before_it_is_refused(refused, copied):
    about = json.loads((copied / "model.json").read_text(encoding="utf-8"))
    about["network"]["saxs"]["members"][0]["points"] = 10**9
    (copied / "model.json").write_text(json.dumps(about), encoding="utf-8")
    sign(copied)
    assert "do not fit together" in refused("translate", model=copied)


def test_moved_model_folder_is_the_same_model(model, copied, spheres):
    from pairvae import load_model

    again = load_model(copied)
    one, other = (m.translate(spheres[0].curve("saxs"), to="sans") for m in (model, again))
    np.testing.assert_array_equal(one.intensity, other.intensity)
    assert one.novelty == other.novelty


def test_device_that_is_not_there_is_refused(pairvae, trained, raw):
    code, _, err = pairvae("generate", "--model", trained.path("model"), "--output", raw / "out", "--device", "abacus")
    assert code == 2
    assert "device abacus: cannot be used here" in err


# What they work on


@pytest.mark.parametrize("command", READING)
def test_curve_of_the_wrong_technique_is_refused(refused, raw, spheres, command):
    write_nxcansas(raw / "sans.h5", spheres[0].curve("sans"))
    files = [raw / "sans.h5", raw / "raw" / "saxs" / f"{spheres[1].name}.csv"]
    assert "says it is SANS data" in refused(command, *(files if command == "interpolate" else files[:1]))


@pytest.mark.parametrize("command", READING)
def test_empty_folder_is_refused(refused, raw, command):
    (raw / "empty").mkdir()
    assert "empty: is a folder without files" in refused(command, raw / "empty")


@pytest.mark.parametrize("command", READING)
def test_missing_file_is_refused(refused, raw, command):
    assert "missing.dat: cannot be read" in refused(command, raw / "missing.dat")


@pytest.mark.parametrize("command", READING)
def test_curve_outside_of_the_grid_is_refused(refused, raw, spheres, command):
    far = Spectrum(np.linspace(5, 6, 20), np.ones(20), np.ones(20))
    write_text(raw / "far.csv", far)
    files = [raw / "far.csv", raw / "raw" / "saxs" / f"{spheres[0].name}.csv"]
    assert "no overlap" in refused(command, *(files if command == "interpolate" else files[:1]))


@pytest.mark.parametrize("command", ["translate", "encode", "reconstruct", "match", "check", "interpolate", "generate"])
def test_covariate_that_the_model_does_not_know_is_refused(refused, arguments, command):
    arguments[command] += ("--covariate", "ph=7")
    assert "covariate 'ph': this model was trained with d2o_fraction, material" in refused(command)


@pytest.mark.parametrize(
    ("covariate", "said"),
    [
        ("ph=6,7", "covariate 'ph': this model was trained with d2o_fraction, material"),
        ("d2o_fraction=0,much", "covariate d2o_fraction='much': expected a number"),
        ("d2o_fraction=,", "covariate 'd2o_fraction': has no value"),
        ("d2o_fraction", "expected NAME=VALUE"),
    ],
)
def test_plan_for_what_the_model_does_not_know_is_refused(refused, arguments, covariate, said):
    arguments["plan"] = (*arguments["plan"][:-1], covariate)
    assert said in refused("plan")


def test_every_bad_file_is_named_and_no_good_one_is_translated(pairvae, trained, raw):
    folder = raw / "raw" / "saxs"
    for name in ("bad.dat", "worse.dat"):
        (folder / name).write_text("no numbers\n")
    options = ("--model", trained.path("model"), "--to", "sans", "--output", raw / "out")
    code, _, err = pairvae("translate", f"{folder}/*", *options)
    assert code == 2
    assert "2 files cannot be used" in err
    assert "bad.dat" in err
    assert "worse.dat" in err
    assert not (raw / "out").exists()


@pytest.mark.parametrize("command", ["generate", "interpolate", "export"])
def test_folder_that_holds_something_is_never_overwritten(pairvae, trained, arguments, raw, spheres, command):
    (raw / "out").mkdir()
    (raw / "out" / "thesis.txt").write_text("years of work")
    files = [raw / "raw" / "saxs" / f"{one.name}.csv" for one in spheres[:2]] if command == "interpolate" else []
    code, _, err = pairvae(command, *files, *arguments[command], "--model", trained.path("model"))
    assert code == 2
    assert "is there and not empty" in err
    assert (raw / "out" / "thesis.txt").read_text() == "years of work"


def test_what_was_read_is_never_overwritten(pairvae, trained, raw, spheres):
    one = spheres[0].name
    measured = raw / f"{one}.sans.csv"  # as a prediction of the sample would be called
    shutil.copy(raw / "raw" / "sans" / f"{one}.csv", measured)
    table = raw / "samples.csv"
    table.write_text(f"sample_id,saxs,sans\n{one},raw/saxs/{one}.csv,{measured.name}\n")
    before = measured.read_bytes(), table.read_bytes()
    for command, *options in (
        ("translate", "--to", "sans", "--format", "csv", "--output", raw),
        ("encode", "--technique", "saxs", "--output", table),
        ("check", "--output", raw / "raw" / ".." / measured.name),
        ("match", "--to", "sans", "--output", measured),
    ):
        code, _, err = pairvae(command, table, *options, "--model", trained.path("model"))
        assert (code, err.count("\n")) == (2, 1)
        assert "was read, and would be overwritten" in err
        assert (measured.read_bytes(), table.read_bytes()) == before
