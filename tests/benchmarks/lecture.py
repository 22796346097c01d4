"""The lecture's two trainings, on drawn triangles, over three seeds.

    python tests/benchmarks/lecture.py

SGDM, learning rate 1e-3, 200 images of 32×32, mini-batches of 128, 20 epochs. The lecture prints 71.58 %
(SegNet, encoder depth 2) and 96.98 % (U-Net) as the last mini-batch accuracy.
"""

from __future__ import annotations

import tempfile

from layergraph.builders import segnet_layers, unet_layers
from layergraph.data import combine, triangle_images
from layergraph.training import TrainingOptions, train_network

NETWORKS = {
    "SegNet": (lambda: segnet_layers((32, 32, 1), 2, 2), 71.58),
    "U-Net": (lambda: unet_layers((32, 32, 1), 2), 96.98),
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        data = combine(*triangle_images(folder, 200))
        for name, (build, lecture) in NETWORKS.items():
            for seed in range(3):
                print(f"\n{name}, seed {seed}; the lecture reaches {lecture} %")
                options = TrainingOptions(
                    "sgdm", initial_learn_rate=1e-3, max_epochs=20, verbose_frequency=10, seed=seed
                )
                train_network(data, build(), options)


if __name__ == "__main__":
    main()
