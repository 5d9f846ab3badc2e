"""From numbers to files that people and other programs read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

from pairvae import __version__
from pairvae.files.hdf5 import hdf5_written_whole
from pairvae.files.whole import written_whole
from pairvae.scattering.spectrum import Curve, Spectrum

Format = Literal["nxcansas", "csv"]
ENDINGS: dict[Format, str] = {"nxcansas": "h5", "csv": "csv"}
_ARBITRARY = "a.u."
_PROBES = {"saxs": "x-ray", "sans": "neutron"}  # the two words that NXcanSAS readers know


def write_csv(path: Path, columns: Mapping[str, Curve], header: Sequence[str]) -> None:
    """Write columns of equal length as comma-separated text.

    Parameters
    ----------
    path : Path
        File to write.
    columns : mapping
        Name with unit to numbers, as {"q [1/A]": …, "intensity [1/cm]": …}; `read_spectrum` knows such names. The
        bare names stand in the header line of the table, the units in a comment line below it.
    header : sequence of str
        Lines to stand above, each after "# ".

    Notes
    -----
    Numbers are written with as many digits as it takes to read the same float64 back.
    """
    lines = [f"# {line}" for text in header for line in text.splitlines()]
    # bare names as the table's header, so that other programs find a column named q; units in a comment below
    lines.append(",".join(name.partition(" [")[0] for name in columns))
    lines.append("# " + ", ".join(columns))
    rows = zip(*(np.asarray(values, np.float64).tolist() for values in columns.values()), strict=True)
    lines.extend(",".join(map(repr, row)) for row in rows)
    with written_whole(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_curve(
    path: Path,
    spectrum: Spectrum,
    format: Format,
    band: tuple[Curve, Curve] | None = None,
    extra: Mapping[str, Curve] | None = None,
    draws: Curve | None = None,
    about_sigma: str = "",
) -> None:
    """Write one spectrum in the format that was asked for; see `write_nxcansas` and `write_text`.

    Parameters
    ----------
    path : Path
        File to write.
    spectrum : Spectrum
        Curve.
    format : {"nxcansas", "csv"}
        Format of the file.
    band, extra, draws, about_sigma
        As in `write_nxcansas` and `write_text`.
    """
    if format == "nxcansas":
        write_nxcansas(path, spectrum, band, extra, draws, about_sigma)
    else:
        write_text(path, spectrum, band, extra=extra, draws=draws, about_sigma=about_sigma)


def write_text(
    path: Path,
    spectrum: Spectrum,
    band: tuple[Curve, Curve] | None = None,
    header: Sequence[str] = (),
    extra: Mapping[str, Curve] | None = None,
    draws: Curve | None = None,
    about_sigma: str = "",
) -> None:
    """Write one spectrum as comma-separated text that `read_spectrum` understands without further options.

    Parameters
    ----------
    path : Path
        File to write.
    spectrum : Spectrum
        Sample and technique stand in the header, then its notes; each column says its unit.
    band : (lower, upper), optional
        Bounds of the intensity, in its unit.
    header : sequence of str
        Lines to stand above the notes.
    extra : mapping, optional
        Further columns without unit.
    draws : array, shape (draws, points), optional
        Further curves in the unit of the intensity, as draw_1 ….
    about_sigma : str, optional
        What sigma is, where it is not the uncertainty of a measurement; a line of the header.

    Notes
    -----
    SasView takes the third column for dI and the fourth for dQ, whatever they are called. All others follow these two,
    which are 0 where they are unknown, as in SasView. Numbers are written with as many digits as it takes to read the
    same float64 back. Line ends and other control characters in names become spaces.
    """
    unit = spectrum.intensity_unit if spectrum.intensity_unit == "1/cm" else _ARBITRARY
    said = [("technique", spectrum.technique or ""), ("sample", _on_one_line(spectrum.sample))]
    lines = [f"{name}: {fact}" for name, fact in said if fact]
    lines += [_on_one_line(line) for text in header for line in text.splitlines()]
    lines += [f"note: {_on_one_line(note)}" for note in spectrum.notes]
    lines += [f"sigma: {_on_one_line(about_sigma)}"] if about_sigma else []
    further: list[tuple[str, Curve | None]] = [
        *zip((f"lower [{unit}]", f"upper [{unit}]"), band or (), strict=False),
        *(extra or {}).items(),
        *((f"draw_{i} [{unit}]", draw) for i, draw in enumerate(() if draws is None else draws, start=1)),
    ]
    columns = [
        ("q [1/A]", spectrum.q),
        (f"intensity [{unit}]", spectrum.intensity),
        (f"sigma [{unit}]", spectrum.sigma),
        ("dq [1/A]", spectrum.dq),
        *further,
    ]
    while columns[-1][1] is None:
        del columns[-1]
    lines += [f"{name.partition(' ')[0]}: unknown, written as 0" for name, values in columns if values is None]
    unknown = np.zeros_like(spectrum.q)
    write_csv(path, {name: unknown if values is None else values for name, values in columns}, lines)


def write_nxcansas(
    path: Path,
    spectrum: Spectrum,
    band: tuple[Curve, Curve] | None = None,
    extra: Mapping[str, Curve] | None = None,
    draws: Curve | None = None,
    about_sigma: str = "",
) -> None:
    """Write one spectrum as NXcanSAS, which SasView and Mantid open.

    Parameters
    ----------
    path : Path
        File to write.
    spectrum : Spectrum
        Its sigma becomes Idev, its dq Qdev, its notes a SASnote.
    band : (lower, upper), optional
        Bounds of the intensity, in its unit; written as I_lower and I_upper beside I.
    extra : mapping, optional
        Further numbers without unit beside I, under these names.
    draws : array, shape (draws, points), optional
        Further curves in the unit of the intensity; written as draw.
    about_sigma : str, optional
        What sigma is, where it is not the uncertainty of a measurement; the attribute description of Idev.

    Notes
    -----
    Mantid opens no file without Idev; SasView does.

    References
    ----------
    NXcanSAS application definition, NeXus, https://manual.nexusformat.org/classes/applications/NXcanSAS.html
    """
    called = _on_one_line(spectrum.sample)
    with hdf5_written_whole(path) as file:
        file.attrs["default"] = "sasentry"
        entry = _group(file, "sasentry", "SASentry", "NXentry", version="1.1", default="sasdata")
        entry["definition"] = "NXcanSAS"
        entry["title"] = called or " "  # Mantid does not survive an empty text
        entry["run"] = _on_one_line(spectrum.source.entry) or "1"
        data = _curve(entry, spectrum, about_sigma)
        unit = data["I"].attrs["units"]
        for name, values in zip(("I_lower", "I_upper"), band or (), strict=False):
            _numbers(data, name, values, unit)
        for name, values in (extra or {}).items():
            data.create_dataset(name, data=np.asarray(values, np.float64))
        if draws is not None:
            _numbers(data, "draw", draws, unit)

        sample = _group(entry, "sassample", "SASsample", "NXsample")
        sample["name"] = called
        instrument = _group(entry, "sasinstrument", "SASinstrument", "NXinstrument")
        instrument["name"] = "unknown"  # without a name Mantid takes the default instrument of its user
        if spectrum.technique is not None:
            _group(instrument, "sassource", "SASsource", "NXsource")["probe"] = _PROBES[spectrum.technique]
        process = _group(entry, "sasprocess", "SASprocess", "NXprocess")
        process["name"], process["version"] = "PairVAE", __version__
        if spectrum.notes:
            note = _group(entry, "sasnote", "SASnote", "NXnote")
            note["data"] = "\n".join(map(_on_one_line, spectrum.notes))


def _curve(entry: h5py.Group, spectrum: Spectrum, about_sigma: str) -> h5py.Group:
    """The SASdata group with what a spectrum holds."""
    data = _group(entry, "sasdata", "SASdata", "NXdata", signal="I", I_axes="Q", Q_indices=np.array([0]))
    intensity = "1/cm" if spectrum.intensity_unit == "1/cm" else _ARBITRARY
    _numbers(data, "Q", spectrum.q, "1/angstrom")
    _numbers(data, "I", spectrum.intensity, intensity)
    if spectrum.sigma is not None:
        _numbers(data, "Idev", spectrum.sigma, intensity)
        data["I"].attrs["uncertainties"] = "Idev"
        if about_sigma:
            data["Idev"].attrs["description"] = _on_one_line(about_sigma)
    if spectrum.dq is not None:
        _numbers(data, "Qdev", spectrum.dq, "1/angstrom")
        data["Q"].attrs.update({"resolutions": "Qdev", "resolutions_description": "Gaussian"})
    return data


def _on_one_line(text: str) -> str:
    """Without line ends and what no file can hold, as half a surrogate pair."""
    return "".join(sign if sign.isprintable() else " " for sign in text).strip()


def _group(parent: h5py.Group, name: str, kind: str, nexus: str, **attributes: Any) -> h5py.Group:
    group = parent.create_group(name)
    group.attrs.update({"canSAS_class": kind, "NX_class": nexus, **attributes})
    return group


def _numbers(group: h5py.Group, name: str, values: Curve, unit: str) -> None:
    group.create_dataset(name, data=np.asarray(values, np.float64)).attrs["units"] = unit
