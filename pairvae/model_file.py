"""Networks as files: safetensors for the numbers, JSON for the facts; nothing that could run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from pairvae.atomic import written_whole
from pairvae.checksum import sha256
from pairvae.errors import UserError
from pairvae.settings import MODEL_FORMAT as FORMAT


def save_weights(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors and the JSON facts that say what they are, whole or not at all."""
    # one entry: safetensors writes several in any order, and equal weights shall be equal files
    metadata = {"pairvae": json.dumps({"format": FORMAT, "facts": facts}, sort_keys=True)}
    with written_whole(path) as temporary:
        save_file({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, temporary, metadata)


def load_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and facts of a file that `save_weights` wrote.

    Raises
    ------
    UserError
        The file is missing, altered, or of another format.
    """
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get("pairvae", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no dict
    except (OSError, ValueError, SafetensorError) as error:
        raise UserError(f"{path}: cannot be read as weights ({error}); train again or restore the file") from None
    found = about.get("format") if isinstance(about, dict) else None
    if found != FORMAT:
        raise UserError(
            f"{path}: is of format {found}, this version reads format {FORMAT}; "
            "use the PairVAE version that wrote it, or train again"
        )
    return tensors, about["facts"]


def load_folder(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and model.json of a trained model's folder.

    Raises
    ------
    UserError
        A file is missing, altered, or of another format.
    """
    try:
        about = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: is no model folder: model.json cannot be read ({error})") from None
    if not isinstance(about, dict):
        raise UserError(f"{folder}: is no model folder: model.json holds a {type(about).__name__}; restore the folder")
    if about.get("format") != FORMAT:
        raise UserError(
            f"{folder}/model.json: is of format {about.get('format')}, this version reads format {FORMAT}; "
            "use the PairVAE version that wrote it, or train again"
        )
    weights = folder / "weights.safetensors"
    if not weights.is_file() or sha256(weights) != about.get("weights_sha256"):
        raise UserError(f"{weights}: is missing or not the file that model.json was written for; restore the folder")
    return load_weights(weights)[0], about
