// The address of the page holds its state, so that a link restores it.

// `read` returns the state as [key, value] pairs; `show` restores a state, a map of values by key.
function keepAddress(read, show) {
  let timer = 0, current = location.hash;

  function remember() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      try {
        const parts = read().filter(([, value]) => value).map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
        current = parts.length ? `#${parts.join("&")}` : "";
        if (current.length < 4000) history.replaceState(null, "", current || location.pathname + location.search);
      } catch {
        // an address cannot hold half a surrogate pair, and some browsers give pages from disk no history
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
        // an address that was typed with a stray percent sign
      }
    }
    show(address);
  }

  window.addEventListener("hashchange", () => location.hash !== current && recall());
  return { remember, recall };
}
