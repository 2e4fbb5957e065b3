// Critical alarms sound until somebody has acknowledged them, major ones once, others never. An exercise
// has a timbre of its own. m silences this browser, which then says so.
const OFF = "hypervisor-sound-off";
const EVERY = 6000; // ms between two calls of a critical alarm
const buttons = document.querySelectorAll("[data-sound]");
const exercise = document.body.classList.contains("exercise");
let context = null;
let previous = null; // [critical, major] that wait
let again = null;

const off = () => localStorage.getItem(OFF) !== null;
const asleep = () => context === null || context.state !== "running";

function tone(at, frequency, seconds) {
  const voice = context.createOscillator();
  const loud = context.createGain();
  voice.type = exercise ? "triangle" : "square";
  voice.frequency.value = exercise ? frequency * 0.5 : frequency;
  loud.gain.setValueAtTime(0.0001, at);
  loud.gain.exponentialRampToValueAtTime(0.18, at + 0.02);
  loud.gain.exponentialRampToValueAtTime(0.0001, at + seconds);
  voice.connect(loud).connect(context.destination);
  voice.start(at);
  voice.stop(at + seconds);
}

function call(pitches) {
  document.documentElement.dataset.called = String(Number(document.documentElement.dataset.called ?? 0) + 1);
  if (asleep()) return;
  pitches.forEach((pitch, place) => tone(context.currentTime + place * 0.22, pitch, 0.2));
}
const critical = () => call([880, 1175, 880]);
const major = () => call([660]);

// What the bar counts: it is fetched again with each alarm.
function counted() {
  const counts = [...document.querySelectorAll("#bar-live .tally li b")];
  return counts.length < 2 ? null : [Number(counts[0].textContent), Number(counts[1].textContent)];
}

function look() {
  const now = counted();
  if (now === null) return;
  const before = previous ?? now;
  previous = now;
  if (off()) return;
  if (now[0] > 0 && again === null) {
    critical();
    again = setInterval(() => (off() || previous[0] === 0 ? hush() : critical()), EVERY);
  } else if (now[1] > before[1]) major();
  if (now[0] === 0) hush();
}

function hush() {
  clearInterval(again);
  again = null;
}

function draw() {
  for (const button of buttons) {
    button.hidden = false;
    button.setAttribute("aria-pressed", String(!off()));
    button.querySelector("span").textContent = off() ? button.dataset.off : asleep() ? button.dataset.asleep : button.dataset.on;
  }
}

// Browsers let a page sound only once somebody has touched it.
function wake() {
  context ??= new AudioContext();
  context.resume().then(draw);
}

function press() {
  const woken = asleep() && !off();
  wake();
  if (!woken) {
    if (off()) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  }
  hush();
  look();
  draw();
}
for (const button of buttons) button.addEventListener("click", press);
for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, wake, { once: true, capture: true });
document.addEventListener("htmx:afterSettle", look);
look();
draw();
