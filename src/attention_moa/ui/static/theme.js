// Light or dark as the system has it, or as was chosen here; before anything is drawn, so that nothing flashes.
const root = document.documentElement;
const chosen = localStorage.getItem("moa theme");
if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-switch]")) return;
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  localStorage.setItem("moa theme", root.dataset.theme);
});
