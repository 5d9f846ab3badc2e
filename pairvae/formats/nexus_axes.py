"""Which numbers of a group of class SASdata or NXdata are the intensity, which are q, and along which dimension."""

import re
from dataclasses import dataclass
from typing import Any, NoReturn

import h5py
import numpy as np

from pairvae.errors import ReadError
from pairvae.formats.column_names import read_field
from pairvae.formats.hdf5_screen import check_size
from pairvae.scattering.units import find_q_unit, is_arbitrary, is_cross_section

# a name that means |q|, with nothing or a unit behind it ("q_nm^-1")
_Q_NAME = re.compile(
    r"\|?q\|?(?:[\s_-]*(?:abs|r|axis|bins?|centers?|values?|mag(?:nitude)?|vector|modulus)|[\s_]*[(\[]?(?P<unit>.*?)[)\]]?)"
    r"|(?:mod(?:ulus)?[\s_]*q|momentum[\s_]*transfer|scattering[\s_]*vector)",
    re.IGNORECASE,
)
_OTHER_NAME = re.compile(
    r"energy|wave(?!.?vector)|lambda|freq|raman|time|^d$|^q[\s_-]?(?:[xyz]|par|perp|hor|ver|ip|oop)\w*$|^k[xyz]?$",
    re.IGNORECASE,
)
_ANGLE = re.compile(r"theta|2th|tth|angle|deg|rad(?:ian)?s?$|polar", re.IGNORECASE)
_INTENSITY_NAME = re.compile(
    r"i|i[\s_(].*|iq|y|values?|.*(?:intens|count|scatter|saxs|sans|waxs|cross|integrat|profile|pattern|data|result|signal"
    r"|corrected|subtracted|normal|average|mean|sum).*",
    re.IGNORECASE,
)


class NotACurve(ReadError):
    """A group that holds numbers, but no I(q).

    Parameters
    ----------
    sentence : str
        What it holds.
    image : bool
        Whether these are two-dimensional detector data.
    """

    def __init__(self, sentence: str, image: bool) -> None:
        super().__init__(sentence)
        self.image = image


class DataGroup:
    """A group of class SASdata or NXdata.

    Parameters
    ----------
    group : h5py.Group
        Of a screened file.
    """

    def __init__(self, group: h5py.Group) -> None:
        self.group, self.attrs = group, group.attrs
        self.is_sasdata = class_of(group) == "SASdata"
        self.names = tuple(group)
        self._by_lower: dict[str, str] = {}
        for name in self.names:
            self._by_lower.setdefault(name.lower(), name)

    def dataset(self, name: str, kinds: str = "fiu") -> h5py.Dataset | None:
        """Look up a data set of plain numbers, by its name in any case; nothing outside the group."""
        key = name if name in self.names else self._by_lower.get(name.lower())
        dataset = None if key is None else self.group.get(key)
        usable = isinstance(dataset, h5py.Dataset) and dataset.dtype.kind in kinds and dataset.shape is not None
        return dataset if usable else None

    @property
    def signal(self) -> h5py.Dataset | None:
        """The plottable data: what `signal` names, on the group or, in old files, on the data set; else I."""
        signal = self.dataset(text_of(self.attrs.get("signal")))
        if signal is not None:
            return signal
        for name in self.names:
            dataset = self.dataset(name)
            if dataset is not None and text_of(dataset.attrs.get("signal")) == "1":
                return dataset
        return self.dataset("I")

    @property
    def plots_intensity(self) -> bool:
        """Whether the plottable data are an intensity: by the class of the group, or by their name or unit."""
        signal = self.signal
        if self.is_sasdata or signal is None:
            return self.is_sasdata
        unit = text_of(signal.attrs.get("units", signal.attrs.get("unit")))
        return bool(_INTENSITY_NAME.fullmatch(short_name(signal))) or is_cross_section(unit) or is_arbitrary(unit)

    @property
    def axes(self) -> list[str]:
        """The name of each dimension of the plottable data, as far as the file says them."""
        signal = self.signal
        stated = [
            self.attrs.get("I_axes"),
            self.attrs.get("axes"),
            None if signal is None else signal.attrs.get("axes"),
        ]
        for value in stated:
            names = attribute_names(value)
            if names:
                return names
        numbered: dict[int, str] = {}
        for name in self.names:
            dataset = self.dataset(name)
            numbers = _integers(dataset.attrs.get("axis")) if dataset is not None else []
            if len(numbers) == 1:
                numbered.setdefault(numbers[0], name)
        return [numbered[number] for number in sorted(numbered)]


@dataclass(frozen=True)
class Layout:
    """Where a group holds intensity and q.

    Parameters
    ----------
    signal, q : h5py.Dataset
    shape : tuple of int
        Of the intensity, without dimensions of one.
    along : int
        The dimension of `shape` along which q runs; the others count frames.
    axes : tuple of str
        What the file calls each dimension of `shape`; empty where it does not say.
    indices : dict of tuple of int
        Dimensions of `shape` that a data set depends on, by the name of the data set in lower case.
    """

    signal: h5py.Dataset
    q: h5py.Dataset
    shape: tuple[int, ...]
    along: int
    axes: tuple[str, ...]
    indices: dict[str, tuple[int, ...]]

    def indices_of(self, dataset: h5py.Dataset) -> tuple[int, ...]:
        """Dimensions of `shape` that a data set depends on, where the file says so."""
        return self.indices.get(short_name(dataset).lower(), ())


def layout_of(group: DataGroup, where: str) -> Layout:
    """Find intensity and q in a group.

    Raises
    ------
    NotACurve
        An image, or an axis that is not q.
    ReadError
        There is no intensity or no q.
    """
    signal = group.signal
    if signal is None:
        raise ReadError(f"{where}: intensity has no numbers; expected one number per q; export I(q) in one dimension")
    _refuse_other(signal, "signal", "I", not group.is_sasdata, where)
    check_size(signal, where)
    names = group.axes
    kept = [dimension for dimension, length in enumerate(signal.shape) if length != 1]
    shape = tuple(signal.shape[dimension] for dimension in kept) or (1,)
    axes = tuple(names[dimension] for dimension in kept) if kept and len(names) == len(signal.shape) else ()
    if not kept and len(names) == len(signal.shape):
        axes = tuple(names[-1:])
    indices = {
        key.removesuffix("_indices").lower(): tuple(kept.index(at) for at in _integers(group.attrs[key]) if at in kept)
        for key in group.attrs
        if key.endswith("_indices")
    }
    over_q = [dimension for dimension, name in enumerate(axes) if _is_q(group, name)]
    along: int | None
    if len(over_q) == 1:
        q, along = group.dataset(axes[over_q[0]]), over_q[0]
    else:
        q = _q_beside(group, signal, names, group.is_sasdata and len(shape) == 1)
        stated = indices.get(short_name(q).lower(), ()) if q is not None else ()
        along = _dimension_of(q, shape, stated, where) if q is not None and len(over_q) < 2 else None
    if q is None and len(shape) == 1:
        _refuse_axis(group, signal, names, where)
    if q is None or along is None:
        shown = signal.shape if q is None or len(shape) > 1 or q.size == max(q.shape, default=1) else q.shape
        column = "intensity" if shown is signal.shape else "q"
        raise NotACurve(
            f"{where}: {column} has numbers of shape {shown}; expected one number per q; export I(q) in one dimension, "
            "or name each dimension of a series in I_axes, as 'Time', 'Q'",
            image=len(shape) > 1,
        )
    _refuse_other(q, "axis", "q", False, where)
    check_size(q, where)
    return Layout(signal, q, shape, along, axes, indices)


def class_of(group: h5py.Group) -> str:
    """The class of a group, that of canSAS where it has one."""
    return next(
        (name for key in ("canSAS_class", "SAS_class", "NX_class") if (name := text_of(group.attrs.get(key)))), ""
    )


def short_name(dataset: h5py.Dataset) -> str:
    """The name of a data set within its group."""
    return str(dataset.name).rsplit("/", 1)[-1]


def unit_of(dataset: h5py.Dataset) -> str:
    """The unit that a data set states, in its label or name where there is no attribute for it, empty where nowhere."""
    unit = text_of(dataset.attrs.get("units", dataset.attrs.get("unit")))
    short = short_name(dataset)
    if not unit:
        label = re.search(r"[(\[]([^()\[\]]+)[)\]]$", text_of(dataset.attrs.get("long_name")))
        name = _Q_NAME.fullmatch(short)
        labels = [match for match in (label and label[1], name and name["unit"]) if match]
        unit = next((text for text in labels if find_q_unit(text)), "")
    return f"s {unit}" if short == "s" and find_q_unit(unit) else unit


def attribute_names(value: Any) -> list[str]:
    """Names in an attribute: a list of texts, or one text with commas, colons or blanks."""
    if value is None:
        return []
    texts = [text_of(part) for part in np.ravel(value)]
    parts = texts if len(texts) > 1 else re.split(r"[,:\s]+", texts[0]) if texts else []
    return [part.strip() for part in parts if part.strip()]


def text_of(value: Any) -> str:
    """An attribute or a data set's content as text; several joined with commas."""
    if value is None:
        return ""
    parts = [part.decode("utf-8", "replace") if isinstance(part, bytes) else str(part) for part in np.ravel(value)]
    return ",".join(parts).strip()


def _integers(value: Any) -> list[int]:
    return [int(number) for number in re.findall(r"\d{1,9}", text_of(value))]


def _is_q(group: DataGroup, name: str) -> bool:
    """Whether an axis is |q|: by its name, or by a unit that only q has."""
    dataset = group.dataset(name)
    if dataset is None:
        return False
    called = {name, text_of(dataset.attrs.get("name"))}
    if any(_OTHER_NAME.search(label) for label in called):
        return False
    stated = text_of(dataset.attrs.get("units", dataset.attrs.get("unit")))
    if any(_names_q(label) for label in called):
        return not _ANGLE.search(stated)
    return find_q_unit(unit_of(dataset)) is not None


def _names_q(label: str) -> bool:
    match = _Q_NAME.fullmatch(label)
    return match is not None and (not match["unit"] or find_q_unit(match["unit"]) is not None)


def _refuse_other(dataset: h5py.Dataset, what: str, column: str, by_name: bool, where: str) -> None:
    """Refuse numbers that their label, or also name and unit, call something else, such as log I, I·q⁴ or 2theta."""
    unit = text_of(dataset.attrs.get("units", dataset.attrs.get("unit")))
    names = (short_name(dataset), unit and f"I ({unit})", unit) if by_name else ()
    for text in (text_of(dataset.attrs.get("long_name")), *names):
        field = read_field(text) if text else None
        if field is not None and field.role == "other" and field.in_place_of == column:
            raise ReadError(f"{where}: its {what} is {field.what} ({text}); expected {column}; {field.mend}")


def _q_beside(group: DataGroup, signal: h5py.Dataset, names: list[str], only_q: bool) -> h5py.Dataset | None:
    """The data set of q where the axes do not name it for each dimension.

    With `only_q` an axis of any name is q, unless its name or its unit says something else.
    """
    datasets = [(name, group.dataset(name)) for name in (*names, "Q")]
    present = [(name, axis) for name, axis in datasets if axis is not None and axis.name != signal.name]
    for name, dataset in present:
        if _is_q(group, name):
            return dataset
    for name, dataset in present if only_q else []:
        if not _OTHER_NAME.search(name) and not _ANGLE.search(name) and not _ANGLE.search(unit_of(dataset)):
            return dataset
    return None


def _dimension_of(q: h5py.Dataset, shape: tuple[int, ...], stated: tuple[int, ...], where: str) -> int | None:
    """The dimension along which q runs, by its length; None where that is not clear.

    A stated dimension decides between equal lengths, unless it is 0, which some programs write in any case.
    """
    lengths = [length for length in q.shape if length != 1] or [1]
    if len(lengths) == 1:
        fitting = [dimension for dimension, length in enumerate(shape) if length == lengths[0]]
        if len(fitting) > 1 and len(stated) == 1 and stated[0] > 0:
            fitting = [dimension for dimension in fitting if dimension == stated[0]]
        return fitting[0] if len(fitting) == 1 else None
    if tuple(lengths) != shape or len(shape) != 2:
        return None
    check_size(q, where)
    values = np.squeeze(q[()])
    if (values == values[:1]).all():  # every frame has the same q; an image has not
        return 1
    return 0 if (values == values[:, :1]).all() else None


def _refuse_axis(group: DataGroup, signal: h5py.Dataset, names: list[str], where: str) -> NoReturn:
    """Refuse a curve over something else than q, with the name of its axis."""
    short = short_name(signal)
    name = next((name for name in names if name != "."), "")
    axis = group.dataset(name)
    if axis is None:
        sentence = f"{where}: q has no numbers; expected one number per q; export I(q) in one dimension"
        raise ReadError(sentence) if group.is_sasdata else NotACurve(sentence, image=False)
    unit = text_of(axis.attrs.get("units", axis.attrs.get("unit")))
    angle = _ANGLE.search(name) or _ANGLE.search(unit)
    mend = "convert it with the wavelength and export I(q)" if angle else "export I(q)"
    label = f"{name!r} in {unit!r}" if unit else repr(name)
    raise NotACurve(f"{where}: the axis of {short} is {label}; expected q; {mend}", image=False)
