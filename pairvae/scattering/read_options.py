"""What a caller states about a file, where the file does not say it or says it wrongly."""

from dataclasses import dataclass

from pairvae.scattering.spectrum import Said, Technique


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
        brackets where wanted ("s[1/nm] I[1/cm] ds dI").
    entry : str, optional
        Entry to read from a file that holds several: its name, a frame ("frame 3", counted from 1) or its title.
    sample : str
        Name of the sample; empty: as the file says.
    said_in : {"option", "manifest"}
        Where these statements come from, for the record.
    """

    technique: Technique | None = None
    q_unit: str | None = None
    intensity_unit: str | None = None
    columns: str | None = None
    entry: str | None = None
    sample: str = ""
    said_in: Said = "option"


NO_OPTIONS = ReadOptions()
