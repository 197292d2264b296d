// Ranking by keyboard and mouse on top of a form that works without. The selects stay the truth; nothing here is sent
// in another way, and no HTML is made here: the server rendered every part.
import { readDraft, writeDraft } from "./drafts.js";
import { listen } from "./keys.js";
import { toggleGuidelines } from "./reading.js";

const page = document.querySelector("[data-rank-page]");
const form = page.querySelector("[data-rank-form]");
const submitButton = page.querySelector("[data-submit]");
const sentence = page.querySelector("[data-sentence]");
const skipBox = page.querySelector("[data-skip]");
const keySheet = document.querySelector("[data-keys]");
const cards = [...page.querySelectorAll("[data-completion]")].map((element) => ({
  element,
  id: element.dataset.completion,
  label: element.dataset.label,
  select: element.querySelector("select"),
  buttons: [...element.querySelectorAll("[data-rank]")],
  note: element.querySelector("[data-note]"),
}));
let current = cards[0];
let isSent = false;

const rankOf = (card) => Number(card.select.value) || 0;
const isUnrankable = () => Boolean(form.elements.unrankable?.value.trim()) && !cards.some(rankOf);
const unranked = () => (isUnrankable() ? [] : cards.filter((card) => !rankOf(card)));
const names = (some) => some.map((card) => card.label).join(", ");

function tiers() {
  const ranks = [...new Set(cards.map(rankOf))].filter(Boolean).sort((a, b) => a - b);
  return ranks.map((rank) => cards.filter((card) => rankOf(card) === rank));
}

function counted(count, word) {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

function words() {
  if (isUnrankable()) return "They cannot be ranked";
  const found = tiers();
  const order = found.map((tier) => tier.map((card) => card.label).sort().join(" = ")).join(" > ");
  const left = unranked();
  if (left.length) return `${order || "Nothing ranked yet"} · ${left.length} of ${cards.length} left: ${names(left)}`;
  const ties = found.reduce((sum, tier) => sum + (tier.length * (tier.length - 1)) / 2, 0);
  const pairs = (cards.length * (cards.length - 1)) / 2;
  return `${order} · ${counted(pairs - ties, "preference")}${ties ? `, ${counted(ties, "tie")}` : ""}`;
}

function noteOf(card) {
  if (!rankOf(card)) return "not ranked";
  const others = cards.filter((other) => other !== card && rankOf(other) === rankOf(card));
  return others.length ? `rank ${rankOf(card)}, tied with ${names(others)}` : `rank ${rankOf(card)}`;
}

function show() {
  for (const card of cards) {
    card.note.textContent = noteOf(card);
    card.element.toggleAttribute("data-ranked", rankOf(card) > 0);
    card.element.setAttribute("aria-label", `Completion ${card.label}, ${card.note.textContent}`);
    for (const button of card.buttons) button.ariaPressed = String(Number(button.dataset.rank) === rankOf(card));
  }
  if (sentence.textContent !== words()) sentence.textContent = words();
  submitButton.ariaDisabled = String(unranked().length > 0);
}

function keep() {
  const ranks = Object.fromEntries(cards.filter(rankOf).map((card) => [card.id, rankOf(card)]));
  writeDraft(page.dataset.draft, ranks, form.elements.reason?.value ?? "");
}

function setRank(card, rank) {
  card.select.value = rank ? String(rank) : "";
  show();
  keep();
}

function focus(card, options) {
  current = card;
  card.element.focus(options);
}

function focusNextUnranked() {
  const at = cards.indexOf(current);
  const next = [...cards.slice(at + 1), ...cards.slice(0, at)].find((card) => !rankOf(card));
  focus(next ?? current);
}

function restore() {
  const draft = readDraft(page.dataset.draft);
  if (!draft || cards.some(rankOf) || form.elements.reason?.value) return; // what the server kept comes first
  for (const card of cards) card.select.value = String(draft.ranks[card.id] ?? "");
  if (form.elements.reason) form.elements.reason.value = draft.reason;
}

function submit() {
  form.requestSubmit();
}

form.addEventListener("submit", (event) => {
  const [missing] = unranked();
  if (missing || isSent) event.preventDefault();
  if (missing) focus(missing);
  isSent ||= !missing;
});
window.addEventListener("pageshow", () => {
  isSent = false; // came back by the browser's Back
});
form.elements.reason?.addEventListener("input", keep);
form.elements.unrankable?.addEventListener("input", show);

function rankedByMouse(event) {
  const button = event.target.closest("[data-rank]");
  if (!button) return;
  const rank = Number(button.dataset.rank);
  setRank(current, rankOf(current) === rank ? 0 : rank);
}

for (const card of cards) {
  card.element.tabIndex = 0;
  card.element.addEventListener("focusin", () => (current = card));
  card.element.addEventListener("click", (event) => {
    current = card;
    rankedByMouse(event);
  });
  card.select.addEventListener("change", () => setRank(card, rankOf(card)));
}

page.querySelector("[data-open-keys]").addEventListener("click", () => keySheet.showModal());

listen({
  submit,
  submitIfComplete: () => (unranked().length ? false : submit()),
  leave: () => {
    skipBox.open = false;
    focus(current);
  },
  rank: (rank) => {
    if (rank > cards.length) return;
    setRank(current, rank);
    focusNextUnranked();
  },
  unrank: () => setRank(current, 0),
  focus: (letter) => {
    const card = cards.find((one) => one.label === letter);
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
for (const part of page.querySelectorAll("[data-rank-select]")) part.hidden = true;
sentence.hidden = false;
form.noValidate = true; // the selects are hidden now: the browser could not show what they lack
restore();
show();
if (!page.querySelector("[data-errors]")) focus(unranked()[0] ?? cards[0], { preventScroll: true });
