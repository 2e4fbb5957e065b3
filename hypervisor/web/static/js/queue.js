// Acts of a form that could not be sent wait in this tab and leave when the network is back.
// A form says data-queue="what it does"; one that names a version is refused then if the thing has
// changed meanwhile, and the refusal is told.
const KEY = "hypervisor-queue";
const strip = document.getElementById("offline");

const read = () => JSON.parse(sessionStorage.getItem(KEY) ?? "[]");

function write(acts) {
  sessionStorage.setItem(KEY, JSON.stringify(acts));
  const words = strip?.querySelector("[data-queue-words]");
  if (!words) return;
  const template = acts.length === 1 ? strip.dataset.queuedOne : strip.dataset.queuedMany;
  words.textContent = acts.length ? template.replace("{n}", acts.length) : "";
}

document.addEventListener("htmx:sendError", (event) => {
  const { requestConfig: request, elt } = event.detail;
  const form = elt.closest("[data-queue]");
  if (request.verb === "get" || !form) return;
  const body = new URLSearchParams();
  for (const [name, value] of request.formData) body.append(name, value);
  write([...read(), { what: form.dataset.queue, path: request.path, body: body.toString() }]);
  form.setAttribute("data-queued", "");
});

async function send() {
  const token = document.querySelector("meta[name=csrf-token]")?.content ?? "";
  const refused = [];
  for (let acts = read(); acts.length; acts = read()) {
    const [act, ...rest] = acts;
    let answer;
    try {
      answer = await fetch(act.path, {
        method: "POST",
        headers: { "Content-Type": "application/x-www-form-urlencoded", "HX-Request": "true", "X-CSRF-Token": token },
        body: act.body,
      });
    } catch {
      return; // cut again: the rest waits
    }
    write(rest);
    if (!answer.ok) refused.push(act.what);
  }
  if (refused.length) {
    const box = document.getElementById("refused");
    box.querySelector("p").textContent = strip.dataset.refused.replace("{what}", refused.join(", "));
    box.hidden = false;
  }
  document.dispatchEvent(new CustomEvent("hypervisor:refresh"));
}

document.addEventListener("hypervisor:online", () => read().length && send());
write(read());
