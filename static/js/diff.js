// What one text has that another lacks, word by word: shown in place as <ins> and <del>, and taken off again. The text
// itself is put aside while a marked copy stands in for it, so nothing that hangs on it is disturbed.
const WORDS = /\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu;
const MOST_CELLS = 16_000_000;

const shown = new Map(); // marked copy → the text it stands for

export function isCompared() {
  return shown.size > 0;
}

export function takeOff() {
  for (const [copy, text] of shown) copy.replaceWith(text);
  shown.clear();
}

// Marks `text` against `other`; returns {added, lacking} in words, or null where both are too long to compare.
export function compare(text, other) {
  const copy = text.cloneNode(true);
  const words = wordNodes(copy);
  const steps = lcs(other.textContent.match(WORDS) ?? [], words.map((word) => word.data));
  if (!steps) return null;
  const counts = mark(copy, words, steps);
  text.replaceWith(copy);
  shown.set(copy, text);
  return counts;
}

// Splits the text nodes so that each word has its own.
function wordNodes(element) {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const nodes = [];
  while (walker.nextNode()) nodes.push(walker.currentNode);
  return nodes.flatMap((node) => {
    const words = (node.data.match(WORDS) ?? []).map((word) => document.createTextNode(word));
    node.replaceWith(...words);
    return words;
  });
}

// steps: {kind: "same" | "added" | "lacking", word} in order; "lacking" stands where the other text has it.
function mark(copy, words, steps) {
  const counts = { added: 0, lacking: 0 };
  let at = 0;
  for (const { kind, word } of steps) {
    const node = words[at];
    if (kind !== "lacking") at += 1;
    if (kind === "same" || !word.trim()) continue;
    counts[kind] += 1;
    const box = document.createElement(kind === "added" ? "ins" : "del");
    if (kind === "added") {
      node.replaceWith(box);
      box.append(node);
      words[at - 1] = box;
    } else {
      box.textContent = `${word} `;
      if (node) node.before(box);
      else copy.append(box);
    }
  }
  return counts;
}

// The longest common subsequence, by the textbook's table after what both begin and end with is set aside.
export function lcs(old, now) {
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start += 1;
  let end = 0;
  while (end < Math.min(old.length, now.length) - start && old.at(-1 - end) === now.at(-1 - end)) end += 1;
  const [a, b] = [old.slice(start, old.length - end), now.slice(start, now.length - end)];
  if ((a.length + 1) * (b.length + 1) > MOST_CELLS) return null;
  const same = (words) => words.map((word) => ({ kind: "same", word }));
  return [...same(now.slice(0, start)), ...middle(a, b), ...same(now.slice(now.length - end))];
}

function middle(a, b) {
  const width = b.length + 1;
  const best = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      best[i * width + j] =
        a[i] === b[j] ? best[(i + 1) * width + j + 1] + 1 : Math.max(best[(i + 1) * width + j], best[i * width + j + 1]);
    }
  }
  const steps = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      steps.push({ kind: "same", word: b[j] });
      i += 1;
      j += 1;
    } else if (j === b.length || (i < a.length && best[(i + 1) * width + j] >= best[i * width + j + 1])) {
      steps.push({ kind: "lacking", word: a[i] });
      i += 1;
    } else {
      steps.push({ kind: "added", word: b[j] });
      j += 1;
    }
  }
  return steps;
}
