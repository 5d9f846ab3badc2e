"""Files of strangers that mean harm: refused in one sentence, before they cost time or memory."""

import time
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest

from pairvae.errors import ReadError
from pairvae.formats.inspect import inspect_file
from pairvae.formats.read import read_spectra
from pairvae.formats.read_options import ReadOptions
from pairvae.settings import Read

Q = np.linspace(0.01, 0.3, 30)
XML = """<SASroot xmlns="cansas1d/1.0" version="1.0"><SASentry><Title>&x;</Title><SASdata>
<Idata><Q unit="1/A">0.1</Q><I unit="1/cm">&x;</I></Idata></SASdata></SASentry></SASroot>"""
BOMB = "".join(f'<!ENTITY x{n} "{f"&x{n - 1};" * 10}">' for n in range(1, 12))
SECRET = "s3cret-7771"
PATIENCE = 30  # seconds by the clock, whatever else the machine does


def refused(path, message, seconds=2.0, settings=None, **options):
    began, used = time.monotonic(), time.process_time()
    with pytest.raises(ReadError, match=message) as error:
        read_spectra(path, ReadOptions(**options), settings)
    assert time.process_time() - used < seconds
    assert time.monotonic() - began < PATIENCE  # nor does it wait for something
    assert "\n" not in str(error.value)
    assert SECRET not in str(error.value)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize(
    "doctype",
    [
        f'<!DOCTYPE SASroot [<!ENTITY x0 "ha">{BOMB}<!ENTITY x "&x11;">]>',
        '<!DOCTYPE SASroot [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
        '<!DOCTYPE SASroot SYSTEM "http://127.0.0.1:9/x.dtd">',
        '<!DOCTYPE SASroot [<!ENTITY % p SYSTEM "file:///etc/hostname"> %p;]>',
    ],
    ids=["bomb", "file", "network", "parameter"],
)
def test_entities_are_refused_before_parsing(tmp_path, doctype, encoding):
    path = tmp_path / "evil.xml"
    path.write_bytes(f"<?xml version='1.0' encoding='{encoding.removesuffix('-sig')}'?>{doctype}{XML}".encode(encoding))
    refused(path, "declares a document type")


def test_xml_that_is_too_deep_or_too_long_is_refused(tmp_path):
    deep = tmp_path / "deep.xml"
    deep.write_text('<?xml version="1.0"?><SASroot xmlns="cansas1d/1.0">' + "<a>" * 100_000)
    refused(deep, "is no well-formed XML")
    many = tmp_path / "many.xml"
    many.write_text('<?xml version="1.0"?><SASroot xmlns="cansas1d/1.0">' + "<a/>" * 2_100_000 + "</SASroot>")
    refused(many, "2100003 tags; at most 2000000|2100002 tags; at most 2000000")


@pytest.fixture
def nexus(tmp_path):
    (tmp_path / "secret.txt").write_text(SECRET)
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = np.full(30, 7771.0)
    path = tmp_path / "evil.h5"
    with h5py.File(path, "w") as file:
        data = file.create_group("entry/data")
        data.attrs.update({"canSAS_class": "SASdata", "signal": "I", "I_axes": "Q"})
        for name, unit in (("Q", "1/A"), ("I", "1/cm"), ("Idev", "1/cm")):
            data[name] = Q
            data[name].attrs["units"] = unit
        data["I"].attrs["uncertainties"] = "Idev"
        file["entry"].attrs["canSAS_class"] = "SASentry"
    assert len(read_spectra(path)) == 1
    return path


@pytest.mark.parametrize("where", ["entry/data/I", "entry/data/Idev", "entry/data/unused", "entry/more", "aside"])
def test_external_links_are_refused_wherever_they_hide(nexus, where):
    with h5py.File(nexus, "a") as file:
        if where in file:
            del file[where]
        file[where] = h5py.ExternalLink("secret.h5", "/x")
    refused(nexus, "links to another file .*never followed")


def test_a_path_in_an_attribute_leads_nowhere(nexus):
    with h5py.File(nexus, "a") as file:
        file["entry/data"].attrs["signal"] = "../../aside/x"
        file["aside"] = h5py.ExternalLink("secret.h5", "/")
    refused(nexus, "links to another file")


def test_soft_links_to_external_links_are_refused(nexus):
    with h5py.File(nexus, "a") as file:
        del file["entry/data/I"]
        file["entry/data/I"] = h5py.SoftLink("/zz/x")
        file["zz"] = h5py.ExternalLink("secret.h5", "/")
    refused(nexus, "links to another file")


@pytest.mark.parametrize("target", ["secret.txt", "/etc/passwd"])
def test_external_storage_is_refused(nexus, tmp_path, target):
    with h5py.File(nexus, "a") as file:
        del file["entry/data/I"]
        file["entry/data"].create_dataset("I", (30,), "f8", external=[(str(tmp_path / target), 0, 240)])
    refused(nexus, "keeps its numbers in another file")


@pytest.mark.parametrize("target", ["secret.h5", "/etc/passwd"])
def test_virtual_data_sets_are_refused(nexus, target):
    layout = h5py.VirtualLayout((30,), "f8")
    layout[:] = h5py.VirtualSource(target, "x", (30,))
    with h5py.File(nexus, "a") as file:
        del file["entry/data/I"]
        file["entry/data"].create_virtual_dataset("I", layout)
    refused(nexus, "keeps its numbers in another file")


@pytest.mark.parametrize("rows", [10**12, 10**7])
def test_declared_sizes_are_refused_before_allocation(nexus, rows):
    with h5py.File(nexus, "a") as file:
        for name in ("Q", "I"):
            del file["entry/data"][name]
            file["entry/data"].create_dataset(name, (rows,), "f8", chunks=(1024,))
    assert nexus.stat().st_size < 50_000
    refused(nexus, f"claims {rows} points; at most 5000000 are read")


def test_a_huge_chunk_and_a_huge_text_are_refused(nexus):
    with h5py.File(nexus, "a") as file:
        del file["entry/data/I"]
        file["entry/data"].create_dataset("I", (30,), "f8", chunks=(2**28,), maxshape=(None,))
    refused(nexus, "claims 2048 MB")
    with h5py.File(nexus, "a") as file:
        del file["entry/data/I"]
        file["entry/data/I"] = Q
        file["entry"].create_dataset("title", (), h5py.string_dtype("ascii", 2**31 - 64))
    refused(nexus, "claims 2048 MB")


def test_many_groups_over_the_same_large_numbers_are_refused(nexus):
    with h5py.File(nexus, "w") as file:
        store = file.create_dataset("store", (4_900_000,), "f8", chunks=(65536,), fillvalue=1.0, compression="gzip")
        for number in range(60):
            data = file.create_group(f"entry/data{number}")
            data.attrs["canSAS_class"] = "SASdata"
            data["Q"] = data["I"] = store
    refused(nexus, "claims more than 20000000 numbers", seconds=20)


def test_a_compressed_bomb_stays_within_the_bound(nexus):
    with h5py.File(nexus, "a") as file:
        for name in ("Q", "I", "Idev"):
            del file["entry/data"][name]
            file["entry/data"].create_dataset(name, (2_000_000,), "f8", chunks=(2_000_000,), compression="gzip")
    assert nexus.stat().st_size < 200_000
    refused(nexus, "none of its 2000000 points has finite numbers and q > 0|usable points", seconds=5, q_unit="1/A")


def test_groups_in_a_circle_or_very_deep_end(nexus):
    with h5py.File(nexus, "a") as file:
        file["entry/loop"] = file["entry"]
    assert len(read_spectra(nexus)) == 1
    with h5py.File(nexus, "a") as file:
        file.create_group("/".join(["d"] * 200))
    refused(nexus, "groups lie more than 32 deep")


def test_a_pickle_is_not_opened(tmp_path):
    import pickle

    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "touched",))

    for name, data in (("a.pkl", pickle.dumps(Evil())), ("a.npy", b"\x93NUMPY\x01\x00" + pickle.dumps(Evil()))):
        (tmp_path / name).write_bytes(data)
        refused(tmp_path / name, "binary data of an unknown kind|no table found|not clear")
    assert not (tmp_path / "touched").exists()


def test_compressed_and_other_binary_files_are_refused(tmp_path):
    for name, data in (("a.gz", zlib.compress(b"0.1 1\n" * 100_000)), ("zero", b"\0" * 1_000_000)):
        (tmp_path / name).write_bytes(data)
        refused(tmp_path / name, "binary data|no table")


def test_long_texts_end_soon(tmp_path):
    row = b"0.1234567 1.2345678 0.1234567\n"
    (tmp_path / "long").write_bytes(row * 3_000_000)
    refused(tmp_path / "long", "has 3000000 lines; at most 1000000", seconds=3, q_unit="1/A")
    (tmp_path / "wide").write_bytes(b"1.5 " * 5_000_000)
    refused(tmp_path / "wide", "no table found", seconds=5, q_unit="1/A")
    (tmp_path / "header").write_bytes(b"# " + b"q [1/A] (" * 1_000_000 + b"\n" + row * 20)
    refused(tmp_path / "header", "q|usable", seconds=5)
    (tmp_path / "words").write_bytes(b"(((((((((((((((q (((((((((((((((((((((((((((((( [ 1/nm\n" * 100_000)
    refused(tmp_path / "words", "no table", seconds=5)


def test_the_limit_on_the_size_is_a_setting(tmp_path):
    (tmp_path / "file").write_bytes(b"0.1 1\n0.2 1\n0.3 1\n" * 10_000)
    refused(
        tmp_path / "file", "at most 0.1 MB are read; .* or raise read: max_megabytes", settings=Read(max_megabytes=0.1)
    )


def test_what_is_no_file_is_refused(tmp_path):
    import os

    os.mkfifo(tmp_path / "pipe")
    refused(tmp_path / "pipe", "is no ordinary file")
    refused(Path("/dev/zero"), "is no ordinary file")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    refused(tmp_path / "link", "cannot be read")
    assert inspect_file("a\0b")[0].error is not None
