"""What NXcanSAS, plain NXdata and canSAS XML say beyond q and I: scale, mask, resolution, units, frames, default."""

import h5py
import numpy as np
import pytest

from pairvae.errors import ReadError
from pairvae.formats.inspect import inspect_file
from pairvae.formats.read import read_spectra, read_spectrum

Q = np.linspace(0.1, 3.0, 30)  # 1/nm
I = 5 / (1 + (Q / 0.5) ** 2)  # noqa: E741
DI = 0.03 * I
DQ = 0.05 * Q + 0.01
FWHM = 2 * np.sqrt(2 * np.log(2))


@pytest.fixture
def nexus(tmp_path):
    """Write a file with one SASdata group; `change` gets the group, `data` is what it holds."""

    def write(change=None, **data):
        path = tmp_path / "curve.h5"
        with h5py.File(path, "w") as file:
            group = file.create_group("entry/data")
            group.parent.attrs.update({"NX_class": "NXentry", "canSAS_class": "SASentry"})
            group.attrs.update({"NX_class": "NXdata", "canSAS_class": "SASdata", "signal": "I", "I_axes": "Q"})
            units = {"Q": "1/nm", "I": "1/cm", "Idev": "1/cm", "Qdev": "1/nm"}
            for name, values in ({"Q": Q, "I": I, "Idev": DI, "Qdev": DQ} | data).items():
                if values is not None:
                    group[name] = values
                    group[name].attrs["units"] = units.get(name, "")
            if data.get("Idev", True) is not None:
                group["I"].attrs["uncertainties"] = "Idev"
            if data.get("Qdev", True) is not None:
                group["Q"].attrs["resolutions"] = "Qdev"
            if change:
                change(group)
        return path

    return write


def same(spectrum, q=Q / 10, intensity=I, sigma=DI, dq=DQ / 10):
    for name, expected in (("q", q), ("intensity", intensity), ("sigma", sigma), ("dq", dq)):
        values = getattr(spectrum, name)
        if expected is None:
            assert values is None, name
        else:
            np.testing.assert_allclose(values, expected, rtol=1e-12, err_msg=name)


def said(spectrum, *words):
    return any(all(word in warning for word in words) for warning in spectrum.reading.warnings)


@pytest.mark.parametrize("factor", ["k", 0.0123, "0.0123"])
def test_a_scaling_factor_multiplies_the_intensity_and_its_uncertainty(nexus, factor):
    path = nexus(lambda data: data["I"].attrs.update(scaling_factor=factor), k=0.0123)
    curve = read_spectrum(path)
    same(curve, intensity=0.0123 * I, sigma=0.0123 * DI)
    assert said(curve, "I multiplied by its scaling_factor", "0.0123")


def test_each_column_may_have_a_factor_of_its_own_and_frames_or_points_too(nexus):
    def change(data):
        data["Q"].attrs["scaling_factor"], data["Idev"].attrs["scaling_factor"] = 0.5, "per_point"
        data["I"].attrs["scaling_factor"] = "per_point"

    rising = np.linspace(1, 2, 30)
    same(read_spectrum(nexus(change, per_point=rising)), Q / 20, rising * I, rising * DI, DQ / 20)


def test_a_relative_uncertainty_has_no_part_in_the_scale(nexus):
    def change(data):
        data["I"].attrs["scaling_factor"] = 0.5
        data["Idev"].attrs["units"] = "%"

    curve = read_spectrum(nexus(change, Idev=np.full(30, 3.0)))
    same(curve, intensity=0.5 * I, sigma=0.5 * DI)
    assert said(curve, "Idev in % of the intensity: converted")


def test_offset_and_factor_of_plain_nexus_data(nexus):
    curve = read_spectrum(nexus(I_offset=2.0, I_scaling_factor=0.1))
    same(curve, intensity=(I + 2) * 0.1, sigma=0.1 * DI)
    assert said(curve, "I shifted by its offset I_offset = 2")


@pytest.mark.parametrize(("factor", "found"), [("lost", "'lost'"), (0.0, "'0.0'"), (np.nan, "'nan'"), ("k", "'k'")])
def test_a_factor_that_is_none_is_refused_since_the_scale_is_unknown(nexus, factor, found):
    path = nexus(lambda data: data["I"].attrs.update(scaling_factor=factor), k=-1.0)
    with pytest.raises(ReadError, match=f"I has the scaling_factor {found}; expected a finite number > 0"):
        read_spectrum(path)


MASKS = {
    "Mask": lambda data: data.move("m", "Mask"),
    "mask named on the group": lambda data: data.attrs.update(mask="m"),
    "I_mask": lambda data: data.move("m", "I_mask"),
    "Q_mask": lambda data: data.move("m", "Q_mask"),
    "Mask with indices": lambda data: [data.move("m", "Mask"), data.attrs.update(Mask_indices=0)],
}


@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("kind", [bool, np.int32])
def test_masked_points_are_dropped_and_counted(nexus, mask, kind):
    bits = np.zeros(30, dtype=kind)
    bits[[0, 7, 29]] = 1 if kind is bool else 8  # any bit of a pixel mask
    curve = read_spectrum(nexus(MASKS[mask], m=bits))
    kept = bits == 0
    same(curve, Q[kept] / 10, I[kept], DI[kept], DQ[kept] / 10)
    assert curve.reading.repairs == {"masked": 3}
    assert "3 points masked in the file dropped" in curve.notes


def test_a_mask_that_leaves_nothing_or_does_not_fit_is_said(nexus):
    with pytest.raises(ReadError, match="all 30 points are masked; a mask is true where a point is not to be used"):
        read_spectrum(nexus(Mask=np.ones(30, bool)))
    assert said(read_spectrum(nexus(Mask=np.ones(7, bool))), "mask mask not used")


def test_an_uncertainty_of_q_is_no_resolution(nexus):
    def change(data):
        data["Q"].attrs["uncertainties"] = "Q_uncertainty"

    curve = read_spectrum(nexus(change, Qdev=None, Q_uncertainty=DQ, Q_errors=DQ))
    same(curve, dq=None)
    assert "Q_uncertainty, Q_errors not used: an uncertainty of q is no resolution" in curve.notes
    same(read_spectrum(nexus(change, Q_uncertainty=DQ / 7)))  # the resolution beside it is


@pytest.mark.parametrize(
    ("description", "width", "word"),
    [
        ("Gaussian", 1, ""),
        ("Gaussian, standard deviation", 1, ""),
        ("FWHM", FWHM, "the file gives the FWHM"),
        ("Gaussian (full width at half maximum)", FWHM, "the file gives the FWHM"),
        ("HWHM", FWHM / 2, "the file gives the HWHM"),
        ("Rectangular, full width", np.sqrt(12), "the file gives the full width"),
        ("Square", 1, "resolution said to be 'Square': dq taken as its standard deviation"),
        ("Bin", 1, "resolution said to be 'Bin': dq taken as its standard deviation"),
    ],
)
def test_the_resolution_is_a_standard_deviation_in_the_end(nexus, description, width, word):
    path = nexus(lambda data: data["Q"].attrs.update(resolutions_description=description), Qdev=DQ * width)
    curve = read_spectrum(path)
    same(curve)
    assert said(curve, word) if word else not curve.reading.warnings


@pytest.mark.parametrize("change", [{"long_name": "dQ (FWHM)"}, {"units": "1/nm (FWHM)"}])
def test_a_full_width_in_a_label_is_converted_too(nexus, change):
    curve = read_spectrum(nexus(lambda data: data["Qdev"].attrs.update(change), Qdev=DQ * FWHM))
    same(curve)
    assert said(curve, "the file gives the FWHM")


@pytest.mark.parametrize(
    "name",
    ["dI", "sigma", "std", "Ierr", "I_err", "error", "errors", "Error", "I_errors", "I_error", "ISigma"],
)
def test_an_uncertainty_is_found_by_its_name_alone(nexus, name):
    curve = read_spectrum(nexus(Idev=None, **{name: DI}))
    same(curve)
    assert curve.reading.sigma_column == name


def test_a_single_number_called_sigma_is_no_uncertainty_and_of_two_the_other_is_named(nexus):
    same(read_spectrum(nexus(Idev=None, sigma=0.1)), sigma=None)
    curve = read_spectrum(nexus(Idev=None, dI=DI, std=2 * DI))
    same(curve)
    assert said(curve, "sigma read from dI; std not used")


@pytest.mark.parametrize(
    ("sigma_unit", "factor", "expected", "word"),
    [
        ("1/m", 100, 1, "Idev in 1/m: converted"),
        ("percent", 100 / I, 1, "Idev in percent of the intensity: converted"),
        ("", 1, 1, ""),
        ("cm^-1", 1, 1, ""),
        ("counts", 1, None, "Idev is in 'counts', which cannot be converted to '1/cm'"),
    ],
)
def test_sigma_comes_to_the_unit_of_the_intensity(nexus, sigma_unit, factor, expected, word):
    curve = read_spectrum(nexus(lambda data: data["Idev"].attrs.update(units=sigma_unit), Idev=DI * factor))
    same(curve, sigma=DI if expected else None)
    assert said(curve, word) if word else not curve.reading.warnings


@pytest.mark.parametrize(
    ("dq_unit", "factor", "expected", "word"),
    [
        ("1/A", 0.1, 1, "Qdev in 1/A: converted"),
        ("%", 100 / Q, 1, "Qdev in % of q: converted"),
        ("", 1, 1, ""),
        ("nm^(-1)", 1, 1, ""),
        ("deg", 1, None, "Qdev is in 'deg', which cannot be converted to '1/nm'"),
    ],
)
def test_dq_comes_to_the_unit_of_q(nexus, dq_unit, factor, expected, word):
    curve = read_spectrum(nexus(lambda data: data["Qdev"].attrs.update(units=dq_unit), Qdev=DQ * factor))
    same(curve, dq=DQ / 10 if expected else None)
    assert said(curve, word) if word else not curve.reading.warnings


def test_a_unit_from_the_caller_leaves_those_of_sigma_and_dq_where_the_file_states_others(nexus):
    def change(data):
        data["Idev"].attrs["units"], data["Qdev"].attrs["units"] = "1/m", "1/A"

    path = nexus(change, Idev=DI * 100, Qdev=DQ / 10)
    same(read_spectrum(path, q_unit="1/A", intensity_unit="1/mm"), Q, I * 10, DI, DQ / 10)


def test_an_intensity_without_a_unit_has_that_of_its_uncertainty(nexus):
    def change(data):
        del data["I"].attrs["units"]
        data["Idev"].attrs["units"] = "1/m"

    curve = read_spectrum(nexus(change, I=I * 100, Idev=DI * 100))
    same(curve)
    assert said(curve, "unit of intensity not stated: taken from Idev, 1/m")


@pytest.mark.parametrize("unit", ["Cross Section (1/cm)", "cm^(-1)", "1/cm/sr", "(cm)^-1"])
def test_units_with_labels_and_powers(nexus, unit):
    curve = read_spectrum(nexus(lambda data: data["I"].attrs.update(units=unit)))
    same(curve)
    assert (curve.intensity_unit, curve.reading.intensity_unit) == ("1/cm", "1/cm")


@pytest.fixture
def three_entries(nexus):
    path = nexus()
    with h5py.File(path, "a") as file:
        for number in (2, 3):
            file.copy("entry", f"entry{number}")
            file[f"entry{number}/data/I"][:] = number * I
        file.copy("entry2/data", "entry2/more")
    return path


@pytest.mark.parametrize(
    ("root", "entry"),
    [("entry2", "more"), ("entry2/more", None), ("/entry2/more", None), ("entry3", None)],
)
def test_the_default_of_a_file_chooses_where_nobody_names_an_entry(three_entries, root, entry):
    with h5py.File(three_entries, "a") as file:
        file.attrs["default"] = root
        if entry:
            file[root].attrs["default"] = entry
    curve = read_spectrum(three_entries)
    chosen = "entry3/data" if root == "entry3" else "entry2/more"
    assert curve.source.entry == chosen
    assert said(curve, f"'{chosen}' read, the default of the file, which also holds 'entry/data'", "--entry")
    assert len(inspect_file(three_entries)) == len(read_spectra(three_entries)) == 4
    assert read_spectrum(three_entries, entry="entry/data").source.entry == "entry/data"


@pytest.mark.parametrize("root", [None, "lost", "entry2"])
def test_without_a_default_the_entries_are_listed_with_the_option_that_names_one(three_entries, root):
    with h5py.File(three_entries, "a") as file:
        if root:
            file.attrs["default"] = root
    with pytest.raises(ReadError, match=r"say which as --entry '.*' \(Python: entry=…; samples.csv: column saxs_entry"):
        read_spectrum(three_entries)


FRAMES = np.stack([I, 2 * I, 3 * I])


def framed(axes, indices, **attributes):
    return lambda data: data.attrs.update({"I_axes": axes, "Q_indices": indices} | attributes)


SERIES = {
    "one q": (framed(["Time", "Q"], 1), {}),
    "q of each frame": (framed(["Time", "Q"], [0, 1]), {"Q": np.stack([Q] * 3), "Qdev": np.stack([DQ] * 3)}),
    "as DAWN writes it": (framed("Q", 0), {}),
    "names in one text": (framed("Time,Q", "1"), {}),
    "lengths of one": (framed(["Time", ".", "Q"], 2), {"I": FRAMES[:, None], "Idev": 0.03 * FRAMES[:, None]}),
    "q first": (framed(["Q", "Time"], 0), {"I": FRAMES.T, "Idev": 0.03 * FRAMES.T}),
}


@pytest.mark.parametrize("series", SERIES)
def test_each_frame_of_a_series_is_a_curve(nexus, series):
    change, data = SERIES[series]
    path = nexus(change, **({"I": FRAMES, "Idev": 0.03 * FRAMES, "Time": [0.0, 1.5, 3.0]} | data))
    curves = read_spectra(path)
    assert [curve.source.entry for curve in curves] == [f"entry/data/frame {number}" for number in (1, 2, 3)]
    for number, curve in enumerate(curves, start=1):
        same(curve, intensity=number * I, sigma=number * DI)
    for entry in ("entry/data/frame 2", "frame 2", "/entry/data/frame 2"):
        same(read_spectrum(path, entry=entry), intensity=2 * I, sigma=2 * DI)
    if "Time" in np.ravel(change.__closure__[0].cell_contents):
        assert "frame 2 of 3, counted from 1: Time = 1.5" in curves[1].notes
    with pytest.raises(ReadError, match="holds 3 curves; expected one; say which as --entry 'entry/data/frame 1'"):
        read_spectrum(path)
    with pytest.raises(ReadError, match="has no entry 'frame 4'; it holds 'entry/data/frame 1', "):
        read_spectrum(path, entry="frame 4")


def test_masks_and_factors_may_belong_to_frames(nexus):
    def change(data):
        data.attrs.update({"I_axes": ["Time", "Q"], "Q_indices": 1, "Mask_indices": [0, 1]})
        data["I"].attrs["scaling_factor"] = "k"

    mask = np.zeros((3, 30), bool)
    mask[0, :5] = mask[2] = True
    first, second, third = inspect_file(nexus(change, I=FRAMES, Idev=0.03 * FRAMES, Mask=mask, k=[1.0, 2.0, 3.0]))
    assert first.repairs == {"masked": 5}
    same(second.spectrum, intensity=4 * I, sigma=4 * DI)
    assert "all 30 points are masked" in third.error


def test_a_series_of_two_parameters_counts_its_frames_row_by_row(nexus):
    both = np.arange(1.0, 7.0).reshape(2, 3, 1) * I
    change = framed(["Temperature", "Time", "Q"], 2)
    curves = read_spectra(nexus(change, I=both, Idev=0.03 * both, Temperature=[20.0, 30.0], Time=[0.0, 1.0, 2.0]))
    assert [round(curve.intensity[0] / I[0]) for curve in curves] == [1, 2, 3, 4, 5, 6]
    assert "frame 5 of 6, counted from 1: Temperature = 30, Time = 1" in curves[4].notes


@pytest.mark.parametrize(
    ("axes", "q"),
    [("Q", np.ones((30, 30))), ("Q,Q", np.ones((30, 30))), ("Qx,Qy", Q), ("Q", Q)],
)
def test_an_image_is_refused_in_one_sentence(nexus, axes, q):
    path = nexus(
        lambda data: data.attrs.update(I_axes=axes, Q_indices="0,1"),
        **{"I": np.outer(I, I), "Idev": None, "Qdev": None, "Q": q + np.outer(Q, Q) if q.ndim > 1 else q, "Qx": Q},
    )
    with h5py.File(path, "a") as file:
        file.copy("entry/data", "entry/again")
    (found,) = inspect_file(path)
    assert "intensity has numbers of shape (30, 30); expected one number per q" in found.error
    assert "no I(q) in entry/data either" in found.error


@pytest.fixture
def nxdata(tmp_path):
    """Write one plain NXdata group with these data sets; a value may come with its attributes."""

    def write(attributes, more=None, **data):
        path = tmp_path / "plain.nxs"
        with h5py.File(path, "w") as file:
            group = file.create_group("entry/result")
            group.parent.attrs["NX_class"], group.attrs["NX_class"] = "NXentry", "NXdata"
            group.attrs.update(attributes)
            for name, value in data.items():
                values, own = value if isinstance(value, tuple) else (value, {})
                group[name] = values
                group[name].attrs.update(own)
            if more:
                more(file)
        return path

    return write


PER_NM, PER_CM = {"units": "1/nm"}, {"units": "1/cm"}
PLAIN = {
    "DAWN": ({"signal": "data", "axes": ["q"]}, {"data": (I, PER_CM), "data_errors": DI, "q": (Q, PER_NM)}),
    "DAWN, one frame": (
        {"signal": "data", "axes": [".", ".", "q"], "q_indices": 2},
        {"data": (I[None, None], PER_CM), "errors": DI[None, None], "q": (Q, {"units": "nm^-1"})},
    ),
    "pyFAI worker": (
        {"signal": "intensity", "axes": ["radial"]},
        {"intensity": (I, PER_CM), "intensity_errors": DI, "radial": (Q, {"unit": "nm^-1", "name": "q"})},
    ),
    "pyFAI powder": (
        {"signal": "data", "axes": ["polar_angle"], "polar_angle_indices": 0},
        {"data": (I, PER_CM), "errors": DI, "polar_angle": (Q, {"units": "q_nm^-1"})},
    ),
    "unit in the label": (
        {"signal": "I", "axes": ["q"]},
        {"I": (I, PER_CM), "I_errors": DI, "q": (Q, {"long_name": "Scattering vector q (nm⁻¹)"})},
    ),
    "unit in the name": ({"signal": "I", "axes": ["q_nm^-1"]}, {"I": (I, PER_CM), "sigma": DI, "q_nm^-1": Q}),
    "attributes on the data": (
        {},
        {"counts": (I, {**PER_CM, "signal": 1, "axes": "q"}), "errors": DI, "q": (Q, PER_NM)},
    ),
    "numbered axes": ({}, {"data": (I, {**PER_CM, "signal": "1"}), "errors": DI, "q": (Q, {**PER_NM, "axis": "1"})}),
    "uncertainties named": (
        {"signal": "I", "axes": ["q"]},
        {"I": (I, {**PER_CM, "uncertainties": "spread"}), "spread": DI, "q": (Q, PER_NM)},
    ),
}


@pytest.mark.parametrize("program", PLAIN)
def test_plain_nxdata_over_q_is_read(nxdata, program):
    attributes, data = PLAIN[program]
    curve = read_spectrum(nxdata(attributes, **data))
    same(curve, dq=None)
    assert (curve.technique, curve.source.entry) == (None, "entry/result")


def test_what_nxdata_do_not_say_is_asked_or_said(nxdata):
    path = nxdata({"signal": "data", "axes": ["q"]}, data=I, q=Q)
    (found,) = inspect_file(path)
    assert (found.needs, found.technique) == (("q_unit",), None)
    assert "unit of intensity not stated: taken as 1/cm" in found.warnings
    same(read_spectrum(path, q_unit="1/nm", technique="saxs"), sigma=None, dq=None)


def test_the_source_of_a_nexus_file_says_the_technique(nxdata):
    def source(file):
        group = file.create_group("entry/instrument/source")
        group.attrs["NX_class"] = "NXsource"
        group["probe"] = "x-ray"

    path = nxdata({"signal": "I", "axes": ["q"]}, source, I=(I, PER_CM), q=(Q, PER_NM))
    assert read_spectrum(path).technique == "saxs"


@pytest.mark.parametrize(
    ("axis", "unit"), [("2theta", "deg"), ("energy", "keV"), ("time", "s"), ("q", "deg"), ("two_theta", ""), ("x", "")]
)
def test_an_axis_that_is_not_q_is_refused_with_its_name(nxdata, axis, unit):
    path = nxdata({"signal": "I", "axes": [axis]}, I=(I, PER_CM), **{axis: (Q, {"units": unit})})
    with pytest.raises(ReadError, match=f"the axis of I is '{axis}'.*; expected q; "):
        read_spectrum(path)


def test_what_is_plotted_over_q_must_be_an_intensity(nxdata):
    path = nxdata({"signal": "U", "axes": ["q"]}, U=I, q=(Q, PER_NM))
    with pytest.raises(ReadError, match="plots 'U' over q, which is not known to be an intensity"):
        read_spectrum(path)


def test_of_many_groups_those_over_q_are_read_and_images_beside_them_named(nxdata):
    def more(file):
        for name, axis, values in (("scan", "time", I), ("detector", "y", np.outer(I, I))):
            group = file.create_group(f"entry/{name}")
            group.attrs.update({"NX_class": "NXdata", "signal": "data", "axes": [axis, "x"][: values.ndim]})
            group["data"], group[axis] = values, Q

    path = nxdata({"signal": "data", "axes": ["q"]}, more, data=(I, PER_CM), q=(Q, PER_NM))
    curve = read_spectrum(path)
    same(curve, sigma=None, dq=None)
    assert said(curve, "two-dimensional data beside it not read: entry/detector")
    with h5py.File(path, "a") as file:
        del file["entry/result"]
    (found,) = inspect_file(path)
    assert "the axis of data is 'time'; expected q; export I(q); no I(q) in entry/detector either" in found.error


def test_azimuthal_sectors_are_read_one_by_one_and_are_no_mean(nxdata):
    path = nxdata(
        {"signal": "intensity", "axes": ["chi", "q"]},
        intensity=(FRAMES, PER_CM),
        chi=([0.0, 120.0, 240.0], {"units": "deg"}),
        q=(Q, PER_NM),
    )
    curve = read_spectrum(path, entry="frame 2")
    same(curve, intensity=2 * I, sigma=None, dq=None)
    assert said(curve, "one of 3 azimuthal sectors (chi = 120 deg), not their mean")


CANSAS = """<SASroot xmlns="urn:cansas1d:1.1" version="1.1"><SASentry name="a"><Title>t</Title><Run>1</Run>
<SASdata>{points}</SASdata><SASsample><ID>s</ID></SASsample><SASinstrument><name>n</name><SASsource>
<radiation>neutron</radiation></SASsource><SAScollimation/><SASdetector><name>d</name></SASdetector></SASinstrument>
<SASnote>{note}</SASnote></SASentry></SASroot>"""


@pytest.fixture
def cansas(tmp_path):
    def write(sigma, sigma_unit, dq, dq_unit, note="", tag="Qdev", more=""):
        points = "".join(
            f'<Idata><Q unit="1/nm">{q}</Q><I unit="1/cm">{i}</I><Idev unit="{sigma_unit}">{s}</Idev>'
            f'<{tag} unit="{dq_unit}"{more}>{w}</{tag}></Idata>'
            for q, i, s, w in zip(Q, I, sigma, dq, strict=True)
        )
        path = tmp_path / "curve.xml"
        path.write_text(CANSAS.format(points=points, note=note))
        return path

    return write


def test_cansas_xml_with_uncertainties_in_units_of_their_own(cansas):
    curve = read_spectrum(cansas(DI * 100, "1/m", DQ / 10, "1/A"))
    same(curve)
    assert said(curve, "Idev in 1/m: converted")
    assert said(curve, "Qdev in 1/A: converted")
    curve = read_spectrum(cansas(DI / I * 100, "%", DQ / Q * 100, "percent"))
    same(curve)
    assert said(curve, "Idev in % of the intensity: converted")
    assert said(curve, "Qdev in percent of q: converted")
    curve = read_spectrum(cansas(DI, "furlong", DQ, "furlong"))
    same(curve, sigma=None, dq=None)
    assert said(curve, "Idev is in 'furlong'", "taken as absent")
    assert said(curve, "Qdev is in 'furlong'")


@pytest.mark.parametrize("tag", ["Qdev", "dQw"])
@pytest.mark.parametrize(
    "change",
    [{"dq_unit": "1/nm (FWHM)"}, {"more": ' type="FWHM"'}, {"note": "Qdev is the FWHM of the resolution."}],
)
def test_cansas_xml_whose_resolution_is_a_full_width(cansas, tag, change):
    if "note" in change:
        change = {"note": change["note"].replace("Qdev", tag)}
    curve = read_spectrum(cansas(DI, "1/cm", DQ * FWHM, **({"dq_unit": "1/nm", "tag": tag} | change)))
    same(curve)
    assert said(curve, "dq divided by 2.355")


def test_a_note_on_another_width_changes_nothing(cansas):
    for note in ("wavelength spread 10 % FWHM", "Qdev is a standard deviation, not FWHM"):
        same(read_spectrum(cansas(DI, "1/cm", DQ, "1/nm", note=note)))


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("log10_I", {}),
        ("Iq4", {}),
        ("ln_intensity", {}),
        ("intensity", {"long_name": "log10(I)"}),
        ("intensity", {"units": "log10(1/cm)"}),
    ],
)
def test_a_signal_that_is_called_something_else_is_refused(tmp_path, name, facts):
    with h5py.File(tmp_path / "a.nxs", "w") as file:
        data = file.create_group("entry/data")
        file["entry"].attrs["NX_class"] = "NXentry"
        data.attrs.update({"NX_class": "NXdata", "signal": name, "axes": "q"})
        data["q"] = np.linspace(0.01, 0.3, 20)
        data["q"].attrs["units"] = "1/angstrom"
        data[name] = np.linspace(3, 1, 20)
        data[name].attrs.update(facts)
    with pytest.raises(ReadError, match=r"its signal is .*expected I"):
        read_spectrum(tmp_path / "a.nxs", technique="saxs")
