// A form as data: what stands in its named fields, and the way back. Knows nothing of what the fields mean.
const TOKEN = "csrfmiddlewaretoken";
const OF_THIS_PAGE = [TOKEN, "submission"];
const MEASURED = ["active_seconds", "read"];

// Returns [[name, value], …] without what belongs to this page load only.
export function entriesOf(form) {
  return [...new FormData(form)].filter(([name, value]) => typeof value === "string" && !OF_THIS_PAGE.includes(name));
}

// What an annotator entered, as one text: equal texts, equal answers.
export function stateOf(form) {
  return JSON.stringify(entriesOf(form).filter(([name]) => !MEASURED.includes(name)));
}

// The same without what is typed or measured: the choices.
export function choicesOf(form) {
  return entriesOf(form).filter(([name]) => controlsOf(form, name).some(isChoice));
}

// Fills in entries; controls that are left out of them are unticked, texts left out stay. Says «concord:filled».
export function fill(form, entries, { choicesOnly = false } = {}) {
  for (const control of form.elements) {
    if (!control.name || OF_THIS_PAGE.includes(control.name) || (choicesOnly && !isChoice(control))) continue;
    const values = entries.filter(([name]) => name === control.name).map(([, value]) => value);
    put(control, values);
  }
  form.dispatchEvent(new CustomEvent("concord:filled", { bubbles: true }));
}

export function tokenOf(page) {
  return page.querySelector(`[name=${TOKEN}]`)?.value ?? "";
}

// Sends entries as a form would; `entries` may hold an old token, `token` is the one that counts.
export function post(url, entries, { token, ...options }) {
  const fields = entries.filter(([name]) => name !== TOKEN);
  return fetch(url, { method: "POST", body: new URLSearchParams([...fields, [TOKEN, token]]), ...options });
}

function controlsOf(form, name) {
  return [...form.elements].filter((control) => control.name === name);
}

function isChoice(control) {
  return control.matches("select, input[type=radio], input[type=checkbox]");
}

function put(control, values) {
  if (control.matches("input[type=radio], input[type=checkbox]")) control.checked = values.includes(control.value);
  else if (control.matches("select[multiple]")) {
    for (const option of control.options) option.selected = values.includes(option.value);
  } else if (values.length && control.matches("input, select, textarea")) control.value = values[0];
}
