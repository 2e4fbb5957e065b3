"""Sites, zones and assets as GeoJSON: out and in again nothing changes, and each slip is told."""

import json
from typing import Any

import pytest

from hypervisor.registry.export_geojson import ExportError, export_features, format_features
from hypervisor.registry.inventory_files import read_sources
from hypervisor.registry.model import Registry
from hypervisor.registry.tree import InventoryError
from tests.unit.registry.field import CATALOGUE, FIELD, NOTHING, built, change, read, told, values

RING = [[2.1, 48.6], [2.2, 48.6], [2.2, 48.7], [2.1, 48.6]]
ZONE = {"name": "z", "kind": "flood", "inventory": "zone"}


def layer(*features: dict[str, Any], **more: Any) -> str:
    return json.dumps({"type": "FeatureCollection", "features": features, **more}, indent=1)


def feature(geometry: dict[str, Any] | None, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": properties}


def polygon(**properties: Any) -> dict[str, Any]:
    return feature({"type": "Polygon", "coordinates": [RING]}, **properties)


@pytest.mark.parametrize("what", ["sites", "zones", "assets"])
def test_what_was_exported_changes_nothing(what: str) -> None:
    more = "    properties: {catchment_km2: 0.00001, code: '01004', a: [1, x]}\n"
    registry = built(FIELD.replace("    datum: 48.61 m\n", f"    datum: 48.61 m\n{more}"))
    exported = read(format_features(export_features(registry, what)), f"{what}.geojson")
    assert len(getattr(exported, what)) == len(getattr(registry, what))
    assert not change(exported, registry=registry)


def test_the_reach_of_an_asset_is_exported_while_it_has_one() -> None:
    def reach(registry: Registry) -> Any:
        (asset,) = json.loads(format_features(export_features(registry, "assets")))["features"]
        return asset["properties"].get("reach")

    with_one, plain = "    reach: {gauge: gif, level: 190 cm}\n", ""
    registry = built(FIELD)
    assert reach(registry) == {"gauge": "gif", "level": "1.9 m", "illustrative": False}
    withdrawn = built(FIELD.replace(with_one, "    reach: null\n"), registry=registry)
    assert reach(withdrawn) is None
    assert reach(built(FIELD.replace(with_one, plain))) is None


def test_sites_of_the_examples_go_round() -> None:
    found = built(read_sources(["garonne"]))
    assert not change(
        read(format_features(export_features(found, "sites")), "g.geojson"), registry=found
    )


def test_an_export_is_an_inventory_of_its_own() -> None:
    found = built(FIELD)
    alone = built(read(format_features(export_features(found, "zones")), "zones.geojson"))
    assert alone.zones == found.zones
    assert format_features(export_features(NOTHING, "zones")) == (
        '{"type": "FeatureCollection", "name": "zones", "features": []}\n'
    )
    with pytest.raises(ExportError, match="'zone' has no place on a map; did you mean 'zones'"):
        export_features(found, "zone")


def test_a_layer_that_a_map_program_saved() -> None:
    """A null says nothing; nested fields come as text; heights are dropped; the layer is named."""
    found = built(FIELD)
    road = feature(
        {"type": "MultiLineString", "coordinates": [[[2.1, 48.6, 90.0], [2.2, 48.7, 91.0]]]},
        name="rd188",
        title=None,
        kind="road",
        reach='{"gauge": "gif", "level": "2.1 m"}',
    )
    after = built(
        read(layer(road, name="assets", crs={"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}), "a.json"),
        registry=found,
    )
    asset = after.assets["rd188"]
    assert asset.title == "RD 188 under the railway bridge"
    assert asset.geometry == {
        "type": "MultiLineString",
        "coordinates": [[[2.1, 48.6], [2.2, 48.7]]],
    }
    assert values(after, "reach")["rd188"] == {"gauge": "gif", "level": 2.1, "unit": "m"}


def test_what_a_feature_is_may_show() -> None:
    inventory = read(
        layer(polygon(name="z", kind="flood"), polygon(name="a", kind="school")), "x.geojson"
    )
    assert ([zone.key for zone in inventory.zones], [asset.key for asset in inventory.assets]) == (
        ["z"],
        ["a"],
    )


def test_slips_are_told_at_the_line_of_their_feature() -> None:
    good = polygon(**ZONE)
    bad = polygon(**{**ZONE, "name": "y", "kind": "floods", "colour": "blue"})
    written = layer(good, bad)
    line = written[: written.index('"floods"')].count("\n")
    with pytest.raises(InventoryError) as caught:
        read(written, "x.geojson")
    first, second = sorted(map(str, caught.value.problems))
    assert "x.geojson:" in first
    assert ": zones.y.colour: there is no field 'colour' here" in first
    assert ": zones.y.kind: unknown kind 'floods'; did you mean 'flood'?" in second
    told_at = int(first.split(":")[1])
    assert written.splitlines()[told_at - 1].strip() == "{"
    assert told_at < line


SLIPS = [
    ("{", "not readable as JSON"),
    ('{"type": "Polygon"}', "expected a GeoJSON FeatureCollection"),
    (layer(crs={"name": "EPSG:2154"}), "save the layer in WGS 84, EPSG:4326"),
    (layer(polygon(name="z", kind="other")), "of an unknown kind: give it a property 'inventory'"),
    (layer({"type": "Feature"}), "expected a Feature with its properties"),
    (layer(polygon(name="s", inventory="site")), "a site is a Point"),
    (layer(feature({"type": "Polygon", "coordinates": [RING[:3]]}, **ZONE)), "a ring of 3"),
    (layer(feature({"type": "Polygon", "coordinates": [[[48.6, 2.1]]]}, **ZONE)), "exchanged"),
    (
        layer(feature({"type": "Point", "coordinates": [48.6, 2.1]}, name="s", inventory="site")),
        "lon 48.6 and lat 2.1 look exchanged",
    ),
    (layer(polygon(kind="flood")), "needs 'name'"),
    (layer(polygon(**ZONE, title="a\0b")), "contains an invalid character"),
    (layer(polygon(**ZONE, properties={"a": "\ud800"})), "contains an invalid character"),
    (layer(polygon(**ZONE)).replace("2.1", "NaN"), "a position is [longitude, latitude]"),
]


@pytest.mark.parametrize(("written", "said"), SLIPS, ids=[said for _, said in SLIPS])
def test_a_slip(written: str, said: str) -> None:
    with pytest.raises(InventoryError) as caught:
        read(written, "x.geojson")
    assert any(said in str(problem) for problem in caught.value.problems), caught.value


def test_a_feature_twice_is_one_too_many() -> None:
    twice = read(layer(polygon(**ZONE), polygon(**ZONE)), "x.geojson")
    assert any("'z' is described twice" in one for one in told(twice))


@pytest.mark.parametrize("kind", [*CATALOGUE.domains])
def test_a_zone_is_of_any_domain(kind: str) -> None:
    found = built(read(layer(polygon(name="z", title="Z", kind=kind)), "layer.geojson"))
    assert found.zones["z"].kind == kind
