"""Random changes of images and their labels, for training.

Each is a function of an item, an image or a pair (image, labels), for ``transform``; all random numbers come
from ``item_generator()``.
"""

from layergraph.data.augmentation.color_jitter import ColorJitter
from layergraph.data.augmentation.compose import Compose, RandomApply
from layergraph.data.augmentation.elastic_deformation import ElasticDeformation
from layergraph.data.augmentation.foreign import augment_with
from layergraph.data.augmentation.image_data_augmenter import ImageDataAugmenter, augment_image_and_label
from layergraph.data.augmentation.noise import GaussianBlur, GaussianNoise
from layergraph.data.augmentation.random_crop import RandomCrop

__all__ = [
    "ColorJitter",
    "Compose",
    "ElasticDeformation",
    "GaussianBlur",
    "GaussianNoise",
    "ImageDataAugmenter",
    "RandomApply",
    "RandomCrop",
    "augment_image_and_label",
    "augment_with",
]
