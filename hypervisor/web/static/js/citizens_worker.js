// Shows what push services hand over. It answers no request of a page: pages work without it.
self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("push", (event) => {
  event.waitUntil(show(event.data.json()));
});

// The same message again replaces the first silently; an update of it is heard.
async function show(message) {
  const shown = await self.registration.getNotifications({ tag: message.tag });
  const again = shown.some((notification) => notification.data?.id === message.id);
  await self.registration.showNotification(message.title, {
    body: message.body,
    lang: message.lang,
    tag: message.tag,
    renotify: !again,
    silent: again,
    requireInteraction: true,
    data: { id: message.id, path: message.path, leave: message.leave },
    actions: message.leave ? [{ action: "leave", title: message.stop }] : [],
  });
}

self.addEventListener("notificationclick", (event) => {
  const { path, leave } = event.notification.data;
  event.notification.close();
  event.waitUntil(event.action === "leave" ? end(leave) : self.clients.openWindow(path));
});

// One click: the server deletes what it holds, and the browser forgets its subscription.
async function end(path) {
  const answer = await fetch(path, { method: "POST", credentials: "omit" });
  const subscription = await self.registration.pushManager.getSubscription();
  if (answer.ok && subscription) await subscription.unsubscribe();
}
