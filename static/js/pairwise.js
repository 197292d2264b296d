// Comparing two by keyboard on top of a form that works without. The radios and the box stay the truth: keys 1 to 7 go
// from left to right, 0 is the tie, 9 says that both are bad. No HTML is made here.
import "./cards.js";
import { listen } from "./keys.js";
import { toggleGuidelines, toggleRaw } from "./reading.js";
import { skipActions } from "./skip.js";
import "./spans.js";
import { keep } from "./work.js";

const page = document.querySelector("[data-rank-page]");
const form = page.querySelector("[data-rank-form]");
const steps = [...form.querySelectorAll("[data-verdict] input[type=radio]")];
const tie = steps[Math.floor(steps.length / 2)];
const bothBad = form.elements.is_all_bad;
const submitButton = page.querySelector("[data-submit]");
const sentence = page.querySelector("[data-sentence]");
const keySheet = document.querySelector("[data-keys]");
const cards = [...page.querySelectorAll("[data-completion]")];
let current = cards[0];

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

form.addEventListener("submit", (event) => {
  if (isComplete()) return;
  event.preventDefault();
  steps[0].focus();
});
form.addEventListener("concord:filled", show);
form.addEventListener("change", show);
form.addEventListener("input", show);
for (const card of cards) {
  card.tabIndex = 0;
  card.addEventListener("focusin", () => (current = card));
}
page.querySelector("[data-open-keys]").addEventListener("click", () => keySheet.showModal());

listen({
  ...keep(form, { words }),
  ...skipActions({ back: () => focus(current) }),
  submit,
  submitIfComplete: () => (isComplete() ? submit() : false),
  digit: choose,
  unrank: takeBack,
  focus: (letter) => {
    const card = cards.find((one) => one.dataset.label === letter);
    return card ? focus(card) : false;
  },
  step: (by) => focus(cards[(cards.indexOf(current) + by + cards.length) % cards.length]),
  guidelines: toggleGuidelines,
  raw: () => toggleRaw(current),
  sheet: () => keySheet.showModal(),
});

sentence.hidden = false;
show();
if (!page.querySelector("[data-errors]")) cards[0].focus({ preventScroll: true });
