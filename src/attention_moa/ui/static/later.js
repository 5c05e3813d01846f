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
