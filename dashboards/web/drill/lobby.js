// The lobby: says what an exercise that is being prepared waits for, and keeps the button from being pressed twice.
const LOOK_MS = 1500, waiting = document.querySelector("[data-waiting]");
let looking;

/** Ask what the room waits for, and say it when that changes. */
async function look() {
  const answer = await fetch(waiting.dataset.waiting, { headers: { Accept: "application/json" } }).catch(() => null);
  const told = answer?.ok ? await answer.json() : null;
  if (told && waiting.textContent !== told.words) waiting.textContent = told.words;
}

for (const form of document.querySelectorAll("form[data-wait]")) {
  form.addEventListener("submit", () => {
    waiting?.removeAttribute("hidden");
    if (waiting) looking ??= setInterval(look, LOOK_MS);
    for (const button of document.querySelectorAll("form[data-wait] button")) setTimeout(() => { button.disabled = true; });
  });
}
window.addEventListener("pageshow", () => {
  waiting?.setAttribute("hidden", "");
  clearInterval(looking);
  looking = undefined;
  for (const button of document.querySelectorAll("form[data-wait] button")) button.disabled = false;
});
const wrong = document.querySelector("[data-wrong]");
wrong?.focus();
wrong?.select();
document.body.dataset.ready = "true";
