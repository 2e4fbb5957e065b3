// What scrolls sideways can be reached and moved by keyboard, and says what it is.
function reach() {
  for (const box of document.querySelectorAll(".scroll:not([tabindex]), .scroll[data-reached]")) {
    const wide = box.scrollWidth > box.clientWidth;
    box.toggleAttribute("data-reached", wide);
    if (wide) {
      box.tabIndex = 0;
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", box.querySelector("caption")?.textContent.trim() ?? document.title);
    } else {
      for (const name of ["tabindex", "role", "aria-label"]) box.removeAttribute(name);
    }
  }
}
let waiting = 0;
addEventListener("resize", () => {
  cancelAnimationFrame(waiting);
  waiting = requestAnimationFrame(reach);
});
document.addEventListener("htmx:afterSettle", reach);
document.addEventListener("toggle", reach, true);
reach();
