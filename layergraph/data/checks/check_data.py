"""The check of all files of a data set, and its result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, get_args

from layergraph.data.checks.file_facts import FileFacts, image_facts, label_facts
from layergraph.data.checks.file_issue import FileIssue
from layergraph.data.datastore import CombinedDatastore
from layergraph.data.image_datastore import ImageDatastore
from layergraph.data.pairing import Pair, matches
from layergraph.data.pixel_label_datastore import PixelLabelDatastore
from layergraph.data.threads import in_threads
from layergraph.errors import ArgumentError, DataError, WrongTypeError
from layergraph.issues import Severity
from layergraph.layers import arguments
from layergraph.tables import Table
from layergraph.values import Value
from layergraph.wording import counted, quoted, times

_ORDER = ("error", "warning", "note")


class DataCheck(Value):
    """The faults of a data set; see :func:`check_data`."""

    def __init__(
        self,
        images: ImageDatastore,
        labels: PixelLabelDatastore | None,
        pairs: Sequence[tuple[int, int]],
        issues: Sequence[FileIssue],
    ) -> None:
        self._images, self._labels, self._pairs = images, labels, tuple(pairs)
        self._issues = tuple(sorted(issues, key=lambda issue: _ORDER.index(issue.severity)))

    @property
    def issues(self) -> tuple[FileIssue, ...]:
        """All faults, errors first."""
        return self._issues

    @property
    def errors(self) -> tuple[FileIssue, ...]:
        """The faults that would stop training, or make it learn nonsense."""
        return tuple(issue for issue in self._issues if issue.severity == "error")

    @property
    def table(self) -> Table:
        """One row per fault."""
        names = ("file", "severity", "fault", "text", "advice")
        return Table({name: [str(getattr(issue, name)) for issue in self._issues] for name in names})

    @property
    def good(self) -> ImageDatastore | CombinedDatastore:
        """The store of the images, or of the pairs of image and labels, without an error.

        Raises ``DataError`` if there are none.
        """
        faulty = {issue.file for issue in self.errors}
        images, labels = self._images, self._labels
        if labels is None:
            keep = [index for index, file in enumerate(images.files) if file not in faulty]
            if keep:
                return images.subset(keep)
        else:
            files, others = images.files, labels.files
            kept = [(a, b) for a, b in self._pairs if files[a] not in faulty and others[b] not in faulty]
            if kept:
                parts = (images.subset(a for a, _ in kept), labels.subset(b for _, b in kept))
                return CombinedDatastore(*parts, pair="order")
        raise DataError("check_data: there must be an item without an error, got none; see issues")

    def __str__(self) -> str:
        count: Counter[str] = Counter(issue.severity for issue in self._issues)
        files = len(self._images) + (0 if self._labels is None else len(self._labels))
        parts = ", ".join(counted(count[severity], severity) for severity in _ORDER)
        return "\n".join([f"{counted(files, 'file')}: {parts}", *map(str, self._issues)])

    __repr__ = __str__


def check_data(
    images: ImageDatastore, labels: PixelLabelDatastore | None = None, *, pair: Pair = "name"
) -> DataCheck:
    """Find the damaged, mismatched, empty and odd files of a data set before training.

    Each file is read once, in threads, with a progress bar if stderr is a terminal; nothing is changed on the
    disk. Images and labels are paired by their names, as by ``combine``.

    Args:
        images: the images.
        labels: their label images.
        pair: ``"name"``, or ``"order"`` to pair the files in their order.

    Raises:
        WrongTypeError: the stores are of other kinds.
        ArgumentError: a store has a ``read_fcn``, whose results are not in the files.

    Returns:
        The result: ``issues``, a ``table``, and ``good``, the store of the items without an error.

    >>> from tempfile import TemporaryDirectory
    >>> from layergraph.data import triangle_images
    >>> with TemporaryDirectory() as folder:
    ...     images, labels = triangle_images(folder, n=4)
    ...     images.files[1].write_bytes(b"")
    ...     result = check_data(images, labels)
    0
    >>> [(issue.file.name, issue.fault) for issue in result.issues], len(result.good)
    ([('image_002.png', 'empty')], 3)
    """
    if not isinstance(images, ImageDatastore):
        raise WrongTypeError(
            f"check_data: images must be an ImageDatastore, got an object of type {type(images).__name__}"
        )
    if labels is not None and not isinstance(labels, PixelLabelDatastore):
        raise WrongTypeError(
            f"check_data: labels must be a PixelLabelDatastore, got an object of type {type(labels).__name__}"
        )
    pair = arguments.choice("check_data", "pair", pair, get_args(Pair))
    if any(store is not None and store.read_fcn is not None for store in (images, labels)):
        raise ArgumentError(
            "check_data: images and labels must have no read_fcn, got one; check its results yourself"
        )
    files = images.files
    image_files = list(in_threads(lambda at: image_facts(images, at), len(files), "Checking images"))
    issues = [issue for facts in image_files for issue in facts.issues]
    issues += _odd_images(image_files)
    if labels is None:
        return DataCheck(images, None, (), issues)
    paths = labels.files
    label_files = list(in_threads(lambda at: label_facts(labels, at), len(paths), "Checking labels"))
    issues += [issue for facts in label_files for issue in facts.issues]
    pairs = (
        matches(files, paths)
        if pair == "name"
        else list(zip(range(len(files)), range(len(paths)), strict=False))
    )
    if not pairs and len(files) == len(paths):
        # as combine pairs them
        pairs = [(index, index) for index in range(len(files))]
        text = (
            f"no label file has a name like it, so the order pairs the files: it and {quoted(paths[0].name)}"
        )
        issues.append(FileIssue(files[0], "warning", "other-names", text, "check the pairs"))
    issues += _pair_issues(image_files, label_files, pairs)
    return DataCheck(images, labels, pairs, issues)


def _odd_images(images: Sequence[FileFacts]) -> Iterator[FileIssue]:
    """Images that differ from most others, and equal ones."""
    read = [facts for facts in images if facts.size]
    if not read:
        return
    checks: tuple[tuple[str, str, Severity, str], ...] = (
        ("size", "other-size", "warning", "resize it, or train with mini_batch_size=1"),
        ("channels", "other-channels", "error", "convert it, or leave it out"),
        ("dtype", "other-type", "error", "convert it: its numbers have another range"),
    )
    for name, fault, severity, advice in checks:
        (usual, _), *_ = Counter(getattr(facts, name) for facts in read).most_common(1)
        for facts in read:
            value = getattr(facts, name)
            if value != usual:
                text = (
                    f"its {'type' if name == 'dtype' else name} is {_shown(value)}, most have {_shown(usual)}"
                )
                yield FileIssue(facts.path, severity, fault, text, advice)
    first: dict[bytes, FileFacts] = {}
    for facts in read:
        other = first.setdefault(facts.digest, facts)
        if other is not facts:
            text = f"its pixels are those of {quoted(str(other.path))}"
            advice = "leave one out; in training and test data it would make the test too good"
            yield FileIssue(facts.path, "warning", "duplicate", text, advice)


def _shown(value: Any) -> str:
    return times(value) if isinstance(value, tuple) else str(value)


def _pair_issues(
    images: Sequence[FileFacts], labels: Sequence[FileFacts], pairs: Sequence[tuple[int, int]]
) -> Iterator[FileIssue]:
    for index, label in pairs:
        size, other = images[index].size, labels[label].size
        if size and other and size != other:
            of_labels = f"that of its labels {quoted(str(labels[label].path))} {times(other)}"
            text = f"its size is {times(size)}, {of_labels}"
            advice = "check that the two belong together, or resize the labels with the nearest pixel"
            yield FileIssue(images[index].path, "error", "size-mismatch", text, advice)
    paired = {index for index, _ in pairs}, {index for _, index in pairs}
    for kind, own, facts in zip(("label", "image"), paired, (images, labels), strict=True):
        for index, item in enumerate(facts):
            if index not in own:
                text = f"no {kind} file has its name"
                yield FileIssue(item.path, "error", "no-partner", text, "add the file, or leave this out")
