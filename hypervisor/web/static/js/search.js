// Boxes that search as one types: arrows go through the hits, Enter opens the chosen or all, Escape closes.

export function searching(box, hits) {
  if (!box || !hits) return;
  const links = () => [...hits.querySelectorAll("[data-hit]")];
  const step = (event) => {
    const all = links();
    if (!all.length || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
    event.preventDefault();
    const at = all.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    if (at < 0) box.focus();
    else all[Math.min(at, all.length - 1)].focus();
  };
  for (const part of [box, hits]) {
    part.addEventListener("keydown", step);
    part.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !links().length) return;
      event.preventDefault();
      event.stopPropagation();
      hits.replaceChildren();
      box.focus();
    });
  }
  document.addEventListener("focusin", (event) => {
    if (links().length && !box.form.contains(event.target)) hits.replaceChildren();
  });
}

searching(document.getElementById("search"), document.getElementById("search-hits"));
