// The layers of the map, from bottom to top, and which of them a button of the page shows and hides.
import { OFFICIAL, marks } from "./mapmarks.js";
import { basemapLayers, basemapSource } from "./mapbasemap.js";

const colour = marks.colour;
export const LAYERS = {
  rivers: ["official-edges", "official", "official-names", "courses", "course-flow", "course-names", "rivers", "river-names"],
  communes: ["borders-commune", "borders-epci", "borders-outside", "communes", "commune-names", "epci-names"],
  zones: ["zones", "zone-edges"],
  alarms: ["alarm-areas", "alarm-edges"],
  assets: ["assets", "asset-lines"],
  roads: ["roads", "road-lines"],
  basemap: [], // as basemapLayers says
};
const EMPTY = { type: "FeatureCollection", features: [] };
const named = (kind) => ["concat", `${kind}:`, ["get", "name"]];
const byPriority = (token) => ["match", ["get", "priority"], 1, colour(`--p1${token}`), colour(`--p2${token}`)];

// `data`: GeoJSON by source; what is not there yet comes later.
export function style(box, data) {
  const source = (name) => ({ type: "geojson", data: data[name] ?? EMPTY });
  const outlined = data.borders?.features.length > 0;
  const made = {
    version: 8,
    sources: {
      sites: { ...source("sites"), cluster: true, clusterRadius: 44, clusterMaxZoom: 12, clusterProperties: { worst: ["min", ["get", "rank"]] } },
      ...Object.fromEntries(["chosen", "borders", "courses", "official", "rivers", "communes", "epcis", "zones", "areas", "assets", "roads"].map((name) => [name, source(name)])),
    },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": colour("--well") } },
      { id: "zones", type: "fill", source: "zones", paint: { "fill-color": ["get", "colour"], "fill-opacity": 0.14, "fill-antialias": false } },
      { id: "alarm-areas", type: "fill", source: "areas", paint: { "fill-color": byPriority(""), "fill-opacity": 0.13, "fill-antialias": false } },
      { id: "zone-edges", type: "line", source: "zones", paint: { "line-color": ["get", "colour"], "line-opacity": 0.4, "line-width": 0.8 } },
      border("commune", { "line-color": colour("--line-2"), "line-width": 0.7, "line-opacity": 0.55 }),
      border("epci", { "line-color": colour("--line-2"), "line-width": 1.6 }),
      border("outside", { "line-color": colour("--ink-3"), "line-width": 2 }),
      { id: "alarm-edges", type: "line", source: "areas", paint: { "line-color": byPriority("-edge"), "line-opacity": 0.7, "line-width": 1.4 } },
      { id: "official-edges", type: "line", source: "official", layout: { "line-join": "round", "line-cap": "round" }, paint: { "line-color": colour("--ink-2"), "line-width": 9 } },
      { id: "official", type: "line", source: "official", layout: { "line-join": "round", "line-cap": "round" }, paint: { "line-color": ["match", ["get", "colour"], 0, OFFICIAL[0], 2, OFFICIAL[2], 3, OFFICIAL[3], OFFICIAL[4]], "line-width": 7 } },
      { id: "courses", type: "line", source: "courses", layout: { "line-join": "round", "line-cap": "round" }, paint: { "line-color": colour("--water"), "line-width": ["interpolate", ["linear"], ["zoom"], 8, ["interpolate", ["linear"], ["get", "km"], 2, 0.4, 15, 1.2, 60, 2.2], 13, ["interpolate", ["linear"], ["get", "km"], 2, 1.5, 60, 5]] } },
      { id: "rivers", type: "line", source: "rivers", layout: { "line-join": "round" }, paint: { "line-color": colour("--water"), "line-dasharray": [3, 2], "line-width": ["interpolate", ["linear"], ["zoom"], 8, 1.5, 13, 4] } },
      { id: "course-flow", type: "symbol", source: "courses", minzoom: 9.5, filter: [">", ["get", "km"], 8], layout: { "symbol-placement": "line", "symbol-spacing": 140, "icon-image": "flow", "icon-padding": 0 } },
      ...(outlined ? [] : [{ id: "communes", type: "symbol", source: "communes", layout: { "icon-image": "dot", "icon-allow-overlap": true } }]),
      { id: "commune-names", type: "symbol", source: "communes", minzoom: 8.4, layout: { "icon-image": named("name"), "icon-anchor": outlined ? "center" : "top", "icon-offset": outlined ? [0, 0] : [0, 4], "icon-padding": 6, "symbol-sort-key": ["-", 0, ["get", "weight"]] } },
      { id: "epci-names", type: "symbol", source: "epcis", maxzoom: 10.2, layout: { "icon-image": named("epci"), "icon-padding": 4 } },
      { id: "course-names", type: "symbol", source: "courses", filter: [">", ["get", "km"], 8], layout: { "symbol-placement": "line-center", "icon-image": named("river"), "icon-rotation-alignment": "viewport", "icon-padding": 4, "symbol-sort-key": ["-", 0, ["get", "km"]] } },
      { id: "river-names", type: "symbol", source: "rivers", layout: { "symbol-placement": "line-center", "icon-image": named("river"), "icon-rotation-alignment": "viewport", "icon-padding": 4 } },
      { id: "official-names", type: "symbol", source: "official", layout: { "symbol-placement": "line-center", "icon-image": ["concat", "official:", ["get", "colour"], ":", ["get", "name"]], "icon-rotation-alignment": "viewport", "icon-offset": [0, -22], "icon-allow-overlap": true } },
      { id: "asset-lines", type: "line", source: "assets", filter: ["!=", ["geometry-type"], "Point"], paint: { "line-color": colour("--ink-2"), "line-width": 2 } },
      { id: "assets", type: "symbol", source: "assets", minzoom: 9, filter: ["==", ["geometry-type"], "Point"], layout: { "icon-image": "asset", "icon-allow-overlap": true } },
      { id: "road-lines", type: "line", source: "roads", filter: ["==", ["geometry-type"], "LineString"], paint: { "line-color": colour("--ink"), "line-width": 3, "line-dasharray": [2, 1] } },
      { id: "roads", type: "symbol", source: "roads", layout: { "icon-image": ["concat", "road:", ["to-string", ["get", "grave"]]], "icon-allow-overlap": true } },
      { id: "chosen", type: "symbol", source: "chosen", layout: { "icon-image": "chosen", "icon-allow-overlap": true } },
      { id: "clusters", type: "symbol", source: "sites", filter: ["has", "point_count"], layout: { "icon-image": ["concat", "cluster:", ["get", "worst"], ":", ["get", "point_count_abbreviated"]], "icon-allow-overlap": true, "symbol-sort-key": ["-", 0, ["get", "worst"]] } },
      { id: "sites", type: "symbol", source: "sites", filter: ["!", ["has", "point_count"]], layout: { "icon-image": ["get", "icon"], "icon-allow-overlap": true, "symbol-sort-key": ["-", 0, ["get", "rank"]] } },
    ],
  };
  if (box.dataset.basemap) {
    made.sources.basemap = basemapSource(box);
    const under = basemapLayers(box);
    LAYERS.basemap = under.map((layer) => layer.id);
    made.layers.splice(1, 0, ...under);
  }
  return made;
}

const border = (level, paint) => ({ id: `borders-${level}`, type: "line", source: "borders", filter: ["==", ["get", "level"], level], layout: { "line-join": "round" }, paint });
