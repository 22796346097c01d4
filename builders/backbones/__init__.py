"""Classification networks, whole or as encoders."""

from layergraph.builders.backbones.alexnet import alexnet
from layergraph.builders.backbones.backbone import Backbone, BackboneSettings
from layergraph.builders.backbones.find_backbone import BACKBONES, find_backbone
from layergraph.builders.backbones.inceptionresnetv2 import inceptionresnetv2
from layergraph.builders.backbones.mobilenetv2 import mobilenetv2
from layergraph.builders.backbones.resnet18 import resnet18
from layergraph.builders.backbones.resnet50_101 import resnet50, resnet101
from layergraph.builders.backbones.vgg import vgg16, vgg19
from layergraph.builders.backbones.xception import xception

__all__ = [
    "BACKBONES",
    "BackboneSettings",
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
