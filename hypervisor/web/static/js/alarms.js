// The list of alarms stays as it is known, without a jump under the reader's hands: rows change where they
// stand, new ones wait while one is open or some are selected. Acts by keyboard, on what is selected, else
// on the row that has the focus, else on the open one.

document.documentElement.classList.add("scripted");
const list = document.getElementById("alarms");
const aside = document.getElementById("aside");
const say = document.getElementById("announce");
const FILTER = "hypervisor-filter-chosen";
let fetching = null;
let waiting = null; // the newest list, while it is held back

const keysOn = () => localStorage.getItem("hypervisor-keys-off") === null;
const rows = () => [...list.querySelectorAll("tr[data-row]")];
const row = (number) => document.getElementById(`alarm-${number}`);
const open = () => aside.querySelector("#panel")?.dataset.number ?? null;
const checked = () => [...list.querySelectorAll("input[name=alarm]:checked")];
const focused = () => document.activeElement?.closest("tr[data-row]");
const many = (element, count) => (count === 1 ? element.dataset.one : element.dataset.many.replace("{n}", count));
const address = () => list.dataset.address;

// --- what is selected ------------------------------------------------------------------------------------
function countSelected() {
  const words = document.getElementById("selected");
  if (words) words.textContent = many(words, checked().length);
}

function select(boxes) {
  const chosen = new Set(boxes);
  for (const box of list.querySelectorAll("input[name=alarm]")) box.checked = chosen.has(box.value.split(":")[0]);
  for (const all of list.querySelectorAll("[data-all]")) all.checked = [...all.closest("tbody").querySelectorAll("input[name=alarm]")].every((box) => box.checked);
  countSelected();
}

// --- the list, as it is now ------------------------------------------------------------------------------
async function refresh() {
  fetching?.abort();
  fetching = new AbortController();
  let made;
  try {
    const answer = await fetch(address(), { headers: { "HX-Request": "true" }, signal: fetching.signal });
    if (answer.status === 401) return location.reload();
    if (!answer.ok) return;
    made = document.createElement("div");
    const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
    made.append(...parsed.body.childNodes);
  } catch {
    return; // the strip says that the network is cut; what is back refreshes again
  }
  const shown = new Set(rows().map((line) => line.id));
  const fresh = [...made.querySelectorAll("tr[data-row]")].filter((line) => !shown.has(line.id));
  const busy = open() || checked().length;
  if (fresh.length && busy) hold(made, fresh);
  else if (!fresh.length && (busy || focused())) update(made);
  else replace(made, fresh);
  announce(fresh);
}

function hold(made, fresh) {
  waiting = made;
  update(made);
  const button = document.getElementById("newcomers");
  const critical = fresh.filter((line) => line.dataset.rank === "1").length;
  button.textContent = many(button, fresh.length) + (critical ? `, ${button.dataset.critical.replace("{n}", critical)}` : "");
  button.hidden = false;
}

// Rows that are there already change where they stand.
function update(made) {
  const chosen = checked().map((box) => box.value.split(":")[0]);
  const where = focused()?.id;
  for (const old of rows()) {
    const now = made.querySelector(`#${CSS.escape(old.id)}`);
    if (!now) leave(old);
    else if (now.outerHTML !== old.dataset.drawn) swap(old, now.cloneNode(true));
  }
  for (const old of list.querySelectorAll("tr.grp")) {
    const now = made.querySelector(`#${CSS.escape(old.id)} th`);
    if (now) old.querySelector("th").innerHTML = now.innerHTML;
  }
  const chips = made.querySelector("#alarm-chips");
  if (chips) document.getElementById("alarm-chips").innerHTML = chips.innerHTML;
  select(chosen);
  if (where) document.getElementById(where)?.focus({ preventScroll: true });
}

// It stays where it stands, in grey, and no longer says what it waits for.
function leave(old) {
  old.classList.add("gone");
  const state = old.querySelector(".sa");
  if (state) state.textContent = list.dataset.gone;
}

function swap(old, now) {
  now.dataset.drawn = now.outerHTML;
  if (now.dataset.number === open()) now.setAttribute("aria-selected", "true");
  old.replaceWith(now);
  htmx.process(now);
}

function replace(made, fresh) {
  waiting = null;
  const chosen = checked().map((box) => box.value.split(":")[0]);
  const where = document.activeElement;
  const held = list.contains(where) ? where.id || where.closest("tr[data-row]")?.id : null;
  const outcome = document.getElementById("outcome")?.innerHTML ?? "";
  const before = rows().length;
  list.replaceChildren(...made.childNodes);
  for (const line of rows()) line.dataset.drawn = line.outerHTML;
  const box = document.getElementById("outcome");
  if (box) box.innerHTML = outcome;
  if (before) for (const line of fresh) row(line.dataset.number)?.querySelector("svg.mark")?.classList.add("new");
  const opened = open();
  if (opened) row(opened)?.setAttribute("aria-selected", "true");
  select(chosen);
  htmx.process(list);
  if (held) document.getElementById(held)?.focus({ preventScroll: true });
}

function announce(fresh) {
  if (!fresh.length || !say) return;
  const button = document.getElementById("newcomers");
  const titles = fresh.slice(0, 2).map((line) => line.querySelector(".ti").textContent);
  say.textContent = `${many(button, fresh.length)}: ${titles.join("; ")}`;
}

// The soonest of what was asked for counts. Values may be some seconds old: many consoles stand open.
const VALUES = 20_000;
let due = null;
let at = 0;
let last = Date.now();
function soon(milliseconds = 150) {
  if (due !== null && at <= Date.now() + milliseconds) return;
  clearTimeout(due);
  at = Date.now() + milliseconds;
  due = setTimeout(() => { due = null; last = Date.now(); refresh(); }, milliseconds);
}

// --- the panel --------------------------------------------------------------------------------------------
const dirty = () => aside.contains(document.activeElement) && document.activeElement.matches("input, textarea, select")
  || [...aside.querySelectorAll("textarea, input:not([type=hidden])")].some((field) => field.value !== field.defaultValue);

function show(number) {
  return htmx.ajax("GET", row(number)?.querySelector("[data-open]")?.getAttribute("href") ?? `/alarms/${number}`, { target: "#aside", swap: "innerHTML" });
}

function changed(number) {
  if (open() !== String(number) || aside.querySelector("form.htmx-request")) return; // our own act: its answer comes
  if (dirty()) document.getElementById("moved").hidden = false;
  else show(number);
}

function mark() {
  const number = open();
  for (const line of list.querySelectorAll("tr[aria-selected]")) line.removeAttribute("aria-selected");
  if (number) row(number)?.setAttribute("aria-selected", "true");
}

function close() {
  const number = open();
  aside.replaceChildren();
  history.pushState(null, "", address());
  mark();
  soon(0);
  if (number) row(number)?.focus();
}

// After an act the keys go on where they were before it: on the row. A refusal is read first.
function settle(status) {
  const title = aside.querySelector("#panel-title");
  if (status >= 400) {
    if (!aside.contains(document.activeElement)) title?.focus({ preventScroll: true });
  } else (row(open()) ?? title)?.focus({ preventScroll: true });
}

// --- acts -------------------------------------------------------------------------------------------------
function acknowledge(line) {
  const form = document.getElementById("bulk");
  if (!form || !line) return false;
  htmx.ajax("POST", form.getAttribute("hx-post"), {
    source: form, target: "#outcome", swap: "innerHTML",
    values: { kind: "acknowledge", alarm: `${line.dataset.number}:${line.dataset.version}` },
  });
  return true;
}

function unfold(letter) {
  const fold = aside.querySelector(`[data-fold="${letter}"]`)?.closest("details");
  if (fold) {
    fold.open = true;
    fold.querySelector("select, input:not([type=hidden])")?.focus();
    return true;
  }
  const other = aside.querySelector(`[data-key="${letter}"]`);
  if (!other) return false;
  if (other.matches("textarea")) other.focus();
  else other.click();
  return true;
}

// Enter on the row that is open leads into its panel: the links there are far away by Tab.
function enter() {
  const here = focused();
  if (!here || document.activeElement !== here || here.dataset.number !== open()) return false;
  aside.querySelector("#panel-title")?.focus();
  return true;
}

function act(letter) {
  if (checked().length) {
    const form = document.getElementById("bulk");
    if (letter === "a") form.querySelector("[value=acknowledge]").click();
    else {
      for (const part of form.querySelectorAll("details")) part.open = part.dataset.letter === letter;
      form.querySelector("details[open] :is(select, input, textarea)")?.focus();
    }
    return true;
  }
  const here = focused();
  const opened = here && here.dataset.number === open();
  if (letter === "a" && here && !opened) return acknowledge(here);
  if (here && !opened) {
    show(here.dataset.number).then(() => unfold(letter));
    return true;
  }
  return unfold(letter);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (document.querySelector("dialog[open]")) return;
  const typing = event.target.closest("input:not([type=checkbox]), select, textarea");
  if (event.key === "Escape") {
    const drop = list.querySelector(".drop[open]") ?? aside.querySelector(".fold[open]");
    if (drop && drop.contains(event.target)) {
      drop.open = false;
      drop.querySelector("summary").focus();
    } else if (typing) return;
    else if (open()) close();
    else if (checked().length) select([]);
    else return;
    event.preventDefault();
    return;
  }
  if (typing) return;
  if (event.key === "Enter" && enter()) return event.preventDefault();
  if (!keysOn()) return;
  let done = false;
  if ("afdc".includes(event.key) && event.key.length === 1) done = act(event.key);
  if (event.key === "x") {
    const box = focused()?.querySelector("input[name=alarm]");
    if (box) {
      box.checked = !box.checked;
      countSelected();
      done = true;
    }
  }
  if (done) event.preventDefault();
}, true);

document.addEventListener("click", (event) => {
  if (event.target.closest("#panel [data-close]")) {
    event.preventDefault();
    close();
    return;
  }
  if (event.target.closest("#unselect")) select([]);
  if (event.target.closest("#newcomers") && waiting) {
    const made = waiting;
    replace(made, [...made.querySelectorAll("tr[data-row]")].filter((line) => !row(line.dataset.number)));
    rows()[0]?.focus();
  }
  const here = event.target.closest("#alarms tr[data-row]");
  if (here && !event.target.closest("a, input, button") && !getSelection()?.toString()) here.querySelector("[data-open]").click();
});
list.addEventListener("focusout", (event) => list.contains(event.relatedTarget) || open() || soon(1000));
list.addEventListener("change", (event) => {
  if (event.target.matches("[data-all]")) for (const box of event.target.closest("tbody").querySelectorAll("input[name=alarm]")) box.checked = event.target.checked;
  if (event.target.matches("input[type=checkbox]")) countSelected();
});
const filters = document.getElementById("filters");
filters.addEventListener("change", (event) => {
  if (!event.target.matches("select")) return;
  sessionStorage.setItem(FILTER, event.target.id); // an arrow key chose one: the next goes on from there
  filters.requestSubmit();
});
filters.querySelector(`#${CSS.escape(sessionStorage.getItem(FILTER) ?? "none")}`)?.focus();
sessionStorage.removeItem(FILTER);

// An empty field of the filter need not stand in the address.
document.getElementById("filters").addEventListener("submit", (event) => {
  for (const field of event.currentTarget.elements) if (field.name && !field.value) field.disabled = true;
});

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target !== aside) return;
  mark();
  shown = Date.now();
  const path = event.detail.pathInfo?.requestPath ?? "";
  if (event.detail.requestConfig?.verb === "post") settle(event.detail.xhr.status);
  if (event.detail.requestConfig?.verb === "get" && !aside.contains(document.activeElement) && !focused()) aside.querySelector("#panel-title")?.focus({ preventScroll: true });
  if (path) soon(0);
});
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.requestConfig?.verb !== "post") return;
  if (event.detail.elt.id === "bulk" && event.detail.successful) {
    const first = checked()[0]?.closest("tr[data-row]");
    select([]);
    for (const menu of list.querySelectorAll(".drop[open]")) menu.open = false;
    if (!focused()) first?.focus({ preventScroll: true });
    if (open()) changed(open());
  }
  soon(0);
});
document.addEventListener("hypervisor:alarm", (event) => {
  soon(150 + Math.random() * 350); // not all consoles at one instant
  for (const item of event.detail ?? []) if (String(item.key) === open() && String(item.version) !== aside.querySelector("#panel").dataset.version) changed(open());
});
document.addEventListener("hypervisor:incident", () => soon(500));
let shown = Date.now(); // when the panel was last made
document.addEventListener("hypervisor:reading", (event) => {
  if (document.hidden) return;
  soon(Math.max(2000, last + VALUES - Date.now()));
  const site = aside.querySelector("#panel")?.dataset.site;
  const concerned = (event.detail ?? []).some((item) => !item.sites || item.sites.includes(site));
  if (site && concerned && Date.now() - shown > VALUES && !dirty() && !aside.querySelector("details[open], .problem")) show(open());
});
document.addEventListener("hypervisor:refresh", () => {
  soon(0);
  if (open()) changed(open());
});
addEventListener("popstate", () => location.reload());
setInterval(() => document.hidden || soon(), 60_000); // ages grow though nothing happens

for (const line of rows()) line.dataset.drawn = line.outerHTML;
countSelected(); // what was ticked before this script came stays ticked
if (open() && innerWidth > 1024) row(open())?.scrollIntoView({ block: "nearest" });
