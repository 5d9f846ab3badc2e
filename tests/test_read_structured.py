"""Reading canSAS XML and NXcanSAS that is written here."""

import shutil
from dataclasses import replace

import h5py
import numpy as np
import pytest

from pairvae.errors import ReadError
from pairvae.formats.read import MissingFact, read_spectra, read_spectrum
from pairvae.formats.write import write_nxcansas
from pairvae.scattering.spectrum import Spectrum

TWO_PI = 2 * np.pi


CANSAS = """<SASroot xmlns="urn:cansas1d:1.1" version="1.1"><SASentry name="one">
<Title>powder</Title><Run>1</Run><SASdata>{points}</SASdata><SASsample><ID>silica</ID></SASsample><SASinstrument><name>x</name>
<SASsource><radiation>neutron</radiation></SASsource><SAScollimation/><SASdetector><name>d</name></SASdetector>
</SASinstrument><SASnote/></SASentry></SASroot>"""


def _points(q, unit="1/nm"):
    return "".join(
        f'<Idata><Q unit="{unit}">{x}</Q><I unit="1/m">{200 + i}</I><Idev unit="1/m">{i + 1}</Idev></Idata>'
        for i, x in enumerate(q)
    )


def test_cansas_xml_is_converted_and_its_nan_is_no_zero(text_file):
    points = _points([0.1, 0.2, 0.3, 0.4, 0.5, 0.6]).replace(">203<", ">NaN<")
    curve = read_spectrum(text_file(CANSAS.format(points=points), "one.txt"))
    assert curve.q == pytest.approx([0.01, 0.02, 0.03, 0.05, 0.06])
    assert curve.intensity == pytest.approx([2, 2.01, 2.02, 2.04, 2.05])
    assert curve.sigma == pytest.approx([0.01, 0.02, 0.03, 0.05, 0.06])
    assert (curve.technique, curve.sample, curve.source.entry) == ("sans", "silica", "one")
    assert curve.notes == ("1 points with NaN or infinity dropped",)


def test_cansas_xml_in_an_unknown_unit_asks_for_it(text_file):
    file = text_file(CANSAS.format(points=_points([0.1, 0.2, 0.3, 0.4, 0.5], "furlong")))
    with pytest.raises(ReadError, match="gives q in 'furlong'; expected 1/A"):
        read_spectrum(file)
    assert read_spectrum(file, q_unit="s 1/nm").q[0] == pytest.approx(TWO_PI * 0.01)


@pytest.mark.parametrize(
    ("unit", "what"),
    [("deg", "a scattering angle"), ("mrad", "a scattering angle"), ("nm", "a length"), ("s", "a time")],
)
def test_cansas_xml_whose_q_is_in_the_unit_of_something_else_is_refused(text_file, unit, what):
    file = text_file(CANSAS.format(points=_points([0.1, 0.2, 0.3, 0.4, 0.5], unit)))
    with pytest.raises(ReadError, match=f"gives q in '{unit}', the unit of {what}; expected 1/A") as refused:
        read_spectrum(file)
    assert not isinstance(refused.value, MissingFact)
    assert f"q read in 1/nm as stated, though the file says '{unit}'" in read_spectrum(file, q_unit="1/nm").notes


@pytest.mark.parametrize("unit", ["dB", "log10(1/cm)"])
def test_cansas_xml_whose_intensity_is_a_logarithm_is_refused(text_file, unit):
    points = _points([0.1, 0.2, 0.3, 0.4, 0.5]).replace('<I unit="1/m">', f'<I unit="{unit}">')
    with pytest.raises(ReadError, match=r"gives I in .*, the logarithm of the intensity"):
        read_spectrum(text_file(CANSAS.format(points=points)))


def test_xml_of_strangers_reaches_nothing(text_file, tmp_path):
    (tmp_path / "secret").write_text("0.7")
    evil = f'<!DOCTYPE SASroot [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]>' + CANSAS.format(points=_points([1]))
    with pytest.raises(ReadError, match="declares a document type"):
        read_spectra(text_file(evil))


@pytest.fixture
def nxcansas(tmp_path):
    q = np.linspace(0.01, 0.3, 20)
    curve = Spectrum(q=q, intensity=1 / q, sigma=0.01 / q, dq=0.1 * q, technique="sans", sample="silica")
    write_nxcansas(tmp_path / "curve.h5", curve)
    return tmp_path / "curve.h5"


def test_the_content_decides_the_format(nxcansas):
    shutil.copy(nxcansas, nxcansas.with_suffix(".txt"))
    assert read_spectrum(nxcansas.with_suffix(".txt")).sample == "silica"


def test_a_neutron_curve_is_not_read_as_saxs(nxcansas):
    with pytest.raises(ReadError, match="says it is SANS data, but is to be read as SAXS"):
        read_spectrum(nxcansas, technique="saxs")


def test_several_entries_are_listed_where_the_file_has_no_default(nxcansas):
    with h5py.File(nxcansas, "a") as file:
        file.copy("sasentry", "second")
        del file.attrs["default"]
    with pytest.raises(ReadError, match=r"holds 2 curves; .*'sasentry/sasdata' .*, 'second/sasdata'"):
        read_spectrum(nxcansas)
    assert read_spectrum(nxcansas, entry="second").source.entry == "second/sasdata"
    with pytest.raises(ReadError, match="has no entry 'third'; it holds"):
        read_spectrum(nxcansas, entry="third")


def test_nxcansas_in_other_units_is_converted(nxcansas):
    expected = read_spectrum(nxcansas)
    with h5py.File(nxcansas, "a") as file:
        for name, unit in (("Q", "1/nm"), ("Qdev", "1/nm"), ("I", "1/m"), ("Idev", "1/m")):
            file["sasentry/sasdata"][name].attrs["units"] = unit
    curve = read_spectrum(nxcansas)
    assert curve.q == pytest.approx(expected.q / 10)
    assert curve.dq == pytest.approx(expected.dq / 10)
    assert curve.intensity == pytest.approx(expected.intensity / 100)
    assert curve.sigma == pytest.approx(expected.sigma / 100)
    stated = read_spectrum(nxcansas, q_unit="1/A")
    assert stated.q == pytest.approx(expected.q)
    assert "q read in 1/A as stated, though the file says 1/nm" in stated.notes


def test_nan_and_falling_q_in_nxcansas_are_noted(nxcansas):
    with h5py.File(nxcansas, "a") as file:
        data = file["sasentry/sasdata"]
        for name in ("Q", "I", "Idev", "Qdev"):
            data[name][:] = data[name][:][::-1]
        data["I"][3] = np.nan
        data["Q"][-1] = 0
    curve = read_spectrum(nxcansas)
    assert curve.q.size == 18
    assert curve.notes == (
        "1 points with NaN or infinity dropped",
        "1 points with q ≤ 0 dropped",
        "q descended: order reversed",
    )


def test_links_to_other_files_are_refused(nxcansas):
    with h5py.File(nxcansas, "a") as file:
        file["sasentry/more"] = h5py.ExternalLink("other.h5", "/x")
    with pytest.raises(ReadError, match="links to another file"):
        read_spectra(nxcansas)


def test_two_dimensional_data_are_refused(nxcansas):
    with h5py.File(nxcansas, "a") as file:
        del file["sasentry/sasdata/I"]
        file["sasentry/sasdata/I"] = np.ones((20, 20))
    with pytest.raises(ReadError, match=r"intensity has numbers of shape \(20, 20\); expected one number per q"):
        read_spectra(nxcansas)


def test_too_few_points_for_sasdata_are_a_sentence(tmp_path):
    curve = Spectrum(q=np.array([0.1, 0.2]), intensity=np.ones(2))
    write_nxcansas(tmp_path / "short.h5", replace(curve, sample="short"))
    with pytest.raises(ReadError, match="2 usable points"):
        read_spectra(tmp_path / "short.h5")
