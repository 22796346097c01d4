"""Downloads over HTTP: connections with a time limit and errors that say what to do."""

from __future__ import annotations

import http
import http.client
import ipaddress
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from layergraph.errors import DownloadError
from layergraph.wording import visible

TIMEOUT = 30.0
"""Seconds without a byte after which a download ends."""

CHUNK = 1 << 20
"""Bytes that are read at a time."""

# all except HTTPException are OSErrors, and so are errors of the disk, which need another message
_CONNECTION_ERRORS = (
    urllib.error.URLError,
    ConnectionError,
    TimeoutError,
    ssl.SSLError,
    http.client.HTTPException,
)


@dataclass(frozen=True)
class Download:
    """One address to download from.

    Args:
        url: an address of http or https.
        advice: what else the user can do, the end of every error.
        plain: whether redirects may lead to addresses without encryption on other machines.

    >>> Download("https://example.org/a.zip", "copy it by hand").error("it is gone")
    DownloadError('cannot download https://example.org/a.zip: it is gone; copy it by hand')
    """

    url: str
    advice: str
    plain: bool = False

    def open(self, start: int = 0) -> Any:
        """The response of the server, from byte ``start`` if it can.

        Raises:
            DownloadError: there is no connection, or the server refuses.
        """
        request = urllib.request.Request(self.url)
        if start:
            request.add_header("Range", f"bytes={start}-")
        try:
            # not torch.hub.download_url_to_file, which waits forever and follows redirects to http
            return urllib.request.build_opener(_Redirects(self)).open(request, timeout=TIMEOUT)
        except urllib.error.HTTPError as error:
            with error:  # it holds the connection
                # the file has no byte at that position: what is there is longer than the file on the server
                if start and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    return self.open()
                raise self.error(f"the server answers {error.code} {visible(str(error.reason))}") from None
        except _CONNECTION_ERRORS as error:
            raise self._connection_error(error) from None

    def chunks(self, response: Any) -> Iterator[bytes]:
        """The content of a response, piece by piece; it ends early if the server closes the connection.

        Raises:
            DownloadError: the connection breaks, or nothing comes for 30 seconds.
        """
        while True:
            try:
                chunk = bytes(response.read(CHUNK))
            except http.client.IncompleteRead as error:
                chunk = error.partial
            except _CONNECTION_ERRORS as error:  # caught here, because errors of the disk are OSErrors, too
                raise self._connection_error(error) from None
            if not chunk:
                return
            yield chunk

    def error(self, reason: str, join: str = "") -> DownloadError:
        """The error for a reason; ``join`` is a word before the advice."""
        return DownloadError(f"cannot download {visible(self.url)}: {reason}; {join}{self.advice}")

    def _connection_error(self, error: BaseException) -> DownloadError:
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, TimeoutError):
            return self.error(f"the server sent nothing for {TIMEOUT:g} seconds; try again", "or ")
        return self.error(f"the connection failed ({visible(str(reason))})")


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to an encrypted address, or from this machine to itself."""

    def __init__(self, download: Download) -> None:
        self._download = download

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        is_safe = is_encrypted(newurl) or (is_local(req.full_url) and is_local(newurl))
        if not (is_safe or (self._download.plain and newurl.lower().startswith("http://"))):
            fp.close()
            raise self._download.error(f"the server redirects to {visible(newurl)}, which is not encrypted")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def content_length(response: Any) -> int:
    """The number of bytes that the server announces; 0 if it does not say."""
    header = response.headers.get("Content-Length") or ""
    return int(header) if header.isdecimal() and len(header) < 18 else 0


def is_encrypted(url: str) -> bool:
    """Whether an address is one of https.

    >>> is_encrypted("https://example.org/a.zip"), is_encrypted("http://example.org/a.zip")
    (True, False)
    """
    return url.lower().startswith("https://") and bool(_host(url))


def is_local(url: str) -> bool:
    """Whether an address is that of a server on this machine.

    >>> is_local("http://localhost:8000"), is_local("http://localhost@example.org")
    (True, False)
    """
    host = _host(url)
    if not url.lower().startswith("http://"):
        return False
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # a host name
        return False


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
