"""What a user asks ``layergraph train`` for: words and a file of options in one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from layergraph.builders import find_builder
from layergraph.cli.builder_options import given_arguments, option_name
from layergraph.cli.network_command import is_file, network
from layergraph.cli.run_file import BUILDER, TRAINING, Record, read_run
from layergraph.cli.trained_files import run_path
from layergraph.cli.training_options import WITHOUT_WORDS, training_names, training_values
from layergraph.errors import ArgumentError, did_you_mean
from layergraph.graph.layer_graph import LayerGraph
from layergraph.wording import quoted

_REQUIRED = ("images", "labels", "classes")
_FLAGS, _NUMBERS, _LISTS = (
    ("class_weights", "augment", "skip_faulty"),
    ("validation_fraction",),
    ("classes", "label_ids", "ignored_ids"),
)


@dataclass(frozen=True)
class TrainingRequest:
    """The values of all options, where words win over the file.

    Args:
        values: the command's own options, by name.
        training: the training options that are given.
        builder: the arguments of the builder in the file.
        words: the options of the builder in words, as ``NetworkCommand`` leaves them.
        config: the file of options, if there is one.
        changed: whether words differ from the file.
    """

    values: Mapping[str, Any]
    training: Mapping[str, Any]
    builder: Mapping[str, Any]
    words: Sequence[str]
    config: Path | None
    changed: bool

    @property
    def network(self) -> str:
        """The builder, or the file of the network."""
        return str(self.values["network"])

    def graph(self, from_data: Mapping[str, Any]) -> LayerGraph:
        """The network to train: words over the file, the file over the data.

        Raises:
            ArgumentError: the builder lacks an argument in the file, or the network is a file.
        """
        if self.builder and is_file(self.network):
            raise ArgumentError(
                f"[{BUILDER}] of {quoted(str(self.config))} is for builders such as unet, not for a file"
            )
        for name in self.builder:
            known = find_builder(self.network).parameters
            if name not in known:
                raise ArgumentError(
                    f"[{BUILDER}] of {quoted(str(self.config))} must hold arguments of {self.network}, got "
                    f"{quoted(name)}{did_you_mean(name, known)}"
                )
        # with weights, since a file is trained further
        return network(self.network, self.words, weights=True, from_data={**from_data, **self.builder})

    def needs_record(self, path: Path) -> bool:
        """Whether the run is not recorded yet: its file of options may be the record."""
        target = run_path(path)
        return not (self.config and target.exists() and os.path.samefile(target, self.config))

    def record(self, options: Any) -> Record:
        """All values of the run, to write beside the network."""
        builder = dict(self.builder)
        if self.words:
            builder |= given_arguments(find_builder(self.network), self.words)
        known = training_names()
        training = {name: value for name, value in options.to_dict().items() if name in known}
        return {**self.values, TRAINING: training, BUILDER: builder}


def training_request(
    given: Mapping[str, Any], training: Mapping[str, Any], words: Sequence[str], config: Path | None
) -> TrainingRequest:
    """Join the options in words with those of the file.

    Args:
        given: the command's own options by name, None where they are not given.
        training: the same for the training options.
        words: the options of the builder.
        config: the file, or None.

    Raises:
        ArgumentError: a required option is missing, or the file has a wrong name or value.
    """
    empty: Record = {TRAINING: {}, BUILDER: {}}
    record = empty if config is None else read_run(config, given, (*training_names(), *WITHOUT_WORDS))
    from_words = {name: value for name, value in given.items() if value is not None}
    in_training = training_values(training)
    values = {name: value for name, value in record.items() if name not in (TRAINING, BUILDER)}
    for name, value in values.items():
        _check(config, name, value)
    values |= from_words
    if "network" not in values:
        raise ArgumentError("layergraph train: NETWORK must be given, such as unet, or network in the file")
    if missing := [option_name(name) for name in _REQUIRED if name not in values]:
        raise ArgumentError(
            f"layergraph train: {' and '.join(missing)} must be given, or be in the file of --config"
        )
    return TrainingRequest(
        values,
        {**record[TRAINING], **in_training},
        record[BUILDER],
        tuple(words),
        config,
        changed=bool(from_words or in_training or words),
    )


def _check(config: Path | None, name: str, value: Any) -> None:
    """Raise for a value of the file that has the wrong type."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if name in _FLAGS:
        fits, expected = isinstance(value, bool), "true or false"
    elif name in _NUMBERS:
        fits, expected = is_number, "a number"
    elif name in _LISTS:
        fits, expected = isinstance(value, (str, list)), "text or a list"
    else:
        fits, expected = isinstance(value, str), "text"
    if not fits:
        raise ArgumentError(f"{quoted(str(config))}: {name} must be {expected}, got {quoted(value)}")
