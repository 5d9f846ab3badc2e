#!/usr/bin/env bash
# Snakemake runs this once in the new environment, in the folder it was started from: the root of the repository.
set -euo pipefail
python -m pip install --no-deps --no-build-isolation --editable .
