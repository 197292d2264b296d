// Comparing two by keyboard on top of a form that works without. The radios and the box stay the truth: keys 1 to 7 go
// from left to right, 0 is the tie, 9 says that both are bad. No HTML is made here.
import { listen } from "./keys.js";
import { toggleGuidelines } from "./reading.js";

const TEXT = "textarea, select, [contenteditable], input:not([type=radio], [type=checkbox])";
const page = document.querySelector("[data-rank-page]");
const form = page.querySelector("[data-rank-form]");
const steps = [...form.querySelectorAll("[data-verdict] input[type=radio]")];
const tie = steps[Math.floor(steps.length / 2)];
const bothBad = form.elements.is_all_bad;
const submitButton = page.querySelector("[data-submit]");
const sentence = page.querySelector("[data-sentence]");
const skipBox = page.querySelector("[data-skip]");
const keySheet = document.querySelector("[data-keys]");
const cards = [...page.querySelectorAll("[data-completion]")];
let current = cards[0];
let isSent = false;

const chosen = () => steps.find((step) => step.checked);
const isUnrankable = () => Boolean(form.elements.unrankable?.value.trim());
const isComplete = () => Boolean(chosen()) || bothBad.checked || isUnrankable();
const wordsOf = (step) => step.closest("label").querySelector(".verdict-words").textContent.trim();

function words() {
  if (isUnrankable() && !chosen()) return "They cannot be ranked";
  if (!isComplete()) return "Nothing chosen yet";
  const verdict = wordsOf(chosen() ?? tie);
  return bothBad.checked ? `${verdict} · both are bad` : verdict;
}

function show() {
  if (sentence.textContent !== words()) sentence.textContent = words();
  submitButton.ariaDisabled = String(!isComplete());
}

// As if by mouse, so that whoever listens to the form (drafts) hears of it.
function set(control, isChecked) {
  if (control.checked === isChecked) return;
  control.checked = isChecked;
  control.dispatchEvent(new Event("input", { bubbles: true }));
  control.dispatchEvent(new Event("change", { bubbles: true }));
}

function choose(digit) {
  if (digit === 9) return set(bothBad, !bothBad.checked);
  const step = digit === 0 ? tie : steps[digit - 1];
  if (step) set(step, true);
}

function takeBack() {
  if (chosen()) set(chosen(), false);
}

function focus(card) {
  current = card;
  card.focus();
}

function submit() {
  form.requestSubmit();
}

// 0 means a tie here and Backspace takes back; keys.js has one meaning for both, so the digits are heard first.
document.addEventListener("keydown", (event) => {
  const digit = /^(?:Digit|Numpad)(\d)$/.exec(event.code)?.[1];
  if (!digit || event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.shiftKey && !/^\d$/.test(event.key)) return;
  if (document.querySelector("dialog[open]") || event.target.closest(`${TEXT}, [data-skip]`)) return;
  choose(Number(digit));
  event.preventDefault();
});

form.addEventListener("submit", (event) => {
  const isMissing = !isComplete();
  if (isMissing || isSent) event.preventDefault();
  if (isMissing) steps[0].focus();
  isSent ||= !isMissing;
});
window.addEventListener("pageshow", () => {
  isSent = false; // came back by the browser's Back
});
form.addEventListener("change", show);
form.addEventListener("input", show);
for (const card of cards) {
  card.tabIndex = 0;
  card.addEventListener("focusin", () => (current = card));
}
page.querySelector("[data-open-keys]").addEventListener("click", () => keySheet.showModal());

listen({
  submit,
  submitIfComplete: () => (isComplete() ? submit() : false),
  leave: () => {
    skipBox.open = false;
    focus(current);
  },
  rank: () => false, // digits are heard above
  unrank: takeBack,
  focus: (letter) => {
    const card = cards.find((one) => one.dataset.label === letter);
    if (card) return focus(card);
    return letter === "G" ? toggleGuidelines() : false;
  },
  step: (by) => focus(cards[(cards.indexOf(current) + by + cards.length) % cards.length]),
  skip: () => {
    skipBox.open = !skipBox.open;
    if (skipBox.open) skipBox.querySelector("input[type=radio]").focus();
    else focus(current);
  },
  skipBecause: (number) => {
    const choice = skipBox.querySelectorAll("input[type=radio]")[number - 1];
    choice?.focus();
    choice?.click();
  },
  guidelines: toggleGuidelines,
  sheet: () => keySheet.showModal(),
});

for (const part of document.querySelectorAll("[data-script-only]")) part.hidden = false;
sentence.hidden = false;
show();
if (!page.querySelector("[data-errors]")) cards[0].focus({ preventScroll: true });
