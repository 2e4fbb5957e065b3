// What is to be copied goes to the clipboard: a link to a trial, a password, a command. Where the browser
// does not allow it, the link is followed, and a text is selected for Ctrl+C.
function say(near, words) {
  near.parentElement.querySelector("[role=status]").textContent = words;
}

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-share]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || !navigator.clipboard) return;
  event.preventDefault();
  try {
    await navigator.clipboard.writeText(link.href);
    say(link, link.dataset.copied);
  } catch {
    location.href = link.href;
  }
});

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-copy]");
  if (!button) return;
  const text = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(text.textContent);
    say(button, button.dataset.copied);
  } catch {
    getSelection().selectAllChildren(text);
    say(button, button.dataset.selected);
  }
});
