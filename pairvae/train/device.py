"""Where a training runs, and why there is no GPU when there is none."""

import os
from pathlib import Path
from typing import Literal

import torch

from pairvae.errors import UserError


def find_device(accelerator: Literal["auto", "cpu", "gpu"], gpus: int = 0) -> torch.device:
    """The one device of a training.

    Parameters
    ----------
    accelerator : str
        The setting: auto takes a GPU where there is one.
    gpus : int
        GPUs that the job asked the batch system for: with one of them, auto does not settle for the processor.

    Raises
    ------
    UserError
        A GPU is wanted and there is none; the sentence says which of the usual reasons it is.
    """
    if accelerator == "cpu":
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda")
    if accelerator == "gpu" or gpus:
        wish = "accelerator is gpu" if accelerator == "gpu" else f"the job asked for {gpus} GPU"
        raise UserError(f"{wish} but no GPU was found: {missing_gpu()}; or set accelerator to cpu")
    return torch.device("cpu")


def name_of(device: torch.device) -> str:
    """What the log calls it: `cpu`, or `cuda` with the model of the GPU."""
    return f"{device.type} ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type


def missing_gpu(driver: Path = Path("/proc/driver/nvidia/version")) -> str:
    """Why torch sees no GPU, and what to do about it."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if torch.version.cuda is None and torch.version.hip is None:
        return (
            f"torch {torch.__version__} is built for the processor only; install a CUDA build "
            "(with --use-conda: environment=gpu)"
        )
    if torch.version.cuda and not driver.exists():
        return f"this node has no NVIDIA driver ({driver} is missing); ask for a node with a GPU"
    if visible is not None and visible.strip() in ("", "-1", "NoDevFiles"):
        return f"CUDA_VISIBLE_DEVICES is {visible!r}, which hides every GPU; unset it, or ask the batch system for one"
    return (
        f"torch {torch.__version__} cannot use the driver that is installed (CUDA_VISIBLE_DEVICES is {visible!r}); "
        "see nvidia-smi, and install a torch built for this driver"
    )
