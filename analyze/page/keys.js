// The keys of the page. `actions` are functions by key; `search` has keys of its own, in `inSearch`.

function handleKeys(actions, search, inSearch) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const action = event.target === search ? inSearch[event.key] : actionOf(event);
    if (!action) return;
    event.preventDefault();
    action();
  });

  function actionOf(event) {
    const at = event.target;
    if (at.closest("select, textarea, dialog, [role=separator]") || at.matches("input:not([type=checkbox])")) return null;
    if (at.closest("a, button, summary") && (event.key === "Enter" || event.key === " ")) return null;
    return event.shiftKey && event.key.length > 1 ? null : actions[event.key];
  }
}
