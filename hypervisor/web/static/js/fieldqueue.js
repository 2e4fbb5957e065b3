// What an agent noted, kept on the phone (IndexedDB) until the server has it. Each act has a key: a repeat
// changes nothing there. They are sent in the order in which they were noted, one at a time.
const STORE = "acts";
const AHEAD = "hypervisor-field-ahead"; // where it is kept how far the server's clock is ahead of the phone's, ms
const NEGLIGIBLE = 30000; // ms of it: network and rounding

function database() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("hypervisor-field", 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id", autoIncrement: true });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function run(mode, work) {
  const opened = await database();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = opened.transaction(STORE, mode, { durability: "strict" }); // a battery may die
      const request = work(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    opened.close();
  }
}

export const list = () => run("readonly", (store) => store.getAll());
export const add = (act) =>
  run("readwrite", (store) => store.add({ key: crypto.randomUUID(), notedAt: Date.now(), ahead: readAhead(), ...act }));
export const remove = (id) => run("readwrite", (store) => store.delete(id));
const keep = (act) => run("readwrite", (store) => store.put(act));
export const retry = (act) => keep({ ...act, problem: "", refused: false });

const readAhead = () => JSON.parse(localStorage.getItem(AHEAD)); // null: never compared

// The phone's clock may be wrong, and may be set right when the network comes back.
export function compareClocks(response) {
  const ahead = Date.parse(response.headers.get("Date")) - Date.now();
  if (Number.isFinite(ahead)) localStorage.setItem(AHEAD, String(ahead));
}

// How long ago an act was noted, ms, as the server's clock counts.
function ageOf(act) {
  const now = readAhead();
  const set = (now ?? 0) - (act.ahead ?? now ?? 0); // by how much the phone's clock was set back since
  return Math.max(0, Date.now() - act.notedAt + (Math.abs(set) > NEGLIGIBLE ? set : 0));
}

function request(act, csrf) {
  const address = `/api/v1/field/orders/${act.order}`;
  const age = Math.round(ageOf(act));
  const headers = { "X-CSRF-Token": csrf, Accept: "application/json" };
  if (!act.photo) {
    const body = JSON.stringify({ act: act.act, key: act.key, age_ms: age, ...act.fields });
    return fetch(`${address}/acts`, { method: "POST", headers: { ...headers, "Content-Type": "application/json" }, body });
  }
  const form = new FormData();
  form.append("key", act.key);
  form.append("age_ms", String(age));
  for (const [name, value] of Object.entries(act.fields)) form.append(name, String(value));
  form.append("file", new Blob([act.photo], { type: "image/jpeg" }), "photo.jpg");
  return fetch(`${address}/photos`, { method: "POST", headers, body: form });
}

// Sends what waits of this account; says how it ended: sent, offline, later, signed-out.
async function sendAll(account, csrf, changed) {
  for (const act of await list()) {
    if (act.account !== account || act.problem) continue;
    let response;
    try {
      response = await request(act, csrf);
    } catch {
      return "offline";
    }
    const answer = await response.json().catch(() => ({}));
    if (response.status === 401) return "signed-out";
    // Somebody else has signed in since, in another tab: the next try begins with reading who.
    if (response.status === 403 && answer.detail?.includes("X-CSRF-Token")) return "later";
    if (response.ok && !answer.mode) return "later"; // a page of something in between: the server has not got it
    if (response.status === 408 || response.status === 429 || response.status >= 500) return "later";
    // The server kept it although it came too late, or refused it: either way a sentence says so.
    const problem = response.ok ? answer.kept : answer.detail || response.statusText;
    if (problem) await keep({ ...act, photo: response.ok ? null : act.photo, problem, refused: !response.ok });
    else await remove(act.id);
    await changed();
  }
  return "sent";
}

// One tab at a time.
export function send(account, csrf, changed) {
  if (!navigator.locks) return sendAll(account, csrf, changed);
  return navigator.locks.request("hypervisor-field", { ifAvailable: true }, (lock) =>
    lock ? sendAll(account, csrf, changed) : "later");
}
