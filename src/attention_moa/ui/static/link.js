// The browser's end of the link: it makes the changes that the server names, and tells what was done.
//
// Changes, each a list of a verb and texts:
//   html ID HTML        the inside of an element anew        put PARENT ID HTML   an element anew, else at the parent's end
//   before ID HTML      something in front of an element
//   text ID TEXT        its text anew                        add ID TEXT          text at its end
//   attr ID NAME VALUE  an attribute, null for none          drop ID              the element is gone
//   value ID TEXT       what a field has                     focus ID             where the keyboard is
//   state ID CLASS SIGN WORD TOLD                            what a call does: its class is-…, and the same in words
//   path PATH TITLE     the address, without loading         go PATH              the address, loaded
//   place PATH          the address, without loading, in the place of the one before
//   say TEXT            told to who listens to the page      copy TEXT            into the clipboard
//   bottom              show the end of the page
import { h } from "vue";

const byId = (id) => document.getElementById(id);

const here = () => location.pathname + location.search;
let address = here();

function fragment(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return holder.content;
}

const VERBS = {
  html: (id, html) => byId(id)?.replaceChildren(fragment(html)),
  text: (id, text) => { const at = byId(id); if (at) at.textContent = text; },
  add: (id, text) => byId(id)?.append(text),
  put: (parent, id, html) => {
    const old = byId(id);
    if (old) old.replaceWith(fragment(html));
    else byId(parent)?.append(fragment(html));
  },
  before: (id, html) => byId(id)?.before(fragment(html)),
  attr: (id, name, value) => {
    const at = byId(id);
    if (!at) return;
    if (value === null) at.removeAttribute(name);
    else at.setAttribute(name, value);
  },
  drop: (id) => byId(id)?.remove(),
  state: (id, kind, sign, word, told, again) => {
    const at = byId(id);
    if (!at) return;
    at.classList.remove(...[...at.classList].filter((name) => name.startsWith("is-")));
    at.classList.add(kind);
    (at.querySelector(".sign") ?? at).textContent = sign;
    const tried = at.querySelector(".again");
    if (tried) tried.textContent = again;
    const named = at.querySelector(".word");
    if (named) named.textContent = word;
    const spoken = at.querySelector(".spoken");
    if (spoken) spoken.textContent = told;
    else at.setAttribute("aria-label", told);
    at.setAttribute("title", told);
  },
  value: (id, text) => { const at = byId(id); if (at) { at.value = text; grow(at); keep(at); } },
  focus: (id) => byId(id)?.focus(),
  path: (path, title) => { if (path !== location.pathname) history.pushState(null, "", path); document.title = title; address = here(); },
  place: (path) => { history.replaceState(history.state, "", path); address = here(); },
  go: (path) => { if (path.startsWith("/")) location.assign(path); },
  say: (text) => { const at = byId("said"); if (at) at.textContent = text; },
  copy: (text) => copy(text),
  bottom: () => scrollTo({ top: document.documentElement.scrollHeight }),
};

const isAtEnd = () => byId("inside") === null && innerHeight + scrollY >= document.documentElement.scrollHeight - 80;

function change(ops) {
  const follows = isAtEnd() && !document.querySelector("main[data-stays]");
  const focused = document.activeElement?.id;
  for (const [verb, ...rest] of ops) VERBS[verb]?.(...rest);
  if (focused && document.activeElement?.id !== focused && document.activeElement === document.body) byId(focused)?.focus();
  tick();  // before the end is looked for: what is written behind that is laid out once more
  if (follows) VERBS.bottom();
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  VERBS.say("copied");
}

// Clocks: an element with data-since shows the time since then; with data-at it stands.
const shown = (s) => {
  if (s < 10) return `${s.toFixed(1)}\u202fs`;
  if (s < 60) return `${Math.floor(s)}\u202fs`;
  const two = (n) => String(n).padStart(2, "0");
  const whole = Math.floor(s);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
};
const born = new WeakMap();
function tick() {
  if (window.socket?.connected === false) return;  // nobody knows whether what it tells the time of goes on
  const now = performance.now() / 1000;
  for (const at of document.querySelectorAll("[data-elapsed]")) {
    const from = at.dataset.elapsed;
    const known = born.get(at);
    if (!known || known.from !== from) born.set(at, { from, at: now });
    at.textContent = shown(Number(from) + now - born.get(at).at);
  }
}

// What is written stays over a reload, in this tab alone.
const keep = (at) => { if (at.dataset?.keep) sessionStorage.setItem(`moa ${at.dataset.keep}`, at.value); };
const grow = (at) => {
  if (at.tagName !== "TEXTAREA") return;
  at.style.height = "auto";
  at.style.height = `${at.scrollHeight + 2}px`;
};

const PIECE = 400_000;

const fieldsOf = (form) => {
  const fields = {};
  for (const [name, value] of new FormData(form)) if (typeof value === "string") fields[name] = value;
  return fields;
};

export default {
  emits: ["act", "drawn"],
  render: () => h("span", { hidden: true }),
  mounted() {
    this.$nextTick(() => this.listen());
  },
  methods: {
    listen() {
      const act = (what, fields) => this.$emit("act", { do: what, fields });
      // The server waits with the next message until a frame shows this one: a slow browser is not told more than it draws.
      let newest = 0;
      let isToBeTold = false;
      const drawn = (number) => {
        newest = number;
        if (isToBeTold) return;
        isToBeTold = true;
        requestAnimationFrame(() => {
          isToBeTold = false;
          this.$emit("drawn", newest);
        });
      };
      window.socket.on("moa", (message) => {
        const number = message._id;
        if (number !== undefined) {
          if (number < window.nextMessageId) return;
          window.nextMessageId = number + 1;
        }
        change(message.ops);
        drawn(message.number);
      });
      // Where too much was missed to be told again, the server asks for a reload by a script, which is not run here.
      window.socket.on("run_javascript", (message) => {
        if (message.code.includes("window.location.reload()")) location.reload();
      });
      document.addEventListener("click", (event) => {
        const at = event.target.closest("[data-do]:not(form, input)");
        if (!at || at.disabled || event.ctrlKey || event.metaKey || event.shiftKey) return;
        if (at.matches("a")) event.preventDefault();
        act(at.dataset.do, { ...at.dataset });
      });
      document.addEventListener("submit", (event) => {
        const form = event.target.closest("form[data-do]");
        if (!form) return;
        event.preventDefault();
        act(form.dataset.do, fieldsOf(form));
      });
      document.addEventListener("keydown", (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.form?.dataset.do) {
          event.preventDefault();
          event.target.form.requestSubmit();
        }
      });
      let waiting = 0;
      document.addEventListener("input", (event) => {
        keep(event.target);
        grow(event.target);
        const form = event.target.form;
        if (!form?.dataset.changed) return;
        const tell = () => { waiting = 0; act(form.dataset.changed, fieldsOf(form)); };
        if (event.target.type === "range") {  // told while it is drawn, not only when it rests
          waiting ||= setTimeout(tell, 100);
          return;
        }
        clearTimeout(waiting);
        waiting = setTimeout(tell, 350);
      });
      // A file goes in pieces: a message of a socket has a largest size.
      document.addEventListener("change", (event) => {
        const at = event.target;
        if (!at.matches("input[type=file][data-do]")) return;
        for (const file of at.files) {
          const reader = new FileReader();
          const own = `${performance.now()} ${Math.random()}`;
          reader.addEventListener("load", () => {
            const of = Math.ceil(reader.result.length / PIECE);
            for (let part = 0; part < of; part++) {
              const piece = reader.result.slice(part * PIECE, (part + 1) * PIECE);
              act(at.dataset.do, { file: own, name: file.name, at: String(part), of: String(of), piece });
            }
          });
          reader.readAsDataURL(file);
        }
        at.value = "";
      });
      addEventListener("popstate", () => { if (here() !== address) location.reload(); });  // a way to a part of the page changes nothing
      for (const at of document.querySelectorAll("[data-keep]")) {
        const kept = sessionStorage.getItem(`moa ${at.dataset.keep}`);
        if (kept && !at.value) at.value = kept;
        grow(at);
      }
      setInterval(tick, 200);
      tick();
      document.documentElement.dataset.live = "";
      dispatchEvent(new Event("moa-live"));  // later.js kept what was done until now
    },
  },
};
