"""Curves on the common grid, against independent numpy; what is masked, raised, merged and refused."""

import numpy as np
import pytest

from pairvae.errors import UserError
from pairvae.models.resvae import ResVAE
from pairvae.prepare.normalize import grid_curves, normalize
from pairvae.prepare.spectra_file import Spectra, load_spectra
from pairvae.scattering.curves_file import CurvesWriter
from pairvae.scattering.spectrum import Source, Spectrum
from pairvae.settings import Architecture, Grid, Normalize

RNG = np.random.default_rng(0)
GRID = np.geomspace(0.01, 0.1, 41)
STEP = np.log(GRID[1] / GRID[0])


def curve(q, intensity, sigma=0.01, sample="a"):
    q, intensity = np.asarray(q, float), np.broadcast_to(intensity, np.shape(q))
    sigma = None if sigma is None else np.broadcast_to(sigma, q.shape)
    return Spectrum(q, intensity, sigma, technique="saxs", sample=sample, source=Source(f"{sample}.dat"))


def write(path, *curves):
    with CurvesWriter(path, "saxs") as file:
        for one in curves:
            file.append(one)
    return path


# Values


@pytest.mark.parametrize("power", [-4.0, -1.0, 0.0, 0.5])
def test_power_law_survives_interpolation_exactly(power):
    q = np.geomspace(0.008, 0.12, 37)  # at most one point per grid cell, none on the grid
    row = grid_curves([curve(q, 2e-5 * q**power, 1e-9)], GRID, Normalize())
    assert row.mask.all()
    np.testing.assert_allclose(row.log_intensity, np.log10(2e-5) + power * np.log10(GRID), rtol=1e-9)


def test_points_of_one_cell_are_averaged_by_inverse_variance():
    offsets = RNG.uniform(-0.5, 0.5, (GRID.size, 6)) * 0.9
    log_q = np.sort((np.log(GRID)[:, None] + offsets * STEP).ravel())
    intensity, sigma = RNG.uniform(1, 3, log_q.size), RNG.uniform(0.01, 0.1, log_q.size)
    row = grid_curves([curve(np.exp(log_q), intensity, sigma)], GRID, Normalize())

    cell = [np.abs(log_q - x) < STEP / 2 for x in np.log(GRID)]
    centre = np.array([np.average(log_q[here], weights=sigma[here] ** -2) for here in cell])
    mean = np.array([np.average(intensity[here], weights=sigma[here] ** -2) for here in cell])
    inside = (np.log(GRID) >= centre[0]) & (np.log(GRID) <= centre[-1])
    expected = np.interp(np.log(GRID), centre, np.log10(mean))
    assert (row.mask == inside).all()
    np.testing.assert_allclose(row.log_intensity[inside], expected[inside], rtol=1e-9)


def test_error_of_equal_points_in_a_cell_falls_with_the_square_root_of_their_number():
    q = np.exp((np.log(GRID)[:, None] + np.array([-0.3, -0.1, 0.1, 0.3]) * STEP).ravel())
    row = grid_curves([curve(q, 5.0, 0.2)], GRID, Normalize())
    np.testing.assert_allclose(row.log_sigma[row.mask], 0.2 / 2 / 5 / np.log(10), rtol=1e-9)


def test_error_of_an_interpolated_point_propagates_both_neighbours():
    q = np.exp(np.log(GRID[[10, 11]]) + np.array([-0.25, 0.25]) * STEP)
    intensity, sigma = np.array([4.0, 4.0]), np.array([0.1, 0.3])
    share = 0.25 / 1.5  # of the way from the left point to the right one
    row = grid_curves([curve(q, intensity, sigma)], GRID, Normalize())
    expected = np.hypot((1 - share) * 0.1, share * 0.3) / (4 * np.log(10))
    assert row.log_sigma[10] == pytest.approx(expected, rel=1e-9)


def test_two_settings_of_a_sample_merge_by_inverse_variance():
    near, far = curve(GRID[:30], 2.0, 0.1), curve(GRID[15:], 3.0, 0.2)
    row = grid_curves([near, far], GRID, Normalize())
    both = (2 / 0.1**2 + 3 / 0.2**2) / (1 / 0.1**2 + 1 / 0.2**2)
    assert row.mask.all()
    np.testing.assert_allclose(10 ** row.log_intensity[:15], 2, rtol=1e-9)
    np.testing.assert_allclose(10 ** row.log_intensity[15:30], both, rtol=1e-9)
    np.testing.assert_allclose(10 ** row.log_intensity[30:], 3, rtol=1e-9)
    merged = (0.1**-2 + 0.2**-2) ** -0.5 / both / np.log(10)
    np.testing.assert_allclose(row.log_sigma[15:30], merged, rtol=1e-9)


def test_order_of_settings_does_not_matter():
    near, far = curve(GRID[:30], 2.0, 0.1), curve(GRID[15:], 3.0, 0.2)
    one, other = (grid_curves(order, GRID, Normalize()) for order in ([near, far], [far, near]))
    np.testing.assert_allclose(one.log_intensity, other.log_intensity, rtol=1e-12)


def test_standardising_has_an_exact_inverse():
    log_intensity = RNG.normal(size=(20, 40)).astype(np.float32)
    mask = RNG.random((20, 40)) > 0.2
    mask[:, 7] = False  # a grid point nobody measured
    spectra = Spectra(
        "saxs", np.geomspace(0.01, 0.1, 40), np.where(mask, log_intensity, np.nan), log_intensity, mask, ["a"] * 20
    )
    network = ResVAE(40, 2, Architecture(channels=(4,), hidden=8))
    network.fit_scaler(spectra)
    mean, std = network.mean.numpy(), network.std.numpy()
    standard = np.where(mask, (log_intensity - mean) / std, np.nan)
    seen = mask.any(axis=0)
    np.testing.assert_allclose(np.nanmean(standard[:, seen], axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(np.nanstd(standard[:, seen], axis=0), 1, rtol=1e-5)
    np.testing.assert_allclose((standard * std + mean)[mask], log_intensity[mask], atol=1e-6)
    assert np.isfinite([mean[7], std[7]]).all()


# What is not measured


def test_nothing_is_extrapolated():
    row = grid_curves([curve(np.geomspace(0.02, 0.05, 50), 1.0)], GRID, Normalize())
    assert (row.mask == ((GRID > 0.0203) & (GRID < 0.0493))).all()
    assert np.isnan(row.log_intensity[~row.mask]).all()
    assert np.isnan(row.log_sigma[~row.mask]).all()


def test_grid_end_that_is_a_measured_point_is_measured():
    assert grid_curves([curve(GRID, 1.0)], GRID, Normalize()).mask.all()


@pytest.mark.parametrize("gap", [0.1, 0.2])
def test_gap_stays_empty_where_it_is_wider_than_max_gap(gap):
    q = np.concatenate([np.geomspace(0.008, 0.03, 60), np.geomspace(0.03 * 10**gap, 0.12, 60)])
    row = grid_curves([curve(q, 1.0)], GRID, Normalize(max_gap_dex=0.15))
    end = 0.03 * 10**gap
    within = (GRID > 0.0305) & (0.98 * end > GRID)
    assert within.any()
    assert (row.mask[within] == (gap < 0.15)).all()
    assert row.mask[(GRID < 0.029) | (1.03 * end < GRID)].all()


def test_single_point_stands_for_its_grid_point_alone():
    row = grid_curves([curve([GRID[5] * 1.003], 3.0)], GRID, Normalize())
    assert np.flatnonzero(row.mask).tolist() == [5]
    assert row.log_intensity[5] == pytest.approx(np.log10(3))


# Intensities that have no logarithm


def test_intensity_below_the_floor_is_raised_to_it():
    intensity = np.ones(GRID.size)
    intensity[[4, 9]] = [-0.5, 0.001]
    row = grid_curves([curve(GRID, intensity, 0.2)], GRID, Normalize(floor_in_sigma=0.3))
    assert row.mask.all()
    np.testing.assert_allclose(10 ** row.log_intensity[[4, 9]], 0.3 * 0.2, rtol=1e-9)
    np.testing.assert_allclose(10 ** np.delete(row.log_intensity, [4, 9]), 1, rtol=1e-9)
    np.testing.assert_allclose(row.log_sigma[[4, 9]], 1 / 0.3 / np.log(10), rtol=1e-9)
    assert row.counts["raised"] == 2


def test_without_a_floor_intensity_below_zero_is_masked():
    intensity = np.ones(GRID.size)
    intensity[[4, 9]] = [-0.5, 0.0]
    row = grid_curves([curve(GRID, intensity, 0.2)], GRID, Normalize(floor_in_sigma=0))
    assert np.flatnonzero(~row.mask).tolist() == [4, 9]
    assert row.counts["raised"] == 0
    assert row.counts["too_noisy"] == 2


def test_points_with_too_large_an_error_are_masked_and_counted():
    sigma = np.full(GRID.size, 0.1)
    sigma[:7] = 1.5
    row = grid_curves([curve(GRID, 1.0, sigma)], GRID, Normalize(max_relative_error=1.0))
    assert np.flatnonzero(~row.mask).tolist() == list(range(7))
    assert row.counts["too_noisy"] == 7


def test_every_gridded_number_is_finite_whatever_the_noise():
    for _ in range(20):
        q = np.sort(RNG.uniform(0.005, 0.2, 200))
        row = grid_curves([curve(q, RNG.normal(size=200), RNG.uniform(0.01, 3, 200))], GRID, Normalize())
        assert np.isfinite(row.log_intensity[row.mask]).all()
        assert (row.log_sigma[row.mask] > 0).all()


def test_curve_without_sigma_gets_the_assumed_error_and_its_grid_points_are_counted():
    q = np.geomspace(0.008, 0.12, 41)
    row = grid_curves([curve(q, 7.0, None)], GRID, Normalize(assumed_relative_error=0.08))
    on_points = grid_curves([curve(GRID, 7.0, None)], GRID, Normalize(assumed_relative_error=0.08))
    np.testing.assert_allclose(on_points.log_sigma, 0.08 / np.log(10), rtol=1e-9)
    assert (row.log_sigma < 0.08 / np.log(10) * (1 + 1e-9)).all()
    assert row.counts["no_sigma"] == GRID.size


def test_share_of_points_without_sigma_never_exceeds_the_grid(tmp_path, capsys):
    bare = curve(np.geomspace(0.008, 0.12, 1000), 7.0, None)
    full = curve(np.geomspace(0.008, 0.12, 1000), 7.0, 0.1, sample="b")
    normalize(write(tmp_path / "saxs.h5", bare, full), Normalize(grid=Grid(points=40)), tmp_path / "out.h5")
    # the grid ends lie outside of the mean q of the outermost points: 38 of 40 are measured, half of them bare
    assert " 95.00% measured" in (said := capsys.readouterr().out)
    assert " 47.50% no_sigma" in said


# The grid and the file


def test_automatic_grid_spans_what_half_of_the_samples_reach(tmp_path):
    lows, highs = [0.01, 0.02, 0.03, 0.04, 0.05], [0.2, 0.3, 0.4, 0.5, 0.6]
    curves = [
        curve(np.geomspace(low, high, 60), 1.0, sample=f"s{i}")
        for i, (low, high) in enumerate(zip(lows, highs, strict=True))
    ]
    normalize(write(tmp_path / "saxs.h5", *curves), Normalize(grid=Grid(points=33)), tmp_path / "out.h5")
    q = load_spectra(tmp_path / "out.h5").q
    assert (np.array(lows) <= q[0]).sum() >= 2.5
    assert (np.array(highs) >= q[-1]).sum() >= 2.5
    np.testing.assert_allclose(q, np.geomspace(0.03, 0.4, 33), rtol=1e-12)


def test_given_grid_is_obeyed(tmp_path):
    grid = Grid(q_min_inv_angstrom=0.02, q_max_inv_angstrom=0.3, points=50)
    path = write(tmp_path / "saxs.h5", curve(np.geomspace(0.01, 0.4, 80), 1.0))
    normalize(path, Normalize(grid=grid), tmp_path / "out.h5")
    np.testing.assert_allclose(load_spectra(tmp_path / "out.h5").q, np.geomspace(0.02, 0.3, 50), rtol=1e-12)


def test_spectra_file_holds_what_grid_curves_says_one_row_per_sample(tmp_path):
    near = curve(np.geomspace(0.01, 0.05, 60), 2.0)
    far, other = curve(np.geomspace(0.04, 0.2, 60), 2.0), curve(np.geomspace(0.01, 0.2, 90), 5.0, sample="b")
    normalize(write(tmp_path / "saxs.h5", near, far, other), Normalize(), tmp_path / "out.h5")
    spectra = load_spectra(tmp_path / "out.h5")
    assert spectra.sample_id == ["a", "b"]
    for i, curves in enumerate(([near, far], [other])):
        row = grid_curves(curves, spectra.q, Normalize())
        np.testing.assert_array_equal(spectra.log_intensity[i], row.log_intensity.astype(np.float32))
        np.testing.assert_array_equal(spectra.mask[i], row.mask)


def test_rows_of_a_spectra_file_come_in_the_order_asked_for(gridded):
    everything = load_spectra(gridded.path("spectra/saxs.h5"))
    some = load_spectra(gridded.path("spectra/saxs.h5"), np.array([5, 2, 9]))
    assert some.sample_id == [everything.sample_id[i] for i in (5, 2, 9)]
    np.testing.assert_array_equal(some.log_intensity, everything.log_intensity[[5, 2, 9]])


# Refused


def test_curve_outside_of_the_grid_is_one_error_and_no_file(tmp_path):
    good = [curve(np.geomspace(0.01, 0.3, 80), 1.0, sample=f"s{i}") for i in range(3)]
    nm = curve(np.geomspace(0.5, 3, 80), 1.0, sample="in_nm")
    with pytest.raises(UserError, match=r"sample in_nm \(in_nm\.dat\) covers q 0\.5 to 3 .* no overlap") as caught:
        normalize(write(tmp_path / "saxs.h5", *good, nm), Normalize(), tmp_path / "out.h5")
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["saxs.h5"]


def test_curve_that_is_noise_alone_is_not_blamed_on_its_q(tmp_path):
    good = [curve(np.geomspace(0.01, 0.3, 80), 1.0, sample=f"s{i}") for i in range(3)]
    empty = curve(np.geomspace(0.01, 0.3, 80), -1.0, sample="blank")
    with pytest.raises(UserError, match=r"sample blank .*") as caught:
        normalize(write(tmp_path / "saxs.h5", *good, empty), Normalize(floor_in_sigma=0), tmp_path / "out.h5")
    assert "no overlap" not in str(caught.value)


def test_curves_that_share_no_q_range_are_refused(tmp_path):
    apart = [curve(np.geomspace(low, 2 * low, 50), 1.0, sample=f"s{low}") for low in (0.01, 0.1)]
    with pytest.raises(UserError, match="share no q range"):
        normalize(write(tmp_path / "saxs.h5", *apart), Normalize(), tmp_path / "out.h5")


def test_file_without_curves_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no curve"):
        normalize(write(tmp_path / "saxs.h5"), Normalize(), tmp_path / "out.h5")
