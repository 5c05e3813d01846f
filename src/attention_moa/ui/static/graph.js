// The graph in the browser: who reads whom under the pointer or the keyboard, arrows from box to box, Esc closes.
// It changes nothing of what the server sends, and none of it is needed to read the page.
const NS = "http://www.w3.org/2000/svg";
const at = (id) => (id ? document.getElementById(id) : null);

const unmark = () => {
  for (const marked of document.querySelectorAll(".box-read, .box-reader")) marked.classList.remove("box-read", "box-reader");
  for (const drawn of document.querySelectorAll("svg.edges")) drawn.remove();
};

// A curve from the lower side of what is read to the upper side of its reader.
const edge = (svg, frame, from, to, kind) => {
  const [a, b] = [from.getBoundingClientRect(), to.getBoundingClientRect()];
  const [x1, y1, x2, y2] = [a.left + a.width / 2 - frame.left, a.bottom - frame.top, b.left + b.width / 2 - frame.left, b.top - frame.top];
  const path = document.createElementNS(NS, "path");
  const bend = Math.max(12, (y2 - y1) / 2);
  path.setAttribute("d", `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`);
  path.setAttribute("class", kind);
  svg.append(path);
};

const mark = (box) => {
  unmark();
  const graph = box.closest(".graph");
  if (!graph || box.dataset.reads === undefined) return;
  const reads = box.dataset.reads.split(" ").map(at).filter(Boolean);
  const readers = [...graph.querySelectorAll("[data-reads]")].filter((one) => one.dataset.reads.split(" ").includes(box.id));
  if (!reads.length && !readers.length) return;
  const frame = graph.getBoundingClientRect();
  const svg = document.createElementNS(NS, "svg");
  for (const [name, value] of [["class", "edges"], ["width", frame.width], ["height", frame.height], ["aria-hidden", "true"]]) svg.setAttribute(name, value);
  for (const one of reads) { one.classList.add("box-read"); edge(svg, frame, one, box, "read"); }
  for (const one of readers) { one.classList.add("box-reader"); edge(svg, frame, box, one, "reader"); }
  graph.append(svg);
};

document.addEventListener("pointerover", (event) => {
  const box = event.target.closest?.(".graph .box");
  if (box) mark(box);
  else if (!event.target.closest?.("svg.edges")) { const focused = document.activeElement?.closest?.(".graph .box"); focused ? mark(focused) : unmark(); }
});
document.addEventListener("focusin", (event) => {
  const box = event.target.closest(".graph .box, .graph .cell");
  if (!box) return unmark();
  for (const other of box.closest(".graph").querySelectorAll(".box[tabindex='0'], .box:not([tabindex])")) other.setAttribute("tabindex", "-1");
  box.setAttribute("tabindex", "0");
  mark(box);
});

const WAYS = { ArrowUp: "up", ArrowDown: "down", ArrowLeft: "left", ArrowRight: "right" };

// The next cell of a matrix that has a critique; none at its border.
const beside = (cell, way) => {
  const step = { up: [-1, 0], down: [1, 0], left: [0, -1], right: [0, 1] }[way];
  const rows = cell.closest("tbody").rows;
  let [row, column] = [cell.parentElement.sectionRowIndex, cell.cellIndex];
  for (;;) {
    [row, column] = [row + step[0], column + step[1]];
    const found = rows[row]?.cells[column];
    if (!found || column < 1) return null;
    if (found.classList.contains("cell")) return found;
  }
};

document.addEventListener("keydown", (event) => {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || document.querySelector("dialog[open]")) return;
  const here = event.target.closest?.(".graph .box, .graph .cell");
  if (event.key === "Escape") document.querySelector("#call [data-do=close]")?.click();
  else if (here && WAYS[event.key]) {
    event.preventDefault();
    const way = WAYS[event.key];
    const isCell = here.matches(".cell");
    const next = (isCell && beside(here, way)) || at((isCell ? here.closest("table") : here).dataset[way]);
    (next?.matches("table") ? next.querySelector(".cell") : next)?.focus();
  } else if (here?.matches(".cell") && (event.key === "Enter" || event.key === " ")) {
    event.preventDefault();
    here.click();
  }
});
