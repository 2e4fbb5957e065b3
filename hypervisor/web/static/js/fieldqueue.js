// What an agent noted, kept on the phone (IndexedDB) until the server has it. Each act has a key: a repeat
// changes nothing there. They are sent in the order in which they were noted, one at a time.
const STORE = "acts";

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
      const transaction = opened.transaction(STORE, mode);
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
  run("readwrite", (store) => store.add({ key: crypto.randomUUID(), notedAt: Date.now(), ...act }));
export const remove = (id) => run("readwrite", (store) => store.delete(id));
const keep = (act) => run("readwrite", (store) => store.put(act));

function request(act, csrf) {
  const address = `/api/v1/field/orders/${act.order}`;
  const age = Math.max(0, Date.now() - act.notedAt);
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

// Sends what waits of this account; says how it ended: sent, offline, later, signed-out, stale (the token).
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
    if (response.status === 403 && answer.detail?.includes("X-CSRF-Token")) return "stale";
    if (response.status === 408 || response.status === 429 || response.status >= 500) return "later";
    // The server kept it although it came too late, or refused it: either way a sentence says so.
    const problem = response.ok ? answer.kept : answer.detail || response.statusText;
    if (problem) await keep({ ...act, photo: null, problem });
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
