"use strict";
(() => {
  const links = JSON.parse(document.getElementById("links").textContent);
  const panes = Array.from(document.querySelectorAll(".pane"));
  const status = document.getElementById("status");
  let pinned = false;
  let current = null;

  const element = (name) => document.getElementById(name);

  function clear() {
    for (const line of document.querySelectorAll(".on, .linked")) line.classList.remove("on", "linked");
    current = null;
  }

  // Scroll a pane, and nothing else, until a line of it is seen.
  function reveal(line) {
    const pane = line.closest(".pane");
    if (!pane) return;
    const inside = line.getBoundingClientRect(), outside = pane.getBoundingClientRect();
    if (inside.top < outside.top || inside.bottom > outside.bottom)
      pane.scrollTop += inside.top - outside.top - pane.clientHeight / 3;
  }

  function light(name, follow) {
    clear();
    current = name;
    const found = links[name] || [];
    element(name).classList.add("on");
    const first = new Set([element(name).closest(".pane")]);
    for (const other of found) {
      const line = element(other);
      line.classList.add("linked");
      const pane = line.closest(".pane");
      if (!first.has(pane)) { first.add(pane); reveal(line); }
      const place = line.dataset.place;
      if (place) for (const row of document.querySelectorAll(`tr[data-line="${place}"]`)) row.classList.add("linked");
    }
    const own = element(name).dataset.place;
    if (own) for (const row of document.querySelectorAll(`tr[data-line="${own}"]`)) row.classList.add("linked");
    if (follow) reveal(element(name));
    status.textContent = found.length ? `${found.length} lines belong to this one` : "no other line belongs to this one";
  }

  for (const pane of panes) {
    pane.addEventListener("mousemove", (event) => {
      const line = event.target.closest(".code-line");
      if (line && !pinned && line.id !== current) light(line.id, false);
    });
    pane.addEventListener("mouseleave", () => { if (!pinned) clear(); });
    pane.addEventListener("click", (event) => {
      const line = event.target.closest(".code-line");
      if (!line) return;
      pinned = !(pinned && line.id === current);
      light(line.id, false);
      pane.focus({ preventScroll: true });
    });
    pane.addEventListener("focus", () => {
      if (!current && pane.firstElementChild) light(pane.firstElementChild.id, true);
    });
  }

  // A row of the trace lights up the line of source that it is of.
  for (const row of document.querySelectorAll("tr[data-line]")) {
    row.addEventListener("mouseenter", () => {
      const line = document.querySelector(`.code-line[data-place="${row.dataset.line}"]`);
      if (line && !pinned) light(line.id, true);
    });
    row.addEventListener("mouseleave", () => { if (!pinned) clear(); });
  }

  // The line where a pane is entered: one that belongs to the current line, else the one at the same height.
  function entry(pane) {
    const linked = pane.querySelector(".linked, .on");
    return linked || pane.firstElementChild;
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const pane = document.activeElement.closest ? document.activeElement.closest(".pane") : null;
    if (event.key === "Escape") { pinned = false; clear(); status.textContent = ""; return; }
    if (!pane) return;
    const own = current && element(current).closest(".pane") === pane ? element(current) : entry(pane);
    const steps = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1 };
    if (event.key in steps) {
      const next = steps[event.key] > 0 ? own.nextElementSibling : own.previousElementSibling;
      if (next) light(next.id, true);
    } else if (event.key === "Home" || event.key === "End") {
      light((event.key === "Home" ? pane.firstElementChild : pane.lastElementChild).id, true);
    } else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
      const other = panes[panes.indexOf(pane) + (event.key === "ArrowRight" ? 1 : -1)];
      if (other) { const line = entry(other); other.focus({ preventScroll: true }); light(line.id, true); }
    } else if (event.key === "Enter" || event.key === " ") {
      pinned = !pinned;
      light(own.id, true);
      status.textContent = pinned ? "kept; Escape lets go" : "";
    } else return;
    event.preventDefault();
  });
})();
