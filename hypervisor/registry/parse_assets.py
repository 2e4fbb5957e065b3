"""Parse zones and assets, and the levels that reach assets."""

from collections.abc import Iterator
from typing import Any

from hypervisor.base.scalars import truth
from hypervisor.registry.field_reader import FieldReader, in_unit
from hypervisor.registry.geometry import AREAS, SHAPES, GeometryError, parse_geometry
from hypervisor.registry.inventory import Entry, Fact
from hypervisor.registry.parse_sites import COORDINATES, check_point, parse_insee

ZONE_KINDS = ("flood", "lighting", "other")
ZONE_FIELDS = ("name", "title", "kind", "geometry", "illustrative", "properties")
ASSET_KINDS = ("road", "school", "cabinet", "hospital", "pumping", "other")
ASSET_FIELDS = (
    *("name", "title", "kind", "commune", "lon", "lat", "geometry", "site", "illustrative"),
    *("properties", "reach"),
)
REACH_FIELDS = ("gauge", "level", "illustrative", "effective", "reason")
_UNIT = "m"


def parse_zone(reader: FieldReader, *, illustrative: bool) -> Entry | None:
    """One zone."""
    name = reader.name()
    given = reader.given({"title": str, "kind": str, "illustrative": truth})
    reader.one_of("kind", ZONE_KINDS)
    _parse_shape(reader, given, AREAS)
    return _make_entry(reader, name, given, illustrative=illustrative)


def parse_asset(
    reader: FieldReader, *, places: bool, levels: bool
) -> tuple[Entry | None, list[Fact]]:
    """One asset and the level that reaches it. `places`, `levels`: illustrative ones."""
    name = reader.name()
    given = reader.given({"title": str, "kind": str, "commune": parse_insee, "site": str})
    given |= reader.given({"illustrative": truth})
    reader.one_of("kind", ASSET_KINDS)
    _parse_shape(reader, given, SHAPES)
    point = reader.given(COORDINATES)
    check_point(reader, point)
    if point and reader.has("geometry"):
        reader.problem(
            "stands beside lon and lat: one of them says where it is", reader.at("geometry")
        )
    elif point.get("lon") is not None and point.get("lat") is not None:
        given["geometry"] = {"type": "Point", "coordinates": [point["lon"], point["lat"]]}
    facts = list(_parse_reach(reader, name, illustrative=levels))
    return _make_entry(reader, name, given, illustrative=places), facts


def _parse_shape(reader: FieldReader, given: dict[str, Any], kinds: tuple[str, ...]) -> None:
    node = reader.fields.get("geometry")
    if node is None:
        return
    if reader.withdrawn("geometry"):
        given["geometry"] = None
        return
    try:
        given["geometry"] = parse_geometry(node, kinds)
    except GeometryError as error:
        reader.problem(str(error), node.where)


def _make_entry(
    reader: FieldReader, name: str | None, given: dict[str, Any], *, illustrative: bool
) -> Entry | None:
    if reader.has("properties"):
        given["properties"] = reader.properties()
    if illustrative and "geometry" in given:
        given.setdefault("illustrative", True)
    return Entry(key=name, given=given, where=reader.where) if name else None


def _parse_reach(reader: FieldReader, name: str | None, *, illustrative: bool) -> Iterator[Fact]:
    if name is not None and reader.withdrawn("reach"):
        yield Fact(kind="reach", key=name, value=None, where=reader.at("reach"))
        return
    own = reader.read_mapping("reach", allowed=REACH_FIELDS)
    if own is None:
        return
    gauge, level = own.text("gauge"), own.take("level", in_unit(_UNIT))
    value = {"gauge": gauge, "level": level, "unit": _UNIT}
    fact = own.fact("reach", name or "", value, illustrative=illustrative)
    for field, example in (("gauge", "the name of a site"), ("level", "such as 1.9 m")):
        if not own.has(field):
            own.problem(f"needs {field!r}, {example}", own.at(field))
    if name is not None and gauge is not None and level is not None:
        yield fact
