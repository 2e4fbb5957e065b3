"""Zones and assets as a file writes them: what lies where, and which water reaches it."""

from collections.abc import Iterator
from typing import Any

from hypervisor.base.scalars import instant, truth
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


def parse_zone(form: FieldReader, *, illustrative: bool) -> Entry | None:
    """One zone."""
    name = form.name()
    given = form.given({"title": str, "kind": str, "illustrative": truth})
    form.one_of("kind", ZONE_KINDS)
    _parse_shape(form, given, AREAS)
    return _make_entry(form, name, given, illustrative=illustrative)


def parse_asset(
    form: FieldReader, *, places: bool, levels: bool
) -> tuple[Entry | None, list[Fact]]:
    """One asset and the level that reaches it; what the file marks illustrative is so."""
    name = form.name()
    given = form.given({"title": str, "kind": str, "commune": parse_insee, "site": str})
    given |= form.given({"illustrative": truth})
    form.one_of("kind", ASSET_KINDS)
    _parse_shape(form, given, SHAPES)
    point = form.given(COORDINATES)
    check_point(form, point)
    if point and form.has("geometry"):
        form.problem("stands beside lon and lat: one of them says where it is", form.at("geometry"))
    elif point.get("lon") is not None and point.get("lat") is not None:
        given["geometry"] = {"type": "Point", "coordinates": [point["lon"], point["lat"]]}
    facts = list(_parse_reach(form, name, illustrative=levels))
    return _make_entry(form, name, given, illustrative=places), facts


def _parse_shape(form: FieldReader, given: dict[str, Any], kinds: tuple[str, ...]) -> None:
    node = form.fields.get("geometry")
    if node is None:
        return
    if form.withdrawn("geometry"):
        given["geometry"] = None
        return
    try:
        given["geometry"] = parse_geometry(node, kinds)
    except GeometryError as error:
        form.problem(str(error), node.where)


def _make_entry(
    form: FieldReader, name: str | None, given: dict[str, Any], *, illustrative: bool
) -> Entry | None:
    if form.has("properties"):
        given["properties"] = form.properties()
    if illustrative and "geometry" in given:
        given.setdefault("illustrative", True)
    return Entry(key=name, given=given, where=form.where) if name else None


def _parse_reach(form: FieldReader, name: str | None, *, illustrative: bool) -> Iterator[Fact]:
    if name is not None and form.withdrawn("reach"):
        yield Fact(kind="reach", key=name, value=None, where=form.at("reach"))
        return
    own = form.form("reach", allowed=REACH_FIELDS)
    if own is None:
        return
    gauge, level = own.text("gauge"), own.take("level", in_unit(_UNIT))
    marked, effective = own.take("illustrative", truth), own.take("effective", instant)
    for field, example in (("gauge", "the name of a site"), ("level", "such as 1.9 m")):
        if not own.has(field):
            own.problem(f"needs {field!r}, {example}", own.at(field))
    if name is not None and gauge is not None and level is not None:
        yield Fact(
            kind="reach",
            key=name,
            value={"gauge": gauge, "level": level, "unit": _UNIT},
            where=own.where,
            illustrative=illustrative if marked is None else marked,
            effective=effective,
            reason=own.text("reason"),
        )
