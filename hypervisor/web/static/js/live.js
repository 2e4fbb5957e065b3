// One stream of events a page. Each becomes `hypervisor:<kind>` on the document, at most twice a second
// a kind (readings every quarter of a minute); elements with hx-get and a trigger on it fetch themselves
// again. What was missed while the network was cut comes with `hypervisor:refresh`, which all listen to.
const KINDS = ["alarm", "incident", "reading", "health", "log", "rule", "exercise", "publication", "intervention", "command"];
const COALESCE = { reading: 15000 }; // ms; readings come by the second, a page needs them by the minute
const SPREAD = 600; // ms within which all that look on ask again, not all at once
const PATIENCE = 2500; // ms without a stream before the strip says so
const AGAIN = 5000;

const strip = document.getElementById("offline");
const waiting = new Map(); // kind -> events since it was last told
const toldAt = new Map(); // kind -> when; the first after a pause is told at once
// Up to where the page itself tells; then each event says up to where it does.
let heardTo = document.querySelector('meta[name="hypervisor-position"]')?.content ?? "";
let source = null;
let cut = null; // when the stream was lost
let timer = null; // the timer of the strip
let again = null;

function tell(kind) {
  const gathered = waiting.get(kind);
  waiting.delete(kind);
  toldAt.set(kind, Date.now());
  document.dispatchEvent(new CustomEvent(`hypervisor:${kind}`, { detail: gathered }));
}

function heard(kind, event) {
  heardTo = event.lastEventId || heardTo;
  let detail = event.data;
  try {
    detail = JSON.parse(event.data);
  } catch { /* a plain word is fine too */ }
  if (waiting.has(kind)) {
    waiting.get(kind).push(detail);
    return;
  }
  waiting.set(kind, [detail]);
  const pause = COALESCE[kind] ? toldAt.get(kind) + COALESCE[kind] - Date.now() : 0;
  setTimeout(tell, Math.max(300, pause || 0) + Math.random() * SPREAD, kind);
}

function span(from) {
  const seconds = Math.max(1, Math.round((Date.now() - from) / 1000));
  return seconds < 90 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

function show() {
  if (!strip || cut === null) return;
  strip.hidden = false;
  strip.querySelector("[data-words]").textContent = strip.dataset.since.replace("{span}", span(cut));
  timer = setTimeout(show, 5000);
}

function lost() {
  if (cut === null) {
    cut = Date.now();
    timer = setTimeout(show, PATIENCE);
    document.dispatchEvent(new CustomEvent("hypervisor:offline"));
  }
  if (source?.readyState === EventSource.CLOSED) {
    clearTimeout(again);
    again = setTimeout(open, AGAIN);
    if (navigator.onLine) signedOut();
  }
}

// A stream that is refused for good may mean that the session is over: then the door is shown.
async function signedOut() {
  try {
    const answer = await fetch("/bar", { headers: { "HX-Request": "true" }, redirect: "manual" });
    if (answer.status === 401 || answer.type === "opaqueredirect") location.reload();
  } catch { /* it is the network after all */ }
}

function back() {
  if (cut === null) return;
  cut = null;
  clearTimeout(timer);
  if (strip) strip.hidden = true;
  document.dispatchEvent(new CustomEvent("hypervisor:online"));
  document.dispatchEvent(new CustomEvent("hypervisor:refresh"));
}

export function open() {
  if (!document.querySelector("meta[name=csrf-token]")?.content) return; // nobody is signed in
  clearTimeout(again);
  source?.close();
  source = new EventSource(`/api/v1/events?since=${encodeURIComponent(heardTo)}`);
  source.addEventListener("open", back);
  source.addEventListener("error", lost);
  for (const kind of KINDS) source.addEventListener(kind, (event) => heard(kind, event));
  source.addEventListener("resync", () => document.dispatchEvent(new CustomEvent("hypervisor:refresh")));
}

export const offline = () => cut !== null;

// What is on its way to a part may be older than an event that comes meanwhile, and htmx forgets the event
// with the element that the answer replaces: the part is then fetched once more.
const fetching = new Map(); // id of a part -> whether an event came meanwhile
// Nor does it replace a part that waits for the answer to a form: that answer would find its place gone.
const posting = new Set(); // targets

function fetchAgain(id) {
  const part = document.getElementById(id);
  if (part) window.htmx.ajax("get", part.getAttribute("hx-get"), { source: part, target: part });
}

for (const kind of [...KINDS, "refresh"]) {
  document.addEventListener(`hypervisor:${kind}`, () => {
    for (const id of fetching.keys()) {
      const kinds = document.getElementById(id)?.dataset.live.split(" ");
      if (kind === "refresh" || kinds?.includes(kind)) fetching.set(id, true);
    }
  });
}
document.addEventListener("htmx:beforeSend", ({ target, detail }) => {
  if (detail.requestConfig.verb !== "get") posting.add(detail.target);
  else if (target.id && "live" in target.dataset) fetching.set(target.id, false);
});
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.requestConfig.verb === "get" && posting.has(event.detail.target)) event.preventDefault();
});
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const { elt, verb } = detail.requestConfig;
  if (verb !== "get") posting.delete(detail.target);
  else {
    if (fetching.get(elt.id)) setTimeout(fetchAgain, 300 + Math.random() * SPREAD, elt.id);
    fetching.delete(elt.id);
  }
});

strip?.querySelector("[data-retry]").addEventListener("click", open);
addEventListener("online", open);
addEventListener("offline", lost);
addEventListener("pagehide", () => source?.close());
addEventListener("pageshow", (event) => {
  if (event.persisted) open();
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && source?.readyState === EventSource.CLOSED) open();
});
// A part that could not be fetched tells of a cut before the stream does.
document.addEventListener("htmx:sendError", lost);
open();

// The count in the title, so that another tab shows it.
function count() {
  const number = Number(document.getElementById("bar-live")?.dataset.unacknowledged ?? 0);
  const bare = document.title.replace(/^\(\d+\) /, "");
  document.title = number ? `(${number}) ${bare}` : bare;
  const state = strip?.querySelector("[data-state]");
  const clock = document.getElementById("bar-live")?.dataset.stated;
  if (state && clock) state.textContent = clock;
}
document.addEventListener("htmx:afterSettle", count);
count();
