"""NXcanSAS as programs nearly write it, and canSAS XML."""

import h5py
import numpy as np
import pytest

from pairvae.formats.inspect import inspect_file
from pairvae.formats.read_options import ReadOptions

Q = np.linspace(0.01, 0.3, 30)
I = 5 / (1 + (Q / 0.05) ** 2)  # noqa: E741
DI = 0.03 * I
DQ = 0.05 * Q + 0.001


def one(found):
    assert len(found) == 1, found
    assert found[0].error is None, found[0].error
    return found[0]


@pytest.fixture
def nexus(tmp_path):
    path = tmp_path / "near_miss.h5"
    with h5py.File(path, "w") as file:
        entry = file.create_group("entry")
        entry.attrs.update({"NX_class": "NXentry", "canSAS_class": "SASentry"})
        data = entry.create_group("data")
        data.attrs.update({"NX_class": "NXdata", "canSAS_class": "SASdata", "signal": "I", "I_axes": "Q"})
        for name, values, unit in (("Q", Q, "1/nm"), ("I", I, "1/cm"), ("Idev", DI, "1/cm"), ("Qdev", DQ, "1/nm")):
            data[name] = values
            data[name].attrs["units"] = unit
        data["I"].attrs["uncertainties"] = "Idev"
        data["Q"].attrs["resolutions"] = "Qdev"
    return path


NEAR_MISSES = {
    "no default attributes": lambda d: [d.attrs.pop(name) for name in ("signal", "I_axes")],
    "uncertainty, not uncertainties": lambda d: d["I"].attrs.update(uncertainty=d["I"].attrs.pop("uncertainties")),
    "uncertainties named on the group": lambda d: d.attrs.update(
        I_uncertainties=d["I"].attrs.pop("uncertainties"), Q_uncertainties=d["Q"].attrs.pop("resolutions")
    ),
    "uncertainties not named": lambda d: [d["I"].attrs.pop("uncertainties"), d["Q"].attrs.pop("resolutions")],
    "unit, not units": lambda d: [d[name].attrs.update(unit=d[name].attrs.pop("units")) for name in ("Q", "I")],
    "NX_class SASdata": lambda d: [d.attrs.pop("canSAS_class"), d.attrs.update(NX_class="SASdata")],
    "no canSAS_class": lambda d: [d.attrs.pop("canSAS_class"), d.parent.attrs.pop("canSAS_class")],
    "names in lower case": lambda d: [d.move("Q", "q"), d.move("I", "i")],
    "dQw, not Qdev": lambda d: [d.move("Qdev", "dQw"), d["Q"].attrs.update(resolutions="dQw,dQl")],
    "resolution in another unit": lambda d: [
        d["Qdev"].__setitem__(..., DQ / 10),
        d["Qdev"].attrs.update(units="1/A"),
    ],
    "one row": lambda d: [_reshaped(d, name, (1, 30)) for name in ("Q", "I", "Idev", "Qdev")],
    "indices as text": lambda d: d.attrs.update(Q_indices="0"),
}


def _reshaped(data, name, shape):
    values, attributes = data[name][()].reshape(shape), dict(data[name].attrs)
    del data[name]
    data[name] = values
    data[name].attrs.update(attributes)


@pytest.mark.parametrize("miss", NEAR_MISSES)
def test_nxcansas_near_misses(nexus, miss):
    with h5py.File(nexus, "a") as file:
        NEAR_MISSES[miss](file["entry/data"])
    curve = one(inspect_file(nexus))
    np.testing.assert_allclose(curve.spectrum.q, Q / 10)
    np.testing.assert_allclose(curve.spectrum.intensity, I)
    np.testing.assert_allclose(curve.spectrum.sigma, DI)
    np.testing.assert_allclose(curve.spectrum.dq, DQ / 10)
    assert (curve.q_unit, curve.sigma_column.lower()) == ("1/nm", "idev")


def test_several_groups_are_read_each_by_itself_and_a_bad_one_spoils_none(nexus):
    with h5py.File(nexus, "a") as file:
        file.copy("entry/data", "entry/more")
        file.copy("entry", "second")
        del file["second/data/I"]
        del file["second/more/Q"].attrs["units"]
    found = {curve.entry: curve for curve in inspect_file(nexus)}
    assert found["entry/data"].points == found["entry/more"].points == 30
    assert found["second/more"].needs == ("q_unit",)
    (bad,) = [curve for curve in found.values() if curve.error]
    assert "entry second/data: intensity has no numbers; expected one number per q" in bad.error


def test_an_image_beside_a_curve_does_not_spoil_it(nexus):
    with h5py.File(nexus, "a") as file:
        image = file.create_group("entry/image")
        image.attrs.update({"canSAS_class": "SASdata", "signal": "I", "I_axes": "Qx,Qy"})
        image["I"], image["Qx"], image["Qy"] = np.ones((20, 20)), np.ones((20, 20)), np.ones((20, 20))
    curve = one(inspect_file(nexus))
    assert curve.points == 30
    assert curve.warnings == ("two-dimensional data beside it not read: entry/image",)


@pytest.mark.parametrize("version", ["cansas1d/1.0", "urn:cansas1d:1.1"])
def test_cansas_xml_in_both_versions_and_utf_16(tmp_path, version):
    points = "".join(
        f'<Idata><Q unit="1/nm">{q:.6f}</Q><I unit="1/cm">{i:.6f}</I><Idev unit="1/cm">{d:.6f}</Idev>'
        f'<Qdev unit="1/nm">{w:.6f}</Qdev></Idata>'
        for q, i, d, w in zip(Q, I, DI, DQ, strict=True)
    )
    text = (
        f'<?xml version="1.0" encoding="ENC"?><SASroot version="{version[-3:]}" xmlns="{version}"><SASentry>'
        f"<Title>t</Title><Run>1</Run><SASdata>{points}</SASdata><SASsample><ID>silica</ID></SASsample><SASinstrument><name>n</name>"
        "<SASsource><radiation>x-ray</radiation></SASsource><SAScollimation/><SASdetector><name>d</name></SASdetector>"
        "</SASinstrument><SASnote/></SASentry></SASroot>"
    )
    for encoding in ("utf-8", "utf-16"):
        (tmp_path / "curve").write_bytes(text.replace("ENC", encoding).encode(encoding))
        curve = one(inspect_file(tmp_path / "curve"))
        assert (curve.technique, curve.points, curve.sigma_column, curve.dq_column) == ("saxs", 30, "Idev", "Qdev")
        assert curve.spectrum.sample == "silica"
        np.testing.assert_allclose(curve.spectrum.dq, DQ / 10, rtol=1e-3)


def test_a_refused_entry_is_named_beside_its_sentence(nexus):
    with h5py.File(nexus, "a") as file:
        file.copy("entry", "second")
        file["second/data/I"][...] = np.nan
    good, bad = inspect_file(nexus)
    assert (good.entry, good.error) == ("entry/data", None)
    assert bad.entry == "second/data"
    assert "second/data: none of its 30 points has finite numbers" in bad.error


def test_a_unit_of_intensity_that_is_told_wins_over_the_file_and_is_noted(nexus):
    read = one(inspect_file(nexus, ReadOptions(intensity_unit="1/m")))
    assert (read.intensity_unit, read.intensity_unit_from) == ("1/m", "option")
    assert "intensity read in 1/m as stated, though the file says 1/cm" in read.warnings
    np.testing.assert_allclose(read.spectrum.intensity, I / 100)
    np.testing.assert_allclose(read.spectrum.sigma, DI / 100)


def test_a_unit_of_intensity_that_is_none_is_refused(nexus):
    (found,) = inspect_file(nexus, ReadOptions(intensity_unit="1/s"))
    assert "unknown unit of intensity '1/s'; known are 1/cm, 1/m, 1/mm, arbitrary, counts" in found.error
