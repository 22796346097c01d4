"""CamVid from the web: download, check, unpack."""

from __future__ import annotations

import hashlib
from pathlib import Path

from layergraph.data.datastore import combine
from layergraph.data.image_datastore import ImageDatastore
from layergraph.data.image_files import PathLike
from layergraph.data.pixel_label_datastore import PixelLabelDatastore
from layergraph.data.sets.archive import unpack_images
from layergraph.data.sets.camvid_classes import VOID, camvid_classes, camvid_pixel_label_ids
from layergraph.downloads import CHUNK, Download, content_length
from layergraph.errors import ArgumentError, DownloadError
from layergraph.labels import UNLABELED
from layergraph.progress import progress
from layergraph.wording import quoted

IMAGES_URL = "http://web4.cs.ucl.ac.uk/staff/g.brostow/MotionSegRecData/files/701_StillsRaw_full.zip"
LABELS_URL = "http://web4.cs.ucl.ac.uk/staff/g.brostow/MotionSegRecData/data/LabeledApproved_full.zip"

LABELS_SHA256 = "0792d4a2eb7150f417cc4745ac5ce51ec3bb4b2aa099c775d212b69c5afe6526"
"""Of the archive of labels, 16,567,585 bytes, as public projects list it."""

_SEGNET_UNLABELED = 11  # in the copies of the labels that came with SegNet


def download_camvid(
    folder: PathLike,
    *,
    images_url: str = IMAGES_URL,
    labels_url: str = LABELS_URL,
    images_sha256: str | None = None,
    labels_sha256: str | None = LABELS_SHA256,
) -> tuple[ImageDatastore, PixelLabelDatastore]:
    """Download CamVid to a folder, unpack it, and return its stores, as :func:`camvid_datastores`.

    The 701 images (557 MB) go to ``images/`` and the labels (16 MB) to ``labels/``. A download that was
    stopped goes on where it was. What is complete is neither downloaded nor unpacked again. A progress bar
    appears if stderr is a terminal. CamVid is for research; cite the papers of its authors (Brostow et al.,
    ECCV 2008; Pattern Recognition Letters 30(2), 2009).

    Args:
        folder: is made if it does not exist.
        images_url, labels_url: the two archives, also ``https`` addresses of copies. The server of the
            authors has no encryption.
        images_sha256, labels_sha256: the SHA-256 that an archive must have, or ``None`` for no such check.
            The images have none that is published; all files are compared with the checksums in their
            archive, and each image must have labels.

    Raises:
        DownloadError: an archive cannot be downloaded, is incomplete, or is another file. What is complete
            stays.
        DataError: the archives do not belong together.
        OSError: the folder cannot be written.
    """
    root = Path(folder)
    # the small archive first: a wrong address or a full disk is known before half a gigabyte
    for name, url, sha256 in (("labels", labels_url, labels_sha256), ("images", images_url, images_sha256)):
        archive = root / f"{name}.zip"
        # an archive goes away after it is unpacked, so without one a folder is complete
        partial = archive.with_name(f"{archive.name}.part")
        if (root / name).is_dir() and not archive.exists() and not partial.exists():
            continue
        root.mkdir(parents=True, exist_ok=True)
        source = Download(url, f"download it by hand and unpack it to {quoted(str(root / name))}", plain=True)
        if not archive.exists():
            _fetch(source, partial, sha256)
            partial.replace(archive)
        try:
            unpack_images(archive, root / name, source)
        except DownloadError:
            partial.touch()  # the folder is not complete, and nothing of the archive can be used
            archive.unlink()
            raise
        archive.unlink()
    return camvid_datastores(root)


def camvid_datastores(
    folder: PathLike, *, grouped: bool = True
) -> tuple[ImageDatastore, PixelLabelDatastore]:
    """The stores of a folder with CamVid's ``images/`` and ``labels/``, paired by name.

    Labels are CamVid's colors, or indices 0 to 10 in the order of ``camvid_classes`` with 11 or 255 for
    unlabeled pixels, as SegNet's copy and ``resize_camvid_pixel_labels`` write them; the first file shows
    which. ``grouped=False`` takes the 32 original classes, for labels in colors.

    Raises:
        DataError: a folder is missing or empty, or an image has no labels.
        ArgumentError: ``grouped=False`` for labels of indices.

    >>> from tempfile import TemporaryDirectory
    >>> import numpy as np
    >>> from layergraph.data import write_image
    >>> with TemporaryDirectory() as folder:
    ...     for name, color in (("images/a.png", (9, 9, 9)), ("labels/a_L.png", (128, 64, 128))):
    ...         Path(folder, name).parent.mkdir()
    ...         write_image(Path(folder, name), np.full((1, 1, 3), color))
    ...     images, labels = camvid_datastores(folder)
    ...     (labels[0] == "Road").tolist()
    [[True]]
    """
    from PIL import Image

    root = Path(folder)
    images = ImageDatastore(root / "images", include_subfolders=True)
    files = ImageDatastore(root / "labels", include_subfolders=True).files
    classes = camvid_classes(grouped=grouped)
    with Image.open(files[0]) as first:  # reads the header alone
        is_rgb = first.mode in ("RGB", "RGBA")
    if is_rgb:
        labels = PixelLabelDatastore(
            files,
            classes,
            camvid_pixel_label_ids(grouped=grouped),
            ignored_ids=[VOID] if "Void" not in classes else (),
        )
    elif "Void" in classes:
        raise ArgumentError(
            f"camvid_datastores: grouped must be True for labels of indices such as {quoted(str(files[0]))}, "
            f"got {grouped!r}; only labels in colors tell the 32 classes apart"
        )
    else:
        ignored = [_SEGNET_UNLABELED, UNLABELED]
        labels = PixelLabelDatastore(files, classes, range(len(classes)), ignored_ids=ignored)
    pairs = combine(images, labels)
    return images, labels.take(tuple(labels.files.index(file) for file in pairs.stores[1].files or ()))


def _fetch(source: Download, partial: Path, sha256: str | None) -> None:
    """Download to a file that keeps what has come, and from which the next call goes on."""
    start = partial.stat().st_size if partial.exists() else 0
    with source.open(start) as response:
        # 206: the server sends the rest; any other answer is the whole file
        goes_on = response.status == 206 and response.headers.get("Content-Range", "").startswith(
            f"bytes {start}-"
        )
        start = start if goes_on else 0
        length = content_length(response)
        size = start + length if length else 0
        steps = -(-length // CHUNK)
        with (
            partial.open("ab" if goes_on else "wb") as file,
            progress(f"Downloading {partial.stem}", steps, shown=length > 0) as advance,
        ):
            for chunk in source.chunks(response):
                file.write(chunk)
                advance()
    found = partial.stat().st_size
    if size and found < size:
        raise source.error(
            f"the connection ended after {found:,} of {size:,} bytes; call again to go on from there", "or "
        )
    if sha256 is not None:
        with partial.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if digest != sha256.lower():
            partial.unlink()
            raise source.error(
                f"the file must have the SHA-256 {sha256.lower()}, got {digest}; give that one if you trust "
                "the server",
                "or ",
            )
