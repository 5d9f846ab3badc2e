"""The model folder: weights.safetensors, model.json and SHA256SUMS; data only, nothing that could run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from pairvae.atomic import written_whole
from pairvae.checksum import sha256
from pairvae.errors import UserError
from pairvae.model_file import FORMAT, load_weights, save_weights
from pairvae.models.pairvae import PairVAE

WEIGHTS, ABOUT, SUMS = "weights.safetensors", "model.json", "SHA256SUMS"
MOST_BYTES = 50 * 1024**2  # of a text file in the folder


def write_model_folder(
    folder: Path, network: PairVAE, calibration: Mapping[str, Tensor], about: dict[str, Any]
) -> None:
    """Write a model folder, whole or not at all.

    Parameters
    ----------
    folder : Path
        To write.
    calibration : mapping of Tensor
        Bands, novelty, consistency.
    about : dict
        What the model is and was trained on, as JSON types; the format and the network's facts are added.
    """
    weights = {f"network.{name}": tensor for name, tensor in network.state_dict().items()} | dict(calibration)
    about = {"format": FORMAT, "network": network.facts(), **about}
    with written_whole(folder) as temporary:
        temporary.mkdir()
        save_weights(temporary / WEIGHTS, weights, network.facts())
        (temporary / ABOUT).write_text(json.dumps(about, indent=2, ensure_ascii=False), encoding="utf-8")
        sums = "".join(f"{sha256(temporary / name)}  {name}\n" for name in (WEIGHTS, ABOUT))
        (temporary / SUMS).write_text(sums, encoding="utf-8")  # `sha256sum --check SHA256SUMS` reads it, too


def read_model_folder(folder: Path) -> tuple[PairVAE, dict[str, Tensor], dict[str, Any]]:
    """Network, calibration and contents of model.json.

    Only the three files are read, and only where they lie within the folder.

    Raises
    ------
    UserError
        A file is missing, altered, a link to the outside, or of another format.
    """
    about = _about(folder)
    sums = {name: digest for digest, _, name in (line.partition("  ") for line in _text(folder, SUMS).splitlines())}
    for name in (WEIGHTS, ABOUT):
        if sha256(_inside(folder, name)) != sums.get(name):
            raise UserError(f"{folder / name}: is not the file that {SUMS} was written for; restore the folder")
    tensors, _ = load_weights(folder / WEIGHTS)
    weights = {n.removeprefix("network."): t for n, t in tensors.items() if n.startswith("network.")}
    try:
        with torch.device("meta"):  # takes no memory, whatever sizes model.json names, until they match the weights
            network = PairVAE.from_facts(about["network"])
        network.load_state_dict(weights, assign=True)
    except (KeyError, TypeError, ValueError, RuntimeError, ValidationError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise UserError(f"{folder}: {ABOUT} and {WEIGHTS} do not fit together ({reason}); restore the folder") from None
    return network.eval(), {n: t for n, t in tensors.items() if not n.startswith("network.")}, about


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
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error}); restore the folder") from None


def _inside(folder: Path, name: str) -> Path:
    """A file of the folder; a link may not lead out of it."""
    path = folder / name
    if not folder.is_dir():
        raise UserError(f"{folder}: is no model folder: it does not exist; expected results/<run>/model")
    if path.resolve().parent != folder.resolve():
        raise UserError(f"{path}: is a link out of the model folder; expected a file in it; restore the folder")
    if not path.is_file():
        raise UserError(f"{folder}: is no model folder: {name} is missing; restore the folder")
    return path
