// The wall keeps its display awake, and goes back to the console on Escape.
let lock = null;
async function awake() {
  try {
    lock = document.hidden ? null : await navigator.wakeLock?.request("screen");
  } catch {
    lock = null; // not allowed here: the display's own settings rule
  }
}
document.addEventListener("visibilitychange", () => lock === null && awake());
awake();
