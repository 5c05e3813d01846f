// What makes the page live is run once the page is drawn: a reader does not wait for it.
const own = document.currentScript.nonce;

const run = () => {
  for (const held of document.querySelectorAll("script[data-later]")) {
    if (held.nonce !== own) continue;
    const script = document.createElement("script");
    script.type = held.dataset.later;
    script.nonce = own;
    script.async = false;  // in their order
    if (held.dataset.src) script.src = held.dataset.src;
    else script.textContent = held.textContent;
    held.replaceWith(script);
  }
};

// A tab that nobody sees draws nothing, and a browser may hold a frame back: then it is run without one.
const soon = () => {
  requestAnimationFrame(() => setTimeout(run));
  setTimeout(run, document.hidden ? 0 : 200);
};
document.addEventListener("DOMContentLoaded", soon);

// Who is quicker than that is not unheard: what was clicked, sent and written is done once the page is live. What has
// an address of its own needs no link, and goes there.
const early = [];
const isLinked = (event, at) => event.type === "submit" ? !at.hasAttribute("action") : !at.matches("form, input, [href]");
const keep = (event) => {
  if ("live" in document.documentElement.dataset) return;
  const at = event.target.closest?.("[data-do]");
  if (!at || !isLinked(event, at)) return;
  event.preventDefault();
  early.push(() => event.type === "submit" ? at.requestSubmit() : at.click());
};
const wrote = (event) => early.push(() => event.target.dispatchEvent(new Event(event.type, { bubbles: true })));
const sent = (event) => {
  const form = event.target.form;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && form?.dataset.do) form.requestSubmit();
};
const heard = { click: keep, submit: keep, input: wrote, change: wrote, keydown: sent };
for (const [name, hear] of Object.entries(heard)) addEventListener(name, hear, true);
addEventListener("moa-live", () => {
  for (const [name, hear] of Object.entries(heard)) removeEventListener(name, hear, true);
  for (const redo of early) redo();
}, { once: true });
