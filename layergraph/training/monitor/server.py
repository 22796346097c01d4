"""A server on this machine alone that shows the page of a training and takes its stop button."""

from __future__ import annotations

import hmac
import math
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from layergraph.training.monitor.training_page import document

_HOST = "127.0.0.1"
_LONGEST_WAIT = 20.0  # seconds until a waiting browser is answered without news
_GRACE = 1.0  # seconds at the end for browsers to get the last data


class PageServer:
    """Serves the page in a thread, from the start to :meth:`close`.

    Every address has a secret part, so that neither another user of the machine nor a page of the web can
    read or stop the training. Requests with a foreign name of the host are refused.

    Args:
        stop: called when the stop button is pressed, in another thread.

    >>> server = PageServer(lambda: None)
    >>> server.address.startswith("http://127.0.0.1:")
    True
    >>> server.close()
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self._secret = secrets.token_urlsafe(16)
        self._data, self._version = "", 0
        self._changed = threading.Condition()
        self._num_waiting = 0
        self._delivered = 0
        self._last_seen = -math.inf
        self._is_closed = False
        self._stop = stop

        class Handler(_Handler):
            owner = self

        # port 0: the system chooses a free one
        self._server = ThreadingHTTPServer((_HOST, 0), Handler)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> str:
        """The address to open in a browser."""
        return f"http://{_HOST}:{self._port}/{self._secret}/"

    def publish(self, data: str) -> None:
        """Replace the data of the page."""
        with self._changed:
            self._data, self._version = data, self._version + 1
            self._changed.notify_all()

    def close(self) -> None:
        """End the server, after waiting browsers have got the last data."""
        end = time.monotonic() + _GRACE
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            while self._has_readers() and (left := end - time.monotonic()) > 0:
                self._changed.wait(left)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    # -- what the threads of requests call

    def accepts(self, host: str) -> bool:
        """Whether a request names this machine: a page of the web could lead its own name here."""
        return host in (f"{_HOST}:{self._port}", f"localhost:{self._port}")

    def find(self, path: str) -> str | None:
        """What follows the secret part of a path; ``None`` without it."""
        secret, _, rest = path.removeprefix("/").partition("/")
        return rest if hmac.compare_digest(secret.encode(), self._secret.encode()) else None

    def page(self) -> str:
        """The page with its newest data."""
        with self._changed:
            # before the first data there is nothing to draw
            self._changed.wait_for(lambda: self._version or self._is_closed, _LONGEST_WAIT)
            return document(self._data or "null", served=True)

    @contextmanager
    def newer(self, version: int) -> Iterator[tuple[int, str] | None]:
        """Data newer than a version, waited for; ``None`` if none comes soon. The block delivers it."""
        with self._changed:
            self._num_waiting += 1
            self._changed.wait_for(lambda: self._version != version or self._is_closed, _LONGEST_WAIT)
            news = (self._version, self._data) if self._version != version else None
        try:
            yield news
        finally:
            with self._changed:
                self._num_waiting -= 1
                self._last_seen = time.monotonic()
                self._delivered = max(self._delivered, news[0] if news else 0)
                self._changed.notify_all()

    def stop(self) -> None:
        """End the training."""
        self._stop()

    def _has_readers(self) -> bool:
        """Whether a browser waits for data, or is about to ask for it again."""
        is_behind = self._delivered < self._version and time.monotonic() - self._last_seen < _LONGEST_WAIT
        return self._num_waiting > 0 or is_behind


class _Handler(BaseHTTPRequestHandler):
    """Answers one browser."""

    owner: PageServer
    protocol_version = "HTTP/1.1"
    timeout = _LONGEST_WAIT + 10  # of a silent connection

    def do_GET(self) -> None:
        rest = self._rest()
        if rest == "":
            self._answer(HTTPStatus.OK, "text/html; charset=utf-8", self.owner.page())
        elif rest is not None and rest.startswith("data?"):
            self._answer_data(rest.removeprefix("data?"))
        elif rest is not None:
            self._answer(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        rest = self._rest()
        if rest == "stop":
            self.owner.stop()
            self._answer(HTTPStatus.NO_CONTENT)
        elif rest is not None:
            self._answer(HTTPStatus.NOT_FOUND)

    def _rest(self) -> str | None:
        """The path after the secret; without it, the request is answered here."""
        if not self.owner.accepts(self.headers.get("Host", "")):
            self._answer(HTTPStatus.FORBIDDEN)
            return None
        rest = self.owner.find(self.path)
        if rest is None:
            self._answer(HTTPStatus.NOT_FOUND)
        return rest

    def _answer_data(self, version: str) -> None:
        with self.owner.newer(int(version) if version.isascii() and version.isdigit() else 0) as news:
            if news is None:
                self._answer(HTTPStatus.NO_CONTENT)
            else:
                self._answer(HTTPStatus.OK, "application/json", news[1], version=str(news[0]))

    def _answer(self, status: HTTPStatus, kind: str = "", text: str = "", *, version: str = "") -> None:
        body = text.encode("utf-8", "backslashreplace")
        self.send_response(status)
        headers = {
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
        }
        if kind:
            headers |= {"Content-Type": kind}
        if version:
            headers |= {"X-Version": version}
        # NO_CONTENT has no body, and so no length
        if status != HTTPStatus.NO_CONTENT:
            headers |= {"Content-Length": str(len(body))}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: stderr belongs to the progress bar."""
