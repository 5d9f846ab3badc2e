"""The trained model, with a method for each thing a scientist asks of it."""

from pathlib import Path

import torch

from pairvae.errors import UserError
from pairvae.models.model_folder import load_folder
from pairvae.models.pairvae import PairVAE
from pairvae.settings import Calibrate
from pairvae.trust.calibration import Calibration
from pairvae.use.calibrated_model import CalibratedModel
from pairvae.use.check import check as check_pairs
from pairvae.use.encode import encode as encode_curves
from pairvae.use.export import export as export_model
from pairvae.use.generate import generate as generate_pairs
from pairvae.use.generate import interpolate as interpolate_pairs
from pairvae.use.match import match as match_curves
from pairvae.use.plan import plan as plan_partner
from pairvae.use.reconstruct import reconstruct as reconstruct_curves
from pairvae.use.shipped import model_folder
from pairvae.use.shipped_names import DEFAULT
from pairvae.use.translate import translate as translate_curves


class TrainedModel(CalibratedModel):
    """A calibrated PairVAE, loaded by `load_model`: one method per verb, each in a module of its name."""

    translate = translate_curves
    encode = encode_curves
    reconstruct = reconstruct_curves
    match = match_curves
    check = check_pairs
    plan = plan_partner
    generate = generate_pairs
    interpolate = interpolate_pairs
    export = export_model


def load_model(folder: str | Path = DEFAULT, device: str = "cpu") -> TrainedModel:
    """Load a model; nothing in its folder can run.

    Parameters
    ----------
    folder : path
        `results/<run>/model`, or the name of a model that comes with the package: `pairvae models` lists them.
    device : str
        Where to compute: "cpu", "cuda", "cuda:1"; "auto": a GPU when there is one.

    Raises
    ------
    UserError
        A file is missing, altered, outside of the folder, of another format, or was calibrated by another version;
        there is no such device.
    """
    tensors, about = load_folder(model_folder(folder))
    if about.get("calibration") != (current := Calibrate().numerics):
        raise UserError(
            f"{folder}: is of calibration {about.get('calibration')}, this version reads calibration {current}; run "
            "its workflow again, which trains nothing anew for that, or use the PairVAE version that wrote it"
        )
    weights = {
        n.removeprefix("network."): t.float() if t.dtype == torch.half else t
        for n, t in tensors.items()
        if n.startswith("network.")
    }
    try:
        with torch.device("meta"):  # takes no memory, whatever sizes model.json names, until they match the weights
            network = PairVAE.from_facts(about["network"])
        network.load_state_dict(weights, assign=True)
        return TrainedModel(network.eval().to(_device(device)), Calibration.from_tensors(tensors), about)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:  # ValueError: also what pydantic refuses
        reason = str(error).strip().partition("\n")[0]
        raise UserError(f"{folder}: model.json and weights do not fit together ({reason}); restore it") from None


def _device(name: str) -> torch.device:
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).partition("\n")[0]
        raise UserError(f"device {name}: cannot be used here ({reason}); expected cpu, cuda or auto") from None
    return torch.device(name)
