// Keys for what a page offers anyway: [data-shortcut="n"] is followed by N, [data-shortcut-submit] pressed by Ctrl Enter.
const TEXT = "textarea, select, input, [contenteditable]";

for (const hint of document.querySelectorAll("[data-script-only]")) hint.hidden = false;

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.defaultPrevented || event.altKey) return;
  const isSubmit = event.key === "Enter" && (event.ctrlKey || event.metaKey);
  const target = isSubmit ? document.querySelector("[data-shortcut-submit]") : shortcut(event);
  if (!target) return;
  event.preventDefault();
  target.click();
});

function shortcut({ key, ctrlKey, metaKey, target }) {
  if (ctrlKey || metaKey || !/^[a-z]$/i.test(key) || target.closest(TEXT)) return null;
  return document.querySelector(`[data-shortcut="${key.toLowerCase()}"]`);
}
