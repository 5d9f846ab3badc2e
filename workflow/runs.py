"""Which runs a configuration asks for, and where each stage of them lies.

Without a sweep it is one run, and all of it lies in results/<run>. A sweep has a run for every combination of the
values it names. Of these values a stage lies under those that it depends on, itself or through what it is made from:
what comes before the first swept setting is in results/sweep/<run>/shared and made once.

Imports nothing that Snakemake does not bring: the environment that starts a workflow may hold nothing else.
"""

import itertools
import json
import re
from collections.abc import Callable
from typing import Any

from configuration import Group, faults, stage_parts
from snakemake.utils import update_config

LONGEST = 200  # characters of a folder's name: file systems take 255

# The stages that each stage is made from; `curves` stands for simulate or read.
MADE_FROM = {
    "curves": (),
    "normalize.saxs": ("curves",),
    "normalize.sans": ("curves",),
    "pair": ("normalize.saxs", "normalize.sans"),
    "pretrain.saxs": ("pair",),
    "pretrain.sans": ("pair",),
    "joint_train": ("pretrain.saxs", "pretrain.sans"),
    "calibrate": ("joint_train",),
    "baselines": ("pretrain.saxs", "pretrain.sans"),
    "evaluate": ("calibrate", "baselines"),
    "report": ("evaluate",),
}


class Runs:
    """The runs of one configuration.

    Parameters
    ----------
    config, schema : dict
        A valid configuration and its schema.

    Attributes
    ----------
    home : str
        Folder below results/ of the run, or of the sweep.
    configs : dict
        Configuration of every folder below results/ that holds stages.
    combinations : list of str
        Those folders that hold a whole run, the values of the last swept setting varying fastest.
    """

    def __init__(self, config: Group, schema: Group) -> None:
        swept: Group = config["sweep"]
        self.home: str = f"sweep/{config['run']}" if swept else config["run"]
        self._swept = bool(swept)
        self._names = {stage: [name for name in swept if concerns(name, stage, config, schema)] for stage in MADE_FROM}
        self._values: dict[str, Group] = {}
        self.configs: dict[str, Group] = {}
        self.combinations: list[str] = []
        for drawn in itertools.product(*swept.values()):
            values = dict(zip(swept, drawn, strict=True))
            for names in self._names.values():
                part = {name: value for name, value in values.items() if name in names}
                folder = self._folder(part)
                if folder not in self.configs:
                    self._values[folder] = part
                    self.configs[folder] = changed(config, part)
            self.combinations.append(self._folder(values))

    def where(self, stage: str, run: str) -> str:
        """Folder below results/ of a stage, seen from the folder of the run, or of a stage that is made from it."""
        names = self._names["curves" if stage in ("simulate", "read") else stage]
        return self._folder({name: self._values[run][name] for name in names})

    def at(self, stage: str, path: str) -> Callable[[Any], str]:
        """Input function of a rule: a file of that stage, wildcards as in other inputs."""
        return lambda wildcards: (
            f"results/{self.where(stage.format(**wildcards), wildcards.run)}/{path.format(**wildcards)}"
        )

    def each_of(self, stage: str, folder: str, files: list[str]) -> Callable[[Any], list[str]]:
        """Input function of a rule: files in one folder of that stage."""
        return lambda wildcards: [self.at(stage, f"{folder}/{file}")(wildcards) for file in files]

    def of_members(self, file: str) -> Callable[[Any], list[str]]:
        """Input function of a rule: a file of each member that joint_train trains for a run."""
        return lambda wildcards: [
            f"results/{self.where('joint_train', wildcards.run)}/joint_train/{member}/{file}"
            for member in range(1, self.configs[wildcards.run]["members"] + 1)
        ]

    def _folder(self, values: Group) -> str:
        if not self._swept:
            return self.home
        return f"{self.home}/{label(values) or 'shared'}"


def concerns(name: str, stage: str, config: Group, schema: Group) -> bool:
    """Whether a stage's files depend on a setting, named by its path: `joint_train.kl_weight`."""
    if any(concerns(name, before, config, schema) for before in MADE_FROM[stage]):
        return True
    if (name, stage) == ("members", "calibrate"):
        return True  # more members are trained beside those that are there
    if stage == "curves":
        stage = "read" if config["samples"] else "simulate"
    values, group = stage_parts(config, schema, stage)
    field = group["properties"].get(name, {})
    is_filled_in = bool(field.get("filled_in")) and name not in values
    return is_filled_in or f"{name}.".startswith(f"{stage}.") or f"{stage}.".startswith(f"{name}.")


def changed(config: Group, values: Group) -> Group:
    """The configuration with other values, given by their paths; groups are merged key by key."""
    config = json.loads(json.dumps(config))
    for name, value in values.items():
        for part in reversed(name.split(".")):
            value = {part: value}
        update_config(config, value)
    return config


def label(values: Group) -> str:
    """Swept settings as the name of a folder: `seed=1,joint_train.kl_weight=0.01`."""
    return ",".join(f"{name}={_spelt(value)}" for name, value in values.items())


def sweep_faults(config: Group, schema: Group) -> list[str]:
    """What is wrong with a sweep, one sentence each; settings and values as in a configuration without one."""
    swept = config["sweep"]
    base = {**config, "sweep": {}}
    found = [
        sentence
        for name, values in swept.items()
        for value in values
        for sentence in faults(changed(base, {name: value}), schema)
    ]
    if found:
        return list(dict.fromkeys(found))
    for name, values in swept.items():
        if not concerns(name, "evaluate", config, schema):
            found.append(
                f"configuration: sweep.{name}: no stage that leads to the numbers of this run has this setting; "
                "leave it out of the sweep"
            )
        if len({_spelt(value) for value in values}) < len(values):
            found.append(f"configuration: sweep.{name}: two of the values {values} are the same; name each once")
    if not found and (longest := max(Runs(config, schema).combinations, key=len)) and len(longest) > LONGEST:
        found.append(
            f"configuration: sweep: {longest} is a name of {len(longest)} characters; expected at most {LONGEST}; "
            "sweep over fewer settings at once"
        )
    return found


def _spelt(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return re.sub(r"[^A-Za-z0-9.+-]+", "_", text).strip("_")
