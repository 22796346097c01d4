"""The backbones by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from layergraph.builders.backbones.alexnet import ALEXNET
from layergraph.builders.backbones.backbone import Backbone
from layergraph.builders.backbones.inceptionresnetv2 import INCEPTIONRESNETV2
from layergraph.builders.backbones.mobilenetv2 import MOBILENETV2
from layergraph.builders.backbones.resnet18 import RESNET18
from layergraph.builders.backbones.resnet50_101 import RESNET50, RESNET101
from layergraph.builders.backbones.vgg import VGG16, VGG19
from layergraph.builders.backbones.xception import XCEPTION
from layergraph.errors import ArgumentError, did_you_mean
from layergraph.wording import quoted

BACKBONES: Mapping[str, Backbone] = {
    backbone.name: backbone
    for backbone in (
        ALEXNET,
        INCEPTIONRESNETV2,
        MOBILENETV2,
        RESNET101,
        RESNET18,
        RESNET50,
        VGG16,
        VGG19,
        XCEPTION,
    )
}


def find_backbone(
    builder: str, name: object, choices: Collection[str] = BACKBONES, argument: str = "backbone"
) -> Backbone:
    """The backbone of this name, one of ``choices``.

    Raises:
        ArgumentError: the name is not among the choices; the message, in the name of ``builder``, suggests
            the nearest.
    """
    if not isinstance(name, str) or name not in choices:
        raise ArgumentError(
            f"{builder}: {argument} must name a classification network that it supports, got "
            f"{quoted(name)}{did_you_mean(str(name), choices)}"
        )
    return BACKBONES[name]
