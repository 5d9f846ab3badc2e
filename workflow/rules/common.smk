# What the rules stand on: the configuration, checked before the first job, and the runs it asks for.
import json
import os
import sys
from pathlib import Path

from snakemake.common.configfile import load_configfile
from snakemake.utils import update_config


def beside(path: str) -> str:
    """Where a file of this repository lies; one of a module on a host is fetched."""
    source = workflow.current_basedir.join(path)
    if source.is_local:
        return os.path.normpath(source.get_path_or_uri(secret_free=True))
    return str(workflow.source_path(path))


# Python files beside a Snakefile are found by Snakemake, but not those of a module on a host, nor the package.
CODE = [
    Path(beside(f"../{name}.py"))
    for name in ("configuration", "failed_jobs", "runs", "samples")
]
REPOSITORY = CODE[0].parents[1]
sys.path += [str(CODE[0].parent), str(REPOSITORY)]
if (REPOSITORY / "pyproject.toml").is_file():
    os.environ.setdefault("PAIRVAE_SOURCE", str(REPOSITORY))  # for --use-conda

from configuration import (
    as_meant,
    faults,
    gpus,
    stage_settings,
    start_checksum,
    start_faults,
    start_files,
    system_files,
    with_scales_of_start,
    unwritable,
)
from failed_jobs import failed_jobs
from runs import Runs, sweep_faults
from samples import (
    covariate_faults,
    files_named_in,
    files_of_sources,
    missing_manifest,
    row_faults,
)

DEFAULTS = beside("../../configs/default.yaml")


configfile: DEFAULTS


# Where another workflow uses this one as a module, its configuration stands instead of the defaults: they are filled in.
given = dict(config)
config.update(load_configfile(DEFAULTS))
update_config(config, given)

SCHEMA = json.loads(
    Path(beside("../../configs/schema.json")).read_text(encoding="utf-8")
)
config.update(as_meant(config, SCHEMA, SCHEMA))
if found := (
    faults(config, SCHEMA)
    or missing_manifest(config) + start_faults(config, SCHEMA)
    or sweep_faults(config, SCHEMA)
):
    print(*found, sep="\n", file=sys.stderr)
    sys.exit(2)
config.update(with_scales_of_start(config))

RUNS = Runs(config, SCHEMA)
if found := [
    *(row_faults(config) if workflow.is_main_process else []),
    *covariate_faults(RUNS.configs.values(), SCHEMA),
    *unwritable(f"results/{RUNS.home}"),
]:
    print(*found, sep="\n", file=sys.stderr)
    sys.exit(2)
