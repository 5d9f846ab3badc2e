"""From a file to spectra, whatever its format; the content decides, not the name."""

import hashlib
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pairvae.errors import ReadError
from pairvae.formats.file_kinds import refuse_other_kinds
from pairvae.formats.raw_curve import Need, RawCurve
from pairvae.formats.read_options import NO_OPTIONS, ReadOptions
from pairvae.formats.repair import repair
from pairvae.formats.sasdata_groups import shortened
from pairvae.formats.text import read_text
from pairvae.scattering.spectrum import Source, Spectrum, Technique
from pairvae.settings import Read, Trim

_HDF5 = b"\x89HDF\r\n\x1a\n"
_XML = re.compile(rb"\s*<(\?xml|!|html|(\w+:)?SASroot|(\w+:)?SASentry)", re.IGNORECASE)
_USUAL = Read()
# a pipe is opened at once instead of waiting for who writes to it, and then refused
_READ_ONLY = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
SMALL = 2_000_000  # bytes
Q_RANGE = (1e-5, 10.0)  # 1/Å; from light scattering and USANS to wide angles


class MissingFact(ReadError):
    """A curve that could be read if the caller said its unit of q or its columns.

    Parameters
    ----------
    question : str
        The sentence that asks for it.
    needs : tuple of {"q_unit", "columns"}
        What is missing.
    curve : RawCurve
        The numbers as they stand in the file.
    spectra : sequence of Spectrum
        The repaired curve, q as it stands in the file; empty where the columns are not known.
    """

    def __init__(self, question: str, needs: tuple[Need, ...], curve: RawCurve, spectra: Sequence[Spectrum]) -> None:
        super().__init__(question)
        self.needs, self.curve, self.spectra = needs, curve, spectra


def read_spectra(
    file: Path | str, options: ReadOptions = NO_OPTIONS, settings: Read | None = None, name: str | None = None
) -> list[Spectrum]:
    """Read every curve of a file: NXcanSAS (HDF5), canSAS 1D XML or a text table.

    Parameters
    ----------
    file : Path
        File of at most 200 MB.
    options : ReadOptions
        What the file does not say, or says wrongly.
    settings : Read, optional
        Largest file, points to trim.
    name : str, optional
        What the file is called in messages and in the record; if not said, as `file`.

    Returns
    -------
    list of Spectrum
        In 1/Å and 1/cm (or arbitrary), each with notes on what was dropped, repaired or overruled. Detector
        settings of one curve follow each other; they have the same entry and are numbered.

    Raises
    ------
    ReadError
        One sentence: where, what was found, what was expected, how to mend it.
    """
    return _all_spectra(curve_outcomes(file, options, settings, name))


def _all_spectra(outcomes: Sequence[list[Spectrum] | ReadError]) -> list[Spectrum]:
    spectra: list[Spectrum] = []
    for outcome in outcomes:
        if isinstance(outcome, ReadError):
            raise outcome
        spectra += outcome
    return spectra


def read_settings(
    file: Path | str, options: ReadOptions = NO_OPTIONS, settings: Read | None = None, name: str | None = None
) -> list[Spectrum]:
    """Read the one curve of a file, in as many parts as it has detector settings; see `read_spectra`.

    Of several curves it is the one that the file's `default` attributes choose, where no entry is named; a warning
    then lists the others.

    Parameters
    ----------
    file, options, settings, name
        As in `read_spectra`.

    Raises
    ------
    ReadError
        As `read_spectra`, or the file holds several curves and no default: the message lists their entries.
    """
    spectra = _all_spectra(curve_outcomes(file, options, settings, name, only_default=True))
    entries = {spectrum.source.entry: spectrum for spectrum in spectra}
    if len(entries) > 1:
        names = shortened([f"{key!r} ({one.sample}, {one.q.size} points)" for key, one in entries.items()])
        first = spectra[0].source.entry
        raise ReadError(
            f"{name or file}: holds {len(entries)} curves; expected one; say which as --entry {first!r} "
            f"(Python: entry=…; samples.csv: column saxs_entry or sans_entry): {names}"
        )
    return spectra


def read_spectrum(
    file: Path | str,
    technique: Technique | None = None,
    q_unit: str | None = None,
    columns: str | None = None,
    entry: str | None = None,
    sample: str = "",
    intensity_unit: str | None = None,
) -> Spectrum:
    """Read the one curve of a file; see `read_spectra`.

    Parameters
    ----------
    file : Path
        File of at most 200 MB.
    technique : {"saxs", "sans"}, optional
        Needed where the file does not say; it may not contradict the file.
    q_unit : str, optional
        "1/A", "1/nm", "1/m", "1/cm", or "s 1/nm" where the file holds s = q/2π. It wins over what the file says.
    columns : str, optional
        Columns of a text table in their order: names out of q s I dI dq ds, "-" for one to ignore, a unit in
        brackets where wanted ("s[1/nm] I[1/cm] ds dI"). It wins over what the file says.
    entry : str, optional
        Entry to read from a file that holds several: its name, a frame ("frame 3", counted from 1) or its title.
    sample : str
        Name of the sample; empty: as the file says.
    intensity_unit : str, optional
        "1/cm", "1/m", "1/mm", "arbitrary" or "counts". It wins over what the file says.

    Raises
    ------
    ReadError
        As `read_spectra`, or the file holds several curves or detector settings: the message lists them.

    Examples
    --------
    >>> read_spectrum("measured.dat", technique="saxs", q_unit="1/nm")
    """
    spectra = read_settings(file, ReadOptions(technique, q_unit, intensity_unit, columns, entry, sample))
    if len(spectra) > 1:
        ranges = ", ".join(f"{one.q[0]:.4g} to {one.q[-1]:.4g} 1/Å ({one.q.size} points)" for one in spectra)
        raise ReadError(
            f"{file}: holds one curve in {len(spectra)} detector settings, {ranges}; expected one setting; read all "
            "of them with read_settings, or name the file in samples.csv, where settings are merged"
        )
    return spectra[0]


def curve_outcomes(
    file: Path | str,
    options: ReadOptions,
    settings: Read | None = None,
    name: str | None = None,
    only_default: bool = False,
) -> list[list[Spectrum] | ReadError]:
    """What comes of each curve of a file: its detector settings, or why it was refused; see `read_spectra`.

    With `only_default`, of several curves of a NeXus file only the one that the file calls its default, where no
    entry is named and it calls one so.

    Parameters
    ----------
    file, options, settings, name
        As in `read_spectra`.
    only_default : bool
        Of several curves of a NeXus file read only the file's default, if it has one and no entry is named.

    Returns
    -------
    list
        A value, not an exception, for each curve, since one bad curve does not spoil its neighbours;
        `MissingFact` where only the caller can say more. An error of one curve knows its `entry`.
    """
    settings = settings or _USUAL
    where = name or str(file)
    outcomes: list[list[Spectrum] | ReadError] = []
    with np.errstate(all="ignore"):  # what overflows is dropped, and counted, as not finite
        try:
            data = _content(file, where, settings.max_megabytes)
            curves = _raw_curves(data, where, options, only_default)
        except ReadError as error:
            return [error]
        checksum = hashlib.sha256(data).hexdigest()
        for curve in curves:
            try:
                if isinstance(curve, ReadError):
                    raise curve
                outcomes.append(spectra_of(curve, where, options, checksum, settings))
            except ReadError as error:
                error.entry = error.entry or getattr(curve, "entry", "")
                if isinstance(curve, RawCurve) and curve.rows is not None:
                    error.rows_found = curve.rows.found
                outcomes.append(error)
    return outcomes


def spectra_of(
    curve: RawCurve, where: str, options: ReadOptions, checksum: str = "", settings: Read = _USUAL
) -> list[Spectrum]:
    """Repair one curve: a spectrum for each of its detector settings.

    Parameters
    ----------
    curve : RawCurve
        Changed on the way.
    where, checksum : str
        The file, and what identifies its content.
    options : ReadOptions
        Technique and sample.
    settings : Read
        Points to trim.

    Raises
    ------
    ReadError
        It cannot be repaired, or is of the other technique; `MissingFact` where only the caller can say more.
    """
    technique = options.technique or curve.technique
    if curve.technique and technique and technique != curve.technique:
        raise ReadError(
            f"{curve.where}: says it is {curve.technique.upper()} data, but is to be read as "
            f"{technique.upper()}; put it under its own technique, or mend probe or radiation in the file"
        )
    if "columns" in curve.needs:
        raise MissingFact(curve.question, curve.needs, curve, ())
    spectra = []
    trim = getattr(settings, technique) if technique else Trim()
    for part in repair(curve, trim.trim_first_points, trim.trim_last_points):
        if not curve.needs and (part.q[0] < Q_RANGE[0] or part.q[-1] > Q_RANGE[1]):
            part.warn(
                f"q runs from {part.q[0]:.3g} to {part.q[-1]:.3g} 1/Å, outside {Q_RANGE[0]:g} to {Q_RANGE[1]:g} 1/Å: "
                "check its unit"
            )
        spectra.append(
            Spectrum(
                q=part.q,
                intensity=part.intensity,
                sigma=part.sigma,
                dq=part.dq,
                technique=technique,
                sample=options.sample or part.sample,
                source=Source(where, part.entry, checksum, part.setting),
                notes=tuple(part.notes),
                intensity_unit=part.intensity_unit,
                reading=part.reading(),
            )
        )
    if curve.needs:
        raise MissingFact(curve.question, curve.needs, curve, spectra)
    return spectra


def _content(path: Path | str, file: str, max_megabytes: float) -> bytes:
    try:
        handle = os.open(path, _READ_ONLY)
        try:
            found = os.fstat(handle)
            if stat.S_ISDIR(found.st_mode):
                raise ReadError(f"{file}: is a folder; expected a file with a scattering curve; name one file in it")
            if not stat.S_ISREG(found.st_mode):
                raise ReadError(f"{file}: is no ordinary file; expected a file with a scattering curve; name one")
            if found.st_size > max_megabytes * 1024**2:
                raise ReadError(
                    f"{file}: has {found.st_size / 1024**2:.4g} MB; at most {max_megabytes:g} MB are read; a reduced "
                    "curve is far smaller: export I(q) alone, or raise read: max_megabytes"
                )
            data = os.read(handle, found.st_size)
            while len(data) < found.st_size and (more := os.read(handle, found.st_size - len(data))):
                data += more  # the system hands over at most 2 GB at a time
        finally:
            os.close(handle)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ReadError(f"{file}: cannot be read ({reason}); check name and permissions") from None
    if not data or data.isspace():
        raise ReadError(f"{file}: is empty; expected a scattering curve; copy or export it anew")
    return data


def _raw_curves(data: bytes, where: str, options: ReadOptions, only_default: bool) -> Sequence[RawCurve | ReadError]:
    xml = is_xml(data)
    if not xml and not data.startswith(_HDF5):
        refuse_other_kinds(data, where)
        return read_text(data, where, options)
    # sasdata takes a moment to import, and text files do not need it
    from pairvae.formats.cansas_xml import cansas_xml_groups
    from pairvae.formats.nxcansas import nxcansas_groups
    from pairvae.formats.sasdata import read_groups

    groups = cansas_xml_groups(data, where) if xml else nxcansas_groups(data, where)
    curves = read_groups(groups, where, options, only_default)
    for curve in curves:
        if options.columns is not None and isinstance(curve, RawCurve):
            curve.notes.append(f"columns {options.columns!r} not used: the file names its own")
    return curves


def is_small_text(path: Path | str) -> bool:
    """Whether Python and numpy alone read a file, and little of it: what is in it cannot end the process."""
    try:
        handle = os.open(path, _READ_ONLY)
        try:
            start = os.read(handle, 512)
            return os.fstat(handle).st_size < SMALL and not start.startswith(_HDF5) and not is_xml(start)
        finally:
            os.close(handle)
    except (OSError, ValueError):
        return True  # refused without a look into it


def is_xml(data: bytes) -> bool:
    """Whether a file's content is XML, in UTF-8 or UTF-16."""
    start = data[:512].removeprefix(b"\xef\xbb\xbf")
    if start[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in start[:8]:
        start = start.replace(b"\0", b"").lstrip(b"\xff\xfe")
    return _XML.match(start) is not None
