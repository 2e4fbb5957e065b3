// The log's form: fields only for the kinds that have them.

const apply = () => {
  const form = document.getElementById("log-form");
  for (const field of form?.querySelectorAll("[data-for]") ?? []) {
    field.hidden = !field.dataset.for.split(" ").includes(form.elements.kind.value);
    if (field.hidden) for (const input of field.querySelectorAll("input, select")) input.value = "";
  }
};

document.addEventListener("change", (event) => {
  if (event.target.name === "kind") apply();
});
document.addEventListener("htmx:afterSettle", apply);

// What was written is in the log: the keys are no longer letters.
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.requestConfig?.verb !== "post" || document.getElementById("log-wrong")) return;
  if (document.activeElement?.id === "log-text") document.activeElement.blur();
});

// What is being typed or chosen is not replaced by news of others.
function keepTyped(event) {
  if (event.detail.requestConfig.verb !== "get") return;
  if (event.target.id === "incident-live" && event.target.contains(document.activeElement)) event.preventDefault();
  const page = document.getElementById("log-page");
  const typed = document.getElementById("log-text")?.value;
  if (event.target === page && (typed || page.contains(document.activeElement))) {
    event.preventDefault();
  }
}
document.addEventListener("htmx:beforeRequest", keepTyped);
document.addEventListener("htmx:beforeSwap", keepTyped);
apply();
document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-print]")) window.print();
});
