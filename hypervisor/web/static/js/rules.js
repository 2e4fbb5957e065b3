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

// An answer to what was typed in one half never overwrites the half in which one types now.
document.addEventListener("htmx:oobBeforeSwap", (event) => {
  const { target } = event.detail;
  if (["text", "fields", "guide"].includes(target.id) && typed && target.contains(typed)) event.preventDefault();
});

// The half that was changed last is the one that is saved, also within the moment before its answer.
let typed = null;
document.addEventListener(
  "input",
  (event) => {
    const half = event.target.closest("[data-source]");
    if (half && form) form.elements.source.value = half.dataset.source;
    typed = event.target.tagName === "SELECT" ? null : event.target;
  },
  true,
);

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
  if (!leaving && text() && text().value !== first) event.preventDefault();
});
