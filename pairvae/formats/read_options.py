"""What a caller states about a file, where the file does not say it or says it wrongly. Imports no numpy."""

import re
from dataclasses import dataclass
from typing import Literal

from pairvae.errors import UserError
from pairvae.scattering.units import Said
from pairvae.techniques import TECHNIQUES, Technique, technique_fault

# The hint of a message: option, value, and the other two ways to state the same, with a remark at the end.
_HINT = re.compile(
    r"(?:as )?--(?P<name>q-unit|intensity-unit|columns|entry)(?: '(?P<quoted>[^']*)'| (?P<bare>[^'(;]*[^'(; ]))?"
    r" \(Python: [^;)]*(?:; samples\.csv: [^;)]*)?(?:; (?P<remark>[^)]*))?\)"
)
_OPTION = re.compile(r"(?<![\w-])--(?=(?:q-unit|intensity-unit|columns|entry)\b)")


@dataclass(frozen=True)
class ReadOptions:
    """What an option or samples.csv states about a file; it wins over what the file says.

    Parameters
    ----------
    technique : {"saxs", "sans"}, optional
        Needed where the file does not say; the only one that may not contradict the file.
    q_unit : str, optional
        "1/A", "1/nm", "1/m", "1/cm", or "s 1/nm" where the file holds s = q/2π.
    intensity_unit : str, optional
        "1/cm", "1/m", "1/mm", "arbitrary" or "counts".
    columns : str, optional
        Columns of a text table in their order: names out of q s I dI dq ds, "-" for one to ignore, a unit in
        brackets where wanted ("s[1/nm] I[1/cm] ds dI", "q I dI[%] dq[FWHM 1/nm]").
    entry : str, optional
        Entry to read from a file that holds several: its name, a frame ("frame 3", counted from 1) or its title.
    sample : str
        Name of the sample; empty: as the file says.
    said_in : {"option", "manifest"}
        Where these statements come from, for the record.
    prefix : str
        What the names of the command's options begin with: "--saxs-" where it reads files of both techniques.

    Raises
    ------
    UserError
        The technique is no known one.
    """

    technique: Technique | None = None
    q_unit: str | None = None
    intensity_unit: str | None = None
    columns: str | None = None
    entry: str | None = None
    sample: str = ""
    said_in: Said = "option"
    prefix: str = "--"

    def __post_init__(self) -> None:
        if self.technique is not None and (fault := technique_fault("technique", self.technique)):
            raise UserError(fault)

    @property
    def stated(self) -> bool:
        """Whether anything is stated that a samples.csv states in its columns."""
        return any(text is not None for text in (self.q_unit, self.intensity_unit, self.columns, self.entry))

    def name_of(self, fact: Literal["q_unit", "intensity_unit", "columns", "entry"]) -> str:
        """What a person calls a fact here: an option of the command, or a column of samples.csv."""
        if self.said_in != "manifest":
            return self.prefix + fact.replace("_", "-")
        return " or ".join(f"{technique}_{fact}" for technique in TECHNIQUES if self.technique in (None, technique))

    def addressed(self, message: str) -> str:
        """A message of the reader whose hints name what can be typed here.

        The reader names an option, the argument in Python and the column of samples.csv. A command has the option
        under its own name; a row of samples.csv has the column alone.
        """
        if self.said_in != "manifest":
            return _OPTION.sub(self.prefix, message)
        return _HINT.sub(self._column, message)

    def _column(self, hint: re.Match[str]) -> str:
        fact = hint["name"].replace("-", "_")
        column = self.name_of(fact)  # type: ignore[arg-type]  # as _HINT matches
        value = hint["quoted"] or hint["bare"]
        remark = f" ({hint['remark']})" if hint["remark"] else ""
        return f"in column {column}" + (f" as {value}" if value else "") + remark


NO_OPTIONS = ReadOptions()
