"""Classification networks, whole or as the encoders of others; one file a network."""

from layergraph.builders.backbones.alexnet import alexnet
from layergraph.builders.backbones.backbone import Architecture, Backbone
from layergraph.builders.backbones.registry import BACKBONES, find_backbone
from layergraph.builders.backbones.resnet18 import resnet18
from layergraph.builders.backbones.vgg16 import vgg16
from layergraph.builders.backbones.vgg19 import vgg19
from layergraph.builders.backbones.xception import xception

__all__ = [
    "BACKBONES",
    "Architecture",
    "Backbone",
    "alexnet",
    "find_backbone",
    "resnet18",
    "vgg16",
    "vgg19",
    "xception",
]
