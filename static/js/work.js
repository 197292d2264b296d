// What every page of work has, whatever is asked on it: drafts, sending that survives a lost network, undo, seconds of
// active work, ticks for what was read, the letters of the keys as the annotator chose them.
import { measureActivity } from "./activity.js";
import { autosave } from "./autosave.js";
import { markReading } from "./endmarks.js";
import { keymap } from "./keymap.js";
import { sendThroughOutbox } from "./offline.js";
import { history } from "./undo.js";

// Returns the keys' actions {save, undo, redo, changeLast}. words(): what is said in the form, in a sentence.
export function keep(form, { words }) {
  for (const part of document.querySelectorAll("[data-script-only]")) part.hidden = false;
  for (const [action, letter] of Object.entries(keymap())) {
    for (const key of document.querySelectorAll(`[data-key="${action}"]`)) key.textContent = form.querySelector(`[data-label="${letter}"]`) ? `Shift ${letter}` : letter;
  }
  const save = autosave(form, form.querySelector("[data-keep]"));
  sendThroughOutbox({ words });
  measureActivity(form);
  markReading(form);
  const { undo, redo } = history(form);
  return { save, undo: () => undo() || changeLast(), redo, changeLast };
}

function changeLast() {
  const link = document.querySelector("[data-change-last]");
  if (!link) return false;
  link.click();
}
