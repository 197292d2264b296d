// Writing the ideal output: «Begin from A» puts A into the text on this page, and Ctrl+Z takes it out again. Without
// this the link loads the page anew with A in the text.
import { listen } from "./keys.js";
import { toggleGuidelines } from "./reading.js";
import { skipActions } from "./skip.js";
import { t } from "./words.js";
import { keep } from "./work.js";

const page = document.querySelector("[data-rank-page]");
const form = page.querySelector("[data-rank-form]");
const text = form.elements.text;
const sentence = page.querySelector("[data-sentence]");

function show() {
  const words = text.value.trim() ? text.value.trim().split(/\s+/).length : 0;
  sentence.textContent = words ? t(words === 1 ? "{n} word" : "{n} words", { n: words }) : t("Nothing written yet");
}

// execCommand is old, but the only way by which the browser's own undo brings back what stood there.
function begin(label) {
  text.focus();
  text.select();
  const source = page.querySelector(`[data-source="${label}"]`).value;
  if (!document.execCommand("insertText", false, source)) text.value = source;
  text.setSelectionRange(0, 0);
  form.elements.edited_from.value = label;
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
form.addEventListener("concord:filled", show);

function back() {
  page.querySelector("h1").closest("header").scrollIntoView({ block: "nearest" });
  document.activeElement.blur();
}

listen({
  ...keep(form, { words: () => sentence.textContent }),
  ...skipActions({ back }),
  submit: () => form.requestSubmit(),
  focus: (letter) => {
    const link = page.querySelector(`[data-begin-from][data-label="${letter}"]`);
    return link ? link.focus() : false;
  },
  guidelines: toggleGuidelines,
});

sentence.hidden = false;
show();
