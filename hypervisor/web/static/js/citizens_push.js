// Subscribes a browser to a commune's warnings. Without this script, or where a browser has no
// push, the section stays hidden and mail is what remains.
const section = document.querySelector("[data-push]");
const [subscribeButton, stopButton] = section.querySelectorAll("button");
const status = section.querySelector("[role=status]");
const SCOPE = "/public/";

function say(state) {
  status.textContent = section.dataset[state];
}

function decodeKey(text) {
  const padded = text.replaceAll("-", "+").replaceAll("_", "/").padEnd(Math.ceil(text.length / 4) * 4, "=");
  return Uint8Array.from(atob(padded), (letter) => letter.charCodeAt(0));
}

function post(path, body) {
  return fetch(path, {
    method: "POST",
    credentials: "omit",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

async function register() {
  const registration = await navigator.serviceWorker.register("/public/sw.js", { scope: SCOPE });
  const worker = registration.installing ?? registration.waiting;
  if (!registration.active && worker) {
    await new Promise((resolve) => {
      worker.addEventListener("statechange", () => worker.state === "activated" && resolve());
    });
  }
  return registration;
}

async function findSubscription() {
  const registration = await navigator.serviceWorker.getRegistration(SCOPE);
  return registration ? await registration.pushManager.getSubscription() : null;
}

// A subscription to another key than the instance's is of no use any more.
async function subscribeBrowser() {
  const registration = await register();
  const key = decodeKey(section.dataset.push);
  const former = await registration.pushManager.getSubscription();
  if (former) {
    const theirs = new Uint8Array(former.options.applicationServerKey ?? []);
    if (theirs.length === key.length && theirs.every((byte, index) => byte === key[index])) return former;
    await former.unsubscribe();
  }
  return registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
}

async function subscribe() {
  if ((await Notification.requestPermission()) !== "granted") return say("denied");
  say("working");
  const { endpoint, keys } = (await subscribeBrowser()).toJSON();
  const { commune, lang } = section.dataset;
  const answer = await post("/public/push", { endpoint, keys, commune, lang });
  if (!answer.ok) throw new Error(await answer.text());
  stopButton.hidden = false;
  say("requested");
}

async function stop() {
  const subscription = await findSubscription();
  if (subscription) {
    const answer = await post("/public/push/end", { endpoint: subscription.endpoint });
    if (!answer.ok) throw new Error(await answer.text());
    await subscription.unsubscribe();
  }
  stopButton.hidden = true;
  say("stopped");
}

// One at a time: what fails says so and can be tried again.
function act(button, work) {
  button.addEventListener("click", async () => {
    button.setAttribute("aria-disabled", "true");
    try {
      await work();
    } catch (error) {
      console.warn(error);
      say("failed");
    }
    button.removeAttribute("aria-disabled");
  });
}

if ("serviceWorker" in navigator && "PushManager" in window && "Notification" in window) {
  section.hidden = false;
  act(subscribeButton, subscribe);
  act(stopButton, stop);
  findSubscription().then((subscription) => {
    stopButton.hidden = !subscription;
  });
}
