// A long list of check boxes that is filtered while one types. Without this script it is a list.
// By keyboard it is one stop: arrows move, space chooses; in the field, Enter takes the best match.

// As people type names: without accents, hyphens and capitals.
function fold(text) {
  return text.toLowerCase().normalize("NFKD").replace(/\p{M}/gu, "").replace(/[-'’\s]+/g, " ").trim();
}

for (const group of document.querySelectorAll("[data-choices]")) {
  const filter = group.querySelector("input[type=search]");
  const chosen = group.querySelector("[role=status]");
  const rows = [...group.querySelectorAll(".options label")].map((label) => ({
    label,
    box: label.querySelector("input"),
    name: label.textContent.trim(),
    folded: fold(label.textContent),
  }));
  const shown = () => rows.filter((row) => !row.label.hidden);

  // The only one that Tab reaches.
  function enter(row) {
    for (const each of rows) each.box.tabIndex = each === row ? 0 : -1;
  }

  // What is chosen stays in sight, whatever is typed.
  function apply() {
    const typed = fold(filter.value);
    const matches = rows.filter((row) => row.folded.includes(typed));
    for (const row of rows) row.label.hidden = !(row.box.checked || matches.includes(row));
    for (const part of group.querySelectorAll("[data-part]"))
      part.hidden = ![...part.querySelectorAll("label")].some((label) => !label.hidden);
    const names = rows.filter((row) => row.box.checked).map((row) => row.name);
    chosen.textContent = [
      names.length ? `${group.dataset.chosen} ${names.join(", ")}` : group.dataset.nothing,
      typed && !matches.length ? group.dataset.unmatched : "",
    ].join(" ");
    if (!shown().some((row) => row.box.tabIndex === 0)) enter(shown()[0]);
    return typed ? (matches.find((row) => row.folded.startsWith(typed)) ?? matches[0]) : undefined;
  }

  filter.addEventListener("input", apply);
  filter.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown") {
      event.preventDefault();
      shown()[0]?.box.focus();
    }
    if (event.key !== "Enter") return;
    event.preventDefault(); // the form is not sent by it
    const best = apply();
    if (!best) return;
    best.box.checked = true;
    filter.value = "";
    apply();
  });

  group.addEventListener("change", (event) => event.target !== filter && apply());
  group.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const list = shown();
    const place = list.findIndex((row) => row.box === event.target);
    if (!step || place < 0) return;
    event.preventDefault();
    (list[place + step]?.box ?? (step < 0 ? filter : event.target)).focus();
  });
  group.addEventListener("focusin", (event) => {
    const row = rows.find((each) => each.box === event.target);
    if (row) enter(row);
  });

  filter.closest("[hidden]").hidden = false;
  apply();
}
