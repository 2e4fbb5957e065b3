"""Parse CSV inventories into the tree that YAML gives."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping

from hypervisor.registry.departements import NAMES, departement_of
from hypervisor.registry.tree import Fields, InventoryError, Items, Node, Problem, Where
from sensors._domain import Catalogue
from sensors._errors import Message
from sensors._nearest import did_you_mean

COMMUNE_COLUMNS = ("insee", "commune", "epci_siren", "epci", "population", "lon", "lat")
_SITE = ("title", "domain", "commune", "lon", "lat", "river", "river_order", "illustrative")
_DEVICE = (
    *("model", "commissioned", "retired", "in_service", "group", "gateway", "address", "codec"),
)
_OWN = "device."  # before a column that sites have too: it is the device's
_POINT = ("lon", "lat")
SITE_COLUMNS = (
    *("site", *_SITE, "device", *_DEVICE, *(f"{_OWN}{name}" for name in _POINT)),
    *("series", "interval", "downstream", "travel"),
)

# Sheets with one row a thing: its columns, and those of the mapping inside it.
_PLAIN: Mapping[str, tuple[str, ...]] = {
    "gateway": ("title", "protocol", "lon", "lat"),
    "group": ("title", "kind", "site", "members"),
    "asset": ("title", "kind", "commune", "lon", "lat", "geometry", "site", "illustrative"),
}
_INSIDE: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "group": ("supply", ("plan", "switched")),
    "asset": ("reach", ("gauge", "level")),
}

Row = Fields  # only the cells that hold something
Build = Callable[[list[Row], Where, list[Problem]], Fields]


def parse_csv(text: str, *, file: str, catalogue: Catalogue, problems: list[Problem]) -> Fields:
    """The tree of a sheet; its header determines the kind.

    Raises InventoryError: the header is that of no sheet we know.
    """
    delimiter = max(";,\t", key=text.partition("\n")[0].count)
    reader = _read_cells(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), file)
    top = Where(file=file, line=1)
    header = [cell.strip() for cell in next(reader, [])]
    first = header[0] if header else ""
    columns: tuple[str, ...]
    build: Build
    if "insee" in header:
        columns, build = COMMUNE_COLUMNS, _build_areas
    elif first in _PLAIN:
        columns = (first, *_PLAIN[first], *_INSIDE.get(first, ("", ()))[1])
        build = _builder(first)
    elif "site" in header:
        own = (f"{_OWN}{name}" for name in catalogue.thresholds)
        columns, build = (*SITE_COLUMNS, *catalogue.thresholds, *own), _build_sites
        header = _prefix_own_columns(header)
    else:
        raise InventoryError.at(
            top,
            Message(
                "the first line is not the header of a sheet of inventories: a sheet of communes "
                "({columns}), of sites and devices (site;…), or one that begins with {kinds}",
                ";".join(COMMUNE_COLUMNS),
                ", ".join(_PLAIN),
            ),
        )
    for name in dict.fromkeys(header):
        if name not in columns:
            text = Message("there is no column {name!r}{hint}", name, did_you_mean(name, columns))
            problems.append(Problem(where=top, text=text))
        elif header.count(name) > 1:
            problems.append(Problem(where=top, text=Message("column {name!r} appears twice", name)))
    if problems:
        raise InventoryError(problems)
    return build(_read_rows(reader, header, file, problems), top, problems)


def _read_rows(
    reader: Iterable[list[str]], header: list[str], file: str, problems: list[Problem]
) -> list[Row]:
    """The rows that are not empty; a wrong number of cells is a problem."""
    rows: list[Row] = []
    for line, cells in enumerate(reader, start=2):
        here = Where(file=file, line=line)
        if len(cells) != len(header) and any(cell.strip() for cell in cells):
            text = Message("{count} cells, the header has {columns}", len(cells), len(header))
            problems.append(Problem(where=here, text=text))
            continue
        row = Fields(here)
        for name, cell in zip(header, map(str.strip, cells), strict=False):
            if cell:
                row.put(name, None if cell == "null" else cell, here.inside(name))
        if row:
            rows.append(row)
    return rows


def _read_cells(lines: Iterable[list[str]], file: str) -> Iterator[list[str]]:
    read = 0
    try:
        for cells in lines:
            read += 1
            yield cells
    except csv.Error as error:
        text = Message("not readable as CSV: {error}", str(error))
        raise InventoryError.at(Where(file=file, line=read + 1), text) from error


def _require(row: Row, names: tuple[str, ...], problems: list[Problem]) -> bool:
    """Whether a row has the cells that it needs; a missing one is a problem."""
    absent = [name for name in names if not row.get(name)]
    problems.extend(Problem(where=row.at(name), text="is empty") for name in absent)
    return not absent


def _pick(row: Row, names: Iterable[str], where: Where) -> Fields:
    """Some of the cells as a mapping."""
    fields = Fields(where)
    for name in names:
        if name in row:
            fields.put(name.removeprefix(_OWN), row[name], row.at(name))
    return fields


def _named(row: Row, column: str, names: Iterable[str]) -> Fields:
    """A thing with the name in a column, and other cells."""
    fields = Fields(row.where.inside(str(row[column])))
    fields.put("name", row[column], row.at(column))
    picked = _pick(row, names, fields.where)
    fields.update(picked)
    fields.places.update(picked.places)
    return fields


def _list(top: Where, things: Iterable[Fields]) -> Items:
    return Items(top, ((thing, thing.where) for thing in things))


def _words(row: Row, column: str) -> list[str]:
    return str(row.get(column) or "").replace(",", " ").split()


def _prefix_own_columns(header: list[str]) -> list[str]:
    """Coordinates in columns after the device's name are the device's own."""
    at = header.index("device") if "device" in header else len(header)
    return [
        f"{_OWN}{name}" if name in _POINT and column > at else name
        for column, name in enumerate(header)
    ]


def _build_areas(rows: list[Row], top: Where, problems: list[Problem]) -> Fields:
    """Communes, and before them the départements and EPCI that they name."""
    areas: dict[str, Fields] = {}
    communes: list[Fields] = []
    for row in rows:
        if not _require(row, ("insee", "commune"), problems):
            continue
        code = str(row["insee"])
        where = row.where.inside(code)
        departement = departement_of(code)
        parent = departement if departement in NAMES else None
        if parent is not None:
            areas.setdefault(parent, _area(where, parent, "departement", NAMES[parent], None))
        siren = row.get("epci_siren")
        if isinstance(siren, str):
            if siren not in areas and _require(row, ("epci",), problems):
                areas[siren] = _area(where, siren, "epci", str(row["epci"]), parent)
            parent = siren
        commune = _area(where, code, "commune", str(row["commune"]), parent)
        for name in ("population", "lon", "lat"):
            if name in row:
                commune.put(name, row[name], row.at(name))
        communes.append(commune)
    return Fields(top, {"areas": _list(top, (*areas.values(), *communes))})


def _area(where: Where, code: str, kind: str, name: str, parent: str | None) -> Fields:
    area: dict[str, Node] = {"code": code, "kind": kind, "name": name}
    return Fields(where, area if parent is None else {**area, "parent": parent})


def _build_sites(rows: list[Row], top: Where, problems: list[Problem]) -> Fields:
    """One row a device; all rows of a site must agree on the site's cells."""
    sites: dict[str, Fields] = {}
    thresholds: dict[str, Fields] = {}
    devices: dict[str, list[Fields]] = {}
    links: list[Fields] = []
    for row in rows:
        if not _require(row, ("site",), problems):
            continue
        name = str(row["site"])
        site = sites.setdefault(name, _named(row, "site", ()))
        _merge(site, _pick(row, _SITE, site.where), problems)
        limits = [key for key in row if key not in SITE_COLUMNS and not key.startswith(_OWN)]
        levels = thresholds.setdefault(name, Fields(site.where))
        _merge(levels, _pick(row, limits, site.where), problems)
        if "device" in row:
            devices.setdefault(name, []).append(_device(row))
        if "downstream" in row:
            link = _pick(row, ("travel",), row.where.inside("downstream"))
            link.put("from", name, row.at("site"))
            link.put("to", row["downstream"], row.at("downstream"))
            links.append(link)
    for name, site in sites.items():
        site["thresholds"] = thresholds[name]
        site["devices"] = _list(site.where, devices.get(name, ()))
    return Fields(top, {"sites": _list(top, sites.values()), "links": _list(top, links)})


def _merge(fields: Fields, cells: Fields, problems: list[Problem]) -> None:
    for name, cell in cells.items():
        if name not in fields:
            fields.put(name, cell, cells.at(name))
        elif fields[name] != cell:
            text = Message(
                "{cell!r}, but line {line} has {other!r}", cell, fields.at(name).line, fields[name]
            )
            problems.append(Problem(where=cells.at(name), text=text))


def _device(row: Row) -> Fields:
    device = _named(row, "device", (*_DEVICE, *(f"{_OWN}{name}" for name in _POINT)))
    own = [key for key in row if key.startswith(_OWN) and key.removeprefix(_OWN) not in _POINT]
    if own:
        device.put("thresholds", _pick(row, own, row.at("device")), row.at("device"))
    if names := _words(row, "series"):
        series = Fields(row.at("series"))
        for name in names:
            series.put(name, _pick(row, ("interval",), series.where), series.where)
        device.put("series", series, series.where)
    return device


def _builder(kind: str) -> Build:
    def build(rows: list[Row], top: Where, problems: list[Problem]) -> Fields:
        things = (_thing(kind, row) for row in rows if _require(row, (kind,), problems))
        return Fields(top, {f"{kind}s": _list(top, things)})

    return build


def _thing(kind: str, row: Row) -> Fields:
    """One row; nested fields of YAML are columns."""
    thing = _named(row, kind, _PLAIN[kind])
    inside, columns = _INSIDE.get(kind, ("", ()))
    given = [column for column in columns if column in row]
    if given:
        cells = _pick(row, given, row.at(given[0]))
        withdrawn = all(cell is None for cell in cells.values())
        thing.put(inside, None if withdrawn else cells, cells.where)
    if "members" in thing:
        where = row.at("members")
        members = Items(where, ((name, where) for name in _words(row, "members")))
        thing.put("members", members, where)
    return thing
