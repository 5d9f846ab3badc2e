"""The files that the parts of a split stage wrote, put together again."""

from collections.abc import Sequence
from pathlib import Path

from pairvae.errors import UserError
from pairvae.files.whole import written_whole
from pairvae.scattering.curves_file import CurvesFile, CurvesWriter


def merge(parts: Sequence[Path], output: Path) -> None:
    """Put curves files, or tables as CSV, one behind the other; curve by curve, line by line.

    Parameters
    ----------
    parts : sequence of Path
        Files of the parts in their order, all of the kind of `output`.
    output : Path
        File to write: curves where it ends in .h5, else a table. It is the one that a single part would have written.

    Raises
    ------
    UserError
        A part is missing or of another technique.
    """
    if output.suffix == ".h5":
        _merge_curves(parts, output)
        return
    with written_whole(output) as temporary, temporary.open("w", encoding="utf-8", newline="") as whole:
        for position, path in enumerate(parts):
            with path.open(encoding="utf-8", newline="") as part:
                header = next(part)
                if position == 0:
                    whole.write(header)
                whole.writelines(part)


def _merge_curves(parts: Sequence[Path], output: Path) -> None:
    with CurvesFile(parts[0]) as first:
        technique = first.technique
    with CurvesWriter(output, technique) as whole:
        for path in parts:
            with CurvesFile(path) as part:
                if part.technique != technique:
                    raise UserError(f"{path}: holds {part.technique} curves; expected {technique}; mend the order")
                for curve in part:
                    whole.append(curve)
