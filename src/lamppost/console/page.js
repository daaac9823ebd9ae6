"use strict";
// Asks once a second what the page should show, and swaps the sections that changed.
// A hidden page asks nothing. Text that somebody is selecting is left alone.
const shown = new Map();

function swap(id, html) {
  if (shown.get(id) === html) return;
  const old = document.getElementById(id);
  const selection = document.getSelection();
  if (selection && !selection.isCollapsed && old.contains(selection.anchorNode)) return;
  shown.set(id, html);
  const parsed = new DOMParser().parseFromString(html, "text/html").body.firstElementChild;
  if (old.outerHTML !== parsed.outerHTML) old.replaceWith(parsed);
}

async function refresh() {
  try {
    const answer = await fetch("/_console/state", { cache: "no-store" });
    if (!answer.ok) throw new Error(answer.status);
    const { sections } = await answer.json();
    document.body.classList.remove("lost");
    for (const [id, html] of Object.entries(sections)) swap(id, html);
  } catch {
    document.body.classList.add("lost");
    const state = document.querySelector(".state");
    if (state) state.textContent = "not answering";
    shown.delete("top");
  }
}

async function keepFresh() {
  if (!document.hidden) await refresh();
  setTimeout(keepFresh, 1000);
}
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
setTimeout(keepFresh, 1000);
