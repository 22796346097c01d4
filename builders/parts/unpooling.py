"""Networks that unpool by the indices of their poolings: connections, and the image sizes they accept."""

from __future__ import annotations

from collections.abc import Sequence

from layergraph.builders.parts.builder_arguments import size_error
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import Layer, MaxPooling2dLayer, MaxUnpooling2dLayer


def with_unpooling(layers: Sequence[Layer]) -> LayerGraph:
    """Layers in series; each unpooling gets indices and size of its pooling, paired like brackets.

    >>> from layergraph import ImageInputLayer
    >>> pooling = MaxPooling2dLayer(2, stride=2, has_unpooling_outputs=True)
    >>> with_unpooling([ImageInputLayer((9, 9, 1)), pooling, MaxUnpooling2dLayer()]).connections[-1]
    Connection(source='maxpool/size', destination='maxunpool/size')
    """
    lgraph = LayerGraph(layers)
    pooled: list[str] = []
    for name in lgraph:
        if isinstance(lgraph[name], MaxPooling2dLayer):
            pooled.append(name)
        elif isinstance(lgraph[name], MaxUnpooling2dLayer):
            pooling = pooled.pop()
            for port in ("indices", "size"):
                lgraph = lgraph.connect_layers(f"{pooling}/{port}", f"{name}/{port}")
    return lgraph


def check_poolings(builder: str, image_size: Sequence[int], depth: int) -> None:
    """Raise unless the image is large enough; any larger size fits, because unpooling restores odd sizes.

    Raises:
        ArgumentError: the image is smaller than 2^depth; the message names that size.
    """
    for what, n in zip(("height", "width"), image_size, strict=False):
        # A smaller image has no row left at the last pooling.
        if n < 2**depth:
            raise size_error(builder, f"an image {what} of {n} does not fit {depth} poolings", [2**depth])
