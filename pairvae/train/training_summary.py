"""What a training came to: whether more of it would help, and whether its codes say anything."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from pairvae.models.resvae import NO_SPREAD, Code
from pairvae.models.tensors import Batches

TrainingSummary = dict[str, Any]

ACTIVE = 0.01  # variance of a unit's posterior means above which it says something about the curve
COLLAPSED = 0.1  # share of active units below which a code is called collapsed
WORTH_IT = 0.05  # fall of the validation loss, expected of twice the steps, that is worth them
NAMED = 5  # samples that a message names


def active_units(mean: Tensor) -> Tensor:
    """Units of the code whose posterior mean varies over the curves, variance > 0.01.

    Parameters
    ----------
    mean : Tensor, shape (samples, latent)

    References
    ----------
    Burda et al., Importance weighted autoencoders, ICLR 2016, section 5.2.
    """
    return mean.var(dim=0, correction=0) > ACTIVE


def kl_per_unit(code: Code) -> Tensor:
    """KL of the posterior from N(0, 1) by unit, mean over the curves, shape (latent,); 0 of a quantised code."""
    nats = 0.5 * (code.mean**2 + code.logvar.exp() - 1 - code.logvar)
    return torch.where(code.logvar > NO_SPREAD, nats, 0).mean(dim=0)


def latent_measures(codes: Mapping[str, Code]) -> dict[str, Tensor]:
    """Active units and the mean KL of a unit by technique, for the history."""
    return {
        name: value
        for technique, code in codes.items()
        for name, value in (
            (f"active_units_{technique}", active_units(code.mean).sum().float()),
            (f"kl_per_unit_{technique}", kl_per_unit(code).mean()),
        )
    }


def fall_if_doubled(rows: Sequence[Mapping[str, float]]) -> float | None:
    """Share by which twice the steps may lower the validation loss, from the second half of the history.

    A straight line through log loss against log steps is carried on to twice the steps: learning curves are nearly
    power laws (Hestness et al., arXiv:1712.00409). The falling learning rate makes the estimate a hopeful one.
    None where the history is too short to say; negative where the loss rises.
    """
    late = rows[len(rows) // 2 :]
    if len(late) < 3:
        return None
    x = [math.log(row["step"]) for row in late]
    y = [math.log(max(row["val/loss"], 1e-30)) for row in late]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    covariance = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return 1 - 2 ** (covariance / sum((a - mean_x) ** 2 for a in x))


def summary_of(
    name: str,
    rows: Sequence[Mapping[str, float]],
    best_epoch: int,
    loss: float,
    codes: Mapping[str, Code],
) -> TrainingSummary:
    """Sum up a training, and say in the log what a user should know of it.

    Parameters
    ----------
    name : str
        Of the stage.
    rows : sequence of mappings
        Its history.
    best_epoch, loss
        The epoch that was kept (-1: the weights it began with) and its validation loss.
    codes : mapping of Code
        Posteriors of training curves by technique.

    Returns
    -------
    dict
        JSON types: epochs, steps, best_epoch (from 1), validation_loss, fall_if_doubled, more_would_help,
        and by technique latent: units, active_units, kl_per_unit (nats), collapsed.
    """
    fall = fall_if_doubled(rows)
    latent = {}
    for technique, code in codes.items():
        active, units = int(active_units(code.mean).sum()), code.mean.shape[1]
        collapsed = active < COLLAPSED * units
        nats = kl_per_unit(code).tolist()
        latent[technique] = {
            "units": units,
            "active_units": active,
            "collapsed": collapsed,
            "kl_per_unit": [round(unit, 5) for unit in nats],
        }
        print(
            f"{name}: {active} of {units} components of the {technique} code are active; their KL in nats, the largest "
            f"first: {' '.join(f'{unit:.2g}' for unit in sorted(nats, reverse=True))}",
            flush=True,
        )
        if collapsed:
            print(
                f"{name}: warning: posterior collapse: {active} of {units} components of the {technique} code vary "
                "from curve to curve; the decoder ignores the code and predicts a mean curve: lower kl_weight",
                flush=True,
            )
    more = fall is not None and fall > WORTH_IT
    if fall is not None:
        said = f"twice as many may lower it by up to {fall:.0%}" if more else "more would hardly help"
        print(f"{name}: validation loss after {rows[-1]['step']} steps: {said}", flush=True)
    return {
        "epochs": len(rows),
        "steps": int(rows[-1]["step"]) if rows else 0,
        "best_epoch": best_epoch + 1,
        "validation_loss": loss,
        "fall_if_doubled": fall,
        "more_would_help": more,
        "latent": latent,
    }


def farthest_first(batch: Batches, samples: Sequence[str]) -> str:
    """Names of a batch's samples, those whose curves lie farthest from the batch's median first; a few of them."""
    row = next(iter(batch.values()))["row"].cpu()
    far = torch.zeros(len(row))
    for curves in batch.values():
        log_intensity = curves["log_intensity"]
        away = (log_intensity - log_intensity.nanmedian(dim=0).values).abs() * curves["mask"]
        far = torch.maximum(far, away.nan_to_num(nan=math.inf).amax(dim=1).cpu())
    rows = row[far.argsort(descending=True)].unique_consecutive().tolist()
    names = [samples[row] if samples else f"row {row}" for row in rows[:NAMED]]
    return ", ".join(names) + (", …" if len(rows) > NAMED else "")
