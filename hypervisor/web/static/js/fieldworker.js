// Keeps the agent's page on the phone: the page, its files, the orders and their maps. From the network where
// there is one, else as they were last seen. Acts are never kept here: they wait in the page's own queue.
const STAMP = "__STAMP__";
const FILES = __FILES__;
const CACHE = `hypervisor-field-${STAMP}`;
const KEPT = [/^\/field$/, /^\/field\/orders\/\d+\/map\.svg$/, /^\/api\/v1\/field\/orders$/];
const PATIENCE = 4000; // ms until what was seen last is shown, in a place with hardly any network

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll([...FILES, "/field"])).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (names) => names.filter((name) => name.startsWith("hypervisor-field-") && name !== CACHE);
  event.waitUntil(
    caches.keys().then((names) => Promise.all(old(names).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()));
});

async function fromNetwork(request) {
  const cache = await caches.open(CACHE);
  const seen = await cache.match(request, { ignoreVary: true });
  const fresh = fetch(request).then(async (response) => {
    // A redirect leads to signing in, which is not kept.
    if (response.ok && !response.redirected) await cache.put(request, response.clone());
    return response;
  });
  if (!seen) return fresh;
  const late = new Promise((resolve) => setTimeout(resolve, PATIENCE, seen));
  return Promise.race([fresh.catch(() => seen), late]);
}

self.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  if (event.request.method !== "GET" || address.origin !== location.origin) return;
  if (FILES.includes(address.pathname)) {
    event.respondWith(caches.match(event.request, { ignoreVary: true }).then((file) => file ?? fetch(event.request)));
  } else if (KEPT.some((path) => path.test(address.pathname))) {
    event.respondWith(fromNetwork(event.request));
  }
});
