"""How good a model is: every score of the test split, beside the baselines."""
