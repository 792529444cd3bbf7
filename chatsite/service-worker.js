// The service worker; webapp.py writes VERSION and KEEP in front of it. It keeps one page and the few hashed files that
// page needs, for when the site cannot be reached, and nothing else: no page, answer or event of anybody's.
const [OFFLINE] = KEEP;

self.addEventListener("install", (event) => {
  event.waitUntil(keep().then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  event.waitUntil(tidy().then(() => self.clients.claim()));
});

// What is not answered here goes its way as if there were no worker.
self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  const { origin, pathname } = new URL(request.url);
  if (request.mode === "navigate") event.respondWith(navigate(event));
  else if (origin === location.origin && KEEP.includes(pathname)) event.respondWith(kept(request));
});

// Asked for without cookies: the page is nobody's.
async function keep() {
  const cache = await caches.open(VERSION);
  await cache.addAll(KEEP.map((url) => new Request(url, { credentials: "omit", cache: "reload" })));
}

async function tidy() {
  for (const name of await caches.keys()) if (name !== VERSION) await caches.delete(name);
  await self.registration.navigationPreload?.enable();
}

async function navigate(event) {
  try {
    return (await event.preloadResponse) ?? (await fetch(event.request));
  } catch {
    return (await caches.match(OFFLINE)) ?? Response.error();
  }
}

async function kept(request) {
  return (await caches.match(request)) ?? fetch(request);
}
