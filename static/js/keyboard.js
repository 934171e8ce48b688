// Keyboard: commands, search, going places, rows. Silent while typing; single keys can be switched off in the help dialog.

const palette = document.getElementById("palette");
const help = document.getElementById("keys");
const toggle = help?.querySelector("[data-keys-toggle]");
const STORED = "single-keys";
const WAITING = "waiting-to-go";

function enabled() {
  try {
    return localStorage.getItem(STORED) !== "off";
  } catch {
    return true;
  }
}
function typing(target) {
  return Boolean(target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable], dialog[open]"));
}

// The palette: commands the person may run, as the server listed them, and what its search finds for the words typed.
const PAUSE = 160;
const SHORTEST = 2;
const listed = document.getElementById("commands");
const commands = listed ? JSON.parse(listed.textContent) : [];
const field = palette?.querySelector("input");
const list = palette?.querySelector("ul");
const none = palette?.querySelector(".none");
const told = palette?.querySelector("[role=status]");
let found = { words: "", hits: [] };
let asked = null;
let timer = 0;
let moved = false;

function typed() {
  return field.value.trim().replace(/\s+/g, " ");
}
function searches(words) {
  return Boolean(palette.dataset.offer) && words.length >= SHORTEST;
}
function matches(command, words) {
  const label = command.label.toLowerCase();
  return words.every((word) => label.includes(word));
}
function part(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  element.textContent = text;
  return element;
}
function option(entry, index) {
  const item = document.createElement("li");
  item.id = `command-${index}`;
  item.setAttribute("role", "option");
  item.dataset.url = entry.url;
  if (entry.reference) item.append(part("span", "mono reference", entry.reference));
  item.append(part("span", "what", entry.label));
  if (entry.kind) item.append(part("span", "kind", entry.kind));
  if (entry.keys) item.append(part("kbd", "", entry.keys));
  return item;
}
function choose(item) {
  for (const other of list.children) other.setAttribute("aria-selected", String(other === item));
  if (item) {
    field.setAttribute("aria-activedescendant", item.id);
    item.scrollIntoView({ block: "nearest" });
  } else {
    field.removeAttribute("aria-activedescendant");
  }
}
function entries(text) {
  const words = text.toLowerCase().split(" ").filter(Boolean);
  const all = commands.filter((command) => matches(command, words)).slice(0, 50);
  if (!searches(text)) return all;
  // While the next answer is on its way the last one stays, so that the list does not flicker.
  for (const hit of found.hits) all.push({ ...hit, label: hit.title });
  all.push({ label: `Search everything for “${text}”`, url: `${palette.dataset.results}?q=${encodeURIComponent(text)}` });
  return all;
}
function show() {
  const text = typed();
  const before = moved ? list.querySelector("[aria-selected=true]")?.dataset.url : undefined;
  list.replaceChildren(...entries(text).map(option));
  const items = [...list.children];
  none.hidden = items.length > 0;
  list.hidden = items.length === 0;
  field.setAttribute("aria-expanded", String(items.length > 0));
  choose(items.find((item) => item.dataset.url === before) ?? items[0]);
  told.textContent = found.words === text && text ? `${found.hits.length} found` : "";
}
async function ask(text) {
  asked?.abort();
  asked = new AbortController();
  try {
    const url = `${palette.dataset.offer}?q=${encodeURIComponent(text)}`;
    const answer = await fetch(url, { headers: { Accept: "application/json" }, redirect: "error", signal: asked.signal });
    const hits = answer.ok ? (await answer.json()).hits : [];
    found = { words: text, hits };
  } catch (error) {
    if (error.name === "AbortError") return;
    // Signed out or offline: the commands and the way to the search page are still there.
    found = { words: text, hits: [] };
  }
  if (palette.open && typed() === text) show();
}
function look() {
  const text = typed();
  clearTimeout(timer);
  moved = false;
  if (!searches(text)) {
    asked?.abort();
    found = { words: "", hits: [] };
  } else if (text !== found.words) {
    timer = setTimeout(() => ask(text), PAUSE);
  }
  show();
}
// What the last words found is no answer to these: Enter before the answer goes where the words alone say.
function enter() {
  const chosen = list.querySelector("[aria-selected=true]");
  const stale = !moved && searches(typed()) && found.words !== typed();
  const known = chosen && !(stale && found.hits.some((hit) => hit.url === chosen.dataset.url));
  const target = known ? chosen : list.lastElementChild;
  if (target) location.assign(target.dataset.url);
}
function openPalette() {
  if (!palette || palette.open) return;
  palette.showModal();
}
if (palette) {
  // Emptied before it opens: what is typed at once must not be lost to an event that comes later.
  palette.addEventListener("beforetoggle", (event) => {
    if (event.newState !== "open") return;
    field.value = "";
    look();
  });
  palette.addEventListener("toggle", () => palette.open && field.focus());
  field.addEventListener("input", look);
  field.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const chosen = list.querySelector("[aria-selected=true]");
    if (event.key === "ArrowDown") choose(chosen?.nextElementSibling ?? list.firstElementChild);
    else if (event.key === "ArrowUp") choose(chosen?.previousElementSibling ?? list.lastElementChild);
    else if (event.key === "Enter") enter();
    else return;
    if (event.key !== "Enter") moved = true;
    event.preventDefault();
  });
  list.addEventListener("click", (event) => {
    const item = event.target.closest("[role=option]");
    if (item) location.assign(item.dataset.url);
  });
}

// `g` waits for its letter, also when the page changes in between. Kept for this tab only.
function waitToGo(since) {
  try {
    sessionStorage.setItem(WAITING, String(since));
  } catch {
    waitToGo.here = since;
  }
}
function waitsToGo() {
  try {
    return Date.now() - Number(sessionStorage.getItem(WAITING) ?? 0) < 1500;
  } catch {
    return Date.now() - (waitToGo.here ?? 0) < 1500;
  }
}

// Rows: the focus itself moves, so Enter opens and a screen reader follows.
function rows() {
  return [...document.querySelectorAll("[data-row]")].filter((row) => row.offsetParent !== null);
}
function currentRow() {
  return document.activeElement?.closest("[data-row]") ?? document.querySelector("[data-row][data-current]");
}
function moveTo(row) {
  if (!row) return;
  for (const other of document.querySelectorAll("[data-current]")) delete other.dataset.current;
  row.dataset.current = "";
  const target = row.querySelector("[data-open], a.title, a, button");
  if (target) target.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}
function step(by) {
  const all = rows();
  const at = all.indexOf(currentRow());
  moveTo(at < 0 ? all[0] : all[Math.min(all.length - 1, Math.max(0, at + by))]);
}
document.addEventListener("focusin", (event) => {
  const row = event.target.closest("[data-row]");
  if (!row || "current" in row.dataset) return;
  for (const other of document.querySelectorAll("[data-current]")) delete other.dataset.current;
  row.dataset.current = "";
});
// A row replaced by the server (its action done) takes its place in the list with it.
let lastPlace = -1;
document.addEventListener("htmx:before:swap", () => { lastPlace = rows().indexOf(currentRow()); });
document.addEventListener("htmx:after:swap", () => {
  if (lastPlace < 0 || currentRow()) return;
  const all = rows();
  moveTo(all[Math.min(lastPlace, all.length - 1)]);
});

const keys = {
  "?": () => help?.showModal(),
  "/": () => {
    const search = document.querySelector("[data-search]");
    if (search) search.select();
    else openPalette();
  },
  j: () => step(1),
  k: () => step(-1),
  x: () => currentRow()?.querySelector("input[name=selected]")?.click(),
  e: () => currentRow()?.querySelector("[data-edit]")?.click(),
  a: () => currentRow()?.querySelector("[data-next]")?.click(),
  m: () => currentRow()?.querySelector("[data-more]")?.click(),
  g: () => waitToGo(Date.now()),
};

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && palette) {
    event.preventDefault();
    openPalette();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target) || !enabled()) return;
  if (waitsToGo()) {
    waitToGo(0);
    const link = document.querySelector(`[data-go="${CSS.escape(event.key)}"]`);
    if (link) {
      event.preventDefault();
      location.assign(link.href);
      return;
    }
  }
  const own = document.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (own) {
    event.preventDefault();
    own.click();
  } else if (Object.hasOwn(keys, event.key)) {
    event.preventDefault();
    keys[event.key]();
  }
});

if (toggle) {
  toggle.checked = enabled();
  toggle.addEventListener("change", () => {
    try {
      localStorage.setItem(STORED, toggle.checked ? "on" : "off");
    } catch {
      // Storage is refused: the shortcuts stay as they are for this page.
    }
  });
}
