"""Trained models that come with the package: where they are, what they are for, how wrong they were."""

import json
import os
from pathlib import Path
from typing import Any

from pairvae.errors import UserError
from pairvae.models.model_folder import ABOUT, load_folder
from pairvae.use.model_card import NAMES

HOME = Path(__file__).parent / "shipped"
SCORES = "scores.json"  # of measured pairs, as benchmarks/measured_pairs.py writes it


def shipped_models() -> dict[str, Path]:
    """Folders of the models by name."""
    return {folder.name: folder for folder in sorted(HOME.iterdir()) if (folder / ABOUT).is_file()}


def model_folder(model: str | Path) -> Path:
    """The folder that a user means: a folder, or a model of the package by its name.

    Raises
    ------
    UserError
        There is neither.
    """
    folder, shipped = Path(model), shipped_models()
    there = os.path.exists(folder)  # also of a folder that this user may not look into, which is said when it is read
    if there or str(model) not in shipped:
        if not there and len(folder.parts) == 1:
            raise UserError(
                f"{model}: is no folder and no model of the package; expected results/<run>/model, or one of "
                f"{', '.join(shipped)}"
            )
        return folder
    return shipped[str(model)]


def introduction(model: str | Path) -> str:
    """What a model of the package is for and how wrong it was, in one line; empty for a user's own."""
    folder = model_folder(model)
    if folder.parent != HOME:
        return ""
    about, scores = _read(folder / ABOUT), _read(folder / SCORES)
    ranges = ", ".join(f"{NAMES[t]} {g['q_min']:.3g} to {g['q_max']:.3g} 1/Å" for t, g in about["grids"].items())
    known = [covariate["name"] for covariate in _covariates(about)]
    errors = "; ".join(
        f"{NAMES[to]} by {of['background']:.2f} decades (the smeared copy of the other curve: {of['copy']:.2f})"
        for to, of in scores["median"].items()
    )
    return (
        f"model {folder.name}: trained on {about['pairs']['train']} simulated pairs of "
        f"{len(about['trained_on']['materials'])} kinds of particles; {ranges}. On {scores['pairs']} measured pairs it "
        f"errs in the shape of {errors}. It also takes --covariate {'=…, '.join(known)}=…"
    )


def described() -> str:
    """All models of the package, a block of lines each."""
    blocks = []
    for name, folder in shipped_models().items():
        about = _read(folder / ABOUT)
        size = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
        covariates = ", ".join(covariate["name"] for covariate in _covariates(about))
        blocks.append(
            f"{name} (PairVAE {about['versions']['pairvae']}, {size:.1f} MB, BSD-3-Clause)\n  {introduction(name)}\n"
            f"  covariates, each may be unknown: {covariates}\n  {folder}"
        )
    return "\n".join(blocks)


def checked() -> str:
    """One line for each model of the package whose files are those that were shipped.

    Raises
    ------
    UserError
        A file is missing or altered.
    """
    for folder in shipped_models().values():
        load_folder(folder)
    return "\n".join(f"{name}: whole" for name in shipped_models())


def _covariates(about: dict[str, Any]) -> list[dict[str, Any]]:
    network = about["network"]["saxs"]
    covariates: list[dict[str, Any]] = network.get("members", [network])[0]["covariates"]
    return covariates


def _read(file: Path) -> dict[str, Any]:
    try:
        contents: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return contents
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: cannot be read ({error}); install the package anew") from None
