// Marks an error by selecting it: the selected passage and which of its places it is go into the form's own fields. The
// server finds the passage in the source. Rows that are not used stay out of sight.
import { keymap } from "./keymap.js";

const TEXT = "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox])";
const page = document.querySelector("[data-rank-page]");
const cards = [...page.querySelectorAll("[data-completion]:has([data-marks])")];
let current = cards[0];

const rowsOf = (box) => [...box.querySelectorAll("[data-mark]")];
const fieldsOf = (row) => {
  const [quote, nth, note] = row.querySelectorAll("input");
  return { quote, nth, note };
};
const isUsed = (row) => Boolean(fieldsOf(row).quote.value || fieldsOf(row).note.value);

// The used rows and one more.
function show(box) {
  const rows = rowsOf(box);
  const firstFree = rows.findIndex((row) => !isUsed(row));
  rows.forEach((row, n) => (row.hidden = !isUsed(row) && n !== firstFree));
}

// Returns {card, quote, nth} of a selection within one completion's text, or null.
function selected() {
  const selection = document.getSelection();
  if (!selection || selection.isCollapsed) return null;
  const range = selection.getRangeAt(0);
  const element = (node) => (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement);
  const text = element(range.commonAncestorContainer).closest("[data-text]");
  const quote = selection.toString().trim();
  if (!text || !quote) return null;
  const before = document.createRange();
  before.selectNodeContents(text);
  before.setEnd(range.startContainer, range.startOffset);
  const nth = before.toString().split(quote).length - 1;
  return { card: text.closest("[data-completion]"), quote, nth };
}

function mark() {
  const found = selected();
  const box = (found?.card ?? current).querySelector("[data-marks]");
  const row = rowsOf(box).find((one) => !isUsed(one));
  box.open = true;
  if (!row) return rowsOf(box)[0].querySelector("input").focus();
  row.hidden = false;
  const { quote, nth, note } = fieldsOf(row);
  if (!found) return quote.focus();
  quote.value = found.quote;
  nth.value = String(found.nth);
  quote.dispatchEvent(new Event("input", { bubbles: true }));
  note.focus();
}

document.addEventListener("keydown", (event) => {
  if (event.isComposing || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (!cards.length || event.key.toUpperCase() !== keymap().mark || document.querySelector("dialog[open]")) return;
  if (event.target.closest(`${TEXT}, [data-skip]`)) return;
  event.preventDefault();
  mark();
});
for (const card of cards) {
  const box = card.querySelector("[data-marks]");
  card.addEventListener("focusin", () => (current = card));
  box.addEventListener("input", (event) => {
    const { quote, nth } = fieldsOf(event.target.closest("[data-mark]"));
    if (event.target === quote && event.isTrusted) nth.value = ""; // written by hand: its first place
    show(box);
  });
  document.addEventListener("concord:filled", () => show(box));
  show(box);
}
