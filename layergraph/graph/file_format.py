"""The file format of a layer graph: one safetensors file with the architecture as JSON in its metadata.

Nothing in such a file can run code: it holds numbers and text, and layer types come from the closed
registry of :mod:`layergraph.layers`.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from layergraph.atomic import atomic_file
from layergraph.errors import FileFormatError, LayergraphError
from layergraph.extensions import check_extension
from layergraph.graph.draft import Draft
from layergraph.graph.graph import Graph
from layergraph.graph.layer_format import check_initializers, difference, layer_from_json, layer_to_json
from layergraph.graph.sharing import shared_modules
from layergraph.layers import ModuleLayer
from layergraph.layers.layer import Layer
from layergraph.weights import Weights

if TYPE_CHECKING:
    from torch import Tensor

G = TypeVar("G", bound=Graph)

FORMAT = "layergraph 1"
EXTENSIONS = (".safetensors",)
_METADATA_ROW = re.compile(rb',?("(?:[^"\\]|\\.)*+":"(?:[^"\\]|\\.)*+")', re.DOTALL)
_LARGEST_ARCHITECTURE = 16 * 1024**2  # characters; 10,000 layers take some 2 million


def write(
    lgraph: Graph,
    path: str | os.PathLike[str],
    *,
    extra: Mapping[str, Tensor] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """See :meth:`layergraph.LayerGraph.save`.

    ``extra`` are tensors beside those of the layers, and ``metadata`` texts beside the architecture, which
    :func:`read_extra` reads. :func:`read` skips both.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    check_extension(path, EXTENSIONS, "save: path")
    for layer in lgraph.layers:
        check_initializers(layer)
    # the weights of a shared module are written once, with its first layer, unless others are attached
    owners = shared_modules(lgraph)
    weights = _weights_of(lgraph)
    tensors = {
        f"{name}/{key}": tensor.contiguous()
        for name in lgraph
        if not (name in owners and weights[name] == weights[owners[name]])
        for key, tensor in weights[name].items()
    }
    # no layer has an empty name, so that these keys are free
    tensors.update({f"/{key}": tensor.contiguous() for key, tensor in (extra or {}).items()})
    texts = {
        "format": FORMAT,
        "architecture": json.dumps(architecture(lgraph), allow_nan=False),
        **(metadata or {}),
    }
    with atomic_file(path) as temporary:
        try:
            # copies: safetensors refuses tensors that share memory
            save_file({key: tensor.clone() for key, tensor in tensors.items()}, temporary, texts)
        except SafetensorError as error:
            # safetensors turns errors of the disk into text of its own
            if (number := re.search(r"os error (\d+)", str(error))) is None:
                raise
            raise OSError(int(number[1]), os.strerror(int(number[1]))) from None
        _order_metadata(temporary)


def architecture(lgraph: Graph) -> dict[str, list[Any]]:
    """The layers and connections of a graph, for JSON."""
    owners = shared_modules(lgraph)
    return {
        "layers": [layer_to_json(layer, owners.get(layer.name)) for layer in lgraph.layers],
        "connections": [list(connection) for connection in lgraph.connections],
    }


def _order_metadata(path: Path) -> None:
    """Put the format first: safetensors orders metadata at random, and equal graphs must give equal files."""
    opening = b'{"__metadata__":{'
    # in the header alone, which keeps its length: the tensors may be gigabytes
    with path.open("r+b") as file:
        header = file.read(int.from_bytes(file.read(8), "little"))
        rows, position = [], len(opening)
        # metadata are pairs of texts, in which every quote is escaped
        while (row := _METADATA_ROW.match(header, position)) is not None:
            rows.append(row[1])
            position = row.end()
        rows.sort(key=lambda row: (not row.startswith(b'"format"'), row))
        file.seek(8)
        file.write(opening + b",".join(rows))


def read(
    path: str | os.PathLike[str],
    *,
    weights: bool = True,
    modules: Mapping[str, Any] | None = None,
) -> Graph:
    """See :func:`layergraph.load`."""
    metadata, tensors = _contents_of_graph(path, with_tensors=weights)
    with _named(path):
        return _read(metadata, tensors, modules or {})


def read_again(path: str | os.PathLike[str], lgraph: G) -> tuple[G, str]:
    """A graph with the weights of a file, and the first difference of the two architectures, else empty.

    Torch modules, functions and layers of other classes stay those of the graph, so that none is read.

    Raises:
        FileFormatError: the file is damaged.
    """
    metadata, tensors = _contents_of_graph(path, with_tensors=True)
    with _named(path):
        layers, connections = _parts(metadata)
        # through JSON, which has no tuples
        now = json.loads(json.dumps(architecture(lgraph)))
        if other := difference(now, {"layers": layers, "connections": connections}):
            return lgraph, other
        bare = lgraph.with_weights(dict.fromkeys(lgraph))
        return _with_weights(bare, tensors, shared_modules(lgraph)), ""


@contextmanager
def _named(path: str | os.PathLike[str]) -> Iterator[None]:
    """Name the file in errors."""
    try:
        yield
    except FileFormatError as error:
        raise FileFormatError(f"{str(path)!r} holds no valid layer graph: {error}") from None
    except (LayergraphError, RecursionError, OverflowError) as error:
        raise FileFormatError(f"{str(path)!r} holds no valid layer graph: {error}") from error


def _contents_of_graph(
    path: str | os.PathLike[str], *, with_tensors: bool
) -> tuple[dict[str, str], dict[str, Tensor]]:
    path = Path(path)
    if path.is_dir():
        raise FileFormatError(f"{str(path)!r} must be a file that save wrote, got a folder")
    if not path.is_file():
        raise FileNotFoundError(f"no file {str(path)!r} to load a layer graph from")
    with path.open("rb"):  # for a file without read permission, safetensors reports that there is none
        pass
    return _contents(path, (lambda key: not key.startswith("/")) if with_tensors else None)


def _contents(
    path: str | os.PathLike[str], is_wanted: Callable[[str], bool] | None
) -> tuple[dict[str, str], dict[str, Tensor]]:
    """The metadata of a file, and the tensors with wanted keys; with None, no tensors and no torch."""
    from safetensors import SafetensorError, safe_open

    try:
        # with NumPy as the framework, the architecture can be read without torch
        with safe_open(Path(path), framework="numpy" if is_wanted is None else "pt") as file:
            keys = [key for key in file.keys() if is_wanted is not None and is_wanted(key)]  # noqa: SIM118
            return file.metadata() or {}, {key: file.get_tensor(key) for key in keys}
    except (SafetensorError, OSError, ValueError) as error:
        raise FileFormatError(f"{str(path)!r} is not a safetensors file, or damaged: {error}") from None


def read_texts(path: str | os.PathLike[str]) -> dict[str, str]:
    """The texts that :func:`write` got beside the architecture, which is among them; without torch.

    Raises:
        FileFormatError: the file is damaged.
    """
    return _contents(path, None)[0]


def read_extra(path: str | os.PathLike[str]) -> tuple[dict[str, str], dict[str, Tensor]]:
    """The texts and the tensors that :func:`write` got beside the graph; the tensors by their keys.

    Raises:
        FileFormatError: the file is damaged.
    """
    metadata, tensors = _contents(path, lambda key: key.startswith("/"))
    return metadata, {key[1:]: tensor for key, tensor in tensors.items()}


def _read(metadata: Mapping[str, str], tensors: Mapping[str, Tensor], given: Mapping[str, Any]) -> Graph:
    layers, connections = _parts(metadata)
    made: list[Layer] = []
    owners: dict[str, str] = {}
    known = dict(given)
    for index, item in enumerate(layers):
        try:
            layer, owner = layer_from_json(item, known)
            made.append(layer)
            if owner:
                owners[layer.name] = owner
            # a later layer may share the module of this one
            if isinstance(layer, ModuleLayer):
                known[layer.name] = layer.module
        except LayergraphError as error:
            raise FileFormatError(f"layers[{index}]: {error}") from None
    for row in connections:
        if not (isinstance(row, list) and len(row) == 2 and all(isinstance(end, str) for end in row)):
            raise FileFormatError(f"a connection must be two names, got {row!r:.80}")
    # the same steps as edits by hand, so that a file cannot hold a graph that edits would refuse
    draft = Draft()
    draft.append(made, in_series=False)
    draft.connect_all(connections)
    return _with_weights(Graph._from_draft(draft), tensors, owners)


def _with_weights(lgraph: G, tensors: Mapping[str, Tensor], owners: Mapping[str, str]) -> G:
    """The graph with tensors by their keys in a file; ``owners`` as from :func:`shared_modules`."""
    # a layer name has no slash, so the first one ends it
    tensors_of: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        name, _, tensor_name = key.partition("/")
        tensors_of.setdefault(name, {})[tensor_name] = tensor
    for name, owner in owners.items():
        if name not in tensors_of and owner in tensors_of:
            tensors_of[name] = tensors_of[owner]
    return lgraph.with_weights({name: Weights(tensors) for name, tensors in tensors_of.items()})


def _parts(metadata: Mapping[str, str]) -> tuple[list[Any], list[Any]]:
    """The layers and the connections in the JSON of a file; their items may be anything."""
    if metadata.get("format") != FORMAT:
        raise FileFormatError(
            f"its format must be {FORMAT!r}, got {metadata.get('format')!r}; was it written by save?"
        )
    # limits and types are checked before anything is built: the file may be hostile
    text = metadata.get("architecture", "")
    if len(text) > _LARGEST_ARCHITECTURE:
        raise FileFormatError(
            f"its architecture must have at most {_LARGEST_ARCHITECTURE} characters, got {len(text)}"
        )
    try:
        parts = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_distinct)
    except (json.JSONDecodeError, RecursionError) as error:
        raise FileFormatError(f"its architecture is not JSON ({error})") from None
    except FileFormatError:
        raise
    except ValueError:  # a number of thousands of digits
        raise FileFormatError("its architecture holds a number that is too long") from None
    return _list(parts, "layers"), _list(parts, "connections")


def _list(architecture: object, key: str) -> list[Any]:
    value = architecture.get(key) if isinstance(architecture, dict) else None
    if not isinstance(value, list):
        raise FileFormatError(f"its architecture has no list {key!r}")
    return value


def _no_constant(text: str) -> float:
    raise FileFormatError(f"its architecture has {text}, which is no number")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # json keeps the last of equal keys, so that two readers could see two graphs
    distinct = dict(pairs)
    if len(distinct) < len(pairs):
        raise FileFormatError(f"its architecture has a key twice, one of {[*distinct]!r:.80}")
    return distinct


def _weights_of(lgraph: Graph) -> dict[str, Weights]:
    """The weights of each layer when it is compiled: a torch module has its own, unless others are attached
    to it or to a layer that shares them."""
    # by identity: shared tensors are one object, whatever their names in each module
    attached: dict[int, Tensor] = {}
    modules = [layer for layer in lgraph.layers if isinstance(layer, ModuleLayer)]
    tensors = {layer.name: layer.module.state_dict(keep_vars=True) for layer in modules}
    for layer in modules:
        weights = layer.weights or Weights({})
        for key, tensor in tensors[layer.name].items():
            if key in weights:
                attached.setdefault(id(tensor), weights[key])
    weights_of = {layer.name: layer.weights or Weights({}) for layer in lgraph.layers}
    for layer in modules:
        if layer.weights is None:
            own = {key: attached.get(id(t), t.detach()) for key, t in tensors[layer.name].items()}
            weights_of[layer.name] = Weights(own)
    return weights_of
