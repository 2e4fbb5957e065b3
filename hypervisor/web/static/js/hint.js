// The hint at the first visit of Now goes for good once it was read; first steps come before it.
const SEEN = "hypervisor-hint-seen";
const hint = document.getElementById("hint");
const isOfNow = location.pathname === "/now" && !document.getElementById("start");
if (hint && isOfNow && localStorage.getItem(SEEN) === null) {
  hint.hidden = false;
  hint.querySelector("[data-dismiss]").addEventListener("click", () => {
    localStorage.setItem(SEEN, "1");
    hint.hidden = true;
    document.getElementById("main").focus();
  });
}
