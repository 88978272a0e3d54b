// Sets the color theme before the first paint; therefore the only blocking script.
"use strict";
(() => {
  const KEY = "readroom-theme";
  const root = document.documentElement;
  const light = matchMedia("(prefers-color-scheme: light)");

  const storedChoice = () => {
    try {
      return localStorage.getItem(KEY) || "system";
    } catch {
      return "system"; // storage may be blocked; use the system's theme
    }
  };

  const apply = () => {
    const choice = storedChoice();
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
    apply();
  };

  apply();
  light.addEventListener("change", apply);
  addEventListener("storage", apply); // another tab changed the choice
  document.addEventListener("DOMContentLoaded", () => {
    for (const group of document.querySelectorAll("[data-theme-choices]")) group.hidden = false;
    apply();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-theme-choice]");
    if (button) choose(button.dataset.themeChoice);
  });
})();
