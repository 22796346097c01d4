"""Published files of weights: downloaded once, with progress and a check, and kept."""

from __future__ import annotations

import hashlib
import http.client
import ipaddress
import logging
import os
import re
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from layergraph.atomic import atomic_file
from layergraph.errors import ArgumentError, DownloadError
from layergraph.pretrained.checksums import PUBLISHED
from layergraph.progress import progress
from layergraph.wording import quoted, visible

PUBLISHER = "https://download.pytorch.org/models"
MIRROR = "LAYERGRAPH_WEIGHTS_URL"  # the environment variable that names another place with the same files

# all of them but HTTPException are OSErrors, as is what the disk refuses
_CONNECTION = (
    urllib.error.URLError,
    ConnectionError,
    TimeoutError,
    ssl.SSLError,
    http.client.HTTPException,
)

_PATIENCE = 30.0  # seconds without a byte
_PIECE = 1 << 20  # bytes

_log = logging.getLogger("layergraph")


def download(url: str) -> Path:
    """The file at this address: from the cache, or downloaded to it.

    The cache is torch's and torchvision's: ``torch.hub.get_dir()/checkpoints``, which the environment
    variable ``TORCH_HOME`` moves. A file is compared with its SHA-256 each time: the whole of it for the
    published files of the backbones, for others the first digits, with which their names end. What does not
    agree is not kept, and a damaged file in the cache is downloaded again. The environment variable
    ``LAYERGRAPH_WEIGHTS_URL`` replaces ``https://download.pytorch.org/models``. Progress is shown where
    stderr is a terminal.

    Args:
        url: such as ``https://download.pytorch.org/models/vgg16-397923af.pth``; ``http://`` only for this
            machine, such as ``http://localhost:8000``.

    Raises:
        DownloadError: no connection, or none for 30 seconds, no such file, not the file that was published,
            an address or a redirect without encryption, no place to put it; the message says which, and what
            to do.
        ArgumentError: the name of the file has no hash in it.
    """
    import torch.hub

    name = url.rpartition("/")[2]
    match = re.search(r"-([0-9a-f]{8,64})\.\w+$", name)
    if match is None:
        raise ArgumentError(
            f"download: {visible(url)} does not end in a hash, -xxxxxxxx.pth, to check the file by"
        )
    if mirror := os.environ.get(MIRROR):
        url = url.replace(PUBLISHER, mirror.rstrip("/"), 1)
    expected = PUBLISHED.get(name, match[1])
    if not (_is_encrypted(url) or _is_local(url)):
        raise _failed(url, f"it is no address such as {PUBLISHER}/{name}; http:// is for this machine only")
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    path = folder / name
    try:
        if path.is_file():
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest().startswith(expected):
                    return path
            _log.info("%s is damaged, it is downloaded again", path)
        folder.mkdir(parents=True, exist_ok=True)
        _log.info("downloading %s to %s", url, folder)
        _fetch(url, path, expected)
    except OSError as error:
        reason = error.strerror or str(error)
        raise _failed(
            url,
            f"it cannot be kept in {quoted(str(folder))} ({reason}); set TORCH_HOME to another folder",
            "or ",
        ) from None
    return path


def _fetch(url: str, path: Path, expected: str) -> None:
    """Write what is at an address to a file, if its SHA-256 begins with the digits that are expected."""
    digest = hashlib.sha256()
    with _opened(url) as answer, atomic_file(path) as temporary:
        said = answer.headers.get("Content-Length") or ""
        length = int(said) if said.isdecimal() and len(said) < 18 else 0
        # torch.hub.download_url_to_file waits for ever, and follows a redirect to http
        with (
            open(temporary, "wb") as file,
            progress(f"Downloading {path.name}", -(-length // _PIECE), shown=length > 0) as advance,
        ):
            while piece := _next_piece(answer, url):
                digest.update(piece)
                file.write(piece)
                advance()
        if not digest.hexdigest().startswith(expected):
            raise _failed(
                url,
                f"what came is not the published file, whose SHA-256 begins with {expected[:8]}: it was cut "
                "short or changed on the way; try again",
                "or ",
            )


def _opened(url: str) -> Any:
    try:
        return urllib.request.build_opener(_Redirects).open(url, timeout=_PATIENCE)
    except urllib.error.HTTPError as error:
        with error:  # it holds the connection
            raise _failed(url, f"the server answers {error.code} {visible(str(error.reason))}") from None
    except _CONNECTION as error:
        raise _no_connection(url, error) from None


def _next_piece(answer: Any, url: str) -> bytes:
    try:
        return bytes(answer.read(_PIECE))
    except http.client.IncompleteRead as error:
        return error.partial
    except _CONNECTION as error:  # here, since what the disk refuses is an OSError, too
        raise _no_connection(url, error) from None


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow a redirect only to where it is encrypted, or from this machine to itself."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if not (_is_encrypted(newurl) or (_is_local(req.full_url) and _is_local(newurl))):
            fp.close()
            raise _failed(req.full_url, f"the server sends to {visible(newurl)}, which is not encrypted")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _is_encrypted(url: str) -> bool:
    return url.lower().startswith("https://") and bool(_host(url))


def _is_local(url: str) -> bool:
    """Whether the address is of a server on this machine."""
    host = _host(url)
    if not url.lower().startswith("http://"):
        return False
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:  # another name
        return False


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _no_connection(url: str, error: BaseException) -> DownloadError:
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, TimeoutError):
        return _failed(url, f"the server sends nothing for {_PATIENCE:g} seconds; try again", "or ")
    return _failed(url, f"the connection fails ({visible(str(reason))})")


def _failed(url: str, reason: str, join: str = "") -> DownloadError:
    return DownloadError(
        f"cannot download {visible(url)}: {reason}; {join}download it by hand and give the path of the file, "
        f"or set {MIRROR} to a place that has it"
    )
