// The keys of the page. `actions` maps keys to functions; the field `search` has its own keys, in `searchActions`.

function handleKeys(actions, search, searchActions) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const action = event.target === search ? searchActions[event.key] : actionOf(event);
    if (!action) return;
    event.preventDefault();
    action();
  });

  function actionOf(event) {
    const { target } = event;
    if (target.closest("select, textarea, dialog, [role=separator]") || target.matches("input:not([type=checkbox])")) return null;
    if (target.closest("a, button, summary") && (event.key === "Enter" || event.key === " ")) return null;
    return event.shiftKey && event.key.length > 1 ? null : actions[event.key];
  }
}
