// Marks for the map, drawn on a canvas from the tokens of the page: diamond 1, triangle 2, square 3,
// circle 4; full, hollow, grey; a ring for a site without an alarm; names, since no fonts are fetched.
const ratio = Math.min(2, Math.max(1, Math.round(devicePixelRatio)));
const colours = new Map();
let probe = null;

function colour(token) {  // a token of the page, or a colour
  if (!colours.has(token)) {
    probe ??= document.body.appendChild(Object.assign(document.createElement("i"), { hidden: true }));
    probe.style.color = token.startsWith("--") ? `var(${token})` : token;
    colours.set(token, getComputedStyle(probe).color);
  }
  return colours.get(token);
}
const dark = () => {
  const [r] = colour("--ground").match(/\d+/g).map(Number);
  return r < 128;
};
export const forget = () => colours.clear();
export const marks = { ratio, colour, dark };

// The library's build for strict content policies is a plain script: the module waits for it.
const scripts = new Map();
export function script(address) {
  if (!scripts.has(address)) {
    const made = Object.assign(document.createElement("script"), { src: address });
    const loaded = new Promise((done, failed) => {
      made.addEventListener("load", done);
      made.addEventListener("error", () => failed(new Error(`${address} cannot be loaded`)));
    });
    scripts.set(address, loaded);
    document.head.append(made);
  }
  return scripts.get(address);
}

export async function load(address, worker) {
  await script(address);
  window.maplibregl.setWorkerUrl(worker);
  window.maplibregl.setWorkerCount(1);
  return window.maplibregl;
}

// One canvas for all: making one costs more than drawing on it.
const sheet = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const rule = document.createElement("canvas").getContext("2d");
function canvas(width, height) {
  sheet.canvas.width = Math.ceil(width * ratio); // also wipes it
  sheet.canvas.height = Math.ceil(height * ratio);
  sheet.scale(ratio, ratio);
  return sheet;
}
const image = (pen) => pen.getImageData(0, 0, pen.canvas.width, pen.canvas.height);

function outline(pen, priority, size) {
  const at = (x, y) => [(x / 24) * size, (y / 24) * size];
  pen.beginPath();
  if (priority === 1) [[12, 0.8], [23.2, 12], [12, 23.2], [0.8, 12]].forEach(([x, y], n) => pen[n ? "lineTo" : "moveTo"](...at(x, y)));
  else if (priority === 2) [[12, 1.6], [23.4, 22], [0.6, 22]].forEach(([x, y], n) => pen[n ? "lineTo" : "moveTo"](...at(x, y)));
  else if (priority === 3) pen.rect(...at(2.2, 2.2), ...at(19.6, 19.6));
  else pen.arc(...at(12, 12), (10.6 / 24) * size, 0, 2 * Math.PI);
  pen.closePath();
}

function mark(pen, priority, state, size, digit) {
  const held = state === "shv";
  outline(pen, priority, size);
  pen.fillStyle = state === "un" ? colour(`--p${priority}`) : colour("--raised");
  pen.fill();
  pen.lineWidth = Math.max(2, (2 / 24) * size);
  pen.lineJoin = "round";
  pen.strokeStyle = held ? colour("--line-2") : colour(`--p${priority}-edge`);
  pen.stroke();
  pen.fillStyle = state === "un" ? colour(`--p${priority}-on`) : colour(held ? "--ink-2" : "--ink");
  pen.textAlign = "center";
  const fit = digit.length > 2 ? 0.36 : digit.length > 1 ? 0.44 : 0.54;
  pen.font = `600 ${Math.round(size * fit)}px Plex, system-ui, sans-serif`;
  pen.fillText(digit, size / 2, ((priority === 2 ? 19.6 : 16.4) / 24) * size);
}

function stale(pen, size) {
  pen.setLineDash([3, 3]);
  pen.strokeStyle = colour("--ink-2");
  pen.lineWidth = 1.5;
  pen.strokeRect(1, 1, size + 6, size + 6);
}

function alarm(rank, isStale, look) {
  const { priority, state } = look(rank);
  const pen = canvas(30, 30);
  pen.save();
  pen.translate(4, 4);
  mark(pen, priority, state, 22, String(priority));
  pen.restore();
  if (isStale) stale(pen, 22);
  return image(pen);
}

function calm(own, unknown) {
  const pen = canvas(14, 14);
  if (unknown) pen.setLineDash([2.5, 2]);
  pen.beginPath();
  pen.arc(7, 7, 4.5, 0, 2 * Math.PI);
  pen.fillStyle = colour("--raised");
  pen.fill();
  pen.lineWidth = 2.5;
  pen.strokeStyle = unknown ? OFFICIAL[0] : colour(`color-mix(in srgb, ${own} 55%, var(--ink))`);
  pen.stroke();
  return image(pen);
}

// The mark of the worst, and beside it how many sites there are.
function cluster(rank, number, look) {
  const { priority, state } = look(rank);
  const pen = canvas(64, 34);
  pen.font = "600 12px Plex, system-ui, sans-serif";
  const wide = pen.measureText(number).width;
  if (state === "gap") pen.setLineDash([3, 2]);
  const left = priority ? 30 : 17 - wide / 2 - 7 + 15;
  pen.beginPath();
  pen.roundRect(left - (priority ? 12 : 0), 8, wide + (priority ? 24 : 14), 18, 9);
  pen.fillStyle = colour("--raised");
  pen.fill();
  pen.lineWidth = 1.5;
  pen.strokeStyle = colour("--line-2");
  pen.stroke();
  pen.fillStyle = colour("--ink");
  pen.textAlign = "left";
  pen.fillText(number, left + (priority ? 6 : 7), 21.5);
  if (priority) {
    pen.save();
    pen.translate(3, 3);
    mark(pen, priority, state, 28, String(priority));
    pen.restore();
  }
  return image(pen);
}

function name(text, token, weight, spacing = "0px") {
  const font = `${weight} ${spacing === "0px" ? 12 : 10}px Plex, system-ui, sans-serif`;
  rule.font = font;
  rule.letterSpacing = spacing;
  const pen = canvas(rule.measureText(text).width + 8, 18);
  pen.font = font;
  pen.letterSpacing = spacing;
  pen.lineJoin = "round";
  pen.lineWidth = 3;
  pen.strokeStyle = colour("--well");
  pen.strokeText(text, 4, 13);
  pen.fillStyle = colour(token);
  pen.fillText(text, 4, 13);
  return image(pen);
}

// An arrow along a line, which runs with the flow.
function flow() {
  const pen = canvas(10, 10);
  pen.beginPath();
  pen.moveTo(3, 2);
  pen.lineTo(8, 5);
  pen.lineTo(3, 8);
  pen.strokeStyle = colour("--water");
  pen.lineWidth = 2;
  pen.lineJoin = "round";
  pen.stroke();
  return image(pen);
}

// An official colour: a framed swatch with river and word, never an alarm's shape.
export const OFFICIAL = { 0: "#8e8e93", 2: "#ffe14d", 3: "#ff9a26", 4: "#e2202c" };
function official(rank, text) {
  rule.font = "600 12px Plex, system-ui, sans-serif";
  rule.letterSpacing = "0px";
  const pen = canvas(rule.measureText(text).width + 36, 20);
  pen.fillStyle = colour("--raised");
  pen.strokeStyle = colour("--ink-2");
  pen.lineWidth = 1;
  pen.fillRect(0.5, 0.5, pen.canvas.width / ratio - 1, 19);
  pen.strokeRect(0.5, 0.5, pen.canvas.width / ratio - 1, 19);
  pen.fillStyle = OFFICIAL[rank];
  pen.fillRect(5, 5, 18, 10);
  pen.strokeRect(5.5, 5.5, 17, 9);
  pen.font = rule.font;
  pen.fillStyle = colour("--ink");
  pen.fillText(text, 29, 14);
  return image(pen);
}

function asset() {
  const pen = canvas(12, 12);
  pen.fillStyle = colour("--raised");
  pen.strokeStyle = colour("--ink-2");
  pen.lineWidth = 1.5;
  pen.fillRect(2, 2, 8, 8);
  pen.strokeRect(2, 2, 8, 8);
  return image(pen);
}

// A road event of the official services: a triangle, filled where the road is closed or flooded.
function road(grave) {
  const pen = canvas(18, 17);
  pen.beginPath();
  pen.moveTo(9, 2);
  pen.lineTo(16, 14.5);
  pen.lineTo(2, 14.5);
  pen.closePath();
  pen.fillStyle = colour(grave ? "--ink" : "--raised");
  pen.strokeStyle = colour("--ink");
  pen.lineWidth = 1.6;
  pen.lineJoin = "round";
  pen.fill();
  pen.stroke();
  return image(pen);
}

function dot() {
  const pen = canvas(6, 6);
  pen.beginPath();
  pen.arc(3, 3, 2, 0, 2 * Math.PI);
  pen.fillStyle = colour("--line-2");
  pen.globalAlpha = 0.7;
  pen.fill();
  return image(pen);
}

function chosen() {
  const pen = canvas(38, 38);
  pen.beginPath();
  pen.arc(19, 19, 17, 0, 2 * Math.PI);
  pen.lineWidth = 2;
  pen.strokeStyle = colour("--ink");
  pen.stroke();
  return image(pen);
}

export function label(id, look) {
  const [kind, ...rest] = id.split(":");
  if (kind === "mark") return alarm(Number(rest[0]), rest[1] === "1", look);
  if (kind === "site") return calm(rest[0], rest[1] === "1");
  if (kind === "cluster") return cluster(Number(rest[0]), rest[1], look);
  if (kind === "name") return name(rest.join(":"), "--ink-2", 400);
  if (kind === "epci") return name(rest.join(":").toLocaleUpperCase("fr"), "--ink-3", 600, "0.06em");
  if (kind === "place") return name(rest.join(":"), "--ink-3", 400);
  if (kind === "flow") return flow();
  if (kind === "official") return official(Number(rest[0]), rest.slice(1).join(":"));
  if (kind === "river") return name(rest.join(":"), "--water", 600);
  if (kind === "asset") return asset();
  if (kind === "road") return road(rest[0] === "true");
  if (kind === "dot") return dot();
  if (kind === "chosen") return chosen();
  return null;
}
