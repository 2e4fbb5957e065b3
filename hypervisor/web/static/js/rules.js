// A slip's place is a button: it puts the caret there. What is not saved is not lost by a slip of the hand.
const text = () => document.getElementById("text");
const form = document.getElementById("rule");

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-line]");
  const area = text();
  if (!button || !area) return;
  const lines = area.value.split("\n");
  const line = Math.min(Number(button.dataset.line), lines.length);
  const before = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
  const at = before + Math.min(Number(button.dataset.column) - 1, lines[line - 1].length);
  area.focus();
  area.setSelectionRange(at, Math.min(at + 1, before + lines[line - 1].length));
  area.scrollTop = (line - 4) * (area.scrollHeight / lines.length);
});

// Two spaces for the tab key would trap the keyboard: indenting is Ctrl+] as editors have it.
document.addEventListener("keydown", (event) => {
  const area = event.target;
  if (area.id !== "text" || !event.ctrlKey || !["[", "]"].includes(event.key)) return;
  event.preventDefault();
  const start = area.value.lastIndexOf("\n", area.selectionStart - 1) + 1;
  if (event.key === "]") area.setRangeText("  ", start, start, "preserve");
  else if (area.value.startsWith("  ", start)) area.setRangeText("", start, start + 2, "preserve");
  area.dispatchEvent(new Event("input", { bubbles: true }));
});

// What was changed and no answer has taken up yet, in whatever halves: a draft and a save take all of it, so that
// none is lost to a slow answer; of the form only the changed fields, for the others may lag behind.
const changed = new Set();
let sent = new Set(); // what of it the draft on its way takes up
let typed = null; // where one types
document.addEventListener(
  "input",
  (event) => {
    if (event.target.closest("[data-source]")) changed.add(event.target);
    sent.delete(event.target);
    typed = event.target.tagName === "SELECT" ? null : event.target;
  },
  true,
);
const key = (field) => (field.name.startsWith("step ") ? "step" : field.name); // steps go together
form?.addEventListener("formdata", ({ formData }) => {
  formData.set("source", [...new Set([...changed].map((field) => field.closest("[data-source]").dataset.source))].join(" "));
  const keys = new Set([...changed].map(key));
  for (const field of document.querySelectorAll("#fields [name]")) if (!keys.has(key(field))) formData.delete(field.name);
});
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.target.closest("[data-source]")) sent = new Set(changed);
});
// Text that was changed meanwhile is not replaced: its own draft takes up what this answer cannot show.
const rewritten = () => changed.has(text()) && !sent.has(text());
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target.id === "verdict" && event.detail.shouldSwap && !rewritten()) for (const field of sent) changed.delete(field);
});
// Nor is the half in which one types, or that was changed meanwhile.
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target } = event.detail;
  if (target.id === "text" ? rewritten() : ["fields", "guide"].includes(target.id) && [typed, ...changed].some((field) => field && target.contains(field))) event.preventDefault();
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-try-site]");
  const choice = document.getElementById("site");
  if (!button || !choice) return;
  choice.value = button.dataset.trySite;
  choice.dispatchEvent(new Event("change", { bubbles: true }));
  choice.focus();
});

const first = text()?.defaultValue;
let leaving = false;
form?.addEventListener("submit", () => {
  leaving = true;
});
addEventListener("beforeunload", (event) => {
  if (!leaving && text() && (changed.size || text().value !== first)) event.preventDefault();
});
