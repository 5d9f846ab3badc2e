"""How far to believe a prediction: calibrated bands, novelty, and whether a pair goes together."""
