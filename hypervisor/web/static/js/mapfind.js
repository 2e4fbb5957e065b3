// The box that searches on the map: a hit is shown there, Enter takes the first.
import { searching } from "./search.js";

export function finding(show) {
  const box = document.getElementById("find");
  const hits = document.getElementById("find-hits");
  searching(box, hits);
  const take = (link) => {
    if (!link?.dataset.box) return false;
    const took = show(JSON.parse(link.dataset.box), link.dataset.site);
    if (took) {
      box.value = link.querySelector("b").textContent;
      hits.replaceChildren();
    }
    return took;
  };
  hits.addEventListener("click", (event) => {
    const link = event.target.closest("[data-hit]");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && take(link)) event.preventDefault();
  });
  box.form.addEventListener("submit", (event) => {
    if (take(hits.querySelector("[data-hit]"))) event.preventDefault();
  });
}
