// An agent's orders on a phone: drawn from what the server said last, with what waits on the phone applied.
import { add, compareClocks, list, remove, retry, send } from "./fieldqueue.js";

const AFTER = { accept: "accepted", depart: "on_way", arrive: "on_site", close: "done", refuse: "refused" };
const POSSIBLE = {
  assigned: ["accept", "depart", "arrive", "close", "refuse"],
  accepted: ["depart", "arrive", "close", "refuse"],
  on_way: ["arrive", "close", "refuse"],
  on_site: ["close"],
};
const STEPS = ["accept", "depart", "arrive"]; // a button each; the others have a form
const AGAIN = 20000; // ms between two tries while something waits
const REFRESH = 60000;
const WIDEST = 1600; // pixels of a photograph

const main = document.getElementById("main");
const net = document.getElementById("net");
const words = new Map(
  [...document.getElementById("words").content.querySelectorAll("[data-word]")].map((each) => [each.dataset.word, each.textContent]));
const clock = new Intl.DateTimeFormat(document.documentElement.lang, {
  weekday: "short", hour: "2-digit", minute: "2-digit", timeZone: document.documentElement.dataset.zone });
let latest = null; // what the server said last
let outcome = "sent"; // how the last try ended: sent, offline, later, signed-out, or a refusal
let drawnContent = ""; // what the page shows, to draw it again only when it changes

const say = (word, values = {}) =>
  Object.entries(values).reduce((text, [name, value]) => text.replaceAll(`{${name}}`, value), words.get(word) ?? word);
const at = (time) => clock.format(new Date(time));
const make = (id) => document.getElementById(id).content.firstElementChild.cloneNode(true);
const put = (element, name, text) => {
  const place = element.querySelector(`[data-${name}]`);
  place.textContent = text ?? "";
  place.hidden = !text;
  return place;
};

function describe(element, order, state) {
  put(element, "title", order.title);
  put(element, "where", order.where);
  put(element, "state", say(`state.${state}`));
  put(element, "priority", say(`priority.${order.priority}`));
  const late = order.overdue || (latest.mode === "LIVE" && Date.parse(order.due) < Date.now());
  put(element, "due", order.due && say(late ? "late" : "due", { time: at(order.due) }));
}

function stateOf(order, acts) {
  return acts.reduce((state, act) => (act.order === order.id && !act.problem && AFTER[act.act]) || state, order.state);
}

function drawList(acts) {
  const shown = latest.orders.filter((order) => !["done", "refused"].includes(stateOf(order, acts)));
  if (!shown.length) {
    const none = document.createElement("p");
    none.className = "pad";
    none.textContent = say("none");
    return none;
  }
  const drawn = make("t-list");
  for (const order of shown) {
    const row = make("t-row");
    describe(row, order, stateOf(order, acts));
    row.querySelector("a").href = `#${order.id}`;
    drawn.append(row);
  }
  return drawn;
}

function drawOrder(order, acts) {
  const drawn = make("t-order");
  const state = stateOf(order, acts);
  describe(drawn, order, state);
  put(drawn, "description", order.description);
  const way = drawn.querySelector("[data-geo]");
  const map = drawn.querySelector("[data-map]");
  if (order.lat === null) {
    way.parentElement.remove();
    map.remove();
  } else {
    const place = `${order.lat},${order.lon}`;
    way.href = /iPhone|iPad/.test(navigator.userAgent) ? `maps:?daddr=${place}` : `geo:${place}?q=${place}`;
    map.src = `/field/orders/${order.id}/map.svg`;
  }
  const possible = POSSIBLE[state] ?? [];
  for (const act of STEPS.filter((step) => possible.includes(step))) {
    const button = document.createElement("button");
    button.className = "btn main";
    button.type = "button";
    button.textContent = say(`act.${act}`);
    button.addEventListener("click", () => note(order, act, {}).catch(complain));
    drawn.querySelector("[data-acts]").append(button);
  }
  for (const fold of drawn.querySelectorAll("[data-fold]")) {
    const act = fold.dataset.fold;
    if (AFTER[act] && !possible.includes(act)) fold.remove();
  }
  const readings = drawn.querySelector("[data-quantities]");
  readings.hidden = !order.quantities.length;
  for (const quantity of order.quantities) {
    const option = new Option(`${quantity.label} (${quantity.unit})`, quantity.series);
    readings.querySelector("select").append(option);
  }
  for (const form of drawn.querySelectorAll("form")) {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      read(order, form).catch(complain);
    });
  }
  return drawn;
}

function drawQueue(acts) {
  const drawn = make("t-queue");
  for (const act of acts) {
    const row = make("t-queued");
    put(row, "what", `${say("order", { n: act.order })} · ${say(`act.${act.act}`)}${act.fields.text ? ` · ${act.fields.text}` : ""}`);
    put(row, "when", act.problem ? "" : say("noted", { time: at(act.notedAt) }));
    put(row, "problem", act.problem);
    const drop = row.querySelector("[data-drop]");
    drop.hidden = !act.problem;
    drop.addEventListener("click", () => remove(act.id).then(draw));
    const again = row.querySelector("[data-again]");
    again.hidden = !act.refused;
    again.addEventListener("click", () => retry(act).then(sync));
    drawn.querySelector("ul").append(row);
  }
  return drawn;
}

function status(acts) {
  const waiting = acts.filter((act) => act.account === latest?.account && !act.problem).length;
  const other = acts.find((act) => latest && act.account !== latest.account && !act.problem);
  const parts = [];
  if (outcome === "offline" || !navigator.onLine) parts.push(say("offline"));
  else if (outcome !== "sent") parts.push(say(outcome));
  else if (!waiting) parts.push(say("online"));
  if (waiting) parts.push(say("waiting", { n: waiting }));
  if (other) parts.push(say("others", { who: other.account }));
  net.textContent = parts.filter(Boolean).join(" ");
  if (outcome === "signed-out") {
    const door = document.createElement("a");
    door.href = "/login?next=/field";
    door.textContent = say("sign-in");
    net.append(" ", door);
  }
}

async function draw() {
  const acts = await list();
  status(acts);
  if (latest) {
    const number = Number(location.hash.slice(1));
    const order = latest.orders.find((each) => each.id === number);
    const done = order && ["done", "refused"].includes(stateOf(order, acts));
    const own = acts.filter((act) => act.account === latest.account);
    const about = order && !done ? [order] : latest.orders;
    const content = JSON.stringify([number, about.map((each) => [each, stateOf(each, acts)])]);
    // A form in which something was typed is not drawn again, nor what has not changed: a tap would be lost.
    const typing = main.querySelector("details[open] form");
    if (content !== drawnContent && (!typing || typing.closest("article").dataset.order !== String(number) || done)) {
      const drawn = order && !done ? drawOrder(order, acts) : drawList(acts);
      drawn.dataset.order = String(number);
      main.replaceChildren(drawn);
      drawnContent = content;
    }
    main.querySelector(":scope > section")?.remove();
    if (own.length) main.append(drawQueue(own));
  }
}

async function shrink(file) {
  let picture;
  try {
    picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  } catch {
    throw new Error(say("bad-photo"));
  }
  const scale = Math.min(1, WIDEST / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [Math.round(picture.width * scale), Math.round(picture.height * scale)];
  canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.85));
  return blob.arrayBuffer();
}

function position() {
  return new Promise((resolve) => navigator.geolocation.getCurrentPosition(
    ({ coords }) => resolve({ lon: coords.longitude, lat: coords.latitude }), () => resolve(null),
    { enableHighAccuracy: true, timeout: 10000, maximumAge: 60000 }));
}

// What stands in a form, as the fields of an act.
async function read(order, form) {
  const given = new FormData(form);
  const fields = {};
  if (given.get("text")) fields.text = given.get("text");
  if (given.get("minutes")) fields.minutes = Number(given.get("minutes"));
  const lines = (given.get("parts") ?? "").split("\n").map((line) => line.trim()).filter(Boolean);
  if (lines.length) {
    fields.parts = lines.map((line) => {
      const [, name, count] = /^(.+?)(?:\s*[x×*]\s*(\d+(?:[.,]\d+)?))?$/.exec(line);
      return { name, count: Number((count ?? "1").replace(",", ".")) };
    });
  }
  if (given.get("series")) {
    fields.series = given.get("series");
    fields.value = Number(String(given.get("value")).replace(",", "."));
    if (!given.get("value") || !Number.isFinite(fields.value)) throw new Error(say("bad-value"));
    const range = order.quantities.find((quantity) => quantity.series === fields.series);
    if (range && (fields.value < range.low || fields.value > range.high)) throw new Error(say("impossible", range));
  }
  const file = given.get("file");
  const photo = file?.size ? await shrink(file) : null;
  if (given.get("position")) Object.assign(fields, (await position()) ?? { text: `${fields.text} (${say("no-position")})` });
  await note(order, form.dataset.act, fields, photo, () => {
    form.closest("details").open = false;
    form.reset();
  });
}

// `stored`: what follows when the phone has it, whatever the network does.
async function note(order, act, fields, photo = null, stored = () => {}) {
  await add({ account: latest.account, order: order.id, act, fields, photo });
  navigator.storage?.persist?.(); // asks the browser not to make room at this page's cost
  stored();
  if (["close", "refuse"].includes(act)) location.hash = "";
  await draw();
  await sync();
}

function complain(problem) {
  net.textContent = problem.message;
}

// The orders, and how it ended. `cache`: "default" accepts what was seen last after a few seconds.
async function load(cache) {
  const response = await fetch("/api/v1/field/orders", { cache, headers: { Accept: "application/json" } });
  if (response.status === 401) return "signed-out";
  if (!response.ok) return (response.status < 500 && (await response.json().catch(() => ({}))).detail) || "later";
  latest = await response.json();
  if (response.headers.has("X-Kept")) return "offline";
  compareClocks(response);
  keepMaps(latest.orders.filter((order) => order.lat !== null)).catch(() => {});
  return "sent";
}

// Maps are kept before they are needed where there is no network.
async function keepMaps(orders) {
  for (const order of orders) {
    const address = `/field/orders/${order.id}/map.svg`;
    if (!(await caches.match(address, { ignoreVary: true }))) await fetch(address);
  }
}

// Reads first, which also tells whose session it is now, and the time.
async function sync() {
  try {
    outcome = await load(latest ? "no-store" : "default");
    if (outcome === "offline") {
      await draw();
      outcome = await load("no-store");
    }
    if (outcome === "sent" && (await list()).some((act) => act.account === latest.account && !act.problem)) {
      outcome = await send(latest.account, latest.csrf, draw);
      if (outcome === "sent") outcome = await load("no-store");
    }
  } catch {
    outcome = "offline";
  }
  await draw();
}

document.getElementById("leave").addEventListener("submit", async (event) => {
  event.preventDefault();
  await caches.delete("hypervisor-field-seen");
  event.target.submit();
});
window.addEventListener("hashchange", () => draw().then(() => main.querySelector("h2")?.focus()));
window.addEventListener("online", sync);
window.addEventListener("offline", () => { outcome = "offline"; draw(); });
if (!window.isSecureContext) {
  net.textContent = say("insecure");
  throw new Error("neither keys nor a service worker without https");
}
setInterval(async () => { if (outcome !== "sent" || (await list()).some((act) => !act.problem)) await sync(); }, AGAIN);
setInterval(sync, REFRESH);
if ("serviceWorker" in navigator) {
  navigator.serviceWorker.addEventListener("controllerchange", sync); // from now on it keeps what is read
  navigator.serviceWorker.register("/field/worker.js", { scope: "/field" });
}
sync();
