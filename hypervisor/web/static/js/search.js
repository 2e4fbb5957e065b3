// The box of the search: arrows go through its hits, Enter opens the chosen or all results, Escape closes.

const box = document.getElementById("search");
const hits = document.getElementById("search-hits");

function links() {
  return [...(hits?.querySelectorAll("[data-hit]") ?? [])];
}

function close() {
  hits.replaceChildren();
}

function step(event) {
  const all = links();
  if (!all.length || !["ArrowDown", "ArrowUp"].includes(event.key)) return;
  event.preventDefault();
  const at = all.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
  if (at < 0) box.focus();
  else all[Math.min(at, all.length - 1)].focus();
}

for (const part of [box, hits]) {
  part?.addEventListener("keydown", step);
  part?.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !links().length) return;
    event.preventDefault();
    event.stopPropagation();
    close();
    box.focus();
  });
}
document.addEventListener("focusin", (event) => {
  if (links().length && !event.target.closest("#search-form")) close();
});
