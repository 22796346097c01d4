"""Published files of weights: downloaded once, with progress and a check, and kept."""

from __future__ import annotations

import hashlib
import http.client
import logging
import os
import re
import ssl
import sys
import urllib.error
import urllib.request
from pathlib import Path

from layergraph.errors import ArgumentError, DownloadError

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

_log = logging.getLogger("layergraph")


def download(url: str) -> Path:
    """The file at this address: from the cache, or downloaded to it.

    The cache is torch's and torchvision's: ``torch.hub.get_dir()/checkpoints``, which the environment
    variable ``TORCH_HOME`` moves. The name of the file ends in the first digits of its SHA-256, which are
    compared each time: what does not agree is not kept, and a damaged file in the cache is downloaded again.
    The environment variable ``LAYERGRAPH_WEIGHTS_URL`` replaces ``https://download.pytorch.org/models``.
    Progress is shown where stderr is a terminal.

    Args:
        url: such as ``https://download.pytorch.org/models/vgg16-397923af.pth``.

    Raises:
        DownloadError: no connection, no such file, not the file that was published, no place to put it; the
            message says which, and what to do.
        ArgumentError: the name of the file has no hash in it.
    """
    import torch.hub

    name = url.rpartition("/")[2]
    match = re.search(r"-([0-9a-f]{8,64})\.\w+$", name)
    if match is None:
        raise ArgumentError(f"download: {url} does not end in a hash, -xxxxxxxx.pth, to check the file by")
    if mirror := os.environ.get(MIRROR):
        url = url.replace(PUBLISHER, mirror.rstrip("/"), 1)
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    path = folder / name
    try:
        urllib.request.Request(url)  # or torch would leave an empty file
    except ValueError:
        raise _failed(url, f"it is no address such as {PUBLISHER}/{name}") from None
    try:
        if path.is_file():
            if _sha256(path).startswith(match[1]):
                return path
            _log.info("%s is damaged, it is downloaded again", path)
        folder.mkdir(parents=True, exist_ok=True)
        _log.info("downloading %s to %s", url, folder)
        torch.hub.download_url_to_file(url, str(path), hash_prefix=match[1], progress=sys.stderr.isatty())
    except urllib.error.HTTPError as error:
        with error:  # it holds the connection
            raise _failed(url, f"the server answers {error.code} {error.reason}") from None
    except _CONNECTION as error:
        reason = getattr(error, "reason", None) or error
        raise _failed(url, f"the connection fails ({reason})") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise _failed(
            url, f"it cannot be kept in {str(folder)!r} ({reason}); set TORCH_HOME to another folder", "or "
        ) from None
    except RuntimeError:  # of torch, for the hash
        raise _failed(
            url,
            f"what came is not the published file, whose SHA-256 begins with {match[1]}: it was cut short "
            "or changed on the way; try again",
            "or ",
        ) from None
    return path


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _failed(url: str, reason: str, join: str = "") -> DownloadError:
    return DownloadError(
        f"cannot download {url}: {reason}; {join}download it by hand and give the path of the file, or set "
        f"{MIRROR} to a place that has it"
    )
