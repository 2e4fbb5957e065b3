// A threshold is typed, dragged, or moved by the arrows of its line; what it would have meant follows.
const form = document.getElementById("edit");
const field = document.getElementById("value");
const graph = document.querySelector(".strip-graph");
const handle = graph?.querySelector("[data-handle]");
const language = document.documentElement.lang;
const standing = form?.dataset.standing === "" ? null : Number(form?.dataset.standing);

const read = (text) => Number(String(text).trim().replace(/[\s\u00a0\u202f]/g, "").replace("\u2212", "-").replace(",", "."));

function write(value) {
  const places = Math.max(Math.abs(value) < 10 ? 2 : 0, (String(Number(value.toFixed(6))).split(".")[1] ?? "").length);
  const text = value.toLocaleString(language, { minimumFractionDigits: places, maximumFractionDigits: places, useGrouping: false });
  return text.replace("-", "\u2212");
}

function place(value) {
  const { low, high, top, bottom } = graph.dataset;
  const part = (value - low) / (high - low);
  return bottom - (bottom - top) * Math.min(1, Math.max(0, part));
}

function show(value) {
  const clean = standing !== null && Math.abs(value - standing) < 1e-9;
  const dirty = document.querySelector("[data-dirty]");
  if (dirty) dirty.textContent = clean ? dirty.dataset.clean : dirty.dataset.changed;
  document.querySelector("[data-yaml]")?.classList.toggle("same", clean);
  const before = document.querySelector("[data-yaml-before]");
  if (before) before.hidden = clean;
  const output = document.querySelector("[data-yaml-value]");
  if (output) output.textContent = String(Number(value.toFixed(6)));
  if (!handle) return;
  const y = place(value);
  handle.setAttribute("transform", `translate(0 ${y})`);
  handle.setAttribute("aria-valuenow", value);
  const words = `${write(value)}\u00a0${form.dataset.unit}`;
  handle.setAttribute("aria-valuetext", words);
  handle.querySelector("[data-word]").textContent = words;
  const band = graph.querySelector("[data-band]");
  if (!band) return;
  const from = Number(band.dataset.before);
  band.setAttribute("y", Math.min(from, y));
  band.setAttribute("height", Math.abs(from - y));
  const old = graph.querySelector("[data-before-word]");
  old.setAttribute("visibility", clean ? "hidden" : "visible");
  // The two words never lie on one another.
  old.setAttribute("y", Math.abs(from - y) < 16 ? (from <= y ? y - 12 : y + 20) : from + 4);
}

let last = 0;
let later;
function attempt() {
  clearTimeout(later);
  const wait = Math.max(0, 250 - (performance.now() - last));
  later = setTimeout(() => {
    last = performance.now();
    htmx.trigger(field, "try");
  }, wait);
}

function set(value) {
  field.value = write(value);
  show(value);
  attempt();
}

field?.addEventListener("input", () => {
  const value = read(field.value);
  if (Number.isFinite(value)) show(value);
});

// Places of a span and of a rule are links: they keep what is typed.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-span]");
  if (link && field && Number.isFinite(read(field.value)) && read(field.value) !== standing) {
    const url = new URL(link.href);
    url.searchParams.set("value", field.value);
    link.href = url;
  }
  const take = event.target.closest("a[data-take]");
  if (take && field) {
    event.preventDefault();
    set(Number(take.dataset.take));
    field.focus();
  }
  if (event.target.closest("[data-back]") && standing !== null && field && !new URLSearchParams(location.search).has("value")) {
    event.preventDefault();
    set(standing);
    field.focus();
  }
});

if (handle) {
  const step = Number(handle.dataset.step);
  const snap = (value) => Number((Math.round(value / step) * step).toFixed(9));
  const at = (event) => {
    const box = graph.getBoundingClientRect();
    const y = ((event.clientY - box.top) / box.height) * graph.viewBox.baseVal.height;
    const { low, high, top, bottom } = graph.dataset;
    const part = (bottom - y) / (bottom - top);
    return snap(Number(low) + Math.min(1, Math.max(0, part)) * (high - low));
  };
  handle.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    handle.focus();
    handle.setPointerCapture(event.pointerId);
    const move = (moved) => set(at(moved));
    handle.addEventListener("pointermove", move);
    const stop = () => handle.removeEventListener("pointermove", move);
    handle.addEventListener("pointerup", stop, { once: true });
    handle.addEventListener("pointercancel", stop, { once: true });
  });
  const moves = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10 };
  handle.addEventListener("keydown", (event) => {
    const { low, high } = graph.dataset;
    const now = read(field.value);
    let next;
    if (event.key in moves) next = snap(now + moves[event.key] * step);
    else if (event.key === "Home") next = Number(low);
    else if (event.key === "End") next = Number(high);
    else return;
    event.preventDefault();
    set(Math.min(Number(high), Math.max(Number(low), next)));
  });
  show(read(field.value));
}

// On a phone the strip opens at the present.
function atPresent() {
  for (const plot of document.querySelectorAll(".plot.wide")) plot.scrollLeft = plot.scrollWidth;
}
atPresent();
document.addEventListener("htmx:afterSettle", (event) => event.target.id === "worth" && atPresent());
