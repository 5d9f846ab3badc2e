"""A curve as a file holds it, before it is repaired."""

from dataclasses import dataclass, field
from typing import Literal

from pairvae.formats.row_count import RowCount
from pairvae.scattering.spectrum import Curve, Reading, Said, Technique
from pairvae.scattering.units import parse_intensity_unit

Need = Literal["q_unit", "columns"]


@dataclass
class RawCurve:
    """A curve as a file holds it, in canonical units, with whatever faults it has.

    Parameters
    ----------
    q, intensity, sigma, dq : array, shape (points,)
        In 1/Å and 1/cm (or arbitrary), in the file's order.
    where : str
        File and entry, for messages.
    self_describing : bool
        The format itself, not a header or a caller, says which numbers are sigma and dq.
    needs : tuple of {"q_unit", "columns"}
        What nobody said; the numbers then stand as in the file.
    question : str
        The sentence that asks for it.
    columns_hint : str
        What to type for the columns, where they are asked for: a name for each of the table.
    column_names : tuple of str
        What the header calls them, where it names them.
    rows : RowCount, optional
        Where the rows of a text table went.
    """

    where: str
    q: Curve
    intensity: Curve
    sigma: Curve | None = None
    dq: Curve | None = None
    technique: Technique | None = None
    sample: str = ""
    entry: str = ""
    setting: int = 0
    intensity_unit: Literal["1/cm", "arbitrary"] = "1/cm"
    q_unit: str = ""
    q_unit_from: Said | None = None
    intensity_said: str = ""
    intensity_unit_from: Said | None = None
    sigma_column: str | None = None
    dq_column: str | None = None
    self_describing: bool = False
    needs: tuple[Need, ...] = ()
    question: str = ""
    columns_hint: str = ""
    column_names: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    repairs: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    rows: RowCount | None = None

    def mended(self, what: str, count: int, note: str) -> None:
        """Count a repair and note it.

        Parameters
        ----------
        what : str
            Kind of repair, a key of `repairs`.
        count : int
            Points concerned.
        note : str
            Sentence for the user.
        """
        self.repairs[what] = self.repairs.get(what, 0) + count
        self.notes.append(note)

    def warn(self, note: str) -> None:
        """Note what is worth a look."""
        self.warnings.append(note)
        self.notes.append(note)

    def warn_if_overruled(self, stated: str, in_file: str) -> None:
        """Note a unit of intensity that is not the file's own."""
        if parse_intensity_unit(stated)[:2] != parse_intensity_unit(in_file)[:2]:
            self.warn(f"intensity read in {stated} as stated, though the file says {in_file}")

    def reading(self) -> Reading:
        """The facts for the Spectrum."""
        return Reading(
            q_unit=self.q_unit,
            q_unit_from=self.q_unit_from,
            intensity_unit=self.intensity_said or self.intensity_unit,
            intensity_unit_from=self.intensity_unit_from,
            sigma_column=self.sigma_column if self.sigma is not None else None,
            dq_column=self.dq_column if self.dq is not None else None,
            repairs=dict(self.repairs),
            warnings=tuple(self.warnings),
            rows_found=self.rows.found if self.rows else None,
            rows_dropped=self.rows.dropped if self.rows else {},
        )


def scaled(values: Curve, factor: float) -> Curve:
    """The values times a factor; the values themselves where it is 1, as in most files."""
    return values if factor == 1.0 else values * factor
