// Unsent ranks and reasons, kept in this browser until the server says that they are saved.
const PREFIX = "concord:draft:";
const KEPT_DAYS = 7;

// Returns {ranks: {completion id: rank}, reason} or null.
export function readDraft(key) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + key));
  } catch {
    return null;
  }
}

export function writeDraft(key, ranks, reason) {
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify({ ranks, reason, at: Date.now() }));
  } catch {
    // no storage here (private window, full disk): the page works, a reload loses the draft
  }
}

// The server's read-back names the draft that is now stored; old ones go with it.
function forget() {
  for (const message of document.querySelectorAll('[data-about^="saved "]')) {
    localStorage.removeItem(PREFIX + message.dataset.about.slice("saved ".length));
  }
  const oldest = Date.now() - KEPT_DAYS * 24 * 3600 * 1000;
  for (const name of Object.keys(localStorage).filter((name) => name.startsWith(PREFIX))) {
    if (!((readDraft(name.slice(PREFIX.length))?.at ?? 0) > oldest)) localStorage.removeItem(name);
  }
}

try {
  forget();
} catch {
  // storage is closed to us
}
