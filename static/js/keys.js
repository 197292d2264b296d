// What a key means on the rank page. Digits by their place on the keyboard (AZERTY has symbols there), letters by what
// they write, and by place only where the keyboard writes another script. Keys typed into text stay text.
const TEXT = "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox])";
const CONTROL = "button, a, summary, input, select, textarea";
const STEPS = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 };

// actions: {submit, submitIfComplete, leave, rank, unrank, focus, step, skip, skipBecause, guidelines, sheet};
// returning false leaves the key to the browser.
export function listen(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    const [name, value] = meaning(event) ?? [];
    if (name && actions[name](value) !== false) event.preventDefault();
  });
}

function meaning(event) {
  const { key, target } = event;
  const isInSkip = Boolean(target.closest("[data-skip]"));
  if (key === "Enter" && (event.ctrlKey || event.metaKey)) return isInSkip ? null : ["submit"];
  if (key === "Escape") return ["leave"];
  if (event.ctrlKey || event.metaKey || event.altKey || target.closest(TEXT)) return null;
  if (key === "?") return ["sheet"];
  const digit = digitOf(event);
  if (isInSkip && digit > 0) return ["skipBecause", digit];
  if (digit > 0) return ["rank", digit];
  if (digit === 0 || key === "Backspace" || key === "Delete") return ["unrank"];
  if (!target.closest(CONTROL)) {
    if (key === "Enter") return ["submitIfComplete"];
    if (key in STEPS) return ["step", STEPS[key]];
  }
  return letterMeaning(event);
}

function letterMeaning(event) {
  const letter = letterOf(event);
  if (letter === "S") return ["skip"];
  if (letter === "G" && event.shiftKey) return ["guidelines"];
  return letter >= "A" && letter <= "I" ? ["focus", letter] : null;
}

function digitOf(event) {
  const found = event.shiftKey && !/^\d$/.test(event.key) ? null : /^(?:Digit|Numpad)(\d)$/.exec(event.code);
  return found ? Number(found[1]) : null;
}

function letterOf(event) {
  if (/^[a-z]$/i.test(event.key)) return event.key.toUpperCase();
  const isOtherScript = event.key.length === 1 && event.key.charCodeAt(0) > 127;
  return isOtherScript && event.code.startsWith("Key") ? event.code.slice(3) : "";
}
