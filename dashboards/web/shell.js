// Keeps the language switch true to the address: pages change their query without being loaded again.
const here = (lang) => {
  const address = new URL(window.location.href);
  address.searchParams.set("lang", lang);
  return address.pathname + address.search + address.hash;
};

for (const link of document.querySelectorAll("[data-switch-lang]")) {
  link.addEventListener("click", () => { link.href = here(link.dataset.switchLang); });
}
