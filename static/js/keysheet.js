// The page where an annotator changes the letters.
import { choose, keymap, reset } from "./keymap.js";

const form = document.querySelector("[data-key-form]");
const status = form.querySelector("[data-status]");
const inputs = [...form.querySelectorAll("input[data-action]")];

function show(refused = {}) {
  for (const input of inputs) {
    const why = input.parentElement.querySelector("[data-why]");
    why.textContent = refused[input.dataset.action] ? why.dataset[refused[input.dataset.action]] : "";
    input.ariaInvalid = String(input.dataset.action in refused);
  }
}

function fillIn() {
  const letters = keymap();
  for (const input of inputs) input.value = letters[input.dataset.action];
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const refused = choose(Object.fromEntries(inputs.map((input) => [input.dataset.action, input.value.trim()])));
  show(refused);
  status.textContent = Object.keys(refused).length ? status.dataset.refused : status.dataset.kept;
  inputs.find((input) => input.dataset.action in refused)?.focus();
});
form.querySelector("[data-reset]").addEventListener("click", () => {
  reset();
  fillIn();
  show();
  status.textContent = status.dataset.back;
});
form.hidden = false;
fillIn();
