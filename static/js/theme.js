// Sets the colours before the first paint: the one script that is loaded blocking.
"use strict";
(() => {
  const KEY = "readroom-theme";
  const root = document.documentElement;
  const light = matchMedia("(prefers-color-scheme: light)");

  const chosen = () => {
    try {
      return localStorage.getItem(KEY) || "system";
    } catch {
      return "system"; // storage may be forbidden; the system's wish still counts
    }
  };

  const show = () => {
    const choice = chosen();
    const theme = choice === "system" ? (light.matches ? "light" : "dark") : choice;
    root.dataset.theme = theme;
    root.dataset.bsTheme = theme;
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
    }
  };

  const choose = (choice) => {
    try {
      localStorage.setItem(KEY, choice);
    } catch {
      return;
    }
    show();
  };

  show();
  light.addEventListener("change", show);
  addEventListener("storage", show); // another tab chose
  document.addEventListener("DOMContentLoaded", () => {
    for (const group of document.querySelectorAll("[data-theme-choices]")) group.hidden = false;
    show();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-choice]");
    if (button) choose(button.dataset.themeChoice);
  });
})();
