"""Parse GeoJSON of sites, zones or assets into the tree that YAML gives.

A feature's properties are the fields, its geometry is its place. A null property is left out:
map programs write every column of a layer for every feature.
"""

import contextlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from hypervisor.registry.input_equipment import ASSET_KINDS, list_zone_kinds
from hypervisor.registry.tree import Fields, InventoryError, Items, Node, Problem, Where
from sensors._domain import Catalogue
from sensors._errors import Message

KIND = "inventory"  # the property that says what a feature is: site, zone or asset
PLURALS = {"site": "sites", "zone": "zones", "asset": "assets"}
_FEATURES = re.compile(r'"features"\s*:\s*\[')
_POINT = ("lon", "lat")
_WGS84 = ("CRS84", "EPSG::4326", "EPSG:4326")


def parse_geojson(text: str, *, file: str, catalogue: Catalogue, problems: list[Problem]) -> Fields:
    """The tree of a FeatureCollection.

    Raises InventoryError: it is no JSON, no FeatureCollection, or of another reference system.
    """
    top = Where(file=file, line=1)
    try:
        loads = json.loads(text)
    except ValueError as error:
        line = error.lineno if isinstance(error, json.JSONDecodeError) else 0
        raise InventoryError.at(
            Where(file=file, line=line), Message("not readable as JSON: {error}", str(error))
        ) from error
    if not isinstance(loads, dict) or not isinstance(loads.get("features"), list):
        raise InventoryError.at(
            top, Message("expected a GeoJSON FeatureCollection of sites, zones or assets")
        )
    system = json.dumps(loads.get("crs")) if loads.get("crs") else ""
    if system and not any(name in system for name in _WGS84):
        text = Message("is in {system}: save the layer in WGS 84, EPSG:4326", system)
        raise InventoryError.at(top, text)
    zone_kinds = list_zone_kinds(catalogue)
    things: dict[str, list[Fields]] = {}
    for place, feature in zip(_feature_places(text, file), loads["features"], strict=False):
        if not isinstance(feature, dict) or not isinstance(feature.get("properties"), dict):
            problems.append(place.problem(Message("expected a Feature with its properties")))
            continue
        kind = _feature_kind(feature["properties"], str(loads.get("name", "")), zone_kinds)
        if kind is None:
            text = Message(
                "of an unknown kind: give it a property {name!r}: site, zone or asset", KIND
            )
            problems.append(place.problem(text))
            continue
        things.setdefault(PLURALS[kind], []).append(_feature_node(feature, kind, place, problems))
    return Fields(
        top,
        {
            kind: Items(top.inside(kind), ((item, item.where) for item in items))
            for kind, items in things.items()
        },
    )


def _feature_places(text: str, file: str) -> Iterable[Where]:
    """The place of each feature; endless, in case the search found too few."""
    start = _FEATURES.search(text)
    at = start.end() if start else 0
    decoder = json.JSONDecoder()
    line, counted = 1, 0
    while True:
        match = re.compile(r"[\s,]*").match(text, at)
        at = match.end() if match else at
        line, counted = line + text.count("\n", counted, at), at
        yield Where(file=file, line=line)
        with contextlib.suppress(ValueError):  # past the last one
            at = decoder.raw_decode(text, at)[1]


def _feature_kind(
    properties: Mapping[str, Any], layer: str, zone_kinds: Sequence[str]
) -> str | None:
    stated = str(properties.get(KIND) or layer).removesuffix("s")
    if stated in PLURALS:
        return stated
    kind = properties.get("kind")
    if properties.get("domain") is not None:
        return "site"
    if kind in zone_kinds and kind not in ASSET_KINDS:
        return "zone"
    return "asset" if kind in ASSET_KINDS and kind not in zone_kinds else None


def _feature_node(
    feature: Mapping[str, Any], kind: str, place: Where, problems: list[Problem]
) -> Fields:
    properties = {
        name: value
        for name, value in feature["properties"].items()
        if value is not None and name != KIND
    }
    where = place.inside(f"{PLURALS[kind]}.{properties.get('name', '?')}")
    fields = Fields(where, {name: _node(value, where) for name, value in properties.items()})
    geometry, at = feature.get("geometry"), where.inside("geometry")
    if geometry is not None and kind == "site":
        for name, number in zip(_POINT, _find_point(geometry, at, problems), strict=False):
            fields.put(name, _node(number, where), at)
    elif geometry is not None:
        fields["geometry"] = json.dumps(geometry)
    return fields


def _find_point(geometry: Any, where: Where, problems: list[Problem]) -> list[Any]:
    """Longitude and latitude of a site."""
    point = geometry.get("coordinates") if isinstance(geometry, dict) else None
    if not isinstance(point, list) or len(point) < 2 or geometry.get("type") != "Point":
        problems.append(where.problem(Message("a site is a Point: [longitude, latitude]")))
        return []
    return point


def _node(value: Any, where: Where) -> Node:
    """JSON as a tree. Some programs write a mapping into a column as text."""
    if isinstance(value, str) and value.startswith("{"):
        with contextlib.suppress(ValueError):
            value = json.loads(value)
    if isinstance(value, dict):
        return Fields(where, {name: _node(child, where) for name, child in value.items()})
    if isinstance(value, list):
        return Items(where, ((_node(child, where), where) for child in value))
    return _format_scalar(value)


def _format_scalar(value: Any) -> str | None:
    """As a person would write it: no 1e-05."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    return None if value is None else str(value)
