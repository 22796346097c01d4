"""Classification networks, whole or as the encoders of others; one file a network."""

from layergraph.builders.backbones.alexnet import alexnet
from layergraph.builders.backbones.backbone import Architecture, Backbone
from layergraph.builders.backbones.backbones import BACKBONES, find_backbone
from layergraph.builders.backbones.inceptionresnetv2 import inceptionresnetv2
from layergraph.builders.backbones.mobilenetv2 import mobilenetv2
from layergraph.builders.backbones.resnet18 import resnet18
from layergraph.builders.backbones.resnet50 import resnet50
from layergraph.builders.backbones.resnet101 import resnet101
from layergraph.builders.backbones.vgg16 import vgg16
from layergraph.builders.backbones.vgg19 import vgg19
from layergraph.builders.backbones.xception import xception

__all__ = [
    "BACKBONES",
    "Architecture",
    "Backbone",
    "alexnet",
    "find_backbone",
    "inceptionresnetv2",
    "mobilenetv2",
    "resnet18",
    "resnet50",
    "resnet101",
    "vgg16",
    "vgg19",
    "xception",
]
