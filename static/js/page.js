// What every page does beyond HTML: theme, one submission per form, copy, menus, selection. Each works on elements added later too.

const root = document.documentElement;

// Theme: a cookie, so that the server draws the next page in it without a flash.
function storedTheme() {
  return document.cookie.match(/(?:^|; )theme=(light|dark)/)?.[1] ?? "";
}
function showTheme(theme) {
  if (theme) root.dataset.theme = theme;
  else delete root.dataset.theme;
  for (const button of document.querySelectorAll("[data-theme-set]")) {
    button.setAttribute("aria-pressed", String(button.dataset.themeSet === theme));
  }
}
function setTheme(theme) {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `theme=${theme}; Path=/; SameSite=Lax; Max-Age=${theme ? 31536000 : 0}${secure}`;
  showTheme(theme);
}

async function copy(button) {
  const label = button.querySelector("[data-copy-label]");
  const before = label.textContent;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    label.textContent = "Copied";
  } catch {
    label.textContent = "Press Ctrl C";
  }
  setTimeout(() => { label.textContent = before; }, 2000);
}

document.addEventListener("click", (event) => {
  const theme = event.target.closest("[data-theme-set]");
  if (theme) setTheme(theme.dataset.themeSet);
  const copied = event.target.closest("[data-copy]");
  if (copied) copy(copied);
  const opener = event.target.closest("[data-dialog]");
  if (opener) document.getElementById(opener.dataset.dialog)?.showModal();
  if (event.target instanceof HTMLDialogElement) event.target.close();
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
// A page that refreshes itself leaves an open menu as it is: somebody is choosing in it.
document.addEventListener("toggle", (event) => {
  if (event.target.matches?.("details[data-menu]")) event.target.toggleAttribute("hx-morph-skip", event.target.open);
}, true);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = event.target.closest?.("details[data-menu][open]") ?? document.querySelector("details[data-menu][open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// One submission per form. The button is disabled after its value was collected, and enabled again when the page comes back.
function submitters(form) {
  return [...document.querySelectorAll("button[type=submit], button:not([type])")].filter((button) => button.form === form);
}
window.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || "repeatable" in form.dataset) return;
  if ("busy" in form.dataset) {
    event.preventDefault();
    return;
  }
  form.dataset.busy = "";
  setTimeout(() => {
    for (const button of submitters(form)) {
      button.disabled = true;
      if (button === event.submitter) button.dataset.busy = "";
    }
  });
});
window.addEventListener("pageshow", (event) => {
  showTheme(storedTheme());
  if (!event.persisted) return;
  for (const form of document.querySelectorAll("form[data-busy]")) {
    delete form.dataset.busy;
    for (const button of submitters(form)) {
      button.disabled = false;
      delete button.dataset.busy;
    }
  }
});

// A typed confirmation enables its button; the server checks it again.
function checkConfirmation(input) {
  const button = input.form.querySelector("button.danger[type=submit]");
  if (button) button.setAttribute("aria-disabled", String(input.value.trim() !== input.dataset.confirm));
}
document.addEventListener("input", (event) => {
  if (event.target.matches?.("[data-confirm]")) checkConfirmation(event.target);
});

// Selection: a ticked header ticks its rows; the bulk bar counts them.
function showSelection(scope) {
  const boxes = [...scope.querySelectorAll("input[name=selected]")];
  const ticked = boxes.filter((box) => box.checked).length;
  const all = scope.querySelector("[data-select-all]");
  if (all) {
    all.checked = ticked > 0 && ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
  }
  const bar = scope.querySelector("[data-bulk]");
  if (!bar) return;
  const whole = bar.querySelector("[data-bulk-all]");
  const count = whole?.checked ? Number(whole.value) : ticked;
  bar.querySelector("[data-bulk-count]").textContent = count.toLocaleString("en");
  bar.hidden = count === 0 && !whole?.checked;
}
function selectionScope(element) {
  return element.closest("[data-selection], form") ?? document;
}
document.addEventListener("change", (event) => {
  const box = event.target;
  if (!box.matches?.("input[name=selected], [data-select-all], [data-bulk-all]")) return;
  const scope = selectionScope(box);
  if (box.matches("[data-select-all]")) {
    for (const other of scope.querySelectorAll("input[name=selected]")) other.checked = box.checked;
  }
  showSelection(scope);
});

function prepare(scope) {
  for (const bar of scope.querySelectorAll("[data-bulk]")) showSelection(selectionScope(bar));
  for (const input of scope.querySelectorAll("[data-confirm]")) checkConfirmation(input);
  scope.querySelector("[data-focus]")?.focus();
}
showTheme(storedTheme());
prepare(document);
document.addEventListener("htmx:after:swap", () => {
  showTheme(storedTheme());
  prepare(document.querySelector("main") ?? document);
});

// htmx keeps no history here, so that Back always means a whole page. A fragment that has an address of its own still shows it.
document.addEventListener("htmx:before:history:update", (event) => {
  history.replaceState(history.state, "", event.detail.history.path);
});
