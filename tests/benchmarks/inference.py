"""Inference: a compiled network, its optimized form, and the same network hand-written in PyTorch.

    python tests/benchmarks/inference.py [--compile] [SECONDS]

The hand-written networks are plain PyTorch, as torchvision and segmentation_models.pytorch have them, whose
wheels need a CUDA build of torch. Each row gives the median ratio of neighboring runs, which alternate; below
1 the optimized one is faster. All have the same weights, with random statistics of batch normalization.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from tabulate import tabulate

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))
from compiled import CASES, paired
from handwritten_networks import copy_weights
from network_examples import with_random_statistics


def main() -> None:
    torch.manual_seed(0)
    numbers = [float(word) for word in sys.argv[1:] if word != "--compile"]
    seconds = numbers[0] if numbers else 5.0
    rows = []
    for case, (make_ours, make_theirs, shape) in CASES.items():
        net, theirs = with_random_statistics(make_ours()), make_theirs()
        copy_weights(net, theirs)
        theirs.eval()
        forms = {
            "folded": net.optimize(channels_last=False),
            "and channels last": net.optimize(),
        }
        if "--compile" in sys.argv:
            forms["and torch.compile"] = net.optimize(compile=True)
        x = torch.randn(shape)
        with torch.no_grad():
            for form, fast in forms.items():
                difference = float((fast(x) - theirs(x)).abs().max())
                ours, plain, ratio = paired(lambda: fast(x), lambda: net(x), seconds)  # noqa: B023
                *_, peer = paired(lambda: fast(x), lambda: theirs(x), seconds)  # noqa: B023
                rows.append([case, form, ours, plain, ratio, peer, f"{difference:.0e}"])
    headers = ["network", "optimized", "ms", "plain ms", "to plain", "to hand-written", "difference"]
    print(tabulate(rows, headers, floatfmt=("", "", ".2f", ".2f", ".3f", ".3f", "")))


if __name__ == "__main__":
    main()
