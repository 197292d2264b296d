// Writing the ideal output: «Begin from A» puts A into the text on this page, and Ctrl+Z takes it out again. Without
// this the link loads the page anew with A in the text.
import { listen } from "./keys.js";
import { toggleGuidelines } from "./reading.js";

const page = document.querySelector("[data-rank-page]");
const form = page.querySelector("[data-rank-form]");
const text = form.elements.text;
const sentence = page.querySelector("[data-sentence]");
const skipBox = page.querySelector("[data-skip]");
let isSent = false;

function counted(count, word) {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

function show() {
  const words = text.value.trim() ? text.value.trim().split(/\s+/).length : 0;
  sentence.textContent = words ? counted(words, "word") : "Nothing written yet";
}

// execCommand is old, but the only way by which the browser's own undo brings back what stood there.
function begin(id) {
  text.focus();
  text.select();
  const source = page.querySelector(`[data-source="${id}"]`).value;
  if (!document.execCommand("insertText", false, source)) text.value = source;
  text.setSelectionRange(0, 0);
  form.elements.edited_from.value = id;
  text.dispatchEvent(new Event("input", { bubbles: true }));
}

page.addEventListener("click", (event) => {
  const link = event.target.closest("[data-begin-from]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  begin(link.dataset.beginFrom);
});
text.addEventListener("input", () => {
  if (!text.value.trim()) form.elements.edited_from.value = ""; // begun anew
  show();
});
form.addEventListener("submit", (event) => {
  if (isSent) event.preventDefault();
  isSent = true;
});
window.addEventListener("pageshow", () => {
  isSent = false; // came back by the browser's Back
});

const nothing = () => false;
listen({
  submit: () => form.requestSubmit(),
  submitIfComplete: nothing,
  leave: () => {
    if (skipBox) skipBox.open = false;
    page.querySelector("h1").closest("header").scrollIntoView({ block: "nearest" });
    document.activeElement.blur();
  },
  rank: nothing,
  unrank: nothing,
  focus: (letter) => {
    const link = page.querySelector(`[data-begin-from][data-label="${letter}"]`);
    if (link) return link.focus();
    return letter === "G" ? toggleGuidelines() : false;
  },
  step: nothing,
  skip: () => {
    if (!skipBox) return false;
    skipBox.open = !skipBox.open;
    if (skipBox.open) skipBox.querySelector("input[type=radio]").focus();
  },
  skipBecause: (number) => {
    const choice = skipBox.querySelectorAll("input[type=radio]")[number - 1];
    choice?.focus();
    choice?.click();
  },
  guidelines: toggleGuidelines,
  sheet: nothing,
});

for (const part of document.querySelectorAll("[data-script-only]")) part.hidden = false;
sentence.hidden = false;
show();
