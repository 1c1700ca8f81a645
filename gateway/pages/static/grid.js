// The grid of deals: a value goes out when its cell is left or Enter is pressed, Esc takes back what was typed, and what
// becomes of it comes back into its row, never into the field that somebody is typing in.
(() => {
  "use strict";
  const FIELDS = "td[data-field] input, td[data-field] select";
  const ASK_AGAIN_MS = 1500;
  const CHOSEN_MS = 700; // a choice made with the arrow keys is one choice, however many steps it took

  const fieldOf = (element) => (element?.closest?.("[data-grid]") && element.matches(FIELDS) ? element : null);
  const tell = (words) => { const place = document.getElementById("grid-told"); if (place) place.textContent = words; };

  function beside(field, step) { // the same field of the next or previous row that has one
    let row = field.closest("tr");
    const name = field.closest("td").dataset.field;
    while ((row = step > 0 ? row.nextElementSibling : row.previousElementSibling)) {
      const found = row.querySelector(`td[data-field="${name}"] input, td[data-field="${name}"] select`);
      if (found) return found;
    }
    return null;
  }

  function move(field, step) {
    const next = beside(field, step);
    if (!next) return false;
    next.focus();
    if (next.type === "text") next.select();
    return true;
  }

  async function ask(url, grid, body) {
    const headers = { "X-CSRF-Token": grid.dataset.csrf, Accept: "text/html", "HX-Request": "true" };
    const address = grid.hasAttribute("data-selectable") ? url + (url.includes("?") ? "&" : "?") + "selectable" : url;
    const tellPage = (name) => { if (body) document.dispatchEvent(new Event(`foretell:${name}`)); };
    tellPage("write");
    try {
      const response = await fetch(address, { method: body ? "POST" : "GET", headers, body, credentials: "same-origin" });
      if (!response.ok && response.status !== 409 && response.status !== 422) throw new Error(String(response.status));
      const parsed = document.createElement("template");
      parsed.innerHTML = await response.text();
      return parsed.content;
    } finally { tellPage("written"); }
  }

  function patch(rows) {
    for (const fresh of rows.querySelectorAll("tr[data-deal]")) {
      const row = document.getElementById(fresh.id);
      if (!row) continue;
      for (const cell of fresh.querySelectorAll("td[data-field]")) {
        const old = row.querySelector(`td[data-field="${cell.dataset.field}"]`);
        if (!old) continue;
        const field = old.querySelector("input, select");
        if (old.contains(document.activeElement) || (field && field.value !== field.dataset.shown && !old.dataset.sent)) {
          old.className = cell.className; // somebody types here: only what is said of it changes
          const said = cell.querySelector(".said");
          const place = old.querySelector(".said");
          if (said && place && !place.contains(document.activeElement)) place.replaceChildren(...said.childNodes);
          const now = cell.querySelector("input, select");
          if (field && now) {
            if (field.value === field.dataset.shown && !cell.classList.contains("not-taken")) field.value = now.value;
            field.dataset.seen = now.dataset.seen;
            if (field.value === now.value) field.dataset.shown = now.dataset.shown;
          }
        } else old.replaceWith(cell);
      }
      const head = row.querySelector("th");
      const name = fresh.querySelector("th");
      if (head && name && !head.contains(document.activeElement)) head.replaceWith(name);
    }
    watch();
  }

  async function commit(field, value = field.value, seen = field.dataset.seen) {
    clearTimeout(Number(field.dataset.timer));
    const cell = field.closest("td");
    if (value === field.dataset.shown && !cell.classList.contains("not-taken")) return;
    const grid = field.closest("[data-grid]");
    const row = field.closest("tr");
    const body = new FormData();
    for (const [name, each] of Object.entries({ field: cell.dataset.field, value, seen, once: crypto.randomUUID() })) body.append(name, each);
    field.dataset.shown = value;
    cell.dataset.sent = "true";
    try {
      const rows = await ask(`/deals/${row.dataset.deal}/edits`, grid, body);
      delete cell.dataset.sent;
      patch(rows);
      const said = document.querySelector(`#${CSS.escape(row.id)} td[data-field="${cell.dataset.field}"] .said`);
      tell(`${field.getAttribute("aria-label")}: ${said?.textContent.trim() || "unchanged"}`);
    } catch {
      delete cell.dataset.sent;
      field.dataset.shown = ""; // so that Enter sends it again
      cell.classList.add("not-taken");
      cell.querySelector(".said").textContent = "Not sent; press Enter to try again.";
      tell(`${field.getAttribute("aria-label")}: not sent`);
    }
  }

  document.addEventListener("keydown", (event) => {
    const field = fieldOf(event.target);
    if (!field || event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.key === "Enter" ? (event.shiftKey ? -1 : 1) : field.type === "text" ? { ArrowDown: 1, ArrowUp: -1 }[event.key] : 0;
    if (step) {
      event.preventDefault();
      if (!move(field, step) && field.dataset.typed) commit(field); // leaving the field sends it; in the last row nothing is left
    } else if (event.key === "Escape" && field.value !== field.dataset.shown) {
      event.preventDefault();
      clearTimeout(Number(field.dataset.timer));
      field.value = field.dataset.shown;
      tell(`${field.getAttribute("aria-label")}: undone`);
    }
  });
  document.addEventListener("input", (event) => { const field = fieldOf(event.target); if (field) field.dataset.typed = "true"; });
  document.addEventListener("focusout", (event) => { // what nobody typed is never sent, whatever stands there
    const field = fieldOf(event.target);
    if (field?.dataset.typed && field.value !== field.dataset.shown) commit(field);
    if (field) delete field.dataset.typed;
  });
  document.addEventListener("change", (event) => {
    const field = fieldOf(event.target);
    if (field?.matches("select")) { clearTimeout(Number(field.dataset.timer)); field.dataset.timer = setTimeout(() => commit(field), CHOSEN_MS); }
    if (event.target.matches?.("[data-all]")) for (const each of document.querySelectorAll('input[name="deal"]')) each.checked = event.target.checked;
  });
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-grid] button[data-act]");
    if (!button) return;
    const row = button.closest("tr");
    const grid = button.closest("[data-grid]");
    const field = button.closest("td").querySelector("input, select");
    button.disabled = true;
    if (button.dataset.act === "again" && field) {
      field.focus();
      field.value = button.dataset.value;
      await commit(field, button.dataset.value, button.dataset.seen);
      return;
    }
    const path = button.dataset.act === "keep" ? `/deals/${row.dataset.deal}/edits/${button.dataset.edit}/acknowledge` : null;
    try {
      if (field) field.dataset.shown = field.value;
      const rows = path ? await ask(path, grid, new FormData()) : await ask(`/deals/rows?deal=${row.dataset.deal}`, grid);
      button.closest("td").querySelector("input, select")?.focus();
      document.activeElement?.blur();
      patch(rows);
      document.querySelector(`#${CSS.escape(row.id)} td[data-field="${button.closest("td")?.dataset.field}"] input`)?.focus();
    } catch { button.disabled = false; }
  });

  let asking = null; // rows that wait for their CRM are asked for until it has answered
  function watch() {
    if (asking) return;
    asking = setTimeout(async () => {
      asking = null;
      const grid = document.querySelector("[data-grid]");
      const rows = grid && [...grid.querySelectorAll("tr:has(.under-way)")].slice(0, 100);
      if (!rows?.length) return;
      if (!document.hidden) {
        try { patch(await ask(`/deals/rows?${rows.map((row) => `deal=${row.dataset.deal}`).join("&")}`, grid)); } catch { /* the next time */ }
      }
      watch();
    }, ASK_AGAIN_MS);
  }
  document.addEventListener("DOMContentLoaded", watch);
  document.addEventListener("htmx:after:swap", () => { // a field that was typed in once keeps its text, whatever the page says since
    for (const field of document.querySelectorAll("[data-grid] td[data-field] input, [data-grid] td[data-field] select")) {
      if (field !== document.activeElement && !field.closest("td").dataset.sent) field.value = field.dataset.shown;
    }
    watch();
  });
})();
