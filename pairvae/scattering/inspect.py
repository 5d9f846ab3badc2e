"""What the reader makes of a file: the facts of each curve in it, or why it was refused."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pairvae.errors import ReadError
from pairvae.scattering.read import read_spectra
from pairvae.scattering.spectrum import Spectrum, Technique

Said = Literal["file", "option", "manifest"]
Need = Literal["q_unit", "columns"]


@dataclass(frozen=True)
class Inspected:
    """One curve of a file, or the file where it was refused.

    Parameters
    ----------
    file : str
        As given.
    entry : str
        Entry within the file; empty for a text table.
    technique : {"saxs", "sans"}, optional
        Where the file, or the caller, says so.
    points : int
        Usable points; 0 where refused.
    q_min, q_max : float, optional
        In 1/Å; as they stand in the file where `needs` is not empty.
    q_unit, intensity_unit : str, optional
        Units the file's numbers were read in: "1/nm", "s 1/nm"; "1/cm", "1/m", "arbitrary".
    q_unit_from, intensity_unit_from : {"file", "option", "manifest"}, optional
        Who said so; None: nobody.
    sigma_column, dq_column : str, optional
        What the columns that became sigma and dq are called in the file ("column 3" where it has no name);
        None: there is none.
    repairs : dict
        What was dropped, merged or reordered, with counts.
    warnings : tuple of str
        Sentences worth a look.
    needs : tuple of {"q_unit", "columns"}
        What only the user can say; `error` is None then.
    error : str, optional
        One sentence why the curve cannot be read.
    spectrum : Spectrum, optional
        The curve; where `needs` is not empty, its q stands as in the file.
    """

    file: str
    entry: str = ""
    technique: Technique | None = None
    points: int = 0
    q_min: float | None = None
    q_max: float | None = None
    q_unit: str | None = None
    q_unit_from: Said | None = None
    intensity_unit: str | None = None
    intensity_unit_from: Said | None = None
    sigma_column: str | None = None
    dq_column: str | None = None
    repairs: dict[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    error: str | None = None
    spectrum: Spectrum | None = None


def inspect_file(
    file: Path | str,
    technique: Technique | None = None,
    q_unit: str | None = None,
    columns: str | None = None,
    entry: str | None = None,
) -> list[Inspected]:
    """List the curves of one file with what was found, repaired and missing; never raise for a bad file.

    Parameters
    ----------
    file : Path
        One file; folders and patterns are the caller's.
    technique, q_unit, columns, entry
        As for `read_spectra`.

    Returns
    -------
    list of Inspected
        One per curve (and per detector setting of a curve), at least one: a refused file has one with `error`.
    """
    try:
        spectra = read_spectra(file, technique, q_unit, columns, entry)
    except ReadError as error:
        return [Inspected(str(file), error=str(error))]
    return [
        Inspected(
            file=str(file),
            entry=one.source.entry,
            technique=one.technique,
            points=one.q.size,
            q_min=float(one.q[0]),
            q_max=float(one.q[-1]),
            intensity_unit=one.intensity_unit,
            warnings=one.notes,
            spectrum=one,
        )
        for one in spectra
    ]
