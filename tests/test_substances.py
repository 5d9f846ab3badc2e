"""Solute and solvent say the contrasts."""

import pytest

from pairvae.errors import UserError
from pairvae.use.substances import with_contrasts

KNOWN = ("d2o_fraction", "contrast_saxs", "contrast_sans")


def test_silica_in_heavy_water_has_the_contrasts_of_the_textbook():
    # neutrons: 3.47 - 6.37, X-rays: 18.8 - 9.4 (1e-6/Å²), NIST Center for Neutron Research, SLD calculator
    covariates = with_contrasts({"solute": "SiO2@2.2", "solvent": "D2O"}, KNOWN)
    assert covariates == {
        "d2o_fraction": 1.0,
        "contrast_saxs": pytest.approx(9.4, abs=0.2),
        "contrast_sans": pytest.approx(-2.9, abs=0.05),
    }


def test_water_mixes_to_the_match_point_of_silica():
    # silica is matched by about 58 % D2O
    at = {x: with_contrasts({"solute": "SiO2@2.2", "solvent": "water", "d2o_fraction": x}, KNOWN) for x in (0.5, 0.65)}
    assert at[0.5]["contrast_sans"] > 0 > at[0.65]["contrast_sans"]
    assert at[0.5]["contrast_saxs"] == pytest.approx(at[0.65]["contrast_saxs"], rel=0.01)


def test_what_is_given_itself_is_left_as_it_is():
    covariates = with_contrasts({"solute": "SiO2@2.2", "solvent": "H2O", "contrast_sans": "4"}, KNOWN)
    assert covariates["contrast_sans"] == "4"
    assert with_contrasts({"d2o_fraction": "0.4"}, KNOWN) == {"d2o_fraction": "0.4"}


def test_a_model_trained_on_solutes_by_name_keeps_them():
    given = {"solute": "silica", "solvent": "water"}
    assert with_contrasts(given, ("solute", "solvent")) == given


@pytest.mark.parametrize(
    ("given", "known", "sentence"),
    [
        ({"solute": "SiO2@2.2"}, KNOWN, "covariate solvent: is missing"),
        ({"solute": "SiO2@2.2", "solvent": "water"}, KNOWN, "covariate d2o_fraction: is missing"),
        ({"solute": "SiO2@2.2", "solvent": "water", "d2o_fraction": 42}, KNOWN, "expected a number from 0 to 1"),
        ({"solute": "glas", "solvent": "D2O"}, KNOWN, "covariate solute=glas: 'glas' is no material"),
        ({"solute": "SiO2@2.2", "solvent": "D2O"}, ("d2o_fraction",), "trained without contrast_saxs"),
    ],
)
def test_what_is_missing_or_not_understood_is_said(given, known, sentence):
    with pytest.raises(UserError, match="covariate") as caught:
        with_contrasts(given, known)
    assert sentence in str(caught.value)
