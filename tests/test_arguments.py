"""What is handed to a model by mistake is refused in one sentence that says what to pass."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pairvae.errors import UserError

# How each verb is called with curves of SAXS.
VERBS = {
    "translate": lambda model, curves: model.translate(curves, to="sans"),
    "encode": lambda model, curves: model.encode(curves, technique="saxs"),
    "reconstruct": lambda model, curves: model.reconstruct(curves, technique="saxs"),
    "match": lambda model, curves: model.match(curves, among=curves, to="sans"),
    "check": lambda model, curves: model.check(curves, curves),
    "plan": lambda model, curves: model.plan(curves, to="sans", values={"d2o_fraction": [0, 1]}),
    "interpolate": lambda model, curves: model.interpolate(curves, curves, technique="saxs"),
}
ARRAY = np.ones((3, 2))
MISTAKES = {
    "array": (ARRAY, "given as ndarray; .* pairvae.spectrum_from_arrays"),
    "table": (pd.DataFrame(ARRAY), "given as DataFrame; .* pairvae.spectrum_from_arrays"),
    "name": ("a.dat", r"given as str; .* read it first: pairvae.read_spectrum\('a.dat'"),
    "path": (Path("a.dat"), r"given as \w*Path; .* pairvae.read_spectrum\('a.dat'"),
    "paths": ([Path("a.dat"), Path("b.dat")], r"given as \w*Path; .* pairvae.read_spectrum\('a.dat'"),
    "arrays": ([ARRAY], "given as ndarray; .* pairvae.spectrum_from_arrays"),
    "generator": ((curve for curve in ()), r"given as generator; .* put what it yields into a list: list"),
    "nothing": (None, "given as NoneType; expected a Spectrum or a list of them"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("verb", VERBS)
def test_what_is_no_curve_is_refused(model, verb, mistake):
    given, said = MISTAKES[mistake]
    with pytest.raises(UserError, match=said) as error:
        VERBS[verb](model, given)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("verb", ["encode", "reconstruct", "match", "check"])
def test_no_curve_at_all_is_said(model, verb):
    with pytest.raises(UserError, match="no saxs curve is given"):
        VERBS[verb](model, [])


def test_a_technique_in_capitals_is_refused_with_what_to_pass(model, spheres):
    saxs = spheres[0].curve("saxs")
    calls = {
        "to": [
            lambda: model.translate(saxs, to="SANS"),
            lambda: model.match(saxs, among=saxs, to="SANS"),
            lambda: model.plan(saxs, to="SANS", values={"d2o_fraction": [0]}),
        ],
        "technique": [
            lambda: model.encode(saxs, technique="SANS"),
            lambda: model.reconstruct(saxs, technique="SANS"),
            lambda: model.interpolate(saxs, saxs, technique="SANS"),
        ],
    }
    for name, several in calls.items():
        for call in several:
            with pytest.raises(UserError, match=f"{name} is 'SANS'; expected 'saxs' or 'sans'; pass 'sans'"):
                call()


@pytest.mark.parametrize("wrong", [-1, 2.5, "3", True])
def test_a_count_that_is_none_is_refused(model, spheres, wrong):
    saxs = spheres[0].curve("saxs")
    calls = {
        "draws": lambda: model.translate(saxs, to="sans", draws=wrong),
        "seed": lambda: model.translate(saxs, to="sans", draws=1, seed=wrong),
        "k": lambda: model.match(saxs, among=spheres[0].curve("sans"), to="sans", k=wrong),
        "count": lambda: model.generate(wrong),
        "steps": lambda: model.interpolate(saxs, saxs, technique="saxs", steps=wrong),
    }
    for name, call in calls.items():
        with pytest.raises(UserError, match=rf"{name} is {wrong!r}; expected a whole number, at least \d"):
            call()


def test_counts_of_numpy_are_counts(model, spheres):
    assert len(model.translate(spheres[0].curve("saxs"), to="sans", draws=np.int64(3)).draws) == 3


@pytest.mark.parametrize(
    ("covariates", "said"),
    [
        ("d2o_fraction=0.4", "given as str; expected a mapping as {'d2o_fraction': 0.42}"),
        (["d2o_fraction=0.4"], "given as list; expected a mapping"),
        (pd.DataFrame({"d2o_fraction": [0.4]}), r"given as DataFrame; .* pass table.to_dict\('records'\)"),
        ([{}, {}], "2 sets of covariates for 1 samples"),
    ],
)
def test_covariates_that_are_no_mapping_are_refused(model, spheres, covariates, said):
    with pytest.raises(UserError, match=said):
        model.translate(spheres[0].curve("saxs"), to="sans", covariates=covariates)


@pytest.mark.parametrize("values", [0.5, "0.5", None])
def test_a_plan_for_a_single_value_asks_for_a_list(model, spheres, values):
    with pytest.raises(UserError, match=r"d2o_fraction': is given as .*; expected a list of values"):
        model.plan(spheres[0].curve("saxs"), to="sans", values={"d2o_fraction": values})


def test_a_plan_takes_an_array_of_values(model, spheres):
    found = model.plan(spheres[0].curve("saxs"), to="sans", values={"d2o_fraction": np.linspace(0, 1, 3)})
    assert [condition["d2o_fraction"] for condition, _ in found] == [0, 0.5, 1]


@pytest.mark.parametrize("temperature", ["1", None])
def test_a_temperature_that_is_no_number_is_refused(model, temperature):
    with pytest.raises(UserError, match="the temperature is"):
        model.generate(1, temperature=temperature)
