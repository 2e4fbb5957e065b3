// Exercises: fields of the kind that is written, lines of the kinds that are shown.
function fit(form) {
  const kind = form.querySelector("[data-kinds]")?.value;
  for (const field of form.querySelectorAll("[data-for]")) {
    field.hidden = !field.dataset.for.split(" ").includes(kind);
  }
}

function fitAll(root) {
  for (const select of root.querySelectorAll("[data-kinds]")) fit(select.form);
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-kinds]")) fit(event.target.form);
  const filter = event.target.closest("[data-filter-lines]");
  if (!filter) return;
  const shown = new Set([...filter.querySelectorAll("input:checked")].map((box) => box.value));
  for (const line of document.querySelectorAll(".ex-line [data-kind]")) {
    line.hidden = !shown.has(line.dataset.kind) && line.dataset.kind !== "jump";
  }
});

// What is being written, opened or pointed at is not fetched again under the writer's hands, nor replaced by
// what was fetched before.
function keepWritten(event) {
  const part = event.target;
  if (event.detail.requestConfig.verb !== "get" || part.id === "ex-now" || !part.id?.startsWith("ex-")) return;
  const held = part.querySelector("details[open], :focus:is(input, select, textarea)");
  if (held) event.preventDefault();
}
document.addEventListener("htmx:beforeRequest", keepWritten);
document.addEventListener("htmx:beforeSwap", keepWritten);
document.addEventListener("htmx:afterSettle", (event) => fitAll(event.target.parentElement ?? document));

document.querySelector("[data-print]")?.addEventListener("click", () => window.print());
for (const hidden of document.querySelectorAll("[data-print], [data-filter-lines]")) hidden.hidden = false;
fitAll(document);
