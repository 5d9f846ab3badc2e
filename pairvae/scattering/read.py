"""From a file to spectra, whatever its format; the content decides, not the name."""

import hashlib
from pathlib import Path

from pairvae.errors import ReadError
from pairvae.scattering.read_text import read_text
from pairvae.scattering.repair import RawCurve, repair
from pairvae.scattering.spectrum import Source, Spectrum, Technique

MOST_BYTES = 200 * 1024**2
_HDF5 = b"\x89HDF\r\n\x1a\n"


def read_spectra(
    file: Path | str,
    technique: Technique | None = None,
    q_unit: str | None = None,
    columns: str | None = None,
    entry: str | None = None,
    sample: str = "",
) -> list[Spectrum]:
    """Read every curve of a file: NXcanSAS (HDF5), canSAS 1D XML or a text table.

    Parameters
    ----------
    file : Path
        File of at most 200 MB.
    technique : {"saxs", "sans"}, optional
        Needed where the file does not say; it may not contradict the file.
    q_unit : str, optional
        "1/A", "1/nm", "1/m", "1/cm", or "s 1/nm" where the file holds s = q/2π. It wins over what the file
        says.
    columns : str, optional
        Columns of a text table in their order: names out of q s I dI dq ds, "-" for one to ignore, a unit in
        brackets where wanted ("s[1/nm] I[1/cm] ds dI"). It wins over what the file says.
    entry : str, optional
        Entry (or title) to read from a file that holds several.
    sample : str
        Name of the sample; empty: as the file says.

    Returns
    -------
    list of Spectrum
        In 1/Å and 1/cm (or arbitrary), each with notes on what was dropped, repaired or overruled.

    Raises
    ------
    ReadError
        One sentence: where, what was found, what was expected, how to mend it.
    """
    file = Path(file)
    data = _content(file)
    where = str(file)
    curves = _raw_curves(data, where, q_unit, columns, entry)
    checksum = hashlib.sha256(data).hexdigest()
    spectra = []
    for curve in curves:
        if technique and curve.technique and technique != curve.technique:
            raise ReadError(
                f"{curve.where}: says it is {curve.technique.upper()} data, but is to be read as "
                f"{technique.upper()}; put it under its own technique, or mend probe or radiation in the file"
            )
        repair(curve)
        spectra.append(
            Spectrum(
                q=curve.q,
                intensity=curve.intensity,
                sigma=curve.sigma,
                dq=curve.dq,
                technique=technique or curve.technique,
                sample=sample or curve.sample,
                source=Source(where, curve.entry, checksum),
                notes=tuple(curve.notes),
                intensity_unit=curve.intensity_unit,
            )
        )
    return spectra


def read_spectrum(
    file: Path | str,
    technique: Technique | None = None,
    q_unit: str | None = None,
    columns: str | None = None,
    entry: str | None = None,
    sample: str = "",
) -> Spectrum:
    """Read the one curve of a file; see `read_spectra`.

    Raises
    ------
    ReadError
        As `read_spectra`, or the file holds several curves: the message lists their entries.

    Examples
    --------
    >>> read_spectrum("measured.dat", technique="saxs", q_unit="1/nm")
    """
    spectra = read_spectra(file, technique, q_unit, columns, entry, sample)
    if len(spectra) > 1:
        names = ", ".join(f"{one.source.entry!r} ({one.sample}, {one.q.size} points)" for one in spectra)
        raise ReadError(
            f"{file}: holds {len(spectra)} curves; expected one; say which as entry=… (samples.csv: column "
            f"saxs_entry or sans_entry): {names}"
        )
    return spectra[0]


def _content(file: Path) -> bytes:
    try:
        if file.is_dir():
            raise ReadError(f"{file}: is a folder; expected a file with a scattering curve; name one file in it")
        size = file.stat().st_size
        if size > MOST_BYTES:
            raise ReadError(
                f"{file}: has {size / 1024**2:.0f} MB; at most {MOST_BYTES // 1024**2} MB are read; a "
                "reduced curve is far smaller: export I(q) alone"
            )
        data = file.read_bytes()
    except OSError as error:
        raise ReadError(f"{file}: cannot be read ({error.strerror}); check name and permissions") from None
    if not data.strip():
        raise ReadError(f"{file}: is empty; expected a scattering curve; copy or export it anew")
    return data


def _raw_curves(data: bytes, where: str, q_unit: str | None, columns: str | None, entry: str | None) -> list[RawCurve]:
    xml = data[:256].removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<"
    if not xml and not data.startswith(_HDF5):
        if entry is not None:
            raise ReadError(
                f"{where}: is a text table, which has no entries; expected no entry, found {entry!r}; remove it"
            )
        return [read_text(data, where, q_unit, columns)]
    # sasdata takes a moment to import, and text files do not need it
    from pairvae.scattering.read_cansas_xml import cansas_xml_groups
    from pairvae.scattering.read_nxcansas import nxcansas_groups
    from pairvae.scattering.read_sasdata import read_groups

    groups = cansas_xml_groups(data, where) if xml else nxcansas_groups(data, where)
    curves = read_groups(groups, where, q_unit, entry)
    if columns is not None:
        for curve in curves:
            curve.notes.append(f"columns {columns!r} not used: the file names its own")
    return curves
