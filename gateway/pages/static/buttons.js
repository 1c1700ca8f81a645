// Copies what a button points at, and shows on a button that its form is on its way. Everything else works without it.
(() => {
  "use strict";

  async function copied(place) {
    try {
      await navigator.clipboard.writeText(place.textContent);
      return true;
    } catch { // no permission, or no https: the old way, by the selection
      const selection = getSelection();
      selection.selectAllChildren(place);
      return document.execCommand("copy");
    }
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    const place = button && document.getElementById(button.dataset.copy);
    if (!place) return;
    const word = button.querySelector("span");
    word.textContent = (await copied(place)) ? "Copied" : "Selected";
    setTimeout(() => { word.textContent = "Copy"; }, 5000);
  });

  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-busy]")) return;
    event.submitter?.setAttribute("aria-busy", "true");
  });
  addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("button[aria-busy]")) button.removeAttribute("aria-busy");
  });
})();
