// The lobby: says that an exercise is being prepared, and keeps the button from being pressed twice.
for (const form of document.querySelectorAll("form[data-wait]")) {
  form.addEventListener("submit", () => {
    document.querySelector("[data-waiting]")?.removeAttribute("hidden");
    for (const button of document.querySelectorAll("form[data-wait] button")) setTimeout(() => { button.disabled = true; });
  });
}
window.addEventListener("pageshow", () => {
  document.querySelector("[data-waiting]")?.setAttribute("hidden", "");
  for (const button of document.querySelectorAll("form[data-wait] button")) button.disabled = false;
});
const wrong = document.querySelector("[data-wrong]");
wrong?.focus();
wrong?.select();
document.body.dataset.ready = "true";
