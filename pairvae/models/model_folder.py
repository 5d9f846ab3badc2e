"""The model folder: weights.safetensors, model.json and SHA256SUMS; data only, nothing that could run."""

import json
from collections.abc import Mapping
from pathlib import Path
from tarfile import is_tarfile
from typing import Any
from zipfile import is_zipfile

from torch import Tensor

from pairvae.errors import UserError
from pairvae.files.checksum import sha256
from pairvae.files.unreadable import unreadable
from pairvae.files.whole import written_whole
from pairvae.models.weights_file import load_weights, save_weights
from pairvae.settings import MODEL_FORMAT as FORMAT

WEIGHTS, ABOUT, SUMS = "weights.safetensors", "model.json", "SHA256SUMS"
MOST_BYTES = 50 * 1024**2  # of a text file in the folder


def save_folder(folder: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any]) -> None:
    """Write a model folder, whole or not at all.

    Parameters
    ----------
    folder : Path
        To write.
    tensors : mapping of Tensor
        Weights, under network.…, and calibration.
    about : mapping
        What the model is and was trained on, as JSON types; format and checksum are added.
    """
    with written_whole(folder) as temporary:
        temporary.mkdir()
        save_weights(temporary / WEIGHTS, tensors, about["network"])
        known = {"format": FORMAT, "weights_sha256": sha256(temporary / WEIGHTS)}
        text = json.dumps({**known, **about}, indent=2, ensure_ascii=False)
        (temporary / ABOUT).write_text(text, encoding="utf-8")
        sums = "".join(f"{sha256(temporary / name)}  {name}\n" for name in (WEIGHTS, ABOUT))
        (temporary / SUMS).write_text(sums, encoding="utf-8")  # `sha256sum --check SHA256SUMS` reads it, too


def load_folder(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and contents of model.json.

    Only the three files are read, and only where they lie within the folder.

    Raises
    ------
    UserError
        A file is missing, altered, a link to the outside, of another format, or closed to this user.
    """
    try:
        return _load(folder)
    except PermissionError as error:
        raise unreadable(Path(error.filename or folder)) from None


def _load(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    about = _about(folder)
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in _text(folder, SUMS).splitlines())}
    for name in (WEIGHTS, ABOUT):
        if sha256(_inside(folder, name)) != sums.get(name):
            raise UserError(f"{folder / name}: is not the file that {SUMS} was written for; restore the folder")
    tensors, _ = load_weights(folder / WEIGHTS)
    return tensors, about


def _about(folder: Path) -> dict[str, Any]:
    try:
        about = json.loads(_text(folder, ABOUT))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{folder}: is no model folder: {ABOUT} is no JSON ({error}); restore the folder") from None
    if not isinstance(about, dict):
        raise UserError(f"{folder}: is no model folder: {ABOUT} holds a {type(about).__name__}; restore the folder")
    if about.get("format") != FORMAT:
        raise UserError(
            f"{folder / ABOUT}: is of format {about.get('format')}, this version reads format {FORMAT}; "
            "use the PairVAE version that wrote it, or train again"
        )
    return about


def _text(folder: Path, name: str) -> str:
    path = _inside(folder, name)
    if path.stat().st_size > MOST_BYTES:
        raise UserError(f"{path}: has more than {MOST_BYTES // 1024**2} MB; it was not written by PairVAE")
    try:
        return path.read_text(encoding="utf-8")
    except PermissionError:
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); restore the folder") from None


def _inside(folder: Path, name: str) -> Path:
    """A file of the folder; a link may not lead out of it."""
    path = folder / name
    if not folder.is_dir():
        raise UserError(f"{folder}: is no model folder: {_what_is_there(folder)}")
    if path.resolve().parent != folder.resolve():
        raise UserError(f"{path}: is a link out of the model folder; expected a file in it; restore the folder")
    if not path.is_file():
        below = next((found.parent for found in sorted(folder.glob(f"*/{name}"))), None)
        mend = f"it is in {below}: name that" if below else "restore the folder"
        raise UserError(f"{folder}: is no model folder: {name} is missing; {mend}")
    return path


def _what_is_there(folder: Path) -> str:
    if not folder.exists():
        return "it does not exist; expected results/<run>/model"
    if is_zipfile(folder) or is_tarfile(folder):
        return "it is an archive; unpack it and name the folder in it that holds model.json"
    if folder.name in (WEIGHTS, ABOUT, SUMS):
        return f"it is a file of one; name the folder, {folder.parent}"
    return "it is a file; expected a folder as results/<run>/model"
