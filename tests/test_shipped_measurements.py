"""Curves that instruments wrote, read as looking into each file shows them; they lie in tests/data/measured."""

from pathlib import Path

import numpy as np
import pytest

from pairvae.formats.inspect import inspect_file
from pairvae.formats.read import read_spectrum

DATA = Path(__file__).parent / "data" / "measured"
# file: technique and q unit (None: not stated), points; first and last row as they stand in the file: q I [sigma [dq]];
# q of the file in 1/Å, intensity unit
EXPECTED = {
    "AUSANS_run3_2_no_buffer.ABS": (
        (None, "1/A", 115, 1.0, "1/cm"),
        (0.01943, 0.3979, 0.02731, 0.003741),
        (0.229, 0.07392, 0.0248, 0.01445),
    ),
    "ISIS_98929.TXT": ((None, "1/A", 140, 1.0, "1/cm"), (0.007, 21.08775, 0.6056236), (0.285, 0.1619386, 1.022965)),
    "hSDS_D2O_0p5_percent.xml": (("sans", "1/A", 137, 1.0, "1/cm"), (0.009, 0.0342528, 0.0825619), (0.281,)),
    "33837rear_1D_1.75_16.5_NXcanSAS.h5": (
        ("sans", "1/A", 66, 1.0, "arbitrary"),  # unit="Counts"
        (0.00416, 5.41609467, 0.61522475),
        (0.6189241619415587,),
    ),
    "saxess_example.pdh": (
        (None, "1/nm", 748, 0.1, "arbitrary"),  # u_m^-2 in the footer
        (0.072644, 7.477405e5, 3.255599e6),
        (5.0027, 7.897189e3, 7.898568e3),
    ),
    "apoferritin.txt": (
        (None, "1/A", 395, 1.0, "1/cm"),
        (0.0055, 0.6648618, 0.1143732, 8.935321e-4),
        (0.3995, -3.762594e-3, 3.959845e-3, 8.348604e-3),
    ),
    "spheres_0.dat": (
        (None, "1/A", 560, 1.0, "arbitrary"),  # counts
        (4.000000476609962691e-02, 1.051436088126537015e03),
        (0.599000071,),
    ),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_measured_file_is_read_as_it_stands(name):
    (technique, q_unit, points, to_inv_angstrom, intensity_unit), first, last = EXPECTED[name]
    (curve,) = inspect_file(DATA / name)
    assert curve.error is None
    assert (curve.technique, curve.q_unit, curve.points, curve.needs) == (technique, q_unit, points, ())
    spectrum = read_spectrum(DATA / name)
    assert spectrum.intensity_unit == intensity_unit
    for at, row in ((0, first), (-1, last)):
        factors = (to_inv_angstrom, 1.0, 1.0, to_inv_angstrom)
        columns = (spectrum.q, spectrum.intensity, spectrum.sigma, spectrum.dq)
        read = [values[at] / factor for values, factor in zip(columns[: len(row)], factors, strict=False)]
        assert read == pytest.approx(row, rel=1e-6)


def test_every_curve_has_its_source_and_licence():
    table = (DATA / "README.md").read_text(encoding="utf-8")
    curves = {path.name for path in DATA.iterdir()} - {"README.md", "LICENSE.sasdata", "LICENSE.xrsdkit"}
    assert curves == {*EXPECTED}
    assert all(f"`{name}`" in table for name in curves)


def test_negative_intensities_of_a_subtracted_background_stay():
    spectrum = read_spectrum(DATA / "apoferritin.txt")
    assert np.count_nonzero(spectrum.intensity <= 0) == 31
