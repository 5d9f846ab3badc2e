"""What is written is read back, by this program and by sasdata."""

import numpy as np
import pytest
from sasdata.dataloader.loader import Loader

from pairvae.formats.read import read_spectrum
from pairvae.formats.write import write_csv, write_nxcansas
from pairvae.scattering.spectrum import Spectrum


@pytest.fixture
def curve():
    q = np.geomspace(0.003, 0.5, 40)
    rng = np.random.default_rng(3)
    intensity = rng.normal(size=40) / 3
    return Spectrum(q, intensity, 0.1 + rng.random(40), q / 7, "saxs", "silica 7", notes=("one", "two"))


def test_text_comes_back_to_the_last_digit(tmp_path, curve):
    path = tmp_path / "new" / "curve.csv"
    write_csv(
        path,
        {
            "q [1/A]": curve.q,
            "intensity [1/cm]": curve.intensity,
            "lower [1/cm]": curve.intensity - 1,
            "upper [1/cm]": curve.intensity + 1,
        },
        ["sans predicted from a.dat", "band covers 90 %\nof the points"],
    )
    back = read_spectrum(path)
    assert np.array_equal(back.q, curve.q)
    assert np.array_equal(back.intensity, curve.intensity)
    assert back.intensity_unit == "1/cm"
    assert back.notes == ("columns not used: lower, upper",)
    lines = path.read_text().splitlines()
    assert lines[2] == "# of the points"
    assert lines[3] == "q,intensity,lower,upper"
    assert lines[4] == "# q [1/A], intensity [1/cm], lower [1/cm], upper [1/cm]"


def test_sigma_and_dq_come_back_from_text(tmp_path, curve):
    columns = {
        "q [1/A]": curve.q,
        "intensity [1/cm]": curve.intensity,
        "sigma [1/cm]": curve.sigma,
        "dq [1/A]": curve.dq,
    }
    write_csv(tmp_path / "curve.csv", columns, [])
    back = read_spectrum(tmp_path / "curve.csv")
    assert np.array_equal(back.sigma, curve.sigma)
    assert np.array_equal(back.dq, curve.dq)
    assert back.notes == ()


def test_columns_of_different_length_are_refused_and_leave_nothing(tmp_path, curve):
    with pytest.raises(ValueError, match="shorter"):
        write_csv(tmp_path / "curve.csv", {"q [1/A]": curve.q, "I": curve.q[:3]}, [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("technique", "probe"), [("saxs", "x-ray"), ("sans", "neutron"), (None, None)])
def test_sasdata_reads_our_nxcansas(tmp_path, curve, technique, probe):
    path = tmp_path / "curve.h5"
    curve = Spectrum(curve.q, curve.intensity, curve.sigma, curve.dq, technique, "silica 7", notes=("one",))
    write_nxcansas(path, curve, band=(curve.intensity - 1, curve.intensity + 1))
    (peer,) = Loader().load(str(path))
    assert not peer.errors
    np.testing.assert_allclose(peer.x, curve.q, rtol=1e-14)
    np.testing.assert_allclose(peer.y, curve.intensity, rtol=1e-14)
    np.testing.assert_allclose(peer.dy, curve.sigma, rtol=1e-14)
    np.testing.assert_allclose(peer.dx, curve.dq, rtol=1e-14)
    assert (peer.x_unit, peer.y_unit) == ("A^{-1}", "cm^{-1}")
    assert peer.sample.name == "silica 7"
    assert peer.source.probe == probe


def test_nxcansas_comes_back(tmp_path, curve):
    write_nxcansas(tmp_path / "curve.h5", curve)
    back = read_spectrum(tmp_path / "curve.h5")
    for name in ("q", "intensity", "sigma", "dq"):
        np.testing.assert_allclose(getattr(back, name), getattr(curve, name), rtol=1e-14)
    assert (back.technique, back.sample, back.intensity_unit) == ("saxs", "silica 7", "1/cm")
    assert back.notes == ()


def test_what_a_spectrum_lacks_is_not_written(tmp_path, curve):
    bare = Spectrum(curve.q, curve.intensity, sample="bare", intensity_unit="arbitrary")
    write_nxcansas(tmp_path / "curve.h5", bare)
    back = read_spectrum(tmp_path / "curve.h5")
    assert (back.sigma, back.dq, back.technique) == (None, None, None)
    assert back.intensity_unit == "arbitrary"
