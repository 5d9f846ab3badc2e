"""Before beamtime: what SANS would measure in other conditions, from a curve that is there."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from pairvae.errors import UserError
from pairvae.files.whole import written_whole
from pairvae.jobs.progress import tracked
from pairvae.samples.measured_samples import output_names
from pairvae.scattering.spectrum import Spectrum, Technique, other
from pairvae.use.arguments import check_technique, curves_by_sample
from pairvae.use.calibrated_model import CalibratedModel
from pairvae.use.inputs import Inputs, parsed_covariates
from pairvae.use.prediction import Prediction
from pairvae.use.translate import translate

SHOWN = ("q", "intensity", "lower", "upper")


def plan(
    model: CalibratedModel,
    spectrum: Spectrum | Sequence[Spectrum],
    to: Technique,
    values: Mapping[str, Sequence[Any]],
) -> list[tuple[dict[str, Any], Prediction]]:
    """Predict the partner of one curve for every combination of values of covariates.

    Parameters
    ----------
    spectrum : Spectrum or sequence of Spectrum
        One measured curve, or its detector settings.
    to : {"saxs", "sans"}
        Technique to predict.
    values : mapping
        Values of each covariate, as {"d2o_fraction": [0, 0.2, 0.4]}.

    Returns
    -------
    list of (dict, Prediction)
        The values, and the prediction in these conditions.

    Raises
    ------
    UserError
        As `translate`; a covariate without values, or one that the model does not know.

    Examples
    --------
    >>> for conditions, sans in model.plan(saxs, to="sans", values={"d2o_fraction": [0, 0.5, 1]}):
    ...     print(conditions["d2o_fraction"], sans.intensity[0])
    """
    check_technique("plan: to", to)
    trained_with = [covariate.name for covariate in model.network.of(to).covariates]
    for name, listed in values.items():
        if name not in trained_with:
            names = ", ".join(trained_with) or "no covariate"
            raise UserError(f"covariate {name!r}: this model was trained with {names}; plan with one of those")
        if isinstance(listed, str) or not hasattr(listed, "__len__"):
            raise UserError(f"covariate {name!r}: is given as {listed!r}; expected a list of values, as [0, 0.5, 1]")
        if not len(listed):
            raise UserError(f"covariate {name!r}: has no value; expected at least one")
    conditions = [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]
    (settings,) = curves_by_sample([spectrum])
    return list(zip(conditions, translate(model, [settings] * len(conditions), to, conditions), strict=True))


def plan_files(inputs: Inputs, covariates: Sequence[str], model: CalibratedModel, to: Technique, output: Path) -> None:
    """Plan for every curve; `<name>.plan.csv` and `<name>.plan.html` each.

    Parameters
    ----------
    inputs : Inputs
        Files or samples.csv; what samples.csv says of a covariate holds where `covariates` does not name it.
    covariates : sequence of str
        NAME=VALUE,VALUE…
    output : Path
        Folder to write to.

    Raises
    ------
    UserError
        As `Inputs.samples` and `plan`; nothing is written then.
    """
    given = parsed_covariates(covariates)
    if not given:
        raise UserError("plan: expected --covariate NAME=VALUE,VALUE…, for example d2o_fraction=0,0.2,0.4")
    values = {name: [value.strip() for value in text.split(",") if value.strip()] for name, text in given.items()}
    source = other(to)
    samples = inputs.samples(source, model)
    tables = output_names([sample.name for sample in samples], output, "plan.csv")
    inputs.spare(tables, samples)
    plans = []
    for sample in samples:
        fixed = {name: [value] for name, value in sample.covariates.items() if name not in values}
        plans.append(plan(model, sample.curves[source], to, {**fixed, **values}))
    for sample, path, planned in zip(tracked(samples, "write", len(samples)), tables, plans, strict=True):
        _write_table(path, planned)
        figure = path.with_suffix(".html")
        _write_figure(figure, planned, f"{to.upper()} of {sample.name}, predicted from {source.upper()}", values)
        print(f"{path}: {len(planned)} predictions, {planned[0][1].novelty_summary}; drawn in {figure}")


def _write_table(path: Path, planned: Sequence[tuple[Mapping[str, Any], Prediction]]) -> None:
    parts = [
        # a word in the first column: to SasView, which goes by position, it is no curve
        pd.DataFrame({"technique": curve.technique, **conditions} | {name: getattr(curve, name) for name in SHOWN})
        for conditions, curve in planned
    ]
    first = planned[0][1]
    notes = [
        f"{first.technique} predicted by PairVAE from {first.source}",
        f"lower and upper: band that covers {first.coverage:.0%} of measured points",
        first.novelty_note,
        f"q [1/A], intensity, lower and upper [{first.intensity_unit}]",
    ]
    with written_whole(path) as temporary, temporary.open("w", -1, "utf-8", "surrogateescape", "") as file:
        file.writelines(f"# {line}\n" for line in notes)
        pd.concat(parts).to_csv(file, index=False)


def _write_figure(
    path: Path,
    planned: Sequence[tuple[Mapping[str, Any], Prediction]],
    title: str,
    varied: Mapping[str, Sequence[str]],
) -> None:
    import plotly.graph_objects as go  # takes a moment to import
    from plotly.colors import sample_colorscale

    figure = go.Figure()
    shades = sample_colorscale("Viridis", [i / max(1, len(planned) - 1) * 0.9 for i in range(len(planned))])
    for (conditions, curve), shade in zip(planned, shades, strict=True):
        name = ", ".join(f"{key} = {conditions[key]}" for key in varied)
        line = {"x": curve.q, "line_color": shade, "legendgroup": name, "mode": "lines"}
        edge = {**line, "line_width": 0, "hoverinfo": "skip", "showlegend": False}
        figure.add_scatter(y=curve.lower, **edge)
        figure.add_scatter(y=curve.upper, fill="tonexty", opacity=0.2, fillcolor=_faint(shade), **edge)
        figure.add_scatter(y=curve.intensity, name=name, **line)
    figure.update_xaxes(type="log", title="q / Å⁻¹", exponentformat="power")
    band = planned[0][1]
    unit = "cm⁻¹" if band.intensity_unit == "1/cm" else "a.u."
    figure.update_yaxes(type="log", title=f"intensity / {unit}", exponentformat="power")
    figure.update_layout(
        title=f"{title}<br><sub>bands cover {band.coverage:.0%} of measured points; novelty {band.novelty:.2f}</sub>",
        template="plotly_white",
    )
    with written_whole(path) as temporary:
        figure.write_html(temporary, include_plotlyjs=True)


def _faint(colour: str) -> str:
    return colour.replace("rgb(", "rgba(").replace(")", ", 0.15)")
