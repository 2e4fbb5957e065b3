// What every page does: stays live, answers keys, keeps the clock, tells a first visitor where to look.
import "./live.js";
import "./queue.js";
import "./keys.js";
import "./clock.js";
import "./hint.js";
import "./scroll.js";
import "./search.js";
import "./share.js";
import "./sound.js";
import "./typed.js";

// Every request of htmx carries the session's token; a form's own field does the same without scripts.
const token = document.querySelector("meta[name=csrf-token]")?.content;
document.addEventListener("htmx:configRequest", (event) => {
  if (token && event.detail.verb !== "get") event.detail.headers["X-CSRF-Token"] = token;
});

// A page that answers a form takes the address of the page it was sent from: loaded again, by whatever, it
// is read and the form is not sent again.
if ("posted" in document.documentElement.dataset) {
  history.replaceState(null, "", document.referrer.startsWith(`${location.origin}/`) ? document.referrer : "/");
}

// One act, one result: while a form is on its way, a second press does not send it again.
const sent = new Set();
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented || event.target.method !== "post") return;
  if (sent.has(event.target)) event.preventDefault();
  sent.add(event.target);
  setTimeout((form) => sent.delete(form), 60_000, event.target);
});
addEventListener("pageshow", () => sent.clear());

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
