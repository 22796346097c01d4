"""The checks of windows: gaps and uneven overlaps, too large dilation factors, overlapping pooling."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from layergraph.analyze.checks.checked_graph import CheckedGraph
from layergraph.analyze.checks.edit import Edit
from layergraph.issues import Issue
from layergraph.layers import MaxPooling2dLayer
from layergraph.layers.transposed import TransposedConvolution
from layergraph.wording import listed, times

_LINES = ("row", "column", "plane")


def checkerboard(checked: CheckedGraph) -> Iterator[Issue]:
    """Transposed convolutions whose windows overlap unevenly: some pixels get more contributions."""
    groups: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for layer in checked.layers_of(TransposedConvolution):
        if layer.name in checked.blamed:
            continue
        pairs = [*zip(layer.filter_size, layer.stride, strict=True)]
        # a bilinear filter gives every pixel the same sum, for any size
        if any(size > stride and size % stride for size, stride in pairs) and not (
            layer.weights_initializer == "bilinear"
            and all((size + 1) // 2 == stride for size, stride in pairs)
        ):
            groups[(layer.filter_size, layer.stride, layer.crops())].append(layer)
    # one finding per kind of layer: a decoder repeats its layers at every stage
    for (size, stride, _), layers in groups.items():
        names = [layer.name for layer in layers]
        # up to the next multiple, so that the receptive field does not shrink
        better = tuple(n if n < s else -(-n // s) * s for n, s in zip(size, stride, strict=True))
        first = layers[0]
        yield Issue(
            "LG-CHECKERBOARD",
            "note",
            names[0],
            "",
            f"a {times(size)} window in steps of {times(stride)} overlaps unevenly, which shows as a "
            f"checkerboard{f' (also {listed(names[1:])})' if len(names) > 1 else ''}",
            f"use a filter size that the stride divides, such as {times(better)}",
            Edit(checked.lgraph).change(names, **_with_size(first, better)).text,
            tuple(names[1:]),
        )


def gaps(checked: CheckedGraph) -> Iterator[Issue]:
    """Transposed convolutions that leave pixels out because their window is smaller than the stride."""
    for layer in checked.layers_of(TransposedConvolution):
        pairs = zip(layer.filter_size, layer.stride, strict=True)
        if layer.name not in checked.blamed and any(size < stride for size, stride in pairs):
            size = tuple(map(max, layer.filter_size, layer.stride))
            yield Issue(
                "LG-GAPS",
                "warning",
                layer.name,
                "",
                f"a {times(layer.filter_size)} window in steps of {times(layer.stride)} leaves gaps: rows or "
                "columns that contain only the bias",
                f"use a filter size of at least the stride, such as {times(size)}",
                Edit(checked.lgraph).change([layer.name], **_with_size(layer, size)).text,
            )


def _with_size(layer: Any, size: tuple[int, ...]) -> dict[str, Any]:
    """The arguments for another filter size with an output of the same size."""
    # a larger filter enlarges the output: the crop takes the growth off both sides
    arguments: dict[str, Any] = {"filter_size": size}
    growth = [new - old for new, old in zip(size, layer.filter_size, strict=True)]
    if layer.cropping != "same":
        crops = [
            (before + n // 2, after + n - n // 2)
            for (before, after), n in zip(layer.crops(), growth, strict=True)
        ]
        arguments["cropping"] = (
            tuple(n for pair in crops for n in pair) if len(crops) == 2 else tuple(zip(*crops, strict=True))
        )
    if layer.weights is not None:
        arguments["weights"] = None
    return arguments


def degenerate_dilation(checked: CheckedGraph) -> Iterator[Issue]:
    """Dilated windows of which at most one row or column meets a small feature map."""
    groups: dict[tuple[Any, ...], list[Any]] = defaultdict(list)
    for layer in checked.layers_with_argument("dilation_factor", (1, 1)):
        size = checked.input_size(layer.name)
        if (
            size is None
            # such a max pooling may have windows without any element: an error, not a warning
            or (isinstance(layer, MaxPooling2dLayer) and layer.name in checked.blamed)
            or len(size.spatial) != len(layer.dilation_factor)
            or set(layer.dilation_factor) == {1}
        ):
            continue
        sides = zip(_LINES, layer.window().size, layer.dilation_factor, size.spatial, strict=False)
        # a map of one pixel comes from global pooling, where a 1×1 convolution is wanted
        lines = [line for line, window, dilation, n in sides if window > 1 and dilation >= n > 1]
        if lines:
            groups[(size.spatial, " and one ".join(lines))].append(layer)
    for (spatial, lines), layers in groups.items():
        names = [layer.name for layer in layers]
        edit = ""
        # with other padding, the output size depends on the dilation factor
        if all(layer.padding == "same" for layer in layers):
            edit = _reduce_dilation(checked, layers, spatial).text
        factors = ", ".join(dict.fromkeys(times(layer.dilation_factor) for layer in layers))
        yield Issue(
            "LG-DILATION",
            "warning",
            names[0],
            "",
            f"a dilation of {factors} exceeds the feature map of {times(spatial)}: each window meets it with "
            f"at most one {lines}{f' (also {listed(names[1:])})' if len(names) > 1 else ''}",
            "use larger images, less downsampling, or smaller dilation factors",
            edit,
            tuple(names[1:]),
        )


def overlaps(checked: CheckedGraph) -> Iterator[Issue]:
    """Max poolings with unpooling whose windows overlap: one position may be the maximum of several."""
    for pool in checked.layers_of(MaxPooling2dLayer):
        pairs = [*zip(pool.pool_size, pool.stride, strict=True)]
        if not pool.has_unpooling_outputs or all(size <= stride for size, stride in pairs):
            continue
        partners = [end.layer for port, end in checked.lgraph.destinations(pool.name) if port == "indices"]
        if not partners or pool.name in checked.blamed:
            continue
        size = tuple(map(min, pool.pool_size, pool.stride))
        padding = {} if pool.padding == "same" else {"padding": "same"}
        edit = Edit(checked.lgraph).change([pool.name], pool_size=size, **padding)
        # the smaller window may give another size, which no longer fits further downstream
        sizes = checked.infer_sizes_of(edit.lgraph)
        fits = sizes is not None and not sizes.errors
        restores = f"{listed(partners)} restore{'s' if len(partners) == 1 else ''}"
        yield Issue(
            "LG-OVERLAP",
            "warning",
            pool.name,
            "",
            f"{times(pool.pool_size)} windows in steps of {times(pool.stride)} overlap: where one value is "
            f"the maximum of several windows, {restores} only one of them",
            f"use a pool size of at most the stride, such as {times(size)}",
            edit.text if fits else "",
            tuple(partners),
        )


def _reduce_dilation(checked: CheckedGraph, layers: list[Any], spatial: tuple[int, ...]) -> Edit:
    """The edit that limits the dilation factors to half the feature map."""
    names_by_factor: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for layer in layers:
        smaller = (min(factor, n // 2) for factor, n in zip(layer.dilation_factor, spatial, strict=True))
        names_by_factor[tuple(max(factor, 1) for factor in smaller)].append(layer.name)
    edit = Edit(checked.lgraph)
    for factor, names in names_by_factor.items():
        edit.change(names, dilation_factor=factor)
    return edit
