// This browser's memory under our prefix. Where it is closed to us (private windows, full disk) nothing is remembered,
// and everything else works.
const PREFIX = "concord:";

export function recall(name) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name));
  } catch {
    return null;
  }
}

// Returns whether it is kept.
export function remember(name, value) {
  try {
    localStorage.setItem(PREFIX + name, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

export function forget(name) {
  try {
    localStorage.removeItem(PREFIX + name);
  } catch {
    // nothing was kept either
  }
}

// Returns the names that begin so.
export function namesUnder(start) {
  try {
    const names = Object.keys(localStorage).filter((name) => name.startsWith(PREFIX + start));
    return names.map((name) => name.slice(PREFIX.length)).sort();
  } catch {
    return [];
  }
}
