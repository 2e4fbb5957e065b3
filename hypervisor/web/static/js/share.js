// A link to a trial is copied; where the browser does not allow it, the link is followed.
document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-share]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || !navigator.clipboard) return;
  event.preventDefault();
  try {
    await navigator.clipboard.writeText(link.href);
    link.parentElement.querySelector("[role=status]").textContent = link.dataset.copied;
  } catch {
    location.href = link.href;
  }
});
