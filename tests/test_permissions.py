"""Files for colleagues: open as far as the umask says, and a clear word where they are not."""

import json
import os
import shutil
import stat
import tempfile
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

import pytest

from pairvae import load_model
from pairvae.errors import UserError
from pairvae.files.whole import written_whole
from pairvae.models.weights_file import load_weights
from pairvae.prepare.spectra_file import load_spectra

ROOT = Path(__file__).parents[1]
NOBODY = 65534


def permissions(path):
    return stat.S_IMODE(path.stat().st_mode)


def below(folder):
    """Permissions of the folders and of the files below a folder, each once."""
    found = [path for path in folder.rglob("*") if not path.is_symlink()]
    return tuple({permissions(one) for one in found if one.is_dir() == are_folders} for are_folders in (True, False))


# What is written


def test_every_file_of_a_training_has_the_permissions_that_the_umask_gives(trained):
    now = os.umask(0)
    os.umask(now)
    assert below(trained.folder) == ({0o777 & ~now}, {0o666 & ~now})


@pytest.fixture
def group_only():
    """A umask that lets the group read and nobody else."""
    before = os.umask(0o027)
    yield
    os.umask(before)


@pytest.mark.usefixtures("group_only")
def test_what_commands_write_has_the_permissions_that_the_umask_gives(pairvae, trained, raw):
    curve, out = min((raw / "raw" / "saxs").iterdir()), raw / "out"
    for command, *options in (
        ("translate", curve, "--to", "sans", "--output", out / "predictions"),
        ("translate", curve, "--to", "sans", "--output", out / "predictions", "--format", "csv"),
        ("encode", curve, "--technique", "saxs", "--output", out / "codes.csv"),
        ("plan", curve, "--to", "sans", "--covariate", "d2o_fraction=0", "--output", out / "plans"),
        ("generate", "--count", "1", "--output", out / "pairs"),
    ):
        code, _, err = pairvae(command, *options, "--model", trained.path("model"))
        assert code == 0, err
    assert below(out) == ({0o750}, {0o640})


@pytest.mark.usefixtures("group_only")
def test_file_that_takes_the_place_of_another_keeps_its_permissions(tmp_path):
    path = tmp_path / "file.txt"
    for before in (0o664, 0o600, 0o444):
        path.write_text("old")
        path.chmod(before)
        with written_whole(path) as temporary:
            temporary.write_text("new")
        assert (path.read_text(), permissions(path)) == ("new", before)
        path.unlink()


@pytest.mark.usefixtures("group_only")
def test_folder_that_takes_the_place_of_another_is_as_open_as_the_umask_says(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights").touch(mode=0o600)
    with written_whole(folder) as temporary:
        temporary.mkdir()
        (temporary / "weights").touch()
    assert permissions(folder / "weights") == 0o640


def test_mark_that_snakemake_left_in_a_folder_of_an_earlier_version_does_not_keep_the_folder(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / ".snakemake_timestamp").touch()
    for name in ("first", "second"):
        with written_whole(folder) as temporary:
            temporary.mkdir()
            (temporary / "weights").write_text(name)
        assert [(path.name, path.read_text()) for path in folder.iterdir()] == [("weights", name)]


# What cannot be read


@pytest.fixture
def shared(trained):
    """A copy of a run's folder where every user may look, unlike below pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        for name in ("model", "spectra", "joint.safetensors"):
            copy = shutil.copytree if trained.path(name).is_dir() else shutil.copy
            copy(trained.path(name), Path(folder) / name)
        load_model(Path(folder) / "model")  # all that is imported late is there before the rights are gone
        yield Path(folder)
        for path in Path(folder).iterdir():
            path.chmod(0o755)


@contextmanager
def without_rights():
    """Root becomes nobody, as far as files are concerned; any other user stays."""
    if os.geteuid():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def closed(path, right):
    """A file or folder that only its owner can open again, in the way that the sentence says."""
    before = permissions(path)
    path.chmod(0)
    with without_rights(), pytest.raises(UserError) as caught:
        yield caught
    owner, (user, *_) = path.owner(), str(caught.value).partition("by user ")[2].split(":")
    assert user == ("nobody" if os.geteuid() == 0 else owner)
    assert f"belongs to {owner} and has mode 000; {owner} can open it with `chmod {right} {path}`" in str(caught.value)
    path.chmod(before)


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors", "SHA256SUMS"])
def test_closed_file_of_a_model_is_named_with_its_owner_and_the_command_that_opens_it(shared, name):
    with closed(shared / "model" / name, "a+r") as caught:
        load_model(shared / "model")
    assert str(caught.value).startswith(f"{shared / 'model' / name}: cannot be read by user ")
    with without_rights():
        load_model(shared / "model")


def test_closed_folder_of_a_model_is_named(shared):
    with closed(shared / "model", "a+rx"):
        load_model(shared / "model")


def test_folder_on_the_way_to_a_model_is_named(shared):
    with closed(shared, "a+rx") as caught:
        load_model(shared / "model")
    assert f": {shared} belongs to " in str(caught.value)


def test_closed_weights_and_spectra_are_named(shared):
    with closed(shared / "joint.safetensors", "a+r"):
        load_weights(shared / "joint.safetensors")
    with closed(shared / "spectra" / "saxs.h5", "a+r"):
        load_spectra(shared / "spectra" / "saxs.h5")


def test_command_says_it_in_one_sentence(pairvae, shared):
    options = ("--count", "1", "--output", shared / "out")
    assert pairvae("generate", "--model", shared / "model", *options)[0] == 0
    shutil.rmtree(shared / "out")
    (shared / "model" / "weights.safetensors").chmod(0)
    with without_rights():
        code, _, err = pairvae("generate", "--model", shared / "model", *options)
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith(f"pairvae: {shared}/model/weights.safetensors: cannot be read by user ")
    assert not (shared / "out").exists()


def test_closed_inputs_stop_the_plan_of_a_run_with_their_names(shared, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "workflow")
    start_faults, missing_manifest = (
        getattr(import_module(module), name)
        for module, name in (("configuration", "start_faults"), ("samples", "missing_manifest"))
    )
    schema = json.loads((ROOT / "configs" / "schema.json").read_text(encoding="utf-8"))
    model, table = shared / "model", shared / "spectra" / "samples.csv"
    config = {"run": "mine", "sweep": {}, "samples": str(table), "joint_train": {"start_from": str(model)}}
    for path, find in (
        (model / "weights.safetensors", lambda: start_faults(config, schema)),
        (model, lambda: start_faults(config, schema)),
        (table.parent, lambda: missing_manifest(config)),
    ):
        before = permissions(path)
        path.chmod(0)
        with without_rights():
            (sentence,) = find()
        path.chmod(before)
        assert str(path) in sentence
        assert "may not be read by you; ask its owner to open it" in sentence
