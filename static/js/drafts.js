// What an annotator has entered and not submitted, kept in this browser until the server says that it is stored.
import { forget, namesUnder, recall, remember } from "./store.js";

const KEPT_DAYS = 7;

// Returns {entries, at, serverAt, isSaved} or null: what stood in the form, when (ms), and when the server had last saved (ms).
// `isSaved` says whether the server has this very state.
export function readDraft(key) {
  const draft = recall(`draft:${key}`);
  return Array.isArray(draft?.entries) ? draft : null;
}

export function writeDraft(key, { entries, serverAt, isSaved }) {
  return remember(`draft:${key}`, { entries, serverAt, isSaved, at: Date.now() });
}

// Which of the two is newer. Clocks differ between machines, so what the server said last decides before the clocks do.
export function newest(local, server) {
  if (!local || !server) return local ?? server;
  if (local.isSaved) return server;
  return local.serverAt === server.at || local.at > server.at ? local : server;
}

// The server's read-back on this page names the draft that is now stored.
for (const message of document.querySelectorAll('[data-about^="saved "]')) {
  forget(`draft:${message.dataset.about.slice("saved ".length)}`);
}
const oldest = Date.now() - KEPT_DAYS * 24 * 3600 * 1000;
for (const name of namesUnder("draft:")) {
  if (!((recall(name)?.at ?? 0) > oldest)) forget(name);
}
