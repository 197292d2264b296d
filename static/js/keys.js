// What a key means on the rank page. Digits by their place on the keyboard (AZERTY has symbols there), letters by what
// they write, and by place only where the keyboard writes another script. Keys typed into text stay text.
import { keymap } from "./keymap.js";

const TEXT = "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox])";
const CONTROL = "button, a, summary, input, select, textarea";
const STEPS = { ArrowUp: -1, ArrowLeft: -1, ArrowDown: 1, ArrowRight: 1 };

// actions, each of which a page may lack: {submit, submitIfComplete, leave, digit, rank, unrank, focus, step, move, tie,
// undo, redo, save, changeLast, skip, skipBecause, guidelines, diff, raw, sheet}; returning false leaves the key to the
// next meaning, and in the end to the browser.
export function listen(actions) {
  const letters = Object.fromEntries(Object.entries(keymap()).map(([action, letter]) => [letter, action]));
  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    for (const [name, value] of meanings(event, letters)) {
      if (actions[name] && actions[name](value) !== false) return event.preventDefault();
    }
  });
}

// The first that is taken counts.
function meanings(event, letters) {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey) return event.altKey ? [] : withControl(event);
  if (key === "Escape") return [["leave"]];
  if (event.altKey) return withAlt(event);
  if (target.closest(TEXT)) return [];
  if (key === "?") return [["sheet"]];
  const digit = digitOf(event);
  if (digit > 0 && target.closest("[data-skip]")) return [["skipBecause", digit]];
  if (digit !== null) return [["digit", digit], [digit ? "rank" : "unrank", digit]];
  if (key === "Backspace" || key === "Delete") return [["unrank"]];
  if (!target.closest(CONTROL)) {
    if (key === "Enter") return [["submitIfComplete"]];
    if (key in STEPS) return [["step", STEPS[key]]];
  }
  return ofLetter(letterOf(event), event.shiftKey, letters);
}

function withControl(event) {
  const isText = Boolean(event.target.closest(TEXT));
  if (event.key === "Enter") return event.target.closest("[data-skip]") ? [] : [["submit"]];
  const letter = letterOf(event);
  if (letter === "S") return [["save"]];
  if (letter === "Z" && !isText) return [[event.shiftKey ? "redo" : "undo"]];
  return letter === "Y" && !isText ? [["redo"]] : [];
}

function withAlt(event) {
  if (event.key === "Enter") return [["changeLast"]];
  if (event.target.closest(TEXT) || !["ArrowUp", "ArrowDown"].includes(event.key)) return [];
  return [[event.shiftKey ? "tie" : "move", STEPS[event.key]]];
}

// A letter goes to the completion that bears it; with Shift, or where none does, it is a command.
function ofLetter(letter, isShifted, letters) {
  const command = letters[letter] ? [[letters[letter]]] : [];
  return isShifted || !letter ? command : [["focus", letter], ...command];
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
