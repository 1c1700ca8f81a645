// Keeps an open page true: listens for nudges, reads the view again, marks what changed. Holds no number of its own.
(() => {
  "use strict";
  const state = () => document.getElementById("live");
  let source = null;
  let refreshing = false;
  let again = false;
  let last = 0;
  let waiting = null;
  let leaving = 0; // requests for another view that people made and that are on their way
  let writing = 0; // changes that people made and that are on their way
  let overtaken = false; // a change was on its way while the view was read: the reading may be older than the page
  const addresses = new WeakMap(); // of the view that each request reads again: several may be on their way
  const leaves = (ctx) => ctx.sourceElement.id !== "view" && ctx.target?.id === "main";
  const writes = (ctx) => (ctx.request.method ?? "GET").toUpperCase() !== "GET";
  const typing = () => !!document.activeElement?.matches("#view input, #view select, #view textarea");

  function show(name) {
    document.documentElement.dataset.live = name;
    const place = state();
    if (place && place.dataset.state !== name) {
      place.dataset.state = name;
      place.textContent = { live: "Live", paused: "Paused", connecting: "Connecting" }[name];
      place.title = {
        live: "The page follows every change by itself",
        paused: "The page cannot follow changes now; it tries again by itself",
        connecting: "Connecting to the stream of changes",
      }[name];
    }
  }

  function refresh() {
    const view = document.getElementById("view");
    if (!view || !("refresh" in view.dataset) || document.hidden) { again = document.hidden; return; }
    if (refreshing || leaving || writing || typing()) { again = true; return; }
    const wait = Number(view.dataset.refresh) * 1000 - (Date.now() - last); // a view that is dear to make says how seldom
    if (wait > 0) { waiting ??= setTimeout(() => { waiting = null; refresh(); }, wait); return; }
    refreshing = true;
    again = false;
    last = Date.now();
    htmx.trigger(view, "refresh");
  }

  function connect() {
    const view = document.getElementById("view");
    if (!view || !("refresh" in view.dataset) || source) return;
    show("connecting");
    source = new EventSource("/events");
    source.addEventListener("moved", () => { show("live"); refresh(); });
    source.addEventListener("beat", () => show("live"));
    source.addEventListener("paused", () => show("paused"));
    source.addEventListener("error", () => {
      show("paused");
      if (source.readyState === EventSource.CLOSED) { source = null; setTimeout(connect, 3000); }
    });
  }

  function write() { writing += 1; overtaken = true; }
  function written() { writing -= 1; if (again) setTimeout(refresh, 250); }
  document.addEventListener("foretell:write", write); // of what is sent without htmx
  document.addEventListener("foretell:written", written);

  const before = new Map();
  document.addEventListener("htmx:before:request", (event) => {
    if (leaves(event.detail.ctx)) leaving += 1;
    if (writes(event.detail.ctx)) write();
    if (event.detail.ctx.sourceElement.id !== "view") return;
    addresses.set(event.detail.ctx, location.href);
    overtaken = writing > 0;
    before.clear();
    for (const element of document.querySelectorAll("data[data-key]")) before.set(element.dataset.key, element.value);
  });

  // A reading that waited for another one may have been asked for by a view that people have left since.
  function isOfView(ctx) {
    const own = document.getElementById("view")?.getAttribute("hx-get");
    return !!own && new URL(ctx.request.action, location.href).href === new URL(own, location.href).href;
  }

  // What was read of a view that people have left, or before they changed something, is of no use.
  document.addEventListener("htmx:before:swap", (event) => {
    const ctx = event.detail.ctx;
    if (ctx.sourceElement.id !== "view") return;
    const late = leaving || overtaken || typing(); // the focus may have come into a field since the view was asked for
    if (late || location.href !== addresses.get(ctx) || !isOfView(ctx)) { again = true; event.preventDefault(); }
  });

  document.addEventListener("htmx:after:swap", (event) => {
    if (event.detail.ctx.sourceElement.id === "view") mark(); // a part that loads by itself says nothing of the view
    stand();
    show(document.documentElement.dataset.live || "connecting");
    connect();
  });

  // The bar above is not read again with a page: what leads from one room to another is marked here.
  function stand() {
    const room = document.querySelector("nav.room")?.dataset.room;
    for (const link of document.querySelectorAll(".bar nav a")) {
      if (link.getAttribute("href") === room) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
  }

  // On a phone a bar may be longer than the screen: it begins where one stands.
  function scrolled() {
    for (const here of document.querySelectorAll(".bar nav [aria-current], nav.room [aria-current]")) {
      here.closest("nav").scrollLeft = here.offsetLeft - 60;
    }
  }

  function mark() {
    for (const element of document.querySelectorAll("data[data-key]")) {
      const old = before.get(element.dataset.key);
      if (old === undefined || old === element.value) continue;
      element.classList.remove("changed");
      void element.offsetWidth; // restarts the animation
      element.classList.add("changed");
    }
    before.clear();
  }

  document.addEventListener("htmx:response:error", (event) => {
    if (event.detail.ctx.sourceElement.id === "view") show("paused");
  });
  document.addEventListener("htmx:finally:request", (event) => {
    if (leaves(event.detail.ctx)) { leaving -= 1; if (again) setTimeout(refresh, 250); }
    if (writes(event.detail.ctx)) written();
    if (event.detail.ctx.sourceElement.id !== "view") return;
    refreshing = false;
    if (again) setTimeout(refresh, 250);
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && again) refresh(); });
  document.addEventListener("focusout", () => { if (again) setTimeout(refresh, 250); });
  document.addEventListener("DOMContentLoaded", () => {
    connect();
    scrolled();
  });
})();
