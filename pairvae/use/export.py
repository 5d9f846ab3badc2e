"""A model for other programs and other people: ONNX files and a model card."""

import json
import logging
import warnings
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pairvae import __version__
from pairvae.errors import UserError
from pairvae.files.whole import written_whole
from pairvae.models.ensemble import Ensemble
from pairvae.models.resvae import ResVAE
from pairvae.models.source_path import SourceCurve
from pairvae.techniques import CROSS_PATHS, PATHS, ends
from pairvae.use.calibrated_model import CalibratedModel
from pairvae.use.model_card import model_card

OPSET = 18  # oldest that torch's exporter writes without converting; every onnxruntime since 2022 reads it


class OnePath(nn.Module):
    """One path from gridded curves to calibrated predictions, all in log10 of intensity.

    Parameters
    ----------
    source, target : ResVAE or Ensemble
        Encoder and decoder.
    from_partner : bool
        The path crosses from one technique to the other.
    band : Tensor, shape (q,)
        Factor of the standard error: calibrated per q on whole curves. The bands of `translate` also follow the
        errors of similar training samples, which an ONNX file does not hold.
    """

    band: Tensor

    def __init__(self, source: ResVAE | Ensemble, target: ResVAE | Ensemble, from_partner: bool, band: Tensor) -> None:
        super().__init__()
        self.source, self.target, self.from_partner = source, target, from_partner
        self.register_buffer("band", band.float())

    def forward(
        self, log_intensity: Tensor, mask: Tensor, source_covariates: Tensor, target_covariates: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Predicted log10 I and the ends of its band, each (batch, target q).

        Parameters
        ----------
        log_intensity, mask : Tensor, shape (batch, source q)
            log10 I on the grid, and 1 where measured, else 0.
        source_covariates, target_covariates : Tensor, shape (batch, covariates)
            Of the measured and of the predicted curves.
        """
        code = self.source.encode(log_intensity, mask, source_covariates).mean
        curve = self.target.decode(code, target_covariates, self.from_partner, SourceCurve(log_intensity, mask))
        half = self.band * torch.exp(0.5 * curve.log_variance)
        return curve.log_intensity, curve.log_intensity - half, curve.log_intensity + half


INPUTS = ("log_intensity", "mask", "source_covariates", "target_covariates")
OUTPUTS = ("predicted_log_intensity", "lower", "upper")


def export(model: CalibratedModel, folder: str | Path, metrics: str | Path | None = None) -> None:
    """Write each path as ONNX and a model card into a new folder.

    Parameters
    ----------
    folder : path
        To write, whole: saxs_from_saxs.onnx, sans_from_sans.onnx, sans_from_saxs.onnx, saxs_from_sans.onnx and
        model_card.md. One that is there must be empty.
    metrics : path, optional
        metrics.json of the run: its test scores go into the card.

    Raises
    ------
    UserError
        The folder is not empty, onnx is not installed, or metrics.json is none.

    Notes
    -----
    The files take log10 of intensity in 1/cm on the source's grid, a mask (1: measured), and covariates as the
    networks know them; grids, covariates and what they mean are in the metadata, under the key "pairvae", as JSON.

    Examples
    --------
    >>> model.export("for_colleagues", metrics="results/demo/metrics.json")
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: is there and not empty; expected a new folder; name another one")
    card = model_card(model.about, _scores(Path(metrics)) if metrics else None)
    try:
        import onnx
        import onnxscript  # noqa: F401, what torch.onnx writes with
    except ImportError as error:
        raise UserError(f"export: {error.name} is not installed; pip install 'pairvae[onnx]'") from None
    with written_whole(folder) as temporary:
        temporary.mkdir()
        for path in PATHS:
            file = temporary / f"{path}.onnx"
            _export_path(model, path, file)
            written = onnx.load(file)
            onnx.helper.set_model_props(written, {"pairvae": json.dumps(_facts(model, path))})
            written.producer_name, written.producer_version = "pairvae", __version__
            onnx.checker.check_model(written, full_check=True)
            onnx.save(written, file)
        (temporary / "model_card.md").write_text(card, encoding="utf-8")
    print(f"{folder}: {', '.join(f'{path}.onnx' for path in PATHS)}, model_card.md")


def _export_path(model: CalibratedModel, path: str, file: Path) -> None:
    target, source = ends(path)
    networks = {t: model.network.of(t) for t in (target, source)}
    band = model.calibration.bands[path].band
    network = OnePath(networks[source], networks[target], path in CROSS_PATHS, band).eval()
    widths = [sum(covariate.width for covariate in networks[t].covariates) for t in (source, target)]
    points = networks[source].points
    # two rows: a batch of one would be taken for a constant
    example = (torch.zeros(2, points), torch.ones(2, points), *(torch.zeros(2, width) for width in widths))
    batch = torch.export.Dim("batch", min=1)
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)  # it warns of packages that are not needed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch about itself
        torch.onnx.export(
            deepcopy(network).cpu(),
            example,
            file,
            input_names=INPUTS,
            output_names=OUTPUTS,
            dynamic_shapes=tuple({0: batch} for _ in example),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    log.setLevel(level)


def _facts(model: CalibratedModel, path: str) -> dict[str, Any]:
    target, source = ends(path)
    return {
        "path": path,
        "intensity": "log10 of 1/cm",
        "coverage": model.coverage,
        "q_unit": "1/angstrom",
        "source_q": model.q(source).tolist(),
        "target_q": model.q(target).tolist(),
        "source_covariates": [covariate.model_dump(mode="json") for covariate in model.network.of(source).covariates],
        "target_covariates": [covariate.model_dump(mode="json") for covariate in model.network.of(target).covariates],
        "covariates": (
            "number: (value − mean)/std, 1; category: 1 at its value, else 0; unknown: all 0; in the order of the list"
        ),
    }


def _scores(path: Path) -> dict[str, Any]:
    try:
        scores = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as metrics.json ({error}); name the one of the run") from None
    if not isinstance(scores, dict) or not isinstance(scores.get("paths"), dict):
        raise UserError(f"{path}: is no metrics.json: it has no paths; name the one of the run")
    return scores
