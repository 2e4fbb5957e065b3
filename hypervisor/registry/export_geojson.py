"""Sites, zones and assets as GeoJSON, which `inventory apply` reads again."""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any

from hypervisor.registry.model import Asset, Registry, Revision, Site, Zone
from hypervisor.registry.parse_geojson import KIND
from sensors._errors import TerritoryError
from sensors._nearest import did_you_mean

Feature = Mapping[str, Any]


class ExportError(TerritoryError):
    """This kind cannot be exported."""


def export_features(registry: Registry, what: str) -> dict[str, Any]:
    """A FeatureCollection of sites, zones or assets (RFC 7946, WGS 84).

    Raises ExportError: of something else.
    """
    if what not in _FEATURES:
        raise ExportError(
            "{what!r} has no place on a map{hint}", what, did_you_mean(what, _FEATURES)
        )
    features = list(_FEATURES[what](registry))
    return {"type": "FeatureCollection", "name": what, "features": features}


def format_features(features: Mapping[str, Any]) -> str:
    """A collection as text, one line a feature, so that versions can be compared."""
    head = {name: value for name, value in features.items() if name != "features"}
    lines = [json.dumps(feature, ensure_ascii=False) for feature in features["features"]]
    body = "[\n" + ",\n".join(lines) + "\n]" if lines else "[]"
    return json.dumps(head, ensure_ascii=False)[:-1] + f', "features": {body}}}\n'


def _site_features(registry: Registry) -> Iterable[Feature]:
    for site in registry.sites.values():
        yield _feature("site", _point_geometry(site), site)


def _point_geometry(site: Site) -> Mapping[str, Any] | None:
    if site.lon is None or site.lat is None:
        return None
    return {"type": "Point", "coordinates": [site.lon, site.lat]}


def _zone_features(registry: Registry) -> Iterable[Feature]:
    return (_feature("zone", zone.geometry, zone) for zone in registry.zones.values())


def _asset_features(registry: Registry) -> Iterable[Feature]:
    reaches = {
        revision.key: revision for revision in registry.revisions if revision.kind == "reach"
    }
    for asset in registry.assets.values():
        reach = _format_reach(reaches.get(asset.name))
        yield _feature("asset", asset.geometry, asset, reach=reach)


def _format_reach(reach: Revision | None) -> Mapping[str, Any] | None:
    if reach is None or reach.value is None:
        return None
    return {
        "gauge": reach.value["gauge"],
        "level": f"{reach.value['level']:.10g} {reach.value['unit']}",
        "illustrative": reach.illustrative,
    }


def _feature(
    kind: str, geometry: Mapping[str, Any] | None, thing: Site | Zone | Asset, **extra: Any
) -> Feature:
    """The place is the geometry; empty fields are left out, and properties come last."""
    fields = asdict(thing) | extra
    fields["properties"] = fields.pop("properties")
    given = {
        name: value
        for name, value in fields.items()
        if name not in ("id", "lon", "lat", "geometry") and value is not None and value != {}
    }
    return {"type": "Feature", "geometry": geometry, "properties": {KIND: kind, **given}}


_FEATURES: Mapping[str, Callable[[Registry], Iterable[Feature]]] = {
    "sites": _site_features,
    "zones": _zone_features,
    "assets": _asset_features,
}
