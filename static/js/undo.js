// Takes back the last choice on the page, and brings it again. Typed text is left to the browser's own undo.
import { choicesOf, fill } from "./form.js";

// Returns {undo, redo}; each returns false where there is nothing to take back or bring again.
export function history(form) {
  const past = [];
  let future = [];
  let present = choicesOf(form);

  function note() {
    const now = choicesOf(form);
    if (isSame(now, present)) return;
    past.push(present);
    present = now;
    future = [];
  }

  function go(from, to) {
    if (!from.length) return false;
    to.push(present);
    present = from.pop();
    fill(form, present, { choicesOnly: true });
    form.dispatchEvent(new Event("change", { bubbles: true }));
    return true;
  }

  form.addEventListener("change", note);
  return { undo: () => go(past, future), redo: () => go(future, past) };
}

function isSame(some, others) {
  return JSON.stringify(some) === JSON.stringify(others);
}
