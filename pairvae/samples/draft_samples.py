"""A first samples.csv, made from the names of files."""

import csv
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from pairvae.errors import UserError
from pairvae.files.named_files import below
from pairvae.files.whole import written_whole
from pairvae.scattering.spectrum import TECHNIQUES, Technique

SHOWN = 20  # names in one list
_EXAMPLE = "for example --saxs '*_saxs.dat' --sans '*_sans*.dat'"
_PART = re.compile(r"\{sample\}|\*\*/|\*\*|\*|\?|\[!?\]?[^\]/]*\]|.", re.DOTALL)


@dataclass
class Draft:
    """Which file belongs to which sample, as far as the names tell.

    Parameters
    ----------
    files : dict
        For each sample the names of its files by technique, in the order of the names.
    unmatched : list of str
        Names that neither pattern matches, or that no manifest can hold.
    """

    files: dict[str, dict[Technique, list[str]]] = field(default_factory=dict)
    unmatched: list[str] = field(default_factory=list)

    def lacking(self, technique: Technique) -> list[str]:
        """Samples without a file of this technique."""
        return [sample for sample, files in self.files.items() if technique not in files]


def draft_samples(folder: Path, patterns: Mapping[Technique, str], output: Path, force: bool = False) -> None:
    """Write a manifest with one row per sample, and say what could not be matched.

    Parameters
    ----------
    folder : Path
        Searched with all that is below it.
    patterns : mapping
        For each technique the names of its files, as `sample_names` reads them.
    output : Path
        samples.csv to write.
    force : bool
        Overwrite it where it is there.

    Raises
    ------
    UserError
        The output is there already, a pattern matches no file, or a file matches both.
    """
    if output.exists() and not force:
        raise UserError(f"{output}: is there already; expected a new name; name another with --output, or give --force")
    if not folder.is_dir():
        raise UserError(f"{folder}: is no folder; expected one with the files of both techniques; mend the path")
    draft = match_names(folder, patterns, output)
    home = output.resolve().parent
    source = folder.resolve()
    try:
        with written_whole(output) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            write = csv.writer(file, lineterminator="\n")
            write.writerow(["sample_id", *TECHNIQUES])
            for sample, files in draft.files.items():
                cells = (";".join(_from(home, source / name) for name in files.get(one, [])) for one in TECHNIQUES)
                write.writerow([sample, *cells])
    except OSError as error:
        raise UserError(f"{output}: cannot be written ({error.strerror}); name another file with --output") from None
    _tell(draft, output, outside=not source.is_relative_to(home))


def match_names(folder: Path, patterns: Mapping[Technique, str], output: Path) -> Draft:
    """Sort the files below a folder into samples.

    Parameters
    ----------
    folder : Path
        Folder with the measured files; its subfolders are searched as well.
    patterns : mapping
        By technique a pattern of file names whose `*` stands for the name of the sample.
    output : Path
        The samples.csv to be written; not taken for a measured file.

    Raises
    ------
    UserError
        A pattern matches no file, or a file matches both.
    """
    draft = Draft()
    readers = {technique: _Names(pattern) for technique, pattern in patterns.items()}
    found: dict[str, dict[Technique, list[str]]] = {}
    for path in below(folder):
        name = path.relative_to(folder).as_posix()
        if path.absolute() == output.absolute():
            continue
        matches = {technique: sample for technique, names in readers.items() if (sample := names.sample(name))}
        if len(matches) > 1:
            raise UserError(
                f"{folder / name}: matches both --saxs {patterns['saxs']!r} and --sans {patterns['sans']!r}; expected "
                f"patterns that tell the techniques apart; name more of the file names, {_EXAMPLE}"
            )
        if not matches or ";" in name or name != name.strip() or not name.isprintable():
            draft.unmatched.append(name)
            continue
        ((technique, sample),) = matches.items()
        found.setdefault(sample, {}).setdefault(technique, []).append(name)
    for technique, pattern in patterns.items():
        if not any(technique in files for files in found.values()):
            seen = ", ".join(map(ascii, draft.unmatched[:3])) or "only files of the other technique"
            raise UserError(
                f"--{technique} {pattern!r}: matches no file below {folder}; found {seen}; mend the pattern, {_EXAMPLE}"
            )
    draft.files = {sample: found[sample] for sample in sorted(found, key=_natural)}
    return draft


class _Names:
    """What a pattern makes of file names.

    `*` stands for any characters of one name, `?` for one, `[…]` for one of these, `**` for any folders, `{sample}`
    for the name of the sample. Without `{sample}`, the sample is what the first `*` stands for (with the `?` and `[…]`
    beside it; the first that stands for anything); an ending of the name does not belong to it.
    """

    def __init__(self, pattern: str) -> None:
        parts = _PART.findall(pattern.removeprefix("./"))
        if parts.count("{sample}") > 1:
            raise UserError(f"pattern {pattern!r}: has {{sample}} twice; expected it once; write * for the other")
        wild = [part == "{sample}" if "{sample}" in parts else _is_wild(part) for part in parts]
        if not any(wild):
            raise UserError(f"pattern {pattern!r}: has no *; expected * where the name of the sample is, {_EXAMPLE}")
        self._whole_path = "/" in pattern
        expression = ""
        for caught, run in groupby(zip(parts, wild, strict=True), key=itemgetter(1)):
            inside = "".join(_expression(part) for part, _ in run)
            expression += f"({inside})" if caught else inside
        self._pattern = re.compile(expression)

    def sample(self, name: str) -> str:
        """Name of the sample, empty where the file does not match."""
        match = self._pattern.fullmatch(name if self._whole_path else name.rpartition("/")[2])
        if not match:
            return ""
        for group, text in enumerate(match.groups(), start=1):
            if match.end(group) == len(match.string):
                text = _without_ending(text)
            if text := text.strip(" _-.,"):
                return text
        return _without_ending(match.string.rpartition("/")[2])


def _is_wild(part: str) -> bool:
    return part in ("*", "?") or (len(part) > 1 and part[0] == "[")


def _expression(part: str) -> str:
    known = {"{sample}": "[^/]+?", "**/": "(?:.*/)?", "**": ".*", "*": "[^/]*?", "?": "[^/]"}
    if part in known:
        return known[part]
    if not _is_wild(part):
        return re.escape(part)
    inside = part[1:-1].replace("\\", r"\\").replace("[", r"\[")
    return f"[^{inside[1:]}]" if inside.startswith("!") else f"[{inside}]"


def _without_ending(name: str) -> str:
    return re.sub(r"(?<=.)\.[A-Za-z]\w*$", "", name)


def _tell(draft: Draft, output: Path, outside: bool) -> None:
    pairs = [sample for sample, files in draft.files.items() if len(files) == len(TECHNIQUES)]
    print(f"samples: {len(draft.files)} samples, {len(pairs)} of them with files of both techniques, in {output}")
    if not pairs:
        print("samples: no sample has both: the patterns name them differently, or {sample} has to say where")
    for technique in TECHNIQUES:
        _tell_list(f"samples without a {technique} file", draft.lacking(technique))
        several = [
            f"{sample} ({len(files[technique])})"
            for sample, files in draft.files.items()
            if len(files.get(technique, [])) > 1
        ]
        _tell_list(f"samples with several {technique} files, taken as settings of one instrument", several)
    _tell_list("files that could not be matched", draft.unmatched)
    if outside:
        print("samples: the files do not lie below the table's folder: read needs `allow_outside: true`")


def _tell_list(what: str, names: list[str]) -> None:
    if names:
        print(f"samples: {len(names)} {what}:")
        for name in names[:SHOWN]:
            print(f"  {name if name.isprintable() else ascii(name)}")
        if len(names) > SHOWN:
            print(f"  … and {len(names) - SHOWN} more")


def _from(home: Path, file: Path) -> str:
    return Path(os.path.relpath(file, home)).as_posix()


def _natural(name: str) -> list[tuple[int, str]]:
    """m2 before m10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name) if part]
