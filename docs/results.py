"""Draw the sheet of results in segmentation.md: ``python docs/results.py``."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from layergraph.data import LabelArray, triangle_images, write_image
from layergraph.segmentation import evaluate_semantic_segmentation, results_sheet

PICTURE = Path(__file__).parent / "images" / "results-sheet.png"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        images, truth = triangle_images(folder, 32, seed=0)
        predicted = [LabelArray(np.where(image[..., 0] > 140, 0, 1), truth.classes) for image in images]
        metrics = evaluate_semantic_segmentation(predicted, truth, metrics="iou", verbose=False)
        write_image(PICTURE, results_sheet(images, truth, predicted, metrics, worst=3))


if __name__ == "__main__":
    main()
