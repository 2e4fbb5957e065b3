// The picture under the map: tiles of a host, or a file of PMTiles that our own server holds.
import { marks, script } from "./mapmarks.js";

const colour = marks.colour;

export async function readyBasemap(box, library) {
  if (!box.dataset.pmtiles) return;
  await script(box.dataset.pmtiles);
  library.addProtocol("pmtiles", new window.pmtiles.Protocol().tile);
}

export function basemapSource(box) {
  const { basemap, attribution, kind } = box.dataset;
  if (!kind) return { type: "raster", tiles: [basemap], tileSize: 256, attribution };
  return { type: kind, url: `pmtiles://${new URL(basemap, location.href)}`, attribution, ...(kind === "raster" ? { tileSize: 256 } : {}) };
}

export function basemapLayers(box) {
  if (box.dataset.kind !== "vector") return [{ id: "basemap", type: "raster", source: "basemap", paint: { "raster-saturation": -0.7, "raster-fade-duration": 0, ...(marks.dark() ? { "raster-brightness-max": 0.45 } : { "raster-opacity": 0.75 }) } }];
  const held = new Set(JSON.parse(box.dataset.vectors));
  return vectorLayers().filter((layer) => held.has(layer["source-layer"]));
}

// A quiet picture from tiles in Protomaps' or OpenMapTiles' scheme: woods, water, buildings, roads.
function vectorLayers() {
  const fill = (id, from, paint, more = {}) => ({ id: `basemap-${id}`, type: "fill", source: "basemap", "source-layer": from, paint, ...more });
  const line = (id, from, paint, more = {}) => ({ id: `basemap-${id}`, type: "line", source: "basemap", "source-layer": from, paint, ...more });
  const green = { "fill-color": marks.dark() ? "#26352b" : "#d9e4d6", "fill-opacity": 0.7 };
  const water = { "fill-color": colour("--water"), "fill-opacity": 0.28 };
  const road = (width) => ({ "line-color": colour("--line-2"), "line-opacity": 0.75, "line-width": ["interpolate", ["exponential", 1.5], ["zoom"], 8, width * 0.4, 15, width * 3] });
  const is = (name, ...values) => ({ filter: ["in", ["get", name], ["literal", values]] });
  return [
    fill("landuse", "landuse", green, is("kind", "forest", "wood", "park", "nature_reserve", "grass", "meadow")),
    fill("landcover", "landcover", green, is("class", "wood", "grass")),
    fill("park", "park", green),
    fill("water", "water", water),
    line("waterway", "waterway", { "line-color": colour("--water"), "line-opacity": 0.45, "line-width": 1 }),
    fill("buildings", "buildings", { "fill-color": colour("--line"), "fill-opacity": 0.8 }, { minzoom: 13 }),
    fill("building", "building", { "fill-color": colour("--line"), "fill-opacity": 0.8 }, { minzoom: 13 }),
    line("roads-small", "roads", road(0.5), { minzoom: 12, ...is("kind", "minor_road", "other", "path") }),
    line("roads-middle", "roads", road(1), is("kind", "major_road", "medium_road")),
    line("roads-large", "roads", road(1.8), is("kind", "highway")),
    line("roads-rail", "roads", { "line-color": colour("--ink-3"), "line-width": 0.8, "line-dasharray": [4, 3] }, is("kind", "rail")),
    line("transport-small", "transportation", road(0.5), { minzoom: 12, ...is("class", "minor", "service", "track", "path") }),
    line("transport-middle", "transportation", road(1), is("class", "primary", "secondary", "tertiary", "trunk")),
    line("transport-large", "transportation", road(1.8), is("class", "motorway")),
    line("transport-rail", "transportation", { "line-color": colour("--ink-3"), "line-width": 0.8, "line-dasharray": [4, 3] }, is("class", "rail")),
    line("boundaries", "boundaries", { "line-color": colour("--line-2"), "line-width": 0.6, "line-dasharray": [2, 2] }),
    line("boundary", "boundary", { "line-color": colour("--line-2"), "line-width": 0.6, "line-dasharray": [2, 2] }),
    ...["places", "place"].map((from) => ({
      id: `basemap-${from}`,
      type: "symbol",
      source: "basemap",
      "source-layer": from,
      minzoom: 11,
      filter: ["has", "name"],
      layout: { "icon-image": ["concat", "place:", ["get", "name"]], "icon-padding": 8 },
    })),
  ];
}
