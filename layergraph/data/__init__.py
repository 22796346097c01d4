"""Datastores of images and pixel labels on disk, and functions to combine and count them.

The names are MATLAB's: ``imageDatastore`` is ``ImageDatastore``, ``countEachLabel`` is ``count_each_label``.
"""

from layergraph.data.array_datastore import ArrayDatastore
from layergraph.data.augmentation import (
    ColorJitter,
    Compose,
    ElasticDeformation,
    GaussianBlur,
    GaussianNoise,
    ImageDataAugmenter,
    RandomApply,
    RandomCrop,
    augment_image_and_label,
    augment_with,
)
from layergraph.data.checks.check_data import DataCheck, check_data
from layergraph.data.checks.file_issue import FileIssue
from layergraph.data.counting.class_weights import (
    effective_number_weights,
    inverse_frequency_weights,
    median_frequency_weights,
)
from layergraph.data.counting.counts import count_each_label
from layergraph.data.counting.label_frequency_chart import label_frequency_chart
from layergraph.data.counting.oversampling import oversample_rare_classes, repeat_factors
from layergraph.data.dataset_datastore import DatasetDatastore
from layergraph.data.datastore import (
    CachedDatastore,
    CombinedDatastore,
    Datastore,
    SubsetDatastore,
    TransformedDatastore,
    combine,
    transform,
)
from layergraph.data.formats.nifti_files import read_affine
from layergraph.data.image_datastore import ImageDatastore, read_image, write_image
from layergraph.data.image_labels import LabeledImageDatastore, split_each_label
from layergraph.data.label_array import LabelArray
from layergraph.data.pair_stores.augmented_image_datastore import AugmentedImageDatastore
from layergraph.data.pair_stores.pixel_label_image_datastore import PixelLabelImageDatastore
from layergraph.data.pair_stores.random_patch_extraction_datastore import RandomPatchExtractionDatastore
from layergraph.data.pixel_label_datastore import UNLABELED, PixelLabelDatastore, write_labels
from layergraph.data.randomness import item_generator, item_randomness
from layergraph.data.reader import ItemInfo
from layergraph.data.resize import resize_image, resize_labels, resize_pair
from layergraph.data.sets.camvid_classes import camvid_classes, camvid_color_map, camvid_pixel_label_ids
from layergraph.data.sets.camvid_download import camvid_datastores, download_camvid
from layergraph.data.sets.camvid_partition import partition_camvid_data
from layergraph.data.sets.camvid_resize import resize_camvid_images, resize_camvid_pixel_labels
from layergraph.data.sets.triangles import triangle_images

__all__ = [
    "UNLABELED",
    "ArrayDatastore",
    "AugmentedImageDatastore",
    "CachedDatastore",
    "ColorJitter",
    "CombinedDatastore",
    "Compose",
    "DataCheck",
    "DatasetDatastore",
    "Datastore",
    "FileIssue",
    "ElasticDeformation",
    "GaussianBlur",
    "GaussianNoise",
    "ImageDataAugmenter",
    "ImageDatastore",
    "ItemInfo",
    "LabelArray",
    "LabeledImageDatastore",
    "PixelLabelDatastore",
    "PixelLabelImageDatastore",
    "RandomApply",
    "RandomCrop",
    "RandomPatchExtractionDatastore",
    "SubsetDatastore",
    "TransformedDatastore",
    "augment_image_and_label",
    "augment_with",
    "camvid_classes",
    "camvid_color_map",
    "camvid_datastores",
    "camvid_pixel_label_ids",
    "check_data",
    "combine",
    "count_each_label",
    "download_camvid",
    "effective_number_weights",
    "inverse_frequency_weights",
    "item_generator",
    "item_randomness",
    "label_frequency_chart",
    "median_frequency_weights",
    "oversample_rare_classes",
    "partition_camvid_data",
    "read_affine",
    "read_image",
    "repeat_factors",
    "resize_camvid_images",
    "resize_camvid_pixel_labels",
    "resize_image",
    "resize_labels",
    "resize_pair",
    "split_each_label",
    "transform",
    "triangle_images",
    "write_image",
    "write_labels",
]
