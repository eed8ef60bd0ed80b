/* The colours: the system's, or the reader's choice, kept where the browser lets a page keep anything. */
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.add("scripted");

  const kept = () => {
    try { return localStorage.getItem("safebench-theme"); } catch { return null; }
  };
  const keep = (choice) => {
    try { localStorage.setItem("safebench-theme", choice); } catch { /* a page from disk may keep nothing */ }
  };
  const apply = (choice) => {
    if (choice === "light" || choice === "dark") root.dataset.theme = choice;
    else delete root.dataset.theme;
  };

  apply(kept());
  document.addEventListener("DOMContentLoaded", () => {
    const choices = document.querySelectorAll("#theme input");
    for (const input of choices) {
      input.checked = input.value === (root.dataset.theme ?? "auto");
      input.addEventListener("change", () => { apply(input.value); keep(input.value); });
    }
  });

  // Whatever became of the other scripts, nothing stays hidden.
  addEventListener("load", () => root.classList.add("settled"));

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("#provenance details:not([open])")];
    for (const details of opened) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of opened) details.open = false; });
})();
