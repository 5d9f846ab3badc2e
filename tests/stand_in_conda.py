"""A stand-in for conda where no conda channel can be reached: solves and installs with py-rattler from a local folder.

It answers the calls that Snakemake makes, and no others. The folder stands in for conda-forge: its packages have the
names and versions of what this Python has installed, so that the bounds of workflow/envs are solved for; all but two
are empty, and `python` is a virtual environment of this Python that sees its installed packages. So the tests show that
environments are created, pairvae is added to them and the rules run inside; not that conda-forge's own builds work.
"""

import asyncio
import bz2
import hashlib
import io
import json
import sys
import sysconfig
import tarfile
from importlib.metadata import distribution, version
from pathlib import Path

import rattler
import yaml
from rattler.index import index_fs

ACTIVATE = 'export CONDA_PREFIX="$1" PATH="$1/bin:$PATH"\n'
DISTRIBUTIONS = {
    "pytorch-cpu": "torch",
    "pytorch-gpu": "torch",
    "msgpack-python": "msgpack",
}  # conda's name → PyPI's, where they differ


def set_up(folder, environments):
    """Make the command `conda` in a folder, with a channel of what some environment files name; its bin folder."""
    channel = folder / "conda-forge"
    names = {
        rattler.MatchSpec(spec).name.normalized
        for file in environments
        for spec in yaml.safe_load(file.read_text(encoding="utf-8"))["dependencies"]
    }
    for name in names:
        pack(channel, name)
    asyncio.run(index_fs(channel))
    (folder / "bin").mkdir()
    (folder / "bin" / "activate").write_text(ACTIVATE)
    conda = folder / "bin" / "conda"
    conda.write_text(f'#!/bin/sh\nexec {sys.executable} {Path(__file__).absolute()} {folder} "$@"\n')
    conda.chmod(0o755)
    return conda.parent


def pack(channel, name):
    """One package of the stand-in channel."""
    python = "{}.{}.{}".format(*sys.version_info)
    if name == "python":
        number, files = python, virtual_environment()
    elif name == "c-compiler":
        number, files = "1.0", {}
    else:
        found = DISTRIBUTIONS.get(name, name)
        number, files = version(found).partition("+")[0], modules(found) if found in ("hatchling", "editables") else {}
    entries = [
        {"_path": path, "path_type": "softlink", "sha256": hashlib.sha256(b"").hexdigest(), "size_in_bytes": 0}
        if isinstance(content, Path)
        else {
            "_path": path,
            "path_type": "hardlink",
            "sha256": hashlib.sha256(content).hexdigest(),
            "size_in_bytes": len(content),
        }
        for path, content in files.items()
    ]
    facts = {"name": name, "version": number, "build": "0", "build_number": 0, "depends": [], "subdir": "noarch"}
    files = {
        "info/index.json": json.dumps({**facts, "noarch": "generic", "timestamp": 1_700_000_000_000}).encode(),
        "info/paths.json": json.dumps({"paths_version": 1, "paths": entries}).encode(),
        **files,
    }
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.mode = 0o755
            if isinstance(content, Path):
                member.type, member.linkname = tarfile.SYMTYPE, str(content)
                archive.addfile(member)
            else:
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    (channel / "noarch").mkdir(parents=True, exist_ok=True)
    (channel / "noarch" / f"{name}-{number}-0.tar.bz2").write_bytes(bz2.compress(packed.getvalue()))


def virtual_environment():
    """Files of a virtual environment of this Python, which sees the packages that are installed beside this one."""
    base = Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")
    modules = f"lib/{base.name}/site-packages"
    return {
        "bin/python": base,
        "bin/python3": Path("python"),
        "pyvenv.cfg": f"home = {base.parent}\ninclude-system-site-packages = false\n".encode(),
        f"{modules}/installed_beside.pth": f"{sysconfig.get_path('purelib')}\n".encode(),
    }


def modules(name):
    """Files of an installed package, where an environment has them."""
    folder = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    found = [
        file for file in distribution(name).files or [] if ".." not in file.parts and "__pycache__" not in file.parts
    ]
    return {f"{folder}/{file}": file.locate().read_bytes() for file in found}


async def create(folder, file, prefix):
    """`conda env create`: solve for a file's specifications and install what was found."""
    asked = yaml.safe_load(file.read_text(encoding="utf-8"))
    channels = [rattler.Channel((folder / channel).as_uri()) for channel in asked["channels"]]
    records = await rattler.solve(channels, asked["dependencies"], platforms=["linux-64", "noarch"])
    await rattler.install(records, prefix, cache_dir=folder / "cache", show_progress=False)


def main(folder, arguments):
    """Answer one call."""
    command = " ".join(arguments)
    if command == "info --json":
        print(json.dumps({"conda_prefix": str(folder), "platform": "linux-64"}))
    elif command == "--version":
        print("conda 24.7.1")  # the oldest that Snakemake takes
    elif command == "config --get channel_priority --json":
        print(json.dumps({"get": {"channel_priority": "strict"}}))
    elif arguments[:2] == ["env", "create"]:
        asyncio.run(create(folder, *(Path(arguments[arguments.index(name) + 1]) for name in ("--file", "--prefix"))))
    elif arguments[:1] != ["clean"]:  # its packages are no download to get rid of
        sys.exit(f"the stand-in for conda does not know: conda {command}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
