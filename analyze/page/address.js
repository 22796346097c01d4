// The address of the page says what is seen, so that a link leads back to it.

// `read` returns what is seen, as [key, value] pairs; `show` gets the values of an address, by key.
function keepAddress(read, show) {
  let pending = 0, written = location.hash;

  function remember() {
    clearTimeout(pending);
    pending = setTimeout(() => {
      try {
        const parts = read().filter(([, value]) => value).map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
        written = parts.length ? `#${parts.join("&")}` : "";
        if (written.length < 4000) history.replaceState(null, "", written || location.pathname + location.search);
      } catch {
        // half a surrogate pair has no place in an address; some browsers refuse files a history
      }
    }, 150);
  }

  function recall() {
    const address = new Map();
    for (const part of location.hash.slice(1).split("&")) {
      const [key, value = ""] = part.split("=");
      try {
        address.set(key, decodeURIComponent(value));
      } catch {
        // somebody's typing
      }
    }
    show(address);
  }

  window.addEventListener("hashchange", () => location.hash !== written && recall());
  return { remember, recall };
}
