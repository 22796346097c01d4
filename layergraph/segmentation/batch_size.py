"""The number of images per call of a network that fits in memory."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from layergraph.free_memory import free_memory
from layergraph.segmentation.execution import torch_module

_UNKNOWN = 8  # images of a predictor whose memory is unknown
# beyond this number, a batch gains no more speed but waits for its images longer
_MOST = {"cpu": 8, "gpu": 64}


def batch_size(net: Any, spatial: Sequence[int]) -> int:
    """The number of images of this size, (height, width) or (height, width, depth), per call.

    The results of the layers that are live at once take a quarter of the free memory of the network's device
    (the rest is for the workspace of torch's operations), but one image always runs. At most 8 images on the
    CPU, which is as fast with few, and for predictors whose memory is unknown.

    >>> from layergraph.builders import segnet_layers
    >>> net = segnet_layers((32, 32, 1), 2, 1).compile()
    >>> batch_size(net, (32, 32)), batch_size(net, (100_000, 100_000))
    (8, 1)
    """
    num_bytes = _bytes_per_pixel(net)
    if num_bytes is None:
        return _UNKNOWN
    device = next((tensor.device for tensor in torch_module(net).state_dict().values()), None)
    is_cpu = device is None or device.type == "cpu"
    fitting = int(_free_bytes(None if is_cpu else device) / 4 / (num_bytes * prod(spatial)))
    return max(1, min(fitting, _MOST["cpu" if is_cpu else "gpu"]))


def _bytes_per_pixel(net: Any) -> float | None:
    """The peak of the results that are live at once, per pixel of the image; None if it is unknown."""
    module = torch_module(net)
    # a predictor around the network may call it at other sizes, with crops or several samples
    lgraph = getattr(net, "source_graph", None)
    if lgraph is None or module is not net or len(lgraph.input_names) != 1:
        return None
    from layergraph.graph.size_inference import infer_sizes
    from layergraph.network.activation_memory import Activations, inference_peak

    sizes: Any = infer_sizes(lgraph, "network").inputs
    item_bytes = next((t.element_size() for t in net.state_dict().values() if t.is_floating_point()), 4)
    peak = inference_peak(Activations(lgraph, sizes, 1, item_bytes))
    pixels: int = prod(net.input_sizes[0][:-1])
    return peak.num_bytes / pixels


def _free_bytes(device: Any) -> int:
    """The free memory of a GPU, or of this computer without a device."""
    if device is not None and device.type == "cuda":
        import torch

        free, _ = torch.cuda.mem_get_info(device)
        # torch keeps freed memory for its next tensors
        return int(free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device))
    return free_memory()
