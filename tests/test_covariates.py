"""What the networks see of a sample besides its curve."""

import numpy as np
import pandas as pd
import pytest

from pairvae.errors import UserError
from pairvae.prepare.covariates import check_covariates, encode_covariates, fit_covariates

TRAIN = pd.DataFrame(
    {
        "d2o_fraction": [0.0, 0.5, 1.0, np.nan],
        "buffer": ["tris", "pbs", None, "tris"],
        "same": [3.0, 3.0, 3.0, 3.0],
        "empty": [np.nan] * 4,
    }
)
NUMBER_AND_CATEGORY = fit_covariates(TRAIN, ("d2o_fraction", "buffer"))


def test_numbers_are_standardised_by_the_train_split():
    test = pd.DataFrame({"d2o_fraction": [0.25, 7.0]})
    mean, std = 0.5, np.std([0, 0.5, 1])
    encoded = encode_covariates(fit_covariates(TRAIN, ("d2o_fraction",)), test)
    np.testing.assert_allclose(encoded, [[(0.25 - mean) / std, 1], [(7 - mean) / std, 1]], rtol=1e-6)


def test_a_category_becomes_one_component_per_value_of_the_train_split():
    encoded = encode_covariates(fit_covariates(TRAIN, ("buffer",)), TRAIN)
    np.testing.assert_array_equal(encoded, [[0, 1], [1, 0], [0, 0], [0, 1]])


def test_unknown_is_all_zeros_and_the_mean_is_not():
    blank = pd.DataFrame({"d2o_fraction": [np.nan, 0.5], "buffer": [None, None]})
    encoded = encode_covariates(NUMBER_AND_CATEGORY, blank)
    np.testing.assert_array_equal(encoded, [[0, 0, 0, 0], [0, 1, 0, 0]])
    np.testing.assert_array_equal(
        encode_covariates(NUMBER_AND_CATEGORY, pd.DataFrame(index=range(3))), np.zeros((3, 4))
    )


def test_category_that_training_never_saw_is_encoded_as_unknown():
    unseen = pd.DataFrame({"d2o_fraction": [0.5], "buffer": ["hepes"]})
    np.testing.assert_array_equal(encode_covariates(NUMBER_AND_CATEGORY, unseen), [[0, 1, 0, 0]])


def test_number_that_never_varies_does_not_blow_up():
    encoded = encode_covariates(fit_covariates(TRAIN, ("same",)), TRAIN)
    np.testing.assert_array_equal(encoded, [[0, 1]] * 4)


def test_no_covariates_are_rows_of_no_width():
    assert encode_covariates((), TRAIN).shape == (4, 0)


def test_missing_column_is_named_with_those_that_are_there():
    with pytest.raises(UserError, match=r"'d2o' is not a column of samples\.csv; .*d2o_fraction, buffer"):
        fit_covariates(TRAIN, ("d2o",))


def test_empty_column_is_refused():
    with pytest.raises(UserError, match="'empty' is empty for every training sample"):
        fit_covariates(TRAIN, ("empty",))


def test_typed_values_are_read_as_numbers_and_categories():
    row = check_covariates(NUMBER_AND_CATEGORY, {"d2o_fraction": "1.0", "buffer": "pbs"})
    np.testing.assert_allclose(
        encode_covariates(NUMBER_AND_CATEGORY, row), [[0.5 / np.std([0, 0.5, 1]), 1, 1, 0]], rtol=1e-6
    )


def test_values_that_were_not_typed_are_unknown():
    row = check_covariates(NUMBER_AND_CATEGORY, {})
    np.testing.assert_array_equal(encode_covariates(NUMBER_AND_CATEGORY, row), np.zeros((1, 4)))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"d2o": 1}, r"'d2o': this model was trained with d2o_fraction, buffer"),
        ({"d2o_fraction": "much"}, r"d2o_fraction='much': expected a number"),
        ({"d2o_fraction": 42}, r"d2o_fraction=42: the model was trained with 0.5 ± 0.41"),
        ({"d2o_fraction": "-inf"}, r"d2o_fraction=-inf: the model was trained with"),
        ({"buffer": "hepes"}, r"buffer='hepes': the model was trained with pbs, tris"),
    ],
)
def test_what_the_model_does_not_know_is_refused(given, said):
    with pytest.raises(UserError, match=said) as caught:
        check_covariates(NUMBER_AND_CATEGORY, given)
    assert "\n" not in str(caught.value)


def test_a_model_without_covariates_says_so():
    with pytest.raises(UserError, match="trained with none"):
        check_covariates((), {"d2o_fraction": 1})
