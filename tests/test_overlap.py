"""Settings of one sample that overlap."""

import numpy as np
import pytest

from pairvae.errors import ReadError
from pairvae.formats.read import read_spectra as read_curves
from pairvae.formats.read_options import ReadOptions
from pairvae.prepare.normalize import grid_curves, normalize
from pairvae.prepare.overlap import match_settings
from pairvae.prepare.spectra_file import load_spectra
from pairvae.samples.read_samples import read_samples
from pairvae.scattering.curves_file import CurvesFile, CurvesWriter
from pairvae.scattering.spectrum import Spectrum
from pairvae.settings import Grid, Normalize, Read, Trim


def setting(low, high, factor=1.0, noise=0.01, seed=0, sigma=True):
    q = np.geomspace(low, high, 60)
    truth = 10 / (1 + (q / 0.03) ** 4) + 0.02
    random = np.random.default_rng(seed)
    intensity = factor * truth * (1 + noise * random.standard_normal(q.size))
    return Spectrum(q, intensity, factor * noise * truth if sigma else None, sample="one", technique="sans")


@pytest.mark.parametrize("sigma", [True, False])
def test_the_factor_between_settings_is_found_and_the_first_one_stays(sigma):
    low, high = setting(0.003, 0.06, sigma=sigma), setting(0.02, 0.4, factor=1.25, seed=1, sigma=sigma)
    (first, second), (overlap,) = match_settings([low, high], 0.05, scale=True)
    assert first is low
    assert overlap.factor == pytest.approx(0.8, rel=0.01)
    np.testing.assert_allclose(second.intensity, high.intensity * overlap.factor)
    assert overlap.mismatch < 0.03
    assert sigma is False or overlap.in_sigma == pytest.approx(1, abs=0.5)
    (first, second), (overlap,) = match_settings([high, low], 0.05, scale=True)
    assert first is high
    assert np.median(second.intensity / low.intensity) == pytest.approx(1.25, rel=0.01)


def test_without_being_asked_settings_are_compared_and_left_alone():
    low, high = setting(0.003, 0.06), setting(0.02, 0.4, factor=1.25, seed=1)
    settings, (overlap,) = match_settings([low, high], 0.05, scale=False)
    assert settings == [low, high]
    assert overlap.factor == 1
    assert overlap.mismatch == pytest.approx(0.25, abs=0.03)
    assert overlap.in_sigma > 10


def test_three_settings_are_scaled_along_the_chain():
    settings = [setting(0.02, 0.1, 1.0, seed=1), setting(0.003, 0.04, 2.0, seed=2), setting(0.06, 0.5, 0.5, seed=3)]
    scaled, overlaps = match_settings(settings, 0.05, scale=True)
    assert len(overlaps) == 2
    assert scaled[0] is settings[0]
    for one, factor in zip(scaled[1:], (0.5, 2.0), strict=True):
        truth = 10 / (1 + (one.q / 0.03) ** 4) + 0.02
        assert np.median(one.intensity / truth) == pytest.approx(1, rel=0.02), factor


def test_settings_that_do_not_overlap_keep_their_scale():
    low, high = setting(0.003, 0.02), setting(0.03, 0.4)
    settings, (overlap,) = match_settings([low, high], 0.05, scale=True)
    assert settings == [low, high]
    assert (overlap.points, overlap.factor) == (0, 1.0)
    assert np.isnan(overlap.mismatch)


@pytest.mark.parametrize("scale", [False, True])
def test_the_log_tells_the_mismatch(tmp_path, capsys, scale):
    with CurvesWriter(tmp_path / "sans.h5", "sans") as curves:
        curves.append(setting(0.003, 0.06))
        curves.append(setting(0.02, 0.4, factor=1.25, seed=1))
    normalize(tmp_path / "sans.h5", Normalize(grid=Grid(points=64), scale_settings=scale), tmp_path / "out.h5")
    log = capsys.readouterr().out
    assert "normalize sans: 1 pairs of settings, 0 without an overlap to compare" in log
    assert ("fitted factors 0.8" in log or "fitted factors 0.79" in log) == scale
    assert ("1 of 1 above 3 sigma" in log) == (not scale)


def test_gridding_scales_settings_only_where_asked():
    low, high = setting(0.003, 0.06), setting(0.02, 0.4, factor=1.25, seed=1)
    q = np.geomspace(0.07, 0.3, 32)
    plain, scaled = (grid_curves([low, high], q, Normalize(scale_settings=asked)) for asked in (False, True))
    np.testing.assert_allclose(plain.log_intensity - scaled.log_intensity, np.log10(1.25), atol=0.01)


def test_settings_in_one_file_travel_from_the_manifest_to_one_row_of_the_grid(tmp_path):
    low, high = setting(0.003, 0.06), setting(0.02, 0.4)
    lines = [
        f"{q:.8g} {i:.8g} {s:.8g}"
        for part in (low, high)
        for q, i, s in zip(part.q * 10, part.intensity, part.sigma, strict=True)
    ]
    (tmp_path / "both.dat").write_text("\n".join(lines))
    (tmp_path / "one.dat").write_text("\n".join(lines[:60]))
    (tmp_path / "samples.csv").write_text(
        "sample_id,saxs,sans,saxs_q_unit,sans_q_unit\nmicelle,one.dat,both.dat,1/nm,1/nm\n"
    )
    outputs = [tmp_path / name for name in ("saxs.h5", "sans.h5", "samples_out.csv")]
    read_samples(tmp_path / "samples.csv", Read(sans=Trim(trim_first_points=1)), *outputs, threads=1)
    with CurvesFile(tmp_path / "sans.h5") as table:
        first, second = list(table)
    assert (first.source.setting, second.source.setting) == (1, 2)
    assert (first.q.size, second.q.size) == (59, 59)
    assert first.reading.q_unit_from == "manifest"
    assert first.reading.repairs == {"settings": 2, "trimmed_first": 1}
    normalize(tmp_path / "sans.h5", Normalize(grid=Grid(points=64)), tmp_path / "out.h5")
    spectra = load_spectra(tmp_path / "out.h5")
    assert spectra.sample_id == ["micelle"]
    assert spectra.mask[0, :-1].all()


def test_ends_are_trimmed_where_the_settings_of_the_technique_say(tmp_path):
    path = tmp_path / "curve.dat"
    q = np.linspace(0.01, 0.3, 30)
    np.savetxt(path, np.stack([q, 1 / q, 0.01 / q], axis=1))
    settings = Read(saxs=Trim(trim_first_points=2, trim_last_points=3))
    (curve,) = read_curves(path, ReadOptions("saxs", "1/A"), settings)
    np.testing.assert_allclose(curve.q, q[2:-3], rtol=1e-6)
    assert curve.reading.repairs == {"trimmed_first": 2, "trimmed_last": 3}
    (other,) = read_curves(path, ReadOptions("sans", "1/A"), settings)
    assert other.q.size == q.size
    with pytest.raises(ReadError, match=r"0 usable points are left .*20 first points trimmed"):
        read_curves(path, ReadOptions("sans", "1/A"), Read(sans=Trim(trim_first_points=20, trim_last_points=20)))
