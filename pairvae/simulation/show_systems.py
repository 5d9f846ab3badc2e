"""What `pairvae systems` says of kinds of particles: a list, their numbers from elsewhere, and a page of curves."""

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from pairvae.errors import UserError
from pairvae.files.whole import written_whole
from pairvae.scattering.spectrum import TECHNIQUES
from pairvae.settings import Simulate
from pairvae.simulation.cross_section import check_model
from pairvae.simulation.draw import draw_materials, draw_parameters
from pairvae.simulation.simulate import expected_curves
from pairvae.simulation.system import System
from pairvae.simulation.system_files import read_system, shipped_names, system_files
from pairvae.simulation.validation import validate

_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Systems</title>
<style>body{{font-family:sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem}}</style>
<h1>{count} kinds of particles</h1><p>{samples} samples of each, drawn from the limits of its file, as the default
instruments see them without noise; D2O at random.</p>{figures}</html>
"""


def show_systems(
    names: Sequence[str],
    show: Callable[[str], None],
    complain: Callable[[str], None],
    plot: Path | None = None,
    samples: int = 6,
    seed: int = 0,
) -> None:
    """List kinds of particles, check those that are named, and draw them.

    Parameters
    ----------
    names : sequence of str
        Names, files or folders; none: those of the package, which are listed only, unless they are drawn.
    show, complain : callable
        What takes the lines, and the sentences on what is wrong.
    plot : Path, optional
        HTML file to write.
    samples : int
        Curves of each kind in the page.
    seed : int
        Of what is drawn.

    Raises
    ------
    UserError
        A file is wrong, or a number does not agree; nothing is written.
    """
    systems, wrong = [], 0
    for name in names or shipped_names():
        try:
            for path in system_files(name):
                system = read_system(path)
                systems.append(system)
                show(_line(system))
                if names:
                    wrong += _check(system, show, complain)
        except UserError as error:
            complain(str(error))
            wrong += 1
    if wrong:
        raise UserError(f"systems: found {wrong} fault{'s' * (wrong > 1)}; expected none; mend what is named above")
    if plot:
        _write_page(systems, plot, samples, seed)


def _line(system: System) -> str:
    drawn = f"{len(system.parameters)} parameters"
    return f"{system.name}: {system.model}, {drawn}. {' '.join(system.description.split())}"


def _check(system: System, show: Callable[[str], None], complain: Callable[[str], None]) -> int:
    check_model(system)
    wrong = 0
    for one in validate(system):
        says = f"{one.check.quantity} of {one.technique.upper()} is {one.found:.5g}"
        if one.agrees:
            show(f"  {says}, as expected from: {one.check.source}")
            continue
        complain(
            f"{system.name}.yaml: validation: {says}; expected {one.expected:.5g} within "
            f"{one.check.tolerance:.2g} of it; mend `model_parameters` or `expected`"
        )
        wrong += 1
    return wrong


def _write_page(systems: Sequence[System], path: Path, samples: int, seed: int) -> None:
    figures = [
        f"<h2>{escape(system.name)}</h2><p>{escape(system.description)}<br><small>{escape(system.source)}</small></p>"
        + _figure(system, samples, seed).to_html(full_html=False, include_plotlyjs=number == 0)
        for number, system in enumerate(systems)
    ]
    page = _PAGE.format(count=len(systems), samples=samples, figures="".join(figures))
    try:
        with written_whole(path) as temporary:
            temporary.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); name another file for --plot") from None


def _figure(system: System, samples: int, seed: int) -> go.Figure:
    figure = make_subplots(1, 2, subplot_titles=("SAXS", "SANS"))
    for number in range(samples):
        rng = np.random.default_rng([seed, number])
        drawn, chosen = draw_parameters(system, rng), draw_materials(system, rng)
        d2o_fraction = float(rng.uniform())
        curves = expected_curves(system, drawn, d2o_fraction, Simulate(), chosen=chosen)
        shown = ", ".join(f"{name} {value:.3g}" for name, value in drawn.items())
        shown += "".join(f", {name} {substance}" for name, substance in chosen.items())
        colour = f"hsl({360 * number / samples:.0f},65%,42%)"
        for column, technique in enumerate(TECHNIQUES, start=1):
            q, intensity = (
                np.char.mod("%.5g", values).astype(float)
                for values in (curves[technique].q, curves[technique].intensity)
            )
            text = escape(f"{shown}, D2O {d2o_fraction:.2f}")
            figure.add_scatter(
                x=q,
                y=intensity,
                line={"color": colour, "width": 1.5},
                hovertemplate=f"%{{x}} 1/Å, %{{y}} 1/cm<br>{text}<extra></extra>",
                row=1,
                col=column,
            )
    figure.update_xaxes(type="log", title="<i>q</i> in 1/Å", exponentformat="power", dtick=1)
    figure.update_yaxes(type="log", exponentformat="power", dtick=1)
    figure.update_layout(template="plotly_white", showlegend=False, height=380, margin={"t": 30, "b": 50})
    figure.update_yaxes(title="intensity <i>I</i>(<i>q</i>) in 1/cm", col=1)
    return figure
