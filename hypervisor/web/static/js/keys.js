// Everything by keyboard. Single keys press what the page marks: data-key="a" on a button, link or field;
// with data-chosen, one in a row is pressed only where its row is chosen: it has effects outside the console;
// data-go="m" on a link of the rail answers to g m; rows to move along have data-row (and are focusable).
const help = document.getElementById("help");
const box = document.getElementById("keys-on");
const OFF = "hypervisor-keys-off";
let led = 0; // when g was pressed

const on = () => localStorage.getItem(OFF) === null;
if (box) {
  box.checked = on();
  box.addEventListener("change", () => (box.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "1")));
}

const seen = (element) => element.getClientRects().length > 0 && !element.disabled;
const typing = (element) => element.closest("input:not([type=checkbox], [type=radio], [type=button]), select, textarea, [contenteditable=true]");

function showHelp() {
  if (help && !help.open) help.showModal();
}
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-help]")) showHelp();
  if (event.target.closest("dialog [data-close]")) event.target.closest("dialog").close();
});

function step(by) {
  const rows = [...document.querySelectorAll("[data-row]")].filter(seen);
  if (!rows.length) return false;
  const here = rows.findIndex((row) => row === document.activeElement || row.contains(document.activeElement));
  const chosen = rows.findIndex((row) => row.getAttribute("aria-selected") === "true");
  const from = here >= 0 ? here : chosen;
  const next = rows[Math.min(rows.length - 1, Math.max(0, from < 0 ? 0 : from + by))];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
  return true;
}

function press(key) {
  const root = document.querySelector("dialog[open]") ?? document;
  const here = document.activeElement?.closest("[data-row]");
  const meant = (element) => seen(element) && (!("chosen" in element.dataset) || (element.closest("[data-row]") ?? here) === here);
  const target = [...(here?.querySelectorAll(`[data-key="${CSS.escape(key)}"]`) ?? []), ...root.querySelectorAll(`[data-key="${CSS.escape(key)}"]`)].find(meant);
  if (!target) return false;
  if (target.matches("input:not([type=checkbox]), select, textarea")) target.focus();
  else target.click();
  return true;
}

function openRow() {
  const row = document.activeElement;
  if (!row?.matches("[data-row]")) return false;
  const link = row.matches("a[href]") ? row : row.querySelector("[data-open], a[href]");
  link?.click();
  return Boolean(link);
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.isComposing) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.target.closest("form")?.requestSubmit();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") {
    if (typing(event.target)) event.target.blur();
    else if (!help?.open) press("Escape");
    return;
  }
  if (typing(event.target)) return;
  const gone = led && Date.now() - led < 1500;
  led = 0;
  let done = false;
  if (event.key === "Enter") done = openRow();
  else if (!on()) return;
  else if (gone) {
    const link = document.querySelector(`.rail [data-go="${CSS.escape(event.key)}"]`);
    link?.click();
    done = Boolean(link);
  } else if (event.key === "g") {
    led = Date.now();
    done = true;
  } else if (event.key === "?") {
    showHelp();
    done = true;
  } else if (event.key === "j" || event.key === "k") done = step(event.key === "j" ? 1 : -1) || press(event.key);
  else if (event.key.length === 1 && event.key !== " ") done = press(event.key);
  if (done) event.preventDefault();
});
