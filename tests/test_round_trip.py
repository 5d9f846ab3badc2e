"""Any Spectrum, written and read again, is the same to the last digit."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sasdata.dataloader.loader import Loader

from pairvae.formats.read import read_spectrum
from pairvae.formats.write import write_nxcansas, write_text
from pairvae.scattering.spectrum import Spectrum

TRIPS = settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
# what a name may hold: line ends and control characters are replaced when written
NAMES = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), max_size=20).map(str.strip)


@st.composite
def spectra(draw):
    """A curve of 5 to 30 points (sasdata calls fewer an error) with any numbers that a Spectrum may hold."""
    size = draw(st.integers(5, 30))

    def column(numbers, **more):
        return np.array(draw(st.lists(numbers, min_size=size, max_size=size, **more)))

    q = np.sort(column(st.floats(1e-5, 10), unique=True))
    sigma = dq = None
    intensity = column(st.floats(-1e9, 1e9))
    if draw(st.booleans()):  # one and the same number everywhere may be a dummy
        sigma = column(st.floats(1e-12, 1e9), unique=True)
    if draw(st.booleans()):
        dq = column(st.floats(0, 1), unique=True)
    return Spectrum(
        q=q,
        intensity=intensity,
        sigma=sigma,
        dq=dq,
        technique=draw(st.sampled_from(["saxs", "sans", None])),
        sample=draw(NAMES),
        notes=tuple(draw(st.lists(NAMES, max_size=2))),
        intensity_unit=draw(st.sampled_from(["1/cm", "arbitrary"])),
    )


AWKWARD = Spectrum(
    q=np.array([1e-5, 0.1, np.nextafter(0.1, 1), 1 / 3, 2 / 3, 7.0]),
    intensity=np.array([-1 / 3, 0, 1e-300, 5e-324, 1.7976931348623157e308, 12345678.901234567]),
    technique="sans",
    sample="q I dI; 1/nm, s [1/nm]",
    notes=("columns read as 'q I dI' in 1/nm",),
    intensity_unit="arbitrary",
)


def same(one, other):
    for name in ("q", "intensity", "sigma", "dq"):
        before, after = getattr(one, name), getattr(other, name)
        assert (before is None) == (after is None), name
        assert before is None or np.array_equal(before, after), name
    assert (other.technique, other.sample, other.intensity_unit) == (one.technique, one.sample, one.intensity_unit)


@TRIPS
@given(spectra())
@example(AWKWARD)
def test_text_keeps_every_number(curve):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "curve.csv"
        write_text(path, curve)
        same(curve, read_spectrum(path))


@TRIPS
@given(spectra())
@example(AWKWARD)
def test_nxcansas_keeps_every_number(curve):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "curve.h5"
        write_nxcansas(path, curve)
        same(curve, read_spectrum(path))


@TRIPS
@given(spectra())
@example(AWKWARD)
def test_sasdata_reads_the_same_numbers(curve):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "curve.h5"
        write_nxcansas(path, curve, band=(curve.intensity - 1, curve.intensity + 1))
        (peer,) = Loader().load(str(path))
    assert not peer.errors
    # sasdata multiplies q by 1e10 and divides by it again: the last bit may differ
    for name, values, off in (
        ("q", peer.x, 5e-16),
        ("intensity", peer.y, 0),
        ("sigma", peer.dy, 0),
        ("dq", peer.dx, 5e-16),
    ):
        expected = getattr(curve, name)
        assert (values is None) == (expected is None)
        if expected is not None:
            np.testing.assert_allclose(values, expected, rtol=off)
    assert (peer.x_unit, peer.y_unit) == ("A^{-1}", "cm^{-1}" if curve.intensity_unit == "1/cm" else "a.u.")
    assert (peer.sample.name or "") == curve.sample
    assert peer.source.probe == {"saxs": "x-ray", "sans": "neutron", None: None}[curve.technique]


@pytest.mark.parametrize("write", [write_text, write_nxcansas])
def test_a_name_of_any_characters_can_be_written(tmp_path, write):
    curve = Spectrum(AWKWARD.q, AWKWARD.q, sample="a\nb\0c\ud800 \x1b[31m", notes=("one\n# technique: saxs",))
    write(tmp_path / "curve", curve)
    back = read_spectrum(tmp_path / "curve")
    assert back.sample == "a b c   [31m"
    assert back.technique is None
