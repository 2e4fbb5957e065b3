// Keeps the agent's page on the phone: the page, its files, the orders and their maps. From the network where
// there is one, else as they were last seen. Acts are never kept here: they wait in the page's own queue.
const FILES = __FILES__;
const PROGRAM = "hypervisor-field-__STAMP__"; // its files, of this version
const SEEN = "hypervisor-field-seen"; // what an account saw: outlives an update, ends when it signs out
const KEPT = [/^\/field$/, /^\/field\/orders\/\d+\/map\.svg$/, /^\/api\/v1\/field\/orders$/];
const TYPES = ["text/html", "image/svg+xml", "application/json"]; // of those, in this order
const SIGNED_OUT = "/field/signed-out"; // a mark of ours in the cache, no address
const PATIENCE = 4000; // ms until what was seen last is shown, in a place with hardly any network

// With a header that tells the page that this is not of now.
async function keep(request, response) {
  const headers = new Headers(response.headers);
  headers.set("X-Kept", "yes");
  for (const name of ["Content-Encoding", "Content-Length"]) headers.delete(name);
  const cache = await caches.open(SEEN);
  await cache.put(request, new Response(await response.blob(), { headers }));
}

// A redirect leads to signing in: that page is not kept, and no new version begins with it.
async function install() {
  const page = await fetch("/field");
  if (!page.ok || page.redirected) throw new Error("signed out");
  await (await caches.open(PROGRAM)).addAll(FILES);
  await keep("/field", page);
  await self.skipWaiting();
}

async function activate() {
  const old = (await caches.keys()).filter((name) => name.startsWith("hypervisor-field-") && ![PROGRAM, SEEN].includes(name));
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

async function fromNetwork(request) {
  const cache = await caches.open(SEEN);
  const seen = await cache.match(request, { ignoreVary: true });
  const fresh = fetch(request).then(async (response) => {
    const kind = TYPES[KEPT.findIndex((path) => path.test(new URL(request.url).pathname))];
    // Else it is a page of something in between, as a proxy shows it.
    if (response.ok && !response.redirected && response.headers.get("Content-Type")?.startsWith(kind)) {
      await keep(request, response.clone());
      await cache.delete(SIGNED_OUT);
    } else if (response.status === 401) {
      await cache.put(SIGNED_OUT, new Response(""));
    }
    return response;
  });
  if (!seen) return fresh;
  const fallback = fresh.catch(() => seen);
  // The next person to sign in may be another one: what was seen before is not shown merely because the network is slow.
  if (request.cache === "no-store" || (await cache.match(SIGNED_OUT))) return fallback;
  return Promise.race([fallback, new Promise((resolve) => setTimeout(resolve, PATIENCE, seen))]);
}

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  if (event.request.method !== "GET" || address.origin !== location.origin) return;
  if (FILES.includes(address.pathname)) {
    event.respondWith(caches.match(event.request, { ignoreVary: true }).then((file) => file ?? fetch(event.request)));
  } else if (KEPT.some((path) => path.test(address.pathname))) {
    event.respondWith(fromNetwork(event.request));
  }
});
