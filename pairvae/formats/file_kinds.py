"""Files that hold no curve that could be read, known by their content: what each is, and what to do with it."""

import re
from typing import NamedTuple

from pairvae.errors import NoCurve

_UNPACK = "unpack it and name the file in it"
_EXPORT = "export I(q) as a text table or as NXcanSAS"
_INTEGRATE = "average it over the detector (pyFAI, Mantid, GRASP) and export I(q)"
_SAVE_AS_CSV = "save the sheet with q, I and their uncertainties as CSV"
_COPY = "copy the numbers of q, I and their uncertainties into a text file"
_START = 4096  # bytes in which kinds are looked for


class _Kind(NamedTuple):
    """A kind of file by its first bytes."""

    what: str
    mend: str
    begins: bytes
    and_holds: bytes = b""  # further on in its start


_KINDS = (
    _Kind("compressed with gzip", _UNPACK + " (gunzip)", b"\x1f\x8b"),
    _Kind("compressed with bzip2", _UNPACK + " (bunzip2)", b"BZh", and_holds=b"1AY&SY"),
    _Kind("compressed with xz", _UNPACK + " (unxz)", b"\xfd7zXZ\0"),
    _Kind("compressed with zstd", _UNPACK + " (unzstd)", b"\x28\xb5\x2f\xfd"),
    _Kind("compressed with zlib", _UNPACK, b"\x78\x9c"),
    _Kind("compressed with lz4", _UNPACK, b"\x04\x22\x4d\x18"),
    _Kind("compressed with compress", _UNPACK + " (uncompress)", b"\x1f\x9d"),
    _Kind("a 7z archive", _UNPACK, b"7z\xbc\xaf\x27\x1c"),
    _Kind("a RAR archive", _UNPACK, b"Rar!\x1a\x07"),
    _Kind("a PDF document", _COPY, b"%PDF-"),
    _Kind("a PostScript document", _COPY, b"%!PS-Adobe"),
    _Kind("an RTF document", _COPY, b"{\\rtf"),
    _Kind("an old Office file (.xls, .doc, .ppt)", _SAVE_AS_CSV, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    _Kind("a picture (PNG)", _EXPORT, b"\x89PNG\r\n\x1a\n"),
    _Kind("a picture (JPEG)", _EXPORT, b"\xff\xd8\xff"),
    _Kind("a picture (GIF)", _EXPORT, b"GIF8"),
    _Kind("a picture (BMP)", _EXPORT, b"BM", and_holds=b"\0\0\0\0"),
    _Kind("a detector image or a picture (TIFF)", _INTEGRATE, b"II*\0"),
    _Kind("a detector image or a picture (TIFF)", _INTEGRATE, b"MM\0*"),
    _Kind("a detector image or a picture (TIFF)", _INTEGRATE, b"II+\0"),
    _Kind("a detector image (CBF)", _INTEGRATE, b"###CBF"),
    _Kind("a detector image (EDF)", _INTEGRATE, b"{", and_holds=b"Dim_1"),
    _Kind("a detector image (EDF)", _INTEGRATE, b"{", and_holds=b"HeaderID"),
    _Kind("a detector image (SMV)", _INTEGRATE, b"{", and_holds=b"HEADER_BYTES="),
    _Kind("a detector image (mar345)", _INTEGRATE, b"\xd2\x04\0\0"),
    _Kind("a detector image (Bruker)", _INTEGRATE, b"FORMAT :", and_holds=b"NROWS"),
    _Kind("a numpy array (.npy)", "save it with numpy.savetxt, q and I as columns", b"\x93NUMPY"),
    _Kind("a Matlab file (.mat)", "save q, I and their uncertainties with writematrix as CSV", b"MATLAB 5.0 MAT-file"),
    _Kind("an HDF4 file", "convert it to HDF5 (h4toh5) or " + _EXPORT, b"\x0e\x03\x13\x01"),
    _Kind("a netCDF file", _EXPORT, b"CDF\1"),
    _Kind("a netCDF file", _EXPORT, b"CDF\2"),
    _Kind("an Origin project", "export its worksheet as ASCII", b"CPY", and_holds=b"#\n"),
    _Kind("a Parquet file", "save the table as CSV", b"PAR1"),
    _Kind("a SQLite database", "save the table as CSV", b"SQLite format 3\0"),
)
_BY_FIRST_BYTE = {kind.begins[0]: [one for one in _KINDS if one.begins[0] == kind.begins[0]] for kind in _KINDS}
_IGOR = re.compile(rb"\x02\0|\0\x02|\x05\0|\0\x05")  # versions of an Igor binary wave, in either byte order
_PICKLE = re.compile(rb"\x80[\x02-\x05](?:[\x95c}\]X(\x8c])")
_OFFICE = (
    (b"xl/workbook", "an Excel workbook (.xlsx)", _SAVE_AS_CSV),
    (b"word/document", "a Word document (.docx)", _COPY),
    (b"ppt/presentation", "a PowerPoint file (.pptx)", _COPY),
)


def refuse_other_kinds(data: bytes, where: str) -> None:
    """Refuse a file whose content is known and is no curve.

    Parameters
    ----------
    data : bytes
        Its content.
    where : str
        Its name, for the message.

    Raises
    ------
    NoCurve
        What it is, what is expected, and what to do.
    """
    start = data[:_START]
    found = _zip(data) if start.startswith(b"PK\x03\x04") else None
    for kind in _BY_FIRST_BYTE.get(start[0], ()):
        if start.startswith(kind.begins) and kind.and_holds in start:
            found = kind.what, kind.mend
    if start[257:262] == b"ustar":
        found = "a tar archive", _UNPACK + " (tar -xf)"
    if found is None and _PICKLE.match(start):
        found = "a Python pickle (never opened: it may run code)", "save q and I with numpy.savetxt"
    if found is None and _IGOR.match(start) and data.count(b"\0", 0, _START) > 100:
        found = "an Igor binary file", "save its waves as delimited text"
    if found is not None:
        what, mend = found
        raise NoCurve(
            f"{where}: is {what}, no table found in it; expected NXcanSAS (HDF5), canSAS XML or a text table; {mend}"
        )


def _zip(data: bytes) -> tuple[str, str]:
    """What a zip archive holds, by the names in it; nothing is unpacked."""
    first = data[30 : 30 + int.from_bytes(data[26:28], "little")]
    for part, what, mend in _OFFICE:
        if part in data:
            return what, mend
    if data[30:].startswith(b"mimetypeapplication/vnd.oasis.opendocument"):
        is_sheet = data[72:].startswith(b".spreadsheet")
        return f"an OpenDocument {'spreadsheet' if is_sheet else 'file'}", _SAVE_AS_CSV if is_sheet else _COPY
    if first.endswith(b".npy"):
        return "a numpy archive (.npz)", "save its arrays with numpy.savetxt, q and I as columns"
    name = "".join(sign if sign.isprintable() else "?" for sign in first[:80].decode("utf-8", "replace"))
    return f"a zip archive (first in it: {name})", _UNPACK
