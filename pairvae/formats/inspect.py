"""What the reader makes of a file: the facts of each curve in it, or why it was refused."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from pairvae.errors import ReadError
from pairvae.formats.raw_curve import Need
from pairvae.formats.read import MissingFact, curve_outcomes
from pairvae.formats.read_options import NO_OPTIONS, ReadOptions
from pairvae.formats.repair import drop_unusable
from pairvae.scattering.curves_file import PackedCurve, pack, unpack
from pairvae.scattering.spectrum import Reading, Said, Spectrum, Technique
from pairvae.settings import Read


@dataclass(frozen=True)
class Inspected:
    """One curve of a file, or the file where it was refused.

    Parameters
    ----------
    file : str
        As given.
    entry : str
        Entry within the file, and detector setting where there are several ("block 2, setting 1"); empty for a
        text table.
    technique : {"saxs", "sans"}, optional
        Where the file, or the caller, says so.
    points : int
        Usable points; 0 where refused.
    q_min, q_max : float, optional
        In 1/Å; as they stand in the file where `needs` names q_unit.
    q_unit, intensity_unit : str, optional
        Units the file's numbers were read in: "1/nm", "s 1/nm"; "1/cm", "1/m", or what the file says where that
        is no cross section; `spectrum.intensity_unit` is "1/cm" or "arbitrary".
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
    columns_hint : str, optional
        What to type for the columns, where `needs` names them: "q I -".
    column_names : tuple of str
        What the header calls them, where `needs` names them and it does.
    error : str, optional
        One sentence why the curve cannot be read.
    rows_found : int, optional
        Rows of a text that begin with a number: those of this curve and of what stands above it, or below it where
        it is the last one; the curves of a file add up to the whole file. None: the file is no text table.
    rows_read : int, optional
        Those whose numbers are in the curve.
    rows_dropped : dict
        Those that are not, by reason; with `rows_read` they add up to `rows_found`.
    spectrum : Spectrum, optional
        The curve; None where refused or the columns are not known. Where `needs` names q_unit, its q stands as in
        the file.
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
    columns_hint: str | None = None
    column_names: tuple[str, ...] = ()
    error: str | None = None
    rows_found: int | None = None
    rows_read: int | None = None
    rows_dropped: dict[str, int] = field(default_factory=dict)
    spectrum: Spectrum | None = None

    def to_plain(self) -> dict[str, Any]:
        """The same as numbers, text, bytes, lists and dictionaries, for another process."""
        return {**vars(self), "spectrum": None if self.spectrum is None else pack(self.spectrum)}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> Self:
        """What `to_plain` gave, after it came back from another process."""
        lists = {name: tuple(value) for name, value in plain.items() if isinstance(value, list) and name != "spectrum"}
        packed = plain["spectrum"]
        spectrum = None if packed is None else unpack(PackedCurve(*packed), plain["technique"])
        return cls(**{**plain, **lists, "spectrum": spectrum})


def inspect_file(file: Path | str, options: ReadOptions = NO_OPTIONS, settings: Read | None = None) -> list[Inspected]:
    """List the curves of one file with what was found, repaired and missing; never raise for a bad file.

    Parameters
    ----------
    file : Path
        One file; folders and patterns are the caller's.
    options, settings
        As for `read_spectra`.

    Returns
    -------
    list of Inspected
        One per curve (and per detector setting of a curve), at least one: a refused file has one with `error`.
    """
    found: list[Inspected] = []
    for outcome in curve_outcomes(file, options, settings):
        if isinstance(outcome, MissingFact):
            found += [_one(str(file), spectrum, outcome.needs) for spectrum in outcome.spectra] or [
                _as_it_stands(str(file), options.technique, outcome)
            ]
        elif isinstance(outcome, ReadError):
            rows = outcome.rows_found
            refused = Inspected(str(file), outcome.entry, error=str(outcome), **_rows(rows, {"refused": rows or 0}))
            found.append(refused)
        else:
            found += [_one(str(file), spectrum, ()) for spectrum in outcome]
    return found


def _one(file: str, spectrum: Spectrum, needs: tuple[Need, ...]) -> Inspected:
    reading = spectrum.reading or Reading()
    setting = f"setting {spectrum.source.setting}" if spectrum.source.setting else ""
    return Inspected(
        file=file,
        entry=", ".join(part for part in (spectrum.source.entry, setting) if part),
        technique=spectrum.technique,
        points=spectrum.q.size,
        q_min=float(spectrum.q[0]),
        q_max=float(spectrum.q[-1]),
        q_unit=reading.q_unit or None,
        q_unit_from=reading.q_unit_from,
        intensity_unit=reading.intensity_unit or None,
        intensity_unit_from=reading.intensity_unit_from,
        sigma_column=reading.sigma_column,
        dq_column=reading.dq_column,
        repairs=dict(reading.repairs),
        warnings=reading.warnings,
        needs=needs,
        spectrum=spectrum,
        **_rows(reading.rows_found, reading.rows_dropped),
    )


def _rows(found: int | None, dropped: dict[str, int]) -> dict[str, Any]:
    """The three facts of rows."""
    lost = {reason: count for reason, count in dropped.items() if count}
    return {
        "rows_found": found,
        "rows_read": None if found is None else found - sum(lost.values()),
        "rows_dropped": lost,
    }


def _as_it_stands(file: str, technique: Technique | None, missing: MissingFact) -> Inspected:
    """A table whose columns nobody named: its first two taken as q and intensity, to show what there is."""
    curve = missing.curve
    reading = curve.reading()
    drop_unusable(curve)
    q, rows = curve.q, curve.rows
    return Inspected(
        file=file,
        entry=curve.entry,
        technique=technique or curve.technique,
        points=q.size,
        q_min=float(q.min()) if q.size else None,
        q_max=float(q.max()) if q.size else None,
        q_unit=reading.q_unit or None,
        q_unit_from=reading.q_unit_from,
        intensity_unit=reading.intensity_unit or None,
        intensity_unit_from=reading.intensity_unit_from,
        repairs=dict(reading.repairs),
        warnings=reading.warnings,
        needs=missing.needs,
        columns_hint=curve.columns_hint or None,
        column_names=curve.column_names,
        **_rows(rows.found if rows else None, rows.dropped if rows else {}),
    )
