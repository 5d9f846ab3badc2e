"""Networks as files: safetensors for the numbers, JSON for the facts; nothing that could run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from pairvae.errors import UserError
from pairvae.files.unreadable import unreadable
from pairvae.files.whole import written_whole
from pairvae.models.pairvae import PairVAE
from pairvae.models.resvae import ResVAE
from pairvae.settings import MODEL_FORMAT as FORMAT


def save_weights(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write tensors and the JSON facts that say what they are, whole or not at all.

    Parameters
    ----------
    path : Path
        File to write.
    tensors : mapping
        By their name in the file.
    facts : mapping
        What JSON can hold; `load_weights` gives it back.
    """
    # one entry: safetensors writes several in any order, and equal weights shall be equal files
    metadata = {"pairvae": json.dumps({"format": FORMAT, "facts": facts}, sort_keys=True)}
    plain = {name: t.detach().cpu().contiguous() for name, t in tensors.items()}
    with written_whole(path) as temporary:
        temporary.write_bytes(save(plain, metadata))  # save_file keeps its file to its owner, whatever the umask


def load_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and facts of a file that `save_weights` wrote.

    Raises
    ------
    UserError
        The file is missing, altered, of another format, or closed to this user.
    """
    try:
        path.open("rb").close()  # safetensors takes a file that may not be read for one that is missing
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {}).get("pairvae", "{}"))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no dict
    except PermissionError:
        raise unreadable(path) from None
    except (OSError, ValueError, SafetensorError) as error:
        raise UserError(f"{path}: cannot be read as weights ({error}); train again or restore the file") from None
    found = about.get("format") if isinstance(about, dict) else None
    if found != FORMAT:
        raise UserError(
            f"{path}: is of format {found}, this version reads format {FORMAT}; "
            "use the PairVAE version that wrote it, or train again"
        )
    return tensors, about["facts"]


def load_resvae(path: Path) -> ResVAE:
    """The network that `pretrain` wrote."""
    tensors, facts = load_weights(path)
    network = ResVAE.from_facts(facts)
    network.load_state_dict(tensors)
    return network.eval()


def load_pairvae(path: Path) -> tuple[PairVAE, dict[str, Any]]:
    """The network that `joint_train` wrote, and the facts beside it."""
    tensors, facts = load_weights(path)
    network = PairVAE.from_facts(facts)
    network.load_state_dict(tensors)
    return network.eval(), facts
