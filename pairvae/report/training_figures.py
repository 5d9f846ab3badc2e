"""Pages that show a network while it is trained: reconstructions, an interpolation, draws from the prior."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pairvae.evaluation.latent_grids import latent_grids
from pairvae.evaluation.predictions_file import Numbers, Predictions, evenly_spaced
from pairvae.files.whole import written_whole
from pairvae.models.pairvae import PairVAE
from pairvae.models.predict import posterior, predict_beside
from pairvae.models.source_path import SourceCurve
from pairvae.models.tensors import Batches
from pairvae.report.figures.generated import interpolations, reconstructions, temperatures
from pairvae.report.page import Page
from pairvae.scattering.spectrum import Technique

AT_MOST = 500  # validation curves that are looked at
SHOWN = 4  # reconstructions


@torch.inference_mode()
def draw_training(network: PairVAE, val: Batches, title: str, path: Path) -> None:
    """Write one self-contained page.

    Parameters
    ----------
    network : PairVAE
        As it is now.
    val : mapping
        Validation curves of the techniques that are trained, as `as_tensors` gives them; rows are partners where
        there are two.
    title : str
        Stage and epoch.
    path : Path
        HTML file to write.
    """
    curves = {t: {name: tensor[:AT_MOST].cpu() for name, tensor in batch.items()} for t, batch in val.items()}
    code = {t: posterior(network, t, batch).mean for t, batch in curves.items()}
    samples = len(next(iter(code.values())))
    covariates = {t: curves[t]["covariates"] for t in code}
    arrays: dict[str, Numbers] = dict(latent_grids(network, code, covariates, np.full(samples, ""), _from_prior(code)))
    for target, batch in curves.items():
        arrays[f"q/{target}"] = network.of(target).q.cpu().numpy()
        measured = torch.where(batch["mask"] > 0, batch["log_intensity"], torch.nan)
        arrays[f"measured/{target}/log_intensity"] = measured.double().numpy()
        for source in code:
            name = f"{target}_from_{source}"
            guess = predict_beside(network, name, code[source], batch, SourceCurve.of(curves[source])).log_intensity
            arrays[f"predicted/{name}/log_intensity"] = guess
    names = np.array([f"validation curve {row + 1}" for row in range(samples)], dtype=object)
    drawn = Predictions(sample=names, material=np.full(samples, "", dtype=object), covariate={}, arrays=arrays)
    figures = {
        "reconstructions": reconstructions(drawn, evenly_spaced(samples, SHOWN)),
        "interpolation": interpolations(drawn),
        "temperatures": temperatures(drawn),
    }
    page = Page({}).render("training_figures.html.j2", title=title, figures=figures)
    with written_whole(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _from_prior(code: Mapping[Technique, Tensor]) -> Callable[[int, float], Tensor]:
    """Draws from the unit normal, the same while the network changes."""
    latent = next(iter(code.values())).shape[1]

    def draw(count: int, temperature: float) -> Tensor:
        return temperature * torch.randn(count, latent, generator=torch.Generator().manual_seed(0))

    return draw
