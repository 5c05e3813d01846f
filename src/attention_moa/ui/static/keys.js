// The keys of the page: `?`, or the sign in its head, opens their list over it. Without this script the sign is a link.
const WRITTEN_IN = "input:not([type=checkbox], [type=radio], [type=range], [type=file]), textarea, select";

function showKeys() {
  const list = document.getElementById("keys");
  if (list && !list.open) list.showModal();
  return Boolean(list);
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "?" && !event.target.closest?.(WRITTEN_IN) && showKeys()) event.preventDefault();
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
    const menu = document.querySelector(".more details[open]");
    if (!menu) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
document.addEventListener("click", (event) => {
  if (event.target.id === "keys") event.target.close();  // beside the list
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (event.target.closest?.("[data-keys]") && showKeys()) event.preventDefault();
});
