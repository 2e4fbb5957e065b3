// The hint at the first visit goes for good once it was read.
const SEEN = "hypervisor-hint-seen";
const hint = document.getElementById("hint");
if (hint && localStorage.getItem(SEEN) === null) {
  hint.hidden = false;
  hint.querySelector("[data-dismiss]").addEventListener("click", () => {
    localStorage.setItem(SEEN, "1");
    hint.hidden = true;
    document.getElementById("main").focus();
  });
}
