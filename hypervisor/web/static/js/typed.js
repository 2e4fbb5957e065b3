// What was typed or chosen before the scripts were there (a slow link, a slow machine, a form that the browser
// restored) is told to them once they are, as if it had just been typed: drafts, previews and filters follow.

// Fields of which all scripts have heard.
const heard = new WeakSet();

function chosen(select) {
  const options = [...select.options];
  if (select.multiple) return options.some((option) => option.selected !== option.defaultSelected);
  return select.selectedOptions[0] !== (options.findLast((option) => option.defaultSelected) ?? options.find((option) => !option.disabled));
}

function differs(field) {
  if (field.matches("select")) return chosen(field);
  if (["checkbox", "radio"].includes(field.type)) return field.checked !== field.defaultChecked && (field.checked || field.type === "checkbox");
  return !["hidden", "file"].includes(field.type) && field.value !== field.defaultValue;
}

// The field in which one is comes last, as it was typed last. Told is `change` only where leaving the field
// does not tell it anyway.
function tell() {
  const fields = [...document.querySelectorAll("input, select, textarea")].filter((field) => !heard.has(field) && differs(field));
  fields.sort((left, right) => (left === document.activeElement) - (right === document.activeElement));
  for (const field of fields) {
    field.dispatchEvent(new Event("input", { bubbles: true }));
    if (field.matches("select, [type=checkbox], [type=radio]")) field.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

// htmx listens from DOMContentLoaded on, so what comes before is not heard by all; some browsers restore a
// form after it.
document.addEventListener("DOMContentLoaded", () => {
  document.addEventListener("input", (event) => heard.add(event.target), true);
  tell();
});
addEventListener("load", tell);
