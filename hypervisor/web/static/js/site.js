// The page of a site: its chart fitted to the width there is, spans, zoom, the table, the forms.
import { Cursor } from "./chart.js";

let cursor = null;
let choosing = false; // a drag fills the form rather than zooms
const before = []; // queries to go back to

const holder = () => document.getElementById("site-chart");
const params = () => new URLSearchParams(holder().dataset.query);

async function draw(query, { keep = true } = {}) {
  const here = holder();
  const plot = here.querySelector("[data-plot]");
  const held = document.activeElement?.closest("[data-plot], [data-span], [data-table]");
  const name = held?.matches("[data-plot]") ? "[data-plot]" : held?.dataset.span ? `[data-span="${held.dataset.span}"]` : null;
  query.set("w", room(plot));
  const answer = await fetch(`${here.dataset.address}?${query}`, { headers: { "HX-Request": "true" } });
  if (!answer.ok) return;
  if (keep) before.push(here.dataset.query);
  const made = document.createElement("template");
  made.innerHTML = await answer.text();
  const open = holder().querySelector("[data-table]").getAttribute("aria-expanded") === "true";
  holder().replaceWith(made.content);
  htmx.process(holder());
  ready();
  if (open) await data(holder().querySelector("[data-table]"));
  if (name) holder().querySelector(name)?.focus({ preventScroll: true });
}

// The width there is, in pixels of 1/16 rem: what is drawn grows with the letters of a wide screen.
function room(plot) {
  const style = getComputedStyle(plot);
  const free = plot.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  return Math.round((free * 16) / parseFloat(getComputedStyle(document.documentElement).fontSize));
}

function ready() {
  const plot = holder()?.querySelector("[data-plot]");
  if (!plot) return;
  cursor = new Cursor(plot, span);
  const wide = room(plot);
  const drawn = plot.querySelector("svg").viewBox.baseVal.width;
  if (Math.abs(wide - drawn) / drawn < 0.02 || wide < 200) plot.classList.add("fitted");
}

function fit() {
  const plot = holder()?.querySelector("[data-plot]");
  if (plot && !plot.classList.contains("fitted")) draw(params(), { keep: false });
}

function iso(at) {
  return new Date(at * 1000).toISOString().replace(/\.\d+Z$/, "Z");
}

function span(first, last) {
  const form = document.querySelector("[data-aside-form]");
  if (form && choosing) {
    form.elements.first.value = local(first);
    form.elements.last.value = local(last);
    form.elements.reason.focus();
    return;
  }
  if (last - first < 900) return;
  const query = params();
  query.delete("span");
  query.set("from", iso(first));
  query.set("to", iso(last));
  draw(query);
  address(query);
}

function local(at) {
  const zone = document.documentElement.dataset.zone;
  const parts = Object.fromEntries(new Intl.DateTimeFormat("en-GB", { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone: zone }).formatToParts(at * 1000).map((part) => [part.type, part.value]));
  return `${parts.year}-${parts.month}-${parts.day}T${parts.hour}:${parts.minute}:${parts.second}`;
}

function address(query) {
  const shown = new URLSearchParams(query);
  shown.delete("w");
  history.replaceState(null, "", `?${shown}`);
}

document.addEventListener("click", async (event) => {
  const chip = event.target.closest("[data-span]");
  const table = event.target.closest("[data-table]");
  const close = event.target.closest("#site-form [data-close]");
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  if (chip) {
    event.preventDefault();
    const query = params();
    for (const name of ["from", "to"]) query.delete(name);
    query.set("span", chip.dataset.span);
    await draw(query);
    address(query);
  } else if (table) {
    event.preventDefault();
    await data(table);
  } else if (close) {
    event.preventDefault();
    document.getElementById("site-form").replaceChildren();
    choosing = false;
    document.querySelector(".site-acts .btn")?.focus();
  }
});

async function data(link) {
  const panel = document.getElementById("site-table");
  const open = link.getAttribute("aria-expanded") === "true";
  link.setAttribute("aria-expanded", String(!open));
  panel.hidden = open;
  if (open) return;
  const answer = await fetch(link.href, { headers: { "HX-Request": "true" } });
  if (!answer.ok) return;
  panel.innerHTML = await answer.text();
  panel.querySelector("[tabindex]")?.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && event.target.closest?.("[data-plot]") && before.length) {
    const query = new URLSearchParams(before.pop());
    draw(query, { keep: false });
    address(query);
    event.preventDefault();
  }
});

// News of other sites is none here; readings are shown again every ten seconds at most.
const EVERY = 10_000;
const fetched = new Map();
function concerns(news) {
  const places = (Array.isArray(news) ? news : [news]).map((item) => item?.sites ?? (item?.site ? [item.site] : null));
  return places.some((sites) => sites === null || sites.includes(holder().dataset.site));
}

function later(part) {
  const wait = EVERY - (Date.now() - (fetched.get(part.id) ?? 0));
  if (wait <= 0) return false;
  if (!part.dataset.due) {
    part.dataset.due = "1";
    setTimeout(() => document.getElementById(part.id)?.dataset.due && htmx.ajax("GET", part.getAttribute("hx-get"), { source: part, target: part, swap: "outerHTML" }), wait);
  }
  return true;
}

document.addEventListener("htmx:configRequest", (event) => {
  const why = event.detail.triggeringEvent;
  if (why?.type?.startsWith("hypervisor:") && why.type !== "hypervisor:refresh") {
    if (!concerns(why.detail) || (why.type === "hypervisor:reading" && later(event.target))) {
      event.preventDefault();
      return;
    }
  }
  if (event.target.id) fetched.set(event.target.id, Date.now());
  if (event.target.id === "site-chart") {
    const plot = holder().querySelector("[data-plot]");
    event.detail.path = event.detail.path.replace(/([?&])w=\d+&?/, "$1");
    event.detail.parameters.w = room(plot);
    // While the table is open, a cursor is read or a form is filled from the chart, it stands still.
    if (!document.getElementById("site-table").hidden || cursor?.dragging !== undefined) event.preventDefault();
  }
});
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.target.id === "site-chart" || event.detail.elt?.id === "site-chart") ready();
  choosing = Boolean(document.querySelector("[data-aside-form]"));
});

let settling = null;
addEventListener("resize", () => {
  holder()?.querySelector("[data-plot]")?.classList.remove("fitted");
  clearTimeout(settling);
  settling = setTimeout(() => {
    ready();
    fit();
  }, 200);
});

choosing = Boolean(document.querySelector("[data-aside-form]"));
ready();
fit();
