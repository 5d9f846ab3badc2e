"""Every measured file of the shared folder, with what looking at each of them showed."""

import re
from pathlib import Path

import numpy as np
import pytest

from pairvae.errors import ReadError
from pairvae.formats.inspect import inspect_file
from pairvae.formats.read import read_settings, read_spectra, read_spectrum
from pairvae.formats.read_options import ReadOptions
from pairvae.prepare.normalize import grid_curves
from pairvae.settings import Normalize

MEASURED = Path(__file__).parents[2] / "shared" / "data" / "measured"
pytestmark = pytest.mark.skipif(not MEASURED.is_dir(), reason="the measured curves are not beside the repository")
S = 2 * np.pi / 10  # s in 1/nm to q in 1/Å

# file: technique, q unit found (None: asked for), of each curve: points, first and last q in 1/Å (as they stand
# where asked for); sigma and dq as their columns are called, intensity unit
TRIGLYCERIDE = {
    "319_saxs": (231, 0.0134034148, 0.8980287930, None),
    "319_sans": (202, 0.0041090741, 0.5367003861, "ds"),
    "319_03_saxs": (232, 0.0134034148, 0.8980287930, None),
    "319_03_sans": (197, 0.0041090741, 0.5367003861, "ds"),
    "331_saxs": (232, 0.0134034148, 0.8980287930, None),
    "331_sans": (205, 0.0041090741, 0.5367003861, "ds"),
    "331_03_saxs": (229, 0.0134034148, 0.8980287930, None),
    "331_03_sans": (190, 0.0041090741, 0.5367003861, "ds"),
}
NANODISC = {
    "saxs": (106, 0.00944194011, 0.38200036),
    "sans_d2o100_lowq": (77, 0.0094346693, 0.072138153),
    "sans_d2o100_highq": (77, 0.059681918, 0.4284439),
    "sans_d2o042_lowq": (77, 0.0094346693, 0.072138153),
    "sans_d2o042_highq": (77, 0.059681918, 0.4284439),
}
GLASSY = [(140, 0.009, 0.287), (113, 0.11875, 1.51875)] * 3
EXPECTED = {
    **{
        f"pairs/triglyceride_{name}.dat": (None, "s 1/nm", [(points, S * first, S * last)], "dI", dq, "1/cm")
        for name, (points, first, last, dq) in TRIGLYCERIDE.items()
    },
    **{
        f"pairs/nanodisc_{name}.rad": (None, None, [found], "column 3", None, "1/cm")
        for name, found in NANODISC.items()
    },
    "pairs/glassy_carbon_C4_saxs.xml": ("saxs", "1/A", [(76, 0.0018044, 1.0002)], "Idev", None, "1/cm"),
    "pairs/glassy_carbon_C4_sans_nist_6A.xml": ("sans", "1/A", [(111, 0.04519, 0.5605)], "Idev", "Qdev", "1/cm"),
    "pairs/glassy_carbon_C4_sans_nist_15A.xml": ("sans", "1/A", [(111, 0.01807, 0.2242)], "Idev", "Qdev", "1/cm"),
    "pairs/glassy_carbon_C4_sans_ill_d22.xml": ("sans", "1/A", [(196, 0.01257, 0.6557)], "Idev", None, "1/cm"),
    "curves/1998spheres.h5": (
        "saxs",
        "1/A",
        [(1824, 0.000164514, 0.0425843), (3689, 0.000201663, 0.0679174)],
        "Idev",
        None,
        "1/cm",
    ),
    "curves/GLASSYC_C4G8G9_w_TL.h5": ("sans", "1/A", GLASSY, "Idev", None, "1/cm"),  # Qdev is 0
    "curves/W1W2.h5": ("sans", "1/A", [(140, 0.009, 0.287)] * 2, "Idev", None, "1/cm"),
    "curves/cs_collagen_full.h5": ("saxs", "1/A", [(331, 0.022756, 0.20583)], "Idev", "Qdev", "arbitrary"),
    "curves/ill_sasxml_example.h5": ("sans", "1/A", [(61, 0.004747937, 0.05156558)], "Idev", "Qdev", "1/cm"),
    "curves/isis_sasxml_example.h5": ("sans", "1/A", [(140, 0.009, 0.287)], "Idev", None, "1/cm"),  # Qdev is 0
    "curves/r586.h5": ("sans", "1/A", [(32, 0.005364, 0.0375)], "Idev", "Qdev", "1/cm"),
    "curves/s81-polyurea.h5": ("saxs", "1/A", [(113, 6.7822e-5, 0.94681)], "Idev", None, "1/cm"),
    "curves/xg009036_001.h5": ("sans", "1/A", [(63, 0.00557, 0.0828)], "Idev", "Qdev", "1/cm"),
    "curves/gc14-dls-i22.h5": ("saxs", "1/A", [(213, 0.00972, 0.191)], None, None, "arbitrary"),  # Idev is missing
    "curves/Colloid_dilute.dat": (None, "1/nm", [(1416, 0.000796857, 0.0493531)], "column 3", None, "1/cm"),
    "curves/bimodal-test1.xml": (
        None,
        "1/A",
        [(71, 0.0040157139, 0.1717408), (20, 0.1717076, 0.3850296)],
        "Idev",
        None,
        "1/cm",
    ),
    "curves/CuCrZnAlloy.dat": (None, None, [(343, 0.000109232591, 1.708605885)], "DSM_Error", None, "1/cm"),
    "curves/spheres_0.dat": (None, "1/A", [(560, 0.0400000048, 0.599000071)], None, None, "arbitrary"),
    "curves/peaks_0.dat": (None, "1/A", [(560, 0.0400000048, 0.599000071)], None, None, "arbitrary"),
    "curves/GFP_5mgml_rear.xml": ("sans", "1/A", [(62, 0.009, 0.277954)], "Idev", None, "1/cm"),  # Qdev is 0
}


def test_every_file_in_pairs_and_curves_is_expected():
    there = {
        f"{path.parent.name}/{path.name}" for folder in ("pairs", "curves") for path in (MEASURED / folder).iterdir()
    }
    assert there == {*EXPECTED, "curves/ExampleHDF5.h5"}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_measured_file_is_read_as_it_says(name):
    technique, q_unit, curves, sigma, dq, intensity_unit = EXPECTED[name]
    found = inspect_file(MEASURED / name)
    assert [one.error for one in found] == [None] * len(curves)
    for one, (points, first, last) in zip(found, curves, strict=True):
        assert (one.technique, one.q_unit, one.points) == (technique, q_unit, points)
        assert (one.q_min, one.q_max) == pytest.approx((first, last), rel=1e-5)
        assert (one.sigma_column, one.dq_column) == (sigma, dq)
        assert one.needs == (() if q_unit else ("q_unit",))
        assert one.q_unit_from == ("file" if q_unit else None)
        assert one.spectrum.intensity_unit == intensity_unit


def test_pinhole_and_slit_smeared_curves_of_one_file_differ_in_resolution():
    pinhole, slit = inspect_file(MEASURED / "curves" / "ExampleHDF5.h5")
    assert (pinhole.points, pinhole.dq_column, pinhole.warnings) == (519, "Qdev", ())
    assert (slit.points, slit.dq_column) == (519, "dQw")
    assert slit.warnings == ("slit-smeared (dQl = 0.02554 1/angstrom): read as it is, not desmeared",)


POSITIVE = {"q_not_positive": 1}
TEST_DATA = (50, 0.0566896311939, 2.87612128258, ("q_unit",), {}, "column 3")
# file: points, first and last q as inspect shows them, needs, repairs, sigma
AWKWARD = {
    **{
        f"testData01{dress}.csv": TEST_DATA
        for dress in (
            *("", "_emptyLines", "_commaDelim", "_decimalComma", "_footer", "_extraCol", "_leadingTrailingSpaces"),
            "_tabDelim",
        )
    },
    "testData01_UnicodeTwoLineHeader.csv": (50, 0.00566896311939, 0.287612128258, (), {}, "IErr"),
    "comment_in_column_3.dat": (6, 0.005, 0.03, ("q_unit",), POSITIVE, None),
    "two_columns.dat": (6, 0.005, 0.03, ("q_unit",), POSITIVE, None),
    "zero_intensity.dat": (
        6,
        0.005,
        0.03,
        ("q_unit",),
        {**POSITIVE, "intensity_not_positive_kept": 6},
        "column 3",
    ),
    "negative_q_value.dat": (
        49,
        0.005,
        0.25,
        ("q_unit",),
        {"q_not_positive": 2, "intensity_not_positive_kept": 4},
        "column 3",
    ),
    "extra_columns.dat": (6, 0.005, 0.03, ("q_unit", "columns"), {}, None),
    "wrong_q_values.dat": (24, 0.01, 0.24, ("q_unit",), POSITIVE, "column 3"),
    "nans_in_1d_data.dat": (
        2395,
        0.00610349715,
        0.612585196,
        (),
        {"not_finite": 26, "intensity_not_positive_kept": 1},
        "Sig(q)",
    ),
    "smeared_data.txt": (
        476,
        8.62261197e-6,
        1.19997942528146,
        ("q_unit",),
        {"q_not_positive": 24, "intensity_not_positive_kept": 1},
        "SMR_Error",
    ),
    "sans_iofq.dat": (191, 0.0054875, 0.1907375, (), {"not_finite": 9}, "stddev"),
}
REFUSED = {
    "empty_file.dat": "is empty; expected a scattering curve; copy or export it anew",
    "sans_data_q_not_increasing.sub": (
        "q goes back 1 times, first from 0.01506 to 0.0141 1/Å (points 3, 4); expected one rising curve, but 0.0141 "
        "alone is out of line; mend that row, or put each instrument setting into a file of its own"
    ),
}


def test_every_awkward_file_is_expected():
    assert {path.name for path in (MEASURED / "awkward").iterdir()} == {*AWKWARD, *REFUSED}


@pytest.mark.parametrize("name", AWKWARD)
def test_an_awkward_file_is_read_with_the_right_counts(name):
    points, first, last, needs, repairs, sigma = AWKWARD[name]
    (one,) = inspect_file(MEASURED / "awkward" / name)
    assert one.error is None
    assert one.points == points
    assert (one.q_min, one.q_max) == pytest.approx((first, last), rel=1e-6)
    assert (one.needs, one.repairs, one.sigma_column) == (needs, repairs, sigma)


@pytest.mark.parametrize("name", REFUSED)
def test_an_awkward_file_is_refused_with_the_right_sentence(name):
    (one,) = inspect_file(MEASURED / "awkward" / name)
    assert one.error == f"{MEASURED / 'awkward' / name}: {REFUSED[name]}"
    with pytest.raises(ReadError, match=re.escape(REFUSED[name])):
        read_spectra(MEASURED / "awkward" / name)


@pytest.mark.parametrize("instrument", ["nist_6A", "nist_15A", "ill_d22"])
def test_glassy_carbon_is_seen_alike_by_saxs_and_by_each_sans_instrument(instrument):
    grid = np.geomspace(0.005, 0.6, 256)
    saxs = grid_curves([read_spectrum(MEASURED / "pairs" / "glassy_carbon_C4_saxs.xml")], grid, Normalize())
    sans = read_spectrum(MEASURED / "pairs" / f"glassy_carbon_C4_sans_{instrument}.xml")
    sans = grid_curves([sans], grid, Normalize())
    both = saxs.mask & sans.mask
    assert both.sum() > 80
    ratio = saxs.log_intensity[both] - sans.log_intensity[both]
    assert 0.6 < np.median(ratio) < 0.9
    assert np.corrcoef(saxs.log_intensity[both], sans.log_intensity[both])[0, 1] > 0.99


@pytest.mark.parametrize("solvent", ["d2o100", "d2o042"])
def test_nanodisc_settings_merge_into_one_curve_that_spans_both(solvent):
    low, high = (
        read_spectrum(MEASURED / "pairs" / f"nanodisc_sans_{solvent}_{part}.rad", "sans", "1/A", "q I dI -")
        for part in ("lowq", "highq")
    )
    grid = np.geomspace(low.q[0], high.q[-3], 128)
    together, one, other = (grid_curves(curves, grid, Normalize()) for curves in ([low, high], [low], [high]))
    assert together.mask.all()
    overlap = one.mask & other.mask
    assert overlap.sum() >= 4
    # between the two, and surer than either
    for bound in (np.minimum, np.maximum):
        edge = bound(one.log_intensity[overlap], other.log_intensity[overlap])
        sign = 1 if bound is np.maximum else -1
        assert (sign * (edge - together.log_intensity[overlap]) > -0.05).all()
    assert np.median(together.log_sigma[overlap] / one.log_sigma[overlap]) < 1


@pytest.mark.parametrize("sample", ["319", "319_03", "331", "331_03"])
def test_triglyceride_peaks_fall_at_the_same_q_in_both_techniques(sample):
    def peak(curve):
        around = (curve.q > 0.1) & (curve.q < 0.2)
        # above the falling background
        q, log = curve.q[around], np.log10(np.maximum(curve.intensity[around], 1e-6))
        rise = log - np.polyval(np.polyfit(np.log(q), log, 1), np.log(q))
        near = rise > 0.5 * rise.max()
        return np.average(q[near], weights=rise[near])

    saxs = read_spectrum(MEASURED / "pairs" / f"triglyceride_{sample}_saxs.dat")
    sans = read_spectrum(MEASURED / "pairs" / f"triglyceride_{sample}_sans.dat")
    assert peak(sans) == pytest.approx(peak(saxs), rel=0.05)


def test_settings_in_one_file_are_one_sample():
    settings = read_settings(MEASURED / "curves" / "bimodal-test1.xml", ReadOptions("saxs"))
    grid = np.geomspace(settings[0].q[0], settings[1].q[-3], 64)
    row = grid_curves(settings, grid, Normalize())
    assert row.mask.all()
