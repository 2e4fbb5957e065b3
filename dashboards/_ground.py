"""The map: markers over a ground that needs no network, tiles where a build asks for them."""

from typing import Any

from grafana_foundation_sdk.builders import common
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as sdk
from grafana_foundation_sdk.models.common import FrameGeometrySourceMode

from dashboards._describe import Column
from dashboards._options import Options
from dashboards._views import Geomap

Layer = Builder[sdk.MapLayerOptions]
COUNTRIES = "public/maps/countries.geojson"  # Grafana carries it
CLOSEST = 15  # how near a view that fits its markers may come; unsaid it is 1, the whole world
# Where a marker stands is seen; its tooltip need not tell.
PLACE = (Column("lat", hidden=True), Column("lon", hidden=True))


def layers(view: Geomap, options: Options) -> tuple[Layer, list[Layer]]:
    """The lowest layer and those above it."""
    ground = _layer("geojson", "ground", {"src": COUNTRIES, "rules": [], "style": _land()})
    if options.basemap:
        tiles = {"url": options.basemap, "attribution": options.basemap_words}
        return _layer("xyz", "tiles", tiles), [_markers(view)]
    return ground.tooltip(False), [_markers(view)]


def _layer(kind: str, name: str, config: dict[str, Any]) -> common.MapLayerOptions:
    return common.MapLayerOptions().type(kind).name(name).config(config)


def _land() -> dict[str, Any]:
    return {"color": {"fixed": "#8e8e93"}, "opacity": 0.12, "lineWidth": 1}


def _markers(view: Geomap) -> common.MapLayerOptions:
    style: dict[str, Any] = {
        "color": {"field": view.colour_by, "fixed": "#8e8e93"},
        "opacity": 0.9,
        "size": {"fixed": view.size, "min": 4, "max": 18},
        "symbol": {"fixed": f"img/icons/marker/{view.symbol}.svg", "mode": "fixed"},
        "symbolAlign": {"horizontal": "center", "vertical": "center"},
        "textConfig": {"fontSize": 11, "offsetX": 0, "offsetY": -12, "textAlign": "center"},
    }
    if view.size_by:
        style["size"]["field"] = view.size_by
    if view.label:
        style["text"] = {"field": view.label, "mode": "field", "fixed": ""}
    layer = _layer("markers", "sites", {"showLegend": True, "style": style})
    place = common.FrameGeometrySource().mode(FrameGeometrySourceMode.COORDS)
    return layer.location(place.latitude("lat").longitude("lon")).tooltip(True)
