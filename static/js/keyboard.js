// Keyboard: commands, search, going places, rows. Silent while typing; single keys can be switched off in the help dialog.

const palette = document.getElementById("palette");
const help = document.getElementById("keys");
const toggle = help?.querySelector("[data-keys-toggle]");
const STORED = "single-keys";
let waitingToGo = 0;

function enabled() {
  try {
    return localStorage.getItem(STORED) !== "off";
  } catch {
    return true;
  }
}
function typing(target) {
  return target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable], dialog[open]") !== null;
}

// Commands the person may run, as the server listed them.
const listed = document.getElementById("commands");
const commands = listed ? JSON.parse(listed.textContent) : [];
const field = palette?.querySelector("input");
const list = palette?.querySelector("ul");

function matches(command, words) {
  const label = command.label.toLowerCase();
  return words.every((word) => label.includes(word));
}
function option(command, index) {
  const item = document.createElement("li");
  item.id = `command-${index}`;
  item.setAttribute("role", "option");
  item.dataset.url = command.url;
  const label = document.createElement("span");
  label.textContent = command.label;
  item.append(label);
  if (command.keys) {
    const keys = document.createElement("kbd");
    keys.textContent = command.keys;
    item.append(keys);
  }
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
function showCommands() {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = commands.filter((command) => matches(command, words)).slice(0, 50);
  list.replaceChildren(...found.map(option));
  palette.querySelector(".none").hidden = found.length > 0;
  list.hidden = found.length === 0;
  field.setAttribute("aria-expanded", String(found.length > 0));
  choose(list.firstElementChild);
}
function openPalette() {
  if (!palette || palette.open) return;
  palette.showModal();
}
if (palette) {
  palette.addEventListener("toggle", () => {
    if (!palette.open) return;
    field.value = "";
    showCommands();
    field.focus();
  });
  field.addEventListener("input", showCommands);
  field.addEventListener("keydown", (event) => {
    const chosen = list.querySelector("[aria-selected=true]");
    if (event.key === "ArrowDown") choose(chosen?.nextElementSibling ?? list.firstElementChild);
    else if (event.key === "ArrowUp") choose(chosen?.previousElementSibling ?? list.lastElementChild);
    else if (event.key === "Enter" && chosen) location.assign(chosen.dataset.url);
    else return;
    event.preventDefault();
  });
  list.addEventListener("click", (event) => {
    const item = event.target.closest("[role=option]");
    if (item) location.assign(item.dataset.url);
  });
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
  g: () => { waitingToGo = Date.now(); },
};

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && palette) {
    event.preventDefault();
    openPalette();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target) || !enabled()) return;
  if (Date.now() - waitingToGo < 1500) {
    waitingToGo = 0;
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
