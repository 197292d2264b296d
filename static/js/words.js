// The scripts' words in the page's language. The server puts a catalogue into the page unless it is in English.
const catalogue = JSON.parse(document.querySelector('meta[name="concord-words"]')?.content ?? "{}");

export function t(words, values = {}) {
  return (catalogue[words] ?? words).replaceAll(/\{(\w+)\}/g, (found, name) => values[name] ?? found);
}
