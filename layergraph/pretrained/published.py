"""Published files of weights: downloaded once, checked, and kept in a cache."""

from __future__ import annotations

import hashlib
import logging
import os
import re
from pathlib import Path

from layergraph.atomic import atomic_file
from layergraph.downloads import CHUNK, Download, content_length, is_encrypted, is_local
from layergraph.errors import ArgumentError
from layergraph.pretrained.checksums import PUBLISHED
from layergraph.progress import progress
from layergraph.wording import quoted, visible

PUBLISHER = "https://download.pytorch.org/models"
MIRROR = (
    "LAYERGRAPH_WEIGHTS_URL"  # the environment variable with the address of a copy of the published files
)

_ADVICE = f"download it by hand and give the path of the file, or set {MIRROR} to the address of a copy"

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
    source = Download(url, _ADVICE)
    if not (is_encrypted(url) or is_local(url)):
        raise source.error(f"the address must be like {PUBLISHER}/{name}; http:// is for this machine only")
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
        _fetch(source, path, expected)
    except OSError as error:
        reason = error.strerror or str(error)
        raise source.error(
            f"the cache {quoted(str(folder))} cannot be written ({reason}); set TORCH_HOME to another folder",
            "or ",
        ) from None
    return path


def _fetch(source: Download, path: Path, expected: str) -> None:
    """Download an address to a file if its SHA-256 begins with the expected digits."""
    digest = hashlib.sha256()
    with source.open() as response, atomic_file(path) as temporary:
        length = content_length(response)
        with (
            open(temporary, "wb") as file,
            progress(f"Downloading {path.name}", -(-length // CHUNK), shown=length > 0) as advance,
        ):
            for chunk in source.chunks(response):
                digest.update(chunk)
                file.write(chunk)
                advance()
        if not digest.hexdigest().startswith(expected):
            raise source.error(
                f"the server sent another file than the published one, whose SHA-256 begins with "
                f"{expected[:8]}: it is incomplete or was changed; try again",
                "or ",
            )
