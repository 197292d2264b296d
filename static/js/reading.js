// How the annotator likes to read: completions stacked or in columns, guidelines shown or not. Remembered in this browser.
import { recall, remember } from "./store.js";

const LAYOUT = "layout";
const GUIDELINES = "guidelines";

const page = document.querySelector("[data-rank-page]");
const guidelines = page.querySelector("[data-guidelines]");
const choices = [...page.querySelectorAll("[data-layout-choice]")];

export function toggleGuidelines() {
  guidelines.open = !guidelines.open;
  if (guidelines.open) guidelines.scrollIntoView({ block: "nearest" });
}

// Shows the source of a completion, where its card has one.
export function toggleRaw(card) {
  const source = card.querySelector("[data-source]");
  if (!source) return false;
  source.open = !source.open;
}

function lay(layout) {
  page.querySelector("[data-completions]").dataset.layout = layout;
  for (const button of choices) button.ariaPressed = String(button.dataset.layoutChoice === layout);
}

for (const button of choices) {
  button.addEventListener("click", () => {
    lay(button.dataset.layoutChoice);
    remember(LAYOUT, button.dataset.layoutChoice);
  });
}
guidelines.addEventListener("toggle", () => remember(GUIDELINES, guidelines.open ? "open" : "closed"));

if (choices.some((button) => button.dataset.layoutChoice === recall(LAYOUT))) lay(recall(LAYOUT));
guidelines.open = recall(GUIDELINES) === "open";
