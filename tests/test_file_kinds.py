"""Files that hold no table: each is named by its content, with what to do."""

import bz2
import gzip
import io
import lzma
import pickle
import tarfile
import zipfile

import numpy as np
import pytest

from pairvae.formats.inspect import inspect_file

TEXT = b"# q [1/A] I dI\n" + b"".join(b"%.3f %.3f %.4f\n" % (0.01 * k, 100 / k, 1 / k) for k in range(1, 30))


def zipped(**files):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return data.getvalue()


def saved(save, *arrays):
    data = io.BytesIO()
    save(data, *arrays)
    return data.getvalue()


def tarred():
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        entry = tarfile.TarInfo("curve.dat")
        entry.size = len(TEXT)
        archive.addfile(entry, io.BytesIO(TEXT))
    return data.getvalue()


KINDS = {
    "gzip": (gzip.compress(TEXT), "is compressed with gzip", "unpack it and name the file in it (gunzip)"),
    "bzip2": (bz2.compress(TEXT), "is compressed with bzip2", "unpack"),
    "xz": (lzma.compress(TEXT), "is compressed with xz", "unpack"),
    "7z": (b"7z\xbc\xaf\x27\x1c" + bytes(40), "is a 7z archive", "unpack"),
    "tar": (tarred(), "is a tar archive", "unpack"),
    "zip": (zipped(curve="1 2\n"), "is a zip archive (first in it: curve)", "unpack"),
    "xlsx": (zipped(types="", xl__workbook="<x/>"), "is an Excel workbook (.xlsx)", "as CSV"),
    "docx": (zipped(types="", word__document="<x/>"), "is a Word document (.docx)", "copy the numbers"),
    "ods": (
        zipped(mimetype="application/vnd.oasis.opendocument.spreadsheet", content="<x/>"),
        "is an OpenDocument spreadsheet",
        "as CSV",
    ),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "is an old Office file (.xls, .doc, .ppt)", "as CSV"),
    "pdf": (b"%PDF-1.4\n%\xe2\xe3\n1 0 obj\n0.1 2.0\n0.2 1.0\n0.3 0.5\n", "is a PDF document", "copy the numbers"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(40), "is a picture (PNG)", "export I(q)"),
    "tif": (b"II*\0" + bytes(400), "is a detector image or a picture (TIFF)", "average it over the detector"),
    "edf": (b"{\nHeaderID = EH:1 ;\nDim_1 = 20 ;\n}" + bytes(400), "is a detector image (EDF)", "average"),
    "cbf": (b"###CBF: VERSION 1.5\n\ndata_x\n" + bytes(range(256)), "is a detector image (CBF)", "average"),
    "npy": (saved(np.save, np.arange(9)), "is a numpy array (.npy)", "numpy.savetxt"),
    "npz": (saved(np.savez, np.arange(9)), "is a numpy archive (.npz)", "numpy.savetxt"),
    "pickle": (pickle.dumps({"q": [0.1, 0.2]}), "is a Python pickle (never opened: it may run code)", "numpy.savetxt"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_another_kind_says_what_it_is_and_what_to_do(tmp_path, kind):
    data, what, mend = KINDS[kind]
    path = tmp_path / "curve.dat"  # the content decides, not the name
    path.write_bytes(data)
    (found,) = inspect_file(path)
    assert found.error.startswith(f"{path}: {what}, no table found in it; ")
    assert "expected NXcanSAS (HDF5), canSAS XML or a text table" in found.error
    assert mend in found.error


def test_a_text_table_may_begin_like_another_kind(tmp_path):
    for first in ("BM 7, run 3", "% PDF of the beam", "{ q, I, dI }", "CPY of run 7", "II* reflections"):
        path = tmp_path / "curve.dat"
        path.write_bytes(first.encode() + b"\n" + TEXT)
        assert inspect_file(path)[0].points == 29
