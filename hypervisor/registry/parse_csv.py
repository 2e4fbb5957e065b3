"""Parse CSV inventories into the tree that YAML gives."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping

from hypervisor.registry.departements import NAMES, departement_of
from hypervisor.registry.problems import InventoryError, Problem, Where
from hypervisor.registry.tree import Fields, Items, Leaf, Node
from sensors._domain import Catalogue
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

Row = dict[str, Leaf]  # only the cells that hold something

Build = Callable[[list[Row], Where, list[Problem]], Fields]

_PLAIN: Mapping[str, tuple[str, ...]] = {
    "gateway": ("title", "protocol", "lon", "lat"),
    "group": ("title", "kind", "site"),
    "asset": ("title", "kind", "commune", "lon", "lat", "geometry", "site", "illustrative"),
}

_INSIDE: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "gateway": {},
    "group": {"supply": ("plan", "switched")},
    "asset": {"reach": ("gauge", "level")},
}


def parse_csv(text: str, *, file: str, catalogue: Catalogue, problems: list[Problem]) -> Fields:
    """The tree of a sheet; its header determines the kind.

    Raises:
        InventoryError: the header is that of no sheet we know.
    """
    delimiter = max(";,\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    top = Where(file=file, line=1)
    header = [cell.strip() for cell in next(reader, [])]
    columns: tuple[str, ...]
    build: Build
    first = header[0] if header else ""
    if "insee" in header:
        columns, build = COMMUNE_COLUMNS, _build_areas
    elif first in EQUIPMENT_SHEETS:
        columns, build = EQUIPMENT_SHEETS[first]
    elif "site" in header:
        own = (f"{_OWN}{name}" for name in catalogue.thresholds)
        columns, build = (*SITE_COLUMNS, *catalogue.thresholds, *own), _build_sites
        header = _prefix_own_columns(header)
    else:
        kinds = (
            f"a sheet of communes ({';'.join(COMMUNE_COLUMNS)}), of sites and devices (site;…),"
            f" or one that begins with {', '.join(EQUIPMENT_SHEETS)}"
        )
        raise InventoryError(
            [Problem(where=top, text=f"the first line is the header of no sheet we know: {kinds}")]
        )
    for name in header:
        if name not in columns:
            problems.append(
                Problem(where=top, text=f"there is no column {name!r}{did_you_mean(name, columns)}")
            )
        elif header.count(name) > 1:
            problems.append(Problem(where=top, text=f"column {name!r} stands there twice"))
    if problems:
        raise InventoryError(problems)
    return build(read_rows(reader, header, file, problems), top, problems)


def read_rows(
    reader: Iterable[list[str]], header: list[str], file: str, problems: list[Problem]
) -> list[Row]:
    """The rows that are not empty; a wrong number of cells is a problem."""
    kept: list[Row] = []
    for line, cells in enumerate(reader, start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            text = f"{len(cells)} cells, the header has {len(header)}"
            problems.append(Problem(where=Where(file=file, line=line), text=text))
            continue
        kept.append(
            {
                name: Leaf(
                    text=None if cell.strip() == "null" else cell.strip(),
                    where=Where(file=file, line=line, field=name),
                )
                for name, cell in zip(header, cells, strict=True)
                if cell.strip()
            }
        )
    return kept


def row_place(row: Row, field: str = "") -> Where:
    """The place of a row."""
    where = next(iter(row.values())).where
    return Where(file=where.file, line=where.line, field=field)


def report_missing(row: Row, names: tuple[str, ...], problems: list[Problem]) -> bool:
    """Whether a row lacks a required cell (a problem)."""
    absent = [name for name in names if name not in row]
    problems.extend(Problem(where=row_place(row, name), text="is empty") for name in absent)
    return bool(absent)


def make_fields(where: Where, **nodes: Node) -> Fields:
    """A mapping node."""
    return Fields(fields=dict(nodes), where=where)


def _prefix_own_columns(header: list[str]) -> list[str]:
    """Coordinates in columns after the device's name are the device's own."""
    if "device" not in header:
        return header
    at = header.index("device")
    return [
        f"{_OWN}{name}" if name in _POINT and column > at else name
        for column, name in enumerate(header)
    ]


def _build_areas(rows: list[Row], top: Where, problems: list[Problem]) -> Fields:
    """Communes, and before them the départements and EPCI that they name."""
    above: dict[str, Fields] = {}
    communes: list[Fields] = []
    for row in rows:
        if report_missing(row, ("insee", "commune"), problems):
            continue
        code = row["insee"].text or ""
        where = row_place(row, code)
        parent = departement_of(code)
        if parent in NAMES and parent not in above:
            above[parent] = _area_fields(where, parent, "departement", NAMES[parent], None)
        parent_node = Leaf(text=parent, where=where) if parent in NAMES else None
        siren = row.get("epci_siren")
        if siren is not None and siren.text is not None:
            if siren.text not in above and not report_missing(row, ("epci",), problems):
                name = row["epci"].text or ""
                above[siren.text] = _area_fields(where, siren.text, "epci", name, parent_node)
            parent_node = siren
        commune = _area_fields(where, code, "commune", row["commune"].text or "", parent_node)
        commune.fields.update(
            {name: row[name] for name in ("population", "lon", "lat") if name in row}
        )
        communes.append(commune)
    return make_fields(top, areas=Items(items=(*above.values(), *communes), where=top))


def _area_fields(where: Where, code: str, kind: str, name: str, parent: Leaf | None) -> Fields:
    def leaf(text: str) -> Leaf:
        return Leaf(text=text, where=where)

    area = make_fields(where, code=leaf(code), kind=leaf(kind), name=leaf(name))
    if parent is not None:
        area.fields["parent"] = parent
    return area


def _build_sites(rows: list[Row], top: Where, problems: list[Problem]) -> Fields:
    """One row a device; all rows of a site must agree on the site's cells."""
    sites: dict[str, Fields] = {}
    links: list[Node] = []
    for row in rows:
        if report_missing(row, ("site",), problems):
            continue
        name = row["site"].text or ""
        site = sites.setdefault(name, make_fields(row_place(row, name), name=row["site"]))
        thresholds = {key for key in row if key not in SITE_COLUMNS and not key.startswith(_OWN)}
        _merge_cells(site, {key: row[key] for key in _SITE if key in row}, problems)
        if thresholds:
            standing = site.fields.setdefault("thresholds", make_fields(row_place(row, name)))
            if isinstance(standing, Fields):
                _merge_cells(
                    standing, {key: row[key] for key in row if key in thresholds}, problems
                )
        if "device" in row:
            devices = site.fields.get("devices")
            before = devices.items if isinstance(devices, Items) else ()
            site.fields["devices"] = Items(items=(*before, _device_fields(row)), where=site.where)
        if "downstream" in row:
            ends = {"from": row["site"], "to": row["downstream"]}
            travel = {"travel": row["travel"]} if "travel" in row else {}
            links.append(Fields(fields={**ends, **travel}, where=row_place(row, "downstream")))
    return make_fields(
        top,
        sites=Items(items=tuple(sites.values()), where=top),
        links=Items(items=tuple(links), where=top),
    )


def _merge_cells(standing_fields: Fields, cells: Row, problems: list[Problem]) -> None:
    for name, cell in cells.items():
        standing = standing_fields.fields.setdefault(name, cell)
        if isinstance(standing, Leaf) and standing.text != cell.text:
            text = f"{cell.text!r}, but line {standing.where.line} says {standing.text!r}"
            problems.append(Problem(where=cell.where, text=text))


def _device_fields(row: Row) -> Fields:
    device: dict[str, Node] = {"name": row["device"]}
    device.update({name: row[name] for name in _DEVICE if name in row})
    own = {key.removeprefix(_OWN): cell for key, cell in row.items() if key.startswith(_OWN)}
    device.update({name: own.pop(name) for name in _POINT if name in own})
    if own:
        device["thresholds"] = Fields(fields=dict(own), where=row["device"].where)
    names = (row["series"].text or "").replace(",", " ").split() if "series" in row else []
    interval = {"interval": row["interval"]} if "interval" in row else {}
    if names:
        where = row["series"].where
        device["series"] = Fields(
            fields={name: Fields(fields=dict(interval), where=where) for name in names},
            where=where,
        )
    return Fields(fields=device, where=row_place(row, row["device"].text or ""))


def _builder(kind: str) -> Build:
    def build(rows: list[Row], top: Where, problems: list[Problem]) -> Fields:
        items = [
            _build_fields(kind, row) for row in rows if not report_missing(row, (kind,), problems)
        ]
        return make_fields(top, **{f"{kind}s": Items(items=tuple(items), where=top)})

    return build


def _build_fields(kind: str, row: Row) -> Fields:
    """One row; nested fields of YAML are columns."""
    thing = make_fields(row_place(row, row[kind].text or ""), name=row[kind])
    thing.fields.update({name: row[name] for name in _PLAIN[kind] if name in row})
    for name, columns in _INSIDE[kind].items():
        cells: dict[str, Node] = {column: row[column] for column in columns if column in row}
        if any(isinstance(cell, Leaf) and cell.text is not None for cell in cells.values()):
            thing.fields[name] = make_fields(next(iter(cells.values())).where, **cells)
        elif cells:
            thing.fields[name] = next(iter(cells.values()))  # null: withdrawn
    if "members" in row:
        names = (row["members"].text or "").replace(",", " ").split()
        where = row["members"].where
        members = tuple(Leaf(text=name, where=where) for name in names)
        thing.fields["members"] = Items(items=members, where=where)
    return thing


EQUIPMENT_SHEETS: Mapping[str, tuple[tuple[str, ...], Build]] = {
    kind: (
        (kind, *columns, *(name for inside in _INSIDE[kind].values() for name in inside))
        + (("members",) if kind == "group" else ()),
        _builder(kind),
    )
    for kind, columns in _PLAIN.items()
}
