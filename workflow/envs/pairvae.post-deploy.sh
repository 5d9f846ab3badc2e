#!/usr/bin/env bash
# Snakemake runs this once in the new environment, in the folder it was started from: the root of the repository, or
# PAIRVAE_SOURCE says where that is. The environment then follows the checkout.
set -euo pipefail
source=${PAIRVAE_SOURCE:-.}
if ! grep -qs 'name = "pairvae"' "$source/pyproject.toml"; then
    echo "pairvae.post-deploy.sh: $(cd "$source" && pwd) is not the repository of PairVAE;" \
        "start Snakemake there, or set PAIRVAE_SOURCE to its path" >&2
    exit 1
fi
python -m pip install --no-deps --no-build-isolation --editable "$source"
