// Which letter does what. An annotator may choose other letters; the choice stays in this browser.
import { forget, recall, remember } from "./store.js";

export const DEFAULTS = {
  skip: "S",
  guidelines: "G",
  diff: "D",
  raw: "V",
  ratings: "R",
  flags: "F",
  mark: "M",
  unrankable: "X",
};

// Returns {action: letter}.
export function keymap() {
  const chosen = recall("keys") ?? {};
  const own = Object.keys(DEFAULTS).filter((action) => /^[A-Z]$/.test(chosen[action]));
  return { ...DEFAULTS, ...Object.fromEntries(own.map((action) => [action, chosen[action]])) };
}

// Returns the fields that are refused, as {action: "empty" | "twice"}; keeps the letters if there are none.
export function choose(letters) {
  const all = Object.entries(letters).map(([action, letter]) => [action, letter.toUpperCase()]);
  const refused = all.flatMap(([action, letter]) => {
    if (!/^[A-Z]$/.test(letter)) return [[action, "empty"]];
    return all.some(([other, same]) => other !== action && same === letter) ? [[action, "twice"]] : [];
  });
  if (!refused.length) remember("keys", Object.fromEntries(all));
  return Object.fromEntries(refused);
}

export function reset() {
  forget("keys");
}
