"""The network to export, the images on which its file is checked, and the sizes that stay open."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from layergraph.errors import LayergraphError
from layergraph.graph.graph import Graph
from layergraph.graph.nearest_sizes import misfit
from layergraph.sizes import Shape

InputShapes = dict[str, tuple[int | str, ...]]
"""For each input layer the shape of its tensor; a word, such as ``"height"``, is any number."""

DIMENSIONS = ("batch", "channels", "height", "width", "depth")
_TOLERANCE = 1e-4  # of the largest score; runtimes add in another order
_STEPS = (1, 2, 4, 8, 16, 32, 64)  # rows to another image size: networks that halve need multiples


class Subject(NamedTuple):
    """A network in evaluation mode.

    Attributes:
        net: the module, which takes one tensor per input layer.
        lgraph: its graph.
        keys: the path of each layer's module in ``net``.
        result_names: the layer that computes each output.
    """

    net: nn.Module
    lgraph: Graph
    keys: Mapping[str, str]
    result_names: Sequence[str]

    def example(self) -> tuple[Tensor, ...]:
        """Random images of the sizes of the input layers, in a batch of two."""
        return self._images(2, [self._spatial(name) for name in self.lgraph.input_names])

    def other_examples(self, shapes: InputShapes) -> Iterator[tuple[Tensor, ...]]:
        """Images of another number, and of another size as well, where these are open."""
        if all(shape[0] == "batch" for shape in shapes.values()):
            yield self._images(1, [self._spatial(name) for name in self.lgraph.input_names])
            other = self._other_sizes()
            if other and all(isinstance(n, str) for shape in shapes.values() for n in shape[2:]):
                yield self._images(3, other)

    def open_dimensions(self) -> list[tuple[int, ...]]:
        """The dimensions of each input that may be open; torch fixes those that it cannot leave open."""
        # torch would leave the size open before a fully connected layer, too, if the product is right
        is_open = self._other_sizes() is not None
        ranks = (len(self._spatial(name)) for name in self.lgraph.input_names)
        return [(0, *range(2, 2 + is_open * rank)) for rank in ranks]

    def shapes(self, shapes: Sequence[Sequence[object]]) -> InputShapes:
        """The shapes of the inputs of an exported program: numbers stay, and symbols become words."""
        named = zip(self.lgraph.input_names, shapes, strict=True)
        return {
            name: tuple(n if isinstance(n, int) else DIMENSIONS[i] for i, n in enumerate(shape))
            for name, shape in named
        }

    def check(self, call: str, inputs: Sequence[Tensor], results: Sequence[Tensor]) -> None:
        """Raise an error if the results differ from those of the network."""
        expected = self.net(*inputs)
        expected = expected if isinstance(expected, tuple) else (expected,)
        for name, ours, theirs in zip(self.result_names, expected, results, strict=True):
            ours = ours.cpu()
            largest = max(float(ours.abs().max()), 1.0)
            if ours.shape != theirs.shape or not torch.allclose(
                theirs, ours, rtol=0, atol=_TOLERANCE * largest, equal_nan=True
            ):
                sizes = [tuple(x.shape) for x in inputs]
                raise LayergraphError(
                    f"{call}: the file must give the scores of the network, got others at {name!r} for "
                    f"inputs of shape {', '.join(map(str, sizes))}; nothing is written"
                )

    def _other_sizes(self) -> list[Shape] | None:
        """Sizes of images other than those of the input layers, if the network takes any."""
        names = self.lgraph.input_names
        for step in _STEPS:
            # another step in each direction, so that height and width cannot be mistaken for each other
            sizes = [tuple(n + step * (i + 1) for i, n in enumerate(self._spatial(name))) for name in names]
            if not misfit(self.lgraph, dict(zip(names, sizes, strict=True))):
                return sizes
        return None

    def _spatial(self, name: str) -> Shape:
        layer: Any = self.lgraph[name]
        return tuple(layer.input_size[:-1])

    def _images(self, batch: int, sizes: Sequence[Shape]) -> tuple[Tensor, ...]:
        # a generator of its own: an export leaves torch's random numbers as they are
        generator = torch.Generator().manual_seed(0)
        like = next((t for t in self.net.state_dict().values() if t.is_floating_point()), torch.zeros(()))
        images = []
        for name, size in zip(self.lgraph.input_names, sizes, strict=True):
            layer: Any = self.lgraph[name]
            image = torch.rand((batch, layer.input_size[-1], *size), generator=generator)
            image = _in_range(image, self.net.get_submodule(self.keys[name]))
            images.append(image.to(like.device, like.dtype))
        return tuple(images)


def _in_range(image: Tensor, normalization: nn.Module) -> Tensor:
    """Numbers from 0 to 1 as pixels that the normalization brings to about -1 to 1."""
    statistics = {name: tensor.cpu().float() for name, tensor in normalization.named_buffers()}
    if "max" in statistics:
        return statistics["min"] + image * (statistics["max"] - statistics["min"])
    if "mean" in statistics:
        return statistics["mean"] + (2 * image - 1) * statistics.get("standard_deviation", 1.0)
    return image
