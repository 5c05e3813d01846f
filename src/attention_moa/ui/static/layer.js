// Inside a layer: arrows go through the matrix, Escape closes what is open, a click on a change shows its critique.
// All of it is there without this script, by links.
const cells = (grid) => [...grid.querySelectorAll("tbody tr")].map((row) => [...row.querySelectorAll("td")].map((cell) => cell.querySelector("a")));

// One cell of a matrix is reached by Tab, the others from there.
function rove() {
  for (const grid of document.querySelectorAll("[data-grid]")) {
    const all = cells(grid).flat().filter(Boolean);
    const here = all.find((at) => at === document.activeElement) ?? all.find((at) => at.ariaCurrent) ?? all[0];
    for (const at of all) at.tabIndex = at === here ? 0 : -1;
  }
}

const STEPS = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") document.querySelector("[data-close]")?.click();
  const at = event.target.closest?.("[data-grid] tbody a");
  const step = STEPS[event.key];
  if (!at || !step || at.closest("th")) return;
  event.preventDefault();
  const rows = cells(at.closest("[data-grid]"));
  let row = rows.findIndex((one) => one.includes(at));
  let column = rows[row].indexOf(at);
  do {
    row += step[0];
    column += step[1];
  } while (rows[row] && column in rows[row] && !rows[row][column]);
  rows[row]?.[column]?.focus();
});
document.addEventListener("focusin", (event) => {
  if (event.target.closest?.("[data-grid]")) rove();
});

document.addEventListener("click", (event) => {
  const change = event.target.closest?.(".l-difference [data-critic]");
  if (!change || String(getSelection())) return;
  const critiques = [...document.querySelectorAll("[data-place]")];
  const found = critiques.find((one) => one.dataset.place === change.dataset.critic);
  if (!found) return;
  for (const one of critiques) one.classList.toggle("is-sought", one === found);
  found.open = true;
  found.scrollIntoView({ block: "nearest" });
});

// What somebody folded or unfolded stays so when the layer is drawn anew.
const folds = new Map();
document.addEventListener("toggle", (event) => {
  if (event.target.id) folds.set(event.target.id, event.target.open);
}, true);
function redrawn() {
  rove();
  for (const at of document.querySelectorAll("details[id]")) {
    const was = folds.get(at.id);
    if (was !== undefined && at.open !== was) at.open = was;
  }
}

new MutationObserver(redrawn).observe(document.documentElement, { childList: true, subtree: true });
addEventListener("DOMContentLoaded", () => {
  rove();
  document.querySelector(".l-tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
});
