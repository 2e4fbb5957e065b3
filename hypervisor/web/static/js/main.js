// What every page does: stays live, answers keys, keeps the clock, tells a first visitor where to look.
import "./live.js";
import "./queue.js";
import "./keys.js";
import "./clock.js";
import "./hint.js";
import "./scroll.js";
import "./sound.js";

// Every request of htmx carries the session's token; a form's own field does the same without scripts.
const token = document.querySelector("meta[name=csrf-token]")?.content;
document.addEventListener("htmx:configRequest", (event) => {
  if (token && event.detail.verb !== "get") event.detail.headers["X-CSRF-Token"] = token;
});

// A refusal (409, 422, 403) is a fragment that says why: it is shown where the answer would have been.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  if (xhr.status === 401) location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  if ([403, 404, 409, 422].includes(xhr.status) && xhr.getResponseHeader("content-type")?.startsWith("text/html")) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});

// Menus close when one looks elsewhere.
document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.who[open], .rail details[open]"))
    if (!open.contains(event.target)) open.open = false;
});
