"""The SASdata groups of a canSAS 1D XML file."""

import copy
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from lxml import etree
from sasdata.dataloader.readers.cansas_reader import Reader

from pairvae.errors import ReadError
from pairvae.formats.sasdata_groups import Group, Mask
from pairvae.formats.uncertainty_units import names_width, says_fwhm
from pairvae.scattering.spectrum import Curve

_VERSIONS = {"cansas1d/1.0": "1.0", "urn:cansas1d:1.1": "1.1"}
_NOTES = ("SASnote", "SASprocessnote")
_COLUMNS = {"Q": "q", "I": "intensity", "Idev": "sigma", "Qdev": "dq", "dQw": "dq"}
MOST_TAGS = 2_000_000  # bounds memory: a tag takes some hundred bytes when parsed
MOST_POINTS_FOR_SASDATA = 20_000  # above, sasdata's time per point is felt
_DOCTYPE = "{where}: declares a document type, which canSAS XML does not need; remove the <!DOCTYPE …> part"
_SCHEMA_LOCATION = "{http://www.w3.org/2001/XMLSchema-instance}schemaLocation"


def cansas_xml_groups(data: bytes, where: str) -> list[Group]:
    """List the SASdata groups of one-dimensional data.

    Raises
    ------
    ReadError
        The file is no well-formed canSAS XML, or declares entities.
    """
    root = _screened(data, where)
    namespace = etree.QName(root).namespace or ""
    if namespace not in _VERSIONS:
        raise ReadError(
            f"{where}: is canSAS XML of namespace {namespace!r}; expected {' or '.join(_VERSIONS)}; mend its first tag"
        )
    prefix = f"{{{namespace}}}"
    groups: list[Group] = []
    names: set[str] = set()
    for number, entry in enumerate(root.findall(f"{prefix}SASentry"), start=1):
        title = (entry.findtext(f"{prefix}Title") or "").strip()
        boxes = entry.findall(f"{prefix}SASdata")
        for place, box in enumerate(boxes):
            name = entry.get("name") or str(number)
            if len(boxes) > 1:
                name = f"{name}/{box.get('name') or place + 1}"
            if name in names:
                name = f"{name}#{number}"
            names.add(name)
            try:
                groups.append(_group(entry, box, name, title, prefix, f"{where}, entry {name}"))
            except ReadError as error:
                groups.append(Group(name, title, {}, "", "", _nothing, problem=str(error)))
    return groups


def _nothing(unit: str, good: Mask) -> list[Any]:
    raise ValueError(f"no data in {unit} for {good.size} points")


def _screened(data: bytes, where: str) -> Any:
    """Parse without network, DTD or entities: files come from strangers."""
    plain = data.replace(b"\0", b"") if data[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in data[:8] else data
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
        raise ReadError(_DOCTYPE.format(where=where))
    if plain.count(b"<") > MOST_TAGS:
        raise ReadError(
            f"{where}: holds {plain.count(b'<')} tags; at most {MOST_TAGS} are read; write so many points as NXcanSAS"
        )
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        reason = " ".join(str(error).split())
        raise ReadError(f"{where}: is no well-formed XML ({reason}); copy or export it anew") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise ReadError(_DOCTYPE.format(where=where))
    if etree.QName(root).localname != "SASroot":
        raise ReadError(
            f"{where}: is XML with root <{etree.QName(root).localname}>; expected canSAS 1D XML with root "
            "<SASroot>; export the reduced curve as canSAS, NXcanSAS or text"
        )
    return root


class _Points(NamedTuple):
    """The Idata of a SASdata group: columns with their tags and units, and what is stated about the width of dq."""

    columns: dict[str, Curve]
    names: dict[str, str]
    units: dict[str, str]
    resolution: str


def _read_points(points: Sequence[Any], prefix: str, where: str) -> _Points:
    units = dict.fromkeys(("q", "intensity", "sigma", "dq"), "")
    resolution = ""
    columns: dict[str, Curve] = {}
    names: dict[str, str] = {}
    tags = {f"{prefix}{tag}": tag for tag in _COLUMNS}
    for row, point in enumerate(points):
        for cell in point:
            tag = tags.get(cell.tag)
            if tag is None:
                continue
            column = _COLUMNS[tag]
            if names.setdefault(column, tag) != tag:
                continue
            text = (cell.text or "").strip()
            try:
                value = float(text or "nan")
            except ValueError:
                raise ReadError(
                    f"{where}, Idata {row + 1}: {tag} is {text[:40]!r}; expected a number; mend it"
                ) from None
            if column not in columns:
                columns[column] = np.full(len(points), np.nan)
            columns[column][row] = value
            unit = cell.get("unit") or cell.get("units") or ""
            if column == "dq" and not resolution:
                resolution = ", ".join(text for text in cell.attrib.values() if names_width(text))
            if unit and unit != units[column]:
                if units[column]:
                    raise ReadError(
                        f"{where}, Idata {row + 1}: {tag} is in {unit!r}, before in {units[column]!r}; expected one"
                    )
                units[column] = unit
    if "q" not in columns or "intensity" not in columns:
        raise ReadError(f"{where}: has no Q and I in its {len(points)} Idata; expected one of each; export it anew")
    return _Points(columns, names, units, resolution)


def _group(entry: Any, box: Any, name: str, title: str, prefix: str, where: str) -> Group:
    points = box.findall(f"{prefix}Idata")
    table = _read_points(points, prefix, where)
    source = f"{prefix}SASinstrument/{prefix}SASsource/{prefix}"
    slit = any(point.find(f"{prefix}dQl") is not None for point in points[:1])
    texts = (" ".join(note.itertext()) for kind in _NOTES for note in entry.iter(f"{prefix}{kind}"))
    return Group(
        entry=name,
        title=title,
        columns=table.columns,
        q_unit=table.units["q"],
        intensity_unit=table.units["intensity"],
        load=partial(_read_by_sasdata, entry, box, prefix, table.names),
        sigma_unit=table.units["sigma"],
        dq_unit=table.units["dq"],
        resolution=table.resolution,
        says_fwhm=any(says_fwhm(text) for text in texts),
        names=table.names,
        warnings=["slit-smeared (dQl): read as it is, not desmeared"] if slit else [],
        radiation=tuple(entry.findtext(f"{source}{tag}") or "" for tag in ("radiation", "probe", "type")),
        samples=(entry.findtext(f"{prefix}SASsample/{prefix}ID") or "", title),
    )


def _read_by_sasdata(entry: Any, box: Any, prefix: str, names: Mapping[str, str], unit: str, good: Mask) -> list[Any]:
    """What sasdata makes of one SASdata group, of which the points that are no use have been removed."""
    if good.size > MOST_POINTS_FOR_SASDATA:
        raise ValueError(f"{good.size} points are many")
    root = etree.Element(f"{prefix}SASroot", nsmap={None: prefix[1:-1]}, version=_VERSIONS[prefix[1:-1]])
    root.set(_SCHEMA_LOCATION, f"{prefix[1:-1]} cansas1d.xsd")
    own = etree.SubElement(root, entry.tag, dict(entry.attrib))
    left_out = {f"{prefix}{tag}" for tag in ("SAStransmission_spectrum", "SASprocess", "SASdata")}
    for part in entry:
        if part is box or part.tag not in left_out:
            own.append(copy.deepcopy(part))
    data = own.find(f"{prefix}SASdata")
    for kept, point in zip(good, data.findall(f"{prefix}Idata"), strict=True):
        if not kept:
            data.remove(point)
            continue
        for cell in list(point):
            tag = etree.QName(cell).localname
            if names.get(_COLUMNS.get(tag, "")) != tag or tag == "dQw":
                point.remove(cell)
            else:
                cell.set("unit", unit if tag in ("Q", "Qdev") else "1/cm")
    with TemporaryDirectory(prefix="pairvae-") as folder:
        path = Path(folder) / "entry.xml"
        root.getroottree().write(path, encoding="utf-8", xml_declaration=True)
        entries: list[Any] = Reader().read(str(path))
    return entries
