"""CSV inventories: communes, or sites and devices, as the same tree that YAML gives."""

import csv
import io

from hypervisor.registry.departements import NAMES, departement_of
from hypervisor.registry.problems import InventoryError, Problem, Where, nearest
from hypervisor.registry.rows import Row, fields, missing, place, rows
from hypervisor.registry.sheets_field import OTHERS, Build
from hypervisor.registry.tree import Fields, Items, Leaf, Node
from sensors._domain import Catalogue

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


def parse_csv(text: str, *, file: str, catalogue: Catalogue, problems: list[Problem]) -> Fields:
    """The tree of a sheet; what kind it is, its header says.

    Raises:
        InventoryError: the header is that of no sheet we know.
    """
    delimiter = max(";,\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    top = Where(file=file, line=1)
    header = [cell.strip() for cell in next(reader, [])]
    known: tuple[str, ...]
    build: Build
    first = header[0] if header else ""
    if "insee" in header:
        known, build = COMMUNE_COLUMNS, _territory
    elif first in OTHERS:
        known, build = OTHERS[first]
    elif "site" in header:
        own = (f"{_OWN}{name}" for name in catalogue.thresholds)
        known, build = (*SITE_COLUMNS, *catalogue.thresholds, *own), _sites
        header = _whose(header)
    else:
        wanted = (
            f"a sheet of communes ({';'.join(COMMUNE_COLUMNS)}), of sites and devices (site;…),"
            f" or one that begins with {', '.join(OTHERS)}"
        )
        raise InventoryError(
            [Problem(where=top, text=f"the first line is the header of no sheet we know: {wanted}")]
        )
    for name in header:
        if name not in known:
            problems.append(
                Problem(where=top, text=f"there is no column {name!r}{nearest(name, known)}")
            )
        elif header.count(name) > 1:
            problems.append(Problem(where=top, text=f"column {name!r} stands there twice"))
    if problems:
        raise InventoryError(problems)
    return build(rows(reader, header, file, problems), top, problems)


def _whose(header: list[str]) -> list[str]:
    """A point that stands after the device's name is the device's own."""
    if "device" not in header:
        return header
    at = header.index("device")
    return [
        f"{_OWN}{name}" if name in _POINT and column > at else name
        for column, name in enumerate(header)
    ]


def _territory(rows: list[Row], top: Where, problems: list[Problem]) -> Fields:
    """Départements and EPCI stand above the communes that name them, in the order met."""
    above: dict[str, Fields] = {}
    communes: list[Fields] = []
    for row in rows:
        if missing(row, ("insee", "commune"), problems):
            continue
        code = row["insee"].text or ""
        where = place(row, code)
        parent = departement_of(code)
        if parent in NAMES and parent not in above:
            above[parent] = _area(where, parent, "departement", NAMES[parent], None)
        parent_node = Leaf(text=parent, where=where) if parent in NAMES else None
        siren = row.get("epci_siren")
        if siren is not None and siren.text is not None:
            if siren.text not in above and not missing(row, ("epci",), problems):
                name = row["epci"].text or ""
                above[siren.text] = _area(where, siren.text, "epci", name, parent_node)
            parent_node = siren
        commune = _area(where, code, "commune", row["commune"].text or "", parent_node)
        commune.fields.update(
            {name: row[name] for name in ("population", "lon", "lat") if name in row}
        )
        communes.append(commune)
    return fields(top, areas=Items(items=(*above.values(), *communes), where=top))


def _area(where: Where, code: str, kind: str, name: str, parent: Leaf | None) -> Fields:
    def leaf(text: str) -> Leaf:
        return Leaf(text=text, where=where)

    area = fields(where, code=leaf(code), kind=leaf(kind), name=leaf(name))
    if parent is not None:
        area.fields["parent"] = parent
    return area


def _sites(rows: list[Row], top: Where, problems: list[Problem]) -> Fields:
    """One row a device; the rows of one site stand together or apart, and agree."""
    sites: dict[str, Fields] = {}
    links: list[Node] = []
    for row in rows:
        if missing(row, ("site",), problems):
            continue
        name = row["site"].text or ""
        site = sites.setdefault(name, fields(place(row, name), name=row["site"]))
        thresholds = {key for key in row if key not in SITE_COLUMNS and not key.startswith(_OWN)}
        _agree(site, {key: row[key] for key in _SITE if key in row}, problems)
        if thresholds:
            standing = site.fields.setdefault("thresholds", fields(place(row, name)))
            if isinstance(standing, Fields):
                _agree(standing, {key: row[key] for key in row if key in thresholds}, problems)
        if "device" in row:
            devices = site.fields.get("devices")
            before = devices.items if isinstance(devices, Items) else ()
            site.fields["devices"] = Items(items=(*before, _device(row)), where=site.where)
        if "downstream" in row:
            ends = {"from": row["site"], "to": row["downstream"]}
            travel = {"travel": row["travel"]} if "travel" in row else {}
            links.append(Fields(fields={**ends, **travel}, where=place(row, "downstream")))
    return fields(
        top,
        sites=Items(items=tuple(sites.values()), where=top),
        links=Items(items=tuple(links), where=top),
    )


def _agree(standing_fields: Fields, cells: Row, problems: list[Problem]) -> None:
    for name, cell in cells.items():
        standing = standing_fields.fields.setdefault(name, cell)
        if isinstance(standing, Leaf) and standing.text != cell.text:
            text = f"{cell.text!r}, but line {standing.where.line} says {standing.text!r}"
            problems.append(Problem(where=cell.where, text=text))


def _device(row: Row) -> Fields:
    found: dict[str, Node] = {"name": row["device"]}
    found.update({name: row[name] for name in _DEVICE if name in row})
    own = {key.removeprefix(_OWN): cell for key, cell in row.items() if key.startswith(_OWN)}
    found.update({name: own.pop(name) for name in _POINT if name in own})
    if own:
        found["thresholds"] = Fields(fields=dict(own), where=row["device"].where)
    names = (row["series"].text or "").replace(",", " ").split() if "series" in row else []
    interval = {"interval": row["interval"]} if "interval" in row else {}
    if names:
        where = row["series"].where
        found["series"] = Fields(
            fields={name: Fields(fields=dict(interval), where=where) for name in names},
            where=where,
        )
    return Fields(fields=found, where=place(row, row["device"].text or ""))
