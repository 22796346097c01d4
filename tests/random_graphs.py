"""Random valid networks for hypothesis: with unpooling, joins, crops, and several inputs and outputs.

A network grows from its input layers. Each step takes existing features with known sizes, and adds a layer
that fits them. The features without a reader at the end are joined, or are outputs of the network.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

from layergraph import (
    AdditionLayer,
    AveragePooling2dLayer,
    BatchNormalizationLayer,
    ClassificationLayer,
    ClippedReluLayer,
    Convolution2dLayer,
    Crop2dLayer,
    DepthConcatenationLayer,
    DropoutLayer,
    FullyConnectedLayer,
    GlobalAveragePooling2dLayer,
    GroupedConvolution2dLayer,
    ImageInputLayer,
    Layer,
    LayerGraph,
    LeakyReluLayer,
    MaxPooling2dLayer,
    MaxUnpooling2dLayer,
    MultiplicationLayer,
    PixelClassificationLayer,
    RegressionLayer,
    ReluLayer,
    Resize2dLayer,
    SigmoidLayer,
    Size,
    SizeError,
    SoftmaxLayer,
    TransposedConv2dLayer,
)

NAMES = [
    "conv",
    "a",
    "b.c",
    "b",
    "b.c.d",
    "train",
    "loss",
    "forward",
    "weight",
    "0",
    "two words",
    "é-1",
    "it's",
]


@dataclass
class GrowingNetwork:
    """The graph so far, the size of each feature, and the features without a reader."""

    draw: st.DrawFn
    graph: LayerGraph = field(default_factory=LayerGraph)
    sizes: dict[str, Size] = field(default_factory=dict)
    unused: list[str] = field(default_factory=list)

    def name(self) -> str:
        number = len(self.graph)
        if number < len(NAMES) and NAMES[number] not in self.graph and self.draw(st.booleans()):
            return NAMES[number]
        return f"layer{number}"

    def add(self, layer: Layer, *sources: str) -> str | None:
        """Add a layer with these inputs, or return ``None`` if their sizes do not fit it."""
        try:
            sizes = layer.output_sizes([self.sizes[source] for source in sources])
        except SizeError:
            return None
        self.graph = self.graph.add_layers(layer)
        ports = layer.input_names
        for port, source in zip(ports, sources, strict=True):
            self.graph = self.graph.connect_layers(source, f"{layer.name}/{port}")
            if source in self.unused:
                self.unused.remove(source)
        outputs = layer.output_names
        for port, size in zip(outputs, sizes, strict=False):
            self.sizes[layer.name if len(outputs) == 1 else f"{layer.name}/{port}"] = size
        first = layer.name if len(outputs) == 1 else f"{layer.name}/out"
        if outputs:
            self.unused.append(first)
        return first

    def images(self) -> list[str]:
        """The features with two spatial dimensions, the newest last."""
        return [n for n, size in self.sizes.items() if size.format == "SSCB" and not n.endswith("/indices")]


NUMBERS = st.integers(1, 3)
PAIRS = st.tuples(NUMBERS, NUMBERS)
PADS = st.just("same") | st.tuples(*[st.integers(0, 2)] * 4)


@st.composite
def layer_with_one_input(draw, name: str, size: Size) -> Layer:
    """A layer with one input and one output."""
    channels = size.channels
    kind = draw(st.integers(0, 13))
    window, stride = draw(PAIRS), draw(st.tuples(*[st.integers(1, 2)] * 2))
    pool_pads = "same" if draw(st.booleans()) else (0, window[0] - 1, window[1] - 1, 0)
    return [
        lambda: Convolution2dLayer(window, draw(NUMBERS), stride=stride, padding=draw(PADS), name=name),
        lambda: Convolution2dLayer(window, draw(NUMBERS), dilation_factor=2, padding="same", name=name),
        lambda: GroupedConvolution2dLayer(window, draw(NUMBERS), "channel-wise", padding="same", name=name),
        lambda: GroupedConvolution2dLayer(window, 1, channels, stride=stride, padding=draw(PADS), name=name),
        lambda: TransposedConv2dLayer(window, draw(NUMBERS), stride=stride, cropping="same", name=name),
        lambda: TransposedConv2dLayer(window, 2, stride=stride, cropping=(0, 1, 0, 0), name=name),
        lambda: MaxPooling2dLayer(window, stride=stride, padding=pool_pads, name=name),
        lambda: AveragePooling2dLayer(window, stride=stride, padding=pool_pads, name=name),
        lambda: AveragePooling2dLayer(window, stride=stride, padding="same", padding_value="mean", name=name),
        lambda: BatchNormalizationLayer(name=name),
        lambda: DropoutLayer(0.3, name=name),
        lambda: Resize2dLayer(scale=draw(st.sampled_from([0.5, 1.5, 2])), name=name),
        lambda: Resize2dLayer(output_size=draw(PAIRS), method="bilinear", name=name),
        lambda: draw(
            st.sampled_from(
                [
                    ReluLayer(name=name),
                    LeakyReluLayer(0.1, name=name),
                    ClippedReluLayer(2, name=name),
                    SigmoidLayer(name=name),
                ]
            )
        ),
    ][kind]()


def _pool_and_unpool(g: GrowingNetwork, source: str) -> None:
    """A pooling layer, a layer that keeps the size, and the unpooling layer."""
    window = g.draw(PAIRS)
    padding = g.draw(st.sampled_from([0, "same", (0, window[0] - 1, window[1] - 1, 0)]))
    pool = MaxPooling2dLayer(
        window, stride=window, padding=padding, has_unpooling_outputs=True, name=g.name()
    )
    if g.add(pool, source) is None:
        return
    inner = g.add(ReluLayer(name=g.name()), f"{pool.name}/out")
    g.add(MaxUnpooling2dLayer(name=g.name()), str(inner), f"{pool.name}/indices", f"{pool.name}/size")


def _join(g: GrowingNetwork, source: str) -> None:
    """Add or multiply with features of the same size, or concatenate with those of the same height."""
    size = g.sizes[source]
    alike = [n for n in g.images() if g.sizes[n].spatial == size.spatial]
    others = g.draw(st.lists(st.sampled_from(alike), min_size=1, max_size=2))
    count = len(others) + 1
    kinds = [DepthConcatenationLayer]
    if all(g.sizes[n].channels in (1, size.channels) for n in others):
        kinds += [AdditionLayer, MultiplicationLayer]
    g.add(g.draw(st.sampled_from(kinds))(count, name=g.name()), source, *others)


def _crop(g: GrowingNetwork, source: str) -> None:
    small = [
        n
        for n in g.images()
        if all(a <= b for a, b in zip(g.sizes[n].spatial, g.sizes[source].spatial, strict=True))
    ]
    g.add(Crop2dLayer(g.draw(st.sampled_from(["centercrop", (1, 1)])), name=g.name()), source,
          g.draw(st.sampled_from(small)))  # fmt: skip


@st.composite
def networks(draw, *, most: int = 10, losses: bool | None = None) -> LayerGraph:
    """A valid network, with output layers if ``losses`` is True; ``None`` leaves that to chance."""
    g = GrowingNetwork(draw)
    for index in range(draw(st.sampled_from([1, 1, 1, 2]))):
        size = (draw(st.integers(3, 9)), draw(st.integers(3, 9)), draw(NUMBERS))
        how = draw(st.sampled_from(["none", "zerocenter", "rescale-symmetric"]))
        layer = ImageInputLayer(size, normalization=how, name="input" if index == 0 else "second input")
        g.graph = g.graph.add_layers(layer)
        g.sizes[layer.name] = layer.output_sizes([])[0]
        g.unused.append(layer.name)
    for _ in range(draw(st.integers(1, most))):
        source = draw(st.sampled_from(g.images()[-4:]))
        step = draw(st.integers(0, 7))
        if step < 4:
            g.add(draw(layer_with_one_input(g.name(), g.sizes[source])), source)
        elif step == 4:
            _pool_and_unpool(g, source)
        elif step == 5:
            _crop(g, source)
        else:
            _join(g, source)
    _connect_inputs(g)
    if draw(st.booleans()) if losses is None else losses:
        _end_in_losses(g)
    return g.graph


def _connect_inputs(g: GrowingNetwork) -> None:
    """If there are several inputs, pool all features without a reader to 1×1 and join them."""
    if len(g.graph.input_names) > 1:
        pooled = [str(g.add(GlobalAveragePooling2dLayer(name=g.name()), end)) for end in [*g.unused]]
        if len(pooled) > 1:
            g.add(DepthConcatenationLayer(len(pooled), name=g.name()), *pooled)
    if g.graph.input_names[0] in g.unused:  # an input layer alone is no network
        g.add(ReluLayer(name=g.name()), g.unused[0])


def _end_in_losses(g: GrowingNetwork) -> None:
    for end in [*g.unused]:
        kind = g.draw(st.integers(0, 3))
        if kind == 0:
            g.add(RegressionLayer(name=g.name()), end)
        elif kind == 1:
            scores = str(g.add(FullyConnectedLayer(3, name=g.name()), end))
            softmax = str(g.add(SoftmaxLayer(name=g.name()), scores))
            g.add(ClassificationLayer(name=g.name()), softmax)
        else:
            classes = [f"class {i}" for i in range(g.sizes[end].channels)]
            weights = [i + 0.5 for i in range(len(classes))] if g.draw(st.booleans()) else "none"
            softmax = str(g.add(SoftmaxLayer(name=g.name()), end))
            g.add(PixelClassificationLayer(classes=classes, class_weights=weights, name=g.name()), softmax)
