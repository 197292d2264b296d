// Ranking by keyboard and mouse on top of a form that works without. The selects stay the truth; nothing here is sent
// in another way, and no HTML is made here: the server rendered every part.
import "./cards.js";
import { compare, isCompared, takeOff } from "./diff.js";
import { dragging } from "./drag.js";
import { listen } from "./keys.js";
import { toggleGuidelines, toggleRaw } from "./reading.js";
import { skipActions } from "./skip.js";
import "./spans.js";
import { inWords, moved, names, placed, tied } from "./tiers.js";
import { t } from "./words.js";
import { keep } from "./work.js";

const page = document.querySelector("[data-rank-page]");
const form = page.querySelector("[data-rank-form]");
const submitButton = page.querySelector("[data-submit]");
const sentence = page.querySelector("[data-sentence]");
const remark = page.querySelector("[data-remark]");
const keySheet = document.querySelector("[data-keys]");
const cards = [...page.querySelectorAll("[data-completion]")].map((element) => ({
  element,
  label: element.dataset.label,
  select: element.querySelector("[data-rank-select] select"),
  buttons: [...element.querySelectorAll("[data-rank]")],
  note: element.querySelector("[data-note]"),
}));
let current = cards[0];

const rankOf = (card) => Number(card.select.value) || 0;
const isUnrankable = () => Boolean(form.elements.unrankable?.value.trim()) && !cards.some(rankOf);
const unranked = () => (isUnrankable() ? [] : cards.filter((card) => !rankOf(card)));
const words = () => (isUnrankable() ? t("They cannot be ranked") : inWords(tiers(), unranked()));

function tiers() {
  const ranks = [...new Set(cards.map(rankOf))].filter(Boolean).sort((a, b) => a - b);
  return ranks.map((rank) => cards.filter((card) => rankOf(card) === rank));
}

function noteOf(card) {
  if (!rankOf(card)) return t("not ranked");
  const others = cards.filter((other) => other !== card && rankOf(other) === rankOf(card));
  const rank = rankOf(card);
  return others.length ? t("rank {rank}, tied with {names}", { rank, names: names(others) }) : t("rank {rank}", { rank });
}

function show() {
  for (const card of cards) {
    card.note.textContent = noteOf(card);
    card.element.toggleAttribute("data-ranked", rankOf(card) > 0);
    card.element.setAttribute("aria-label", `${t("Completion {label}", { label: card.label })}, ${card.note.textContent}`);
    for (const button of card.buttons) button.ariaPressed = String(Number(button.dataset.rank) === rankOf(card));
  }
  if (sentence.textContent !== words()) sentence.textContent = words();
  submitButton.ariaDisabled = String(unranked().length > 0);
}

// Gives ranks; one change, so that one undo takes it back.
function setRanks(ranks) {
  for (const [card, rank] of ranks) card.select.value = rank ? String(rank) : "";
  form.dispatchEvent(new Event("change", { bubbles: true }));
}

function arrange(found) {
  setRanks(found.flatMap((tier, at) => tier.map((card) => [card, at + 1])));
  focus(current);
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

const heldAt = (rank) => cards.filter((card) => rankOf(card) === rank);

function takeDragged(card, rank, by) {
  focus(card, { preventScroll: true });
  const other = heldAt(rank).find((one) => one !== card);
  if (by) arrange(placed(tiers(), card, other, by));
  else setRanks([[card, rank]]);
}

function rankedByMouse(event) {
  const button = event.target.closest("[data-rank]");
  if (!button) return;
  const rank = Number(button.dataset.rank);
  setRanks([[current, rankOf(current) === rank ? 0 : rank]]);
}

// The focused completion against the best of the others; again, or elsewhere, and it is off.
function diff() {
  const wasOn = isCompared();
  takeOff();
  remark.textContent = "";
  const best = tiers().flat().find((card) => card !== current);
  if (wasOn) return;
  if (!best) return void (remark.textContent = t("Rank another completion first: this one is compared with the best."));
  const [text, other] = [current, best].map((card) => card.element.querySelector("[data-text], .text"));
  const found = text && other && compare(text, other);
  remark.textContent = found
    ? t("{label} beside {best}: {added} words more, {lacking} words less.", { label: current.label, best: best.label, ...found })
    : t("These texts cannot be compared word by word: one is empty, or they are too long.");
}

form.addEventListener("change", show);
form.elements.unrankable?.addEventListener("input", show);
form.addEventListener("concord:filled", show);
form.addEventListener("submit", (event) => {
  const [missing] = unranked();
  if (!missing) return;
  event.preventDefault();
  focus(missing);
});

for (const card of cards) {
  card.element.tabIndex = 0;
  card.element.addEventListener("focusin", () => (current = card));
  card.element.addEventListener("click", (event) => {
    current = card;
    rankedByMouse(event);
  });
}

dragging(cards, { take: takeDragged, heldAt });
page.querySelector("[data-open-keys]").addEventListener("click", () => keySheet.showModal());

listen({
  ...keep(form, { words }),
  ...skipActions({ back: () => focus(current) }),
  submit: () => form.requestSubmit(),
  submitIfComplete: () => (unranked().length ? false : form.requestSubmit()),
  rank: (rank) => {
    if (rank > cards.length) return;
    setRanks([[current, rank]]);
    focusNextUnranked();
  },
  unrank: () => setRanks([[current, 0]]),
  focus: (letter) => {
    const card = cards.find((one) => one.label === letter);
    return card ? focus(card) : false;
  },
  step: (by) => focus(cards[(cards.indexOf(current) + by + cards.length) % cards.length]),
  move: (by) => arrange(moved(tiers(), current, by)),
  tie: (by) => arrange(tied(tiers(), current, by)),
  guidelines: toggleGuidelines,
  diff,
  raw: () => toggleRaw(current.element),
  sheet: () => keySheet.showModal(),
});

for (const part of page.querySelectorAll("[data-rank-select]")) part.hidden = true;
sentence.hidden = false;
form.noValidate = true; // the selects are hidden now: the browser could not show what they lack
show();
if (!page.querySelector("[data-errors]")) focus(unranked()[0] ?? cards[0], { preventScroll: true });
