"""Published files of weights: downloaded once, checked, and kept in a cache."""

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
MIRROR = (
    "LAYERGRAPH_WEIGHTS_URL"  # the environment variable with the address of a copy of the published files
)

# all except HTTPException are OSErrors, and so are errors of the disk, which need another message
_CONNECTION_ERRORS = (
    urllib.error.URLError,
    ConnectionError,
    TimeoutError,
    ssl.SSLError,
    http.client.HTTPException,
)

_TIMEOUT = 30.0  # seconds without a byte
_CHUNK = 1 << 20  # bytes

_log = logging.getLogger("layergraph")


def download(url: str) -> Path:
    """Return the path of the file at this address, in the cache; download it if the cache lacks it.

    The cache is that of torch and torchvision, ``torch.hub.get_dir()/checkpoints``; the environment variable
    ``TORCH_HOME`` moves it. The SHA-256 of the file is checked each time: in full for the published files of
    the backbones, and by the digits in the file's name for others. A download that fails the check is
    deleted, and a damaged file in the cache is downloaded again. The environment variable
    ``LAYERGRAPH_WEIGHTS_URL`` replaces ``https://download.pytorch.org/models``. A progress bar appears if
    stderr is a terminal.

    Args:
        url: such as ``https://download.pytorch.org/models/vgg16-397923af.pth``; ``http://`` only for this
            machine, such as ``http://localhost:8000``.

    Raises:
        DownloadError: there is no connection or no answer for 30 seconds, there is no such file, the file
            fails the check, the address or a redirect is not encrypted, or the cache cannot be written.
        ArgumentError: the file's name does not end in a hash.
    """
    import torch.hub

    name = url.rpartition("/")[2]
    match = re.search(r"-([0-9a-f]{8,64})\.\w+$", name)
    if match is None:
        raise ArgumentError(
            f"download: url must end in a hash, as net-0123abcd.pth, to check the file, got {visible(url)}"
        )
    if mirror := os.environ.get(MIRROR):
        url = url.replace(PUBLISHER, mirror.rstrip("/"), 1)
    expected = PUBLISHED.get(name, match[1])
    if not (_is_encrypted(url) or _is_local(url)):
        raise _download_error(
            url, f"the address must be like {PUBLISHER}/{name}; http:// is for this machine only"
        )
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    path = folder / name
    try:
        if path.is_file():
            with path.open("rb") as file:
                if hashlib.file_digest(file, "sha256").hexdigest().startswith(expected):
                    return path
            _log.info("%s is damaged, downloading it again", path)
        folder.mkdir(parents=True, exist_ok=True)
        _log.info("downloading %s to %s", url, folder)
        _fetch(url, path, expected)
    except OSError as error:
        reason = error.strerror or str(error)
        raise _download_error(
            url,
            f"the cache {quoted(str(folder))} cannot be written ({reason}); set TORCH_HOME to another folder",
            "or ",
        ) from None
    return path


def _fetch(url: str, path: Path, expected: str) -> None:
    """Download an address to a file if its SHA-256 begins with the expected digits."""
    digest = hashlib.sha256()
    # not torch.hub.download_url_to_file, which waits forever and follows redirects to http
    with _open(url) as response, atomic_file(path) as temporary:
        header = response.headers.get("Content-Length") or ""
        length = int(header) if header.isdecimal() and len(header) < 18 else 0
        with (
            open(temporary, "wb") as file,
            progress(f"Downloading {path.name}", -(-length // _CHUNK), shown=length > 0) as advance,
        ):
            while chunk := _read_chunk(response, url):
                digest.update(chunk)
                file.write(chunk)
                advance()
        if not digest.hexdigest().startswith(expected):
            raise _download_error(
                url,
                f"the server sent another file than the published one, whose SHA-256 begins with "
                f"{expected[:8]}: it is incomplete or was changed; try again",
                "or ",
            )


def _open(url: str) -> Any:
    try:
        return urllib.request.build_opener(_Redirects).open(url, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        with error:  # it holds the connection
            raise _download_error(
                url, f"the server answers {error.code} {visible(str(error.reason))}"
            ) from None
    except _CONNECTION_ERRORS as error:
        raise _connection_error(url, error) from None


def _read_chunk(response: Any, url: str) -> bytes:
    try:
        return bytes(response.read(_CHUNK))
    except http.client.IncompleteRead as error:
        return error.partial
    except _CONNECTION_ERRORS as error:  # caught here, because errors of the disk are OSErrors, too
        raise _connection_error(url, error) from None


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a redirect only to an encrypted address, or from this machine to itself."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if not (_is_encrypted(newurl) or (_is_local(req.full_url) and _is_local(newurl))):
            fp.close()
            raise _download_error(
                req.full_url, f"the server redirects to {visible(newurl)}, which is not encrypted"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _is_encrypted(url: str) -> bool:
    return url.lower().startswith("https://") and bool(_host(url))


def _is_local(url: str) -> bool:
    """Whether the address is that of a server on this machine."""
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


def _connection_error(url: str, error: BaseException) -> DownloadError:
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, TimeoutError):
        return _download_error(url, f"the server sent nothing for {_TIMEOUT:g} seconds; try again", "or ")
    return _download_error(url, f"the connection failed ({visible(str(reason))})")


def _download_error(url: str, reason: str, join: str = "") -> DownloadError:
    return DownloadError(
        f"cannot download {visible(url)}: {reason}; {join}download it by hand and give the path of the file, "
        f"or set {MIRROR} to the address of a copy"
    )
