// Keys for what is asked of each completion by itself: R its ratings, F its flags, X «they cannot be ranked». The focus
// goes into the box; there digits rate and letters flag; Esc goes back to the card. The controls are the form's own.
import { keymap } from "./keymap.js";

const TEXT = "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox])";
const page = document.querySelector("[data-rank-page]");
const cards = [...page.querySelectorAll("[data-completion]")];
const unrankable = page.querySelector("[data-unrankable]");
const keys = keymap();
let current = cards[0];

const flagsOf = (box) => [...box.querySelectorAll("input[type=checkbox]")];
const letterOf = (event) => (/^[a-z]$/i.test(event.key) ? event.key.toUpperCase() : "");
const digitOf = (event) => Number(/^(?:Digit|Numpad)(\d)$/.exec(event.code)?.[1] ?? 0);

function openUnrankable() {
  unrankable.open = true;
  unrankable.querySelector("input").focus();
}

function openFlags(card) {
  const box = card.querySelector("[data-flags]");
  if (!box) return false;
  box.open = true;
  flagsOf(box)[0].focus();
  return true;
}

function openRatings(card) {
  const scales = [...card.querySelectorAll("[data-scale]")];
  if (!scales.length) return false;
  focusScale(scales.find((scale) => !scale.querySelector("input:checked")) ?? scales[0]);
  return true;
}

function focusScale(scale) {
  (scale.querySelector("input:checked") ?? scale.querySelector("input")).focus();
}

// Rates and goes on to the card's next scale, or back to the card after the last.
function rate(scale, value) {
  const step = scale.querySelectorAll("input")[value - 1];
  if (!step) return false;
  step.click();
  const scales = [...scale.closest("[data-completion]").querySelectorAll("[data-scale]")];
  const next = scales[scales.indexOf(scale) + 1];
  if (next) focusScale(next);
  else current.focus();
  return true;
}

function flag(box, letter) {
  const choice = flagsOf(box)[letter.charCodeAt(0) - "A".charCodeAt(0)];
  choice?.focus();
  choice?.click();
  return Boolean(choice);
}

function leave(box) {
  const card = box.closest("[data-completion]");
  (card ?? current).focus();
  return true;
}

function isHandled(event) {
  const { target } = event;
  const flags = target.closest("[data-flags]");
  const scale = target.closest("[data-scale]");
  const box = flags ?? scale ?? target.closest("[data-unrankable], [data-marks]");
  if (event.key === "Escape" && box) return leave(box);
  if (target.closest(`${TEXT}, [data-skip]`)) return false;
  if (scale && digitOf(event)) return rate(scale, digitOf(event));
  const letter = letterOf(event);
  if (flags && letter) return flag(flags, letter);
  if (letter === keys.ratings) return openRatings(current);
  if (letter === keys.flags && event.target.closest("[data-completion]") !== null) return openFlags(current);
  if (letter === keys.unrankable && unrankable) return openUnrankable() ?? true;
  return false;
}

function showCount(box) {
  const count = flagsOf(box).filter((choice) => choice.checked).length;
  const badge = box.querySelector("[data-flag-count]");
  badge.textContent = String(count);
  badge.hidden = count === 0;
}

// In the capturing phase: a letter in a box of flags is a flag before it is anything else.
document.addEventListener(
  "keydown",
  (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("dialog[open]") || !isHandled(event)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  true,
);
for (const card of cards) card.addEventListener("focusin", () => (current = card));
for (const box of page.querySelectorAll("[data-flags]")) {
  box.addEventListener("change", () => showCount(box));
  box.querySelectorAll("[data-flag-key]").forEach((key, n) => {
    if (n < 26) key.textContent = String.fromCharCode("A".charCodeAt(0) + n);
    else key.remove();
  });
  document.addEventListener("concord:filled", () => showCount(box));
  showCount(box); // the browser may have kept ticks over a reload
}
