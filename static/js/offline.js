// Sends the form, and keeps it where the network is away: the whole body with its submission id, sent again when the
// network is back or on the next page. Sending twice is harmless. A refusal stays on the page with what was said.
import "./drafts.js"; // forgets what the read-back on this page says is stored
import { entriesOf, post, tokenOf } from "./form.js";
import { forget, namesUnder, recall, remember } from "./store.js";

const AWAY = [429, 502, 503, 504];
const ACCEPTED = 204; // and the header Next-Page says where to go on: see annotate/middleware.py
const PATIENCE_MS = 20_000;
const AGAIN_MS = 30_000;

const box = document.querySelector("[data-outbox]");
const kept = document.querySelector("[data-keep]");
const form = kept?.closest("form");
let isReplaying = false;

const mine = () => namesUnder(`outbox:${box.dataset.owner}:`);

// words(): what is said in the form, for the list of what waits.
export function sendThroughOutbox({ words }) {
  let isSending = false;
  window.addEventListener("pageshow", () => (isSending = false)); // came back by the browser's Back
  form.addEventListener("submit", async (event) => {
    if (event.defaultPrevented || event.submitter?.hasAttribute("formaction")) return;
    event.preventDefault();
    if (isSending) return;
    isSending = true;
    const entries = bodyOf(event.submitter);
    const response = await reached(addressOf(form), entries);
    if (response?.status === ACCEPTED) location.assign(response.headers.get("Next-Page"));
    else if (response) sendPlainly(event.submitter); // a refusal: the server's page says why; the same id is harmless
    else isSending = !wait(entries, words());
  });
}

// form.action would be a field of that name, if there were one.
function addressOf(one) {
  return new URL(one.getAttribute("action") ?? "", location).pathname;
}

function bodyOf(submitter) {
  const named = submitter?.name ? [[submitter.name, submitter.value]] : [];
  return [...entriesOf(form), ["submission", form.elements.submission.value], ...named];
}

function sendPlainly(submitter) {
  if (submitter?.name) {
    const field = Object.assign(document.createElement("input"), { type: "hidden", name: submitter.name, value: submitter.value });
    form.append(field);
  }
  HTMLFormElement.prototype.submit.call(form);
}

// Returns the response, or null where nobody answered.
async function reached(url, entries) {
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const response = await post(url, entries, { token: tokenOf(document), signal, headers: { Outbox: "1" } });
    return AWAY.includes(response.status) ? null : response;
  } catch (failure) {
    if (failure instanceof TypeError || failure instanceof DOMException) return null;
    throw failure;
  }
}

function wait(entries, words) {
  const id = entries.find(([name]) => name === "submission")[1];
  remember(`outbox:${box.dataset.owner}:${id}`, { url: addressOf(form), entries, words, at: Date.now() });
  show();
  box.scrollIntoView({ block: "center" });
  return true;
}

async function replay() {
  if (isReplaying || !mine().length || !navigator.onLine) return;
  isReplaying = true;
  try {
    for (const name of mine().filter((one) => !recall(one)?.refusal)) {
      const item = recall(name);
      const response = item && (await reached(item.url, item.entries));
      if (!response || response.status >= 500) break;
      await settle(name, item, response);
    }
  } finally {
    isReplaying = false;
    show();
  }
}

async function settle(name, item, response) {
  const next = response.headers.get("Next-Page");
  if (response.status === ACCEPTED && new URL(next, location).pathname === box.dataset.login) {
    box.dataset.isSignedOut = "yes";
  } else if (response.status === ACCEPTED) {
    forget(name);
    if (isOnThisPage(item)) location.assign(next);
    else tell(item.words);
  } else {
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    remember(name, { ...item, refusal: whyOf(page) });
  }
}

function isOnThisPage({ entries }) {
  return entries.some(([name, value]) => name === "submission" && value === form?.elements.submission.value);
}

// What the server's page says of a refusal, in its own words.
function whyOf(page) {
  const parts = page.querySelectorAll("h1, .lede, [data-errors] li");
  return [...parts].map((part) => part.textContent.trim()).join(". ");
}

function tell(words) {
  const sent = box.querySelector("[data-sent]");
  sent.textContent = sent.dataset.sent.replace("%", words);
}

function show() {
  const sent = box.querySelector("[data-sent]");
  const items = mine().map((name) => [name, recall(name)]).filter(([, item]) => item);
  const waiting = items.filter(([, item]) => !item.refusal);
  box.hidden = !items.length && !sent.textContent;
  const status = box.querySelector("[data-status]");
  const words = status.dataset[waiting.length === 1 ? "one" : "many"].replace("%", waiting.length);
  const more = box.dataset.isSignedOut ? ` ${status.dataset.signIn}` : "";
  status.textContent = waiting.length ? words + more : "";
  const rows = items.map(([name, item]) => row(name, item));
  box.querySelector("[data-list]").replaceChildren(...rows);
}

function row(name, item) {
  const found = box.querySelector("template").content.cloneNode(true);
  found.querySelector("[data-words]").textContent = item.words;
  found.querySelector("[data-refusal]").textContent = item.refusal ?? "";
  found.querySelector("[data-refused]").hidden = !item.refusal;
  found.querySelector("[data-discard]").hidden = !item.refusal;
  found.querySelector("[data-discard]").addEventListener("click", () => {
    forget(name);
    show();
  });
  return found;
}

if (box) {
  window.addEventListener("online", replay);
  setInterval(() => mine().length && replay(), AGAIN_MS);
  show();
  replay();
}
