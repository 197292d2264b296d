// Keeps the form of the page: in this browser at once, on the server a second after the last change. On load the newest
// of both comes back. The page says where it is kept, and since when.
import { newest, readDraft, writeDraft } from "./drafts.js";
import { entriesOf, fill, post, stateOf, tokenOf } from "./form.js";

const PAUSE_MS = 1000;

// Returns saveNow(), for the key that saves. `kept` is the form's [data-keep].
export function autosave(form, kept) {
  const { key, url } = kept.dataset;
  const stamp = document.querySelector("[data-stamp]");
  let serverAt = kept.dataset.savedAt ? Date.parse(kept.dataset.savedAt) : null;
  let sent = "";
  let timer = 0;
  let isSaving = false;

  function say(words, more = "") {
    stamp.textContent = `${words}${more}`;
  }

  function keep({ isSaved }) {
    const isKept = writeDraft(key, { entries: entriesOf(form), serverAt, isSaved });
    if (!isSaved && !url) say(isKept ? stamp.dataset.local : stamp.dataset.nowhere);
    return isKept;
  }

  function changed() {
    keep({ isSaved: false });
    clearTimeout(timer);
    if (url) timer = setTimeout(saveNow, PAUSE_MS);
  }

  async function saveNow() {
    clearTimeout(timer);
    const state = stateOf(form);
    if (!url || isSaving || state === sent) return;
    isSaving = true;
    try {
      const answer = await saved(url, entriesOf(form));
      sent = state;
      serverAt = Date.parse(answer.saved_at);
      keep({ isSaved: stateOf(form) === state });
      say(stamp.dataset.saved, ` ${new Date(serverAt).toTimeString().slice(0, 8)}`);
    } catch (refusal) {
      say(keep({ isSaved: false }) ? stamp.dataset.local : stamp.dataset.nowhere, refusal.words ? `. ${refusal.words}` : "");
    } finally {
      isSaving = false;
    }
    if (sent === state && stateOf(form) !== state) changed(); // more was entered meanwhile
  }

  async function saved(address, entries) {
    const response = await post(address, entries, { token: tokenOf(form), redirect: "manual", keepalive: isSmall(entries) });
    const answer = response.headers.get("Content-Type")?.includes("json") ? await response.json() : {};
    if (response.ok) return answer;
    throw Object.assign(new Error("not saved"), { words: answer.error });
  }

  function restore() {
    const server = serverAt && { entries: pairs(kept.dataset.draft), at: serverAt };
    const found = document.querySelector("[data-errors]") ? null : newest(readDraft(key), server);
    if (!found) return;
    fill(form, found.entries);
    if (found !== server) changed();
    else say(stamp.dataset.saved, ` ${new Date(serverAt).toTimeString().slice(0, 8)}`);
  }

  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  document.addEventListener("visibilitychange", () => timer && document.hidden && saveNow());
  window.addEventListener("online", () => saveNow());
  restore();
  return saveNow;
}

// Browsers let no more than 64 kB outlive the page.
function isSmall(entries) {
  return JSON.stringify(entries).length < 16_000;
}

// {name: [values]} as the server keeps them → [[name, value], …].
function pairs(text) {
  return Object.entries(JSON.parse(text)).flatMap(([name, values]) => values.map((value) => [name, value]));
}
