"""A headless Chromium for tests of pages, controlled by its DevTools protocol through two pipes.

It needs only the browser itself, such as ``apt install chromium``.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PROGRAM = next(filter(None, map(shutil.which, PROGRAMS)), None)
_TIMEOUT = 30.0  # seconds for one answer; machines of CI are slow
_KEYS = {"Enter": ("\r", 13), "Escape": ("", 27), "ArrowUp": ("", 38), "ArrowDown": ("", 40), "Tab": ("", 9)}
_KEYS |= {"ArrowLeft": ("", 37), "ArrowRight": ("", 39), "Home": ("", 36), "End": ("", 35)}


class Chromium:
    """A browser with its own profile."""

    def __init__(self, folder: Path) -> None:
        assert PROGRAM is not None
        to_read, self._to_browser = map(_move_up, os.pipe())
        self._from_browser, to_write = map(_move_up, os.pipe())
        command = [PROGRAM, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
        command += ["--hide-scrollbars", "--force-color-profile=srgb", "--no-first-run", "--disable-sync"]
        command += [
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-dev-shm-usage",
        ]
        command += ["--disable-extensions", f"--user-data-dir={folder}", "about:blank"]
        log = _move_up(os.open(folder / "log.txt", os.O_CREAT | os.O_WRONLY))
        actions: list[tuple[int, ...]] = [
            (os.POSIX_SPAWN_DUP2, to_read, 3),
            (os.POSIX_SPAWN_DUP2, to_write, 4),
            (os.POSIX_SPAWN_DUP2, log, 1),
            (os.POSIX_SPAWN_DUP2, log, 2),
        ]
        environment = {**os.environ, "HOME": str(folder)}
        self._process = os.posix_spawn(PROGRAM, command, environment, file_actions=actions, setpgroup=0)
        for end in (to_read, to_write, log):
            os.close(end)
        self._number = 0
        self._rest = b""
        self.events: list[dict[str, Any]] = []

    def call(self, method: str, session: str = "", **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and wait for its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._to_browser, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + _TIMEOUT
        while True:
            answer = self._next(end)
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def _next(self, end: float) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._from_browser], [], [], max(end - time.monotonic(), 0))
            assert ready, "the browser does not answer"
            part = os.read(self._from_browser, 1 << 20)
            assert part, "the browser has ended"
            self._rest += part
        message, _, self._rest = self._rest.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer

    def close(self) -> None:
        """End the browser and all its processes."""
        os.close(self._to_browser)
        os.close(self._from_browser)
        os.killpg(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)


def _move_up(descriptor: int) -> int:
    """Move an open file to a number above those of the browser's ends of the pipes (3 and 4)."""
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return moved


@contextmanager
def chromium() -> Iterator[Chromium]:
    """A browser that is closed after the block."""
    folder = Path(tempfile.mkdtemp(prefix="layergraph-chromium-"))
    browser = Chromium(folder)
    try:
        yield browser
    finally:
        browser.close()
        for _ in range(20):  # its processes may write for a moment longer
            shutil.rmtree(folder, ignore_errors=True)
            if not folder.exists():
                break
            time.sleep(0.05)


class Tab:
    """One page, with its messages and its requests."""

    def __init__(
        self, browser: Chromium, width: int = 1280, height: int = 800, *, dark: bool = False
    ) -> None:
        self.browser = browser
        self._target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        attached = browser.call("Target.attachToTarget", targetId=self._target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 600,
        )  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol for this page."""
        return self.browser.call(method, self._session, **parameters)

    def open(self, path: Path, fragment: str = "") -> None:
        """Open a file and wait until its program has drawn it."""
        self.call("Page.navigate", url=path.as_uri() + fragment)
        self.wait("document.documentElement?.dataset.ready !== undefined")
        self.settle()

    def open_still(self, path: Path) -> None:
        """Open a file that has no program."""
        self.call("Page.navigate", url=path.as_uri())
        self.wait(f"document.readyState === 'complete' && location.href === {json.dumps(path.as_uri())}")
        self.settle()

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression; of a promise, the value that it resolves to."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, condition: str) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + _TIMEOUT
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < end, f"never true: {condition}"
            time.sleep(0.02)

    def settle(self) -> None:
        """Wait until all changes are drawn."""
        self.run("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r(1))))")

    def click(self, selector: str, *, count: int = 1) -> None:
        """Click on the center of the first element that matches; nothing may cover it there."""
        target = self.run(
            f"""(() => {{
              const element = document.querySelector({json.dumps(selector)});
              if (!element) return null;
              if (!element.closest("svg")) element.scrollIntoView({{ block: "nearest", inline: "nearest" }});
              const box = element.getBoundingClientRect();
              const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
              const top = document.elementFromPoint(x, y);
              return [x, y, Boolean(top) && (element.contains(top) || top.contains(element))];
            }})()"""
        )
        assert target, f"no element matches {selector}"
        x, y, on_top = target
        assert on_top, f"{selector} is covered or not on the screen"
        for clicks in range(1, count + 1):
            self.mouse("mousePressed", x, y, clickCount=clicks)
            self.mouse("mouseReleased", x, y, clickCount=clicks)
        self.settle()

    def mouse(self, kind: str, x: float, y: float, **more: Any) -> None:
        """Send an event of the mouse."""
        button = "none" if kind in ("mouseMoved", "mouseWheel") and not more.get("buttons") else "left"
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **{"button": button, **more})

    def key(self, key: str) -> None:
        """Press and release a key."""
        text, code = _KEYS.get(key, (key, ord(key.upper()) if len(key) == 1 else 0))
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=text, windowsVirtualKeyCode=code)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)
        self.settle()

    def type(self, text: str) -> None:
        """Type a text into the element with the focus."""
        self.call("Input.insertText", text=text)
        self.settle()

    def screenshot(self) -> bytes:
        """The visible part of the page, as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def messages(self) -> list[str]:
        """The messages of the program and the browser on the console, and exceptions."""
        messages = []
        for event in self._events():
            parameters = event["params"]
            if event["method"] == "Runtime.exceptionThrown":
                messages.append(str(parameters["exceptionDetails"]))
            elif event["method"] == "Runtime.consoleAPICalled":
                messages.append(str(parameters["args"]))
            elif event["method"] == "Log.entryAdded":
                messages.append(str(parameters["entry"]))
        return messages

    def requests(self) -> list[str]:
        """The addresses that the page requested."""
        events = self._events()
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]

    def _events(self) -> list[dict[str, Any]]:
        self.run("1")  # after its answer, all earlier events have been read
        return [event for event in self.browser.events if event.get("sessionId") == self._session]

    def close(self) -> None:
        """Close the page."""
        self.browser.call("Target.closeTarget", targetId=self._target)
        kept = [event for event in self.browser.events if event.get("sessionId") != self._session]
        self.browser.events[:] = kept


@contextmanager
def tab(browser: Chromium, width: int = 1280, height: int = 800, *, dark: bool = False) -> Iterator[Tab]:
    """A page that is closed after the block."""
    page = Tab(browser, width, height, dark=dark)
    try:
        yield page
    finally:
        page.close()
