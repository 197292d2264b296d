// How the annotator likes to read: completions stacked or in columns, guidelines shown or not. Remembered in this browser.
const LAYOUT_KEY = "concord:layout";
const GUIDELINES_KEY = "concord:guidelines";

const page = document.querySelector("[data-rank-page]");
const guidelines = page.querySelector("[data-guidelines]");
const choices = [...page.querySelectorAll("[data-layout-choice]")];

export function toggleGuidelines() {
  guidelines.open = !guidelines.open;
  if (guidelines.open) guidelines.scrollIntoView({ block: "nearest" });
}

function lay(layout) {
  page.querySelector("[data-completions]").dataset.layout = layout;
  for (const button of choices) button.ariaPressed = String(button.dataset.layoutChoice === layout);
}

function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // no storage here: it lasts until the next page
  }
}

function remembered(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

for (const button of choices) {
  button.addEventListener("click", () => {
    lay(button.dataset.layoutChoice);
    remember(LAYOUT_KEY, button.dataset.layoutChoice);
  });
}
guidelines.addEventListener("toggle", () => remember(GUIDELINES_KEY, guidelines.open ? "open" : "closed"));

if (choices.some((button) => button.dataset.layoutChoice === remembered(LAYOUT_KEY))) lay(remembered(LAYOUT_KEY));
guidelines.open = remembered(GUIDELINES_KEY) === "open";
