// The live clock goes on by itself between two looks at the server; a scenario's stands where it stood.
const format = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  timeZone: document.documentElement.dataset.zone || undefined,
});
let offset = null;

function read() {
  const bar = document.getElementById("bar-live");
  if (bar) offset = Date.parse(bar.dataset.wall) - Date.now();
}

function tick() {
  const clock = document.getElementById(document.body.classList.contains("exercise") ? "clock-wall" : "clock");
  if (clock && offset !== null) {
    const words = format.format(Date.now() + offset);
    if (clock.textContent !== words) clock.textContent = words;
  }
}

document.addEventListener("htmx:afterSettle", read);
read();
setInterval(tick, 1000);
