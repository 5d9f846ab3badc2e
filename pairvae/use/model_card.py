"""What a model is, for a person who was not there when it was trained.

The sections follow Mitchell et al., Model cards for model reporting, FAT* 2019.
"""

from collections.abc import Mapping
from typing import Any

from pairvae.techniques import CROSS_PATHS, ends

NAMES = {"saxs": "SAXS", "sans": "SANS"}


def model_card(about: Mapping[str, Any], scores: Mapping[str, Any] | None) -> str:
    """Markdown text.

    Parameters
    ----------
    about : mapping
        Contents of model.json.
    scores : mapping, optional
        Contents of metrics.json.
    """
    pairs, seen = about["pairs"], about["trained_on"]
    members = len(about["network"]["saxs"].get("members", "1"))
    what = "A PairVAE" if members == 1 else f"An ensemble of {members} PairVAEs"
    lines = [
        "# Model card",
        "",
        f"{what}: predicts the SANS curve of a sample from its SAXS curve and back, with calibrated bands.",
        "",
        "## Trained on",
        "",
        f"{pairs['train']} pairs; calibrated on {pairs['val']}, tested on {pairs['test']} others.",
        "",
    ]
    if seen["materials"]:
        lines += ["| material | training pairs |", "| --- | --- |"]
        lines += [f"| {_cell(name)} | {count} |" for name, count in seen["materials"].items()]
        lines += [""]
    lines += ["## Ranges", "", "| technique | q from (1/Å) | to (1/Å) | points |", "| --- | --- | --- | --- |"]
    lines += [
        f"| {NAMES[t]} | {grid['q_min']:.4g} | {grid['q_max']:.4g} | {grid['points']} |"
        for t, grid in about["grids"].items()
    ]
    lines += ["", "Intensities are absolute, in 1/cm.", ""]
    if seen["covariates"]:
        lines += ["| covariate | seen in training |", "| --- | --- |"]
        for name, values in seen["covariates"].items():
            lines.append(f"| {_cell(name)} | {_seen(values)} |")
        lines += [""]
    lines += ["## Test scores", ""]
    lines += _scores(scores) if scores else ["No metrics.json was named when this card was written.", ""]
    lines += [
        "## Use",
        "",
        "Predictions for curves unlike the training data are guesses: heed the novelty (above 1: more unusual than "
        f"95 % of the validation curves). The bands cover {about['settings']['calibrate']['coverage']:.0%} of measured "
        "points of samples like those of the training, not of others.",
        "",
        "## Versions",
        "",
        *(f"- {name} {version}" for name, version in about["versions"].items()),
        "",
    ]
    lines += ["SHA-256 of what it was trained on:", ""]
    lines += [f"- {_cell(name)} {digest}" for name, digest in about["inputs_sha256"].items()]
    return "\n".join(lines) + "\n"


def _scores(scores: Mapping[str, Any]) -> list[str]:
    lines = ["| | RMSE of log10 I (decades) | against | points inside the band |", "| --- | --- | --- | --- |"]
    for path in CROSS_PATHS:
        target, source = ends(path)
        score = scores["paths"][path]
        against = "truth" if score["rmse_truth"] is not None else "measured"
        error = score[f"rmse_{against}"]
        name = f"{NAMES[target]} from {NAMES[source]}"
        lines.append(f"| {name} | {error:.3f} | {against} | {score['coverage']:.1%} |")
        for baseline, of in scores["baselines"].items():
            lines.append(f"| {name}, {_cell(baseline)} | {of[path][f'rmse_{against}']:.3f} | {against} | |")
    losses = scores.get("loses_to_copied_curve", {}).values()
    return [*lines, "", *(line for sentence in losses for line in (_cell(sentence), ""))]


def _seen(values: Mapping[str, float]) -> str:
    if set(values) == {"min", "max"}:
        return f"{values['min']:.4g} to {values['max']:.4g}"
    return ", ".join(f"{_cell(name)} ({count})" for name, count in values.items())


def _cell(text: Any) -> str:
    """Text that cannot break the table: names come from strangers."""
    return "".join(sign if sign.isprintable() else " " for sign in str(text)).replace("|", "\\|")
