// The log's form: the field "by when" only where it means something; Ctrl+Enter writes.

const apply = () => {
  const form = document.getElementById("log-form");
  if (!form) return;
  const field = form.querySelector("[data-due-field]");
  const kinds = form.dataset.due.split(" ");
  const chosen = form.elements.kind.value;
  field.hidden = !kinds.includes(chosen);
  if (field.hidden) field.querySelector("input").value = "";
};

document.addEventListener("change", (event) => {
  if (event.target.name === "kind") apply();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
  const form = event.target.closest?.("form");
  if (form && event.target.matches("textarea")) {
    event.preventDefault();
    form.requestSubmit();
  }
});
document.addEventListener("htmx:afterSettle", apply);

// What is being typed is not swept away by news of others.
document.addEventListener("htmx:beforeRequest", (event) => {
  const page = document.getElementById("log-page");
  const typed = document.getElementById("log-text")?.value;
  if (event.target === page && (typed || page.contains(document.activeElement))) {
    event.preventDefault();
  }
});
apply();
document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-print]")) window.print();
});
