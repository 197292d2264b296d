// Weak orders as best-first tiers of cards, and their words. Pure: the same tiers give the same tiers.
import { t } from "./words.js";

// The card goes one rank up (by = -1) or down (1): out of a tie to stand alone beside it, else past its neighbour. A card
// without a rank comes in as the last.
export function moved(tiers, card, by) {
  const at = tiers.findIndex((tier) => tier.includes(card));
  if (at < 0) return [...tiers, [card]];
  const rest = tiers[at].filter((other) => other !== card);
  const others = tiers.toSpliced(at, 1, ...(rest.length ? [rest] : []));
  const to = rest.length ? at + (by > 0 ? 1 : 0) : at + by;
  return others.toSpliced(Math.max(0, Math.min(to, others.length)), 0, [card]);
}

// The card joins the tier above (by = -1) or below (1); at the end it stays.
export function tied(tiers, card, by) {
  const at = tiers.findIndex((tier) => tier.includes(card));
  const neighbour = at < 0 ? tiers.at(by < 0 ? -1 : 0) : tiers[at + by];
  if (!neighbour) return tiers;
  const joined = tiers.map((tier) => (tier === neighbour ? [...tier, card] : tier.filter((other) => other !== card)));
  return joined.filter((tier) => tier.length);
}

// The card stands alone before (by = -1) or after (1) the tier of another.
export function placed(tiers, card, other, by) {
  const others = tiers.map((tier) => tier.filter((one) => one !== card)).filter((tier) => tier.length);
  const at = others.findIndex((tier) => tier.includes(other));
  return others.toSpliced(at + (by > 0 ? 1 : 0), 0, [card]);
}

export function inWords(tiers, unranked) {
  const count = tiers.flat().length + unranked.length;
  const order = tiers.map((tier) => tier.map((card) => card.label).sort().join(" = ")).join(" > ");
  if (unranked.length) return `${order || t("Nothing ranked yet")} · ${t("{left} of {count} left: {names}", { left: unranked.length, count, names: names(unranked) })}`;
  const ties = tiers.reduce((sum, tier) => sum + (tier.length * (tier.length - 1)) / 2, 0);
  const pairs = (count * (count - 1)) / 2;
  return `${order} · ${preferences(pairs - ties)}${ties ? `, ${tiesIn(ties)}` : ""}`;
}

export function names(some) {
  return some.map((card) => card.label).join(", ");
}

function preferences(n) {
  return t(n === 1 ? "{n} preference" : "{n} preferences", { n });
}

function tiesIn(n) {
  return t(n === 1 ? "{n} tie" : "{n} ties", { n });
}
