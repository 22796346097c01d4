"""The data of a training in files: pairs of images and labels, the part for validation, and classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from layergraph.cli.class_options import classes_and_ids, ignored_values
from layergraph.cli.messages import print_note
from layergraph.data import ImageDatastore, PixelLabelDatastore, check_data, combine
from layergraph.data.datastore import CombinedDatastore
from layergraph.data.pairing import Pair
from layergraph.errors import ArgumentError, DataError
from layergraph.layers.arguments import number
from layergraph.wording import counted, quoted

_SHOWN = 20  # faulty files that are listed


@dataclass(frozen=True)
class RunData:
    """The pairs to train on, and those to validate on, if any."""

    training: CombinedDatastore
    validation: CombinedDatastore | None

    @property
    def labels(self) -> PixelLabelDatastore:
        """The labels of the pairs to train on."""
        store = self.training.stores[1]
        assert isinstance(store, PixelLabelDatastore)
        return store


def run_data(values: Mapping[str, Any], seed: int) -> RunData:
    """The data that the options name.

    Args:
        values: ``images``, ``labels``, ``classes`` and so on, by the names of the options.
        seed: of the random choice of a fraction.

    Raises:
        ArgumentError: options contradict each other.
        DataError: the files cannot be paired, or are too few.
    """
    names, ids = class_ids(values["classes"], values.get("label_ids"))
    ignored = values.get("ignored_ids")
    given_ignored = ignored_values(ignored) if ignored is None or isinstance(ignored, str) else list(ignored)

    def pairs(images: str, labels: str) -> CombinedDatastore:
        pixel_labels = PixelLabelDatastore(labels, names, ids, ignored_ids=given_ignored)
        stores = ImageDatastore(images), pixel_labels
        pair: Pair = values.get("pair") or "name"
        return good_pairs(*stores, pair) if values.get("skip_faulty") else combine(*stores, pair=pair)

    folders = [values.get(f"validation_{part}") for part in ("images", "labels")]
    fraction = values.get("validation_fraction")
    if any(folders) and not all(folders):
        raise ArgumentError("--validation-images and --validation-labels must be given together")
    if fraction is not None and all(folders):
        raise ArgumentError("--validation-fraction must not be given with --validation-images")
    training = pairs(values["images"], values["labels"])
    if all(folders):
        return RunData(training, pairs(str(folders[0]), str(folders[1])))
    if fraction is None:
        return RunData(training, None)
    share = number("layergraph train", "--validation-fraction", fraction, 0, 1)
    count = int(share * len(training) + 0.5)
    if not 0 < count < len(training):
        raise DataError(
            f"--validation-fraction must leave images to train and to validate on, got {share:g} of "
            f"{len(training)}; give another fraction, or --validation-images"
        )
    shuffled = training.shuffle(seed)
    return RunData(shuffled[count:], shuffled[:count])


def good_pairs(images: ImageDatastore, labels: PixelLabelDatastore, pair: Pair) -> CombinedDatastore:
    """The pairs without an error in their files; a note lists what is left out.

    Raises:
        DataError: no pair is left.
    """
    result = check_data(images, labels, pair=pair)
    good = result.good
    assert isinstance(good, CombinedDatastore)  # there are labels
    if result.errors:
        lines = [f"{quoted(str(issue.file))}: {issue.text}" for issue in result.errors]
        more = [f"and {len(lines) - _SHOWN} more; layergraph check-data lists them"] * (len(lines) > _SHOWN)
        left_out = counted(len(images) - len(good), "image")
        print_note("\n  ".join([f"{left_out} of {len(images)} left out:", *lines[:_SHOWN], *more]))
    return good


def class_ids(classes: Any, label_ids: Any) -> tuple[list[str], list[Any]]:
    """Class names and ids, as words or as the lists of a TOML file.

    >>> class_ids(["sky", "road"], [1, [2, 3]])
    (['sky', 'road'], [1, [2, 3]])
    """
    if isinstance(classes, str) and (label_ids is None or isinstance(label_ids, str)):
        return classes_and_ids(classes, label_ids)
    names = classes_and_ids(classes, None)[0] if isinstance(classes, str) else list(classes)
    if label_ids is None:
        return names, list(range(len(names)))
    ids = classes_and_ids("a", label_ids)[1] if isinstance(label_ids, str) else list(label_ids)
    return names, ids
