"""The files of a training: the network, which is never lost, and the record that repeats the run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layergraph.cli.messages import print_note
from layergraph.cli.network_command import is_file
from layergraph.cli.run_file import RUN_MARK, write_run
from layergraph.errors import ArgumentError, LayergraphError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.wording import quoted, visible

if TYPE_CHECKING:
    from layergraph.training import TrainingInfo, TrainingOptions


def check_files(path: Path, network_: str, config: Path | None, *, changed: bool) -> None:
    """Raise if the network, or the record beside it, would be written over what the run reads.

    ``changed`` is whether options differ from those of the file ``config``.

    Raises:
        ArgumentError: ``--output`` is the NETWORK, or its record is ``--config``.
    """
    if is_file(network_) and _is_same(path, Path(network_)):
        raise ArgumentError(
            f"--output must be another file than NETWORK, got {quoted(str(path))} for both; leave it out to "
            f"write {quoted(str(default_output(network_)))}"
        )
    if config is not None and changed and _is_same(run_path(path), config):
        raise ArgumentError(
            f"--output must have another name than --config, because the options that differ are recorded "
            f"beside the network in {quoted(str(run_path(path)))}; give another name, or change that file"
        )


def run_path(path: Path) -> Path:
    """The record of the run that made a network: ``model.toml`` for ``model.safetensors``.

    >>> run_path(Path("out/model.safetensors")).as_posix()
    'out/model.toml'
    """
    return path.with_suffix(".toml")


def save_run(path: Path, record: Mapping[str, Any]) -> Path | None:
    """Write the record beside the network at ``path``, and return its path; None if it is not written.

    A file that no training wrote stays as it is, and an error is a note: the network matters more.
    """
    target = run_path(path)
    if path.exists() and not path.is_file():  # a device or pipe has no neighbor
        return None
    try:
        if target.exists() and not target.read_bytes().startswith(RUN_MARK.encode()):
            return None
        write_run(target, record)
    except (OSError, UnicodeEncodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        print_note(f"the options of this run cannot be written to {quoted(str(target))} ({reason})")
        return None
    return target


def default_output(network_: str) -> Path:
    """The file of the trained network, which is not the file that NETWORK names.

    >>> default_output("unet").name, default_output("models/model.safetensors").name
    ('model.safetensors', 'model-trained.safetensors')
    """
    return Path(f"{Path(network_).stem}-trained.safetensors" if is_file(network_) else "model.safetensors")


def num_bytes(lgraph: LayerGraph) -> int:
    """The least size of a file of the weights."""
    from layergraph.analyze import analyze_network

    # float32 has 4 bytes
    return 4 * (analyze_network(lgraph).total_learnables or 0)


def save_somewhere(
    lgraph: LayerGraph, path: Path, training: tuple[TrainingInfo, TrainingOptions] | None = None
) -> None:
    """Save a network at ``path``, or else in any folder that takes it, since hours of training are in it.

    With its training, if that is given.

    Raises:
        OSError: the network is in another file, or in none; the message has its path and the reason.
    """

    def save(target: Path) -> None:
        if training is None:
            lgraph.save(target)
        else:
            # here, because other commands do not need the package
            from layergraph.training import save_trained_network

            save_trained_network(target, lgraph, *training)

    try:
        save(path)
        return
    except (OSError, LayergraphError) as error:
        reason = getattr(error, "strerror", None) or str(error)
    for folder in (Path.cwd(), Path(tempfile.gettempdir()), Path.home()):
        # the process id keeps two trainings that end at once apart
        elsewhere = folder / f"layergraph-{os.getpid()}.safetensors"
        try:
            save(elsewhere)
        except OSError:
            continue
        # an error even so, since scripts look for the network at the path they gave
        raise OSError(
            f"the trained network cannot be written to {quoted(str(path))} ({visible(reason)}); it is in "
            f"{quoted(str(elsewhere))}"
        )
    raise OSError(
        f"the trained network cannot be written to {quoted(str(path))} ({visible(reason)}), nor to the "
        "working, temporary or home folder; it is lost"
    )


def _is_same(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and os.path.samefile(one, other)
