"""Whether the scores that a loss takes are probabilities, as far as the graph says."""

from __future__ import annotations

from collections.abc import Iterator

from layergraph.graph.graph import Graph
from layergraph.issues import Issue
from layergraph.layers import (
    AdditionLayer,
    AveragePooling2dLayer,
    AveragePooling3dLayer,
    ClippedReluLayer,
    ConcatenationLayer,
    Crop2dLayer,
    Crop3dLayer,
    DepthConcatenationLayer,
    DropoutLayer,
    GlobalAveragePooling2dLayer,
    Image3dInputLayer,
    ImageInputLayer,
    MaxPooling2dLayer,
    MaxPooling3dLayer,
    MaxUnpooling2dLayer,
    ModuleLayer,
    MultiplicationLayer,
    Pad2dLayer,
    ReluLayer,
    Resize2dLayer,
    ScalingLayer,
    SigmoidLayer,
    SoftmaxLayer,
)
from layergraph.layers.layer import Layer
from layergraph.layers.output import ClassOutput

# what makes numbers from 0 to 1 of any numbers
_PROBABLE = (SoftmaxLayer, SigmoidLayer)
# what leaves probabilities what they are: the numbers of an image, at other places
PASSING = (AveragePooling2dLayer, Crop2dLayer, Crop3dLayer, DropoutLayer, Resize2dLayer, ScalingLayer)
# what gives numbers from 0 to 1 where its inputs are such
_KEEPING = (
    AveragePooling2dLayer,
    AveragePooling3dLayer,
    ConcatenationLayer,
    Crop2dLayer,
    Crop3dLayer,
    DepthConcatenationLayer,
    GlobalAveragePooling2dLayer,
    MaxPooling2dLayer,
    MaxPooling3dLayer,
    MaxUnpooling2dLayer,
    MultiplicationLayer,
    ReluLayer,
)
# what may, as a sum of two products, or half of a sum
_MAY_KEEP = (AdditionLayer, ClippedReluLayer, DropoutLayer, Pad2dLayer, Resize2dLayer, ScalingLayer)
# what looks at all its inputs, not at the first alone
_COMBINING = (AdditionLayer, ConcatenationLayer, DepthConcatenationLayer, MultiplicationLayer)


def missing_softmax(lgraph: Graph) -> Iterator[Issue]:
    """The errors ``LG-NO-SOFTMAX``: a cross-entropy whose scores are any numbers, as those of a convolution.

    A loss of such scores is computed from the wrong numbers: it may be negative, and learns nothing. Scores
    that only running the network shows (of a torch module, or a sum of probabilities) are not reported.
    """
    for output, found in output_scores(lgraph).items():
        if found is False:
            name = lgraph.sources(output)["in"].layer
            while isinstance(lgraph[name], PASSING):
                name = lgraph.sources(name)["in"].layer
            yield Issue(
                "LG-NO-SOFTMAX",
                "error",
                output,
                "in",
                f"the loss takes probabilities, but {name!r} ({lgraph[name].type}) gives any numbers: there "
                "is no softmax between them",
                "put a SoftmaxLayer before the loss",
                others=(name,),
            )


def output_scores(lgraph: Graph) -> dict[str, bool | None]:
    """For each cross-entropy whether its scores are from 0 to 1; ``None`` where only running it shows."""
    outputs = [layer.name for layer in lgraph.layers if isinstance(layer, ClassOutput)]
    sources = [lgraph[end.layer] for name in outputs for end in lgraph.sources(name).values()]
    if all(isinstance(source, SoftmaxLayer) for source in sources):  # as most are: no pass over the graph
        return {name: True if lgraph.sources(name) else None for name in outputs}
    found: dict[str, bool | None] = {}
    for name in lgraph.order:
        layer, fed = lgraph[name], lgraph.sources(name)
        ports = layer.input_names if isinstance(layer, _COMBINING) else layer.input_names[:1]
        inputs = {found[fed[port].layer] if port in fed else None for port in ports}
        found[name] = _scores(layer, inputs)
    return {name: found[name] for name in outputs}


def _scores(layer: Layer, inputs: set[bool | None]) -> bool | None:
    """The same of one layer, from those of its inputs."""
    if isinstance(layer, _PROBABLE) or (isinstance(layer, ClippedReluLayer) and layer.ceiling <= 1):
        return True
    if isinstance(layer, ModuleLayer):
        return None
    if isinstance(layer, (ImageInputLayer, Image3dInputLayer)):
        return None if layer.normalization in ("none", "rescale-zero-one") else False
    if isinstance(layer, (*_KEEPING, *_MAY_KEEP, ClassOutput)):
        if inputs == {True}:
            return None if isinstance(layer, _MAY_KEEP) else True
        return False if inputs == {False} else None
    return False
