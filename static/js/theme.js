// Light, dark or as the system says. Loaded before the page is drawn, so that it never flashes; a classic script for that.
(() => {
  "use strict";
  const KEY = "concord:theme";
  const NEXT = { system: "light", light: "dark", dark: "system" };

  function chosen() {
    try {
      return localStorage.getItem(KEY) in NEXT ? localStorage.getItem(KEY) : "system";
    } catch {
      return "system"; // storage is closed to us: private windows of some browsers
    }
  }

  function apply(theme) {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    document.dispatchEvent(new CustomEvent("concord:theme", { detail: theme }));
  }

  function choose(theme) {
    apply(theme);
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // it then lasts until the next page
    }
  }

  apply(chosen());
  document.addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("[data-theme-toggle]");
    if (!button) return;
    const label = button.querySelector("[data-theme-name]");
    let theme = chosen();
    button.hidden = false;
    label.textContent = label.dataset[theme];
    button.addEventListener("click", () => {
      theme = NEXT[theme];
      label.textContent = label.dataset[theme];
      choose(theme);
    });
  });
})();
