"""Scores and losses: a softmax before each loss, one only, over more than one class."""

from __future__ import annotations

from collections.abc import Iterator

from layergraph.analyze.checks.edit import Edit
from layergraph.analyze.checks.subject import Subject
from layergraph.draft import End
from layergraph.issues import Issue
from layergraph.layers import (
    AveragePooling2dLayer,
    Crop2dLayer,
    Crop3dLayer,
    DropoutLayer,
    ModuleLayer,
    MultiplicationLayer,
    Resize2dLayer,
    ScalingLayer,
    SigmoidLayer,
    SoftmaxLayer,
)
from layergraph.layers.layer import Layer
from layergraph.layers.output import ClassOutput

# what leaves probabilities what they are
_PASSING = (AveragePooling2dLayer, Crop2dLayer, Crop3dLayer, DropoutLayer, Resize2dLayer, ScalingLayer)
# what may give probabilities in another way than by softmax
_PROBABLE = (SoftmaxLayer, ModuleLayer, SigmoidLayer, MultiplicationLayer)


def missing_softmax(subject: Subject) -> Iterator[Issue]:
    """A cross-entropy whose scores are no probabilities."""
    for layer in subject.of(ClassOutput):
        passed = [*subject.back(layer.name, _passes)]
        if not passed or isinstance(passed[-1], (*_PROBABLE, *_PASSING)):
            continue
        source = passed[-1]
        befores = [subject.lgraph[end.layer] for end in subject.lgraph.sources(source.name).values()]
        if len(source.input_names) > 1 and any(isinstance(one, (*_PROBABLE, *_PASSING)) for one in befores):
            continue  # each of several branches may end in a softmax
        edit = Edit(subject.lgraph)
        yield Issue(
            "LG-NO-SOFTMAX",
            "warning",
            layer.name,
            "in",
            f"the loss takes probabilities, but {source.name!r} ({source.type}) gives any numbers: no "
            "softmax stands between them",
            "put a SoftmaxLayer before the loss",
            edit.insert(SoftmaxLayer(name=edit.free_name("softmax")), End(layer.name, "in")).text,
            (source.name,),
        )


def double_softmax(subject: Subject) -> Iterator[Issue]:
    """A softmax of a softmax, which makes the scores nearly equal and lets training crawl."""
    for layer in subject.of(SoftmaxLayer):
        passed = [*subject.back(layer.name, _passes)]
        if passed and isinstance(passed[-1], SoftmaxLayer):
            first = passed[-1]
            yield Issue(
                "LG-DOUBLE-SOFTMAX",
                "warning",
                layer.name,
                "in",
                f"its input is probabilities already, from {first.name!r}: a second softmax makes them "
                "nearly equal",
                "remove one of the two",
                Edit(subject.lgraph).bypass(layer.name).text,
                (first.name,),
            )


def _passes(layer: Layer) -> bool:
    return isinstance(layer, _PASSING)


def one_class(subject: Subject) -> Iterator[Issue]:
    """A softmax over a single channel, which is 1 whatever comes in."""
    for layer in subject.of(SoftmaxLayer):
        size = subject.input_size(layer.name)
        if size is not None and size.channels == 1:
            yield Issue(
                "LG-ONE-CLASS",
                "warning",
                layer.name,
                "in",
                f"the softmax is over 1 channel ({size}), so that every score is 1 and nothing is learned",
                "give the layer of scores one filter a class, the background too: 2 at least",
            )
