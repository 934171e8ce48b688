// The desk's timer: the server counts, this page only says that somebody is at work and shows what the server answered.

const box = document.querySelector("[data-timer]");
const shown = box?.querySelector("[data-timer-text]");
const EVERY = 60_000;
let seconds = Number(box?.dataset.seconds ?? 0);
let running = box?.dataset.running === "yes";
let active = false;
let counted = Date.now();

function text(total) {
  const part = (n) => String(n).padStart(2, "0");
  return `${Math.floor(total / 3600)}:${part(Math.floor(total / 60) % 60)}:${part(total % 60)}`;
}

function show() {
  if (!running) return;
  shown.textContent = text(seconds + Math.floor((Date.now() - counted) / 1000));
}

async function tell() {
  if (!running || !active) return;
  active = false;
  const token = JSON.parse(document.body.getAttribute("hx-headers:inherited") ?? "{}");
  try {
    const answer = await fetch(box.dataset.url, { method: "POST", headers: token });
    if (!answer.ok) return;
    const found = await answer.json();
    running = found.running;
    seconds = found.seconds;
    counted = Date.now();
    if (!running) box.querySelector("[data-timer-stopped]").hidden = false;
  } catch {
    // Offline for a moment: the next sign of life tries again.
  }
}

if (box) {
  for (const sign of ["keydown", "pointerdown", "pointermove", "scroll"]) {
    addEventListener(sign, () => { active = true; }, { passive: true });
  }
  setInterval(show, 1000);
  setInterval(tell, EVERY);
}
