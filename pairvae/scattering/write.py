"""From numbers to files that people and other programs read."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

from pairvae.atomic import written_whole
from pairvae.hdf5_file import hdf5_written_whole
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
    """Write one spectrum in the format that was asked for; see `write_nxcansas` and `write_text`."""
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
    """Write one spectrum as comma-separated text that `read_spectrum` understands without being told anything.

    Parameters
    ----------
    path : Path
        File to write.
    spectrum : Spectrum
        Sample and technique stand in the header, then its notes; each column says its unit.
    band : (lower, upper), optional
        Bounds of the intensity, in its unit; columns behind the others.
    header : sequence of str
        Lines to stand above the notes.
    extra : mapping, optional
        Further columns without unit, behind the others.
    draws : array, shape (draws, points), optional
        Further curves in the unit of the intensity; the last columns, draw_1 ….
    about_sigma : str, optional
        What sigma is, where it is not the uncertainty of a measurement; a line of the header.

    Notes
    -----
    SasView takes the third column for dI and the fourth for dQ, whatever they are called, and no other. Further columns
    therefore follow sigma and dq, which are 0 (unknown, to SasView as well) where the spectrum has none.

    Numbers are written with as many digits as it takes to read the same float64 back. Line ends and other control
    characters in names become spaces.
    """
    unit = spectrum.intensity_unit if spectrum.intensity_unit == "1/cm" else _ARBITRARY
    said = [("technique", spectrum.technique or ""), ("sample", _on_one_line(spectrum.sample))]
    lines = [f"{name}: {fact}" for name, fact in said if fact]
    lines += [_on_one_line(line) for text in header for line in text.splitlines()]
    lines += [f"note: {_on_one_line(note)}" for note in spectrum.notes]
    lines += [f"sigma: {_on_one_line(about_sigma)}"] if about_sigma else []
    further: list[tuple[str, Curve]] = [
        *zip((f"lower [{unit}]", f"upper [{unit}]"), band or (), strict=False),
        *(extra or {}).items(),
        *((f"draw_{i} [{unit}]", draw) for i, draw in enumerate(() if draws is None else draws, start=1)),
    ]
    sigma, dq, unknown = spectrum.sigma, spectrum.dq, np.zeros_like(spectrum.q)
    if dq is None and further:
        dq = unknown
    if sigma is None and dq is not None:
        sigma = unknown
    lines += [f"{name}: unknown, written as 0" for name, one in (("sigma", sigma), ("dq", dq)) if one is unknown]
    columns: list[tuple[str, Curve | None]] = [
        ("q [1/A]", spectrum.q),
        (f"intensity [{unit}]", spectrum.intensity),
        (f"sigma [{unit}]", sigma),
        ("dq [1/A]", dq),
        *further,
    ]
    write_csv(path, {name: values for name, values in columns if values is not None}, lines)


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
    Mantid opens a file with Idev alone; to SasView a spectrum without sigma is as welcome.

    References
    ----------
    NXcanSAS application definition, NeXus, https://manual.nexusformat.org/classes/applications/NXcanSAS.html
    """
    intensity = "1/cm" if spectrum.intensity_unit == "1/cm" else _ARBITRARY
    called = _on_one_line(spectrum.sample) or "unnamed"  # Mantid does not survive an empty text
    with hdf5_written_whole(path) as file:
        file.attrs["default"] = "sasentry"
        entry = _group(file, "sasentry", "SASentry", "NXentry", version="1.1", default="sasdata")
        entry["definition"] = "NXcanSAS"
        entry["title"] = called
        entry["run"] = _on_one_line(spectrum.source.entry) or "1"

        data = _group(entry, "sasdata", "SASdata", "NXdata", signal="I", I_axes="Q", Q_indices=np.array([0]))
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
        for name, values in zip(("I_lower", "I_upper"), band or (), strict=False):
            _numbers(data, name, values, intensity)
        for name, values in (extra or {}).items():
            data.create_dataset(name, data=np.asarray(values, np.float64))
        if draws is not None:
            _numbers(data, "draw", draws, intensity)

        sample = _group(entry, "sassample", "SASsample", "NXsample")
        sample["name"] = called
        instrument = _group(entry, "sasinstrument", "SASinstrument", "NXinstrument")
        instrument["name"] = "unknown"  # without a name Mantid takes its user's default instrument
        if spectrum.technique is not None:
            _group(instrument, "sassource", "SASsource", "NXsource")["probe"] = _PROBES[spectrum.technique]
        process = _group(entry, "sasprocess", "SASprocess", "NXprocess")
        process["name"], process["version"] = "PairVAE", version("pairvae")
        if spectrum.notes:
            note = _group(entry, "sasnote", "SASnote", "NXnote")
            note["data"] = "\n".join(map(_on_one_line, spectrum.notes))


def _on_one_line(text: str) -> str:
    """Without line ends and what no file can hold, as half a surrogate pair."""
    return "".join(sign if sign.isprintable() else " " for sign in text).strip()


def _group(parent: h5py.Group, name: str, kind: str, nexus: str, **attributes: Any) -> h5py.Group:
    group = parent.create_group(name)
    group.attrs.update({"canSAS_class": kind, "NX_class": nexus, **attributes})
    return group


def _numbers(group: h5py.Group, name: str, values: Curve, unit: str) -> None:
    group.create_dataset(name, data=np.asarray(values, np.float64)).attrs["units"] = unit
