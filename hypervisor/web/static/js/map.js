// The map: MapLibre GL, loaded here alone and after the first paint. Marks are drawn on a canvas from the
// same shapes and colours as those of the page. What fits in the address stands there.
import { load, marks, label, forget } from "./mapmarks.js";
import { LAYERS, style } from "./mapstyle.js";
import { finding } from "./mapfind.js";
import { readyBasemap } from "./mapbasemap.js";

const box = document.getElementById("map");
const note = document.getElementById("map-note");
const list = document.getElementById("view-list");
const count = document.getElementById("view-count");
const card = document.getElementById("map-card");
const words = JSON.parse(list.dataset.words);
const LISTED = matchMedia("(max-width: 48rem)").matches ? 12 : 40; // rows of the list
const SLICE = 24; // names drawn at once
const AT_ONCE = 3; // layers drawn for the first time in one frame
const CALM = 99; // no alarm
const UNKNOWN = 98; // its sensors do not say that there is none
const DIM = new URLSearchParams(location.search);
const filter = {
  domains: new Set(DIM.getAll("domain")),
  area: DIM.get("area") ?? "",
  alarmed: DIM.get("alarmed") === "1",
  hidden: new Set((DIM.get("without") ?? "").split(" ").filter(Boolean)),
  site: DIM.get("site") ?? "",
};
let sites = null; // columns
let byName = new Map();
let map = null;

const say = (text) => {
  note.textContent = text;
  note.hidden = !text;
};
const breathe = () => new Promise((done) => (window.scheduler?.yield ? scheduler.yield().then(done) : setTimeout(done, 0)));

async function json(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer.json();
}

// How a rank looks: its priority and its state.
export function look(rank) {
  if (rank >= UNKNOWN) return { priority: 0, state: rank < CALM ? "gap" : "off" };
  if (rank > 10) return { priority: rank - 10, state: "shv" };
  return { priority: (rank + 1) >> 1, state: rank % 2 ? "un" : "ack" };
}

function communes() {
  if (!filter.area) return null;
  const codes = document.querySelector(`.tree [data-code="${CSS.escape(filter.area)}"]`)?.dataset.area ?? filter.area;
  return new Set(codes.split(" "));
}

function kept() {
  const areas = communes();
  const codes = areas && sites.communes.map((code) => areas.has(code));
  const shown = sites.domains.map((domain) => !filter.domains.size || filter.domains.has(domain.name));
  const numbers = [];
  for (let n = 0; n < sites.name.length; n++) {
    if (shown[sites.domain[n]] && (!codes || codes[sites.commune[n]]) && (!filter.alarmed || sites.rank[n] < UNKNOWN)) numbers.push(n);
  }
  return numbers;
}

function features(numbers) {
  return {
    type: "FeatureCollection",
    features: numbers.map((n) => ({
      type: "Feature",
      geometry: { type: "Point", coordinates: [sites.lon[n], sites.lat[n]] },
      properties: { n, rank: sites.rank[n], icon: icon(n) },
    })),
  };
}

const icon = (n) => (sites.rank[n] >= UNKNOWN ? `site:${sites.domains[sites.domain[n]].colour}:${sites.rank[n] < CALM ? 1 : 0}` : `mark:${sites.rank[n]}:${sites.stale[n]}`);

let shownNow = [];
async function refresh() {
  shownNow = kept();
  const data = features(shownNow);
  await breathe();
  map?.getSource("sites")?.setData(data);
  await breathe();
  inView();
  address();
}

// The list says what the map shows: the worst first.
let waiting = 0;
function inView() {
  cancelIdleCallback?.(waiting);
  waiting = (window.requestIdleCallback ?? setTimeout)(listed, { timeout: 300 });
}

function listed() {
  const bounds = map?.getBounds();
  const seen = bounds ? shownNow.filter((n) => sites.lon[n] >= bounds.getWest() && sites.lon[n] <= bounds.getEast() && sites.lat[n] >= bounds.getSouth() && sites.lat[n] <= bounds.getNorth()) : shownNow;
  count.textContent = seen.length.toLocaleString(document.documentElement.lang);
  aim(bounds);
  const first = seen.slice().sort((a, b) => sites.rank[a] - sites.rank[b] || a - b).slice(0, LISTED);
  const held = document.activeElement?.closest("#view-list li")?.dataset.name;
  list.replaceChildren(...first.map(row));
  if (seen.length > first.length) list.append(plain(list.dataset.more.replace("{n}", (seen.length - first.length).toLocaleString(document.documentElement.lang))));
  if (!seen.length) list.append(plain(list.dataset.empty));
  if (held) list.querySelector(`[data-name="${CSS.escape(held)}"] a`)?.focus({ preventScroll: true });
}

// What obeys among what the map shows.
function aim(bounds) {
  const link = document.getElementById("view-command");
  if (!link) return;
  const query = new URLSearchParams([...filter.domains].sort().map((domain) => ["domain", domain]));
  if (filter.area) query.set("area", filter.area);
  if (filter.alarmed) query.set("alarmed", "1");
  if (bounds) query.set("box", [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()].map((degrees) => degrees.toFixed(5)).join());
  link.href = `/commands/new?${query}`;
}

function plain(text) {
  const made = document.createElement("li");
  made.className = "plain small soft";
  made.textContent = text;
  return made;
}

function row(n) {
  const made = document.createElement("li");
  made.dataset.name = sites.name[n];
  if (sites.name[n] === filter.site) made.setAttribute("aria-current", "true");
  const { priority, state } = look(sites.rank[n]);
  made.append(priority ? glyph(priority, state) : ring(state));
  const link = document.createElement("a");
  link.href = `/sites/${encodeURIComponent(sites.name[n])}`;
  link.dataset.row = "";
  const title = document.createElement("span");
  title.className = "ti";
  title.textContent = sites.title[n];
  link.append(title);
  const end = document.createElement("span");
  end.className = "end";
  end.textContent = sites.open[n] ? `${sites.open[n]}${sites.stale[n] ? ` · ${words.stale}` : ""}` : "";
  if (sites.open[n]) end.setAttribute("aria-label", `${sites.open[n]} ${sites.open[n] === 1 ? words.alarm : words.alarms}`);
  made.append(link, end);
  return made;
}

const NS = "http://www.w3.org/2000/svg";
const SHAPES = { 1: ["path", { d: "M12 .8 23.2 12 12 23.2.8 12Z" }, 16.6], 2: ["path", { d: "M12 1.6 23.4 22H.6Z" }, 20], 3: ["rect", { x: 2.2, y: 2.2, width: 19.6, height: 19.6 }, 16.6], 4: ["circle", { cx: 12, cy: 12, r: 10.6 }, 16.6] };
function glyph(priority, state) {
  const svg = document.createElementNS(NS, "svg");
  svg.setAttribute("class", `mark p${priority} ${state}`);
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", `${words[priority]}, ${words[state]}`);
  const [tag, attributes, base] = SHAPES[priority];
  const shape = svg.appendChild(document.createElementNS(NS, tag));
  shape.setAttribute("class", "s");
  for (const [name, value] of Object.entries(attributes)) shape.setAttribute(name, value);
  const digit = svg.appendChild(document.createElementNS(NS, "text"));
  digit.setAttribute("x", 12);
  digit.setAttribute("y", base);
  digit.textContent = priority;
  return svg;
}
function ring(state) {
  const made = document.createElement("i");
  made.className = state === "gap" ? "ring grey" : "ring";
  made.setAttribute("role", "img");
  made.setAttribute("aria-label", words[state]);
  return made;
}

function address() {
  const query = new URLSearchParams();
  for (const domain of [...filter.domains].sort()) query.append("domain", domain);
  if (filter.area) query.set("area", filter.area);
  if (filter.alarmed) query.set("alarmed", "1");
  if (filter.hidden.size) query.set("without", [...filter.hidden].sort().join(" "));
  if (filter.site) query.set("site", filter.site);
  if (map && moved) {
    const { lng, lat } = map.getCenter();
    query.set("at", `${lng.toFixed(4)},${lat.toFixed(4)},${map.getZoom().toFixed(1)}`);
  }
  history.replaceState(null, "", `/map${query.size ? `?${query}` : ""}`);
}
let moved = DIM.has("at");

function pressed() {
  for (const button of document.querySelectorAll("[data-domain]")) button.setAttribute("aria-pressed", String(filter.domains.has(button.dataset.domain)));
  for (const button of document.querySelectorAll("[data-layer]")) button.setAttribute("aria-pressed", String(!filter.hidden.has(button.dataset.layer)));
  document.querySelector("[data-alarmed]").setAttribute("aria-pressed", String(filter.alarmed));
  for (const button of document.querySelectorAll("[data-code]")) button.setAttribute("aria-current", String(Boolean(filter.area) && button.dataset.code === filter.area));
}

function layers() {
  for (const [name, own] of Object.entries(LAYERS)) {
    for (const layer of own) if (map?.getLayer(layer)) map.setLayoutProperty(layer, "visibility", filter.hidden.has(name) ? "none" : "visible");
  }
}

const flip = (set, value) => (set.has(value) ? set.delete(value) : set.add(value));
document.addEventListener("click", (event) => {
  const hit = (what) => event.target.closest(what);
  const domain = hit("[data-domain]");
  const layer = hit("[data-layer]");
  const area = hit("[data-area]");
  const zoom = hit("[data-zoom]");
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (domain) flip(filter.domains, domain.dataset.domain);
  else if (hit("[data-alarmed]")) filter.alarmed = !filter.alarmed;
  else if (layer) {
    flip(filter.hidden, layer.dataset.layer);
    layers();
  } else if (area) {
    event.preventDefault();
    filter.area = area.dataset.code;
    if (sites) showAll(kept());
  } else if (zoom) {
    if (zoom.dataset.zoom === "all") showAll(shownNow);
    else map?.[zoom.dataset.zoom === "in" ? "zoomIn" : "zoomOut"]();
    return;
  } else if (hit("[data-card-close]")) {
    choose("");
    return;
  } else return;
  if (!map) document.getElementById("map-first")?.remove(); // it shows what was asked for before
  pressed();
  if (sites) refresh();
});
list.addEventListener("click", (event) => {
  const name = event.target.closest("li[data-name]")?.dataset.name;
  if (!name || !map || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  choose(name, { fly: true });
});

async function choose(name, { fly = false, focus = true } = {}) {
  filter.site = name;
  address();
  for (const item of list.children) item.toggleAttribute("aria-current", false);
  list.querySelector(`[data-name="${CSS.escape(name)}"]`)?.setAttribute("aria-current", "true");
  map?.getSource("chosen")?.setData(point(name));
  if (!name) {
    card.replaceChildren();
    return;
  }
  const n = byName.get(name);
  if (fly && n !== undefined) map.easeTo({ center: [sites.lon[n], sites.lat[n]], zoom: Math.max(map.getZoom(), 11.5), duration: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 400 });
  const answer = await fetch(`/map/card/${encodeURIComponent(name)}`, { headers: { "HX-Request": "true" } });
  if (!answer.ok || filter.site !== name) return;
  card.innerHTML = await answer.text();
  if (focus) card.querySelector("h2 a")?.focus({ preventScroll: true });
}

// A road event of the official services in the place of a site's card.
function tellRoad(event) {
  const make = (name, css, words) => Object.assign(document.createElement(name), { className: css, textContent: words });
  const head = make("header", "", "");
  const close = make("button", "btn end", card.dataset.close);
  close.type = "button";
  close.dataset.cardClose = "";
  head.append(make("h2", "", event.name), close);
  const box = make("section", "panel card", "");
  const body = make("div", "pad", "");
  body.append(make("p", "", event.words), make("p", "small soft", event.source));
  box.append(head, body);
  card.replaceChildren(box);
}

function point(name) {
  const n = byName.get(name);
  return { type: "FeatureCollection", features: n === undefined ? [] : [{ type: "Feature", geometry: { type: "Point", coordinates: [sites.lon[n], sites.lat[n]] }, properties: {} }] };
}

function showAll(numbers) {
  if (!map || !numbers.length) return;
  const lons = numbers.map((n) => sites.lon[n]);
  const lats = numbers.map((n) => sites.lat[n]);
  moved = false;
  map.fitBounds([[Math.min(...lons), Math.min(...lats)], [Math.max(...lons), Math.max(...lats)]], { padding: 48, duration: 0, maxZoom: 13 });
}

function missing(event) {
  const image = drawings.get(event.id) ?? label(event.id, look);
  drawings.delete(event.id);
  if (image && !map.hasImage(event.id)) map.addImage(event.id, image, { pixelRatio: marks.ratio });
}

// `data`: GeoJSON by source. Layers come one a frame: without a graphics card the page waits for every
// program that one of them needs to be compiled.
async function make(data) {
  const library = await load(box.dataset.library, box.dataset.worker);
  await readyBasemap(box, library);
  const complete = style(box, data);
  const at = DIM.get("at")?.split(",").map(Number);
  const edges = box.dataset.bounds ? JSON.parse(box.dataset.bounds) : null;
  await breathe();
  map = new library.Map({
    container: box,
    style: { ...complete, layers: complete.layers.slice(0, 1) },
    ...(at?.length === 3 && at.every(Number.isFinite) ? { center: [at[0], at[1]], zoom: at[2] } : edges ? { bounds: edges, fitBoundsOptions: { padding: 48, maxZoom: 13 } } : { center: [2.4, 46.6], zoom: 5 }),
    attributionControl: box.dataset.basemap ? { compact: true } : false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    maxPitch: 0,
    maxZoom: 17,
    fadeDuration: 0,
    renderWorldCopies: false,
    collectResourceTiming: false,
    refreshExpiredTiles: false,
    canvasContextAttributes: { antialias: false, failIfMajorPerformanceCaveat: false },
    pixelRatio: marks.ratio > 1.5 ? 2 : 1,
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  map.getCanvas().setAttribute("aria-label", box.dataset.label);
  map.on("styleimagemissing", missing);
  map.on("movestart", (event) => {
    if (event.originalEvent) moved = true;
  });
  map.on("moveend", () => {
    if (sites) inView();
    address();
  });
  map.on("error", (event) => {
    if (event.sourceId === "basemap" && map.getSource("basemap")) {
      for (const layer of LAYERS.basemap) map.removeLayer(layer);
      map.removeSource("basemap");
      say(note.dataset.unreached);
      setTimeout(say, 6000, "");
    }
  });
  map.on("click", ["sites", "clusters"], async (event) => {
    const [hit] = event.features;
    if (hit.properties.cluster) {
      const zoom = await map.getSource("sites").getClusterExpansionZoom(hit.properties.cluster_id);
      moved = true;
      map.easeTo({ center: hit.geometry.coordinates, zoom: zoom + 0.2, duration: 250 });
    } else choose(sites.name[hit.properties.n]);
  });
  map.on("click", "roads", (event) => {
    if (!map.queryRenderedFeatures(event.point, { layers: ["sites", "clusters"] }).length) tellRoad(event.features[0].properties);
  });
  let resting = 0;
  map.on("mousemove", (event) => {
    clearTimeout(resting); // asked only where the pointer rests: it is no light question
    resting = setTimeout(() => {
      if (!map.isMoving()) map.getCanvas().style.cursor = map.queryRenderedFeatures(event.point, { layers: ["sites", "clusters", "roads"] }).length ? "pointer" : "";
    }, 80);
  });
  await map.once("style.load");
  const rest = complete.layers.slice(1);
  for (let n = 0; n < rest.length; n += AT_ONCE) {
    for (const layer of rest.slice(n, n + AT_ONCE)) map.addLayer(layer);
    await frame();
  }
  layers();
  await drawn();
}

// Until what was given to the map stands on it; a map in a hidden tab draws nothing and is not waited for.
const drawn = () => Promise.race([new Promise((done) => map.once("idle", done)), new Promise((done) => setTimeout(done, 1500))]);
const frame = () => Promise.race([new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0))), new Promise((done) => setTimeout(done, 100))]);

// Names are drawn while the library is still on its way, a few at once.
const drawings = new Map();
async function draw(data) {
  const names = (kind, source) => data[source].features.map((feature) => `${kind}:${feature.properties.name}`);
  const ids = [...names("name", "communes"), ...names("epci", "epcis"), ...names("river", "rivers")];
  for (let n = 0; n < ids.length; n += SLICE) {
    for (const id of ids.slice(n, n + SLICE)) drawings.set(id, label(id, look));
    await breathe();
  }
}

let asking = false;
let again = false;
async function states() {
  if (asking) {
    again = true; // one question at a time, however much happens
    return;
  }
  asking = true;
  try {
    await happened();
  } finally {
    asking = false;
    if (again) setTimeout(states, 1000);
    again = false;
  }
}

async function happened() {
  const now = await json("/map/states");
  let changed = false;
  for (let n = 0; n < sites.name.length; n++) {
    const [rank, open, stale] = now[sites.name[n]] ?? [CALM, 0, 0];
    if (sites.rank[n] === rank && sites.open[n] === open && sites.stale[n] === stale) continue;
    [sites.rank[n], sites.open[n], sites.stale[n]] = [rank, open, stale];
    changed = true;
  }
  if (!changed) return;
  await breathe();
  await refresh();
  const warnings = await json("/map/warnings");
  for (const name of ["areas", "official"]) map?.getSource(name)?.setData(warnings[name]);
}

async function start() {
  pressed();
  const coming = [json("/map/ground"), json(box.dataset.lines), json("/map/warnings")];
  for (const each of coming) each.catch(() => {}); // what fails is said below, where it is needed
  load(box.dataset.library, box.dataset.worker).catch(() => {});
  sites = await json("/map/sites");
  byName = new Map(sites.name.map((name, n) => [name, n]));
  shownNow = kept();
  listed();
  try {
    const [ground, lines, warnings] = await Promise.all(coming);
    await document.fonts.ready;
    await draw(ground);
    await make({ ...ground, ...lines, ...warnings, sites: features(shownNow), chosen: point(filter.site) });
  } catch (error) {
    map = null; // the first picture stays
    say(note.dataset.failed);
    console.warn(error);
    return;
  }
  inView();
  document.getElementById("map-first")?.remove();
  if (!note.dataset.problem) say(sites.lost ? note.dataset.lost.replace("{n}", sites.lost) : "");
  if (filter.site) choose(filter.site, { fly: !DIM.has("at"), focus: false });
  document.addEventListener("hypervisor:alarm", states);
  document.addEventListener("hypervisor:refresh", states);
  setInterval(states, 60_000); // no event tells that a sensor fell silent
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    forget();
    location.reload();
  });
  box.dataset.ready = "1";
  performance.mark("map-ready");
}

// A place from the search: where it lies, and the card of its site. False: there is no map to show it on.
finding(([west, south, east, north], site) => {
  if (!map) return false;
  moved = true;
  map.fitBounds([[west, south], [east, north]], { padding: 48, maxZoom: 13.5, duration: matchMedia("(prefers-reduced-motion: reduce)").matches ? 0 : 400 });
  if (site) choose(site);
  else map.getCanvas().focus({ preventScroll: true });
  return true;
});
start();
