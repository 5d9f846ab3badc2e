"""What it is worth: translation, calibration, baselines, evaluation and report."""
